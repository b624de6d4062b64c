import type { KubeObject } from './object.js';

/** An entry of `status.conditions`. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  /** Of a Deployment: when its status or reason changed. */
  readonly lastUpdateTime?: string;
  /** The generation that it was set for. Absent: its controller does not record that. */
  readonly observedGeneration?: number;
  /** ISO 8601. */
  readonly lastTransitionTime?: string;
}

/** State of a container, or of its previous instance: one of the three. */
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
  /** What the node runs: usually the repository with a digest. Empty before the container has started. */
  readonly imageID?: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

/** The fields of a `status` that readiness reads, of every kind that has them. */
export interface ObjectStatus {
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
  readonly numberMisscheduled?: number;
  readonly succeeded?: number;
  readonly active?: number;
  readonly failed?: number;
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly containerStatuses?: readonly ContainerStatus[];
}

/** `status` of an object; empty while no controller has written it. */
export function statusOf(object: KubeObject): ObjectStatus {
  return object['status'] ?? {};
}

export function conditionOf(object: KubeObject, type: string): Condition | undefined {
  return statusOf(object).conditions?.find(condition => condition.type === type);
}

/** Whether the object has a condition of this type and status. */
export function hasCondition(object: KubeObject, type: string, status: 'True' | 'False'): boolean {
  return conditionOf(object, type)?.status === status;
}

/** `QuotaExceeded: exceeded quota`; `no reason given` where the condition has neither reason nor message. */
export function describeCondition(condition: Pick<Condition, 'reason' | 'message'> | undefined): string {
  return [condition?.reason, condition?.message].filter(Boolean).join(': ') || 'no reason given';
}
