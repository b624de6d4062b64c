import { isDeployment, replicasOf } from '../../../kubernetes/deployment.js';
import { refKey, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
import { routesTo } from '../../../kubernetes/selectors.js';
import { isCounterpart, isGivenTo } from '../../../manifests/roles/counterparts.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';

/** Names of the Deployments that serve, and their role; `role` absent: they have none. */
export interface RoleDeployments {
  readonly role?: string;
  readonly deployments: readonly ObjectRef[];
}

/** The Deployments of a role, as they are on record. */
export function deploymentsOf({ roles }: Pick<BlueGreenState, 'roles'>, role: string): RoleDeployments {
  return { role, deployments: roles[role]?.deployments ?? [] };
}

/** Deployments that take over from others. */
export interface TakingOver {
  /** Absent: they have none. */
  readonly role?: string;
  /** Those that are no Deployments are ignored. */
  readonly objects: readonly KubeObject[];
  /** The public Services as they lead to their pods. */
  readonly services: readonly KubeObject[];
}

/**
 * The live Deployment that each Deployment among `objects` takes over from, by its key: the one with the same name but for the
 * role. One without such a counterpart, if users will reach its pods, takes over from the largest of those that have none either,
 * as after a rename. Every other one is left out.
 */
export async function liveCounterparts(
  { cluster }: Pick<RunContext, 'cluster'>,
  { role, objects, services }: TakingOver,
  serving: RoleDeployments,
): Promise<ReadonlyMap<string, KubeObject>> {
  const found = await Promise.all(serving.deployments.map(ref => cluster.get(ref)));
  const live = found.filter(object => object !== undefined);
  const pairs = objects.filter(isDeployment).map(object => {
    const own = { name: object.metadata.name, ...(role !== undefined && { role }) };
    return { object, same: live.find(({ metadata: { name } }) => isSame(own, { ...serving, name })) };
  });
  const paired = new Set(pairs.map(({ same }) => same));
  const [largest] = live.filter(one => !paired.has(one)).sort((one, other) => replicasOf(other) - replicasOf(one));
  return new Map(
    pairs.flatMap(({ object, same }) => {
      const counterpart = same ?? (services.some(service => routesTo(service, object)) ? largest : undefined);
      return counterpart === undefined ? [] : [[refKey(refOf(object)), counterpart] as const];
    }),
  );
}

/** The name of a Deployment, which may have no role. */
interface Named {
  readonly name: string;
  readonly role?: string;
}

/** Whether two names differ in nothing but the role. */
function isSame({ name, role }: Named, other: Named): boolean {
  const theirs = other.role;
  if (role === undefined) {
    return theirs === undefined ? name === other.name : isGivenTo(name, { name: other.name, role: theirs });
  }
  if (theirs === undefined) return isGivenTo(other.name, { name, role });
  return isCounterpart({ name, role }, { name: other.name, role: theirs });
}
