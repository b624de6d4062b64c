import { refKey, refOf, type ObjectRef } from '../../kubernetes/object.js';
import { referredTo } from '../../kubernetes/pods/config-references.js';
import type { Revision } from '../../release/revision.js';
import { revisionOfRole } from '../../release/revision-of-role.js';
import type { BlueGreenState, FormerObject, FormerRoleRecord } from '../../release/state.js';
import { own } from '../../own.js';
import type { RunContext } from '../../run/context.js';
import { findReadableRevision } from './find-revision.js';
import { formerObjects, type LeftCandidates } from './left-objects.js';

/** A revision of a blue/green release whose objects may be live. Only references are kept: a whole revision can have megabytes. */
export interface FormerRevision {
  readonly number: number;
  /** The role that it was staged on. Absent: it is from before the roles. */
  readonly role?: string;
  /** Whether users are on it, or a promotion, a rejection or a rollback leads to it. */
  readonly isReachable: boolean;
  /** The objects of its role; of a revision without a role, all its objects. Those of a revision that is not reachable are needed by no revision. */
  readonly ofRole: readonly FormerObject[];
  /** The same for the objects that both roles use. */
  readonly shared: readonly FormerObject[];
  /** What its objects refer to. */
  readonly refersTo: readonly ObjectRef[];
}

/** The revisions that could be read. */
export interface FormerRevisions {
  readonly list: readonly FormerRevision[];
  /** Whether every reachable revision could be read. `false`: it is not known what the pods of users need. */
  readonly isComplete: boolean;
}

/**
 * The reachable revisions, and every other one on record from the current one on. Objects of the others may be live, too: a staging does
 * not delete what was staged before it, and a rejection does not delete shared objects.
 *
 * `replacing`: the role on which the step stages another revision before it tells anybody what is left. What is staged there now counts
 * as replaced, and so not as reachable. Absent: the step stages nothing, as a plan.
 */
export async function formerRevisions(
  ctx: Pick<RunContext, 'records' | 'log'>,
  state: BlueGreenState,
  replacing?: string,
): Promise<FormerRevisions> {
  const reachable = reachableRevisions(state, replacing);
  const { current = 0, revisions } = state;
  const list: FormerRevision[] = [];
  let isComplete = true;
  // One after another, so that only one is in memory.
  for (const number of new Set([...reachable, ...revisions.filter(one => one >= current)])) {
    const revision = await findReadableRevision(ctx, number);
    const isReachable = reachable.has(number);
    if (revision === undefined && isReachable) isComplete = false;
    if (revision === undefined) continue;
    list.push(referencesOf(revision, { state, isReachable, records: ctx.records }));
    const { backup } = revision;
    const onOther = backup === undefined ? undefined : revisionOfRole(revision, backup.role);
    if (backup === undefined || onOther === undefined) continue;
    // What was to become a backup there, and has not, is needed by nobody.
    const isBackup = recordsOf(state, backup.role, replacing).some(record => record.revision === number);
    list.push(referencesOf(onOther, { state, isReachable: isBackup, records: ctx.records }));
  }
  return { list, isComplete };
}

function reachableRevisions(state: BlueGreenState, replacing?: string): ReadonlySet<number> {
  const ofRoles = Object.keys(state.roles).flatMap(role => recordsOf(state, role, replacing));
  const numbers = [state.current, ...ofRoles.map(({ revision }) => revision)];
  return new Set(numbers.filter(number => number !== undefined));
}

/** What a role runs, and what a rejection or a rollback would bring up there. */
function recordsOf({ roles, staged }: BlueGreenState, role: string, replacing?: string): readonly FormerRoleRecord[] {
  const now = own(roles, role);
  const { previous } = staged?.role === role ? staged : {};
  const isReplaced = role === replacing && role === staged?.role;
  const records = [isReplaced ? undefined : now, now?.previous, previous, previous?.previous];
  return records.filter(record => record !== undefined);
}

function referencesOf(
  revision: Revision,
  {
    state: { latest, staged },
    isReachable,
    records: { namespace },
  }: {
    readonly state: BlueGreenState;
    readonly isReachable: boolean;
    readonly records: Pick<RunContext['records'], 'namespace'>;
  },
): FormerRevision {
  const { number, role, objects, shared } = revision;
  const withNeed = (former: FormerObject): FormerObject => {
    const { neededBy: _unneeded, ...ref } = former;
    if (!isReachable) return ref;
    // A promotion applies nothing of the staged revision again: it needs all of it as it was verified.
    return number === staged?.revision ? { ...ref, neededBy: latest } : former;
  };
  const all = formerObjects(revision, { latest, namespace }).map(withNeed);
  const sharedKeys = new Set(shared.map(object => refKey(refOf(object))));
  return {
    number,
    ...(role !== undefined && { role }),
    isReachable,
    ofRole: all.filter(ref => !sharedKeys.has(refKey(ref))),
    shared: all.filter(ref => sharedKeys.has(refKey(ref))),
    refersTo: referredTo([...objects, ...shared]),
  };
}

/** The Secrets of both roles: they are not on the record of a revision; `applied` of the state names them. */
export function sharedSecrets({ applied, latest }: BlueGreenState): readonly FormerObject[] {
  return Object.keys(applied).flatMap((key): readonly FormerObject[] => {
    const [group, kind, namespace = '', name = ''] = key.split('/');
    const isSecret = group === '' && kind === 'Secret';
    return isSecret ? [{ apiVersion: 'v1', kind, name, namespace, neededBy: latest }] : [];
  });
}

/** What the reachable revisions need, also what the release does not own. */
export function neededByReachable({ list, isComplete }: FormerRevisions): Pick<LeftCandidates, 'needs' | 'keepsAll'> {
  const reachable = list.filter(({ isReachable }) => isReachable);
  return { needs: reachable.map(({ refersTo, number }) => ({ refs: refersTo, by: number })), keepsAll: !isComplete };
}
