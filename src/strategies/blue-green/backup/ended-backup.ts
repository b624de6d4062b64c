import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import type { PlanNote } from '../../outcome/plan-note.js';

type EndedBackup = Extract<PlanNote, { readonly kind: 'to-end-backup' }>;

/** The hot backup that ends when something is staged on the role; empty: the role is none, or something is staged there already. */
export function endedBackup({ roles, staged }: BlueGreenState, role: string): readonly EndedBackup[] {
  const { revision, previous } = roles[role] ?? {};
  if (revision === undefined || previous === undefined || staged?.role === role) return [];
  const rollback = previous.revision;
  return [{ kind: 'to-end-backup', role, revision, ...(rollback !== undefined && { rollback }) }];
}

/** Says in the log that the hot backup ends; nothing where there is none. */
export function tellEndedBackup({ log }: Pick<RunContext, 'log'>, state: BlueGreenState, role: string): void {
  for (const { revision } of endedBackup(state, role))
    log.info(`${role} runs revision ${revision}, as users do, and is their hot backup no longer: it is staged on now`);
}
