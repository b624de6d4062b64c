import { isTakenOver, releaseLock } from '../release/lock.js';
import type { PostState } from '../run/context.js';
import type { Recovered } from './outcome/restored.js';
import type { PostContext } from './shared/interrupted.js';
import { strategies } from './table.js';

/** What the killed process left. */
export interface RestoreInterruptedRequest {
  readonly postState: PostState;
  readonly rollbackOnFailure: boolean;
}

/**
 * Cleans up after a process that was killed before it could: what its operation changed is restored from the record, and its
 * lock is released. Does nothing when the operation ended by itself.
 */
export async function restoreInterrupted(
  ctx: PostContext,
  { postState, rollbackOnFailure }: RestoreInterruptedRequest,
): Promise<Recovered> {
  const { cluster, records, run } = ctx;
  const { release, namespace, lockHolder: holder } = postState;
  // The run that holds the lock now finishes the operation, and may be writing already.
  if (await isTakenOver({ cluster, release, namespace, holder })) return { kind: 'lock-lost' };
  try {
    const state = await records.readState();
    const { operation } = state ?? {};
    if (state === undefined || operation?.run !== run.url) return { kind: 'nothing-unfinished' };
    if (!rollbackOnFailure) return { kind: 'left', operation };
    const revision = await records.readRevision(operation.revision);
    return await strategies[state.strategy].restoreInterrupted(ctx, { state, operation, revision });
  } finally {
    await releaseLock({ cluster, release, namespace, holder });
  }
}
