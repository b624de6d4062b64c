import { asCutoverError } from '../../errors.js';
import { refKey, refOf } from '../../kubernetes/object.js';
import type { Revision } from '../../release/revision.js';
import type { BlueGreenState, FormerObject } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import { findRevision } from './find-revision.js';
import { formerObjects, type Needing } from './left-objects.js';

/** A revision of a blue/green release whose objects may be live. */
export interface FormerRevision {
  readonly revision: Revision;
  /** Whether users are on it, or a promotion, a rejection or a rollback leads to it. */
  readonly isReachable: boolean;
  /** All its objects. Those of a revision that is not reachable are needed by none. */
  readonly objects: readonly FormerObject[];
  /** Those of both roles. */
  readonly shared: readonly FormerObject[];
}

/** The revisions that were read. */
export interface FormerRevisions {
  readonly list: readonly FormerRevision[];
  /** Whether every reachable one is on record. `false`: what users' pods need is not known. */
  readonly isComplete: boolean;
}

/**
 * The revisions on record that are reachable, and all since the one that serves. What is staged is not deleted when another
 * revision replaces it, and what was shared before stays at a rejection: so the objects of these can be live, too. `target`: the
 * role that another revision is about to be staged on; absent: none.
 */
export async function formerRevisions(
  ctx: Pick<RunContext, 'records'>,
  state: BlueGreenState,
  target?: string,
): Promise<FormerRevisions> {
  const { current, revisions, roles, staged } = state;
  // Nothing leads to a staged revision any more once another one is staged in its place.
  const staying = Object.entries(roles).filter(([role]) => role !== target || role !== staged?.role);
  const ofRoles = staying.map(([, { revision }]) => revision);
  const reachable = new Set([current, staged?.previous?.revision, ...ofRoles]);
  const numbers = [...reachable, ...revisions.filter(number => number >= (current ?? 0))];
  const read = [...new Set(numbers)].filter(number => number !== undefined);
  const found = await Promise.all(read.map(number => readable(ctx, number, reachable.has(number))));
  const isComplete = found.every((revision, at) => revision !== undefined || !reachable.has(read[at]));
  const list = found.flatMap((revision): readonly FormerRevision[] => {
    if (revision === undefined) return [];
    const isReachable = reachable.has(revision.number);
    const all = formerObjects(revision, { latest: state.latest, namespace: ctx.records.namespace });
    const objects = isReachable ? all : all.map(({ neededBy: _none, ...ref }) => ref);
    const shared = new Set(revision.shared.map(object => refKey(refOf(object))));
    return [{ revision, isReachable, objects, shared: objects.filter(ref => shared.has(refKey(ref))) }];
  });
  return { list, isComplete };
}

/** `undefined`: it is gone, or it cannot be read and nothing leads to it. */
async function readable(
  ctx: Pick<RunContext, 'records'>,
  number: number,
  isReachable: boolean,
): Promise<Revision | undefined> {
  try {
    return await findRevision(ctx, number);
  } catch (error) {
    if (!isReachable && asCutoverError(error).code === 'record') return undefined;
    throw error;
  }
}

/** The Secrets of both roles: they are not on the record of a revision; `applied` of the state names them. */
export function sharedSecrets({ applied, latest }: BlueGreenState): readonly FormerObject[] {
  return Object.keys(applied).flatMap((key): readonly FormerObject[] => {
    const [group, kind, namespace = '', name = ''] = key.split('/');
    const isSecret = group === '' && kind === 'Secret';
    return isSecret ? [{ apiVersion: 'v1', kind, name, namespace, neededBy: latest }] : [];
  });
}

/** What the pods of the reachable ones cannot do without. */
export function neededByReachable({ list }: FormerRevisions): readonly Needing[] {
  return list
    .filter(({ isReachable }) => isReachable)
    .map(({ revision: { objects, shared, number } }) => ({ objects: [...objects, ...shared], until: number }));
}
