import type { KubeObject } from '../../kubernetes/object.js';
import { conditionOf, describeCondition, hasCondition, statusOf } from '../../kubernetes/status.js';
import { fieldManager } from '../../cluster/apply/field-manager.js';
import { appliedBy, ownersOfField } from '../../cluster/apply/owned-fields.js';
import { specOf } from '../../kubernetes/workload.js';
import { failed, ready, readyWithWarning, waiting, type Readiness } from './readiness.js';
import { firstPodFailure, podKind, type RolloutRule } from './rule.js';

/** Ready when it is complete. One that its own manifest suspends counts as ready, with a warning. */
export const jobRule: RolloutRule = {
  when: 'rollout',
  watch: [podKind],
  isFinalOnceReady: true,
  judge(live, { inventory }) {
    const newPods = inventory.ownedBy(live.metadata.uid ?? '', 'Pod');
    // How many crashes are too many is decided by the Job's backoffLimit; a container that cannot start never crashes.
    const cannotStart = firstPodFailure(newPods, ({ log }) => log === 'none');
    // A pod that failed is replaced only after a while.
    return { readiness: jobReadiness(live), newPods, lacksPods: newPods.length === 0, ...cannotStart };
  },
};

export function jobReadiness(job: KubeObject): Readiness {
  if (hasCondition(job, 'Complete', 'True')) return ready('complete');
  if (hasCondition(job, 'Failed', 'True')) return failed(`it failed: ${describeCondition(conditionOf(job, 'Failed'))}`);
  const { suspend, completions = 1 } = specOf(job);
  if (suspend && isSuspendedByManifest(job))
    return readyWithWarning('suspended', 'its manifest suspends it (spec.suspend), so it does not run');
  // A queue or a policy of the cluster suspends Jobs, and may resume them.
  if (suspend) {
    const [manager] = ownersOfField(job, ['f:spec', 'f:suspend']);
    return waiting(
      `suspended by ${manager === undefined ? 'a policy of the cluster' : `"${manager}"`}: it does not run`,
    );
  }
  const { succeeded = 0, active = 0 } = statusOf(job);
  return waiting(`${succeeded} of ${completions} complete, ${active} running`);
}

function isSuspendedByManifest(job: KubeObject): boolean {
  const applied = appliedBy(job, fieldManager);
  return applied !== undefined && specOf(applied).suspend === true;
}
