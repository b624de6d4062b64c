import type { KubeObject } from '../object.js';
import { conditionOf, statusOf, type ContainerStatus } from '../status.js';

/** Statuses of a pod's containers: init containers first, as they run. */
export function containerStatusesOf(pod: KubeObject): readonly ContainerStatus[] {
  const { initContainerStatuses = [], containerStatuses = [] } = statusOf(pod);
  return [...initContainerStatuses, ...containerStatuses];
}

export function isBeingDeleted({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** Whether the pod has ended for good: it succeeded or failed. An evicted pod has failed. It stays until somebody deletes it. */
export function hasEnded(pod: KubeObject): boolean {
  const { phase } = statusOf(pod);
  return phase === 'Succeeded' || phase === 'Failed';
}

/** Whether the pod counts for the workload that owns it: it is not being deleted and has not ended, as its controller counts. */
export function isActive(pod: KubeObject): boolean {
  return !isBeingDeleted(pod) && !hasEnded(pod);
}

/** The pods that count: the one filter of readiness, traffic and adoption. A workload creates another pod in place of any other. */
export function activePods(pods: readonly KubeObject[]): readonly KubeObject[] {
  return pods.filter(isActive);
}

/** Whether the pod may receive traffic. A pod that is not active is not ready, whatever its conditions are. */
export function isReady(pod: KubeObject): boolean {
  return isActive(pod) && conditionOf(pod, 'Ready')?.status === 'True';
}

/**
 * Whether the node of the pod does not answer any more: the node controller then sets Ready to False without a reason, while the
 * containers were ready when the kubelet last reported. The kubelet itself always gives a reason.
 */
export function isOnLostNode(pod: KubeObject): boolean {
  const ready = conditionOf(pod, 'Ready');
  return (
    ready?.status === 'False' && (ready.reason ?? '') === '' && conditionOf(pod, 'ContainersReady')?.status === 'True'
  );
}

/** The number of restarts of all its containers. */
export function restartsOf(pod: KubeObject): number {
  return containerStatusesOf(pod).reduce((sum, container) => sum + (container.restartCount ?? 0), 0);
}
