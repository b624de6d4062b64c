import { restoreSnapshots } from '../../cluster/apply/restore-snapshots.js';
import type { ObjectWriter } from '../../cluster/cluster.js';
import { asCutoverError, CutoverError } from '../../errors.js';
import { describeRef, refKey, refOf, type ObjectRef } from '../../kubernetes/object.js';
import { isService } from '../../kubernetes/selectors.js';
import type { Snapshot } from '../../plan/change.js';
import { isAwaited } from '../../rollout/readiness/table.js';
import { deleteStuckPods, type StuckStatefulSet } from '../../rollout/stuck-pods.js';
import { waitForLive } from '../../rollout/wait/wait-for-live.js';
import type { OperationContext, RunContext } from '../../run/context.js';
import { withoutLock, type Reached, type Restored } from '../outcome/restored.js';

/** What is restored, and why. */
export interface RestoreRequest {
  readonly snapshots: readonly Snapshot[];
  /** How long to wait until the restored workloads are ready. */
  readonly timeoutMs: number;
  /** The error that ended the step. Absent: it did not fail. */
  readonly cause?: unknown;
  /** Whether users need the restored workloads, all or each; nothing waits for those without users. Default `required`. */
  readonly ready?: 'required' | 'not-needed' | ((ref: ObjectRef) => boolean);
  /**
   * Looks whether users are on what the restore would take away: somebody else may have led them there at any moment. Asked
   * before each write; once they are, nothing more is written. Absent: they cannot be.
   */
  readonly reached?: () => Promise<Reached | undefined>;
  /**
   * Confirms that the endpoints of the restored Services are as before, once the workloads are ready. Called only if there
   * are Services. Absent: nothing is confirmed.
   */
  readonly confirm?: (services: readonly ObjectRef[]) => Promise<void>;
}

/**
 * Restores every object and, unless the run was cancelled or no user needs them, waits until the restored workloads are
 * ready. Never throws, since the step must end with `cause`.
 */
export async function restore(ctx: OperationContext, request: RestoreRequest): Promise<Restored> {
  const withheld = whyWithheld(ctx, request.cause);
  if (withheld !== undefined) return withheld;
  try {
    return await ctx.phase('Restore', () => restoreAndWait(ctx, request));
  } catch (error) {
    return { kind: 'not-ready', reason: asCutoverError(error).message };
  }
}

/**
 * Why nothing may be restored: the lock was lost, or the cause is that somebody else changed what the step had written, or that
 * the record is unknown. `undefined`: it may.
 */
export function whyWithheld({ lockLost }: Pick<OperationContext, 'lockLost'>, cause: unknown): Restored | undefined {
  const without = withoutLock(lockLost);
  if (without !== undefined) return without;
  const code = cause === undefined ? undefined : asCutoverError(cause).code;
  if (code === 'changed') return { kind: 'changed-by-others' };
  return code === 'record-unknown' ? { kind: code } : undefined;
}

async function restoreAndWait(ctx: OperationContext, request: RestoreRequest): Promise<Restored> {
  const { snapshots, ready = 'required' } = request;
  const { cluster, log, clock, records, created } = ctx;
  const { writer, found } = guarded(ctx.writer, request.reached);
  // A cancel does not end a restore.
  const signal = ctx.lockLost;
  const { release, namespace } = records;
  const options = { cluster, writer, snapshots, log, clock, signal };
  const { failed, withheld, kept, left } = await restoreSnapshots({ ...options, release, namespace, created });
  const notRestored = new Set(failed.map(({ ref }) => refKey(ref)));
  const restored = snapshots.filter(({ ref }) => !notRestored.has(refKey(ref)));
  const stuck = await deleteStuckPods({ ...options, snapshots: restored });
  const reached = found();
  if (reached !== undefined) return reached;
  const except = [...withheld, ...kept, ...left.map(({ ref }) => ref)];
  if (failed.length > 0) return { kind: 'incomplete', failed: failed.map(({ ref }) => ref), except };
  const complete = { kind: 'complete', ready: false, withheld, kept, left } as const;
  if (ready === 'not-needed') return complete;
  const keptKeys = new Set(kept.map(refKey));
  const existing = snapshots.flatMap(({ ref, object }) => (object && !keptKeys.has(refKey(ref)) ? [object] : []));
  const isNeeded = typeof ready === 'function' ? ready : () => true;
  const targets = existing.filter(isAwaited).map(refOf).filter(isNeeded);
  if (ctx.signal.aborted) {
    if (stuck.length > 0) return { kind: 'not-ready', reason: reasonOf(stuck), except };
    return targets.length === 0 ? complete : { ...complete, unawaited: true };
  }
  try {
    if (targets.length > 0) await waitForRestored(ctx, { targets, timeoutMs: request.timeoutMs });
    const services = existing.filter(isService).map(refOf);
    if (services.length > 0) await request.confirm?.(services);
  } catch (thrown) {
    const causes = [asCutoverError(thrown).message, ...(stuck.length > 0 ? [reasonOf(stuck)] : [])];
    return { kind: 'not-ready', reason: causes.join('; '), except };
  }
  return { ...complete, ready: targets.length > 0 };
}

/** The error of a write that would change what users are on. `hint`: what to do; absent: to run the same step again. */
export function nowReached({ service, to }: Reached, hint?: string): CutoverError {
  const name = describeRef(service);
  return new CutoverError(`${name} leads users to ${to} now`, {
    code: 'changed',
    object: name,
    hint: `It was changed meanwhile. ${hint ?? 'Run this step again: it plans from what is live now.'}`,
  });
}

export interface Guard {
  /** Looks before each write whether users are on what it writes, and throws `changed` once they are. */
  readonly writer: ObjectWriter;
  /** Where users are led to; `undefined`: no look has found them. */
  readonly found: () => Reached | undefined;
  /** Whether a write was sent, whatever became of it. */
  readonly hasWritten: () => boolean;
}

export function guarded(writer: ObjectWriter, look: RestoreRequest['reached']): Guard {
  let found: Reached | undefined;
  let isSent = false;
  const after = async <T>(write: () => Promise<T>): Promise<T> => {
    if (look !== undefined && found === undefined) {
      const now = await look();
      // The look of another write may have found users meanwhile.
      found ??= now;
    }
    if (found !== undefined) throw nowReached(found);
    isSent = true;
    return write();
  };
  return {
    found: () => found,
    hasWritten: () => isSent,
    writer: {
      apply: (object, options) => after(() => writer.apply(object, options)),
      create: object => after(() => writer.create(object)),
      replace: object => after(() => writer.replace(object)),
      setManagedFields: (live, fields) => after(() => writer.setManagedFields(live, fields)),
      remove: (ref, preconditions) => after(() => writer.remove(ref, preconditions)),
      evict: (pod, preconditions) => after(() => writer.evict(pod, preconditions)),
    },
  };
}

function reasonOf(stuck: readonly StuckStatefulSet[]): string {
  return stuck
    .map(({ ref, error }) => `pods that ${describeRef(ref)} waits for could not be deleted: ${error.message}`)
    .join('; ');
}

async function waitForRestored(
  ctx: RunContext,
  { targets, timeoutMs }: { readonly targets: readonly ObjectRef[]; readonly timeoutMs: number },
): Promise<void> {
  const { cluster, log, clock } = ctx;
  const found = await Promise.all(targets.map(ref => cluster.get(ref)));
  const live = found.filter(object => object !== undefined);
  // A cancel during the wait does not end it.
  const { signal } = new AbortController();
  await waitForLive({ cluster, log, clock, signal }, { targets: live, timeoutMs, paused: 'noted' });
}
