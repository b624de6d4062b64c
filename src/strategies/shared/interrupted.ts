import { restoreSnapshots } from '../../cluster/apply/restore-snapshots.js';
import { refKey, type ObjectRef } from '../../kubernetes/object.js';
import type { Snapshot } from '../../plan/change.js';
import { withHistory } from '../../release/records.js';
import { historyEntry, type Revision } from '../../release/revision.js';
import type { Operation, ReleaseState } from '../../release/state.js';
import { deleteStuckPods } from '../../rollout/stuck-pods.js';
import type { RunContext } from '../../run/context.js';
import type { Recovered } from '../outcome/restored.js';

/** What the post step works with. */
export type PostContext = Pick<RunContext, 'cluster' | 'records' | 'run' | 'log' | 'clock'>;

/** An operation whose process was killed, as it is on record. */
export interface InterruptedOperation {
  readonly state: ReleaseState;
  readonly operation: Operation;
  /** The revision of the operation. */
  readonly revision: Revision;
}

/** Restores the objects; returns those that could not be restored, and StatefulSets whose stuck pods could not be deleted. */
export async function restoreRecorded(ctx: PostContext, snapshots: readonly Snapshot[]): Promise<readonly ObjectRef[]> {
  const { cluster, records, log, clock } = ctx;
  const { signal } = new AbortController();
  const options = { cluster, writer: cluster, snapshots, release: records.release, log, clock, signal };
  const { failed } = await restoreSnapshots(options);
  const stuck = await deleteStuckPods(options);
  return [...new Map([...failed, ...stuck].map(({ ref }) => [refKey(ref), ref])).values()];
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
