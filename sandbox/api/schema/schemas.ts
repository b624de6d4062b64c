import {
  labelSelector,
  localReference,
  metadata,
  objectReference,
  podSpec,
  podTemplate,
  resources,
} from './schema-pod.js';
import {
  all,
  any,
  atomic,
  flag,
  listBy,
  listOf,
  mapOf,
  number,
  open,
  quantity,
  scalar,
  setOf,
  struct,
  text,
} from './schema.js';
import type { Schema } from './schema.js';

type Fields = Parameters<typeof struct>[0];

const status = open({ conditions: listBy(['type'], any) });
const object = (fields: Fields): Schema => struct({ ...all(text, 'apiVersion', 'kind'), metadata, ...fields });
const workload = (spec: Fields): Schema => object({ spec: struct(spec), status });

const replicated = { ...all(number, 'replicas', 'minReadySeconds'), 'selector!': labelSelector };
const rolling = {
  type: text,
  rollingUpdate: struct({ ...all(scalar, 'maxSurge', 'maxUnavailable'), partition: number }),
};

const jobSpec = struct({
  ...all(number, 'activeDeadlineSeconds', 'backoffLimit', 'backoffLimitPerIndex', 'completions', 'maxFailedIndexes'),
  ...all(number, 'parallelism', 'ttlSecondsAfterFinished'),
  ...all(text, 'completionMode', 'managedBy', 'podReplacementPolicy'),
  ...all(flag, 'manualSelector', 'suspend'),
  selector: labelSelector,
  'template!': podTemplate,
  ...all(any, 'podFailurePolicy', 'scheduling', 'successPolicy'),
});

const claimSpec = struct({
  accessModes: listOf(text),
  dataSource: atomic(struct(all(text, 'apiGroup', 'kind!', 'name!'))),
  dataSourceRef: struct(all(text, 'apiGroup', 'kind!', 'name!', 'namespace')),
  resources,
  selector: labelSelector,
  ...all(text, 'storageClassName', 'volumeAttributesClassName', 'volumeMode', 'volumeName'),
});

const workloads: Readonly<Record<string, Schema>> = {
  'apps/v1/Deployment': workload({
    ...replicated,
    'template!': podTemplate,
    paused: flag,
    ...all(number, 'progressDeadlineSeconds', 'revisionHistoryLimit'),
    strategy: struct(rolling),
  }),
  'apps/v1/ReplicaSet': workload({ ...replicated, template: podTemplate }),
  'apps/v1/StatefulSet': workload({
    ...replicated,
    'template!': podTemplate,
    ordinals: struct({ start: number }),
    persistentVolumeClaimRetentionPolicy: struct(all(text, 'whenDeleted', 'whenScaled')),
    ...all(text, 'podManagementPolicy', 'serviceName'),
    revisionHistoryLimit: number,
    updateStrategy: struct(rolling),
    volumeClaimTemplates: listOf(
      struct({ ...all(text, 'apiVersion', 'kind'), metadata, spec: claimSpec, status: any }),
    ),
  }),
  'apps/v1/DaemonSet': workload({
    'selector!': labelSelector,
    'template!': podTemplate,
    ...all(number, 'minReadySeconds', 'revisionHistoryLimit'),
    updateStrategy: struct(rolling),
  }),
  'batch/v1/Job': object({ spec: jobSpec, status: any }),
  'batch/v1/CronJob': object({
    spec: struct({
      ...all(text, 'concurrencyPolicy', 'schedule!', 'timeZone'),
      ...all(number, 'failedJobsHistoryLimit', 'startingDeadlineSeconds', 'successfulJobsHistoryLimit'),
      suspend: flag,
      'jobTemplate!': struct({ metadata, spec: jobSpec }),
    }),
    status: any,
  }),
  'v1/Pod': object({
    spec: podSpec,
    status: open({
      conditions: listBy(['type'], any),
      podIPs: listBy(['ip'], any),
    }),
  }),
  'v1/PodTemplate': object({ template: podTemplate }),
};

const scalingRules = struct({
  policies: listOf(struct({ 'type!': text, ...all(number, 'periodSeconds!', 'value!') })),
  selectPolicy: text,
  stabilizationWindowSeconds: number,
  tolerance: quantity,
});
const metricTarget = struct({ 'type!': text, averageUtilization: number, ...all(quantity, 'averageValue', 'value') });
const reference = struct(all(text, 'apiVersion', 'kind!', 'name!'));
const metric = struct({ 'name!': text, selector: labelSelector });
const scaling = { 'scaleTargetRef!': reference, ...all(number, 'maxReplicas!', 'minReplicas') };

const backend = struct({
  resource: atomic(struct(all(text, 'apiGroup', 'kind!', 'name!'))),
  service: struct({ 'name!': text, port: atomic(struct({ name: text, number })) }),
});

const traffic: Readonly<Record<string, Schema>> = {
  'v1/Service': workload({
    selector: atomic(mapOf(text)),
    ports: listBy(
      ['port', 'protocol=TCP'],
      struct({
        ...all(text, 'appProtocol', 'name', 'protocol'),
        ...all(number, 'nodePort', 'port!'),
        targetPort: scalar,
      }),
    ),
    ...all(text, 'clusterIP', 'externalName', 'externalTrafficPolicy', 'internalTrafficPolicy', 'ipFamilyPolicy'),
    ...all(text, 'loadBalancerClass', 'loadBalancerIP', 'sessionAffinity', 'trafficDistribution', 'type'),
    ...all(listOf(text), 'clusterIPs', 'externalIPs', 'ipFamilies', 'loadBalancerSourceRanges'),
    ...all(flag, 'allocateLoadBalancerNodePorts', 'publishNotReadyAddresses'),
    healthCheckNodePort: number,
    sessionAffinityConfig: struct({ clientIP: struct({ timeoutSeconds: number }) }),
  }),
  'discovery.k8s.io/v1/EndpointSlice': object({
    'addressType!': text,
    endpoints: listOf(
      struct({
        'addresses!': setOf(text),
        conditions: struct(all(flag, 'ready', 'serving', 'terminating')),
        deprecatedTopology: mapOf(text),
        ...all(text, 'hostname', 'nodeName', 'zone'),
        hints: any,
        targetRef: objectReference,
      }),
    ),
    ports: listOf(atomic(struct({ ...all(text, 'appProtocol', 'name', 'protocol'), port: number }))),
  }),
  'networking.k8s.io/v1/Ingress': workload({
    defaultBackend: backend,
    ingressClassName: text,
    rules: listOf(
      struct({
        host: text,
        http: struct({ 'paths!': listOf(struct({ path: text, pathType: text, 'backend!': backend })) }),
      }),
    ),
    tls: listOf(struct({ hosts: listOf(text), secretName: text })),
  }),
  'autoscaling/v1/HorizontalPodAutoscaler': object({
    spec: struct({ ...scaling, targetCPUUtilizationPercentage: number }),
    status: struct({
      lastScaleTime: text,
      ...all(number, 'currentCPUUtilizationPercentage', 'currentReplicas', 'desiredReplicas', 'observedGeneration'),
    }),
  }),
  'autoscaling/v2/HorizontalPodAutoscaler': workload({
    behavior: struct(all(scalingRules, 'scaleDown', 'scaleUp')),
    ...scaling,
    metrics: listOf(
      struct({
        'type!': text,
        resource: struct({ 'name!': text, 'target!': metricTarget }),
        containerResource: struct({ ...all(text, 'name!', 'container!'), 'target!': metricTarget }),
        pods: struct({ 'metric!': metric, 'target!': metricTarget }),
        external: struct({ 'metric!': metric, 'target!': metricTarget }),
        object: struct({ 'metric!': metric, 'target!': metricTarget, 'describedObject!': reference }),
      }),
    ),
  }),
  'policy/v1/PodDisruptionBudget': workload({
    ...all(scalar, 'maxUnavailable', 'minAvailable'),
    selector: labelSelector,
    unhealthyPodEvictionPolicy: text,
  }),
};

const rules = listOf(struct(all(listOf(text), 'apiGroups', 'nonResourceURLs', 'resourceNames', 'resources', 'verbs!')));
const binding = object({
  'roleRef!': atomic(struct(all(text, 'apiGroup', 'kind!', 'name!'))),
  subjects: listOf(atomic(struct(all(text, 'apiGroup', 'kind!', 'name!', 'namespace')))),
});

const configuration: Readonly<Record<string, Schema>> = {
  'v1/ConfigMap': object({ ...all(mapOf(text), 'binaryData', 'data'), immutable: flag }),
  'v1/Secret': object({ ...all(mapOf(text), 'data', 'stringData'), immutable: flag, type: text }),
  'v1/ServiceAccount': object({
    automountServiceAccountToken: flag,
    imagePullSecrets: listOf(localReference),
    secrets: listBy(['name'], objectReference),
  }),
  'v1/Namespace': workload({ finalizers: listOf(text) }),
  'v1/PersistentVolumeClaim': object({ spec: claimSpec, status }),
  'v1/Event': object({
    ...all(text, 'action', 'eventTime', 'firstTimestamp', 'lastTimestamp', 'message', 'reason', 'type'),
    ...all(text, 'reportingComponent', 'reportingInstance'),
    count: number,
    'involvedObject!': objectReference,
    related: objectReference,
    series: struct({ count: number, lastObservedTime: text }),
    source: struct(all(text, 'component', 'host')),
  }),
  'rbac.authorization.k8s.io/v1/Role': object({ rules }),
  'rbac.authorization.k8s.io/v1/ClusterRole': object({ rules, aggregationRule: any }),
  'rbac.authorization.k8s.io/v1/RoleBinding': binding,
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': binding,
  ...Object.fromEntries(
    ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'].map(kind => [
      `admissionregistration.k8s.io/v1/${kind}`,
      open({ ...all(text, 'apiVersion', 'kind'), metadata, webhooks: listBy(['name'], any) }),
    ]),
  ),
  'coordination.k8s.io/v1/Lease': object({
    spec: struct({
      ...all(text, 'acquireTime', 'holderIdentity', 'preferredHolder', 'renewTime', 'strategy'),
      ...all(number, 'leaseDurationSeconds', 'leaseTransitions'),
    }),
  }),
};

const known = { ...workloads, ...traffic, ...configuration };

/** Schema of a built-in kind. `undefined`: its fields are not known, so every value is valid. */
export function schemaOf(apiVersion: string, kind: string): Schema | undefined {
  const key = `${apiVersion}/${kind}`;
  return Object.hasOwn(known, key) ? known[key] : undefined;
}

/** The schema of kinds with unknown fields: only the metadata is known. */
export const unknownKind: Schema = open({ ...all(text, 'apiVersion', 'kind'), metadata });
