import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { leaseStatus, leaseSeconds, type LeaseStatus } from '../../src/release/lease.js';
import { acquireLock, isTakenOver, releaseLock } from '../../src/release/lock.js';
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

describe('the status of a Lease', () => {
  const held = (more: object = {}) => ({ holderIdentity: 'run 1', leaseDurationSeconds: 60, ...more });
  const ago = (seconds: number) => new Date(start - seconds * 1000).toISOString().replace('Z', '000Z');

  type Lease = Parameters<typeof leaseStatus>[0];
  const cases: readonly [string, Lease, LeaseStatus['free'], string][] = [
    ['nobody has ever held it', {}, true, 'it has no holder'],
    ['it was given back', held({ holderIdentity: '', renewTime: ago(0) }), true, 'it has no holder'],
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
      'its holder last renewed it at 2026-03-01T11:59:00.000Z',
    ],
    [
      'it was taken and never renewed',
      held({ acquireTime: ago(61) }),
      true,
      'its holder last renewed it at 2026-03-01T11:58:59.000Z',
    ],
    ['it says no time', held(), true, 'it has no renew time'],
    ['its time cannot be read', held({ renewTime: 'soon' }), true, 'it has no renew time'],
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
      'its holder last renewed it at 2026-03-01T11:59:44.000Z',
    ],
  ];

  it.each(cases)('%s', (_when, ...[spec, free, reason]) => {
    expect(leaseStatus(spec, start)).toEqual({ free, reason });
  });
});

describe('the lock of a release', () => {
  it('is acquired by creating the Lease, with the holder and the URL of its run', async () => {
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

  it('is not acquired while another run holds it, with the URL of that run', async () => {
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

  it('is not acquired by a second step of the same run either', async () => {
    const cluster = memoryCluster();
    const lock = await take(cluster, 1);
    expect(await errorOf(take(cluster, 1))).toMatchObject({ code: 'locked' });
    await lock.release();
  });

  it('is free after its release, and counts its transitions', async () => {
    const cluster = memoryCluster();
    await (await take(cluster, 1)).release();
    expect(specOf(cluster)).toEqual({ holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 0 });
    const log = listLog();
    const lock = await take(cluster, 2, log);
    expect(specOf(cluster)).toMatchObject({ holderIdentity: lock.holder, leaseTransitions: 1 });
    expect(log.lines).toEqual([]);
    await lock.release();
  });

  it('is taken over from a run that has not renewed it for its duration, with a warning', async () => {
    const cluster = memoryCluster();
    const dead = await take(cluster, 1);
    jest.setSystemTime(start + 61_000);
    const log = listLog();
    const lock = await take(cluster, 2, log);
    expect(log.lines).toEqual([
      'Took over the lock of web from https://github.com/acme/shop/actions/runs/1: its holder last renewed it at 2026-03-01T12:00:00.000Z',
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
  ])('is acquired by one of two concurrent runs for one %s', async (_which, prepare) => {
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

  it('can be acquired when the Lease is deleted between two requests', async () => {
    const cluster = memoryCluster();
    cluster.given({ ...ref, metadata: { name: ref.name, namespace: ref.namespace }, spec: { holderIdentity: 'x' } });
    cluster.before = call => {
      if (call.startsWith('GET')) cluster.store.remove(ref);
    };
    const lock = await take(cluster);
    expect(specOf(cluster)).toMatchObject({ holderIdentity: lock.holder });
    await lock.release();
  });

  it('is acquired when the Lease was created, but the answer was lost', async () => {
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

  it('is not acquired when the answer to the create was lost, and there is no Lease', async () => {
    const cluster = memoryCluster();
    const lost = new CutoverError('no answer', { code: 'unreachable' });
    cluster.create = () => Promise.reject(lost);
    expect(await errorOf(take(cluster))).toBe(lost);
  });

  it.each<[string, (cluster: MemoryCluster) => Promise<unknown>]>([
    ['taken', cluster => take(cluster, 2).then(lock => lock.release())],
    ['given back', cluster => take(cluster, 2).then(lock => (touchOnce(cluster), lock.release()))],
  ])('is %s although another client changes the Lease', async (_what, work) => {
    const cluster = memoryCluster();
    await (await take(cluster, 1)).release();
    touchOnce(cluster);
    await work(cluster);
    expect(specOf(cluster)).toMatchObject({ holderIdentity: '', leaseTransitions: 1 });
  });

  it('is not acquired without permission: the error is passed on', async () => {
    const cluster = memoryCluster();
    const cause = new CutoverError('no right to create leases', { code: 'forbidden' });
    cluster.before = () => {
      throw cause;
    };
    expect(await errorOf(take(cluster))).toBe(cause);
  });
});

describe('releasing the lock', () => {
  it('does not change a lock that another run holds', async () => {
    const cluster = memoryCluster();
    const lock = await take(cluster);
    cluster.calls.length = 0;
    await releaseLock({ cluster, release: 'web', namespace: 'shop', holder: 'somebody else' });
    expect(cluster.writes()).toEqual([]);
    expect(specOf(cluster)).toMatchObject({ holderIdentity: lock.holder });
    await lock.release();
  });

  it('can be done by another process with the holder name', async () => {
    const cluster = memoryCluster();
    const { holder } = await take(cluster);
    await releaseLock({ cluster, release: 'web', namespace: 'shop', holder });
    expect(specOf(cluster)).toMatchObject({ holderIdentity: '' });
  });

  it.each([
    ['has it itself', (holder: string) => holder, false],
    ['finds nobody who has it', () => '', false],
    ['finds somebody else who has it', () => 'somebody else', true],
  ])('detects a takeover for a holder who %s', async (_what, now, expected) => {
    const cluster = memoryCluster();
    const { holder } = await take(cluster);
    cluster.store.update({ ...lease(cluster), spec: { ...specOf(cluster), holderIdentity: now(holder) } });
    expect(await isTakenOver({ cluster, release: 'web', namespace: 'shop', holder })).toBe(expected);
  });

  it('does nothing where there is no Lease', async () => {
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

describe('renewing the lock', () => {
  it('happens every fifteen seconds until the release', async () => {
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
  ])('ends when %s: the lost signal aborts', async (_what, happen) => {
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

  it('continues after the API server is unreachable for a while', async () => {
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

  it('ends when it fails until the Lease expires, because others can acquire it then', async () => {
    const cluster = memoryCluster();
    const lock = await take(cluster);
    cluster.before = () => {
      throw new CutoverError('no connection', { code: 'unreachable' });
    };
    await jest.advanceTimersByTimeAsync(60_000);
    expect(lock.lost.reason).toMatchObject({ code: 'locked', message: 'The lock of web was lost: no connection' });
  });

  it('is never concurrent: with a slow answer the second one would look like a loss', async () => {
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

  it('delays a release until a pending renewal is complete', async () => {
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

  it('ends when a request hangs until the Lease expires', async () => {
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
