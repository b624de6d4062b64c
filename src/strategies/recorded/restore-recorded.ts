import { refKey, type ObjectRef } from '../../kubernetes/object.js';
import type { Snapshot } from '../../plan/change.js';
import type { OperationContext } from '../../run/context.js';
import { leftBy, type Restored } from '../outcome/restored.js';
import { restore, type RestoreRequest } from '../shared/restore-objects.js';
import { logUnreadable, ownedSnapshots } from './owned-objects.js';

/** What was restored from the record, and how far. */
export interface RestoredFromRecord {
  /** The snapshots of objects that the release owns. */
  readonly snapshots: readonly Snapshot[];
  readonly restored: Restored;
}

/**
 * As `restore`, for snapshots that come from the record: only objects that the release owns are restored. The others are left;
 * running the step again would not change that, so they do not count as failed.
 */
export async function restoreRecorded(ctx: OperationContext, request: RestoreRequest): Promise<RestoredFromRecord> {
  const { owned, foreign, notRecreated, unreadable } = await ownedSnapshots(ctx, request.snapshots);
  logUnreadable(ctx, unreadable);
  const restored = await restore(ctx, { ...request, snapshots: owned });
  const failed = unreadable.map(({ ref }) => ref);
  const left = [...leftBy(restored), ...foreign, ...notRecreated];
  return {
    snapshots: owned,
    restored: without(restored.kind === 'complete' ? { ...restored, left } : restored, failed),
  };
}

/** What was restored, less objects that could not be restored. */
function without(restored: Restored, unrestored: readonly ObjectRef[]): Restored {
  if (unrestored.length === 0) return restored;
  if (restored.kind === 'incomplete') {
    const failed = new Map([...restored.failed, ...unrestored].map(ref => [refKey(ref), ref]));
    return { ...restored, failed: [...failed.values()] };
  }
  if (restored.kind !== 'complete') return restored;
  const { withheld, kept, left } = restored;
  return { kind: 'incomplete', failed: unrestored, except: [...withheld, ...kept, ...left.map(({ ref }) => ref)] };
}
