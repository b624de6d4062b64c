import { restoreSnapshots } from '../../cluster/apply/restore-snapshots.js';
import { asCutoverError } from '../../errors.js';
import { refKey, type ObjectRef } from '../../kubernetes/object.js';
import type { Snapshot } from '../../plan/change.js';
import { isAwaited } from '../../rollout/readiness/table.js';
import { observe } from '../../rollout/observer.js';
import { removeStuckPods } from '../../rollout/stuck-pods.js';
import type { OperationContext, RunContext } from '../../run/context.js';
import type { Restored } from '../outcome/restored.js';

/** What is restored, and why. */
export interface RestoreRequest {
  readonly snapshots: readonly Snapshot[];
  /** How long to wait until the restored workloads are ready. */
  readonly timeoutMs: number;
  /** The error that ended the step. Absent: it did not fail. */
  readonly cause?: unknown;
  /** Whether the restored workloads must become ready; `not-needed` where no user is. Default `required`. */
  readonly ready?: 'required' | 'not-needed';
}

/**
 * Restores every object and, unless the run was cancelled or nobody needs them, waits until the restored workloads are ready. It writes nothing
 * when the lock was lost, or when the cause is that somebody else changed what this step had written. Never throws, since
 * the step must end with `cause`.
 */
export async function restore(ctx: OperationContext, request: RestoreRequest): Promise<Restored> {
  const { cause } = request;
  if (ctx.lockLost.aborted) return { kind: 'lock-lost' };
  if (cause !== undefined && asCutoverError(cause).code === 'changed') return { kind: 'changed-by-others' };
  try {
    return await ctx.phase('Restore', () => restoreAndWait(ctx, request));
  } catch (error) {
    return { kind: 'not-ready', reason: asCutoverError(error).message };
  }
}

async function restoreAndWait(ctx: OperationContext, request: RestoreRequest): Promise<Restored> {
  const { snapshots, timeoutMs, ready: demanded = 'required' } = request;
  const { cluster, writer, log, clock, records } = ctx;
  const { release } = records;
  const { failed, withheld, kept } = await restoreSnapshots({ cluster, writer, snapshots, release, log, clock });
  await removeStuckPods({ cluster, writer, snapshots, log });
  if (failed.length > 0) return { kind: 'incomplete', failed: failed.map(({ ref }) => ref) };
  const keptKeys = new Set(kept.map(refKey));
  const targets = snapshots.flatMap(({ ref, object }) =>
    object !== undefined && isAwaited(object) && !keptKeys.has(refKey(ref)) ? [ref] : [],
  );
  const ready = demanded === 'required' && targets.length > 0 && !ctx.signal.aborted;
  if (ready) await waitUntilReady(ctx, { targets, timeoutMs });
  return { kind: 'complete', ready, withheld, kept };
}

async function waitUntilReady(
  ctx: RunContext,
  { targets, timeoutMs }: { readonly targets: readonly ObjectRef[]; readonly timeoutMs: number },
): Promise<void> {
  const { cluster, log, clock } = ctx;
  const observer = observe({ cluster, log, clock, signal: new AbortController().signal, targets });
  try {
    await observer.synced;
    const found = await Promise.all(targets.map(ref => cluster.get(ref)));
    const live = found.filter(object => object !== undefined);
    await observer.waitForRollout({ targets: live, timeoutMs, stableForMs: 0, paused: 'noted' });
  } finally {
    observer.close();
  }
}
