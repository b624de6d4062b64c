import { asCutoverError } from '../../../errors.js';
import { isAutoscaler, isScaleTarget } from '../../../kubernetes/autoscaler.js';
import { replicasOf } from '../../../kubernetes/deployment.js';
import { fieldAt, withField } from '../../../kubernetes/fields.js';
import { groupKind } from '../../../kubernetes/kinds.js';
import { describeRef, refOf, type KubeObject } from '../../../kubernetes/object.js';
import { isBeingDeleted } from '../../../kubernetes/pods/pod.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { OperationContext } from '../../../run/context.js';
import { readRevisionOfRole } from '../../recorded/find-revision.js';
import { ownedLive } from '../../recorded/owned-objects.js';
import { reachableDeployments } from '../closing/left-pods.js';

/** Where each kind of autoscaler has its bounds. */
const boundsOf = (autoscaler: KubeObject): { readonly min: string; readonly max: string } =>
  groupKind(autoscaler) === 'keda.sh/ScaledObject'
    ? { min: 'minReplicaCount', max: 'maxReplicaCount' }
    : { min: 'minReplicas', max: 'maxReplicas' };

/**
 * Does `work` while the autoscalers of a role take no pods away: without users it has no load, and would be small when users are sent
 * back. Their lower bound is the size of now. Once the work is done, they are applied as recorded. If it fails or is killed, they stay: what
 * they measured of a role without users would take its pods away just as users come back. An autoscaler that others have changed stays as it is, with a warning.
 */
export async function holdingSize<T>(
  ctx: OperationContext,
  { state, role }: { readonly state: BlueGreenState; readonly role: string },
  work: () => Promise<T>,
): Promise<T> {
  const { revision: number } = state.roles[role] ?? {};
  if (number === undefined) return work();
  const { applyAfterSwitch, force } = await readRevisionOfRole(ctx, number, role);
  const deployments = await reachableDeployments(ctx, state, role);
  const held: KubeObject[] = [];
  for (const recorded of applyAfterSwitch.filter(isAutoscaler)) {
    const target = deployments.find(live => isScaleTarget(live, recorded));
    const live = await ownedLive(ctx, refOf(recorded));
    if (target === undefined || live === undefined || isBeingDeleted(live)) continue;
    if (await applied(ctx, withLowerBound(recorded, replicasOf(target)), force)) held.push(recorded);
  }
  try {
    const result = await work();
    for (const recorded of held) await applied(ctx, recorded, force);
    return result;
  } catch (error) {
    const names = held.map(recorded => describeRef(refOf(recorded)));
    if (names.length > 0)
      ctx.log.warning(
        `${names.join(', ')}: takes no pods away from ${role} until the next bake that passes, or until it is applied again, so that ${role} is large enough for users who come back`,
      );
    throw error;
  }
}

function withLowerBound(recorded: KubeObject, replicas: number): KubeObject {
  const { min, max } = boundsOf(recorded);
  const most = fieldAt(recorded, ['spec', max]);
  return withField(recorded, ['spec', min], typeof most === 'number' ? Math.min(replicas, most) : replicas);
}

/** Whether it could be applied. It never throws: what users are on does not depend on it. */
async function applied(ctx: OperationContext, object: KubeObject, force: boolean): Promise<boolean> {
  try {
    await ctx.writer.apply(object, { force });
    return true;
  } catch (error) {
    ctx.log.warning(`${describeRef(refOf(object))} stays as it is: ${asCutoverError(error).message}`);
    return false;
  }
}
