import { groupKind } from './kinds.js';
import type { KindRef, KubeObject } from './object.js';

/** The spec of any workload, as far as readiness reads it. */
export interface WorkloadSpec {
  readonly replicas?: number;
  readonly paused?: boolean;
  readonly suspend?: boolean;
  readonly completions?: number;
  readonly podManagementPolicy?: string;
  readonly template?: PodTemplate;
  readonly updateStrategy?: {
    readonly type?: string;
    readonly rollingUpdate?: {
      readonly partition?: number;
      readonly maxUnavailable?: number | string;
      readonly maxSurge?: number | string;
    };
  };
}

export interface PodTemplate {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: unknown;
}

/** `spec` of an object; empty if it has none. */
export function specOf(object: KubeObject): WorkloadSpec {
  return object['spec'] ?? {};
}

/** The uids of the controllers that own the object. */
export function ownersOf(object: KubeObject): readonly string[] {
  return (object.metadata.ownerReferences ?? []).filter(owner => owner.controller !== false).map(({ uid }) => uid);
}

/** Whether the controller with this uid owns the object. */
export function ownedBy(object: KubeObject, uid: string): boolean {
  return ownersOf(object).includes(uid);
}

const serving = new Set(['apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet', 'apps/ReplicaSet']);

/** Whether objects of this kind run pods that Services lead to for as long as it exists, unlike a Job. */
export function isServingWorkload(kind: Pick<KindRef, 'apiVersion' | 'kind'>): boolean {
  return serving.has(groupKind(kind));
}
