import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { refOf } from '../../src/kubernetes/object.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { observe } from '../../src/rollout/observer.js';
import type { Observer, ReadyWorkload } from '../../src/rollout/observer.js';
import { watchedKinds } from '../../src/rollout/watched-kinds.js';
import { manualClock, settle } from '../support/clock.js';
import { watchedCluster } from '../support/cluster/watched-cluster.js';
import { listLog } from '../support/log.js';
import type { ManualClock } from '../support/clock.js';
import type { WatchedAnswers, WatchedCluster } from '../support/cluster/watched-cluster.js';
import { deployment, pod, replicaSet } from '../support/objects.js';
import type { ContainerFacts } from '../support/objects.js';

const written = deployment({ tag: 'v2', generation: 2 });
const starting = deployment({ tag: 'v2', generation: 2, status: { readyReplicas: 0, availableReplicas: 0 } });
const set = replicaSet('v2', 'h2');
const newPod = (name: string, facts: Parameters<typeof pod>[0] = {}): KubeObject =>
  pod({ owner: 'rs-h2', name, ...facts });

interface Setting {
  readonly cluster: WatchedCluster;
  readonly clock: ManualClock;
  readonly lines: string[];
  readonly observer: Observer;
  readonly abort: AbortController;
}

async function observing(answers: WatchedAnswers = {}): Promise<Setting> {
  const cluster = watchedCluster(answers);
  const clock = manualClock();
  const abort = new AbortController();
  const log = listLog({ debug: false });
  const { lines } = log;
  const observer = observe({ cluster: cluster.port, log, clock, signal: abort.signal, targets: [refOf(written)] });
  await settle();
  return { cluster, clock, lines, observer, abort };
}

/** The result of the wait, once it has ended. */
function outcomeOf(wait: Promise<readonly ReadyWorkload[]>): {
  ready?: readonly ReadyWorkload[];
  error?: CutoverError;
} {
  const outcome: { ready?: readonly ReadyWorkload[]; error?: CutoverError } = {};
  wait.then(
    ready => (outcome.ready = ready),
    (error: unknown) => (outcome.error = error as CutoverError),
  );
  return outcome;
}

const limits = { timeoutMs: 600_000, stableForMs: 5_000 };

describe('watching', () => {
  it('opens one watch for each kind and namespace, however many workloads there are', () => {
    const ref = (kind: string, name: string, namespace = 'shop'): ReturnType<typeof refOf> => ({
      apiVersion: kind === 'Job' ? 'batch/v1' : 'apps/v1',
      kind,
      name,
      namespace,
    });
    const kinds = watchedKinds([
      ref('Deployment', 'a'),
      ref('Deployment', 'b'),
      ref('Job', 'c'),
      ref('Deployment', 'd', 'other'),
    ]);
    expect(kinds.map(kind => `${kind.kind} ${kind.namespace ?? ''}`)).toEqual([
      'Deployment shop',
      'Pod shop',
      'ReplicaSet shop',
      'Job shop',
      'Deployment other',
      'Pod other',
      'ReplicaSet other',
    ]);
  });

  it('is synced when every watch has reported what existed at the start', async () => {
    const { cluster, observer } = await observing();
    expect(cluster.watched).toEqual(['Deployment shop', 'Pod shop', 'ReplicaSet shop']);
    let synced = false;
    void observer.synced.then(() => (synced = true));
    await settle();
    expect(synced).toBe(false);
    await cluster.synced();
    expect(synced).toBe(true);
  });

  it('reports to every wait why a watch cannot be opened', async () => {
    const { cluster, observer } = await observing();
    const outcome = outcomeOf(observer.waitForRollout({ targets: [written], ...limits }));
    await cluster.breakWatches(new CutoverError('pods is forbidden', { code: 'forbidden' }));
    await expect(observer.synced).rejects.toMatchObject({ code: 'forbidden' });
    expect(outcome.error).toMatchObject({ code: 'forbidden', message: 'pods is forbidden' });
  });
});

describe('a rollout', () => {
  it('succeeds beside a pod that was evicted and replaced, and does not list it', async () => {
    const { cluster, clock, observer } = await observing();
    const evicted = newPod('evicted', { ready: false, phase: 'Failed' });
    await cluster.send('ADDED', written, set, newPod('a'), newPod('b'), evicted);
    await cluster.synced();
    const outcome = outcomeOf(observer.waitForRollout({ targets: [written], ...limits }));
    await clock.advance(5_000);
    expect(outcome.ready?.[0]?.pods.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('starts its time of being stable again when a pod is evicted', async () => {
    const { cluster, clock, observer } = await observing();
    await cluster.send('ADDED', written, set, newPod('a'), newPod('b'));
    await cluster.synced();
    const outcome = outcomeOf(observer.waitForRollout({ targets: [written], ...limits }));
    await clock.advance(3_000);
    await cluster.send('MODIFIED', newPod('b', { phase: 'Failed' }), newPod('c'));
    await clock.advance(4_999);
    expect(outcome).toEqual({});
    await clock.advance(1);
    expect(outcome.ready?.[0]?.pods.map(({ name }) => name)).toEqual(['a', 'c']);
  });

  it('succeeds once the pods of the template that was written are ready and have stayed so', async () => {
    const { cluster, clock, lines, observer } = await observing();
    await cluster.send(
      'ADDED',
      deployment({ tag: 'v1' }),
      replicaSet('v1', 'h1'),
      pod({ owner: 'rs-h1', name: 'old' }),
    );
    await cluster.synced();
    const outcome = outcomeOf(observer.waitForRollout({ targets: [written], ...limits }));
    await clock.advance(2_000);
    await cluster.send('MODIFIED', starting, set);
    await cluster.send('ADDED', newPod('a', { ready: false }), newPod('b', { ready: false }));
    await clock.advance(6_000);
    await cluster.send('MODIFIED', newPod('a'), newPod('b'), written);
    expect(outcome).toEqual({});
    await clock.advance(4_999);
    expect(outcome).toEqual({});
    await clock.advance(1);
    expect(outcome.ready).toEqual([
      {
        ref: refOf(written),
        uid: 'd1',
        generation: 2,
        templateHash: 'h2',
        pods: [
          { name: 'a', uid: 'uid-a' },
          { name: 'b', uid: 'uid-b' },
        ],
      },
    ]);
    expect(lines).toEqual([
      'Waiting up to 10 min for Deployment shop/web to be ready and stay so for 5 s',
      'Deployment shop/web: 0 of 2 ready, 2 s',
      'Deployment shop/web: 1 of 2 ready, 8 s',
      'Deployment shop/web: 2 of 2 ready, 8 s',
    ]);
  });

  it('names who scaled a workload to 0', async () => {
    const { cluster, observer } = await observing();
    const managedFields = [{ manager: 'kubectl', operation: 'Update', fieldsV1: { 'f:spec': { 'f:replicas': {} } } }];
    const empty = deployment({ tag: 'v2', generation: 2, replicas: 0 });
    await cluster.send('ADDED', { ...empty, metadata: { ...empty.metadata, managedFields } }, set);
    await cluster.synced();
    await expect(
      observer.waitForRollout({ targets: [written], timeoutMs: 1_000, stableForMs: 0 }),
    ).resolves.toMatchObject([{ pods: [], scaledToNoneBy: 'kubectl' }]);
  });

  it('starts the stable time again when a container restarts', async () => {
    const { cluster, clock, observer } = await observing();
    await cluster.send('ADDED', written, set, newPod('a'), newPod('b'));
    await cluster.synced();
    const outcome = outcomeOf(observer.waitForRollout({ targets: [written], ...limits }));
    await settle();
    await clock.advance(4_000);
    await cluster.send('MODIFIED', newPod('a', { containers: [{ ready: true, restarts: 1, state: { running: {} } }] }));
    await clock.advance(4_000);
    expect(outcome).toEqual({});
    await clock.advance(1_000);
    expect(outcome.ready).toHaveLength(1);
  });

  it('ends at once when ready need not last', async () => {
    const { cluster, observer } = await observing();
    await cluster.send('ADDED', written, set, newPod('a'), newPod('b'));
    await cluster.synced();
    await expect(
      observer.waitForRollout({ targets: [written], timeoutMs: 1_000, stableForMs: 0 }),
    ).resolves.toHaveLength(1);
  });

  it('goes on when an autoscaler changes the replicas, since the version is the same', async () => {
    const { cluster, observer } = await observing();
    const scaled = deployment({ tag: 'v2', generation: 3, replicas: 3 });
    await cluster.send('ADDED', scaled, set, newPod('a'), newPod('b'), newPod('c'));
    await cluster.synced();
    await expect(
      observer.waitForRollout({ targets: [written], timeoutMs: 1_000, stableForMs: 0 }),
    ).resolves.toMatchObject([{ generation: 3 }]);
  });

  it.each([
    ['got another pod template', 'MODIFIED', deployment({ tag: 'v3', generation: 3 })],
    ['was deleted', 'DELETED', written],
    ['was deleted and recreated', 'MODIFIED', deployment({ tag: 'v2', uid: 'd2' })],
  ] as const)('is superseded when the workload %s', async (difference, type, object) => {
    const { cluster, observer } = await observing();
    await cluster.send('ADDED', starting, set);
    await cluster.synced();
    const outcome = outcomeOf(observer.waitForRollout({ targets: [written], ...limits }));
    await cluster.send(type, object);
    expect(outcome.error).toMatchObject({
      code: 'changed',
      message: `Deployment shop/web ${difference} during the wait`,
    });
  });

  it('ends at once when the run is cancelled', async () => {
    const { cluster, observer, abort } = await observing();
    await cluster.synced();
    const outcome = outcomeOf(observer.waitForRollout({ targets: [written], ...limits }));
    abort.abort();
    await settle();
    expect(outcome.error).toMatchObject({ code: 'cancelled' });
  });
});

describe('a rollout that cannot succeed', () => {
  const crashing: ContainerFacts = {
    restarts: 2,
    state: { waiting: { reason: 'CrashLoopBackOff' } },
    lastState: { terminated: { exitCode: 3, reason: 'Error' } },
  };

  it('names pod, container and exit code first, then events and the log of the previous container', async () => {
    const { cluster, observer } = await observing({
      events: [
        { reason: 'BackOff', message: 'older', lastTimestamp: '2026-01-01T00:00:01Z' },
        { reason: 'BackOff', message: 'newer', count: 4, lastTimestamp: '2026-01-01T00:00:09Z' },
      ],
      logs: 'reading config\nno such table: users\n',
    });
    await cluster.send('ADDED', starting, set, newPod('a', { ready: false, containers: [crashing] }));
    await cluster.synced();
    await expect(observer.waitForRollout({ targets: [written], ...limits })).rejects.toMatchObject({
      code: 'rollout',
      object: 'Deployment shop/web',
      message: 'container app of pod shop/a keeps crashing: exit code 3, 2 restarts (Deployment shop/web)',
      hint: 'See the last log lines of the container.',
      problems: [
        { message: 'event BackOff: newer (4 times)' },
        { message: 'event BackOff: older' },
        { message: 'log of a/app (previous container): reading config' },
        { message: 'log of a/app (previous container): no such table: users' },
      ],
    });
    expect(cluster.asked).toEqual(['list Event involvedObject.uid=uid-a,type=Warning', 'logs a/app previous']);
  });

  it('says that a probe made the kubelet kill the container', async () => {
    const { cluster, observer } = await observing({
      events: [{ reason: 'Unhealthy', message: 'Liveness probe failed: HTTP probe failed with statuscode: 404' }],
    });
    const killed = { ...crashing, lastState: { terminated: { exitCode: 0, reason: 'Completed' } } };
    await cluster.send('ADDED', starting, set, newPod('a', { ready: false, containers: [killed] }));
    await cluster.synced();
    await expect(observer.waitForRollout({ targets: [written], ...limits })).rejects.toMatchObject({
      message:
        'container app of pod shop/a keeps crashing: exit code 0 (Completed), 2 restarts; the kubelet killed it: ' +
        'Liveness probe failed: HTTP probe failed with statuscode: 404 (Deployment shop/web)',
    });
  });

  it('reports the cause even where events and logs may not be read', async () => {
    const { cluster, observer } = await observing({
      logs: new CutoverError('pods/log is forbidden', { code: 'forbidden' }),
    });
    await cluster.send('ADDED', starting, set, newPod('a', { ready: false, containers: [crashing] }));
    await cluster.synced();
    await expect(observer.waitForRollout({ targets: [written], ...limits })).rejects.toMatchObject({
      code: 'rollout',
      problems: [{ message: 'log of a/app (previous container) could not be read: pods/log is forbidden' }],
    });
  });

  it('ignores old pods that crash', async () => {
    const { cluster, observer } = await observing();
    const old = pod({ owner: 'rs-h1', name: 'old', ready: false, containers: [crashing] });
    await cluster.send('ADDED', written, set, replicaSet('v1', 'h1'), old, newPod('a'), newPod('b'));
    await cluster.synced();
    await expect(
      observer.waitForRollout({ targets: [written], timeoutMs: 1_000, stableForMs: 0 }),
    ).resolves.toHaveLength(1);
  });

  it('tolerates for a while a failure that a controller may still resolve', async () => {
    const { cluster, clock, observer } = await observing();
    const stuck = newPod('a', {
      ready: false,
      containers: [
        { state: { waiting: { reason: 'CreateContainerConfigError', message: 'configmap "x" not found' } } },
      ],
    });
    await cluster.send('ADDED', starting, set, stuck);
    await cluster.synced();
    const outcome = outcomeOf(observer.waitForRollout({ targets: [written], ...limits }));
    await clock.advance(14_999);
    expect(outcome).toEqual({});
    await clock.advance(1);
    expect(outcome.error).toMatchObject({
      code: 'rollout',
      message: expect.stringContaining('cannot be started (CreateContainerConfigError: configmap "x" not found)'),
    });
    expect(cluster.asked).toEqual(['list Event involvedObject.uid=uid-a,type=Warning']);
  });

  it('goes on when the failure ends in time', async () => {
    const { cluster, clock, observer } = await observing();
    const stuck = { ready: false, containers: [{ state: { waiting: { reason: 'CreateContainerConfigError' } } }] };
    await cluster.send('ADDED', starting, set, newPod('a', stuck), newPod('b'));
    await cluster.synced();
    const outcome = outcomeOf(observer.waitForRollout({ targets: [written], ...limits }));
    await clock.advance(14_000);
    await cluster.send('MODIFIED', newPod('a'), written);
    await clock.advance(5_000);
    expect(outcome.ready).toHaveLength(1);
  });

  it('reads the events of the ReplicaSet when there are no pods', async () => {
    const { cluster, clock, observer } = await observing({
      events: [{ reason: 'FailedCreate', message: 'exceeded quota' }],
    });
    const condition = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota' };
    const refused = deployment({
      tag: 'v2',
      generation: 2,
      status: { updatedReplicas: 0, readyReplicas: 0, conditions: [condition] },
    });
    await cluster.send('ADDED', refused, set);
    await cluster.synced();
    const outcome = outcomeOf(observer.waitForRollout({ targets: [written], ...limits }));
    await clock.advance(5_000);
    expect(outcome.error).toMatchObject({
      code: 'rollout',
      message: 'Deployment shop/web: its pods cannot be created: exceeded quota',
      problems: [{ message: 'event FailedCreate: exceeded quota' }],
    });
    expect(cluster.asked).toEqual(['list Event involvedObject.uid=rs-h2,type=Warning']);
  });
});

describe('a rollout that times out', () => {
  it('reports what was not ready, and why', async () => {
    const { cluster, clock, observer } = await observing({
      events: [
        { reason: 'Unhealthy', message: 'Readiness probe failed: HTTP probe failed with statuscode: 503', count: 7 },
      ],
      logs: 'warming up',
    });
    const warming = newPod('a', { ready: false });
    await cluster.send('ADDED', starting, set, warming, newPod('b'));
    await cluster.synced();
    const outcome = outcomeOf(observer.waitForRollout({ targets: [written], timeoutMs: 90_000, stableForMs: 0 }));
    await clock.advance(90_000);
    expect(outcome.error).toMatchObject({
      code: 'timeout',
      object: 'Deployment shop/web',
      message:
        'Deployment shop/web was not ready after 1 min 30 s: 1 of 2 ready; pod a: container app runs but is not ready; Readiness probe failed: HTTP probe failed with statuscode: 503 (7 times)',
      problems: [
        { message: 'event Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503 (7 times)' },
        { message: 'log of a/app: warming up' },
      ],
    });
  });

  it('distinguishes ready from ready for long enough', async () => {
    const { cluster, clock, observer } = await observing();
    await cluster.send('ADDED', starting, set, newPod('a', { ready: false }), newPod('b'));
    await cluster.synced();
    const outcome = outcomeOf(observer.waitForRollout({ targets: [written], timeoutMs: 10_000, stableForMs: 5_000 }));
    await clock.advance(8_000);
    await cluster.send('MODIFIED', newPod('a'), written);
    await clock.advance(2_000);
    expect(outcome.error?.message).toBe(
      'Deployment shop/web was not ready after 10 s: 2 of 2 ready, but not for long enough',
    );
  });

  it('lists every workload that was not ready', async () => {
    const { cluster, clock, observer } = await observing();
    const other = deployment({ name: 'api', uid: 'd9', status: { readyReplicas: 0 } });
    await cluster.send('ADDED', starting, other);
    await cluster.synced();
    const outcome = outcomeOf(
      observer.waitForRollout({ targets: [written, other], timeoutMs: 10_000, stableForMs: 0 }),
    );
    await clock.advance(10_000);
    expect(outcome.error).toMatchObject({
      message: '2 workloads were not ready after 10 s: Deployment shop/web, Deployment shop/api',
      problems: [{ message: 'Deployment shop/web: 0 of 2 ready' }, { message: 'Deployment shop/api: 0 of 2 ready' }],
    });
  });
});

describe('an object that others need', () => {
  const namespace = (phase: string | undefined): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'new', uid: 'n1' },
    status: { phase },
  });

  it('is not watched when it is ready already', async () => {
    const { cluster, observer } = await observing();
    await observer.waitForPrerequisites([namespace('Active'), written], 1_000);
    expect(cluster.watched).not.toContain('Namespace');
  });

  it('is waited for', async () => {
    const { cluster, observer } = await observing();
    let done = false;
    const wait = observer.waitForPrerequisites([namespace(undefined)], 1_000).then(() => (done = true));
    await settle();
    expect(done).toBe(false);
    await cluster.send('MODIFIED', namespace('Active'));
    await wait;
    expect(done).toBe(true);
  });

  it('times out with its reason', async () => {
    const { clock, observer } = await observing();
    const wait = observer.waitForPrerequisites([namespace('Terminating')], 1_000);
    const checked = expect(wait).rejects.toMatchObject({
      code: 'timeout',
      message: 'Namespace new was not ready after 1 s: it is being deleted',
    });
    await settle();
    await clock.advance(1_000);
    await checked;
  });
});
