import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../manifests/object.js';
import { ownedBy, specOf } from './workload.js';
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
