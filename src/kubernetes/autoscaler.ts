import { textAt } from './fields.js';
import { groupKind } from './kinds.js';
import { groupOf, type KindRef, type KubeObject } from './object.js';

/** The kinds whose controllers set the replicas of a workload. A cluster without KEDA does not serve the second one. */
export const autoscalerKinds: readonly KindRef[] = [
  { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' },
  { apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject' },
];

const groupKinds: ReadonlySet<string> = new Set(autoscalerKinds.map(groupKind));

/** Whether the object is an autoscaler of any API version. */
export function isAutoscaler(object: Pick<KubeObject, 'apiVersion' | 'kind'>): boolean {
  return groupKinds.has(groupKind(object));
}

/**
 * Whether the workload is the scale target of this autoscaler. Does not read the kind of the autoscaler: the items of a list
 * have none.
 */
export function isScaleTarget(workload: KubeObject, autoscaler: Pick<KubeObject, 'metadata'>): boolean {
  if (autoscaler.metadata.namespace !== workload.metadata.namespace) return false;
  const target = (name: string): string | undefined => textAt(autoscaler, ['spec', 'scaleTargetRef', name]);
  // In KEDA, kind and apiVersion default to a Deployment; in a HorizontalPodAutoscaler, the kind is required.
  const sameKind = (target('kind') ?? 'Deployment') === workload.kind;
  const sameGroup = groupOf(target('apiVersion') ?? 'apps/v1') === groupOf(workload.apiVersion);
  return sameKind && sameGroup && target('name') === workload.metadata.name;
}
