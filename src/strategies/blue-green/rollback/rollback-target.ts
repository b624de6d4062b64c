import type { BlueGreenState, FormerRoleRecord, RoleRecord } from '../../../release/state.js';
import type { RejectOperation, StageOperation } from '../../../release/operation.js';
import { isRolledBack } from '../../../release/retention.js';
import { abandon } from '../../../release/transitions.js';
import { otherRole } from '../../../traffic/active-role.js';

/** An operation that an earlier run has begun on a role, and has not finished. */
export type StagingOrRejection = StageOperation | RejectOperation;

/** The unfinished staging or rejection on a role; `undefined`: there is none. */
export function unfinishedOn({ operation }: BlueGreenState, role: string): StagingOrRejection | undefined {
  const isOnRole = (operation?.kind === 'stage' || operation?.kind === 'reject') && operation.role === role;
  return isOnRole ? operation : undefined;
}

/**
 * The role that users should go back to, `active` being the one that they are on: the idle one. If a killed run left a switch unfinished: the target role of a
 * rollback, the previous role of a promotion. If somebody has sent users back already: the role that they are on.
 */
export function roleToRollBackTo(state: BlueGreenState, active: string): string {
  const { operation, roleNames } = state;
  if (operation?.kind !== 'switch') return areUsersBack(state, active) ? active : otherRole(roleNames, active);
  return operation.direction === 'promote' ? otherRole(roleNames, operation.role) : operation.role;
}

/** What the role ran before anything was staged over it; `undefined`: nothing is on record. */
export function recordBeforeStaging({ staged, roles }: BlueGreenState, role: string): RoleRecord | undefined {
  return staged?.role === role ? staged.previous : roles[role];
}

/**
 * What a rollback brings up on the role; `undefined`: nothing is on record. A hot backup runs what users are on: then it is what the role
 * ran before.
 */
export function recordToRollBackTo(state: BlueGreenState, role: string): FormerRoleRecord | undefined {
  const record = recordBeforeStaging(state, role);
  return record?.previous ?? record;
}

/**
 * Whether somebody has already led users to where a rollback sends them: to a role that served before the current revision, or, if the
 * current revision came by a rollback, to the role of that one. If a staging or a rejection on the role is unfinished, what it was to
 * replace counts.
 */
function areUsersBack(state: BlueGreenState, role: string): boolean {
  const { current, staged } = state;
  // A finished staging: users on it were led to a new revision, not back.
  const isStaged = staged?.role === role && unfinishedOn(state, role) === undefined;
  const revision = isStaged ? undefined : recordBeforeStaging(state, role)?.revision;
  if (revision === undefined || current === undefined) return false;
  return isRolledBack(abandon(state)) === (revision === current);
}
