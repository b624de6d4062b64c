import { refKey, refOf, type ObjectRef } from '../../../kubernetes/object.js';
import { referredTo } from '../../../kubernetes/pods/config-references.js';
import { own } from '../../../own.js';
import type { Resource, RoleResources } from '../../../manifests/resource.js';
import type { ObjectToDelete, Revision } from '../../../release/revision.js';
import type { BlueGreenState, FormerObject } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import { formerRevisions, neededByReachable, sharedSecrets } from '../../recorded/former-revisions.js';
import { findLeft, keysOf } from '../../recorded/left-objects.js';
import { appliedTo } from '../../shared/applied.js';
import type { AdoptedRole } from '../adoption/adoption.js';
import { leftByAdoption } from '../adoption/left-by-adoption.js';

/** A revision that is about to be staged. */
export interface LeavingObjects {
  readonly state: BlueGreenState;
  readonly role: string;
  /** The role that users are on. Absent: none. */
  readonly users?: string;
  readonly resources: RoleResources;
  /** What the role ran before. Absent: nothing, or its record is gone. */
  readonly replaced?: Revision;
  /** What the step, or its switch, deletes. */
  readonly deleted: readonly ObjectToDelete[];
  /** What would be adopted before the staging. Absent: nothing. */
  readonly adoption?: AdoptedRole;
  /** Only a plan: what is staged on the role stays there, and is still needed. Absent: the staging follows. */
  readonly isPlan?: true;
}

/**
 * The shared objects of earlier revisions, and the objects of the role as it was, that the manifests do not have and that stay.
 * Those of the other role are not among them: users are there. Revisions are read only if something may have left.
 */
export async function leftByStaging(ctx: RunContext, leaving: LeavingObjects): Promise<readonly FormerObject[]> {
  const { state, role, resources, deleted, adoption, users, isPlan } = leaving;
  const rendered = allOf(resources);
  const gone = deleted.map(({ ref }) => refKey(ref));
  if (adoption === undefined && !mayAnyLeave(leaving, new Set([...keysOf(rendered), ...gone]))) return [];
  const revisions = await formerRevisions(ctx, state, isPlan ? undefined : role);
  const earlier = [
    ...(state.left ?? []),
    ...(adoption === undefined ? [] : await leftByAdoption(ctx, state, deletedBy(adoption))),
    ...revisions.list.flatMap(former => (former.role === role ? [...former.ofRole, ...former.shared] : former.shared)),
    ...sharedSecrets(state),
  ];
  // Objects of the role that users are on can be on record as left: a revision without them was staged on it, and rejected. Only the
  // live Service tells which role that is: somebody may have led users to another one than the record says.
  const served = users === undefined ? state.current : own(state.roles, users)?.revision;
  // The other role may be the hot backup of that revision.
  const isThere = (of: string | undefined): boolean => users === undefined || of === undefined || of === users;
  const serving =
    adoption === undefined ? revisions.list.filter(({ number, role: of }) => number === served && isThere(of)) : [];
  const excluded = new Set([...gone, ...serving.flatMap(former => former.ofRole.map(refKey))]);
  // The revision that the adoption records is the next one.
  const adopted = adoption === undefined ? [] : [{ refs: referredTo(adoption.deployments), by: state.latest + 1 }];
  const { needs = [], ...needed } = neededByReachable(revisions);
  return findLeft(ctx, {
    state,
    earlier: earlier.filter(ref => !excluded.has(refKey(ref))),
    resources: rendered,
    ...needed,
    needs: [...needs, ...adopted],
  });
}

/** The same for manifests that users have already. */
export async function leftWhileServing(
  ctx: RunContext,
  { state, resources }: Pick<LeavingObjects, 'state' | 'resources'>,
): Promise<readonly FormerObject[]> {
  const { left: earlier } = state;
  if (earlier === undefined) return [];
  const revisions = await formerRevisions(ctx, state);
  return findLeft(ctx, { state, earlier, resources: allOf(resources), ...neededByReachable(revisions) });
}

/** Whether an object on record may be neither among the manifests nor deleted. `known`: the keys of those that are. */
function mayAnyLeave({ state, role, replaced }: LeavingObjects, known: ReadonlySet<string>): boolean {
  // What a staging has left that was never finished is not among what was applied.
  if (state.operation !== undefined) return true;
  const before =
    replaced === undefined ? [] : [...replaced.objects.map(refOf), ...replaced.secrets.map(({ ref }) => ref)];
  const keys = [...[...(state.left ?? []), ...before].map(refKey), ...Object.keys(appliedTo(state, role))];
  return keys.some(key => !known.has(key) && !key.startsWith('batch/Job/'));
}

function deletedBy({ deployments, autoscalers, budgets }: AdoptedRole): readonly ObjectRef[] {
  return [...deployments, ...autoscalers.live, ...budgets.live].map(refOf);
}

/** Everything that the manifests have, of both roles. */
export function allOf({ shared, of, publicServices }: RoleResources): readonly Resource[] {
  return [...shared, ...Object.values(of).flat(), ...Object.values(publicServices).flat()];
}
