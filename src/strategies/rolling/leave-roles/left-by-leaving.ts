import { refKey, refOf, type KubeObject } from '../../../kubernetes/object.js';
import type { Resource } from '../../../manifests/resource.js';
import { hasServed } from '../../../release/retention.js';
import type { BlueGreenState, FormerObject } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import { formerRevisions, neededByReachable, sharedSecrets } from '../../recorded/former-revisions.js';
import { findLeft } from '../../recorded/left-objects.js';

/** A release that is about to leave its roles. */
export interface LeavingRoles {
  readonly state: BlueGreenState;
  readonly resources: readonly Resource[];
  /** What is deleted with the roles. */
  readonly deleted: readonly KubeObject[];
  /** Only a plan: the roles stay, and what they need is still needed. Absent: the release leaves them now. */
  readonly isPlan?: true;
}

/** The objects of the roles, and those of both, that the manifests do not have and that are not deleted with the roles. */
export async function leftByLeaving(
  ctx: RunContext,
  { state, resources, deleted, isPlan }: LeavingRoles,
): Promise<readonly FormerObject[]> {
  const keys = new Set(deleted.map(object => refKey(refOf(object))));
  const revisions = await formerRevisions(ctx, state);
  const ofRoles = [...revisions.list.flatMap(({ ofRole, shared }) => [...ofRole, ...shared]), ...sharedSecrets(state)];
  const adopted = (state.adopted ?? []).map(({ ref }) => ref);
  const earlier = [...(state.left ?? []), ...ofRoles, ...adopted].filter(ref => !keys.has(refKey(ref)));
  if (isPlan) return findLeft(ctx, { state, resources, earlier, ...neededByReachable(revisions) });
  // Nothing leads to a revision of a role any more.
  const last = lastWithoutRole(state);
  return findLeft(ctx, { state, resources, earlier: earlier.map(former => lowerNeededBy(former, last)) });
}

/** The object, with `neededBy` lowered to this number if it is higher; 0: no revision needs it. */
function lowerNeededBy({ neededBy = 0, ...ref }: FormerObject, number: number): FormerObject {
  const lowered = Math.min(neededBy, number);
  return lowered === 0 ? ref : { ...ref, neededBy: lowered };
}

/** The last revision on record that may have served users without a role; 0: there is none. */
function lastWithoutRole({ revisions, history, operation }: BlueGreenState): number {
  const known = new Set(history.map(({ revision }) => revision));
  const served = history.filter(entry => entry.role === undefined && hasServed(entry));
  const withoutRole = new Set(served.map(({ revision }) => revision));
  const others = revisions.filter(number => !known.has(number) && number !== operation?.revision);
  return Math.max(0, ...others, ...revisions.filter(number => withoutRole.has(number)));
}
