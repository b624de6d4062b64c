import { groupOf } from '../../kubernetes/kinds.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { controllerPatienceMs, failed, ready, says, spokenReason, unobserved, waiting } from './readiness.js';
import type { Readiness } from './readiness.js';
import { conditionOf, statusOf } from '../../kubernetes/workload.js';

/** The API groups of Kubernetes itself. Others end in `.k8s.io` too, so the ending says nothing. */
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

/** Whether the kind is one that Kubernetes itself does not have. */
export function isCustom({ apiVersion }: { readonly apiVersion: string }): boolean {
  return !builtInGroups.has(groupOf(apiVersion));
}

const told = ['Reconciling', 'Stalled', 'Ready'] as const;

/**
 * Any custom resource, by the conditions that controllers agree on. One without a Ready condition counts as ready; since a
 * new one has no status at first, that only means something when it lasts.
 */
export function customReadiness(object: KubeObject): Readiness {
  const { deletionTimestamp, generation = 0 } = object.metadata;
  if (deletionTimestamp !== undefined) return waiting('it is being deleted');
  const seen = [statusOf(object), ...told.map(type => conditionOf(object, type))];
  if (seen.some(one => (one?.observedGeneration ?? generation) < generation)) return waiting(unobserved);
  if (says(object, 'Reconciling', 'True'))
    return waiting(`not reconciled yet: ${spokenReason(conditionOf(object, 'Reconciling'))}`);
  // Controllers that name no generation may still speak of the version before.
  if (says(object, 'Stalled', 'True'))
    return failed(`it cannot get ready: ${spokenReason(conditionOf(object, 'Stalled'))}`, controllerPatienceMs);
  const condition = conditionOf(object, 'Ready');
  if (condition === undefined) return ready('has no Ready condition to wait for');
  return condition.status === 'True' ? ready('ready') : waiting(`not ready: ${spokenReason(condition)}`);
}
