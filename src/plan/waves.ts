import { groupKind } from '../kubernetes/kinds.js';
import type { KubeObject } from '../kubernetes/object.js';

/** The order of applying. Objects of one wave are applied together. */
export type WaveName = 'foundations' | 'configuration' | 'services' | 'workloads' | 'rest' | 'webhooks';

export interface Wave<T> {
  readonly name: WaveName;
  readonly items: readonly T[];
}

const kinds: Readonly<Record<Exclude<WaveName, 'rest'>, readonly string[]>> = {
  // Every other object may be in one of these namespaces, of one of these kinds or classes.
  foundations: ['apiextensions.k8s.io/CustomResourceDefinition', '/Namespace', 'scheduling.k8s.io/PriorityClass'],
  // Pods that start earlier would fail or run with the old ones.
  configuration: [
    '/ServiceAccount',
    '/ConfigMap',
    '/Secret',
    '/ResourceQuota',
    '/LimitRange',
    '/PersistentVolume',
    '/PersistentVolumeClaim',
    'storage.k8s.io/StorageClass',
    'node.k8s.io/RuntimeClass',
    'policy/PodDisruptionBudget',
    'networking.k8s.io/NetworkPolicy',
    'rbac.authorization.k8s.io/Role',
    'rbac.authorization.k8s.io/RoleBinding',
    'rbac.authorization.k8s.io/ClusterRole',
    'rbac.authorization.k8s.io/ClusterRoleBinding',
  ],
  services: ['/Service', '/Endpoints', 'discovery.k8s.io/EndpointSlice'],
  workloads: [
    'apps/Deployment',
    'apps/StatefulSet',
    'apps/DaemonSet',
    'apps/ReplicaSet',
    '/ReplicationController',
    '/Pod',
    'batch/Job',
    'batch/CronJob',
    'autoscaling/HorizontalPodAutoscaler',
  ],
  // Last: an API server that calls a webhook whose pods do not run yet would reject the other objects.
  webhooks: [
    'admissionregistration.k8s.io/MutatingWebhookConfiguration',
    'admissionregistration.k8s.io/ValidatingWebhookConfiguration',
    'admissionregistration.k8s.io/MutatingAdmissionPolicy',
    'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding',
    'admissionregistration.k8s.io/ValidatingAdmissionPolicy',
    'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding',
  ],
};

const order: readonly WaveName[] = ['foundations', 'configuration', 'services', 'workloads', 'rest', 'webhooks'];

const waves: ReadonlyMap<string, WaveName> = new Map(
  order.flatMap(wave => (wave === 'rest' ? [] : kinds[wave].map(kind => [kind, wave] as const))),
);

/** The wave of an object; an unknown kind belongs to `rest`, after everything that it may need. */
export function waveOf(object: KubeObject): WaveName {
  return waves.get(groupKind(object)) ?? 'rest';
}

/** Objects in waves, in the order of applying, without empty waves. The order inside a wave is kept. */
export function orderWaves<T extends { readonly object: KubeObject }>(items: readonly T[]): readonly Wave<T>[] {
  return order
    .map(name => ({ name, items: items.filter(({ object }) => waveOf(object) === name) }))
    .filter(wave => wave.items.length > 0);
}
