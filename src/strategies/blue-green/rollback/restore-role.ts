import { isDeployment, replicasOf, withReplicas } from '../../../kubernetes/deployment.js';
import { requirePlan } from '../../../cluster/apply/dry-run-all.js';
import type { Check } from '../../../inputs/inputs.js';
import { refKey, refOf, type KubeObject } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import type { Resource } from '../../../manifests/resource.js';
import { repeatable, type Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { OperationContext } from '../../../run/context.js';
import { requireOwnedObjects } from '../../recorded/owned-objects.js';
import { appliedTo } from '../../shared/applied.js';
import { applyAndWait, type WaitOptions } from '../../shared/apply-and-wait.js';
import { recordedResource, warnOfSecrets } from '../../shared/recorded-objects.js';
import { deploymentsOf, liveCounterparts } from '../operation/counterparts.js';
import { reachedRole } from '../operation/reached-role.js';
import { refuseOutage } from './refuse-outage.js';
import { removeLive } from '../../recorded/remove-live.js';
import { checkStaged, type VerifiedRole } from '../verify-staged.js';

/** A role, and the revision that it ran. */
export interface RestoreRoleRequest {
  readonly state: BlueGreenState;
  readonly revision: Revision;
  readonly role: string;
  /** Secrets of the role, which no revision has on record. Absent: they stay as they are. */
  readonly secrets?: readonly KubeObject[];
  /** The role that users leave. */
  readonly from: string;
  /** The role that users are on: `from`, unless somebody has led them back already. */
  readonly active: string;
  /** The public Services as they lead to `active`. */
  readonly liveBefore: readonly Snapshot[];
  readonly checks: readonly Check[];
  readonly waitOptions: WaitOptions;
}

/** Applies a role as its revision was recorded, with at least as many pods as serve now; shared objects stay as they are. */
export async function restoreRole(ctx: OperationContext, request: RestoreRoleRequest): Promise<VerifiedRole> {
  const { state, role, checks, waitOptions, secrets = [] } = request;
  const revision = { ...request.revision, objects: await requireOwnedObjects(ctx, request.revision.objects) };
  await warnOfSecrets(ctx, revision);
  const resources = [
    ...secrets.map(secret => recordedResource(secret, revision.number)),
    ...resourcesOf(revision, await neededSizes(ctx, { ...request, revision })),
  ];
  const planned = await ctx.phase('Plan', async () => {
    const idle = new Set(resources);
    const changes = await requirePlan({
      cluster: ctx.cluster,
      resources,
      force: revision.force,
      idle,
      applied: appliedTo(state, role),
      recent: ctx.recentApplies,
    });
    ctx.logPlan(changes);
    if (request.active === role) await refuseOutage(ctx, changes, request);
    return changes;
  });
  // An autoscaler of an idle role sees no load and would remove pods just before they are needed. The switch applies it again.
  for (const object of revision.applyAfterSwitch) {
    if ((await reachedRole(ctx, state, { role, revision })) === undefined) await removeLive(ctx, refOf(object));
  }
  const { ready } = await ctx.phase('Deploy', () => applyAndWait(ctx, { planned, waitOptions, force: revision.force }));
  const found = await Promise.all(revision.objects.filter(isDeployment).map(object => ctx.cluster.get(refOf(object))));
  const workloads = found.filter(object => object !== undefined);
  const stagedChecks = await ctx.phase('Verify staged', () =>
    checkStaged(ctx, { role, state, revision, workloads, ready, checks }),
  );
  return { workloads, ready, stagedChecks, readyUntilMs: ctx.clock.now() + waitOptions.timeoutMs };
}

/** The replicas that each Deployment of the role needs, by its key: as many as serve now, also where that is the role itself. */
async function neededSizes(
  ctx: OperationContext,
  { state, revision, role, from, active }: RestoreRoleRequest,
): Promise<ReadonlyMap<string, number>> {
  const { objects, publicServices: services } = revision;
  const sizes = new Map<string, number>();
  for (const serving of new Set([from, active])) {
    const found = await liveCounterparts(ctx, { role, objects, services }, deploymentsOf(state, serving));
    for (const [key, live] of found) sizes.set(key, Math.max(sizes.get(key) ?? 0, replicasOf(live)));
  }
  return sizes;
}

function resourcesOf({ objects, number }: Revision, sizes: ReadonlyMap<string, number>): readonly Resource[] {
  return repeatable(objects).map(object => {
    const needed = sizes.get(refKey(refOf(object))) ?? 0;
    return recordedResource(
      isDeployment(object) ? withReplicas(object, Math.max(replicasOf(object), needed)) : object,
      number,
    );
  });
}
