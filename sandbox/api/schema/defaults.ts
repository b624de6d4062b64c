import { admitPod, fill, podDefaults, podSpecDefaults } from './defaults-pod.js';
import {
  childOf,
  clone,
  erase,
  isObject,
  nameOf,
  objectAt,
  objectsAt,
  setMember,
  textAt,
  type JsonObject,
} from './json.js';
import { apiVersionOf, type Kind } from './kinds.js';

type Defaults = (object: JsonObject, spec: JsonObject) => void;

const template = (holder: JsonObject): void => {
  const template = childOf(holder, 'template');
  if (isObject(template.spec)) podSpecDefaults(template.spec);
};

function rollingUpdate(strategy: JsonObject, values: JsonObject): void {
  fill(strategy, { type: 'RollingUpdate' });
  if (strategy.type === 'RollingUpdate') fill(childOf(strategy, 'rollingUpdate'), values);
}

function jobSpec(spec: JsonObject): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  fill(spec, {
    backoffLimit: 6,
    completionMode: 'NonIndexed',
    manualSelector: false,
    parallelism: 1,
    podReplacementPolicy: 'TerminatingOrFailed',
    suspend: false,
  });
  template(spec);
}

function service(spec: JsonObject): void {
  fill(spec, { sessionAffinity: 'None', type: 'ClusterIP' });
  if (spec.sessionAffinity === 'ClientIP')
    fill(spec, { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } } });
  for (const port of objectsAt(spec, 'ports')) fill(port, { protocol: 'TCP', targetPort: port.port ?? 0 });
  if (spec.type !== 'ExternalName') fill(spec, { internalTrafficPolicy: 'Cluster' });
  if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') fill(spec, { externalTrafficPolicy: 'Cluster' });
  if (spec.type === 'LoadBalancer') fill(spec, { allocateLoadBalancerNodePorts: true });
}

function roleReference(object: JsonObject): void {
  const group = 'rbac.authorization.k8s.io';
  fill(childOf(object, 'roleRef'), { apiGroup: group });
  for (const subject of objectsAt(object, 'subjects')) {
    if (subject.kind !== 'ServiceAccount') fill(subject, { apiGroup: group });
  }
}

/** `stringData` is for writing only: it ends up in `data`, base64. */
function secret(object: JsonObject): void {
  fill(object, { type: 'Opaque' });
  const plain = objectAt(object, 'stringData');
  for (const [key, value] of Object.entries(plain)) {
    const encoded = Buffer.from(typeof value === 'string' ? value : '').toString('base64');
    setMember(childOf(object, 'data'), key, encoded);
  }
  erase(object, 'stringData');
}

const byKind: Readonly<Record<string, Defaults>> = {
  'v1/Pod': podDefaults,
  'v1/Service': (_object, spec) => service(spec),
  'v1/Secret': secret,
  'v1/Namespace': (object, spec) => {
    fill(spec, { finalizers: ['kubernetes'] });
    fill(childOf(childOf(object, 'metadata'), 'labels'), { 'kubernetes.io/metadata.name': nameOf(object).name });
  },
  'v1/PersistentVolumeClaim': (_object, spec) => fill(spec, { volumeMode: 'Filesystem' }),
  'apps/v1/Deployment': (_object, spec) => {
    fill(spec, { progressDeadlineSeconds: 600, replicas: 1, revisionHistoryLimit: 10 });
    rollingUpdate(childOf(spec, 'strategy'), { maxSurge: '25%', maxUnavailable: '25%' });
    template(spec);
  },
  'apps/v1/ReplicaSet': (_object, spec) => {
    fill(spec, { replicas: 1 });
    template(spec);
  },
  'apps/v1/StatefulSet': (_object, spec) => {
    fill(spec, {
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      podManagementPolicy: 'OrderedReady',
      replicas: 1,
      revisionHistoryLimit: 10,
      serviceName: '',
    });
    rollingUpdate(childOf(spec, 'updateStrategy'), { maxUnavailable: 1, partition: 0 });
    template(spec);
  },
  'apps/v1/DaemonSet': (_object, spec) => {
    fill(spec, { revisionHistoryLimit: 10 });
    rollingUpdate(childOf(spec, 'updateStrategy'), { maxSurge: 0, maxUnavailable: 1 });
    template(spec);
  },
  'batch/v1/Job': (object, spec) => {
    jobSpec(spec);
    labelsOfPods(object);
  },
  'batch/v1/CronJob': (_object, spec) => {
    fill(spec, {
      concurrencyPolicy: 'Allow',
      failedJobsHistoryLimit: 1,
      successfulJobsHistoryLimit: 3,
      suspend: false,
    });
    template(childOf(childOf(spec, 'jobTemplate'), 'spec'));
  },
  'autoscaling/v2/HorizontalPodAutoscaler': (_object, spec) => {
    const resource = { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } };
    fill(spec, { minReplicas: 1, metrics: [{ type: 'Resource', resource }] });
  },
  'discovery.k8s.io/v1/EndpointSlice': object => {
    for (const port of objectsAt(object, 'ports')) fill(port, { name: '', protocol: 'TCP' });
  },
  'rbac.authorization.k8s.io/v1/RoleBinding': roleReference,
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': roleReference,
};

const withSpec = (kind: Kind): boolean => kind.schema?.type === 'map' && Object.hasOwn(kind.schema.fields, 'spec');

/** Fills in what the API server defaults when it reads an object of the kind. */
export function setDefaults(kind: Kind, object: JsonObject): void {
  const defaults = byKind[`${apiVersionOf(kind)}/${kind.kind}`];
  defaults?.(object, withSpec(kind) ? childOf(object, 'spec') : {});
}

const zeros = (...names: readonly string[]): JsonObject => Object.fromEntries(names.map(name => [name, 0]));

const statuses: Readonly<Record<string, JsonObject>> = {
  'v1/Namespace': { phase: 'Active' },
  'v1/PersistentVolumeClaim': { phase: 'Pending' },
  'v1/Pod': { phase: 'Pending', qosClass: 'BestEffort' },
  'v1/Service': { loadBalancer: {} },
  'apps/v1/DaemonSet': zeros('currentNumberScheduled', 'desiredNumberScheduled', 'numberMisscheduled', 'numberReady'),
  'apps/v1/ReplicaSet': zeros('replicas'),
  'apps/v1/StatefulSet': zeros('availableReplicas', 'replicas'),
  'autoscaling/v2/HorizontalPodAutoscaler': { currentMetrics: null, ...zeros('desiredReplicas') },
  'networking.k8s.io/v1/Ingress': { loadBalancer: {} },
  'policy/v1/PodDisruptionBudget': zeros('currentHealthy', 'desiredHealthy', 'disruptionsAllowed', 'expectedPods'),
};

/** Status of a new object; `undefined` when its kind starts without one. */
export function initialStatus(kind: Kind): JsonObject | undefined {
  const status = statuses[`${apiVersionOf(kind)}/${kind.kind}`];
  if (status !== undefined) return clone(status);
  return kind.status && kind.schema !== undefined && !kind.custom ? {} : undefined;
}

/** What an object gets when it is made, beyond its defaults: fields that nobody owns. */
export function admit(kind: Kind, object: JsonObject): void {
  if (kind.group === '' && kind.kind === 'Pod') admitPod(object);
  if (kind.group === 'batch' && kind.kind === 'Job') jobIdentity(object);
}

/** Gives a Job without labels those of its pods. */
function labelsOfPods(job: JsonObject): void {
  const labels = objectAt(job, 'spec', 'template', 'metadata', 'labels');
  // Not a copy: what admission adds to the labels of the pods is added here, too.
  if (Object.keys(labels).length > 0) fill(childOf(job, 'metadata'), { labels });
}

/** The labels that name the pods of one Job, by its name and uid. */
export function labelsOfJob(job: JsonObject): Readonly<Record<string, string>> {
  const { name } = nameOf(job);
  const uid = textAt(objectAt(job, 'metadata'), 'uid') ?? '';
  return {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
}

/** Adds the labels of the pods, and of the selector, that name the Job's own pods. What is there stays. */
function jobIdentity(job: JsonObject): void {
  const spec = childOf(job, 'spec');
  if (spec.manualSelector === true) return;
  const own = labelsOfJob(job);
  fill(childOf(childOf(childOf(spec, 'template'), 'metadata'), 'labels'), own);
  labelsOfPods(job);
  const { 'batch.kubernetes.io/controller-uid': uid = '' } = own;
  fill(childOf(childOf(spec, 'selector'), 'matchLabels'), { 'batch.kubernetes.io/controller-uid': uid });
}
