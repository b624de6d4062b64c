import { fieldManager } from '../../cluster/apply/field-manager.js';
import { appliedBy } from '../../cluster/apply/owned-fields.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { activePods, isReady } from '../../kubernetes/pod.js';
import { newReplicaSet, templateHashOf } from '../../kubernetes/pod-template.js';
import { conditionOf, statusOf } from '../../kubernetes/status.js';
import { specOf } from '../../kubernetes/workload.js';
import { controllerToleranceMs, failed, ready, readyWithWarning, unobserved, waiting } from './readiness.js';
import type { Readiness } from './readiness.js';
import { patienceWith } from './refusal.js';
import { firstPodFailure, podKind, type Paused, type RolloutRule } from './rule.js';

/** Ready when the ReplicaSet of its own template has all replicas ready and available, and no other pod is left. */
export const deploymentRule: RolloutRule = {
  when: 'rollout',
  watch: [podKind, { apiVersion: 'apps/v1', kind: 'ReplicaSet' }],
  isPinnedByTemplate: true,
  judge(live, { inventory, paused }) {
    const replicaSet = newReplicaSet(live, inventory.ownedBy(live.metadata.uid ?? '', 'ReplicaSet'));
    const newPods = replicaSet === undefined ? [] : inventory.ownedBy(replicaSet.metadata.uid ?? '', 'Pod');
    const templateHash = replicaSet === undefined ? undefined : templateHashOf(replicaSet);
    return {
      readiness: deploymentReadiness(live, newPods, paused),
      newPods,
      ...firstPodFailure(newPods),
      ...(templateHash !== undefined && { templateHash }),
      ...(replicaSet !== undefined && {
        podCreator: replicaSet,
        lacksPods: activePods(newPods).length < (specOf(replicaSet).replicas ?? 0),
      }),
    };
  },
};

/** `newPods`: those of the ReplicaSet with the Deployment's own template. */
export function deploymentReadiness(
  deployment: KubeObject,
  newPods: readonly KubeObject[],
  paused: Paused = 'refused',
): Readiness {
  const { replicas: desired = 1, paused: isPaused } = specOf(deployment);
  const {
    observedGeneration = 0,
    replicas = 0,
    updatedReplicas = 0,
    readyReplicas = 0,
    availableReplicas = 0,
  } = statusOf(deployment);
  if (observedGeneration < (deployment.metadata.generation ?? 0)) return waiting(unobserved);

  const active = activePods(newPods);
  const readyPods = active.filter(isReady).length;
  const old = Math.max(replicas - updatedReplicas, 0);
  const counts = `${readyPods} of ${desired} ready`;
  const complete = updatedReplicas === desired && readyReplicas === desired && availableReplicas === desired;
  if (complete && old === 0 && replicas === desired && readyPods === desired && active.length === desired)
    return ready(counts);

  if (isPaused) {
    if (paused === 'noted' && isPausedByManifest(deployment))
      return readyWithWarning(
        counts,
        'its manifest pauses it (spec.paused), so pods stay as they are and the new version does not run',
      );
    return failed('it is paused, so its new pods will not start; remove spec.paused');
  }
  const failure = controllerFailure(deployment, counts);
  if (failure !== undefined) return failure;
  if (updatedReplicas < desired && readyPods >= updatedReplicas)
    return waiting(`${counts}, ${updatedReplicas} started`);
  if (readyPods === desired && old > 0)
    return waiting(`${counts}, ${old} old ${old === 1 ? 'pod' : 'pods'} still running`);
  if (readyPods === desired && availableReplicas < desired) return waiting(`${counts}, ${availableReplicas} available`);
  return waiting(counts);
}

/** What the Deployment controller reports as failed, in the conditions of the Deployment. */
function controllerFailure(deployment: KubeObject, counts: string): Readiness | undefined {
  const progressing = conditionOf(deployment, 'Progressing');
  if (progressing?.status === 'False' && progressing.reason === 'ProgressDeadlineExceeded')
    return failed(`${counts} when its progressDeadlineSeconds expired`, controllerToleranceMs);
  const replicaFailure = conditionOf(deployment, 'ReplicaFailure');
  if (replicaFailure?.status !== 'True') return undefined;
  const why = replicaFailure.message ?? replicaFailure.reason ?? 'no reason given';
  return failed(`its pods cannot be created: ${why}`, patienceWith(why));
}

/** Whether `spec.paused` comes from what Cutover applied, and not from `kubectl rollout pause`. */
function isPausedByManifest(deployment: KubeObject): boolean {
  const applied = appliedBy(deployment, fieldManager);
  return applied !== undefined && specOf(applied).paused === true;
}
