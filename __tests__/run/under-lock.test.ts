import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { refOf } from '../../src/kubernetes/object.js';
import { openRecords } from '../../src/release/records.js';
import { begin } from '../../src/release/transitions.js';
import { newRolling, type ReleaseState, type RollingState } from '../../src/release/state.js';
import { begunBy } from '../../src/run/begun.js';
import type { LockedContext } from '../../src/run/context.js';
import { underLock } from '../../src/run/under-lock.js';
import { memoryCluster, type MemoryCluster } from '../support/cluster/memory-cluster.js';
import { changeLease, errorOf, holderOf, liveLease, lockRef } from '../support/strategies/lock.js';
import { runOf, stepOn } from '../support/strategies/context.js';
import { deployment, revision } from '../support/strategies/shop.js';
import { traceWrites } from '../support/strategies/web-release.js';
import { listLog } from '../support/log.js';

const green = deployment('green');

/** Begins a deploy of revision 2 under the lock. */
function beginDeploy(locked: LockedContext) {
  const state: RollingState = { ...newRolling('web'), latest: 1, revisions: [1], current: 1 };
  const operation = { kind: 'deploy', revision: 2, ...begunBy(locked) } as const;
  return locked.recordOperation(begin(state, operation), [revision('green')]);
}

const forbidden = new CutoverError('no right to', { code: 'forbidden' });
function refuse(cluster: MemoryCluster, refused: string): void {
  cluster.before = call => {
    if (call === refused) throw forbidden;
  };
}

describe('work under the lock', () => {
  it('is done while the lock is held, and its result is that of the step', async () => {
    const cluster = memoryCluster();
    const held = await underLock(stepOn(cluster), 0, () => Promise.resolve(liveLease(cluster)));
    expect(held).toMatchObject({ spec: { holderIdentity: holderOf(1) } });
    expect(liveLease(cluster)).toBeUndefined();
  });

  it('is not done without the lock', async () => {
    const cluster = memoryCluster();
    let done = false;
    const work = async (): Promise<void> => {
      done = await Promise.resolve(true);
    };
    const second = stepOn(cluster, { run: runOf(2) });
    const refused = underLock(stepOn(cluster), 0, () => errorOf(underLock(second, 0, work)));
    await expect(refused).resolves.toMatchObject({ code: 'locked' });
    expect(done).toBe(false);
  });

  it('gives the lock back when it fails, and its failure is that of the step', async () => {
    const cluster = memoryCluster();
    const failure = new Error('it failed');
    await expect(underLock(stepOn(cluster), 0, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(liveLease(cluster)).toBeUndefined();
  });

  it.each([
    ['has worked', () => Promise.resolve('done')],
    ['has failed', () => Promise.reject(forbidden)],
  ])('ends as it would when it %s and the lock cannot be released: that is only a warning', async (_what, work) => {
    const cluster = memoryCluster();
    const ctx = stepOn(cluster);
    refuse(cluster, 'REMOVE Lease shop/cutover-web');
    const [[ended], [expected]] = await Promise.all([
      Promise.allSettled([underLock<string>(ctx, 0, work)]),
      Promise.allSettled([work()]),
    ]);
    expect(ended).toEqual(expected);
    expect(ctx.log.lines).toEqual([
      'The lock of web could not be released yet: Lease shop/cutover-web could not be deleted: no right to',
    ]);
    expect(liveLease(cluster)).toBeDefined();
    // The post step tries again.
    expect([ctx.savedPostStates.length, ctx.clearedPostStates.length]).toEqual([1, 0]);
  });

  it('ends with the signal of the run, and when another run takes the lock over', async () => {
    const cluster = memoryCluster();
    const cancel = new AbortController();
    await underLock(stepOn(cluster, { signal: cancel.signal }), 0, locked => {
      expect([locked.signal.aborted, locked.lockLost.aborted]).toEqual([false, false]);
      cancel.abort();
      expect([locked.signal.aborted, locked.lockLost.aborted]).toEqual([true, false]);
      return Promise.resolve();
    });
  });
});

describe('work that read the record before it had the lock', () => {
  /** Another run begins, works and ends while this one is about to take the lock. */
  function changeBeforeLock(cluster: MemoryCluster, change: () => Promise<void>): void {
    const create = cluster.create.bind(cluster);
    cluster.create = async object => {
      if (object.kind !== 'Lease') return create(object);
      cluster.create = create;
      await change();
      return create(object);
    };
  }
  const one = (): RollingState => ({ ...newRolling('web'), latest: 1, revisions: [1], current: 1 });
  const anotherRun = (cluster: MemoryCluster) =>
    openRecords({ cluster, release: 'web', namespace: 'shop', log: listLog() }).writable(cluster);
  /** Run 2 deploys revision 2. */
  const deployTwo = async (cluster: MemoryCluster): Promise<void> => {
    const records = anotherRun(cluster);
    const state = (await records.readState()) as RollingState;
    await records.writeRevision(revision('green', { actor: 'bob' }), state);
    await records.writeState({ ...state, latest: 2, revisions: [1, 2], current: 2 });
  };
  const next = (locked: LockedContext, state: ReleaseState | undefined) => {
    if (state?.strategy !== 'rolling') throw new Error('the release is rolling');
    const number = state.latest + 1;
    const operation = { kind: 'deploy', revision: number, ...begunBy(locked) } as const;
    return locked.recordOperation(begin(state, operation), [revision('green', { number })]);
  };

  it('begins again when the record changed meanwhile, as after a wait, and overwrites nothing of the other run', async () => {
    const cluster = memoryCluster();
    await anotherRun(cluster).writeState(one());
    changeBeforeLock(cluster, () => deployTwo(cluster));
    const ctx = stepOn(cluster);
    const read = await ctx.records.readState();
    const waited: boolean[] = [];
    await underLock(ctx, 0, async locked => {
      waited.push(locked.waited);
      await next(locked, locked.waited ? await locked.records.readState() : read);
    });
    expect(waited).toEqual([false, true]);
    expect(ctx.log.lines).toEqual(['Another run has changed release web meanwhile: this run begins again']);
    const records = anotherRun(cluster);
    expect(await records.readState()).toMatchObject({ latest: 3, current: 2, operation: { revision: 3 } });
    expect(await records.readRevision(2)).toMatchObject({ actor: 'bob' });
    expect(cluster.calls.filter(call => call.endsWith('Lease shop/cutover-web'))).toEqual([
      'CREATE Lease shop/cutover-web',
      'REMOVE Lease shop/cutover-web',
    ]);
  });

  it('begins again once only', async () => {
    const cluster = memoryCluster();
    await anotherRun(cluster).writeState(one());
    changeBeforeLock(cluster, () => deployTwo(cluster));
    const ctx = stepOn(cluster);
    const read = await ctx.records.readState();
    let begun = 0;
    const work = async (locked: LockedContext): Promise<void> => {
      begun += 1;
      await next(locked, read);
    };
    expect(await errorOf(underLock(ctx, 0, work))).toMatchObject({ code: 'changed' });
    expect(begun).toBe(2);
    expect(liveLease(cluster)).toBeUndefined();
  });

  it('does not begin again when the record changes after its operation began', async () => {
    const cluster = memoryCluster();
    const ctx = stepOn(cluster);
    let begun = 0;
    const work = async (locked: LockedContext): Promise<void> => {
      begun += 1;
      await beginDeploy(locked);
      await deployTwo(cluster);
      await next(locked, one());
    };
    expect(await errorOf(underLock(ctx, 0, work))).toMatchObject({ code: 'changed' });
    expect(begun).toBe(1);
    expect(ctx.log.lines).toEqual([]);
  });

  it('does not begin again after another failure', async () => {
    const cluster = memoryCluster();
    refuse(cluster, 'CREATE Secret shop/cutover-web');
    let begun = 0;
    const work = async (locked: LockedContext): Promise<void> => {
      begun += 1;
      await beginDeploy(locked);
    };
    expect(await errorOf(underLock(stepOn(cluster), 0, work))).toBe(forbidden);
    expect(begun).toBe(1);
  });
});

describe('an operation', () => {
  it('gives the port that writes, and nothing else does', async () => {
    const cluster = memoryCluster();
    const ctx = stepOn(cluster);
    expect(ctx).not.toHaveProperty('writer');
    expect(ctx.records).not.toHaveProperty('writeState');
    await underLock(ctx, 0, async locked => {
      expect(locked).not.toHaveProperty('writer');
      expect(locked.records).toHaveProperty('writeState');
      expect(await beginDeploy(locked)).toHaveProperty('writer');
      expect(locked).not.toHaveProperty('writer');
    });
  });

  it('is on record before its first object, and its revision before the operation', async () => {
    const cluster = memoryCluster();
    const trace = traceWrites(cluster);
    await underLock(stepOn(cluster), 0, async locked => {
      const { writer } = await beginDeploy(locked);
      await writer.apply(green);
    });
    expect(trace).toEqual([
      ['CREATE Lease shop/cutover-web', '-'],
      ['CREATE Secret shop/cutover-web.2', '-'],
      ['CREATE Secret shop/cutover-web', '-'],
      ['APPLY Deployment shop/web-green', 'deploy'],
      ['REMOVE Lease shop/cutover-web', 'deploy'],
    ]);
  });

  it.each(['CREATE Secret shop/cutover-web.2', 'CREATE Secret shop/cutover-web'])(
    'that cannot be put on record (%s is refused) gives no port',
    async refused => {
      const cluster = memoryCluster();
      refuse(cluster, refused);
      await expect(underLock(stepOn(cluster), 0, beginDeploy)).rejects.toBe(forbidden);
      expect(await stepOn(cluster).records.readState()).toBeUndefined();
      expect(cluster.store.get(refOf(green))).toBeUndefined();
    },
  );

  it('names the process that begins it, as the lock does', async () => {
    const cluster = memoryCluster();
    await underLock(stepOn(cluster), 0, async locked => {
      await beginDeploy(locked);
      expect(await locked.records.readState()).toMatchObject({
        operation: {
          run: runOf(1).url,
          holder: (liveLease(cluster)?.['spec'] as object as { holderIdentity: string }).holderIdentity,
        },
      });
    });
  });

  it('leaves a lock that another run has taken over', async () => {
    const cluster = memoryCluster();
    await underLock(stepOn(cluster), 0, async locked => {
      await beginDeploy(locked);
      changeLease(cluster, { holderIdentity: holderOf(2) });
    });
    expect(cluster.store.get(lockRef)).toMatchObject({ spec: { holderIdentity: holderOf(2) } });
  });
});
