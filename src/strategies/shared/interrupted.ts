import { restoreSnapshots } from '../../cluster/apply/restore-snapshots.js';
import type { ObjectRef } from '../../kubernetes/object.js';
import type { Snapshot } from '../../plan/change.js';
import { withHistory } from '../../release/records.js';
import { historyEntry, type Revision } from '../../release/revision.js';
import type { Operation, ReleaseState } from '../../release/state.js';
import { removeStuckPods } from '../../rollout/stuck-pods.js';
import type { RunContext } from '../../run/context.js';
import type { Recovered } from '../outcome/restored.js';

/** What the post step works with. */
export type PostContext = Pick<RunContext, 'cluster' | 'records' | 'run' | 'log'>;

/** An operation whose process was killed, as it is on record. */
export interface InterruptedOperation {
  readonly state: ReleaseState;
  readonly operation: Operation;
  /** The revision of the operation. */
  readonly revision: Revision;
}

/** Restores the objects; returns those that could not be restored. */
export async function restoreRecorded(ctx: PostContext, snapshots: readonly Snapshot[]): Promise<readonly ObjectRef[]> {
  const { cluster, records, log } = ctx;
  const { failed } = await restoreSnapshots({ cluster, snapshots, release: records.release, log });
  await removeStuckPods({ cluster, snapshots, log });
  return failed.map(({ ref }) => ref);
}

/** Records that everything is restored: `after` is the state without the operation. */
export async function recordRestored(
  { records, run }: PostContext,
  { operation, revision }: InterruptedOperation,
  after: ReleaseState,
): Promise<Recovered> {
  await records.writeState(withHistory(after, historyEntry(run, revision, 'failed')));
  return { kind: 'restored', operation };
}
