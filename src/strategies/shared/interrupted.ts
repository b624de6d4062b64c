import { restoreSnapshots } from '../../cluster/apply/restore-snapshots.js';
import type { ObjectRef } from '../../kubernetes/object.js';
import type { Snapshot } from '../../plan/change.js';
import { removeStuckPods } from '../../rollout/stuck-pods.js';
import type { OperationContext } from '../../run/context.js';

/** Restores the objects; returns those that could not be restored. */
export async function restoreRecorded(
  ctx: OperationContext,
  snapshots: readonly Snapshot[],
): Promise<readonly ObjectRef[]> {
  const { cluster, writer, records, log, clock } = ctx;
  const { failed } = await restoreSnapshots({ cluster, writer, snapshots, release: records.release, log, clock });
  await removeStuckPods({ cluster, writer, snapshots, log });
  return failed.map(({ ref }) => ref);
}
