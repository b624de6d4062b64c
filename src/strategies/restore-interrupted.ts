import { asCutoverError } from '../errors.js';
import { longestWriteMs } from '../release/lock/lease-times.js';
import type { InProgress } from '../release/transitions.js';
import type { LockedContext, RunContext } from '../run/context.js';
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
 * lock is released. Takes the lock as every run does, and then waits until the writes of that process are over: one that came
 * late would undo what was restored. Does nothing when the operation ended by itself, or when another run
 * holds the lock: that run finishes the operation, and may be writing already.
 */
export async function restoreInterrupted(ctx: RunContext, request: RestoreInterruptedRequest): Promise<Recovered> {
  try {
    return await underLock(ctx, 0, async locked => {
      if (request.postState.isWriting) await lastWriteOver(locked);
      return restore(locked, request);
    });
  } catch (error) {
    if (asCutoverError(error).code === 'locked') return { kind: 'lock-lost' };
    throw error;
  }
}

/** The process is dead, so it has sent nothing since the post step began. */
async function lastWriteOver({ log, clock, signal }: LockedContext): Promise<void> {
  log.info(`Waiting ${longestWriteMs / 1000} s until the last write of the killed run is over`);
  await clock.wait(longestWriteMs, signal);
  signal.throwIfAborted();
}

async function restore(ctx: LockedContext, request: RestoreInterruptedRequest): Promise<Recovered> {
  const { postState, rollbackOnFailure } = request;
  const state = await ctx.records.readState();
  if (state?.operation?.holder !== postState.lockHolder) return { kind: 'nothing-unfinished' };
  const { operation } = state;
  if (!rollbackOnFailure) return { kind: 'left', operation };
  const revision = await ctx.records.readRevision(operation.revision);
  return strategies[state.strategy].restoreInterrupted(ctx, { state: state as InProgress, revision });
}
