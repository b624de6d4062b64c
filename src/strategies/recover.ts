import { putBack } from '../cluster/putback.js';
import type { Cluster } from '../cluster/cluster.js';
import { describeRef } from '../manifests/object.js';
import type { Log } from '../log.js';
import { isTakenOver, releaseLock } from '../release/lock.js';
import { withHistory, type Records } from '../release/records.js';
import { historyEntry, type Revision } from '../release/revision.js';
import type { Snapshot } from '../plan/change.js';
import type { InFlight, ReleaseState } from '../release/state.js';
import { removeStuckPods } from '../rollout/stuck-pods.js';
import type { RunContext } from '../inputs/inputs.js';
import type { StepFacts } from './step.js';
import { withoutAdopted } from './adoption.js';
import { unpin } from './pin.js';
import { readyPods } from './switch-back.js';
import { withoutStagedRecord } from './unstaged.js';

/** For pods that were staged to be on their way out; a post step must end sometime. */
const unpinMs = 60_000;

/**
 * Cleans up after a process that was killed before it could: what it had begun is put back from the record, and its lock
 * is given back. Finds nothing to do when the step ended by itself. Says in a sentence what was done.
 */
export async function recover(options: {
  readonly cluster: Cluster;
  readonly records: Records;
  readonly facts: StepFacts;
  readonly run: RunContext;
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
    const { inFlight } = state ?? {};
    if (state === undefined || inFlight?.run !== run.url) return 'Nothing was left unfinished.';
    if (!rollbackOnFailure)
      return `${inFlight.step} of revision ${inFlight.revision} was left as it is (rollback-on-failure: false).`;
    return await putBackInFlight({ cluster, records, run, log, state, inFlight });
  } finally {
    await releaseLock({ cluster, release, namespace, holder });
  }
}

async function putBackInFlight(options: {
  readonly cluster: Cluster;
  readonly records: Records;
  readonly run: RunContext;
  readonly log: Log;
  readonly state: ReleaseState;
  readonly inFlight: InFlight;
}): Promise<string> {
  const { cluster, records, run, log, state, inFlight } = options;
  const revision = await records.readRevision(inFlight.revision);
  const { inFlight: _ended, ...rest } = state;
  const { snapshots, after } = wayBack({ inFlight, revision, rest });
  // The switch was verified before `idle` was written: users are where they should be.
  if (snapshots === undefined) return 'Users are on the new side; run the same step again to finish what is left.';
  if (inFlight.step === 'switch' && !(await canServe(cluster, inFlight))) {
    return 'The role that users left has no ready pod, so they were not sent back there: look at both roles at once.';
  }
  const { failed } = await putBack({ cluster, snapshots, release: state.release, log });
  await removeStuckPods({ cluster, snapshots, log });
  const pinned = inFlight.step === 'stage' ? inFlight.undo : undefined;
  if (failed.length > 0)
    return `Not everything could be put back: ${failed.map(({ ref }) => describeRef(ref)).join(', ')}`;
  const why = pinned && (await unpin(pinned, { cluster, log, release: state.release, timeoutMs: unpinMs }));
  if (why !== undefined)
    return `The staged revision is gone, but the selector of the public Service stays narrowed: ${why}.`;
  await records.writeState(withHistory(after, historyEntry(run, revision, 'failed')));
  return `The run was killed during ${inFlight.step} of revision ${inFlight.revision}; everything was put back.`;
}

/** What has to be put back, and the record once it is. */
function wayBack({ inFlight, revision, rest }: { inFlight: InFlight; revision: Revision; rest: ReleaseState }): {
  readonly snapshots: readonly Snapshot[] | undefined;
  readonly after: ReleaseState;
} {
  switch (inFlight.step) {
    case 'deploy':
      return { snapshots: revision.before, after: rest };
    case 'stage':
      // Recorded is what was before the first of several stagings, so nothing is staged any more either.
      return {
        snapshots: revision.before,
        after: inFlight.undo === undefined ? withoutStagedRecord(rest, inFlight.role ?? '') : withoutAdopted(rest),
      };
    case 'switch':
      return { snapshots: inFlight.undo === undefined ? [] : [inFlight.undo], after: rest };
    case 'idle':
      return { snapshots: undefined, after: rest };
    default:
      return inFlight.step satisfies never;
  }
}

/** Whether the Service as it was before the switch would lead to a ready pod. */
async function canServe(cluster: Cluster, { undo }: InFlight): Promise<boolean> {
  // Before the first release there was no Service, and putting back removes it: nobody had been served.
  if (undo?.object === undefined) return true;
  return (await readyPods(cluster, undo.object)).length > 0;
}
