import { restoreSnapshots } from '../../cluster/apply/restore-snapshots.js';
import { refKey, type ObjectRef } from '../../kubernetes/object.js';
import type { Snapshot } from '../../plan/change.js';
import { deleteStuckPods } from '../../rollout/stuck-pods.js';
import type { OperationContext } from '../../run/context.js';
import { logUnreadable, ownedSnapshots } from '../recorded/owned-objects.js';

/** Restores recorded snapshots, as far as the release owns the objects; returns those that could not be restored, and StatefulSets whose stuck pods could not be deleted. */
export async function restoreRecorded(
  ctx: OperationContext,
  recorded: readonly Snapshot[],
): Promise<readonly ObjectRef[]> {
  const { cluster, writer, records, log, clock, lockLost: signal } = ctx;
  const { owned: snapshots, notRecreated, unreadable } = await ownedSnapshots(ctx, recorded);
  const options = { cluster, writer, snapshots, release: records.release, log, clock, signal };
  logUnreadable(ctx, unreadable);
  const { failed } = await restoreSnapshots(options);
  const stuck = await deleteStuckPods(options);
  return [
    ...new Map(
      [...failed, ...stuck, ...unreadable]
        .map(({ ref }) => ref)
        .concat(notRecreated)
        .map(ref => [refKey(ref), ref]),
    ).values(),
  ];
}
