import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { isReady } from '../../src/kubernetes/pods/pod.js';
import { breakPods } from '../support/cluster/run-controllers.js';
import {
  closeReleases,
  deploymentRef,
  denied,
  endOf,
  failureOf,
  killAtWrite,
  killed,
  leaseRef,
  releaseAfter,
  roleManifests,
  served,
  serviceRef,
  setReplicas,
  stateOf,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const of = (version: string, replicas: number): string => roleManifests(version, { replicas, autoscaler: false });

/** Users are on blue, revision 1, and revision 2 is staged on green. */
const withPods = (replicas: number) =>
  releaseAfter(async release => {
    await release.stage(of('v1', replicas));
    await release.promote();
    await release.stage(of('v2', replicas));
  });
const two = withPods(2);
const eight = withPods(8);
const twenty = withPods(20);

const podsOf = ({ cluster: { store } }: WebRelease, role: string): readonly KubeObject[] =>
  store.list({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop' }, { labels: { app: 'web', role } });
const uids = (release: WebRelease, role = 'blue') => podsOf(release, role).map(({ metadata }) => metadata.uid);
const podRef = { apiVersion: 'v1', kind: 'Pod', namespace: 'shop' } as const;
const isEviction = (call: string): boolean => call.startsWith('EVICT Pod shop/');
const evictions = ({ cluster }: WebRelease): number => cluster.calls.filter(isEviction).length;
const spec = ({ cluster }: WebRelease) => cluster.store.get(deploymentRef('web-blue'))?.['spec'];

const closing = { closeConnections: 'auto', timeoutMs: 600_000 } as const;
const kept = (outcome: { readonly serving: object }): unknown =>
  'idle' in outcome.serving ? outcome.serving.idle : undefined;

/** A budget of the pods of blue. */
function budget(release: WebRelease, maxUnavailable: number): void {
  release.cluster.given({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web-blue', namespace: 'shop' },
    spec: { maxUnavailable, selector: { matchLabels: { app: 'web', role: 'blue' } } },
  });
}

/** What happens when the n-th pod (1 is the first) is to be evicted. */
function atEviction(release: WebRelease, n: number, happens: () => void): void {
  let count = 0;
  release.cluster.before = call => {
    if (isEviction(call) && ++count === n) happens();
  };
}

/** Each pod of green loses its readiness. */
const breakGreen = ({ cluster }: WebRelease): void => breakPods(cluster, { app: 'web', role: 'green' });

describe('connections that users keep open to the role that they left', () => {
  it.each([
    [2, two, 1],
    [8, eight, 2],
    [20, twenty, 5],
  ])('end with its %i pods, which are replaced in batches while the rest is ready', async (count, start, batch) => {
    const release = await start();
    const before = uids(release);
    const template = spec(release);
    const ready: number[] = [];
    release.cluster.before = call => {
      if (isEviction(call)) ready.push(podsOf(release, 'blue').filter(isReady).length);
    };
    const outcome = await release.promote(closing);
    expect(kept(outcome)).toEqual({ kind: 'kept', role: 'blue', connections: { kind: 'closed', pods: count } });
    expect(ready.length).toBe(count);
    expect(ready.filter((_, at) => at % batch === 0)).toEqual(Array(count / batch).fill(count));
    expect(Math.min(...ready)).toBe(count - batch + 1);
    expect(uids(release).filter(uid => before.includes(uid))).toEqual([]);
    expect(podsOf(release, 'blue').filter(isReady).length).toBe(count);
    expect(spec(release)).toEqual(template);
  });

  it('are closed only after the drain', async () => {
    const release = await two();
    const waited: unknown[] = [];
    release.cluster.before = call => {
      if (isEviction(call)) waited.push(release.ctx().clock.waited[0]);
    };
    await release.promote({ ...closing, drainMs: 7_000 });
    expect(waited).toEqual([7_000, 7_000]);
  });

  it('stay open, and nothing is waited for, when they are not to be closed', async () => {
    const release = await two();
    const before = uids(release);
    expect(kept(await release.promote({ closeConnections: 'off' }))).toEqual({ kind: 'kept', role: 'blue' });
    expect([uids(release), release.ctx().clock.waited]).toEqual([before, []]);
  });

  it('end with those pods that `scale-down` leaves, once the others are gone', async () => {
    const release = await eight();
    const before = uids(release);
    const outcome = await release.promote({ ...closing, idlePolicy: { policy: 'scale-down', replicas: 2 } });
    expect(kept(outcome)).toMatchObject({ kind: 'scaled-down', connections: { kind: 'closed', pods: 2 } });
    const after = uids(release);
    expect([after.length, after.filter(uid => before.includes(uid))]).toEqual([2, []]);
  });

  it('end after a rollback, too', async () => {
    const release = await two();
    await release.promote();
    const before = uids(release, 'green');
    const outcome = await release.rollback(closing);
    expect(kept(outcome)).toMatchObject({ role: 'green', connections: { kind: 'closed', pods: 2 } });
    expect(uids(release, 'green').filter(uid => before.includes(uid))).toEqual([]);
  });
});

describe('connections stay open, with a warning, and the step succeeds', () => {
  const open = async (release: WebRelease, more = {}): Promise<string> => {
    const outcome = await release.promote({ ...closing, ...more });
    expect([outcome.outcome, served(release.cluster), unfinished(release.cluster)]).toEqual([
      'switched',
      expect.not.arrayContaining(['site:v1']),
      '-',
    ]);
    const { connections } = kept(outcome) as { connections: { kind: string; reason: string } };
    expect(connections.kind).toBe('open');
    return connections.reason;
  };

  it('where replacing the pods may take longer than `timeout`: no pod is touched', async () => {
    const release = await two();
    await expect(open(release, { timeoutMs: 29_000 })).resolves.toBe(
      'to replace 2 pods in 2 batches, with a grace of 30 s, may take longer than `timeout` (29 s).',
    );
    expect(evictions(release)).toBe(0);
  });

  it('where a disruption budget never allows it', async () => {
    const release = await two();
    budget(release, 0);
    const before = uids(release);
    await expect(open(release)).resolves.toBe(
      "Cannot evict pod as it would violate the pod's disruption budget. The disruption budget web-blue needs 2 healthy pods and has 2 currently.",
    );
    expect(uids(release)).toEqual(before);
  });

  it('where the right to evict is missing', async () => {
    const release = await two();
    atEviction(release, 1, () => {
      throw denied;
    });
    await expect(open(release)).resolves.toBe('an admission webhook denied it.');
  });

  it('where a pod that replaces another does not start: the rest stays the way back', async () => {
    const release = await eight();
    atEviction(release, 1, () => {
      const { store } = release.cluster;
      const live = store.get(deploymentRef('web-blue'))!;
      store.update({ ...live, spec: { ...(live['spec'] as object), paused: true } });
      store.watch({ apiVersion: 'v1', kind: 'Pod' }, ({ type, object }) => {
        if (type === 'ADDED')
          setImmediate(() => breakPods(release.cluster, { app: 'web', role: 'blue', ...object.metadata.labels }));
      });
    });
    await open(release, { timeoutMs: 60_000 });
    expect(evictions(release)).toBe(2);
  });
});

describe('the only pod of a role', () => {
  const line =
    'Connections that users keep open to blue stay open: Deployment shop/web-blue keeps one pod, and while that is replaced, users could not be sent back.';

  it('is left alone, which a line says, and nothing is waited for', async () => {
    const release = await withPods(1)();
    const before = uids(release);
    expect(kept(await release.promote(closing))).toEqual({ kind: 'kept', role: 'blue' });
    expect([uids(release), evictions(release), release.ctx().clock.waited]).toEqual([before, 0, []]);
    expect(release.ctx().log.lines).toContain(line);
  });

  it('that `scale-down` leaves is left alone, too', async () => {
    const release = await two();
    const outcome = await release.promote({ ...closing, idlePolicy: { policy: 'scale-down', replicas: 1 } });
    expect(kept(outcome)).toEqual({ kind: 'scaled-down', role: 'blue', replicas: 1 });
    expect(evictions(release)).toBe(0);
    expect(release.ctx().log.lines).toContain(line);
  });

  it('that an autoscaler has left meanwhile is left alone, with a warning', async () => {
    const release = await two();
    atEviction(release, 1, () => setReplicas(release.cluster, 'web-blue', 1));
    expect(kept(await release.promote(closing))).toEqual({
      ...{ kind: 'kept', role: 'blue' },
      connections: {
        kind: 'open',
        reason: 'Deployment shop/web-blue keeps one pod, and while that is replaced, users could not be sent back.',
      },
    });
    expect(evictions(release)).toBe(1);
  });
});

describe('while connections are closed', () => {
  it('a batch stops when another pod is not ready any more, until it is', async () => {
    const release = await eight();
    const { cluster } = release;
    const pod = podsOf(release, 'blue').at(-1)!;
    const setReady = (status: 'True' | 'False'): void => {
      const live = cluster.store.get({ ...podRef, name: pod.metadata.name })!;
      const conditions = [{ type: 'Ready', status }];
      cluster.store.update({ ...live, status: { ...(live['status'] as object), conditions } }, { part: 'status' });
    };
    const ready: number[] = [];
    let looks = 0;
    cluster.before = call => {
      if (isEviction(call)) {
        ready.push(podsOf(release, 'blue').filter(isReady).length);
        if (ready.length === 1) setReady('False');
        // The first look after the eviction finds it not ready; by the second, it is.
      } else if (call === 'GET Deployment shop/web-blue' && ready.length === 1 && ++looks === 2) setReady('True');
    };
    await expect(release.promote(closing)).resolves.toMatchObject({ outcome: 'switched' });
    expect(Math.min(...ready)).toBe(7);
  });

  it('a budget that allows one pod at a time is respected', async () => {
    const release = await eight();
    budget(release, 1);
    const ready: number[] = [];
    release.cluster.before = call => {
      if (isEviction(call)) ready.push(podsOf(release, 'blue').filter(isReady).length);
    };
    const outcome = await release.promote(closing);
    expect(kept(outcome)).toMatchObject({ connections: { kind: 'closed', pods: 8 } });
    expect(ready.filter(count => count === 8).length).toBe(8);
  });

  it('no pod is evicted once users are on the role again', async () => {
    const release = await two();
    const { store } = release.cluster;
    release.cluster.before = call => {
      if (call !== 'GET Service shop/web' || evictions(release) !== 1) return;
      store.update({
        ...store.get(serviceRef('web'))!,
        spec: { ...store.get(serviceRef('web'))!['spec']!, selector: { app: 'web', role: 'blue' } },
      });
    };
    await expect(failureOf(release.promote(closing))).resolves.toMatchObject({
      error: { code: 'changed', message: 'Service shop/web selects blue again, so nothing more was taken from blue' },
    });
    expect(evictions(release)).toBe(1);
  });

  it.each([1, 2])('a run that is killed at pod %i is finished by the next, which replaces each pod once', async n => {
    const release = await two();
    const before = uids(release);
    atEviction(release, n, () => {
      killAtWrite(release.cluster, 1);
      throw killed;
    });
    await endOf(release.promote(closing));
    expect(unfinished(release.cluster)).toBe('finish');
    release.cluster.before = () => undefined;
    release.cluster.store.remove(leaseRef);
    const done = evictions(release) - 1;
    const outcome = await release.promote(closing);
    expect(outcome).toMatchObject({ outcome: 'switched', serving: { kind: 'switch-finished' } });
    expect([done, evictions(release)]).toEqual([n - 1, 2 - (n - 1)]);
    expect(uids(release).filter(uid => before.includes(uid))).toEqual([]);
    expect(unfinished(release.cluster)).toBe('-');
  });

  it('a cancel ends it, and the next step finishes it', async () => {
    const release = await two();
    const cancel = new AbortController();
    release.signal = cancel.signal;
    atEviction(release, 1, () => cancel.abort(new CutoverError('cancelled', { code: 'cancelled' })));
    await expect(failureOf(release.promote(closing))).resolves.toMatchObject({ error: { code: 'cancelled' } });
    expect([unfinished(release.cluster), served(release.cluster)]).toEqual(['finish', ['site:v2', 'site:v2']]);
    release.signal = new AbortController().signal;
    await expect(release.promote(closing)).resolves.toMatchObject({ serving: { kind: 'switch-finished' } });
  });

  it('users are sent back if the new version loses its pods, and it stays staged', async () => {
    const release = await two();
    atEviction(release, 1, () => breakGreen(release));
    await expect(failureOf(release.promote(closing))).resolves.toMatchObject({
      error: {
        code: 'switch',
        message: 'green lost its pods after users were sent to it: Deployment shop/web-green has 0 of 2 ready',
      },
      outcome: {
        serving: { kind: 'switched-back', to: { role: 'blue', revision: 1 } },
        activeRole: 'blue',
        stagedRole: 'green',
      },
    });
    expect(served(release.cluster)).toContain('site:v1');
    expect(stateOf(release.cluster)).toMatchObject({ current: 1, staged: { revision: 2, role: 'green' } });
    expect(unfinished(release.cluster)).toBe('-');
  });

  it('users are not sent back to the version that a rollback left', async () => {
    const release = await two();
    await release.promote();
    atEviction(release, 1, () => breakPods(release.cluster, { app: 'web', role: 'blue' }));
    await expect(failureOf(release.rollback(closing))).resolves.toMatchObject({
      outcome: { serving: { kind: 'switched-unfinished', role: 'blue' } },
    });
    expect(unfinished(release.cluster)).toBe('finish');
  });
});

describe('a plan', () => {
  const noteOf = async (release: WebRelease, more = {}): Promise<unknown> => {
    const { preview } = await release.plan(of('v3', 8), { ...closing, ...more });
    return preview?.notes.find(({ kind }) => kind === 'to-close-connections');
  };

  it('tells how the pods that users are on would be replaced', async () => {
    const release = await eight();
    const time = { pods: 8, atOnce: 2, batches: 4, graceMs: 30_000 };
    const note = { kind: 'to-close-connections', role: 'blue', time, drainMs: 30_000 };
    await expect(noteOf(release)).resolves.toEqual({ ...note, by: 'promote' });
    await expect(noteOf(release, { switch: 'auto' })).resolves.toEqual({ ...note, by: 'deploy' });
    await expect(noteOf(release, { timeoutMs: 29_000 })).resolves.toEqual({
      ...note,
      by: 'promote',
      timeoutMs: 29_000,
    });
  });

  it('tells as much without the right to list pods', async () => {
    const release = await eight();
    release.cluster.before = call => {
      if (call === 'LIST Pod') throw denied;
    };
    await expect(noteOf(release)).resolves.toMatchObject({ time: { pods: 8, batches: 4 } });
  });

  it.each([[{ closeConnections: 'off' }], [{ idlePolicy: { policy: 'scale-down', replicas: 0 } }]])(
    'tells nothing with %j',
    async more => {
      await expect(noteOf(await two(), more)).resolves.toBeUndefined();
    },
  );
});
