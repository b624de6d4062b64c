import { isDeepStrictEqual } from 'node:util';
import { fieldManager } from '../../cluster/apply/field-manager.js';
import { appliedBy, ownersOfField } from '../../cluster/apply/owned-fields.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { activePods, isReady } from '../../kubernetes/pods/pod.js';
import { newReplicaSet, templateHashOf } from '../../kubernetes/pods/pod-template.js';
import { conditionOf, statusOf, type Condition } from '../../kubernetes/status.js';
import { specOf } from '../../kubernetes/workload.js';
import { controllerToleranceMs, failed, ready, readyWithWarning, unobserved, waiting } from './readiness.js';
import type { Readiness } from './readiness.js';
import { patienceWith } from './refusal.js';
import { firstPodFailure, podKind, type RolloutContext, type RolloutRule } from './rule.js';

/** Ready when the ReplicaSet of its own template has all replicas ready and available, and no other pod is left. */
export const deploymentRule: RolloutRule = {
  when: 'rollout',
  watch: [podKind, { apiVersion: 'apps/v1', kind: 'ReplicaSet' }],
  isPinnedByTemplate: true,
  judge(live, { inventory, ...context }) {
    const replicaSet = newReplicaSet(live, inventory.ownedBy(live.metadata.uid ?? '', 'ReplicaSet'));
    const newPods = replicaSet === undefined ? [] : inventory.ownedBy(replicaSet.metadata.uid ?? '', 'Pod');
    const templateHash = replicaSet === undefined ? undefined : templateHashOf(replicaSet);
    return {
      readiness: deploymentReadiness(live, newPods, context),
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
  { paused = 'refused', written }: Pick<RolloutContext, 'paused' | 'written'> = {},
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
    return failed(`it is paused, so its new pods will not start; ${resumeHint(deployment)}`);
  }
  const failure = controllerFailure(deployment, { counts, ...(written && { written }) });
  if (failure !== undefined) return failure;
  if (updatedReplicas < desired && readyPods >= updatedReplicas)
    return waiting(`${counts}, ${updatedReplicas} started`);
  if (readyPods === desired && old > 0)
    return waiting(`${counts}, ${old} old ${old === 1 ? 'pod' : 'pods'} still running`);
  if (readyPods === desired && availableReplicas < desired) return waiting(`${counts}, ${availableReplicas} available`);
  return waiting(counts);
}

/**
 * What the Deployment controller reports as failed, in the conditions of the Deployment. A condition that was there when the wait
 * began is one of an earlier try: the controller keeps it until there is progress.
 */
function controllerFailure(
  deployment: KubeObject,
  { counts, written }: { readonly counts: string; readonly written?: KubeObject },
): Readiness | undefined {
  const since = (type: string): Condition | undefined => {
    const condition = conditionOf(deployment, type);
    return written !== undefined && isDeepStrictEqual(condition, conditionOf(written, type)) ? undefined : condition;
  };
  const progressing = since('Progressing');
  if (progressing?.status === 'False' && progressing.reason === 'ProgressDeadlineExceeded')
    return failed(`${counts} when its progressDeadlineSeconds expired`, controllerToleranceMs);
  const replicaFailure = since('ReplicaFailure');
  if (replicaFailure?.status !== 'True') return undefined;
  const why = replicaFailure.message ?? replicaFailure.reason ?? 'no reason given';
  return failed(`its pods cannot be created: ${why}`, patienceWith(why));
}

/** How to let a paused Deployment go on. */
function resumeHint(deployment: KubeObject): string {
  const { name, namespace = 'default' } = deployment.metadata;
  if (isPausedByManifest(deployment)) return 'remove spec.paused from its manifest';
  const command = `kubectl rollout resume deployment/${name} --namespace ${namespace}`;
  const [manager] = ownersOfField(deployment, ['f:spec', 'f:paused']);
  return `${manager === undefined ? 'somebody' : `"${manager}"`} paused it: run \`${command}\``;
}

/** Whether `spec.paused` comes from what Cutover applied, and not from `kubectl rollout pause`. */
function isPausedByManifest(deployment: KubeObject): boolean {
  const applied = appliedBy(deployment, fieldManager);
  return applied !== undefined && specOf(applied).paused === true;
}
