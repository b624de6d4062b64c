import type { KubeObject } from '../../kubernetes/object.js';
import { newPodsOfStatefulSet } from '../../kubernetes/pods/pod-template.js';
import { hasEnded, isBeingDeleted, isReady } from '../../kubernetes/pods/pod.js';
import { statusOf } from '../../kubernetes/status.js';
import { specOf } from '../../kubernetes/workload.js';
import { ready, readyWithWarning, unobserved, waiting, type Readiness } from './readiness.js';
import { firstPodFailure, onDeleteWarning, podKind, type RolloutRule } from './rule.js';

/** Ready when all replicas are ready and available, and updated down to its `partition`. Under `OnDelete` at once, with a warning. */
export const statefulSetRule: RolloutRule = {
  when: 'rollout',
  watch: [podKind],
  isPinnedByTemplate: true,
  judge(live, { inventory }) {
    const pods = inventory.ownedBy(live.metadata.uid ?? '', 'Pod');
    const newPods = newPodsOfStatefulSet(live, pods);
    const { updateRevision } = statusOf(live);
    return {
      readiness: statefulSetReadiness(live),
      newPods,
      stopping: pods.filter(isBeingDeleted),
      lacksPods: lacksPods(live, pods),
      ...firstPodFailure(newPods),
      ...(updateRevision !== undefined && { templateHash: updateRevision }),
    };
  },
};

/** In order, the next pod is created once all earlier ones are ready. A pod that is leaving keeps its name. */
function lacksPods(set: KubeObject, pods: readonly KubeObject[]): boolean {
  const { replicas: desired = 1, podManagementPolicy } = specOf(set);
  const present = pods.filter(pod => !hasEnded(pod));
  return present.length < desired && (podManagementPolicy === 'Parallel' || present.every(isReady));
}

export function statefulSetReadiness(set: KubeObject): Readiness {
  const { replicas: desired = 1, updateStrategy } = specOf(set);
  const {
    observedGeneration = 0,
    updatedReplicas = 0,
    readyReplicas = 0,
    replicas = 0,
    availableReplicas = readyReplicas, // API servers before 1.22 do not report it
    currentRevision,
    updateRevision,
  } = statusOf(set);
  if (observedGeneration < (set.metadata.generation ?? 0)) return waiting(unobserved);
  const counts = `${readyReplicas} of ${desired} ready`;
  const rolling = updateStrategy?.type !== 'OnDelete';
  const partition = rolling ? (updateStrategy?.rollingUpdate?.partition ?? 0) : 0;
  // The first version starts all its pods by itself; only later ones wait until somebody deletes the previous pods.
  if (!rolling && currentRevision !== updateRevision && updatedReplicas < desired)
    return readyWithWarning(counts, onDeleteWarning);
  if (updatedReplicas < Math.max(desired - partition, 0)) return waiting(`${counts}, ${updatedReplicas} updated`);
  if (readyReplicas !== desired || replicas !== desired) return waiting(counts);
  if (availableReplicas < desired) return waiting(`${counts}, ${availableReplicas} available`);
  if (partition === 0) {
    // Under OnDelete the controller never changes currentRevision.
    const complete = !rolling || currentRevision === updateRevision;
    return complete ? ready(counts) : waiting(`${counts}, its currentRevision is not updated yet`);
  }
  const updated = `${counts}, ${updatedReplicas} updated (partition ${partition})`;
  return updatedReplicas > 0 || desired === 0
    ? ready(updated)
    : readyWithWarning(updated, `its partition of ${partition} keeps every pod at the previous version`);
}
