import { conditionOf } from '../condition.js';
import type { Pod } from '../pod.js';
import { isReady } from '../pod.js';

const phases = ['Pending', 'Unknown', 'Running'];

/**
 * Pods in the order in which a controller that has too many deletes them: unready ones first, then the
 * cheapest by annotation, then the youngest.
 */
export function firstToGo(pods: readonly Pod[]): readonly Pod[] {
  return [...pods].sort((a, b) => {
    for (const rank of ranks) {
      const difference = rank(a) - rank(b);
      if (difference !== 0) return difference;
    }
    return 0;
  });
}

const ranks: readonly ((pod: Pod) => number)[] = [
  pod => (pod.spec.nodeName === undefined ? 0 : 1),
  pod => phases.indexOf(pod.status?.phase ?? 'Pending'),
  pod => (isReady(pod) ? 1 : 0),
  pod => Number(pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0),
  pod => -Date.parse(conditionOf(pod.status?.conditions, 'Ready')?.lastTransitionTime ?? '1970-01-01'),
  pod => -Math.max(0, ...(pod.status?.containerStatuses ?? []).map(status => status.restartCount)),
  pod => -Date.parse(pod.metadata.creationTimestamp ?? '1970-01-01'),
];
