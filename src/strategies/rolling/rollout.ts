import type { Check } from '../../inputs/inputs.js';
import type { PlannedChange, Snapshot } from '../../plan/change.js';
import { previousRevision, recordFailure, withHistory } from '../../release/records.js';
import { historyEntry, type Revision } from '../../release/revision.js';
import type { ReleaseState } from '../../release/state.js';
import type { CheckResult } from '../../verify/verify.js';
import { bringUp, type WaitOptions } from '../shared/bring-up.js';
import { assertPassed, checksOf, runChecks, servingService } from '../shared/checks.js';
import { changesOf, FailedStep, type Outcome } from '../shared/outcome.js';
import type { RunContext } from '../../run/context.js';
import { restore } from '../shared/restore.js';

/** One rollout in place: of a new revision, or of an earlier one again. */
export interface Rollout {
  readonly state: ReleaseState;
  readonly revision: Revision;
  readonly planned: readonly PlannedChange[];
  /** What every object was before this step, or before an earlier one that was never finished. */
  readonly snapshots: readonly Snapshot[];
  readonly waitOptions: WaitOptions;
  readonly checks: readonly Check[];
  readonly service?: string;
  readonly force: boolean;
  readonly rollbackOnFailure: boolean;
  readonly historyLimit: number;
  readonly outcome: 'deployed' | 'rolled-back';
}

/** Nothing is written, but "unchanged" is only said of a version that is ready and passes its checks. */
export async function confirmUnchanged(ctx: RunContext, rollout: Rollout, current: number): Promise<Outcome> {
  const known = { ...about(ctx), revision: current, changes: changesOf(rollout.planned) };
  try {
    const checks = await readyAndVerified(ctx, rollout);
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
export async function rollOut(ctx: RunContext, rollout: Rollout): Promise<Outcome> {
  const { state, revision, planned } = rollout;
  const { records } = ctx;
  const { number } = revision;
  const begun: ReleaseState = {
    ...state,
    latest: Math.max(state.latest, number),
    revisions: [...new Set([...state.revisions, number])],
    operation: { kind: 'deploy', revision: number, run: ctx.run.url },
  };
  const known = {
    ...about(ctx),
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
    checks = await readyAndVerified(ctx, rollout);
    // A deploy that is on no record could neither be rolled back nor be told from a half-done one: it counts as failed.
    await ctx.phase('Clean up', async () => {
      const { operation: _done, ...rest } = begun;
      const done = withHistory({ ...rest, current: number }, historyEntry(ctx.run, revision, rollout.outcome));
      await records.finish(done, rollout.historyLimit, ctx.log);
    });
  } catch (error) {
    throw new FailedStep(error, {
      ...known,
      checks: [...checks, ...checksOf(error)],
      serving: await afterFailure(ctx, rollout, { begun, cause: error }),
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
      rollbackHint: { action: 'rollback', release: records.release, namespace: records.namespace } as const,
    }),
  };
}

async function readyAndVerified(ctx: RunContext, rollout: Rollout): Promise<readonly CheckResult[]> {
  const { planned, waitOptions, force, checks } = rollout;
  const ready = await ctx.phase('Deploy', () => bringUp({ ctx, planned, waitOptions, force, paused: 'noted' }));
  return ctx.phase('Verify prod', async () => {
    const objects = planned.map(({ resource }) => resource.object);
    const service = servingService(objects, rollout.service);
    const results = await runChecks({
      ctx,
      checks,
      side: 'public',
      subject: {
        namespace: service?.metadata.namespace ?? ctx.records.namespace,
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
  ctx: RunContext,
  rollout: Rollout,
  failure: { readonly begun: ReleaseState; readonly cause: unknown },
): Promise<string> {
  const { state, revision, snapshots, waitOptions, rollbackOnFailure } = rollout;
  const { begun, cause } = failure;
  const { operation, ...rest } = begun;
  const failed = historyEntry(ctx.run, revision, 'failed');
  if (!rollbackOnFailure) {
    const note = await recordFailure(ctx.records, withHistory(begun, failed));
    return `The new version was left as it is (rollback-on-failure: false): users reach whatever pods are ready, old or new.${note}`;
  }
  const { complete, sentence } = await restore({ ctx, snapshots, timeoutMs: waitOptions.timeoutMs, cause });
  const ended = withHistory({ ...rest, ...(!complete && operation && { operation }) }, failed);
  const note = await recordFailure(ctx.records, ended);
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

function about(ctx: RunContext) {
  return { release: ctx.records.release, namespace: ctx.records.namespace, strategy: 'rolling' } as const;
}
