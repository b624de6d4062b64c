import { restoreSnapshots } from '../../cluster/apply/restore-snapshots.js';
import { asCutoverError } from '../../errors.js';
import { describeRef, refKey, refOf, type ObjectRef } from '../../kubernetes/object.js';
import { isService } from '../../kubernetes/selectors.js';
import type { Snapshot } from '../../plan/change.js';
import { isAwaited } from '../../rollout/readiness/table.js';
import { observe } from '../../rollout/observer.js';
import { deleteStuckPods, type StuckStatefulSet } from '../../rollout/stuck-pods.js';
import type { OperationContext, RunContext } from '../../run/context.js';
import { withoutLock, type Restored } from '../outcome/restored.js';

/** What is restored, and why. */
export interface RestoreRequest {
  readonly snapshots: readonly Snapshot[];
  /** How long to wait until the restored workloads are ready. */
  readonly timeoutMs: number;
  /** The error that ended the step. Absent: it did not fail. */
  readonly cause?: unknown;
  /** Whether users need the restored workloads; without users, nothing waits for them. Default `required`. */
  readonly ready?: 'required' | 'not-needed';
  /**
   * Confirms that the endpoints of the restored Services are as before, once the workloads are ready. Called only if there
   * are Services. Absent: nothing is confirmed.
   */
  readonly confirm?: (services: readonly ObjectRef[]) => Promise<void>;
}

/**
 * Restores every object and, unless the run was cancelled or no user needs them, waits until the restored workloads are
 * ready. It writes nothing when the lock was lost, or when the cause is that somebody else changed what this step had
 * written, or that the record is unknown. Never throws, since the step must end with `cause`.
 */
export async function restore(ctx: OperationContext, request: RestoreRequest): Promise<Restored> {
  const { cause } = request;
  const without = withoutLock(ctx.lockLost);
  if (without !== undefined) return without;
  const code = cause === undefined ? undefined : asCutoverError(cause).code;
  if (code === 'changed') return { kind: 'changed-by-others' };
  if (code === 'record-unknown') return { kind: code };
  try {
    return await ctx.phase('Restore', () => restoreAndWait(ctx, request));
  } catch (error) {
    return { kind: 'not-ready', reason: asCutoverError(error).message };
  }
}

async function restoreAndWait(ctx: OperationContext, request: RestoreRequest): Promise<Restored> {
  const { snapshots, ready = 'required' } = request;
  const { cluster, writer, log, clock, records, created } = ctx;
  // A cancel does not end a restore.
  const signal = ctx.lockLost;
  const options = { cluster, writer, snapshots, log, clock, signal };
  const { failed, withheld, kept, left } = await restoreSnapshots({ ...options, release: records.release, created });
  const notRestored = new Set(failed.map(({ ref }) => refKey(ref)));
  const restored = snapshots.filter(({ ref }) => !notRestored.has(refKey(ref)));
  const stuck = await deleteStuckPods({ ...options, snapshots: restored });
  if (failed.length > 0) return { kind: 'incomplete', failed: failed.map(({ ref }) => ref) };
  const complete = { kind: 'complete', ready: false, withheld, kept, left } as const;
  if (ready === 'not-needed') return complete;
  const keptKeys = new Set(kept.map(refKey));
  const existing = snapshots.flatMap(({ ref, object }) => (object && !keptKeys.has(refKey(ref)) ? [object] : []));
  const targets = existing.filter(isAwaited).map(refOf);
  if (ctx.signal.aborted) return stuck.length === 0 ? complete : { kind: 'not-ready', reason: reasonOf(stuck) };
  try {
    if (targets.length > 0) await waitUntilReady(ctx, { targets, timeoutMs: request.timeoutMs });
    const services = existing.filter(isService).map(refOf);
    if (services.length > 0) await request.confirm?.(services);
  } catch (thrown) {
    const causes = [asCutoverError(thrown).message, ...(stuck.length > 0 ? [reasonOf(stuck)] : [])];
    return { kind: 'not-ready', reason: causes.join('; ') };
  }
  return { ...complete, ready: targets.length > 0 };
}

function reasonOf(stuck: readonly StuckStatefulSet[]): string {
  return stuck
    .map(({ ref, error }) => `pods that ${describeRef(ref)} waits for could not be deleted: ${error.message}`)
    .join('; ');
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
