import { asCutoverError } from '../errors.js';
import type { InOperation, LockedContext, RunContext } from '../run/context.js';
import type { PostState } from '../run/post-state.js';
import { underLock } from '../run/under-lock.js';
import type { Recovered } from './outcome/restored.js';
import { strategies } from './table.js';

/** What the killed process left. */
export interface RestoreInterruptedRequest {
  readonly postState: PostState;
  readonly rollbackOnFailure: boolean;
}

/**
 * Cleans up after a process that was killed before it could: what its operation changed is restored from the record, and its
 * lock is released. Takes the lock as any run does. Does nothing when the operation ended by itself, or when another run
 * holds the lock: that run finishes the operation, and may be writing already.
 */
export async function restoreInterrupted(ctx: RunContext, request: RestoreInterruptedRequest): Promise<Recovered> {
  try {
    return await underLock(ctx, 0, locked => restore(locked, request));
  } catch (error) {
    if (asCutoverError(error).code === 'locked') return { kind: 'lock-lost' };
    throw error;
  }
}

async function restore(ctx: LockedContext, request: RestoreInterruptedRequest): Promise<Recovered> {
  const { postState, rollbackOnFailure } = request;
  const state = await ctx.records.readState();
  if (state?.operation?.holder !== postState.lockHolder) return { kind: 'nothing-unfinished' };
  const { operation } = state;
  if (!rollbackOnFailure) return { kind: 'left', operation };
  const revision = await ctx.records.readRevision(operation.revision);
  return strategies[state.strategy].restoreInterrupted(ctx, { state: state as InOperation, revision });
}
