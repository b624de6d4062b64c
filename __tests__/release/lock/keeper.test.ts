import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../../src/errors.js';
import type { Lock } from '../../../src/release/lock/lock.js';
import { manualClock, settle, type ManualClock } from '../../support/clock.js';
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

async function held(): Promise<{ cluster: MemoryCluster; clock: ManualClock; lock: Lock; lines: readonly string[] }> {
  const cluster = memoryCluster();
  const clock = manualClock();
  const { lock, log } = contender(cluster, 1, { clock });
  return { cluster, clock, lock: await lock, lines: log.lines };
}

const renewals = (cluster: MemoryCluster) => cluster.calls.filter(call => call.startsWith('REPLACE'));

function refuseRenewals(cluster: MemoryCluster, error = noAnswer): void {
  cluster.before = call => {
    if (call.startsWith('REPLACE')) throw error;
  };
}

/** Whether the promise is settled by now, and how. */
function watchOf(work: Promise<void>): () => string {
  let state = 'pending';
  work.then(
    () => (state = 'ready'),
    () => (state = 'refused'),
  );
  return () => state;
}

describe('a lock that is held', () => {
  it('is renewed every ten seconds until its release, and a write may be sent all the time', async () => {
    const { cluster, clock, lock } = await held();
    for (let second = 0; second < 600; second += 1) {
      await pass(1, clock);
      expect(lock.fence.isOpen()).toBe(true);
    }
    expect(renewals(cluster)).toHaveLength(60);
    await lock.release();
    await pass(60, clock);
    expect(renewals(cluster)).toHaveLength(60);
    expect(lock.lost.aborted).toBe(false);
  });

  it('is renewed although another client changes an annotation of the Lease', async () => {
    const { cluster, clock, lock } = await held();
    changeLease(cluster);
    await pass(10, clock);
    expect(lock.lost.aborted).toBe(false);
    await pass(25, clock);
    expect(lock.fence.isOpen()).toBe(true);
    await lock.release();
  });

  it('is renewed once at a time: with a slow answer a second renewal would look like a loss', async () => {
    const { cluster, clock, lock } = await held();
    const replace = cluster.replace.bind(cluster);
    let answer: () => void = () => undefined;
    cluster.replace = async object => {
      await new Promise<void>(resolve => (answer = resolve));
      return replace(object);
    };
    await pass(25, clock);
    answer();
    await settle();
    expect(renewals(cluster)).toHaveLength(1);
    cluster.replace = replace;
    await pass(10, clock);
    expect(renewals(cluster)).toHaveLength(2);
    expect(lock.lost.aborted).toBe(false);
    // The slow renewal counts from when it was sent.
    expect(lock.fence.isOpen()).toBe(true);
  });

  it('is lost when somebody deletes its Lease, and does not create it again: another run may have held it in between', async () => {
    const { cluster, clock, lock } = await held();
    cluster.store.remove(lockRef);
    await pass(10, clock);
    expect([lock.lost.aborted, lock.fence.isOpen()]).toEqual([true, false]);
    expect(lock.lost.reason).toMatchObject({
      code: 'locked',
      object: 'Lease shop/cutover-web',
      message: 'Lease shop/cutover-web was deleted, so another run may have held it: this run writes nothing any more',
    });
    expect(await errorOf(lock.fence.ready())).toBe(lock.lost.reason);
    await pass(60, clock);
    await lock.release();
    expect(liveLease(cluster)).toBeUndefined();
    expect(cluster.writes()).toEqual(['CREATE Lease shop/cutover-web', 'REPLACE Lease shop/cutover-web']);
  });

  it('is lost when somebody deletes its Lease and another run creates its own', async () => {
    const { cluster, clock, lock } = await held();
    cluster.store.remove(lockRef);
    const other = await contender(cluster, 2, { clock }).lock;
    await pass(10, clock);
    expect([lock.lost.aborted, lock.fence.isOpen()]).toEqual([true, false]);
    expect([other.lost.aborted, other.fence.isOpen()]).toEqual([false, true]);
  });

  it('is lost to a run that creates the deleted Lease after a renewal did not find it, and is left to that run', async () => {
    const { cluster, clock, lock } = await held();
    cluster.store.remove(lockRef);
    cluster.before = call => {
      if (!call.startsWith('GET')) return;
      cluster.before = () => undefined;
      cluster.given(foreignLease());
    };
    await pass(10, clock);
    expect([lock.lost.aborted, lock.fence.isOpen()]).toEqual([true, false]);
    expect(lock.lost.reason).toMatchObject({
      message: `Lease shop/cutover-web was taken over by ${runOf(9).url}: this run writes nothing any more`,
    });
    await lock.release();
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(9) });
  });
});

describe('a lock that cannot be renewed', () => {
  it('holds writes back, loses nothing, and lets them go on after the next renewal', async () => {
    const { cluster, clock, lock, lines } = await held();
    refuseRenewals(cluster);
    await pass(29, clock);
    expect(lock.fence.isOpen()).toBe(true);
    await pass(1, clock);
    expect(lock.fence.isOpen()).toBe(false);
    const ready = watchOf(lock.fence.ready());
    // The Lease itself is over after 60 s, and nobody has taken it.
    await pass(40, clock);
    expect([ready(), lock.lost.aborted]).toEqual(['pending', false]);
    cluster.before = () => undefined;
    await pass(10, clock);
    expect([ready(), lock.lost.aborted, lock.fence.isOpen()]).toEqual(['ready', false, true]);
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(1) });
    expect(lines).toEqual(Array.from({ length: 7 }, () => 'The lock could not be renewed yet: no answer'));
    await lock.release();
  });

  it('refuses a write that has waited for twice the duration of the Lease', async () => {
    const { cluster, clock, lock } = await held();
    refuseRenewals(cluster);
    await pass(30, clock);
    const ready = lock.fence.ready();
    const state = watchOf(ready);
    await pass(119, clock);
    expect(state()).toBe('pending');
    await pass(1, clock);
    expect(await errorOf(ready)).toMatchObject({
      code: 'locked',
      object: 'Lease shop/cutover-web',
      message: `Lease shop/cutover-web could not be renewed, so ${runOf(1).url} cannot prove that it holds the release`,
    });
    expect(lock.lost.aborted).toBe(false);
  });

  it('counts a renewal from when it was sent, not from when it was answered', async () => {
    const { cluster, clock, lock } = await held();
    const replace = cluster.replace.bind(cluster);
    cluster.replace = async object => {
      cluster.replace = () => Promise.reject(noAnswer);
      await clock.wait(5000, new AbortController().signal);
      return replace(object);
    };
    // Sent after 10 s, answered after 15 s.
    await pass(39, clock);
    expect(lock.fence.isOpen()).toBe(true);
    await pass(1, clock);
    expect(lock.fence.isOpen()).toBe(false);
  });

  it('is renewed by a request whose answer is lost: the next one goes on from there', async () => {
    const { cluster, clock, lock } = await held();
    const replace = cluster.replace.bind(cluster);
    cluster.replace = async object => {
      cluster.replace = replace;
      await replace(object);
      throw noAnswer;
    };
    await pass(35, clock);
    expect([lock.lost.aborted, lock.fence.isOpen()]).toEqual([false, true]);
  });
});

describe('a lock that may not be renewed any more', () => {
  const hint = 'Missing rule: {apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["update"]}.';
  const forbidden = new CutoverError('no right to update leases', { code: 'forbidden', status: 403, hint });
  const unauthorized = new CutoverError('the token has expired', { code: 'unauthorized', status: 401, hint });

  it.each([
    ['is forbidden', forbidden],
    ['needs other credentials', unauthorized],
  ])('ends the step when a write may not be sent any more: to renew it %s', async (_what, error) => {
    const { cluster, clock, lock } = await held();
    refuseRenewals(cluster, error);
    await pass(29, clock);
    expect([lock.lost.aborted, lock.fence.isOpen()]).toEqual([false, true]);
    await pass(1, clock);
    expect([lock.lost.aborted, lock.fence.isOpen()]).toEqual([true, false]);
    expect(lock.lost.reason).toMatchObject({
      code: error.code,
      object: 'Lease shop/cutover-web',
      message: `Lease shop/cutover-web can no longer be renewed: ${error.message}. This step writes nothing any more`,
      hint: `${hint} Then run this step again: what it began is on record.`,
    });
    expect(await errorOf(lock.fence.ready())).toBe(lock.lost.reason);
    cluster.calls.length = 0;
    await pass(60, clock);
    expect(cluster.calls).toEqual([]);
  });

  it('is released all the same: nobody has taken it, and the next run need not wait', async () => {
    const { cluster, clock, lock } = await held();
    refuseRenewals(cluster, forbidden);
    await pass(30, clock);
    await lock.release();
    expect(liveLease(cluster)).toBeUndefined();
  });

  it('is left to another run that has taken it', async () => {
    const { cluster, clock, lock } = await held();
    refuseRenewals(cluster, forbidden);
    await pass(30, clock);
    cluster.before = () => undefined;
    changeLease(cluster, { holderIdentity: holderOf(2) });
    await lock.release();
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(2) });
  });

  it('goes on when the refusals end before that, as those of an API server that starts do', async () => {
    const { cluster, clock, lock } = await held();
    refuseRenewals(cluster, forbidden);
    await pass(20, clock);
    cluster.before = () => undefined;
    await pass(60, clock);
    expect([lock.lost.aborted, lock.fence.isOpen()]).toEqual([false, true]);
    await lock.release();
  });
});

describe('a lock that another run has taken over', () => {
  it('is lost: writes that wait are refused, and none is sent any more', async () => {
    const { cluster, clock, lock } = await held();
    refuseRenewals(cluster);
    await pass(35, clock);
    const ready = lock.fence.ready();
    const refused = errorOf(ready);
    cluster.before = () => undefined;
    changeLease(cluster, { holderIdentity: holderOf(2) });
    await pass(10, clock);
    const lost = {
      code: 'locked',
      object: 'Lease shop/cutover-web',
      message: expect.stringMatching(
        /^Lease shop\/cutover-web was taken over by .*: this run writes nothing any more$/,
      ) as unknown,
    };
    expect(await refused).toMatchObject(lost);
    expect(lock.lost.reason).toMatchObject(lost);
    expect(await errorOf(lock.fence.ready())).toMatchObject(lost);
    expect(lock.fence.isOpen()).toBe(false);
  });

  it('is neither renewed nor released any more', async () => {
    const { cluster, clock, lock } = await held();
    changeLease(cluster, { holderIdentity: holderOf(2) });
    await pass(10, clock);
    cluster.calls.length = 0;
    await pass(60, clock);
    await lock.release();
    expect(cluster.calls).toEqual([]);
  });
});

describe('releasing the lock', () => {
  it('leaves a Lease that another run took in the meantime', async () => {
    const { cluster, lock } = await held();
    changeLease(cluster, { holderIdentity: holderOf(2) });
    await lock.release();
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(2) });
  });

  it('leaves a Lease that another run created after ours was deleted', async () => {
    const { cluster, lock } = await held();
    cluster.store.remove(lockRef);
    cluster.given(foreignLease());
    await lock.release();
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(9) });
  });

  it.each<[string, (cluster: MemoryCluster) => void]>([
    ['another client changed an annotation of it', changeLease],
    ['somebody deleted it', cluster => cluster.store.remove(lockRef)],
  ])('works although %s', async (_what, happen) => {
    const { cluster, lock } = await held();
    happen(cluster);
    await lock.release();
    expect(liveLease(cluster)).toBeUndefined();
  });

  it('waits for a renewal that is under way, whose version it deletes', async () => {
    const { cluster, clock, lock } = await held();
    const replace = cluster.replace.bind(cluster);
    let answer: () => void = () => undefined;
    cluster.replace = async object => {
      await new Promise<void>(resolve => (answer = resolve));
      return replace(object);
    };
    await pass(10, clock);
    const released = lock.release();
    await settle();
    expect(liveLease(cluster)).toBeDefined();
    answer();
    await released;
    expect(liveLease(cluster)).toBeUndefined();
  });

  it('closes the fence first: what is still about to be written is refused', async () => {
    const { cluster, clock, lock } = await held();
    refuseRenewals(cluster);
    await pass(30, clock);
    const waiting = errorOf(lock.fence.ready());
    await lock.release();
    expect(lock.fence.isOpen()).toBe(false);
    const refused = {
      code: 'locked',
      message: 'Lease shop/cutover-web is released: this step writes nothing any more',
    };
    expect(await waiting).toMatchObject(refused);
    expect(await errorOf(lock.fence.ready())).toMatchObject(refused);
    expect(lock.lost.aborted).toBe(false);
  });

  it('is tried three times, and then an error', async () => {
    const { cluster, lock } = await held();
    cluster.before = call => {
      if (call.startsWith('REMOVE')) throw new CutoverError('no right to delete', { code: 'forbidden' });
    };
    cluster.calls.length = 0;
    expect(await errorOf(lock.release())).toMatchObject({
      code: 'locked',
      message: 'Lease shop/cutover-web could not be deleted: no right to delete',
    });
    expect(cluster.writes()).toHaveLength(3);
  });
});
