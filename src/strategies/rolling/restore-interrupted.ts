import { historyEntry } from '../../release/revision.js';
import type { RollingState } from '../../release/state.js';
import { abandon } from '../../release/transitions.js';
import type { LockedContext } from '../../run/context.js';
import type { Recovered } from '../outcome/restored.js';
import { restoreRecorded } from '../shared/interrupted.js';
import type { Interrupted } from '../strategy.js';

/** Restores every object as it was before an interrupted deploy or rollback. */
export async function restoreInterruptedRollout(
  ctx: LockedContext,
  { state, revision }: Interrupted<RollingState>,
): Promise<Recovered> {
  const operation = await ctx.begin(state);
  const failed = await restoreRecorded(operation, revision.before);
  if (failed.length > 0) return { kind: 'incomplete', failed };
  await ctx.records.writeState(abandon(state, historyEntry(ctx.run, revision, 'failed')));
  return { kind: 'restored', operation: state.operation };
}
