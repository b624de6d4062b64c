import type { KubeObject } from '../../kubernetes/object.js';
import { newPodsOfDaemonSet } from '../../kubernetes/pods/pod-template.js';
import { hasEnded, isBeingDeleted } from '../../kubernetes/pods/pod.js';
import { statusOf } from '../../kubernetes/status.js';
import { specOf } from '../../kubernetes/workload.js';
import { ready, readyWithWarning, unobserved, waiting, type Readiness } from './readiness.js';
import { firstPodFailure, onDeleteWarning, podKind, type RolloutRule } from './rule.js';

/** Ready when its pods on all nodes are updated and available. Under `OnDelete` at once, with a warning. */
export const daemonSetRule: RolloutRule = {
  when: 'rollout',
  watch: [podKind],
  isPinnedByTemplate: true,
  judge(live, { inventory }) {
    const pods = inventory.ownedBy(live.metadata.uid ?? '', 'Pod');
    const newPods = newPodsOfDaemonSet(live, pods);
    // A pod that is leaving keeps its place on the node.
    const { desiredNumberScheduled = 0 } = statusOf(live);
    const lacksPods = pods.filter(pod => !hasEnded(pod)).length < desiredNumberScheduled;
    return {
      readiness: daemonSetReadiness(live),
      newPods,
      lacksPods,
      stopping: pods.filter(isBeingDeleted),
      ...firstPodFailure(newPods),
    };
  },
};

export function daemonSetReadiness(set: KubeObject): Readiness {
  const {
    observedGeneration = 0,
    desiredNumberScheduled: desired,
    currentNumberScheduled = 0,
    updatedNumberScheduled = 0,
    numberAvailable = 0,
  } = statusOf(set);
  if (observedGeneration < (set.metadata.generation ?? 0) || desired === undefined) return waiting(unobserved);
  if (desired === 0 && currentNumberScheduled === 0)
    return readyWithWarning('0 of 0 available', 'no node of the cluster matches it, so it has no pods');
  const counts = `${numberAvailable} of ${desired} available`;
  if (specOf(set).updateStrategy?.type === 'OnDelete' && updatedNumberScheduled < currentNumberScheduled)
    return readyWithWarning(counts, onDeleteWarning);
  if (updatedNumberScheduled < desired) return waiting(`${counts}, ${updatedNumberScheduled} updated`);
  return numberAvailable >= desired ? ready(counts) : waiting(counts);
}
