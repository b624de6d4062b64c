import type { BlueGreenState, RejectOperation, RoleRecord, StageOperation } from '../../../release/state.js';
import { isRolledBack } from '../../../release/retention.js';
import { abandon } from '../../../release/transitions.js';
import { otherRole, type Active } from '../../../traffic/active-role.js';

/** What an earlier run has begun to change on a role, and has not finished. */
export type UnfinishedRole = StageOperation | RejectOperation;

/** The unfinished staging or rejection of a role; `undefined`: there is none. */
export function unfinishedOn({ operation }: BlueGreenState, role: string): UnfinishedRole | undefined {
  const isThere = (operation?.kind === 'stage' || operation?.kind === 'reject') && operation.role === role;
  return isThere ? operation : undefined;
}

/**
 * The role that users should go back to: the idle one. If a killed run left a switch unfinished: the target role of a
 * rollback, the previous role of a promotion. If somebody has sent users back already: the role that they are on.
 */
export function roleToRollBackTo(state: BlueGreenState, active: Extract<Active, { kind: 'role' }>): string {
  const { operation, roleNames } = state;
  if (operation?.kind !== 'switch') return hasGoneBack(state, active.role) ? active.role : active.idle;
  return operation.direction === 'promote' ? otherRole(roleNames, operation.role) : operation.role;
}

/** What the role ran before anything was staged over it; `undefined`: nothing is on record. */
export function recordBeforeStaging({ staged, roles }: BlueGreenState, role: string): RoleRecord | undefined {
  return staged?.role === role ? staged.previous : roles[role];
}

/**
 * Whether users are on a role that served before the revision on record: somebody has changed the public Service. A staging or
 * rejection of that role may be unfinished: what it was to replace is what users were led back to.
 */
function hasGoneBack(state: BlueGreenState, role: string): boolean {
  const { current, staged } = state;
  // Whoever leads users to what is staged there leads them forward.
  const isForward = staged?.role === role && unfinishedOn(state, role) === undefined;
  const revision = isForward ? undefined : recordBeforeStaging(state, role)?.revision;
  return revision !== undefined && current !== undefined && revision !== current && !isRolledBack(abandon(state));
}

/** What works while the public Service leads users to a role on which a staging or a rejection is unfinished. For a hint. */
export function waysOn(state: BlueGreenState, { kind, role, revision }: UnfinishedRole): string {
  const other = otherRole(state.roleNames, role);
  const before = recordBeforeStaging(state, role)?.revision;
  const rollback =
    before !== undefined && hasGoneBack(state, role)
      ? [`\`action: rollback\` leaves users on ${role}, and restores revision ${before} there.`]
      : [];
  const deploy =
    kind === 'stage'
      ? [
          `\`action: deploy\` with \`force-conflicts: true\` stages on ${other}, and gives up what is on record of revision ${revision} on ${role}.`,
        ]
      : [];
  const back = `If users should be on ${other}, lead the Service there with the tool that switched it: then \`action: reject\` restores ${role}.`;
  return [...rollback, ...deploy, back].join(' ');
}

/** The unfinished operation, for a message. */
export function describeUnfinishedRole({ kind, revision }: UnfinishedRole): string {
  return `the ${kind === 'stage' ? 'staging' : 'rejection'} of revision ${revision} was never finished`;
}
