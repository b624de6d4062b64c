import { asCutoverError } from '../errors.js';
import type { HeldLock } from './lock-door.js';
import type { LockedContext, RunContext } from './context.js';

/**
 * Runs `work` under the release's lock. The context that `work` gets also aborts when another run takes the lock over. A lock
 * that cannot be released is only logged: the work is done, the post step tries again, and another run takes the lock over
 * once it has expired. `lockTimeoutMs`: how long to wait for another run that holds it.
 */
export async function underLock<T>(
  ctx: RunContext,
  lockTimeoutMs: number,
  work: (locked: LockedContext) => Promise<T>,
): Promise<T> {
  const { log, records, lock, signal } = ctx;
  const held = await lock.enter({ timeoutMs: lockTimeoutMs, signal });
  try {
    return await work(lockedContext(ctx, held));
  } finally {
    try {
      await held.release();
    } catch (error) {
      log.warning(`The lock of ${records.release} could not be released yet: ${asCutoverError(error).message}`);
    }
  }
}

function lockedContext(ctx: RunContext, { lost, waited, records, writer }: HeldLock): LockedContext {
  const locked: LockedContext = {
    ...ctx,
    records,
    lockLost: lost,
    waited,
    signal: AbortSignal.any([ctx.signal, lost]),
    async begin(state, revisions = []) {
      // The revision first: what a restore needs is on record when the operation is.
      await Promise.all(revisions.map(revision => records.writeRevision(revision)));
      await records.writeState(state);
      return { ...locked, writer, created: new Set() };
    },
  };
  return locked;
}
