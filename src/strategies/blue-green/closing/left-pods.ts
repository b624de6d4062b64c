import type { IdlePolicy } from '../../../inputs/inputs.js';
import { isDeployment, replicasOf } from '../../../kubernetes/deployment.js';
import { fieldAt } from '../../../kubernetes/fields.js';
import { describeRef, refOf, type KubeObject } from '../../../kubernetes/object.js';
import { activePods } from '../../../kubernetes/pods/pod.js';
import { templateLabels } from '../../../kubernetes/pods/pod-spec.js';
import { selectorMatches, selects, type Labels } from '../../../kubernetes/selectors.js';
import { isOwnedBy } from '../../../manifests/owner.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import type { TrafficSwitch } from '../switch/traffic-switch.js';
import type { ToReplace } from './closing-time.js';

/** What says which live objects the release owns. */
type Owning = Pick<RunContext, 'cluster' | 'records'>;

/** A role that is on record. */
type RecordedRoles = Pick<BlueGreenState, 'roles'>;

/** The Deployments of a role that users reach while it is active, as they are live. Those that others own are left out. */
export async function reachableDeployments(
  { cluster, records }: Owning,
  { roles }: RecordedRoles,
  role: string,
): Promise<readonly KubeObject[]> {
  const { podLabels, deployments = [] } = roles[role] ?? {};
  const found = await Promise.all(deployments.map(ref => cluster.get(ref)));
  return found
    .filter(live => live !== undefined)
    .filter(live => isOwnedBy(live, records))
    .filter(live => isDeployment(live) && (podLabels ?? []).some(labels => selects(labels, templateLabels(live))));
}

/** The same with their pods. */
export async function reachablePods(
  ctx: Owning,
  state: RecordedRoles,
  role: string,
): Promise<readonly Required<ToReplace>[]> {
  const selectors = new Set((state.roles[role]?.podLabels ?? []).map(labelSelectorOf));
  // Without labels, it would select every pod of the namespace.
  selectors.delete('');
  const deployments = await reachableDeployments(ctx, state, role);
  if (deployments.length === 0) return [];
  const found = await Promise.all(
    [...new Set(deployments.map(({ metadata }) => metadata.namespace))].flatMap(namespace => {
      const kind = { apiVersion: 'v1', kind: 'Pod', ...(namespace !== undefined && { namespace }) };
      return [...selectors].map(labelSelector => ctx.cluster.list(kind, { labelSelector }));
    }),
  );
  const pods = [...new Map(found.flat().map(pod => [pod.metadata.uid, pod])).values()];
  return deployments.map(live => ({ live, pods: pods.filter(pod => isOfDeployment(live, pod)) }));
}

function labelSelectorOf(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function isOfDeployment(live: KubeObject, pod: KubeObject): boolean {
  if (pod.metadata.namespace !== live.metadata.namespace) return false;
  return selectorMatches(fieldAt(live, ['spec', 'selector']), pod.metadata.labels ?? {});
}

/** How many pods of each Deployment stay at most, once the idle policy is applied. */
export function mostStaying(idlePolicy: IdlePolicy): number {
  return idlePolicy.policy === 'scale-down' ? idlePolicy.replicas : Infinity;
}

/** Why the connections to a Deployment that keeps one pod stay open. */
export function onlyPod(live: KubeObject): string {
  return `${describeRef(refOf(live))} keeps one pod, and while that is replaced, users could not be sent back.`;
}

/**
 * The uids of the pods that users leave by a switch and that go on running: kept-alive connections stay with them. The only pod that a
 * promotion leaves is left alone, which is logged. Empty: connections are not to be closed, or no pod that can be replaced stays.
 */
export async function podsToLeave(
  ctx: Owning & Pick<RunContext, 'log'>,
  { state, from, policy, direction }: Pick<TrafficSwitch, 'state' | 'from' | 'policy' | 'direction'>,
): Promise<readonly string[]> {
  const { closeConnections, idlePolicy } = policy;
  const most = mostStaying(idlePolicy);
  if (from === undefined || closeConnections === 'off' || most === 0) return [];
  const left = (await reachablePods(ctx, state, from)).map(one => ({
    ...one,
    staying: Math.min(replicasOf(one.live), most),
  }));
  // Nobody is sent back to what a rollback left.
  const fewest = direction === 'promote' ? 2 : 1;
  for (const { live } of left.filter(({ staying }) => staying > 0 && staying < fewest))
    ctx.log.info(`Connections that users keep open to ${from} stay open: ${onlyPod(live)}`);
  return left
    .filter(({ staying }) => staying >= fewest)
    .flatMap(({ pods }) => activePods(pods).map(({ metadata }) => metadata.uid ?? ''));
}
