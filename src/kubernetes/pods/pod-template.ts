import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../object.js';
import { statusOf } from '../status.js';
import { ownedBy, specOf, type PodTemplate } from '../workload.js';

/** The label with which a Deployment's controller marks the pods of one template. */
export const hashLabel = 'pod-template-hash';

/** The label with which the controllers of StatefulSets and DaemonSets mark the pods of one template. */
export const revisionLabel = 'controller-revision-hash';

/** Whether two pod templates describe the same pods. The hash label that a controller adds is ignored. */
export function sameTemplate(one: PodTemplate | undefined, other: PodTemplate | undefined): boolean {
  return isDeepStrictEqual(withoutHash(one), withoutHash(other));
}

function withoutHash(template: PodTemplate | undefined): unknown {
  const labels = Object.entries(template?.metadata?.labels ?? {}).filter(([name]) => name !== hashLabel);
  // API servers before 1.33 write `creationTimestamp: null` into templates, later ones leave it out.
  const metadata = Object.entries(template?.metadata ?? {}).filter(([name]) => name !== 'creationTimestamp');
  return { ...template, metadata: { ...Object.fromEntries(metadata), labels: Object.fromEntries(labels) } };
}

/**
 * The ReplicaSet with exactly the Deployment's template; of several the oldest, which the Deployment controller chooses too.
 * `undefined` while it does not exist.
 */
export function newReplicaSet(deployment: KubeObject, replicaSets: readonly KubeObject[]): KubeObject | undefined {
  const { template } = specOf(deployment);
  return replicaSets
    .filter(set => ownedBy(set, deployment.metadata.uid ?? '') && sameTemplate(specOf(set).template, template))
    .sort((a, b) => (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''))[0];
}

/** The hash that the pods of a ReplicaSet carry as a label. */
export function templateHashOf(replicaSet: KubeObject): string | undefined {
  return replicaSet.metadata.labels?.[hashLabel];
}

/** Revision of a StatefulSet's or DaemonSet's pod, from its {@link revisionLabel}. */
export function controllerRevisionOf(pod: KubeObject): string | undefined {
  return pod.metadata.labels?.[revisionLabel];
}

/** The pods of a StatefulSet's current template; none until its controller has set `updateRevision`. */
export function newPodsOfStatefulSet(set: KubeObject, pods: readonly KubeObject[]): readonly KubeObject[] {
  const { observedGeneration = 0, updateRevision } = statusOf(set);
  if (updateRevision === undefined || observedGeneration < (set.metadata.generation ?? 0)) return [];
  return pods.filter(pod => controllerRevisionOf(pod) === updateRevision);
}

/**
 * The pods of a DaemonSet's current template. Its status names no revision: pods carry the generation of the template that
 * they were created from, and pods of an older generation count too if their revision is the same.
 */
export function newPodsOfDaemonSet(set: KubeObject, pods: readonly KubeObject[]): readonly KubeObject[] {
  const generation = set.metadata.annotations?.['deprecated.daemonset.template.generation'];
  if (generation === undefined) return [];
  const created = pods.filter(pod => pod.metadata.labels?.['pod-template-generation'] === generation);
  const revisions = new Set(created.map(controllerRevisionOf));
  return pods.filter(pod => revisions.has(controllerRevisionOf(pod)));
}
