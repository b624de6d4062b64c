import { textAt } from '../../kubernetes/fields.js';
import { resolveIntOrPercent } from '../../kubernetes/int-or-percent.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { newPodsOfDaemonSet } from '../../kubernetes/pods/pod-template.js';
import { hasEnded, isBeingDeleted, isOnLostNode, isReady } from '../../kubernetes/pods/pod.js';
import { statusOf } from '../../kubernetes/status.js';
import { specOf } from '../../kubernetes/workload.js';
import { ready, readyWithWarning, unobserved, waiting, type Readiness } from './readiness.js';
import { firstPodFailure, onDeleteWarning, podKind, type RolloutRule } from './rule.js';

/**
 * Ready when its pods on all nodes are updated and available; without those of nodes that do not answer, with a warning. Under
 * `OnDelete` at once, with a warning.
 */
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
      readiness: daemonSetReadiness(live, pods),
      newPods,
      lacksPods,
      stopping: pods.filter(isBeingDeleted),
      ...firstPodFailure(newPods),
    };
  },
};

/** `pods`: all of the set. A node that does not answer is told by the conditions of its pod. */
export function daemonSetReadiness(set: KubeObject, pods: readonly KubeObject[] = []): Readiness {
  const {
    observedGeneration = 0,
    desiredNumberScheduled: desired,
    currentNumberScheduled = 0,
    updatedNumberScheduled = 0,
    numberAvailable = 0,
    numberMisscheduled = 0,
  } = statusOf(set);
  if (observedGeneration < (set.metadata.generation ?? 0) || desired === undefined) return waiting(unobserved);
  if (desired === 0 && currentNumberScheduled === 0)
    return readyWithWarning('0 of 0 available', 'no node of the cluster matches it, so it has no pods');
  const counts = `${numberAvailable} of ${desired} available`;
  if (specOf(set).updateStrategy?.type === 'OnDelete' && updatedNumberScheduled < currentNumberScheduled)
    return readyWithWarning(counts, onDeleteWarning);
  if (updatedNumberScheduled >= desired && numberAvailable >= desired) return ready(counts);
  const progress = updatedNumberScheduled < desired ? `${counts}, ${updatedNumberScheduled} updated` : counts;
  const lost = lostNodes(pods);
  if (lost.length === 0) return waiting(progress);
  const nodes = lost.length === 1 ? `node ${lost[0] ?? ''} is not ready` : `nodes ${lost.join(', ')} are not ready`;
  // A node whose taint the set does not tolerate is not among those desired; its pod counts as misscheduled.
  const others = desired - Math.max(lost.length - numberMisscheduled, 0);
  if (
    others < desired &&
    others > 0 &&
    Math.min(updatedNumberScheduled, numberAvailable, updatedElsewhere(set, pods)) >= others
  )
    return readyWithWarning(progress, `${nodes}, so the new version does not run there; it runs on all others`);
  return waiting(`${progress}; ${nodes}${blocksOthers(set, { desired, lost: lost.length }) ? whyBlocked : ''}`);
}

const whyBlocked = ', and its maxUnavailable lets no pod be replaced elsewhere before that changes';

function lostNodes(pods: readonly KubeObject[]): readonly string[] {
  const nodes = pods.filter(pod => !hasEnded(pod) && isOnLostNode(pod)).map(pod => textAt(pod, ['spec', 'nodeName']));
  return [...new Set(nodes.filter(node => node !== undefined))].sort();
}

/** The number of ready pods of the new version. Those of nodes that do not answer are not ready. */
function updatedElsewhere(set: KubeObject, pods: readonly KubeObject[]): number {
  return newPodsOfDaemonSet(set, pods).filter(isReady).length;
}

/** Whether the nodes that do not answer are as many as may be unavailable: then the controller replaces no other pod. */
function blocksOthers(
  set: KubeObject,
  { desired, lost }: { readonly desired: number; readonly lost: number },
): boolean {
  const { maxUnavailable = 1, maxSurge = 0 } = specOf(set).updateStrategy?.rollingUpdate ?? {};
  if (resolveIntOrPercent(maxSurge, desired, 'up') !== 0) return false;
  return lost >= (resolveIntOrPercent(maxUnavailable, desired, 'up') ?? 1);
}
