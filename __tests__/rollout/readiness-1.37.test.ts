import { describe, expect, it } from '@jest/globals';
import { cronJobReadiness } from '../../src/rollout/readiness/cron-job.js';
import { customResourceDefinitionReadiness } from '../../src/rollout/readiness/custom-resource-definition.js';
import { customResourceReadiness, isCustom } from '../../src/rollout/readiness/custom-resource.js';
import { daemonSetReadiness } from '../../src/rollout/readiness/daemon-set.js';
import { deploymentReadiness } from '../../src/rollout/readiness/deployment.js';
import { horizontalPodAutoscalerReadiness } from '../../src/rollout/readiness/horizontal-pod-autoscaler.js';
import { jobReadiness } from '../../src/rollout/readiness/job.js';
import { namespaceReadiness } from '../../src/rollout/readiness/namespace.js';
import { persistentVolumeClaimReadiness } from '../../src/rollout/readiness/persistent-volume-claim.js';
import { podReadiness } from '../../src/rollout/readiness/pod.js';
import { statefulSetReadiness } from '../../src/rollout/readiness/stateful-set.js';
import { newPodsOfDaemonSet, newPodsOfStatefulSet } from '../../src/kubernetes/pods/pod-template.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import type { Note, Patience, Readiness } from '../../src/rollout/readiness/readiness.js';
import { pod } from '../support/objects.js';
import { changed, real } from '../support/real-objects.js';

const unobserved = 'its controller has not seen the change yet';
const waiting = (reason: string): Readiness => ({ done: false, ok: false, reason });
const ready = (reason: string, note?: Note): Readiness => ({ done: true, ok: true, reason, ...(note && { note }) });
const failed = (reason: string, patience: Patience = { toleranceMs: 0 }): Readiness => ({
  done: true,
  ok: false,
  reason,
  ...patience,
});
const warned = (reason: string, text: string): Readiness => ready(reason, { level: 'warning', text });

const behind = { metadata: { generation: 9 } };

describe('a Deployment of Kubernetes 1.37', () => {
  const two = [pod({ name: 'a' }), pod({ name: 'b' })];
  const paused = warned(
    '0 of 2 ready',
    'its manifest pauses it (spec.paused), so pods stay as they are and the new version does not run',
  );
  const refused = failed('it is paused, so its new pods will not start; remove spec.paused from its manifest');
  const quota =
    'its pods cannot be created: pods "refused-6dc9f7d7b8-7xsv5" is forbidden: exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0';

  it.each([
    ['complete', real('deployments', 'complete'), two, ready('2 of 2 ready')],
    ['not seen by its controller', changed(real('deployments', 'complete'), behind), two, waiting(unobserved)],
    [
      'refused by a quota',
      real('deployments', 'refusedByQuota'),
      [],
      failed(quota, { toleranceMs: 5_000, mayEndWith: 'pods' }),
    ],
    ['paused by its manifest', real('deployments', 'pausedByManifest'), [], paused],
    [
      'paused by kubectl rollout pause',
      real('deployments', 'pausedBySomebody'),
      [],
      failed(
        'it is paused, so its new pods will not start; "kubectl-rollout" paused it: run `kubectl rollout resume deployment/pausedbyother --namespace shop`',
      ),
    ],
    [
      'paused, but of the version that runs already',
      changed(real('deployments', 'pausedBySomebody'), { status: { updatedReplicas: 2 } }),
      two,
      ready('2 of 2 ready'),
    ],
  ])('is %s', (...[, object, pods, expected]) => {
    expect(deploymentReadiness(object, pods, { paused: 'noted' })).toEqual(expected);
  });

  it('fails when it is paused by its manifest, unless a warning is enough', () => {
    expect(deploymentReadiness(real('deployments', 'pausedByManifest'), [])).toEqual(refused);
  });
});

describe('a StatefulSet of Kubernetes 1.37', () => {
  const complete = real('statefulSets', 'complete');
  const partitioned = real('statefulSets', 'partitioned');
  const onDelete = real('statefulSets', 'onDelete');
  const untouched = warned(
    '2 of 2 ready',
    'its updateStrategy is OnDelete, so pods keep the previous version until somebody deletes them',
  );

  it.each([
    ['complete', complete, ready('2 of 2 ready')],
    ['not seen by its controller', changed(complete, behind), waiting(unobserved)],
    ['blocked by a pod that does not become ready', real('statefulSets', 'held'), waiting('1 of 2 ready, 1 updated')],
    ['without pods', real('statefulSets', 'withoutPods'), waiting('0 of 2 ready, 0 updated')],
    ['scaled to nothing', changed(complete, { spec: { replicas: 0 } }), waiting('2 of 0 ready')],
    [
      'waiting for minReadySeconds',
      changed(complete, { status: { availableReplicas: 1 } }),
      waiting('2 of 2 ready, 1 available'),
    ],
    [
      'of an API server that does not report availableReplicas',
      changed(complete, { status: { availableReplicas: undefined } }),
      ready('2 of 2 ready'),
    ],
    [
      'updated, with its currentRevision not updated',
      changed(complete, { status: { currentRevision: 'sts-before' } }),
      waiting('2 of 2 ready, its currentRevision is not updated yet'),
    ],
    ['updated down to its partition', partitioned, ready('2 of 2 ready, 1 updated (partition 1)')],
    [
      'kept at the previous version by its partition',
      changed(partitioned, {
        spec: { updateStrategy: { rollingUpdate: { partition: 2 } } },
        status: { updatedReplicas: undefined },
      }),
      warned('2 of 2 ready, 0 updated (partition 2)', 'its partition of 2 keeps every pod at the previous version'),
    ],
    ['left to its operators by OnDelete', onDelete, untouched],
    ['complete under OnDelete', real('statefulSets', 'onDeleteComplete'), ready('2 of 2 ready')],
    [
      'complete under OnDelete once its pods were deleted',
      changed(onDelete, { status: { updatedReplicas: 2 } }),
      ready('2 of 2 ready'),
    ],
    [
      'just created under OnDelete',
      changed(real('statefulSets', 'onDeleteComplete'), {
        status: { replicas: 1, readyReplicas: 0, updatedReplicas: 1 },
      }),
      waiting('0 of 2 ready, 1 updated'),
    ],
  ])('is %s', (_what, object, expected) => {
    expect(statefulSetReadiness(object)).toEqual(expected);
  });

  it('knows its new pods by the revision, once its controller has set it', () => {
    const set = changed(real('statefulSets', 'held'), { metadata: { uid: 's1' } });
    const pods = [real('orderedPods', 'old'), real('orderedPods', 'new')];
    expect(newPodsOfStatefulSet(set, pods).map(({ metadata }) => metadata.name)).toEqual(['sts-1']);
    expect(newPodsOfStatefulSet(changed(set, behind), pods)).toEqual([]);
  });
});

describe('a DaemonSet of Kubernetes 1.37', () => {
  const untouched = warned(
    '1 of 1 available',
    'its updateStrategy is OnDelete, so pods keep the previous version until somebody deletes them',
  );

  it.each([
    ['complete', real('daemonSets', 'complete'), ready('1 of 1 available')],
    ['not seen by its controller', changed(real('daemonSets', 'complete'), behind), waiting(unobserved)],
    ['blocked by a pod that does not become ready', real('daemonSets', 'held'), waiting('0 of 1 available')],
    ['left to its operators by OnDelete', real('daemonSets', 'onDelete'), untouched],
    ['complete under OnDelete', real('daemonSets', 'onDeleteComplete'), ready('1 of 1 available')],
    [
      'just created under OnDelete',
      changed(real('daemonSets', 'onDelete'), { status: { currentNumberScheduled: 0, numberAvailable: 0 } }),
      waiting('0 of 1 available, 0 updated'),
    ],
  ])('is %s', (_what, object, expected) => {
    expect(daemonSetReadiness(object)).toEqual(expected);
  });

  it('knows its new pods by the generation of their template, and others of the same revision', () => {
    const [old, made] = [real('daemonPods', 'old'), real('daemonPods', 'new')];
    const names = (set: string, pods: Parameters<typeof newPodsOfDaemonSet>[1]): readonly string[] =>
      newPodsOfDaemonSet(real('daemonSets', set), pods).map(({ metadata }) => metadata.name);
    expect(names('held', [old, made])).toEqual([made.metadata.name]);
    expect(names('complete', [old, made])).toEqual([old.metadata.name]);
    const back = changed(old, {
      metadata: { name: 'back', labels: { ...old.metadata.labels, 'pod-template-generation': '2' } },
    });
    expect(names('held', [old, back])).toEqual([old.metadata.name, 'back']);
  });
});

describe('a Job and a Pod of Kubernetes 1.37', () => {
  const suspendedBy = (manager: string, operation: string): KubeObject => {
    const managedFields = [{ manager, operation, fieldsV1: { 'f:spec': { 'f:suspend': {} } } }];
    return changed(real('jobs', 'suspended'), { metadata: { managedFields } });
  };

  it.each([
    ['a Job that is complete', jobReadiness(real('jobs', 'complete')), ready('complete')],
    [
      'a Job that failed',
      jobReadiness(real('jobs', 'failed')),
      failed('it failed: BackoffLimitExceeded: Job has reached the specified backoff limit'),
    ],
    [
      'a suspended Job',
      jobReadiness(suspendedBy('cutover', 'Apply')),
      warned('suspended', 'its manifest suspends it (spec.suspend), so it does not run'),
    ],
    [
      'a Job that a controller suspended',
      jobReadiness(suspendedBy('kueue', 'Update')),
      waiting('suspended by "kueue": it does not run'),
    ],
    [
      'a Job that an admission policy suspended',
      jobReadiness(real('jobs', 'suspended')),
      waiting('suspended by a policy of the cluster: it does not run'),
    ],
    ['a Pod that is ready', podReadiness(real('pods', 'ready')), ready('ready')],
    ['a Pod that succeeded', podReadiness(real('pods', 'succeeded')), ready('complete')],
    ['a Pod that failed', podReadiness(real('pods', 'failed')), failed('it failed: see its containers')],
    ['a Pod without a node', podReadiness(real('pods', 'unschedulable')), waiting('pending, not ready')],
    ['a Pod without its image', podReadiness(real('pods', 'noSuchImage')), waiting('pending, not ready')],
  ])('%s', (_what, readiness, expected) => {
    expect(readiness).toEqual(expected);
  });
});

describe('an object that is judged but not waited for, on Kubernetes 1.37', () => {
  const metrics =
    'it does not scale (ScalingActive is False): FailedGetResourceMetric: the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)';
  const target =
    'it does not scale (AbleToScale is False): FailedGetScale: the HPA controller was unable to get the target\'s current scale: deployments.apps "absent" not found';
  const withoutMetrics = real('autoscalers', 'withoutMetrics');
  const withoutTarget = real('autoscalers', 'withoutTarget');
  const cronJob = (suspend: boolean) => ({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'x' },
    spec: { suspend },
  });
  const suspendedBy = ({ metadata, ...object }: KubeObject, manager: string): KubeObject => ({
    ...object,
    metadata: { ...metadata, managedFields: [{ manager, fieldsV1: { 'f:spec': { 'f:suspend': {} } } }] },
  });

  it.each([
    ['a claim that is bound', persistentVolumeClaimReadiness(real('claims', 'bound')), ready('bound')],
    [
      'a claim that waits for its first pod',
      persistentVolumeClaimReadiness(real('claims', 'pending')),
      ready('not bound', { level: 'info', text: 'not bound yet: it binds with the first pod that uses it' }),
    ],
    [
      'a claim without its volume',
      persistentVolumeClaimReadiness(real('claims', 'lost')),
      failed('the volume that it was bound to no longer exists'),
    ],
    ['an autoscaler without metrics', horizontalPodAutoscalerReadiness(withoutMetrics), warned('applied', metrics)],
    ['an autoscaler without its target', horizontalPodAutoscalerReadiness(withoutTarget), warned('applied', target)],
    ['a new autoscaler', horizontalPodAutoscalerReadiness({ ...withoutMetrics, status: undefined }), ready('applied')],
    [
      'an autoscaler that was just changed',
      horizontalPodAutoscalerReadiness(changed(withoutMetrics, behind)),
      ready('applied'),
    ],
    [
      'one that never worked and was just changed',
      horizontalPodAutoscalerReadiness(changed(withoutTarget, behind)),
      ready('applied'),
    ],
    ['a CronJob', cronJobReadiness(cronJob(false)), ready('applied')],
    [
      'a suspended CronJob',
      cronJobReadiness(cronJob(true)),
      warned('applied', 'it is suspended (spec.suspend), so it starts no Jobs'),
    ],
    [
      'a CronJob that somebody else suspended',
      cronJobReadiness(suspendedBy(cronJob(true), 'kubectl-patch')),
      warned('applied', 'it is suspended by "kubectl-patch" (spec.suspend), so it starts no Jobs'),
    ],
    [
      'a CronJob that its manifest suspends',
      cronJobReadiness(suspendedBy(cronJob(true), 'cutover')),
      warned('applied', 'it is suspended (spec.suspend), so it starts no Jobs'),
    ],
    ['a definition', customResourceDefinitionReadiness(real('definitions', 'established')), ready('established')],
    [
      'a definition whose names are taken',
      customResourceDefinitionReadiness(real('definitions', 'nameTaken')),
      failed('its names are taken: "WidgetList" is already in use'),
    ],
    ['a Namespace', namespaceReadiness(real('namespaces', 'active')), ready('active')],
    [
      'a Namespace that is being deleted',
      namespaceReadiness(real('namespaces', 'terminating')),
      waiting('it is being deleted'),
    ],
  ])('%s', (_what, readiness, expected) => {
    expect(readiness).toEqual(expected);
  });
});

describe('a custom resource', () => {
  const of = (name: string) => real('customResources', name);
  const conditions = (...all: readonly object[]) => ({ status: { observedGeneration: undefined, conditions: all } });
  const stale = { observedGeneration: 0 };
  const leaving = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } };

  it.each([
    ['without a status', of('new'), ready('has no Ready condition to wait for')],
    ['without conditions', of('plain'), ready('has no Ready condition to wait for')],
    ['that is ready', of('ready'), ready('ready')],
    ['that is not ready', of('unready'), waiting('not ready: Issuing: the order is pending')],
    ['whose controller reports on the previous version', of('stale'), waiting(unobserved)],
    [
      'whose Ready condition is of the previous version',
      changed(of('ready'), conditions({ type: 'Ready', status: 'True', ...stale })),
      waiting(unobserved),
    ],
    [
      'whose other conditions are of the previous version',
      changed(
        of('ready'),
        conditions({ type: 'Ready', status: 'True' }, { type: 'Issuing', status: 'False', ...stale }),
      ),
      ready('ready'),
    ],
    ['that is reconciled', of('reconciling'), waiting('not reconciled yet: Progressing: 2 of 3 parts')],
    ['that is stalled', of('stalled'), failed('it cannot become ready: Bad: no such size', { toleranceMs: 5_000 })],
    [
      'whose readiness is unknown',
      changed(of('ready'), conditions({ type: 'Ready', status: 'Unknown' })),
      waiting('not ready: no reason given'),
    ],
    ['that is being deleted', changed(of('ready'), leaving), waiting('it is being deleted')],
  ])('%s', (_what, object, expected) => {
    expect(customResourceReadiness(object)).toEqual(expected);
  });

  it.each([
    ['shop.test/v1', true],
    ['gateway.networking.k8s.io/v1', true],
    ['networking.k8s.io/v1', false],
    ['batch/v1', false],
    ['v1', false],
  ])('is known by its API group: %s', (apiVersion, custom) => {
    expect(isCustom({ apiVersion })).toBe(custom);
  });
});
