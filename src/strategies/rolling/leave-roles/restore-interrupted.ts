import { historyEntry } from '../../../release/revision.js';
import type { Revision } from '../../../release/revision.js';
import { abandon, type Leaving } from '../../../release/transitions.js';
import type { LockedContext } from '../../../run/context.js';
import { leftBy, unrestored, type Recovered } from '../../outcome/restored.js';
import { restoreRoles } from './failed-leave.js';

/** Limit of the wait for restored workloads in a post step. */
const timeoutMs = 60_000;

/** Restores the roles, unless the new pods were verified already: then the next deploy finishes. */
export async function restoreInterruptedLeave(
  ctx: LockedContext,
  { state, revision }: { readonly state: Leaving; readonly revision: Revision },
): Promise<Recovered> {
  const { operation } = state;
  if (operation.verified) return { kind: 'roles-left', operation };
  const restored = await restoreRoles(await ctx.recordOperation(state), {
    leaving: state,
    revision,
    snapshots: revision.before,
    timeoutMs,
  });
  const notRestored = unrestored(restored);
  if (notRestored !== undefined) return notRestored;
  await ctx.records.writeState(abandon(state, historyEntry(ctx.run, revision, 'failed')));
  return { kind: 'restored', operation, left: leftBy(restored) };
}
