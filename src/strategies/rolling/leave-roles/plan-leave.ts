import { CutoverError } from '../../../errors.js';
import { isDeployment, replicasOf, withReplicas } from '../../../kubernetes/deployment.js';
import { describeRef, refKey, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
import { routesTo } from '../../../kubernetes/selectors.js';
import type { PlannedChange } from '../../../plan/change.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import { otherRole } from '../../../traffic/active-role.js';
import { readActiveOnRecord } from '../../blue-green/live-traffic.js';
import { deploymentsOf, liveCounterparts } from '../../blue-green/operation/counterparts.js';
import type { RollingDeploy } from '../rolling-deploy.js';
import type { LeavePlan } from './leave-plan.js';
import { leftByLeaving } from './left-by-leaving.js';
import { isOnePerPod, objectsOfRole } from './role-objects.js';

/** The resources of the manifests, as a release that leaves its roles applies them. Throws `changed` or `roles`. */
export async function sizedAsLive(
  ctx: RunContext,
  { leaves, resources }: Pick<RollingDeploy, 'leaves' | 'resources'>,
): Promise<RollingDeploy['resources']> {
  if (leaves === undefined) return resources;
  const active = await activeOf(ctx, leaves);
  const objects = resources.map(({ object }) => object);
  const services = publicServicesAmong(leaves, objects, object => object);
  const counterparts = await liveCounterparts(ctx, { objects, services }, deploymentsOf(leaves, active));
  return resources.map(resource => {
    const { object } = resource;
    const live = counterparts.get(refKey(refOf(object)));
    return live !== undefined && replicasOf(object) < replicasOf(live)
      ? { ...resource, object: withReplicas(object, replicasOf(live)) }
      : resource;
  });
}

/** The Deployments of the manifests that were adopted and whose names are still taken: they run nothing, and are created anew. */
export async function adoptedOf(
  ctx: RunContext,
  { adopted = [] }: BlueGreenState,
  resources: RollingDeploy['resources'],
): Promise<readonly PlannedChange[]> {
  const found = await Promise.all(
    adopted.map(async ({ ref, uid }): Promise<readonly PlannedChange[]> => {
      const resource = resources.find(({ object }) => refKey(refOf(object)) === refKey(ref));
      const live = await ctx.cluster.get(ref);
      if (resource === undefined || live?.metadata.uid !== uid) return [];
      return [{ resource, change: 'recreated', live, after: resource.object }];
    }),
  );
  return found.flat();
}

/** A release that leaves its roles, and its manifests. */
export interface LeaveToPlan {
  readonly state: BlueGreenState;
  /** The dry run of the manifests. */
  readonly planned: readonly PlannedChange[];
  /** Only a plan: the roles stay. Absent: the release leaves them now. */
  readonly isPlan?: true;
}

/** Splits the dry run of the manifests by the order in which a release that leaves its roles applies them. */
export async function planLeave(ctx: RunContext, { state, planned, isPlan }: LeaveToPlan): Promise<LeavePlan> {
  const active = await activeOf(ctx, state);
  const manifests = { objects: planned.map(({ resource }) => resource.object), secrets: [] };
  const services = publicServicesAmong(state, planned, ({ resource }) => resource.object);
  const rest = planned.filter(change => !services.includes(change));
  refuseIdleRole(state, active, manifests.objects);
  for (const {
    resource: { object: service },
  } of services) {
    const isServed = ({ resource: { object } }: PlannedChange): boolean =>
      isDeployment(object) && routesTo(service, object);
    if (!rest.some(isServed)) throw noDeployment(service);
  }
  const ofIdle = await objectsOfRole(ctx, { state, role: otherRole(state.roleNames, active) }, manifests);
  const ofActive = await objectsOfRole(ctx, { state, role: active }, manifests);
  const resources = planned.map(({ resource }) => resource);
  return {
    state,
    active,
    first: rest.filter(({ resource }) => !isOnePerPod(resource.object)),
    services,
    last: rest.filter(({ resource }) => isOnePerPod(resource.object)),
    ofIdle,
    ofActive,
    left: await leftByLeaving(ctx, {
      ...{ state, resources, deleted: [...ofIdle, ...ofActive] },
      ...(isPlan && { isPlan }),
    }),
  };
}

/** The role that users are on; of an interrupted operation, the one that they were on when it began. */
async function activeOf(ctx: RunContext, state: BlueGreenState): Promise<string> {
  const { operation } = state;
  return operation?.kind === 'leave' ? operation.role : (await readActiveOnRecord(ctx, state)).role;
}

/** The idle role is deleted before the Services follow: nothing of it can take the place of the active one. */
function refuseIdleRole(state: BlueGreenState, active: string, objects: readonly KubeObject[]): void {
  const idle = otherRole(state.roleNames, active);
  const ofIdle = new Set((state.roles[idle]?.deployments ?? []).map(refKey));
  const named = objects.find(object => ofIdle.has(refKey(refOf(object))));
  if (named === undefined) return;
  const name = describeRef(refOf(named));
  throw new CutoverError(
    `${name} of the manifests is of role ${idle}, which is deleted before users reach the new pods`,
    {
      code: 'manifest',
      object: name,
      hint: `Name role ${active}, which serves, or none.`,
    },
  );
}

/** The public Services among others, in the order of the record. Throws `manifest` when one is missing. */
function publicServicesAmong<T>(
  state: BlueGreenState,
  all: readonly T[],
  objectOf: (one: T) => KubeObject,
): readonly T[] {
  return state.publicServices.map(ref => {
    const found = all.find(one => refKey(refOf(objectOf(one))) === refKey(ref));
    if (found === undefined) throw noPublicService(state.release, ref);
    return found;
  });
}

function noDeployment(service: KubeObject): CutoverError {
  const name = describeRef(refOf(service));
  return new CutoverError(`${name} of the manifests selects the pods of none of their Deployments`, {
    code: 'manifest',
    object: name,
    hint: 'Users would stay on a role, which is deleted. Add the Deployment that takes its place, or correct the selector.',
  });
}

function noPublicService(release: string, service: ObjectRef): CutoverError {
  const name = describeRef(service);
  return new CutoverError(`The manifests have no ${name}, through which users reach release ${release}`, {
    code: 'manifest',
    object: name,
    hint: 'Add it: it follows from the role to the new pods. A Service with another name would start without users.',
  });
}
