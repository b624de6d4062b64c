import type { KubeObject } from './object.js';
import { conditionOf, statusOf, type ContainerStatus } from './status.js';

/** Statuses of a pod's containers: init containers first, as they run. */
export function containerStatusesOf(pod: KubeObject): readonly ContainerStatus[] {
  const { initContainerStatuses = [], containerStatuses = [] } = statusOf(pod);
  return [...initContainerStatuses, ...containerStatuses];
}

export function isBeingDeleted({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** Whether the pod may receive traffic. A pod that is being deleted is not ready, whatever its conditions are. */
export function isReady(pod: KubeObject): boolean {
  return !isBeingDeleted(pod) && conditionOf(pod, 'Ready')?.status === 'True';
}

/** The number of restarts of all its containers. */
export function restartsOf(pod: KubeObject): number {
  return containerStatusesOf(pod).reduce((sum, container) => sum + (container.restartCount ?? 0), 0);
}
