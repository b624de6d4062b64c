import { describe, expect, it } from '@jest/globals';
import type { WriteFence } from '../../src/cluster/http/write-fence.js';
import { CutoverError } from '../../src/errors.js';
import { openRecords } from '../../src/release/records.js';
import { newRolling } from '../../src/release/state.js';
import { begin } from '../../src/release/transitions.js';
import { stepLock, type StepLock } from '../../src/run/step-lock.js';
import type { PostState } from '../../src/run/post-state.js';
import { manualClock, settle, type ManualClock } from '../support/clock.js';
import { memoryCluster, type MemoryCluster } from '../support/cluster/memory-cluster.js';
import { listLog } from '../support/log.js';
import { runOf } from '../support/strategies/context.js';
import { deployment } from '../support/strategies/shop.js';
import { stateOf } from '../support/strategies/web-release.js';
import {
  changeLease,
  errorOf,
  foreignLease,
  holderOf,
  leaseSpec,
  liveLease,
  noAnswer,
  pass,
} from '../support/strategies/lock.js';

const forbidden = new CutoverError('no right to', { code: 'forbidden' });

/** Every create succeeds, but its answer is lost. */
function loseCreates(cluster: MemoryCluster): void {
  const create = cluster.create.bind(cluster);
  cluster.create = object => create(object).then(() => Promise.reject(noAnswer));
}

const deploying = () =>
  begin(newRolling('web'), { kind: 'deploy', revision: 1, run: runOf(1).url, holder: holderOf(1) });

interface OpenedLock {
  readonly lock: StepLock;
  /** `asked` and `released`, in the order of the calls to the API server among them. */
  readonly told: string[];
  /** Whether a write is under way, each time that the post step was told. */
  readonly writing: boolean[];
  readonly fences: WriteFence[];
  readonly acquire: (timeoutMs?: number) => ReturnType<StepLock['acquire']>;
}

function openLock(cluster: MemoryCluster, clock: ManualClock, after?: string): OpenedLock {
  const told: string[] = [];
  const writing: boolean[] = [];
  const fences: WriteFence[] = [];
  const saved = { release: 'web', namespace: 'shop', lockHolder: holderOf(1) };
  const tell = (what: string) => (state: PostState) => {
    expect(state).toEqual({ ...saved, isWriting: false });
    told.push(`${what} after ${cluster.writes().length} writes`);
  };
  const lock = stepLock({
    cluster: {
      ...cluster,
      writer: fence => {
        fences.push(fence);
        return cluster.writer();
      },
    },
    records: openRecords({ cluster, release: 'web', namespace: 'shop', log: listLog() }),
    holder: holderOf(1),
    run: runOf(1),
    log: listLog(),
    clock,
    ...(after !== undefined && { after }),
    beforeAcquire: tell('asked'),
    onWriting: ({ isWriting, ...rest }) => {
      expect(rest).toEqual(saved);
      writing.push(isWriting);
    },
    afterRelease: tell('released'),
  });
  const { signal } = new AbortController();
  return { lock, told, writing, fences, acquire: (timeoutMs = 0) => lock.acquire({ timeoutMs, signal }) };
}

describe('the lock of a step', () => {
  it('writes although the runner cannot keep the state for the post step', async () => {
    const cluster = memoryCluster();
    const log = listLog();
    const lock = stepLock({
      cluster,
      records: openRecords({ cluster, release: 'web', namespace: 'shop', log: listLog() }),
      holder: holderOf(1),
      run: runOf(1),
      log,
      clock: manualClock(),
      beforeAcquire: () => undefined,
      onWriting: () => {
        throw new Error('ENOSPC: no space left on device');
      },
      afterRelease: () => undefined,
    });
    const held = await lock.acquire({ timeoutMs: 0, signal: new AbortController().signal });
    const port = await held.recordOperation(deploying(), []);
    await port.apply(deployment('green'));
    await held.release();
    expect(stateOf(cluster)).toMatchObject({ operation: { kind: 'deploy' } });
    expect(log.lines.filter(line => line.includes('ENOSPC'))).toHaveLength(4);
  });

  it('tells the post step of its holder before it asks for the lock, and that it is released after it is', async () => {
    const cluster = memoryCluster();
    const { lock, told, acquire } = openLock(cluster, manualClock());
    expect(lock.holder).toBe(holderOf(1));
    const held = await acquire();
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: lock.holder });
    await held.release();
    expect(told).toEqual(['asked after 0 writes', 'released after 2 writes']);
  });

  it('leaves nothing to the post step when another run holds the lock', async () => {
    const cluster = memoryCluster();
    cluster.given(foreignLease());
    const { told, acquire } = openLock(cluster, manualClock());
    expect(await errorOf(acquire())).toMatchObject({ code: 'locked' });
    expect(told).toEqual(['asked after 0 writes', 'released after 1 writes']);
  });

  it('leaves nothing to the post step when the run may not take the lock', async () => {
    const cluster = memoryCluster();
    const { told, acquire } = openLock(cluster, manualClock());
    cluster.before = () => {
      throw forbidden;
    };
    expect(await errorOf(acquire())).toBe(forbidden);
    expect(told).toEqual(['asked after 0 writes', 'released after 1 writes']);
  });

  it('leaves nothing to the post step when the run is cancelled while it waits', async () => {
    const cluster = memoryCluster();
    cluster.given(foreignLease());
    const cancel = new AbortController();
    const { lock, told } = openLock(cluster, manualClock());
    const acquired = lock.acquire({ timeoutMs: 60_000, signal: cancel.signal });
    await settle();
    cancel.abort();
    expect(await errorOf(acquired)).toMatchObject({ code: 'cancelled' });
    expect(told).toEqual(['asked after 0 writes', 'released after 1 writes']);
  });

  it.each([
    ['cannot be read', noAnswer, 'unreachable'],
    ['may not be read', forbidden, 'forbidden'],
  ])(
    'leaves the lock to the post step when it may have it: its answer is lost, and it %s',
    async (_what, error, code) => {
      const cluster = memoryCluster();
      loseCreates(cluster);
      cluster.before = call => {
        if (call.startsWith('GET')) throw error;
      };
      const { told, acquire } = openLock(cluster, manualClock());
      expect(await errorOf(acquire())).toMatchObject({ code });
      expect(told).toEqual(['asked after 0 writes']);
    },
  );

  it('leaves the lock to the post step when the run is cancelled while a request for it may still arrive', async () => {
    const cluster = memoryCluster();
    cluster.before = call => {
      if (call.startsWith('CREATE')) throw noAnswer;
    };
    const cancel = new AbortController();
    const { lock, told } = openLock(cluster, manualClock());
    const acquired = lock.acquire({ timeoutMs: 0, signal: cancel.signal });
    await settle();
    cancel.abort();
    expect(await errorOf(acquired)).toMatchObject({ code: 'cancelled' });
    expect(told).toEqual(['asked after 0 writes']);
  });

  it('leaves the lock to the post step when it cannot release it', async () => {
    const cluster = memoryCluster();
    const { told, acquire } = openLock(cluster, manualClock());
    const held = await acquire();
    cluster.before = call => {
      if (call.startsWith('REMOVE')) throw forbidden;
    };
    await errorOf(held.release());
    expect(told).toEqual(['asked after 0 writes']);
  });

  it('does not give the lock back while a write is under way, and tells the post step of it', async () => {
    const cluster = memoryCluster();
    let answer: () => void = () => undefined;
    const apply = cluster.apply.bind(cluster);
    cluster.apply = async object => {
      await new Promise<void>(resolve => (answer = resolve));
      return apply(object);
    };
    const { writing, acquire } = openLock(cluster, manualClock());
    const held = await acquire();
    const writer = await held.recordOperation(deploying(), []);
    writing.splice(0);
    const write = writer.apply(deployment('green'));
    expect(writing).toEqual([true]);
    const released = held.release();
    await settle();
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(1) });
    answer();
    await Promise.all([write, released]);
    expect(writing).toEqual([true, false]);
    expect(cluster.writes()).toEqual([
      'CREATE Lease shop/cutover-web',
      'CREATE Secret shop/cutover-web',
      'APPLY Deployment shop/web-green',
      'REMOVE Lease shop/cutover-web',
    ]);
  });

  it('gives the port that writes to an operation that is on record, and to nothing else', async () => {
    const cluster = memoryCluster();
    const held = await openLock(cluster, manualClock()).acquire();
    for (const part of [held, ...(Object.values(held) as unknown[])])
      expect(part).not.toHaveProperty('setManagedFields');
    cluster.before = call => {
      if (call === 'CREATE Secret shop/cutover-web') throw forbidden;
    };
    expect(await errorOf(held.recordOperation(deploying(), []))).toBe(forbidden);
    cluster.before = () => undefined;
    expect(await held.recordOperation(deploying(), [])).toHaveProperty('setManagedFields');
    expect(stateOf(cluster)).toMatchObject({ operation: { kind: 'deploy' } });
  });

  it('is open to the post step at once when the process that it cleans up after holds the lock', async () => {
    const cluster = memoryCluster();
    cluster.given(foreignLease());
    const { acquire } = openLock(cluster, manualClock(), holderOf(9));
    const held = await acquire();
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(1) });
    await held.release();
    expect(liveLease(cluster)).toBeUndefined();
  });

  it('gives writers whose fence is that of the lock', async () => {
    const cluster = memoryCluster();
    const clock = manualClock();
    const { fences, acquire } = openLock(cluster, clock);
    const held = await acquire();
    expect(fences.map(fence => fence.isOpen())).toEqual([true]);
    changeLease(cluster, { holderIdentity: holderOf(2) });
    await pass(10, clock);
    expect([held.lost.aborted, ...fences.map(fence => fence.isOpen())]).toEqual([true, false]);
    await expect(fences[0]!.ready()).rejects.toMatchObject({ code: 'locked' });
  });

  it('closes the fence of its writers when the lock is released', async () => {
    const cluster = memoryCluster();
    const { fences, acquire } = openLock(cluster, manualClock());
    await (await acquire()).release();
    expect(fences.map(fence => fence.isOpen())).toEqual([false]);
  });

  it('says whether the step had to wait: what it read before may be out of date', async () => {
    const cluster = memoryCluster();
    const clock = manualClock();
    const first = await openLock(cluster, clock).acquire();
    expect(first.waited).toBe(false);
    await first.release();
    cluster.given(foreignLease());
    const waiting = openLock(cluster, clock).acquire(300_000);
    await pass(90, clock);
    expect((await waiting).waited).toBe(true);
  });
});
