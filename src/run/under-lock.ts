import { asCutoverError, CutoverError } from '../errors.js';
import { canonical } from '../plan/change.js';
import { acquireLock } from '../release/lock.js';
import { newState, type ReleaseState } from '../release/state.js';
import type { PostState, RunContext } from './context.js';

/**
 * Runs `work` under the release's lock, on the state that the plan was made from: when another run wrote it in the meantime, this
 * one stops with `changed` before its first write. The context that `work` gets also aborts when the lock is lost, so that
 * two runs never write at once. A lock that cannot be released is only logged: the work is done, the post step tries again,
 * and the lock expires by itself within a minute.
 */
export async function underLock<T>(
  ctx: RunContext,
  planned: ReleaseState,
  work: (locked: RunContext) => Promise<T>,
): Promise<T> {
  const { cluster, log, run, records } = ctx;
  const { release, namespace } = records;
  const lock = await acquireLock({ cluster, release, namespace, run, log });
  const postState: PostState = { release, namespace, lockHolder: lock.holder };
  ctx.savePostState(postState);
  try {
    const now = (await records.readState()) ?? newState(release, planned.strategy);
    if (canonical(planned) !== canonical(now)) throw releaseChanged(release);
    return await work({ ...ctx, lockLost: lock.lost, signal: AbortSignal.any([ctx.signal, lock.lost]) });
  } finally {
    try {
      await lock.release();
      ctx.clearPostState(postState);
    } catch (error) {
      log.warning(`The lock of ${release} could not be released yet: ${asCutoverError(error).message}`);
    }
  }
}

function releaseChanged(release: string): CutoverError {
  return new CutoverError(`Another run changed release ${release} while this one was planning`, {
    code: 'changed',
    hint: 'Run this step again: it plans again from what is live now. `concurrency` in the workflow makes runs wait for each other.',
  });
}
