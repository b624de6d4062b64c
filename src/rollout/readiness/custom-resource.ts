import { groupOf, type KubeObject } from '../../kubernetes/object.js';
import { conditionOf, describeCondition, hasCondition, statusOf } from '../../kubernetes/status.js';
import { controllerToleranceMs, failed, ready, unobserved, waiting, type Readiness } from './readiness.js';
import type { RolloutRule } from './rule.js';

/** The API groups of Kubernetes itself. Custom ones may end in `.k8s.io` too. */
const builtInGroups: ReadonlySet<string> = new Set([
  '',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'apps',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'extensions',
  'flowcontrol.apiserver.k8s.io',
  'internal.apiserver.k8s.io',
  'networking.k8s.io',
  'node.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'resource.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
  'storagemigration.k8s.io',
]);

/** Whether the kind belongs to no API group of Kubernetes itself. */
export function isCustom({ apiVersion }: { readonly apiVersion: string }): boolean {
  return !builtInGroups.has(groupOf(apiVersion));
}

/** Every kind that Kubernetes itself does not have, by the conditions that most controllers set. */
export const customResourceRule: RolloutRule = {
  when: 'rollout',
  watch: [],
  judge: live => ({ readiness: customResourceReadiness(live), newPods: [] }),
};

/**
 * Ready by its condition Ready. Without that condition it counts as ready; since a new object has no status at first, that only
 * means something when it lasts.
 */
export function customResourceReadiness(object: KubeObject): Readiness {
  const { deletionTimestamp, generation = 0 } = object.metadata;
  if (deletionTimestamp !== undefined) return waiting('it is being deleted');
  const [reconciling, stalled, condition] = ['Reconciling', 'Stalled', 'Ready'].map(type => conditionOf(object, type));
  const observed = [statusOf(object), reconciling, stalled, condition];
  if (observed.some(one => (one?.observedGeneration ?? generation) < generation)) return waiting(unobserved);
  if (hasCondition(object, 'Reconciling', 'True'))
    return waiting(`not reconciled yet: ${describeCondition(reconciling)}`);
  // A controller that reports no generation may still report on the previous version.
  if (hasCondition(object, 'Stalled', 'True'))
    return failed(`it cannot become ready: ${describeCondition(stalled)}`, controllerToleranceMs);
  if (condition === undefined) return ready('has no Ready condition to wait for');
  return condition.status === 'True' ? ready('ready') : waiting(`not ready: ${describeCondition(condition)}`);
}
