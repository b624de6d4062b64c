import { putBack } from '../cluster/putback.js';
import type { Cluster } from '../cluster/cluster.js';
import { describeRef } from '../manifests/object.js';
import type { Log } from '../log.js';
import { releaseLock } from '../release/lock.js';
import { withHistory, type Records } from '../release/records.js';
import { historyEntry } from '../release/revision.js';
import type { InFlight, ReleaseState } from '../release/state.js';
import type { RunContext } from '../inputs/inputs.js';
import type { StepFacts } from './step.js';
import { selects, selectorOf } from './roles.js';

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
  // The switch was verified before `idle` was written: users are where they should be.
  if (inFlight.step === 'idle') return 'Users are on the new side; run promote again to finish the idle policy.';
  const switching = inFlight.step === 'switch';
  const snapshots = switching ? (inFlight.undo === undefined ? [] : [inFlight.undo]) : revision.before;
  if (switching && !(await canServe(cluster, state, inFlight))) {
    return 'The role that users left has no ready pod, so they were not sent back there: look at both roles at once.';
  }
  const { failed } = await putBack({ cluster, snapshots, release: state.release, log });
  if (failed.length > 0)
    return `Not everything could be put back: ${failed.map(({ ref }) => describeRef(ref)).join(', ')}`;
  const { inFlight: _ended, staged, ...rest } = state;
  const after = switching && staged !== undefined ? { ...rest, staged } : rest;
  await records.writeState(withHistory(after, historyEntry(run, revision, 'failed')));
  return `The run was killed during ${inFlight.step} of revision ${inFlight.revision}; everything was put back.`;
}

/** Whether the role that users were on before the switch has a ready pod. */
async function canServe(cluster: Cluster, state: ReleaseState, inFlight: InFlight): Promise<boolean> {
  const { undo } = inFlight;
  // Before the first release there was no Service, and putting back removes it: nobody had been served.
  if (undo?.object === undefined) return true;
  const selector = selectorOf(undo.object);
  const old = Object.values(state.roles ?? {}).find(({ podLabels }) => selects(selector, podLabels));
  for (const ref of old?.deployments ?? []) {
    const live = await cluster.get(ref);
    if (((live?.['status'] as { readyReplicas?: number } | undefined)?.readyReplicas ?? 0) > 0) return true;
  }
  return false;
}
