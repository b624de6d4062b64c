import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import { observe, type ReadyWorkload, type RolloutWait } from '../../src/rollout/observer.js';
import { isAwaited } from '../../src/rollout/readiness/table.js';
import { watchedKinds } from '../../src/rollout/watched-kinds.js';
import { manualClock, settle } from '../support/clock.js';
import { watchedCluster } from '../support/cluster/watched-cluster.js';
import { listLog } from '../support/log.js';
import { deployment, pod, replicaSet } from '../support/objects.js';
import { changed, real } from '../support/real-objects.js';

/** A wait for these objects; no watch has reported anything yet. */
async function waitFor(targets: readonly KubeObject[], wait: Partial<RolloutWait> = {}) {
  const cluster = watchedCluster();
  const clock = manualClock();
  const log = listLog({ debug: false });
  const { lines } = log;
  const signal = new AbortController().signal;
  const observer = observe({ cluster: cluster.port, log, clock, signal, targets: targets.map(refOf) });
  const opened = [...cluster.watched];
  const outcome: { ready?: readonly ReadyWorkload[]; error?: CutoverError } = {};
  observer.waitForRollout({ targets, timeoutMs: 60_000, stableForMs: 5_000, ...wait }).then(
    ready => (outcome.ready = ready),
    (error: unknown) => (outcome.error = error as CutoverError),
  );
  await settle();
  return { cluster, clock, lines, observer, outcome, opened };
}

describe('what is waited for', () => {
  it.each([
    ['apps/v1', 'Deployment', true],
    ['apps/v1', 'StatefulSet', true],
    ['apps/v1', 'DaemonSet', true],
    ['batch/v1', 'Job', true],
    ['v1', 'Pod', true],
    ['shop.test/v1', 'Widget', true],
    ['batch.volcano.test/v1', 'Job', true],
    ['batch/v1', 'CronJob', false],
    ['v1', 'PersistentVolumeClaim', false],
    ['autoscaling/v2', 'HorizontalPodAutoscaler', false],
    ['v1', 'Service', false],
  ])('%s %s: %s', (apiVersion, kind, awaited) => {
    expect(isAwaited({ apiVersion, kind })).toBe(awaited);
  });

  it('needs one watch for each kind and namespace of custom resources', () => {
    const widget = (name: string, namespace: string) => ({
      apiVersion: 'shop.test/v1',
      kind: 'Widget',
      name,
      namespace,
    });
    const job = { apiVersion: 'batch.volcano.test/v1', kind: 'Job', name: 'a', namespace: 'shop' };
    const kinds = watchedKinds([widget('a', 'shop'), widget('b', 'shop'), widget('c', 'other'), job]);
    expect(kinds.map(({ apiVersion, kind, namespace }) => `${apiVersion} ${kind} ${namespace ?? ''}`)).toEqual([
      'shop.test/v1 Widget shop',
      'shop.test/v1 Widget other',
      'batch.volcano.test/v1 Job shop',
    ]);
  });
});

describe('the wait for a custom resource', () => {
  const fresh = real('customResources', 'new');
  const unready = changed(real('customResources', 'unready'), { metadata: fresh.metadata });
  const ready = changed(real('customResources', 'ready'), { metadata: fresh.metadata });

  it('opens its watch when the wait starts: before that its kind may not be served', async () => {
    const { cluster, opened } = await waitFor([fresh]);
    expect(opened).toEqual([]);
    expect(cluster.watched).toEqual(['Widget shop']);
  });

  it('does not end while a new one has no status yet, if ready has to last', async () => {
    const { cluster, clock, outcome, lines } = await waitFor([fresh]);
    await cluster.send('ADDED', fresh);
    await clock.advance(4_000);
    await cluster.send('MODIFIED', unready);
    await clock.advance(4_000);
    expect(outcome).toEqual({});
    await cluster.send('MODIFIED', ready);
    await clock.advance(4_999);
    expect(outcome).toEqual({});
    await clock.advance(1);
    expect(outcome.ready).toMatchObject([{ ref: refOf(fresh), pods: [] }]);
    expect(lines.slice(1)).toEqual([
      'Widget shop/new: has no Ready condition to wait for, 0 s',
      'Widget shop/new: not ready: Issuing: the order is pending, 4 s',
      'Widget shop/new: ready, 8 s',
    ]);
  });

  it('fails when it is stalled and stays so, with the message of its controller', async () => {
    const stalled = changed(real('customResources', 'stalled'), { metadata: fresh.metadata });
    const { cluster, clock, outcome } = await waitFor([fresh]);
    await cluster.send('ADDED', stalled);
    await clock.advance(4_999);
    expect(outcome).toEqual({});
    await clock.advance(1);
    expect(outcome.error).toMatchObject({
      code: 'rollout',
      object: 'Widget shop/new',
      message: 'Widget shop/new: it cannot become ready: Bad: no such size',
    });
    expect(cluster.asked).toEqual([`list Event involvedObject.uid=${fresh.metadata.uid ?? ''},type=Warning`]);
  });

  it('ends at the timeout, with the message of its controller', async () => {
    const { cluster, clock, outcome } = await waitFor([fresh]);
    await cluster.send('ADDED', unready);
    await clock.advance(60_000);
    expect(outcome.error).toMatchObject({
      code: 'timeout',
      message: 'Widget shop/new was not ready after 1 min: not ready: Issuing: the order is pending',
    });
  });

  it('fails with the reason why its kind cannot be watched', async () => {
    const { cluster, outcome } = await waitFor([fresh]);
    await cluster.breakWatches(new CutoverError('no such kind', { code: 'unknown-kind' }));
    expect(outcome.error).toMatchObject({ code: 'unknown-kind' });
  });
});

describe('an object that counts as ready although the new version does not run', () => {
  const paused = real('deployments', 'pausedByManifest');

  it('is logged once, as a warning', async () => {
    const { cluster, clock, outcome, lines } = await waitFor([paused], { paused: 'noted' });
    await cluster.send('ADDED', paused);
    await clock.advance(5_000);
    expect(outcome.ready).toMatchObject([{ ref: refOf(paused), pods: [] }]);
    expect(outcome.ready?.[0]).not.toHaveProperty('templateHash');
    expect(lines.filter(line => line.includes('spec.paused'))).toEqual([
      'Deployment shop/pausedbyus: its manifest pauses it (spec.paused), so pods stay as they are and the new version does not run',
    ]);
  });

  it('is an error where a paused Deployment would have to serve', async () => {
    const { cluster, outcome } = await waitFor([paused]);
    await cluster.send('ADDED', paused);
    expect(outcome.error).toMatchObject({
      code: 'rollout',
      message:
        'Deployment shop/pausedbyus: it is paused, so its new pods will not start; remove spec.paused from its manifest',
    });
  });
});

describe('a wait in which nothing changes', () => {
  it('says every 30 s what it waits for, and why', async () => {
    const starting = deployment({ replicas: 1, status: { readyReplicas: 0, availableReplicas: 0 } });
    const full = { type: 'PodScheduled', status: 'False', message: '0/1 nodes are available: 1 Too many pods.' };
    const pending = pod({ name: 'a', ready: false, phase: 'Pending', containers: [], conditions: [full] });
    const { cluster, clock, lines } = await waitFor([starting], { timeoutMs: 600_000 });
    await cluster.send('ADDED', starting, replicaSet('v1', 'h1'), pending);
    const before = lines.length;
    for (let second = 0; second < 95; second += 5) await clock.advance(5_000);
    const why = 'still waiting: 0 of 1 ready; pod a: cannot be scheduled: 0/1 nodes are available: 1 Too many pods.';
    expect(lines.slice(before)).toEqual([30, 60, 90].map(second => `Deployment shop/web: ${why}, ${second} s`));
  });
});

describe('a pod of an earlier version that does not end', () => {
  it('is named with its grace, finalizers and node', async () => {
    const set = changed(real('statefulSets', 'held'), { spec: { replicas: 1 } });
    const old = pod({ owner: set.metadata.uid ?? '', name: 'sts-0', deleting: true });
    const metadata = { deletionGracePeriodSeconds: 30, finalizers: ['example.test/hold'] };
    const { cluster, clock, outcome } = await waitFor([set]);
    await cluster.send('ADDED', set, { ...changed(old, { metadata }), spec: { nodeName: 'n1' } });
    await clock.advance(60_000);
    expect(outcome.error?.message).toContain(
      'pod sts-0: stopping (its grace is 30 s, finalizers example.test/hold, on node n1)',
    );
  });
});

describe('a Job', () => {
  const complete = real('jobs', 'complete');

  it('has succeeded even if it was deleted after its ttlSecondsAfterFinished', async () => {
    const { cluster, outcome } = await waitFor([complete]);
    await cluster.send('DELETED', complete);
    expect(outcome.ready).toMatchObject([{ ref: refOf(complete) }]);
  });

  it('has not succeeded when somebody deleted it before it completed', async () => {
    const { cluster, outcome } = await waitFor([complete]);
    await cluster.send('DELETED', changed(complete, { status: { conditions: [] } }));
    expect(outcome.error).toMatchObject({ code: 'changed', message: expect.stringContaining('was deleted') });
  });
});

describe('a pod on its own', () => {
  it('needs one watch, and its container’s failure is reported', async () => {
    const written = real('pods', 'noSuchImage');
    const { cluster, clock, outcome, opened } = await waitFor([written]);
    await cluster.send('ADDED', written);
    await clock.advance(30_000);
    expect(opened).toEqual(['Pod shop']);
    expect(outcome.error).toMatchObject({
      code: 'rollout',
      message: expect.stringMatching(
        /^container app of pod shop\/notfound cannot pull its image registry.test\/site:absent/,
      ),
    });
  });
});

describe('pods of sets', () => {
  const owned = (uid: string, labels: object) => {
    const crashing = {
      restarts: 2,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 3 } },
    };
    return changed(pod({ owner: uid, ready: false, containers: [crashing] }), { metadata: { labels } });
  };

  it.each([
    ['a DaemonSet', real('daemonSets', 'held'), { 'pod-template-generation': '2' }, { 'pod-template-generation': '1' }],
    [
      'a StatefulSet',
      real('statefulSets', 'held'),
      { 'controller-revision-hash': 'sts-856b67d754' },
      { 'controller-revision-hash': 'sts-5d4cf8c4c5' },
    ],
  ])('of %s fail the wait when new ones crash, and not when old ones do', async (...[, set, made, old]) => {
    const { cluster, outcome } = await waitFor([set]);
    const uid = set.metadata.uid ?? '';
    await cluster.send('ADDED', set, owned(uid, old));
    expect(outcome).toEqual({});
    await cluster.send('MODIFIED', owned(uid, made));
    expect(outcome.error).toMatchObject({
      code: 'rollout',
      message: expect.stringContaining('keeps crashing: exit code 3, 2 restarts'),
    });
  });
});

describe('an object that is judged but not waited for', () => {
  it('is logged once, and never watched', async () => {
    const { cluster, observer, lines } = await waitFor([]);
    await observer.waitForPrerequisites(
      [real('claims', 'pending'), real('claims', 'bound'), real('autoscalers', 'withoutTarget')],
      1_000,
    );
    expect(lines).toEqual([
      'PersistentVolumeClaim shop/later: not bound yet: it binds with the first pod that uses it',
      'HorizontalPodAutoscaler shop/notarget: it does not scale (AbleToScale is False): FailedGetScale: the HPA controller was unable to get the target\'s current scale: deployments.apps "absent" not found',
    ]);
    expect(cluster.watched).toEqual([]);
  });

  it('fails the deploy when a claim has lost its volume', async () => {
    const { observer } = await waitFor([]);
    await expect(observer.waitForPrerequisites([real('claims', 'lost')], 1_000)).rejects.toMatchObject({
      code: 'rollout',
      object: 'PersistentVolumeClaim shop/lost',
      message: 'PersistentVolumeClaim shop/lost: the volume that it was bound to no longer exists',
    });
  });
});
