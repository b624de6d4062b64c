import type { KubeObject } from './object.js';

/** One line of a status. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  /** Which generation it speaks of, where its controller says so. */
  readonly observedGeneration?: number;
}

/** What a container does now, or did in its previous life. */
export interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt?: string };
  readonly terminated?: {
    readonly exitCode?: number;
    readonly signal?: number;
    readonly reason?: string;
    readonly message?: string;
  };
}

export interface ContainerStatus {
  readonly name: string;
  readonly image?: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

/** The status of any workload or pod, as far as readiness reads it. */
export interface WorkloadStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly currentRevision?: string;
  readonly updateRevision?: string;
  readonly desiredNumberScheduled?: number;
  readonly currentNumberScheduled?: number;
  readonly updatedNumberScheduled?: number;
  readonly numberAvailable?: number;
  readonly succeeded?: number;
  readonly active?: number;
  readonly failed?: number;
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly containerStatuses?: readonly ContainerStatus[];
}

/** The spec of any workload, as far as readiness reads it. */
export interface WorkloadSpec {
  readonly replicas?: number;
  readonly paused?: boolean;
  readonly suspend?: boolean;
  readonly completions?: number;
  readonly template?: PodTemplate;
  readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
}

export interface PodTemplate {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: unknown;
}

/** Empty while no controller has written it. */
export function statusOf(object: KubeObject): WorkloadStatus {
  return object['status'] ?? {};
}

export function specOf(object: KubeObject): WorkloadSpec {
  return object['spec'] ?? {};
}

export function conditionOf(object: KubeObject, type: string): Condition | undefined {
  return statusOf(object).conditions?.find(condition => condition.type === type);
}

/** The uids of what controls `object`. */
export function ownersOf(object: KubeObject): readonly string[] {
  return (object.metadata.ownerReferences ?? []).filter(owner => owner.controller !== false).map(({ uid }) => uid);
}

/** Whether the controller that made `object` is the one with this uid. */
export function ownedBy(object: KubeObject, uid: string): boolean {
  return ownersOf(object).includes(uid);
}

/** Init containers first, as they run. */
export function containersOf(pod: KubeObject): readonly ContainerStatus[] {
  const { initContainerStatuses = [], containerStatuses = [] } = statusOf(pod);
  return [...initContainerStatuses, ...containerStatuses];
}

/** Whether traffic may go to the pod. One that is being deleted is not ready, whatever its conditions say. */
export function isReady(pod: KubeObject): boolean {
  return pod.metadata.deletionTimestamp === undefined && conditionOf(pod, 'Ready')?.status === 'True';
}

/** Restarts of all its containers since it was made. */
export function restartsOf(pod: KubeObject): number {
  return containersOf(pod).reduce((sum, container) => sum + (container.restartCount ?? 0), 0);
}
