import { isDeployment, replicasOf, withReplicas } from '../../../kubernetes/deployment.js';
import { requirePlan, dryRunAll } from '../../../cluster/apply/dry-run-all.js';
import { asCutoverError } from '../../../errors.js';
import { describeRef, refKey, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
import type { Resource } from '../../../manifests/resource.js';
import type { PlannedChange } from '../../../plan/change.js';
import type { Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import { besideImageCheck } from '../../shared/dry-run-with-images.js';
import { autoscalersWithoutUsers, deleteAfterSwitchOf } from './replaced-revision.js';
import { sharedConfigRefusal } from './shared-config.js';
import type { BlueGreenDeploy, Staging, StagingTarget } from './staging.js';

/** Decides by dry run what staging would write, and whether it may; nothing is written. */
export async function planStaging(ctx: RunContext, target: StagingTarget): Promise<Staging> {
  const { deploy, active, role, adoption } = target;
  const { inputs, resources } = deploy;
  const own = resources.of[role] ?? [];
  const applyAfterSwitch = own.filter(({ object }) => isAutoscaler(object));
  const { sized, counterparts } = await asManyAsLive(ctx, {
    resources: own.filter(({ object }) => !isAutoscaler(object)),
    counterparts:
      adoption === undefined
        ? deploymentsOf(deploy, active.kind === 'role' ? active.role : role)
        : [refOf(adoption.deployment)],
  });
  const publicService = resources.publicService[role];
  const atSwitch = [...applyAfterSwitch, ...(publicService === undefined ? [] : [publicService])];
  // Objects that the switch applies are dry-run now, so that a rejection is reported here and not by promote.
  const all = [...resources.shared, ...sized, ...atSwitch];
  const imageRequest = { check: inputs.imageCheck, resources: [...resources.shared, ...sized] };
  const { dryRun, missing } = await besideImageCheck(ctx, imageRequest, () =>
    dryRunAll({
      cluster: ctx.cluster,
      resources: all,
      force: inputs.forceConflicts,
      recreate: inputs.recreate,
      idle: new Set(sized),
      comingNamespaces: inputs.createNamespace ? [ctx.records.namespace] : [],
    }),
  );
  const { planned, rejection } = dryRun;
  const plannedNow = planned.filter(({ resource }) => !atSwitch.includes(resource));
  const shared = active.kind === 'role' ? sharedConfigRefusal(plannedNow, deploy, counterparts) : undefined;
  ctx.logPlan(plannedNow);
  const replaced = await replacedRevision(ctx, deploy.state, role);
  const staleRefs = autoscalersWithoutUsers(
    replaced,
    applyAfterSwitch.map(({ object }) => refOf(object)),
  );
  const found = await Promise.all(staleRefs.map(ref => ctx.cluster.get(ref)));
  return {
    ...target,
    planned: plannedNow,
    plannedAfterSwitch: planned.filter(({ resource }) => atSwitch.includes(resource)),
    resources: all,
    counterparts,
    refusals: [rejection, missing, shared].filter(error => error !== undefined),
    applyAfterSwitch: applyAfterSwitch.map(({ object }) => object),
    staleObjects: found.filter(object => object !== undefined),
    deleteAfterSwitch: deleteAfterSwitchOf(
      replaced,
      [...resources.shared, ...own].map(({ object }) => refOf(object)),
    ),
  };
}

/** The plan for a role, if this content runs there and nothing would change; otherwise `undefined`. */
export async function planUnchanged(
  ctx: RunContext,
  deploy: BlueGreenDeploy,
  role: string,
): Promise<readonly PlannedChange[] | undefined> {
  const { state, resources, contentHash, inputs } = deploy;
  if (state.operation !== undefined || state.roles[role]?.contentHash !== contentHash) return undefined;
  const { sized } = await asManyAsLive(ctx, {
    resources: resources.of[role] ?? [],
    counterparts: deploymentsOf(deploy, role),
  });
  const planned = await requirePlan({
    cluster: ctx.cluster,
    resources: [...resources.shared, ...sized],
    force: inputs.forceConflicts,
  });
  return planned.every(({ change }) => change === 'unchanged') ? planned : undefined;
}

function isAutoscaler({ kind }: KubeObject): boolean {
  return kind === 'HorizontalPodAutoscaler';
}

/** The Deployments of a role, by the names of the manifests. */
function deploymentsOf({ resources }: BlueGreenDeploy, role: string): readonly ObjectRef[] {
  return (resources.of[role] ?? []).filter(({ object }) => isDeployment(object)).map(({ object }) => refOf(object));
}

/** The revision that the role ran before anything was staged on it. */
async function replacedRevision(ctx: RunContext, state: BlueGreenState, role: string): Promise<Revision | undefined> {
  const record = state.staged?.role === role ? state.staged.previous : state.roles[role];
  if (record?.revision === undefined) return undefined;
  try {
    return await ctx.records.readRevision(record.revision);
  } catch (error) {
    // Somebody deleted it: which objects belonged to it is unknown, so none is deleted.
    if (asCutoverError(error).code === 'no-revision') return undefined;
    throw error;
  }
}

/** Staged replicas are at least the live ones: the new role must handle the current load. */
async function asManyAsLive(
  ctx: RunContext,
  role: { readonly resources: readonly Resource[]; readonly counterparts: readonly ObjectRef[] },
): Promise<{ readonly sized: readonly Resource[]; readonly counterparts: Staging['counterparts'] }> {
  const counterparts = new Map<string, KubeObject>();
  let index = 0;
  const sized = await Promise.all(
    role.resources.map(async resource => {
      if (!isDeployment(resource.object)) return resource;
      const counterpart = role.counterparts[index++];
      const live = counterpart === undefined ? undefined : await ctx.cluster.get(counterpart);
      if (live !== undefined) counterparts.set(refKey(refOf(resource.object)), live);
      const replicas = replicasOf(resource.object);
      if (live === undefined || replicasOf(live) <= replicas) return resource;
      ctx.log.info(
        `${describeRef(refOf(resource.object))}: ${replicasOf(live)} replicas as on the active role, the manifest says ${replicas}`,
      );
      return { ...resource, object: withReplicas(resource.object, replicasOf(live)) };
    }),
  );
  return { sized, counterparts };
}
