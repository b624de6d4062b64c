import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../../src/errors.js';
import { manualClock, settle } from '../../support/clock.js';
import { memoryCluster, type MemoryCluster } from '../../support/cluster/memory-cluster.js';
import {
  changeLease,
  contender,
  errorOf,
  foreignLease,
  holderOf,
  leaseSpec,
  liveLease,
  lockRef,
  noAnswer,
  pass,
} from '../../support/strategies/lock.js';
import { runOf } from '../../support/strategies/context.js';

const leaseCalls = (cluster: MemoryCluster) => cluster.calls.filter(call => call.includes('Lease'));

describe('the lock of a release', () => {
  it('is had by creating the Lease, and no request more', async () => {
    const cluster = memoryCluster();
    const lock = await contender(cluster, 1, { clock: manualClock() }).lock;
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(1), leaseDurationSeconds: 60 });
    expect(leaseCalls(cluster)).toEqual(['CREATE Lease shop/cutover-web']);
    expect([lock.waited, lock.lost.aborted, lock.fence.isOpen()]).toEqual([false, false, true]);
    await lock.fence.ready();
    await lock.release();
  });

  it('exists only while it is held', async () => {
    const cluster = memoryCluster();
    const lock = await contender(cluster, 1, { clock: manualClock() }).lock;
    await lock.release();
    expect(liveLease(cluster)).toBeUndefined();
    expect(leaseCalls(cluster)).toEqual(['CREATE Lease shop/cutover-web', 'REMOVE Lease shop/cutover-web']);
  });

  it('is refused at once while another run holds it, where nobody wants to wait: with that run and when to try again', async () => {
    const cluster = memoryCluster();
    const lock = await contender(cluster, 1, { clock: manualClock() }).lock;
    const second = contender(cluster, 2, { clock: manualClock(), timeoutMs: 0 });
    expect(await errorOf(second.lock)).toMatchObject({
      code: 'locked',
      object: 'Lease shop/cutover-web',
      message: `Another run still holds release web: ${runOf(1).url}`,
      hint: 'Run this step again when that run is over. If it is dead, its lock can be taken over 90 s after its last renewal; a `lock-timeout` of more than that waits for it.',
    });
    expect(second.log.lines).toEqual([]);
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(1) });
    await lock.release();
  });

  it.each([
    ['has no holder any more', { holderIdentity: '' }],
    ['was last renewed long ago', { renewTime: '2020-01-01T00:00:00.000000Z' }],
  ])('is refused at once even if the Lease %s: nobody knows how long it has been so', async (_what, spec) => {
    const cluster = memoryCluster();
    cluster.given(foreignLease(spec));
    expect(await errorOf(contender(cluster, 1, { clock: manualClock() }).lock)).toMatchObject({ code: 'locked' });
    expect(cluster.writes()).toEqual(['CREATE Lease shop/cutover-web']);
  });

  it('is not had without permission: the error is passed on', async () => {
    const cluster = memoryCluster();
    const cause = new CutoverError('no right to create leases', { code: 'forbidden' });
    cluster.before = () => {
      throw cause;
    };
    expect(await errorOf(contender(cluster, 1, { clock: manualClock() }).lock)).toBe(cause);
    expect(cluster.calls).toHaveLength(1);
  });

  it('goes to one of two runs that ask at once', async () => {
    const cluster = memoryCluster();
    const clock = manualClock();
    const both = [contender(cluster, 1, { clock }), contender(cluster, 2, { clock })];
    await Promise.allSettled(both.map(({ lock }) => lock));
    expect(both.map(({ state }) => state()).sort()).toEqual(['held', 'refused']);
  });
});

describe('a create of the Lease', () => {
  it('whose answer is lost has taken the lock', async () => {
    const cluster = memoryCluster();
    const create = cluster.create.bind(cluster);
    cluster.create = object => create(object).then(() => Promise.reject(noAnswer));
    const { lock, log } = contender(cluster, 1, { clock: manualClock() });
    expect((await lock).waited).toBe(false);
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(1), leaseTransitions: 0 });
    expect(log.lines).toEqual([]);
    await (await lock).release();
    expect(liveLease(cluster)).toBeUndefined();
  });

  it('that arrives only after it was given up has taken the lock, and counts from the moment at which it was sent', async () => {
    const cluster = memoryCluster();
    const clock = manualClock();
    const create = cluster.create.bind(cluster);
    let late: (() => Promise<unknown>) | undefined;
    cluster.create = async object => {
      if (late !== undefined) return create(object);
      late = () => create(object);
      await clock.advance(29_500);
      throw noAnswer;
    };
    const first = contender(cluster, 1, { clock });
    await settle();
    await late!();
    await pass(1, clock);
    const { fence } = await first.lock;
    // It was sent 30 s before, so a write that begins now may end after another run has taken the lock over.
    expect(fence.isOpen()).toBe(false);
    await pass(10, clock);
    expect(fence.isOpen()).toBe(true);
  });

  it('is repeated while the API server cannot answer', async () => {
    const cluster = memoryCluster();
    const clock = manualClock();
    let failures = 2;
    cluster.before = call => {
      if (call.startsWith('CREATE') && failures-- > 0) throw noAnswer;
    };
    const first = contender(cluster, 1, { clock });
    await pass(5, clock);
    expect(first.state()).toBe('held');
    expect(cluster.writes()).toHaveLength(3);
  });

  it('is given up after five failures, with the last one', async () => {
    const cluster = memoryCluster();
    const clock = manualClock();
    cluster.before = call => {
      if (call.startsWith('CREATE')) throw noAnswer;
    };
    const first = contender(cluster, 1, { clock });
    await pass(30, clock);
    expect(await errorOf(first.lock)).toBe(noAnswer);
    expect(cluster.writes()).toHaveLength(5);
  });

  it('is not repeated once the run is cancelled', async () => {
    const cluster = memoryCluster();
    const cancel = new AbortController();
    cluster.before = call => {
      if (call.startsWith('CREATE')) throw noAnswer;
    };
    const first = contender(cluster, 1, { clock: manualClock(), signal: cancel.signal });
    await settle();
    cancel.abort();
    expect(await errorOf(first.lock)).toMatchObject({ code: 'cancelled' });
    expect(cluster.writes()).toHaveLength(1);
  });

  it('is repeated at once when the Lease in its way was deleted before it could be read', async () => {
    const cluster = memoryCluster();
    cluster.given(foreignLease());
    cluster.before = call => {
      if (call.startsWith('GET')) cluster.store.remove(lockRef);
    };
    const { lock } = contender(cluster, 1, { clock: manualClock() });
    expect((await lock).waited).toBe(false);
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(1) });
  });
});

describe('the lock that a dead process left', () => {
  it('is taken over at once by the step that cleans up after it', async () => {
    const cluster = memoryCluster();
    cluster.given(foreignLease({ leaseTransitions: 2 }));
    const after = contender(cluster, 1, { clock: manualClock(), after: holderOf(9) });
    const lock = await after.lock;
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(1), leaseTransitions: 3 });
    await lock.release();
    expect(liveLease(cluster)).toBeUndefined();
  });

  it('is not that of another run, which is left to it', async () => {
    const cluster = memoryCluster();
    cluster.given(foreignLease());
    const after = contender(cluster, 1, { clock: manualClock(), after: holderOf(8) });
    expect(await errorOf(after.lock)).toMatchObject({ code: 'locked' });
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(9) });
  });

  it('is taken over although another client changes an annotation of it in between', async () => {
    const cluster = memoryCluster();
    cluster.given(foreignLease());
    cluster.before = call => {
      if (!call.startsWith('REPLACE')) return;
      cluster.before = () => undefined;
      changeLease(cluster);
    };
    await contender(cluster, 1, { clock: manualClock(), after: holderOf(9) }).lock;
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(1) });
  });
});
