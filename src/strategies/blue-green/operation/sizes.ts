import { fieldManager } from '../../../cluster/apply/field-manager.js';
import { appliedBy } from '../../../cluster/apply/owned-fields.js';
import { replicasOf, withReplicas } from '../../../kubernetes/deployment.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../../kubernetes/object.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import type { Sizes, TooSmall } from '../../../traffic/switch-precondition.js';
import { liveCounterparts, type RoleDeployments, type TakingOver } from './counterparts.js';

/** The live Deployments among `objects` that are smaller than what they take over from. */
export async function tooSmall(
  ctx: Pick<RunContext, 'cluster'>,
  own: TakingOver,
  serving: RoleDeployments,
): Promise<readonly TooSmall[]> {
  const counterparts = await liveCounterparts(ctx, own, serving);
  return own.objects.flatMap(live => {
    const counterpart = counterparts.get(refKey(refOf(live)));
    const needed = counterpart === undefined ? 0 : replicasOf(counterpart);
    return replicasOf(live) < needed ? [{ live, needed }] : [];
  });
}

/** Scales live Deployments of the release up. Returns them as they are then. `role`: what serves, for the log; absent: no role. */
export async function scaleUp(
  ctx: OperationContext,
  found: readonly TooSmall[],
  { role }: Pick<RoleDeployments, 'role'>,
): Promise<readonly KubeObject[]> {
  const where = role === undefined ? 'now' : `on ${role}`;
  const scaled: KubeObject[] = [];
  for (const { live, needed } of found) {
    // What Cutover applied, with another size: a write to the field alone would make another entry its owner.
    const applied = appliedBy(live, fieldManager) ?? live;
    scaled.push((await ctx.writer.apply(withReplicas(applied, needed), { force: true })).object);
    ctx.log.info(`${describeRef(refOf(live))}: ${replicasOf(live)} → ${needed} replicas, as many as serve ${where}`);
  }
  return scaled;
}

/** Compares what takes over with what serves at the time of each look. `own`: without the Deployments, which the look gives. */
export function sizesOf(ctx: OperationContext, own: Omit<TakingOver, 'objects'>, serving: RoleDeployments): Sizes {
  return {
    find: objects => tooSmall(ctx, { ...own, objects }, serving),
    scaleUp: async found => {
      await scaleUp(ctx, found, serving);
    },
  };
}
