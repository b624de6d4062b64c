import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import {
  acquireLock,
  isTakenOver,
  judgeLease,
  leaseSeconds,
  releaseLock,
  type LeaseVerdict,
} from '../../src/release/lock.js';
import { memoryCluster, type MemoryCluster } from '../support/cluster/memory-cluster.js';
import { runOf } from '../support/strategies/context.js';
import { listLog } from '../support/log.js';

const start = Date.parse('2026-03-01T12:00:00Z');
const ref = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'shop', name: 'cutover-web' };

beforeEach(() => {
  jest.useFakeTimers({ now: start });
});
afterEach(() => {
  jest.useRealTimers();
});

const lease = (cluster: MemoryCluster): KubeObject => cluster.store.get(ref)!;
const specOf = (cluster: MemoryCluster) => lease(cluster)['spec'] as Readonly<Record<string, unknown>>;

function take(cluster: MemoryCluster, run = 1, log = listLog()) {
  return acquireLock({ cluster, release: 'web', namespace: 'shop', run: runOf(run), log });
}

const errorOf = async (work: Promise<unknown>): Promise<CutoverError> =>
  work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as CutoverError,
  );

/** Somebody sets an annotation right before the next replace. */
function touchOnce(cluster: MemoryCluster): void {
  cluster.before = call => {
    if (!call.startsWith('REPLACE')) return;
    cluster.before = () => undefined;
    const found = lease(cluster);
    cluster.store.update({ ...found, metadata: { ...found.metadata, annotations: { somebody: 'was here' } } });
  };
}

describe('what a lease means', () => {
  const held = (more: object = {}) => ({ holderIdentity: 'run 1', leaseDurationSeconds: 60, ...more });
  const ago = (seconds: number) => new Date(start - seconds * 1000).toISOString().replace('Z', '000Z');

  type Lease = Parameters<typeof judgeLease>[0];
  const cases: readonly [string, Lease, LeaseVerdict['free'], string][] = [
    ['nobody has ever held it', {}, true, 'nobody holds it'],
    ['it was given back', held({ holderIdentity: '', renewTime: ago(0) }), true, 'nobody holds it'],
    [
      'its holder renewed it just now',
      held({ renewTime: ago(0) }),
      false,
      'it is held until 2026-03-01T12:01:00.000Z unless renewed',
    ],
    [
      'it has one second left',
      held({ renewTime: ago(59) }),
      false,
      'it is held until 2026-03-01T12:00:01.000Z unless renewed',
    ],
    [
      'its time is over at this moment',
      held({ renewTime: ago(60) }),
      true,
      'its holder was last heard of at 2026-03-01T11:59:00.000Z',
    ],
    [
      'it was taken and never renewed',
      held({ acquireTime: ago(61) }),
      true,
      'its holder was last heard of at 2026-03-01T11:58:59.000Z',
    ],
    ['it says no time', held(), true, 'its holder never said when'],
    ['its time cannot be read', held({ renewTime: 'soon' }), true, 'its holder never said when'],
    [
      'it says no duration, so that ours counts',
      { holderIdentity: 'x', renewTime: ago(59) },
      false,
      'it is held until 2026-03-01T12:00:01.000Z unless renewed',
    ],
    [
      'another duration is over',
      held({ leaseDurationSeconds: 15, renewTime: ago(16) }),
      true,
      'its holder was last heard of at 2026-03-01T11:59:44.000Z',
    ],
  ];

  it.each(cases)('%s', (_when, ...[spec, free, reason]) => {
    expect(judgeLease(spec, start)).toEqual({ free, reason });
  });
});

describe('the lock of a release', () => {
  it('is taken by making the Lease, which names the holder and the page of its run', async () => {
    const cluster = memoryCluster();
    const lock = await take(cluster);
    expect(lease(cluster)).toMatchObject({
      metadata: {
        labels: { 'app.kubernetes.io/managed-by': 'cutover' },
        annotations: { 'cutover/release': 'web', 'cutover/run': runOf(1).url },
      },
      spec: {
        holderIdentity: lock.holder,
        leaseDurationSeconds: leaseSeconds,
        acquireTime: '2026-03-01T12:00:00.000000Z',
        renewTime: '2026-03-01T12:00:00.000000Z',
        leaseTransitions: 0,
      },
    });
    expect(lock.holder).toMatch(/^1\/1\/deploy\/[0-9a-f]{8}$/);
    expect(lock.lost.aborted).toBe(false);
    await lock.release();
  });

  it('is refused while another run holds it, naming the page of that run', async () => {
    const cluster = memoryCluster();
    const lock = await take(cluster, 1);
    expect(await errorOf(take(cluster, 2))).toMatchObject({
      code: 'locked',
      object: 'Lease shop/cutover-web',
      message:
        'Another run is working on release web: https://github.com/acme/shop/actions/runs/1 (it is held until 2026-03-01T12:01:00.000Z unless renewed)',
      hint: expect.stringContaining('concurrency') as unknown,
    });
    expect(specOf(cluster)).toMatchObject({ holderIdentity: lock.holder });
    await lock.release();
  });

  it('is refused to a second step of the same run too', async () => {
    const cluster = memoryCluster();
    const lock = await take(cluster, 1);
    expect(await errorOf(take(cluster, 1))).toMatchObject({ code: 'locked' });
    await lock.release();
  });

  it('is free again once it was given back, and counts its holders', async () => {
    const cluster = memoryCluster();
    await (await take(cluster, 1)).release();
    expect(specOf(cluster)).toEqual({ holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 0 });
    const log = listLog();
    const lock = await take(cluster, 2, log);
    expect(specOf(cluster)).toMatchObject({ holderIdentity: lock.holder, leaseTransitions: 1 });
    expect(log.lines).toEqual([]);
    await lock.release();
  });

  it('is taken over from a run that was not heard of for its whole duration, with a warning', async () => {
    const cluster = memoryCluster();
    const dead = await take(cluster, 1);
    jest.setSystemTime(start + 61_000);
    const log = listLog();
    const lock = await take(cluster, 2, log);
    expect(log.lines).toEqual([
      'Took over the lock of web from https://github.com/acme/shop/actions/runs/1: its holder was last heard of at 2026-03-01T12:00:00.000Z',
    ]);
    expect(lease(cluster)).toMatchObject({
      metadata: { annotations: { 'cutover/run': runOf(2).url } },
      spec: { holderIdentity: lock.holder, leaseTransitions: 1 },
    });
    await dead.release();
    expect(specOf(cluster)).toMatchObject({ holderIdentity: lock.holder });
    await lock.release();
  });

  it.each([
    ['that nobody ever held', () => undefined],
    [
      'that was given back',
      async (cluster: MemoryCluster) => {
        await (await take(cluster, 9)).release();
      },
    ],
    [
      'that has expired',
      async (cluster: MemoryCluster) => {
        await take(cluster, 9);
        jest.setSystemTime(Date.now() + 61_000);
      },
    ],
  ])('goes to one of two runs that ask at once for one %s', async (_which, prepare) => {
    const cluster = memoryCluster();
    await prepare(cluster);
    const asked = await Promise.allSettled([take(cluster, 1), take(cluster, 2)]);
    const won = asked.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []));
    const lost = asked.flatMap(result => (result.status === 'rejected' ? [result.reason as CutoverError] : []));
    expect([won.length, lost.length]).toEqual([1, 1]);
    expect(lost[0]).toMatchObject({ code: 'locked', object: 'Lease shop/cutover-web' });
    expect(specOf(cluster)).toMatchObject({ holderIdentity: won[0]?.holder });
    await won[0]?.release();
  });

  it('can be taken where the Lease vanishes between two looks at it', async () => {
    const cluster = memoryCluster();
    cluster.given({ ...ref, metadata: { name: ref.name, namespace: ref.namespace }, spec: { holderIdentity: 'x' } });
    cluster.before = call => {
      if (call.startsWith('GET')) cluster.store.remove(ref);
    };
    const lock = await take(cluster);
    expect(specOf(cluster)).toMatchObject({ holderIdentity: lock.holder });
    await lock.release();
  });

  it('is taken where the Lease was made, though the answer to that was lost', async () => {
    const cluster = memoryCluster();
    const create = cluster.create.bind(cluster);
    const lost = new CutoverError('no answer', { code: 'unreachable' });
    cluster.create = async object => {
      await create(object);
      throw lost;
    };
    const lock = await take(cluster);
    expect(specOf(cluster)).toMatchObject({ holderIdentity: lock.holder, leaseTransitions: 0 });
    await lock.release();
    expect(specOf(cluster)).toMatchObject({ holderIdentity: '' });
  });

  it('is not taken where nobody knows whether the Lease was made, and there is none', async () => {
    const cluster = memoryCluster();
    const lost = new CutoverError('no answer', { code: 'unreachable' });
    cluster.create = () => Promise.reject(lost);
    expect(await errorOf(take(cluster))).toBe(lost);
  });

  it.each<[string, (cluster: MemoryCluster) => Promise<unknown>]>([
    ['taken', cluster => take(cluster, 2).then(lock => lock.release())],
    ['given back', cluster => take(cluster, 2).then(lock => (touchOnce(cluster), lock.release()))],
  ])('is %s though somebody touches the Lease', async (_what, work) => {
    const cluster = memoryCluster();
    await (await take(cluster, 1)).release();
    touchOnce(cluster);
    await work(cluster);
    expect(specOf(cluster)).toMatchObject({ holderIdentity: '', leaseTransitions: 1 });
  });

  it('is not taken without the right to: the reason is passed on', async () => {
    const cluster = memoryCluster();
    const cause = new CutoverError('no right to create leases', { code: 'forbidden' });
    cluster.before = () => {
      throw cause;
    };
    expect(await errorOf(take(cluster))).toBe(cause);
  });
});

describe('giving the lock back', () => {
  it('leaves alone what another run holds by now', async () => {
    const cluster = memoryCluster();
    const lock = await take(cluster);
    cluster.calls.length = 0;
    await releaseLock({ cluster, release: 'web', namespace: 'shop', holder: 'somebody else' });
    expect(cluster.writes()).toEqual([]);
    expect(specOf(cluster)).toMatchObject({ holderIdentity: lock.holder });
    await lock.release();
  });

  it('can be done by another process that knows the holder', async () => {
    const cluster = memoryCluster();
    const { holder } = await take(cluster);
    await releaseLock({ cluster, release: 'web', namespace: 'shop', holder });
    expect(specOf(cluster)).toMatchObject({ holderIdentity: '' });
  });

  it.each([
    ['has it itself', (holder: string) => holder, false],
    ['finds nobody who has it', () => '', false],
    ['finds somebody else who has it', () => 'somebody else', true],
  ])('is asked by one who %s whether it was taken over', async (_what, now, expected) => {
    const cluster = memoryCluster();
    const { holder } = await take(cluster);
    cluster.store.update({ ...lease(cluster), spec: { ...specOf(cluster), holderIdentity: now(holder) } });
    expect(await isTakenOver({ cluster, release: 'web', namespace: 'shop', holder })).toBe(expected);
  });

  it('has nothing to do where there is no Lease', async () => {
    const cluster = memoryCluster();
    await releaseLock({ cluster, release: 'web', namespace: 'shop', holder: 'x' });
    expect(cluster.writes()).toEqual([]);
  });

  it('ends the renewals', async () => {
    const cluster = memoryCluster();
    const lock = await take(cluster);
    await lock.release();
    cluster.calls.length = 0;
    await jest.advanceTimersByTimeAsync(120_000);
    expect(cluster.calls).toEqual([]);
    expect(lock.lost.aborted).toBe(false);
  });
});

/** Replaces wait until the returned function is called. */
function holdReplaces(cluster: MemoryCluster): () => void {
  const replace = cluster.replace.bind(cluster);
  let answer: () => void = () => undefined;
  const held = new Promise<void>(resolve => {
    answer = resolve;
  });
  cluster.replace = async object => {
    await held;
    return replace(object);
  };
  return answer;
}

describe('keeping the lock', () => {
  it('renews it every fifteen seconds for as long as the work takes', async () => {
    const cluster = memoryCluster();
    const lock = await take(cluster);
    await jest.advanceTimersByTimeAsync(10 * 60_000);
    expect(specOf(cluster)).toMatchObject({ holderIdentity: lock.holder, renewTime: '2026-03-01T12:10:00.000000Z' });
    expect(cluster.calls.filter(call => call.startsWith('REPLACE'))).toHaveLength(40);
    expect(lock.lost.aborted).toBe(false);
    await lock.release();
  });

  it.each([
    [
      'somebody else took it',
      (cluster: MemoryCluster) =>
        cluster.store.update({ ...lease(cluster), spec: { ...specOf(cluster), holderIdentity: 'other' } }),
    ],
    ['somebody deleted it', (cluster: MemoryCluster) => cluster.store.remove(ref)],
  ])('is over when %s: the work is told to stop', async (_what, happen) => {
    const cluster = memoryCluster();
    const lock = await take(cluster);
    happen(cluster);
    await jest.advanceTimersByTimeAsync(15_000);
    expect(lock.lost.aborted).toBe(true);
    expect(lock.lost.reason).toMatchObject({
      code: 'locked',
      message: expect.stringMatching(/^The lock of web was lost: Lease shop\/cutover-web /) as unknown,
    });
    cluster.calls.length = 0;
    await jest.advanceTimersByTimeAsync(60_000);
    await lock.release();
    expect(cluster.calls).toEqual([]);
  });

  it('outlives an API server that cannot be reached for a while', async () => {
    const cluster = memoryCluster();
    const log = listLog();
    const lock = await take(cluster, 1, log);
    cluster.before = () => {
      throw new CutoverError('no connection', { code: 'unreachable' });
    };
    await jest.advanceTimersByTimeAsync(45_000);
    expect(lock.lost.aborted).toBe(false);
    expect(log.lines).toEqual(Array.from({ length: 3 }, () => 'The lock could not be renewed yet: no connection'));
    cluster.before = () => undefined;
    await jest.advanceTimersByTimeAsync(15_000);
    expect(specOf(cluster)).toMatchObject({ renewTime: '2026-03-01T12:01:00.000000Z' });
    expect(lock.lost.aborted).toBe(false);
    await lock.release();
  });

  it('is over when it could not be renewed until it expired, since others may take it then', async () => {
    const cluster = memoryCluster();
    const lock = await take(cluster);
    cluster.before = () => {
      throw new CutoverError('no connection', { code: 'unreachable' });
    };
    await jest.advanceTimersByTimeAsync(60_000);
    expect(lock.lost.reason).toMatchObject({ code: 'locked', message: 'The lock of web was lost: no connection' });
  });

  it('never renews twice at once: a slow answer would make the second look like a loss', async () => {
    const cluster = memoryCluster();
    const lock = await take(cluster);
    const answer = holdReplaces(cluster);
    await jest.advanceTimersByTimeAsync(45_000);
    answer();
    await jest.advanceTimersByTimeAsync(15_000);
    expect(lock.lost.aborted).toBe(false);
    expect(specOf(cluster)).toMatchObject({ renewTime: '2026-03-01T12:01:00.000000Z' });
    await lock.release();
  });

  it('is not given back while a renewal is under way, which would make it look changed', async () => {
    const cluster = memoryCluster();
    const lock = await take(cluster);
    const answer = holdReplaces(cluster);
    await jest.advanceTimersByTimeAsync(15_000);
    const released = lock.release();
    answer();
    await released;
    expect(specOf(cluster)).toMatchObject({ holderIdentity: '' });
    expect(lock.lost.aborted).toBe(false);
  });

  it('is over when a renewal hangs until the lock expires', async () => {
    const cluster = memoryCluster();
    const lock = await take(cluster);
    cluster.replace = () => new Promise(() => undefined);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(lock.lost.reason).toMatchObject({
      code: 'locked',
      message: 'The lock of web was lost: it could not be renewed in time',
    });
  });
});
