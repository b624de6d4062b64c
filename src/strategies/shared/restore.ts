import { restoreSnapshots } from '../../cluster/apply/restore.js';
import { asCutoverError } from '../../errors.js';
import { describeRef, refKey, type ObjectRef } from '../../kubernetes/object.js';
import type { Snapshot } from '../../plan/change.js';
import { isAwaited } from '../../rollout/readiness/table.js';
import { observe } from '../../rollout/observer.js';
import { removeStuckPods } from '../../rollout/stuck-pods.js';
import type { RunContext } from '../../run/context.js';

/** How putting back went. */
export interface Restored {
  /** Everything is as it was before; nothing is left for a later run. */
  readonly complete: boolean;
  readonly sentence: string;
}

/**
 * Puts everything back after `cause` and, unless the run was cancelled, waits until what was is ready again. It keeps its
 * hands off when others are at work: when the lock was lost, or when the cause is that somebody else changed what this step
 * had written. Never throws: the cause is what the step must end with.
 */
export async function restore(options: {
  readonly ctx: RunContext;
  readonly snapshots: readonly Snapshot[];
  readonly timeoutMs: number;
  readonly cause?: unknown;
}): Promise<Restored> {
  const { ctx, cause } = options;
  if (ctx.lost?.aborted) {
    return { complete: false, sentence: 'Nothing was put back: another run has taken the lock over and decides now.' };
  }
  if (cause !== undefined && asCutoverError(cause).code === 'changed') {
    return {
      complete: false,
      sentence: 'Nothing was put back, so that what somebody else has changed meanwhile stays.',
    };
  }
  try {
    return await ctx.phase('Put back', () => putBackAndWait(options));
  } catch (error) {
    return {
      complete: false,
      sentence: `What was before has been put back, but is not ready: ${asCutoverError(error).message}`,
    };
  }
}

async function putBackAndWait(options: {
  readonly ctx: RunContext;
  readonly snapshots: readonly Snapshot[];
  readonly timeoutMs: number;
}): Promise<Restored> {
  const { ctx, snapshots, timeoutMs } = options;
  const { cluster, log, clock, records } = ctx;
  const { failed, withheld, kept } = await restoreSnapshots({
    cluster,
    snapshots,
    release: records.release,
    log,
    clock,
  });
  await removeStuckPods({ cluster, snapshots, log });
  if (failed.length > 0) {
    const names = namesOf(failed.map(({ ref }) => ref));
    return { complete: false, sentence: `Not everything could be put back; still as this step left it: ${names}.` };
  }
  const except = [
    ...(withheld.length > 0 ? [`, but for the data of ${namesOf(withheld)}, which is never recorded`] : []),
    ...(kept.length > 0 ? [`, but for ${namesOf(kept)}, whose work cannot be taken back`] : []),
  ].join('');
  const keys = new Set(kept.map(refKey));
  const targets = snapshots.flatMap(({ ref, object }) =>
    object !== undefined && isAwaited(object) && !keys.has(refKey(ref)) ? [ref] : [],
  );
  if (targets.length === 0 || ctx.signal.aborted)
    return { complete: true, sentence: `Everything was put back${except}.` };
  const observer = observe({ cluster, log, clock, signal: new AbortController().signal, targets });
  try {
    await observer.synced;
    const live = await Promise.all(targets.map(ref => cluster.get(ref)));
    await observer.until({
      targets: live.filter(object => object !== undefined),
      timeoutMs,
      stableForMs: 0,
      paused: 'noted',
    });
    return { complete: true, sentence: `Everything was put back${except} and is ready.` };
  } finally {
    observer.close();
  }
}

function namesOf(refs: readonly ObjectRef[]): string {
  return refs.map(describeRef).join(', ');
}
