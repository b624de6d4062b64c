import { restoreSnapshots } from '../cluster/apply/restore.js';
import type { Cluster } from '../cluster/cluster.js';
import { describeRef } from '../kubernetes/object.js';
import type { Log } from '../log.js';
import { isTakenOver, releaseLock } from '../release/lock.js';
import { withHistory, type Records } from '../release/records.js';
import { historyEntry, type Revision } from '../release/revision.js';
import type { Snapshot } from '../plan/change.js';
import type { Operation, ReleaseState } from '../release/state.js';
import { removeStuckPods } from '../rollout/stuck-pods.js';
import type { CiRun } from '../inputs/inputs.js';
import type { PostState } from '../run/context.js';
import { withoutAdopted } from './blue-green/adoption/adoption.js';
import { restoreSelector } from './blue-green/adoption/pin.js';
import { readyPods } from './blue-green/restore-traffic.js';
import { withoutStagedRecord } from './blue-green/staging/unstaged.js';

/** For pods that were staged to be on their way out; a post step must end sometime. */
const unpinMs = 60_000;

/**
 * Cleans up after a process that was killed before it could: what it had begun is put back from the record, and its lock
 * is given back. Finds nothing to do when the step ended by itself. Says in a sentence what was done.
 */
export async function recover(options: {
  readonly cluster: Cluster;
  readonly records: Records;
  readonly facts: PostState;
  readonly run: CiRun;
  readonly rollbackOnFailure: boolean;
  readonly log: Log;
}): Promise<string> {
  const { cluster, records, facts, run, rollbackOnFailure, log } = options;
  const { release, namespace, lockHolder: holder } = facts;
  // What was in flight is then that run's to finish, and it may be at work on it right now.
  if (await isTakenOver({ cluster, release, namespace, holder }))
    return 'Another run has taken over the release: nothing was touched.';
  try {
    const state = await records.readState();
    const { operation } = state ?? {};
    if (state === undefined || operation?.run !== run.url) return 'Nothing was left unfinished.';
    if (!rollbackOnFailure)
      return `${operation.kind} of revision ${operation.revision} was left as it is (rollback-on-failure: false).`;
    return await restoreOperation({ cluster, records, run, log, state, operation });
  } finally {
    await releaseLock({ cluster, release, namespace, holder });
  }
}

async function restoreOperation(options: {
  readonly cluster: Cluster;
  readonly records: Records;
  readonly run: CiRun;
  readonly log: Log;
  readonly state: ReleaseState;
  readonly operation: Operation;
}): Promise<string> {
  const { cluster, records, run, log, state, operation } = options;
  const revision = await records.readRevision(operation.revision);
  const { operation: _ended, ...rest } = state;
  const { snapshots, after } = wayBack({ operation, revision, rest });
  // The switch was verified before `idle` was written: users are where they should be.
  if (snapshots === undefined) return 'Users are on the new side; run the same step again to finish what is left.';
  if (operation.kind === 'switch' && !(await canServe(cluster, operation))) {
    return 'The role that users left has no ready pod, so they were not sent back there: look at both roles at once.';
  }
  const { failed } = await restoreSnapshots({ cluster, snapshots, release: state.release, log });
  await removeStuckPods({ cluster, snapshots, log });
  const pinned = operation.kind === 'stage' ? operation.previousService : undefined;
  if (failed.length > 0)
    return `Not everything could be put back: ${failed.map(({ ref }) => describeRef(ref)).join(', ')}`;
  const why = pinned && (await restoreSelector(pinned, { cluster, log, release: state.release, timeoutMs: unpinMs }));
  if (why !== undefined)
    return `The staged revision is gone, but the selector of the public Service stays narrowed: ${why}.`;
  await records.writeState(withHistory(after, historyEntry(run, revision, 'failed')));
  return `The run was killed during ${operation.kind} of revision ${operation.revision}; everything was put back.`;
}

/** What has to be put back, and the record once it is. */
function wayBack({ operation, revision, rest }: { operation: Operation; revision: Revision; rest: ReleaseState }): {
  readonly snapshots: readonly Snapshot[] | undefined;
  readonly after: ReleaseState;
} {
  switch (operation.kind) {
    case 'deploy':
      return { snapshots: revision.before, after: rest };
    case 'stage':
      // Recorded is what was before the first of several stagings, so nothing is staged any more either.
      return {
        snapshots: revision.before,
        after:
          operation.previousService === undefined
            ? withoutStagedRecord(rest, operation.role ?? '')
            : withoutAdopted(rest),
      };
    case 'switch':
      return { snapshots: operation.previousService === undefined ? [] : [operation.previousService], after: rest };
    case 'finish':
      return { snapshots: undefined, after: rest };
    default:
      return operation.kind satisfies never;
  }
}

/** Whether the Service as it was before the switch would lead to a ready pod. */
async function canServe(cluster: Cluster, { previousService: undo }: Operation): Promise<boolean> {
  // Before the first release there was no Service, and putting back removes it: nobody had been served.
  if (undo?.object === undefined) return true;
  return (await readyPods(cluster, undo.object)).length > 0;
}
