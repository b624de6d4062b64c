import type { Check } from '../inputs/inputs.js';
import type { PlannedChange, Snapshot } from '../plan/change.js';
import { previousRevision, recordFailure, withHistory } from '../release/records.js';
import { historyEntry, type Revision } from '../release/revision.js';
import type { ReleaseState } from '../release/state.js';
import type { CheckResult } from '../verify/verify.js';
import { bringUp, type Patience } from './bring-up.js';
import { assertPassed, checksOf, runChecks, servingService } from './checking.js';
import { changesOf, FailedStep, type Outcome } from './outcome.js';
import type { Step } from './step.js';
import { undo } from './undo.js';

/** One rollout in place: of a new revision, or of an earlier one again. */
export interface Rollout {
  readonly state: ReleaseState;
  readonly revision: Revision;
  readonly planned: readonly PlannedChange[];
  /** What every object was before this step, or before an earlier one that was never finished. */
  readonly snapshots: readonly Snapshot[];
  readonly patience: Patience;
  readonly checks: readonly Check[];
  readonly service?: string;
  readonly force: boolean;
  readonly rollbackOnFailure: boolean;
  readonly history: number;
  readonly outcome: 'deployed' | 'rolled-back';
}

/** Nothing is written, but "unchanged" is only said of a version that is ready and passes its checks. */
export async function confirmUnchanged(step: Step, rollout: Rollout, current: number): Promise<Outcome> {
  const known = { ...about(step), revision: current, changes: changesOf(rollout.planned) };
  try {
    const checks = await readyAndVerified(step, rollout);
    return {
      ...known,
      outcome: 'unchanged',
      checks,
      serving: `Revision ${current} serves users, as before; nothing was written.`,
    };
  } catch (error) {
    const serving = `Nothing was changed: revision ${current} is what users reach, in the state described here.`;
    throw new FailedStep(error, { ...known, checks: checksOf(error), serving });
  }
}

/** Applies, waits, verifies and records one revision; puts everything back when that fails. */
export async function rollOut(step: Step, rollout: Rollout): Promise<Outcome> {
  const { state, revision, planned } = rollout;
  const { records } = step;
  const { number } = revision;
  const begun: ReleaseState = {
    ...state,
    latest: Math.max(state.latest, number),
    revisions: [...new Set([...state.revisions, number])],
    inFlight: { step: 'deploy', revision: number, run: step.run.url },
  };
  const known = {
    ...about(step),
    revision: number,
    ...(state.current !== undefined && { previousRevision: state.current }),
    changes: changesOf(planned),
    ...(revision.approval !== undefined && { approval: revision.approval }),
  };
  // The way back is on record before the first object is touched: a killed run can be undone by its post step.
  try {
    await records.writeRevision(revision);
    await records.writeState(begun);
  } catch (error) {
    throw new FailedStep(error, { ...known, checks: [], serving: untouched(state) });
  }

  let checks: readonly CheckResult[] = [];
  try {
    checks = await readyAndVerified(step, rollout);
    // A deploy that is on no record could neither be rolled back nor be told from a half-done one: it counts as failed.
    await step.stage('Clean up', async () => {
      const { inFlight: _done, ...rest } = begun;
      const done = withHistory({ ...rest, current: number }, historyEntry(step.run, revision, rollout.outcome));
      await records.finish(done, rollout.history, step.log);
    });
  } catch (error) {
    throw new FailedStep(error, {
      ...known,
      checks: [...checks, ...checksOf(error)],
      serving: await afterFailure(step, rollout, { begun, cause: error }),
    });
  }
  const serving = `Revision ${number} serves users (${revision.images.join(', ') || 'no images'}).`;
  const earlier = previousRevision({ ...begun, current: number });
  return {
    ...known,
    outcome: rollout.outcome,
    checks,
    serving,
    ...(earlier !== undefined && {
      wayBack: { action: 'rollback', release: records.release, namespace: records.namespace } as const,
    }),
  };
}

async function readyAndVerified(step: Step, rollout: Rollout): Promise<readonly CheckResult[]> {
  const { planned, patience, force, checks } = rollout;
  const ready = await step.stage('Deploy', () => bringUp({ step, planned, patience, force, paused: 'noted' }));
  return step.stage('Verify prod', async () => {
    const objects = planned.map(({ resource }) => resource.object);
    const service = servingService(objects, rollout.service);
    const results = await runChecks({
      step,
      checks,
      stage: 'public',
      side: {
        namespace: service?.metadata.namespace ?? step.records.namespace,
        workloads: objects,
        ready,
        ...(service !== undefined && { service }),
      },
    });
    assertPassed(results);
    return results;
  });
}

/** Puts everything back if that is wanted, records how it ended, and says what serves users now. */
async function afterFailure(
  step: Step,
  rollout: Rollout,
  failure: { readonly begun: ReleaseState; readonly cause: unknown },
): Promise<string> {
  const { state, revision, snapshots, patience, rollbackOnFailure } = rollout;
  const { begun, cause } = failure;
  const { inFlight, ...rest } = begun;
  const failed = historyEntry(step.run, revision, 'failed');
  if (!rollbackOnFailure) {
    const note = await recordFailure(step.records, withHistory(begun, failed));
    return `The new version was left as it is (rollback-on-failure: false): users reach whatever pods are ready, old or new.${note}`;
  }
  const { complete, sentence } = await undo({ step, snapshots, timeoutMs: patience.timeoutMs, cause });
  const ended = withHistory({ ...rest, ...(!complete && inFlight && { inFlight }) }, failed);
  const note = await recordFailure(step.records, ended);
  if (state.current === undefined) return `${sentence} There is no earlier revision of this release.${note}`;
  return complete
    ? `${sentence} Revision ${state.current} serves users, as before.${note}`
    : `${sentence} Users reach whatever pods are ready, of revision ${state.current} or of the new one.${note}`;
}

function untouched({ current }: ReleaseState): string {
  return current === undefined
    ? 'Nothing was changed. There is no earlier revision of this release.'
    : `Nothing was changed: revision ${current} serves users, as before.`;
}

function about(step: Step) {
  return { release: step.records.release, namespace: step.records.namespace, strategy: 'rolling' } as const;
}
