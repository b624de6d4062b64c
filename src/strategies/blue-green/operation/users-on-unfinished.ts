import { describeRefs, type ObjectRef } from '../../../kubernetes/object.js';
import type { Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import { otherRole } from '../../../traffic/active-role.js';
import { recordBeforeStaging, roleToRollBackTo, type StagingOrRejection } from '../rollback/rollback-target.js';

/** Where the public Services lead users, as the beginning of a message. */
export function usersAreLed(services: readonly ObjectRef[], role: string): string {
  return `${describeRefs(services)} ${services.length > 1 ? 'lead' : 'leads'} users to ${role}`;
}

/** The unfinished operation, as a part of a message. */
export function describeUnfinished({ kind, revision }: StagingOrRejection): string {
  return `the ${kind === 'stage' ? 'staging' : 'rejection'} of revision ${revision} was never finished`;
}

/** A warning: somebody has led users to a role where something is unfinished, and what becomes of them. */
export function describeLeft(
  { publicServices }: BlueGreenState,
  { left, role, revision }: { readonly left: StagingOrRejection; readonly role: string; readonly revision: Revision },
): string {
  const found = `${usersAreLed(publicServices, left.role)}, where ${describeUnfinished(left)}`;
  return left.role === role
    ? `${found}: they stay there, while ${role} is restored to revision ${revision.number}`
    : `${found}: they are sent to ${role}, revision ${revision.number}. ${left.role} stays as it is until the next deploy stages there`;
}

/** A hint: which steps work while the public Service leads users to the role of the unfinished operation. */
export function unfinishedHint(state: BlueGreenState, { role }: StagingOrRejection): string {
  const other = otherRole(state.roleNames, role);
  const before = recordBeforeStaging(state, role)?.revision;
  // A rollback to the other role stops at the field manager that has led users here, so it is not named.
  const rollback =
    before !== undefined && roleToRollBackTo(state, role) === role
      ? [
          `\`action: rollback\` leaves users on ${role}, and restores revision ${before} there; after that, stage again.`,
        ]
      : [];
  const back = `If users should be on ${other}, point the Service at ${other} with the tool that switched it; then \`action: reject\` restores ${role}.`;
  return [...rollback, back].join(' ');
}
