import type { BlueGreenState } from '../../../release/state.js';
import { withoutBackup } from '../../../release/transitions.js';
import type { RunContext } from '../../../run/context.js';

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
