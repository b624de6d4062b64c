import type { Check } from '../../inputs/inputs.js';
import type { PlannedChange, Snapshot } from '../../plan/change.js';
import { previousRevision, recordFailure, withHistory } from '../../release/records.js';
import { historyEntry, type Revision } from '../../release/revision.js';
import type { ReleaseState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import type { CheckResult } from '../../verify/verify.js';
import { applyAndWait, type WaitOptions } from '../shared/apply-and-wait.js';
import { checksOf, requireChecks, servingService } from '../shared/checks.js';
import { changesOf, FailedStep, outcomeBase, type Outcome } from '../outcome/outcome.js';
import { restore } from '../shared/restore-objects.js';
import type { Serving } from '../outcome/serving.js';

/** One rolling update: to a new revision, or to an earlier one. */
export interface Rollout {
  readonly state: ReleaseState;
  readonly revision: Revision;
  readonly planned: readonly PlannedChange[];
  /** What every object was before this step, or before an earlier one that was interrupted. */
  readonly snapshots: readonly Snapshot[];
  readonly waitOptions: WaitOptions;
  readonly checks: readonly Check[];
  /** Name of the public Service. Absent: the first Service that selects one of the Deployments. */
  readonly service?: string;
  /** Whether to take fields over from other field managers. */
  readonly force: boolean;
  readonly rollbackOnFailure: boolean;
  readonly historyLimit: number;
  readonly outcome: 'deployed' | 'rolled-back';
}

/** Writes nothing; the outcome is `unchanged` only if the current revision is ready and passes its checks. */
export async function confirmUnchanged(ctx: RunContext, rollout: Rollout): Promise<Outcome> {
  const { current: revision = 0 } = rollout.state;
  const base = { ...outcomeBase(ctx, 'rolling'), revision, changes: changesOf(rollout.planned) };
  try {
    const checks = await deployAndVerify(ctx, rollout);
    return { ...base, outcome: 'unchanged', checks, serving: { kind: 'unchanged', revision, healthy: true } };
  } catch (error) {
    const serving: Serving = { kind: 'unchanged', revision, healthy: false };
    throw new FailedStep(error, { ...base, checks: checksOf(error), serving });
  }
}

/** Applies, waits, verifies and records one revision; restores everything when that fails. */
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
  const base = {
    ...outcomeBase(ctx, 'rolling'),
    revision: number,
    ...(state.current !== undefined && { previousRevision: state.current }),
    changes: changesOf(planned),
    ...(revision.approval !== undefined && { approval: revision.approval }),
  };
  // What to restore is on record before the first object is written: without it, the objects of a killed run would stay
  // half deployed, since its post step could not restore them.
  try {
    await records.writeRevision(revision);
    await records.writeState(begun);
  } catch (error) {
    throw new FailedStep(error, { ...base, checks: [], serving: { kind: 'not-deployed', ...currentOf(state) } });
  }

  let checks: readonly CheckResult[] = [];
  try {
    checks = await deployAndVerify(ctx, rollout);
    // A deploy that is not on record looks like an interrupted one and cannot be rolled back, so it counts as failed.
    await ctx.phase('Clean up', async () => {
      const { operation: _done, ...rest } = begun;
      const done = withHistory({ ...rest, current: number }, historyEntry(ctx.run, revision, rollout.outcome));
      await records.finish(done, rollout.historyLimit, ctx.log);
    });
  } catch (error) {
    throw new FailedStep(error, {
      ...base,
      checks: [...checks, ...checksOf(error)],
      serving: await restoreRollout(ctx, { rollout, begun, cause: error }),
    });
  }
  const earlier = previousRevision({ ...begun, current: number });
  return {
    ...base,
    outcome: rollout.outcome,
    checks,
    serving: { kind: 'deployed', revision: number, images: revision.images },
    ...(earlier !== undefined && {
      rollbackHint: { action: 'rollback', release: records.release, namespace: records.namespace } as const,
    }),
  };
}

async function deployAndVerify(ctx: RunContext, rollout: Rollout): Promise<readonly CheckResult[]> {
  const { planned, waitOptions, force, checks } = rollout;
  const ready = await ctx.phase('Deploy', () => applyAndWait(ctx, { planned, waitOptions, force, paused: 'noted' }));
  return ctx.phase('Verify public', async () => {
    const workloads = planned.map(({ resource }) => resource.object);
    const service = servingService(workloads, rollout.service);
    return requireChecks(ctx, { checks, side: 'public', service, workloads, ready });
  });
}

interface FailedRollout {
  readonly rollout: Rollout;
  /** The state as it was recorded before the first write. */
  readonly begun: ReleaseState;
  readonly cause: unknown;
}

/** Restores everything, unless `rollback-on-failure` is false, and records the failure. */
async function restoreRollout(ctx: RunContext, { rollout, begun, cause }: FailedRollout): Promise<Serving> {
  const { state, revision, snapshots, waitOptions, rollbackOnFailure } = rollout;
  const { operation, ...rest } = begun;
  const failed = historyEntry(ctx.run, revision, 'failed');
  if (!rollbackOnFailure) {
    const unrecorded = await recordFailure(ctx.records, withHistory(begun, failed));
    return { kind: 'partly-deployed', ...(unrecorded !== undefined && { unrecorded }) };
  }
  const restored = await restore(ctx, { snapshots, timeoutMs: waitOptions.timeoutMs, cause });
  const pending = restored.kind === 'complete' || operation === undefined ? {} : { operation };
  const unrecorded = await recordFailure(ctx.records, withHistory({ ...rest, ...pending }, failed));
  return { kind: 'restored', restored, ...currentOf(state), ...(unrecorded !== undefined && { unrecorded }) };
}

function currentOf({ current }: ReleaseState): { readonly current?: number } {
  return current === undefined ? {} : { current };
}
