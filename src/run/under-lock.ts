import { asCutoverError } from '../errors.js';
import type { HeldLock } from './step-lock.js';
import type { LockedContext, RunContext } from './context.js';

/**
 * Runs `work` under the release's lock. The context that `work` gets also aborts when another run takes the lock over. `work`
 * runs again, as after a wait, when another run began and ended between its read of the record and the lock. A lock that
 * cannot be released is only logged: the work is done, the post step tries again, and another run takes the lock over once it
 * has expired. Under the lock, `work` runs under the same one, which the outer call releases: no other run gets between the two pieces
 * of work.
 * `lockTimeoutMs`: how long to wait for another run that holds it.
 */
export async function underLock<T>(
  ctx: RunContext,
  lockTimeoutMs: number,
  work: (locked: LockedContext) => Promise<T>,
): Promise<T> {
  if (isLocked(ctx)) return work(ctx);
  const { log, records, lock, signal } = ctx;
  const held = await lock.acquire({ timeoutMs: lockTimeoutMs, signal });
  const first = openLocked(ctx, held);
  try {
    return await work(first.locked).catch((error: unknown) => {
      if (held.waited || !first.isOutdated()) throw error;
      log.info(`Another run has changed release ${records.release} meanwhile: this run begins again`);
      return work(openLocked(ctx, { ...held, waited: true }).locked);
    });
  } finally {
    try {
      await held.release();
    } catch (error) {
      log.warning(`The lock of ${records.release} could not be released yet: ${asCutoverError(error).message}`);
    }
  }
}

/**
 * What `read` reads of the record. While an operation is on record, it is read under the lock: a run that is at work is waited
 * for, so that an operation which is found then was left behind.
 */
export async function readSettled<T extends { readonly operation?: object } | undefined>(
  ctx: RunContext,
  lockTimeoutMs: number,
  read: (ctx: RunContext) => Promise<T>,
): Promise<T> {
  const found = await read(ctx);
  return found?.operation === undefined ? found : underLock(ctx, lockTimeoutMs, read);
}

function isLocked(ctx: RunContext): ctx is LockedContext {
  return 'recordOperation' in ctx;
}

/** A context under the lock, and whether its first operation was refused because the record is not what was read before. */
function openLocked(
  ctx: RunContext,
  held: HeldLock,
): { readonly locked: LockedContext; readonly isOutdated: () => boolean } {
  const { lost, waited, records } = held;
  let hasBegun = false;
  let outdated = false;
  const locked: LockedContext = {
    ...ctx,
    records,
    lockLost: lost,
    waited,
    signal: AbortSignal.any([ctx.signal, lost]),
    async recordOperation(state, revisions = []) {
      try {
        const writer = await held.recordOperation(state, revisions);
        hasBegun = true;
        return { ...locked, writer, created: new Set() };
      } catch (error) {
        outdated = !hasBegun && asCutoverError(error).code === 'changed';
        throw error;
      }
    },
  };
  return { locked, isOutdated: () => outdated };
}
