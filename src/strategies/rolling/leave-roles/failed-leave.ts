import { asCutoverError } from '../../../errors.js';
import { refKey, refOf } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import { recordFailure } from '../../../release/records.js';
import { historyEntry, type Revision } from '../../../release/revision.js';
import { abandon, withHistory, type Leaving } from '../../../release/transitions.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import { routerOf } from '../../../traffic/routers.js';
import { outcomeBase, type Outcome } from '../../outcome/outcome.js';
import type { Restored } from '../../outcome/restored.js';
import type { Serving } from '../../outcome/serving.js';
import { requireOwnedSnapshots } from '../../recorded/owned-objects.js';
import { restoreRecorded } from '../../recorded/restore-recorded.js';
import type { Rollout } from '../rollout.js';

/** An operation that failed before it was verified. */
export interface FailedLeave {
  readonly leaving: Leaving;
  readonly rollout: Rollout;
  readonly cause: unknown;
}

/** Restores everything, unless `rollback-on-failure` is false, and records the failure. */
export async function leavingFailed(ctx: OperationContext, { leaving, rollout, cause }: FailedLeave): Promise<Serving> {
  const { revision, snapshots, waitOptions, rollbackOnFailure } = rollout;
  const failed = historyEntry(ctx.run, revision, 'failed');
  const { current } = leaving;
  if (!rollbackOnFailure) {
    const unrecorded = await recordFailure(ctx.records, withHistory(leaving, failed));
    return { kind: 'partly-deployed', ...(unrecorded !== undefined && { unrecorded }) };
  }
  const isUnknown = asCutoverError(cause).code === 'record-unknown';
  const restored: Restored = isUnknown
    ? { kind: 'record-unknown' }
    : await restoreRoles(ctx, { leaving, revision, snapshots, timeoutMs: waitOptions.timeoutMs, cause });
  const after = restored.kind === 'complete' ? abandon(leaving, failed) : withHistory(leaving, failed);
  const unrecorded = await recordFailure(ctx.records, after);
  const note = unrecorded === undefined ? {} : { unrecorded };
  return { kind: 'restored', restored, ...(current !== undefined && { current }), ...note };
}

/** What is restored, and why. */
export interface RestoreRoles {
  readonly leaving: Leaving;
  readonly revision: Revision;
  readonly snapshots: readonly Snapshot[];
  readonly timeoutMs: number;
  readonly cause?: unknown;
}

/**
 * Sends users back to the active role alone, then restores the rest: a pod of the idle role must not answer meanwhile. A
 * public Service that does not select what the operation had set is left as it is: the operation did not get to it, or somebody
 * else has switched since.
 */
export async function restoreRoles(ctx: OperationContext, request: RestoreRoles): Promise<Restored> {
  const { leaving, snapshots, timeoutMs, cause } = request;
  const key = refKey(leaving.publicService);
  const service = snapshots.find(({ ref }) => refKey(ref) === key);
  if (service !== undefined && !ctx.lockLost.aborted) {
    try {
      const router = routerOf(ctx, service.ref);
      const object = request.revision.objects.find(one => refKey(refOf(one)) === key);
      if (object !== undefined && (await router.isSetTo({ object, force: false }))) {
        for (const owned of await requireOwnedSnapshots(ctx, [service])) await router.restore(owned, ctx.writer);
      }
    } catch (error) {
      ctx.log.error(asCutoverError(error).message);
      return { kind: 'incomplete', failed: [service.ref] };
    }
  }
  const rest = snapshots.filter(snapshot => snapshot !== service);
  const { restored } = await restoreRecorded(ctx, {
    snapshots: rest,
    timeoutMs,
    ...(cause !== undefined && { cause }),
  });
  return restored;
}

/** The outcome when users are on the new pods, but objects of the roles are left. */
export function leftUnfinished(ctx: RunContext, { operation }: Leaving): Omit<Outcome, 'outcome'> {
  const { revision } = operation;
  const serving = { kind: 'roles-left', revision } as const;
  return { ...outcomeBase(ctx, 'rolling'), revision, changes: [], checks: [], serving };
}
