import { CutoverError } from '../../../errors.js';
import { describeRefs } from '../../../kubernetes/object.js';
import type { BlueGreenState } from '../../../release/state.js';
import { withoutBackup } from '../../../release/transitions.js';
import type { RunContext } from '../../../run/context.js';
import { recordToRollBackTo } from '../rollback/rollback-target.js';

/** A role that is about to be restored to what it ran before it became the hot backup. */
export interface EndingBackup {
  readonly state: BlueGreenState;
  readonly role: string;
  /** The role that users are on. */
  readonly active: string;
}

/** The state in which the role is no hot backup any more, and the log says so; unchanged if it is none. */
export function endBackup({ log }: Pick<RunContext, 'log'>, { state, role, active }: EndingBackup): BlueGreenState {
  const record = state.roles[role];
  if (record?.previous === undefined) return state;
  const { revision = 0, previous } = record;
  log.info(
    `${role} is the hot backup of ${active}, revision ${revision}, and is it no longer: revision ${previous.revision ?? 0} is brought up there`,
  );
  return withoutBackup(state, role);
}

/**
 * Throws `no-revision` if users are on a hot backup, to which somebody has led them: both roles run what they are on, and the revision
 * before is on record for the role that they are on.
 */
export function refuseFromBackup(
  state: BlueGreenState,
  { active, role }: { readonly active: string; readonly role: string },
): void {
  const { roles, current, release, publicServices } = state;
  const isSame = active !== role && roles[active]?.revision === current;
  if (!isSame || current === undefined || recordToRollBackTo(state, role)?.revision !== current) return;
  const before = roles[active]?.previous?.revision;
  const on = before === undefined ? '' : `; revision ${before} is on record for ${active}`;
  throw new CutoverError(
    `Release ${release} cannot be rolled back: users are on ${active}, a hot backup, and ${role} runs revision ${current}, too${on}`,
    {
      code: 'no-revision',
      hint: `Somebody has led users to the backup. Point ${describeRefs(publicServices)} at ${role} again with the tool that switched it, then run this step again; or deploy the version that you want.`,
    },
  );
}
