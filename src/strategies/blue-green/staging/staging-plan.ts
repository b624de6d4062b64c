import { requirePlan, dryRunAll } from '../../../cluster/apply/dry-run-all.js';
import { asCutoverError, CutoverError } from '../../../errors.js';
import type { DeployBlueGreen } from '../../../inputs/inputs.js';
import { describeRef, refKey, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
import type { Resource, RoleResources } from '../../../manifests/resource.js';
import type { PlannedChange } from '../../../plan/change.js';
import type { ObjectToDelete, Revision } from '../../../release/revision.js';
import { adoptedRevision, type ReleaseState, type RoleRecord } from '../../../release/state.js';
import { besideImageCheck } from '../../shared/image-check.js';
import { logPlan } from '../../shared/log-plan.js';
import { sharedConfigRefusal } from './shared-config.js';
import type { Adoption } from '../adoption/adoption.js';
import { autoscalersWithoutUsers, deleteAfterSwitchOf } from './previous-revision.js';
import {
  decideActive,
  isDeployment,
  otherRole,
  replicasOf,
  withReplicas,
  type Active,
} from '../../../traffic/active-role.js';
import type { RunContext } from '../../../run/context.js';

/** What a blue/green deploy starts from. */
export interface BlueGreenDeploy {
  readonly inputs: DeployBlueGreen;
  readonly state: ReleaseState;
  /** Rendered for revision `state.latest + 1`, for both roles. */
  readonly resources: RoleResources;
  readonly contentHash: string;
  /** What is live without roles and has to be adopted first. Absent: nothing. */
  readonly adoption?: Adoption;
}

/** What is to be done on the idle role, decided before anything is written. */
export interface Staging {
  readonly deploy: BlueGreenDeploy;
  readonly active: Active;
  readonly role: string;
  readonly records: Readonly<Record<string, RoleRecord>>;
  readonly planned: readonly PlannedChange[];
  /** What the switch would do: to the public Service, and to the objects that wait for it. */
  readonly plannedAfterSwitch: readonly PlannedChange[];
  /** Everything that the API server was asked about. */
  readonly wanted: readonly Resource[];
  /** By the key of the idle role's Deployment: the live one of the active role. */
  readonly counterparts: ReadonlyMap<string, KubeObject>;
  /** Why it must not be done. */
  readonly refusals: readonly CutoverError[];
  /** Objects that wait for the switch, and those of them that an earlier life of the role left behind. */
  readonly applyAfterSwitch: readonly KubeObject[];
  readonly staleObjects: readonly KubeObject[];
  /** What nobody needs once the staged revision serves. */
  readonly deleteAfterSwitch: readonly ObjectToDelete[];
}

/** Reads which role users are on, right now. */
export async function findActive(
  ctx: RunContext,
  deploy: BlueGreenDeploy,
  records: Readonly<Record<string, RoleRecord>>,
): Promise<Active> {
  const { inputs, state, resources } = deploy;
  const publicService = resources.publicService[inputs.roles[0]];
  if (publicService === undefined) throw new CutoverError('The manifests have no public Service', { code: 'manifest' });
  if (state.roleNames !== undefined && state.roleNames.join() !== inputs.roles.join()) {
    throw new CutoverError(
      `Release ${state.release} has the roles ${state.roleNames.join(' and ')}, not ${inputs.roles.join(' and ')}`,
      { code: 'input', hint: 'Set the input `roles` as before, or give the new roles a release of their own.' },
    );
  }
  if (state.publicService !== undefined && refKey(state.publicService) !== refKey(refOf(publicService.object))) {
    throw new CutoverError(
      `The public Service of release ${state.release} is ${describeRef(state.publicService)}, and the manifests name ${describeRef(refOf(publicService.object))}`,
      {
        code: 'changed',
        hint: 'Users are on the recorded one, and a new one would not know their role. Keep its name, or give the new Service a release of its own.',
      },
    );
  }
  const service = await ctx.cluster.get(refOf(publicService.object));
  if (service === undefined && state.current !== undefined) {
    throw new CutoverError(
      `${describeRef(refOf(publicService.object))} is gone, but revision ${state.current} should be serving through it`,
      {
        code: 'changed',
        hint: 'Somebody deleted it. Make it again with the selector of the role that should serve, then run this step again.',
      },
    );
  }
  // What runs carries the labels on record; the manifests may have changed theirs since.
  const podLabels = Object.fromEntries(
    inputs.roles.map(role => [role, state.roles?.[role]?.podLabels ?? records[role]?.podLabels ?? {}]),
  );
  const active = decideActive({ service, roles: inputs.roles, podLabels });
  ctx.log.info(
    active.kind === 'role'
      ? `${describeRef(refOf(publicService.object))} selects ${active.role}: users are there, ${active.idle} is idle`
      : `${describeRef(refOf(publicService.object))} does not exist yet: this is the first release, ${inputs.roles[0]} comes first`,
  );
  return active;
}

/** Where users are, of a release that is being adopted too. */
export async function findSide(
  ctx: RunContext,
  deploy: BlueGreenDeploy,
  records: Readonly<Record<string, RoleRecord>>,
): Promise<Active> {
  const { adoption, inputs } = deploy;
  return adoption === undefined
    ? findActive(ctx, deploy, records)
    : { kind: 'role', role: adoption.role, idle: otherRole(inputs.roles, adoption.role) };
}

/** Throws `changed` when users are no longer where the plan was made for; asked again under the lock, before the first write. */
export async function refuseMovedUsers(ctx: RunContext, { deploy, active, records }: Staging): Promise<void> {
  // The first write of an adoption is made on the Service as it was read.
  if (deploy.adoption !== undefined) return;
  const now = await findActive(ctx, deploy, records);
  if (now.kind === active.kind && (now.kind === 'none' || active.kind === 'none' || now.role === active.role)) return;
  throw new CutoverError('The public Service was switched while this step was planning; nothing was written', {
    code: 'changed',
    hint: 'Run this step again: it plans for the role that is idle now.',
  });
}

/** Decides what staging would write, by dry run, and whether it may; nothing is written. */
export async function planStaging(
  ctx: RunContext,
  wanted: Pick<Staging, 'deploy' | 'active' | 'role' | 'records'>,
): Promise<Staging> {
  const { deploy, active, role } = wanted;
  const { inputs, resources } = deploy;
  const own = resources.of[role] ?? [];
  const applyAfterSwitch = own.filter(({ object }) => object.kind === 'HorizontalPodAutoscaler');
  const now = own.filter(({ object }) => object.kind !== 'HorizontalPodAutoscaler');
  const { sized, counterparts } = await asManyAsLive(ctx, {
    resources: now,
    counterparts: deploymentsOf(deploy, active.kind === 'role' ? active.role : role),
  });
  const publicService = resources.publicService[role];
  const later = [...applyAfterSwitch, ...(publicService === undefined ? [] : [publicService])];
  // What waits for the switch is asked about now, so that promote meets no refusal that could have been known.
  const all = [...resources.shared, ...sized, ...later];
  const checked = { check: inputs.imageCheck, resources: [...resources.shared, ...sized] };
  const { survey: surveyed, missing } = await besideImageCheck(ctx, checked, () =>
    dryRunAll({
      cluster: ctx.cluster,
      resources: all,
      force: inputs.forceConflicts,
      recreate: inputs.recreate,
      idle: new Set(sized),
      comingNamespaces: inputs.createNamespace ? [ctx.records.namespace] : [],
    }),
  );
  const { planned, rejection: refusal } = surveyed;
  const staged = planned.filter(({ resource }) => !later.includes(resource));
  const shared = active.kind === 'role' ? sharedConfigRefusal(staged, deploy) : undefined;
  logPlan(ctx.log, staged);
  const earlier = await earlierLife(ctx, deploy.state, role);
  const left = autoscalersWithoutUsers(
    earlier,
    applyAfterSwitch.map(({ object }) => refOf(object)),
  );
  const found = await Promise.all(left.map(ref => ctx.cluster.get(ref)));
  return {
    ...wanted,
    planned: staged,
    plannedAfterSwitch: planned.filter(({ resource }) => later.includes(resource)),
    wanted: all,
    counterparts,
    refusals: [refusal, missing, shared].filter(error => error !== undefined),
    applyAfterSwitch: applyAfterSwitch.map(({ object }) => object),
    staleObjects: found.filter(object => object !== undefined),
    deleteAfterSwitch: deleteAfterSwitchOf(
      earlier,
      [...resources.shared, ...own].map(({ object }) => refOf(object)),
    ),
  };
}

/** What a role runs: by the names of the manifests, or what was adopted. */
function deploymentsOf({ state, resources }: BlueGreenDeploy, role: string): readonly ObjectRef[] {
  const record = state.roles?.[role];
  if (record?.revision === adoptedRevision) return record.deployments;
  return (resources.of[role] ?? []).filter(({ object }) => isDeployment(object)).map(({ object }) => refOf(object));
}

/** The revision that the role ran before anything was staged over it. */
async function earlierLife(ctx: RunContext, state: ReleaseState, role: string): Promise<Revision | undefined> {
  const record = state.staged?.role === role ? state.staged.previous : state.roles?.[role];
  if (record?.revision === undefined) return undefined;
  try {
    return await ctx.records.readRevision(record.revision);
  } catch (error) {
    // Somebody deleted it: then it is not known what went with it, and all of it stays.
    if (asCutoverError(error).code === 'no-revision') return undefined;
    throw error;
  }
}

/** Staged replicas are at least the live ones: the new side must carry today's load, not that of the manifest's day. */
async function asManyAsLive(
  ctx: RunContext,
  side: { readonly resources: readonly Resource[]; readonly counterparts: readonly ObjectRef[] },
): Promise<{ readonly sized: readonly Resource[]; readonly counterparts: Staging['counterparts'] }> {
  const counterparts = new Map<string, KubeObject>();
  let index = 0;
  const sized = await Promise.all(
    side.resources.map(async resource => {
      if (!isDeployment(resource.object)) return resource;
      const counterpart = side.counterparts[index++];
      const live = counterpart === undefined ? undefined : await ctx.cluster.get(counterpart);
      if (live !== undefined) counterparts.set(refKey(refOf(resource.object)), live);
      const wanted = replicasOf(resource.object);
      if (live === undefined || replicasOf(live) <= wanted) return resource;
      ctx.log.info(
        `${describeRef(refOf(resource.object))}: ${replicasOf(live)} replicas as on the active role, the manifest says ${wanted}`,
      );
      return { ...resource, object: withReplicas(resource.object, replicasOf(live)) };
    }),
  );
  return { sized, counterparts };
}

/** The plan for a role, if this very content runs there and nothing would change; otherwise undefined. */
export async function planUnchanged(
  ctx: RunContext,
  deploy: BlueGreenDeploy,
  role: string,
): Promise<readonly PlannedChange[] | undefined> {
  const { state, resources, contentHash, inputs } = deploy;
  if (state.operation !== undefined || state.roles?.[role]?.contentHash !== contentHash) return undefined;
  const { sized: own } = await asManyAsLive(ctx, {
    resources: resources.of[role] ?? [],
    counterparts: deploymentsOf(deploy, role),
  });
  const planned = await requirePlan({
    cluster: ctx.cluster,
    resources: [...resources.shared, ...own],
    force: inputs.forceConflicts,
  });
  return planned.every(({ change }) => change === 'unchanged') ? planned : undefined;
}
