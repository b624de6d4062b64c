import { isAutoscaler } from '../../../kubernetes/autoscaler.js';
import { isDeployment, replicasOf, withReplicas } from '../../../kubernetes/deployment.js';
import { requirePlan, dryRunAll } from '../../../cluster/apply/dry-run-all.js';
import { describeRef, refKey, refOf } from '../../../kubernetes/object.js';
import type { Resource } from '../../../manifests/resource.js';
import type { PlannedChange } from '../../../plan/change.js';
import type { Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import { findRevisionOfRole } from '../../recorded/find-revision.js';
import { ownedLive } from '../../recorded/owned-objects.js';
import { appliedTo } from '../../shared/applied.js';
import { besideImageCheck } from '../../shared/dry-run-with-images.js';
import { liveCounterparts, type RoleDeployments } from '../operation/counterparts.js';
import { leftByStaging } from './left-by-staging.js';
import { furtherServiceRefusal } from './refusals/further-service.js';
import { autoscalersWithoutUsers, deleteAfterSwitchOf } from './replaced-revision.js';
import { secondBudgetRefusal } from './refusals/second-budget.js';
import { sharedConfigRefusal } from './shared-config.js';
import type { BlueGreenDeploy, Staging, StagingTarget } from './staging.js';

/** Decides by dry run what staging would write, and whether it may; nothing is written. */
export async function planStaging(ctx: RunContext, target: StagingTarget): Promise<Staging> {
  const { deploy, active, role, adoption, isPlan } = target;
  const { inputs, resources } = deploy;
  const own = resources.of[role] ?? [];
  const applyAfterSwitch = own.filter(({ object }) => isAutoscaler(object));
  const { sized, counterparts } = await asManyAsLive(ctx, {
    role,
    resources: own.filter(({ object }) => !isAutoscaler(object)),
    services: resources.publicServices[role] ?? [],
    // What would be adopted has no role in its names.
    other:
      adoption === undefined
        ? deploymentsOf(deploy, active.kind === 'role' ? active.role : role)
        : { deployments: adoption.deployments.map(refOf) },
  });
  const atSwitch = [...applyAfterSwitch, ...(resources.publicServices[role] ?? [])];
  // Objects that the switch applies are dry-run now, so that a rejection is reported here and not by promote.
  const all = [...resources.shared, ...sized, ...atSwitch];
  const imageRequest = { check: inputs.imageCheck, resources: [...resources.shared, ...sized] };
  const budgets = { resources: [...resources.shared, ...sized], ...(adoption !== undefined && { adoption }) };
  const beside = Promise.all([secondBudgetRefusal(ctx, budgets), furtherServiceRefusal(ctx, target)]);
  beside.catch(() => undefined);
  const { dryRun, missing } = await besideImageCheck(ctx, imageRequest, () =>
    dryRunAll({
      cluster: ctx.cluster,
      applied: appliedTo(deploy.state, role),
      recent: ctx.recentApplies,
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
  const named = new Set(applyAfterSwitch.map(({ object }) => refKey(refOf(object))));
  const found = await Promise.all(
    staleRefs.map(ref => (named.has(refKey(ref)) ? ctx.cluster.get(ref) : ownedLive(ctx, ref))),
  );
  const staleObjects = found.filter(object => object !== undefined);
  const deleteAfterSwitch = deleteAfterSwitchOf(
    replaced,
    [...resources.shared, ...own].map(({ object }) => object),
  );
  const deleted = [...staleObjects.map(object => ({ ref: refOf(object) })), ...deleteAfterSwitch];
  const left = await leftByStaging(ctx, {
    ...{ state: deploy.state, role, resources, deleted },
    ...(active.kind === 'role' && { users: active.role }),
    ...(replaced !== undefined && { replaced }),
    ...(adoption !== undefined && { adoption }),
    ...(isPlan && { isPlan }),
  });
  return {
    ...target,
    left,
    planned: plannedNow,
    plannedAfterSwitch: planned.filter(({ resource }) => atSwitch.includes(resource)),
    resources: all,
    counterparts,
    refusals: [rejection, missing, shared, ...(await beside)].filter(error => error !== undefined),
    applyAfterSwitch: applyAfterSwitch.map(({ object }) => object),
    staleObjects,
    deleteAfterSwitch,
  };
}

/**
 * The plan for a role that users are on, if this content runs there and nothing would change, the public Services included;
 * otherwise `undefined`.
 */
export async function planUnchanged(
  ctx: RunContext,
  deploy: BlueGreenDeploy,
  role: string,
): Promise<readonly PlannedChange[] | undefined> {
  const { state, resources, contentHash, inputs } = deploy;
  if (state.operation !== undefined || state.roles[role]?.contentHash !== contentHash) return undefined;
  const { sized } = await asManyAsLive(ctx, {
    role,
    resources: resources.of[role] ?? [],
    services: resources.publicServices[role] ?? [],
    other: deploymentsOf(deploy, role),
  });
  const publicServices = resources.publicServices[role] ?? [];
  const planned = await requirePlan({
    cluster: ctx.cluster,
    applied: appliedTo(state, role),
    recent: ctx.recentApplies,
    resources: [...resources.shared, ...sized, ...publicServices],
    force: inputs.forceConflicts,
  });
  if (!planned.every(({ change }) => change === 'unchanged')) return undefined;
  // The switch applies the public Services; what a deploy applies does not contain it.
  return planned.filter(({ resource }) => !publicServices.includes(resource));
}

/** The Deployments of a role: as they are on record, else by the names of the manifests. */
function deploymentsOf({ state, resources }: BlueGreenDeploy, role: string): RoleDeployments {
  const rendered = (resources.of[role] ?? []).filter(({ object }) => isDeployment(object));
  return { role, deployments: state.roles[role]?.deployments ?? rendered.map(({ object }) => refOf(object)) };
}

/** The revision that the role ran before anything was staged on it. */
async function replacedRevision(ctx: RunContext, state: BlueGreenState, role: string): Promise<Revision | undefined> {
  const record = state.staged?.role === role ? state.staged.previous : state.roles[role];
  // If somebody deleted it, which objects belonged to it is unknown, so none is deleted.
  return findRevisionOfRole(ctx, record ?? {}, role);
}

/** Staged replicas are at least the live ones: the new role must handle the current load. */
async function asManyAsLive(
  ctx: RunContext,
  own: {
    readonly role: string;
    readonly resources: readonly Resource[];
    /** The public Services of the role. */
    readonly services: readonly Resource[];
    readonly other: RoleDeployments;
  },
): Promise<{ readonly sized: readonly Resource[]; readonly counterparts: Staging['counterparts'] }> {
  const { role, resources, other } = own;
  const objects = resources.map(({ object }) => object);
  const services = own.services.map(({ object }) => object);
  const counterparts = await liveCounterparts(ctx, { role, objects, services }, other);
  const sized = resources.map(resource => {
    const live = counterparts.get(refKey(refOf(resource.object)));
    const replicas = replicasOf(resource.object);
    if (live === undefined || replicasOf(live) <= replicas) return resource;
    ctx.log.info(
      `${describeRef(refOf(resource.object))}: ${replicasOf(live)} replicas as on the active role, the manifest says ${replicas}`,
    );
    return { ...resource, object: withReplicas(resource.object, replicasOf(live)) };
  });
  return { sized, counterparts };
}
