import type { Recovered } from '../outcome/restored.js';
import { recordRestored, restoreRecorded, type InterruptedOperation, type PostContext } from '../shared/interrupted.js';

/** Restores every object as it was before an interrupted deploy or rollback. */
export async function restoreInterruptedRollout(
  ctx: PostContext,
  interrupted: InterruptedOperation,
): Promise<Recovered> {
  const failed = await restoreRecorded(ctx, interrupted.revision.before);
  if (failed.length > 0) return { kind: 'incomplete', failed };
  const { operation: _interrupted, ...after } = interrupted.state;
  return recordRestored(ctx, interrupted, after);
}
