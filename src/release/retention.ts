import type { HistoryEntry, ReleaseState } from './state.js';

/** Revisions to keep: the newest `history` ones, and all that are active, staged or the target of a rollback. */
export function neededRevisions(state: ReleaseState, history: number): ReadonlySet<number> {
  const needed = new Set<number>();
  for (let number = state.latest; number > Math.max(0, state.latest - history); number -= 1) needed.add(number);
  const referenced = [state.current, previousRevision(state), state.operation?.revision, ...revisionsOfRoles(state)];
  for (const number of referenced) if (number !== undefined) needed.add(number);
  return needed;
}

/** Whether the revision served users after this step: others ended without it, or before users reached it. */
export function hasServed({ outcome }: HistoryEntry): boolean {
  return ['deployed', 'adopted', 'switched', 'rolled-back'].includes(outcome);
}

/** Whether the revision that serves users came by a rollback, whatever failed or was rejected since. Another one would send users further back. */
export function isRolledBack({ history, current, operation }: ReleaseState): boolean {
  const last = history.find(hasServed);
  return operation === undefined && last?.outcome === 'rolled-back' && last.revision === current;
}

function revisionsOfRoles(state: ReleaseState): readonly (number | undefined)[] {
  if (state.strategy === 'rolling') return [];
  const { staged, roles } = state;
  const records = [staged?.previous, ...Object.values(roles)];
  return [staged?.revision, ...records.flatMap(record => [record?.revision, record?.previous?.revision])];
}

/**
 * The target of a `rolling` rollback: the last revision that was active before the current one, differs from it and is still on
 * record, without failed revisions and those that were rolled back. `undefined`: there is none.
 */
export function previousRevision(state: ReleaseState): number | undefined {
  const current = contentOf(state, state.current);
  return earlierRevisions(state).find(number => current === undefined || contentOf(state, number) !== current);
}

/** A revision that served users on a role. */
export interface RoleRevision {
  readonly revision: number;
  readonly role: string;
}

/**
 * The last revision of a role that served users between the target of a `rolling` rollback and the current one: whoever goes
 * back to the target goes further than to the version before. `undefined`: there is none.
 */
export function passedRoleRevision(state: ReleaseState): RoleRevision | undefined {
  const target = previousRevision(state) ?? 0;
  const last = state.history.find(entry => entry.role !== undefined && hasServed(entry));
  if (last?.role === undefined || last.revision < target || last.revision > (state.current ?? 0)) return undefined;
  return { revision: last.revision, role: last.role };
}

/** The revisions that a rollback passes over, newest first: going back to one of them would change nothing. */
export function equalRevisions(state: ReleaseState): readonly number[] {
  const target = previousRevision(state) ?? 0;
  return earlierRevisions(state).filter(number => number > target);
}

function contentOf({ history }: ReleaseState, number: number | undefined): string | undefined {
  return history.find(({ revision, content }) => revision === number && content !== undefined)?.content;
}

/** Newest first. */
function earlierRevisions(state: ReleaseState): readonly number[] {
  const served: number[] = [];
  for (const { revision, outcome, role } of [...state.history].reverse()) {
    // A revision of a role, from a time when the release was blue/green, has objects that are gone.
    if (role !== undefined || (outcome !== 'deployed' && outcome !== 'rolled-back')) continue;
    while ((served.at(-1) ?? -1) >= revision) served.pop();
    served.push(revision);
  }
  return served.reverse().filter(number => number < (state.current ?? Infinity) && state.revisions.includes(number));
}
