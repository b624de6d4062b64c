import { isDeployment, replicasOf } from '../../../kubernetes/deployment.js';
import { fieldAt } from '../../../kubernetes/fields.js';
import type { KubeObject } from '../../../kubernetes/object.js';
import { activePods } from '../../../kubernetes/pods/pod.js';
import { templateLabels } from '../../../kubernetes/pods/pod-spec.js';
import { selectorMatches, selects, type Labels } from '../../../kubernetes/selectors.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import type { TrafficSwitch } from '../switch/traffic-switch.js';
import type { ToReplace } from './closing-time.js';

/** A role that is on record. */
type RecordedRoles = Pick<BlueGreenState, 'roles' | 'publicServices'>;

/** The Deployments of a role that users reach while it is active, as they are live. */
export async function reachableDeployments(
  { cluster }: Pick<RunContext, 'cluster'>,
  { roles }: RecordedRoles,
  role: string,
): Promise<readonly KubeObject[]> {
  const { podLabels, deployments = [] } = roles[role] ?? {};
  const found = await Promise.all(deployments.map(ref => cluster.get(ref)));
  return found
    .filter(live => live !== undefined)
    .filter(live => isDeployment(live) && (podLabels ?? []).some(labels => selects(labels, templateLabels(live))));
}

/** The same with their pods. */
export async function reachablePods(
  ctx: Pick<RunContext, 'cluster'>,
  state: RecordedRoles,
  role: string,
): Promise<readonly Required<ToReplace>[]> {
  const { namespace } = state.publicServices[0];
  const selectors = new Set((state.roles[role]?.podLabels ?? []).map(labelSelectorOf));
  // Without labels, it would select every pod of the namespace.
  selectors.delete('');
  const deployments = await reachableDeployments(ctx, state, role);
  if (deployments.length === 0) return [];
  const kind = { apiVersion: 'v1', kind: 'Pod', ...(namespace !== undefined && { namespace }) };
  const found = await Promise.all([...selectors].map(labelSelector => ctx.cluster.list(kind, { labelSelector })));
  const pods = [...new Map(found.flat().map(pod => [pod.metadata.uid, pod])).values()];
  return deployments.map(live => ({ live, pods: pods.filter(pod => isOfDeployment(live, pod)) }));
}

function labelSelectorOf(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function isOfDeployment(live: KubeObject, pod: KubeObject): boolean {
  return selectorMatches(fieldAt(live, ['spec', 'selector']), pod.metadata.labels ?? {});
}

/**
 * The uids of the pods that users leave by a switch and that go on running: kept-alive connections stay with them. Empty: their
 * connections are not to be closed, or no pod of theirs stays.
 */
export async function podsToLeave(
  ctx: Pick<RunContext, 'cluster'>,
  { state, from, policy }: Pick<TrafficSwitch, 'state' | 'from' | 'policy'>,
): Promise<readonly string[]> {
  const { closeConnections, idlePolicy } = policy;
  const stays = idlePolicy.policy !== 'scale-down' || idlePolicy.replicas > 0;
  if (from === undefined || closeConnections === 'off' || !stays) return [];
  const left = await reachablePods(ctx, state, from);
  return left
    .filter(({ live }) => replicasOf(live) > 0)
    .flatMap(({ pods }) => activePods(pods).map(({ metadata }) => metadata.uid ?? ''));
}
