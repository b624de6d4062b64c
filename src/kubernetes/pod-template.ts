import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from './object.js';
import { ownedBy, specOf, statusOf } from './workload.js';
import type { PodTemplate } from './workload.js';

const hashLabel = 'pod-template-hash';

/** Whether two pod templates make the same pods. The hash that a controller adds is left aside. */
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
 * The ReplicaSet that runs exactly the Deployment's template; the oldest one, as the Deployment's controller chooses too.
 * `undefined` while it has not been made.
 */
export function newReplicaSet(deployment: KubeObject, replicaSets: readonly KubeObject[]): KubeObject | undefined {
  const { template } = specOf(deployment);
  return replicaSets
    .filter(set => ownedBy(set, deployment.metadata.uid ?? '') && sameTemplate(specOf(set).template, template))
    .sort((a, b) => (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''))[0];
}

/** The hash by which the pods of a ReplicaSet are told from others. */
export function templateHashOf(replicaSet: KubeObject): string | undefined {
  return replicaSet.metadata.labels?.[hashLabel];
}

/** The label by which the controllers of StatefulSets and DaemonSets tell the pods of their revisions apart. */
export function revisionOf(pod: KubeObject): string | undefined {
  return pod.metadata.labels?.['controller-revision-hash'];
}

/** Of a StatefulSet's pods those of the version that was written; none while its controller has not named its revision. */
export function newPodsOfStatefulSet(set: KubeObject, pods: readonly KubeObject[]): readonly KubeObject[] {
  const { observedGeneration = 0, updateRevision } = statusOf(set);
  if (updateRevision === undefined || observedGeneration < (set.metadata.generation ?? 0)) return [];
  return pods.filter(pod => revisionOf(pod) === updateRevision);
}

/**
 * Of a DaemonSet's pods those of the version that was written. Its status names no revision: pods carry the generation of
 * the template that they were made from, and older ones belong to it too if their revision is the same.
 */
export function newPodsOfDaemonSet(set: KubeObject, pods: readonly KubeObject[]): readonly KubeObject[] {
  const generation = set.metadata.annotations?.['deprecated.daemonset.template.generation'];
  if (generation === undefined) return [];
  const made = pods.filter(pod => pod.metadata.labels?.['pod-template-generation'] === generation);
  const revisions = new Set(made.map(revisionOf));
  return pods.filter(pod => revisions.has(revisionOf(pod)));
}
