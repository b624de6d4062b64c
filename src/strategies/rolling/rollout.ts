import type { Check } from '../../inputs/inputs.js';
import type { ObjectRef } from '../../kubernetes/object.js';
import type { PlannedChange, Snapshot } from '../../plan/change.js';
import { recordFailure } from '../../release/records.js';
import { historyEntry, type Revision } from '../../release/revision.js';
import type { RollingOperation, RollingState } from '../../release/state.js';
import { abandon, begin, completeRollout, withHistory } from '../../release/transitions.js';
import { begunBy } from '../../run/begun.js';
import type { LockedContext, OperationContext, RunContext } from '../../run/context.js';
import type { CheckResult } from '../../verify/verify.js';
import { applyAndWait, observeSet, waitUntilReady, type WaitOptions } from '../shared/apply-and-wait.js';
import { appliedAfter } from '../shared/applied.js';
import { checksOf, requireChecks, servingService } from '../shared/checks.js';
import { changesOf, FailedStep, outcomeBase, type Outcome } from '../outcome/outcome.js';
import type { LeavePlan } from './leave-roles/leave-plan.js';
import { rollbackHintOf } from './rollback-hint.js';
import { restore } from '../shared/restore-objects.js';
import type { Serving } from '../outcome/serving.js';
import type { Observer, ReadyWorkload } from '../../rollout/observer.js';
import type { Strangers } from '../../traffic/service-endpoints.js';
import { confirmServices, kindsOfServices, servedServices } from './confirm-services.js';

/** One rolling update: to a new revision, or to an earlier one. */
export interface Rollout {
  readonly kind: RollingOperation['kind'];
  readonly state: RollingState;
  readonly revision: Revision;
  readonly planned: readonly PlannedChange[];
  /** What every object was before this step, or before an earlier one that was interrupted. */
  readonly snapshots: readonly Snapshot[];
  readonly waitOptions: WaitOptions;
  readonly checks: readonly Check[];
  /** Whether to take fields over from other field managers. */
  readonly force: boolean;
  readonly rollbackOnFailure: boolean;
  readonly historyLimit: number;
  /** Objects of earlier revisions that are not among the planned ones and are still live. */
  readonly left: readonly ObjectRef[];
  /** How the roles of a blue/green release are left. Absent: the release is rolling. */
  readonly leave?: LeavePlan;
}

/** Writes nothing; the outcome is `unchanged` only if the current revision is ready and passes its checks. */
export async function confirmUnchanged(ctx: RunContext, rollout: Rollout): Promise<Outcome> {
  const { planned, waitOptions } = rollout;
  const { current: revision = 0 } = rollout.state;
  const base = { ...outcomeBase(ctx, 'rolling'), revision, changes: changesOf(planned) };
  const services = observeServices(ctx, planned);
  const { observer } = services;
  try {
    const ready = await ctx.phase('Deploy', () =>
      waitUntilReady(ctx, { planned, waitOptions, paused: 'noted', observer }),
    );
    const { checks, strangers } = await verifyPublic(ctx, rollout, { ...services, ready });
    const serving: Serving = { kind: 'unchanged', revision, healthy: true, ...found(strangers) };
    return { ...base, outcome: 'unchanged', checks, serving };
  } catch (error) {
    const serving: Serving = { kind: 'unchanged', revision, healthy: false };
    throw new FailedStep(error, { ...base, checks: checksOf(error), serving });
  } finally {
    observer.close();
  }
}

/** Applies, waits, verifies and records one revision; restores everything when that fails. */
export async function rollOut(ctx: LockedContext, rollout: Rollout): Promise<Outcome> {
  const { state, revision, planned, kind } = rollout;
  const { records } = ctx;
  const { number } = revision;
  const begun = begin(state, { kind, revision: number, ...begunBy(ctx) });
  const base = {
    ...outcomeBase(ctx, 'rolling'),
    revision: number,
    ...(state.current !== undefined && { previousRevision: state.current }),
    changes: changesOf(planned),
    ...(revision.approval !== undefined && { approval: revision.approval }),
  };
  const services = observeServices(ctx, planned);
  const { observer } = services;
  let operation: OperationContext;
  try {
    operation = await ctx.recordOperation(begun, [revision]);
  } catch (error) {
    observer.close();
    throw new FailedStep(error, { ...base, checks: [], serving: { kind: 'not-deployed', ...currentOf(state) } });
  }

  const outcome = kind === 'deploy' ? 'deployed' : 'rolled-back';
  let checks: readonly CheckResult[] = [];
  let strangers: readonly Strangers[];
  let done: RollingState;
  try {
    const { waitOptions, force } = rollout;
    const set = await ctx.phase('Deploy', () =>
      applyAndWait(operation, { planned, waitOptions, force, paused: 'noted', observer }),
    );
    ({ checks, strangers } = await verifyPublic(ctx, rollout, { ...services, ready: set.ready }));
    const entry = historyEntry(ctx.run, revision, outcome);
    const { left: _before, ...completed } = completeRollout(
      begun,
      entry,
      appliedAfter(state.applied, planned, set.answers),
    );
    done = rollout.left.length === 0 ? completed : { ...completed, left: rollout.left };
    // A deploy that is not on record looks like an interrupted one and cannot be rolled back, so it counts as failed.
    await ctx.phase('Clean up', () => records.finish(done, rollout.historyLimit, ctx.log));
  } catch (error) {
    throw new FailedStep(error, {
      ...base,
      checks: [...checks, ...checksOf(error)],
      serving: await restoreRollout(operation, { rollout, begun, cause: error }),
    });
  } finally {
    observer.close();
  }
  const hint = rollbackHintOf(ctx, done);
  return {
    ...base,
    outcome,
    checks,
    serving: { kind: 'deployed', revision: number, images: revision.images, ...found(strangers) },
    ...(hint !== undefined && { rollbackHint: hint }),
  };
}

/** The watches of a rollout, and which Services have endpoints before it. */
interface ServiceWatch {
  readonly observer: Observer;
  readonly served: Promise<ReadonlySet<string>>;
}

function observeServices(ctx: RunContext, planned: readonly PlannedChange[]): ServiceWatch {
  const observer = observeSet(ctx, planned, kindsOfServices(planned));
  const served = servedServices(observer, planned);
  // The wait for the set throws it.
  served.catch(() => undefined);
  return { observer, served };
}

/** Confirms the endpoints of the Services, then runs the checks. */
function verifyPublic(
  ctx: RunContext,
  { planned, checks, revision }: Rollout,
  { observer, served, ready }: ServiceWatch & { readonly ready: readonly ReadyWorkload[] },
): Promise<{ readonly checks: readonly CheckResult[]; readonly strangers: readonly Strangers[] }> {
  return ctx.phase('Verify public', async () => {
    const strangers = await confirmServices(ctx, { planned, ready, observer, served: await served });
    const workloads = planned.map(({ resource }) => resource.object);
    const service = servingService(workloads, revision.service);
    return { strangers, checks: await requireChecks(ctx, { checks, side: 'public', service, workloads, ready }) };
  });
}

interface FailedRollout {
  readonly rollout: Rollout;
  /** The state as it was recorded before the first write. */
  readonly begun: RollingState;
  readonly cause: unknown;
}

/** Restores everything, unless `rollback-on-failure` is false, and records the failure. */
async function restoreRollout(ctx: OperationContext, { rollout, begun, cause }: FailedRollout): Promise<Serving> {
  const { state, revision, snapshots, waitOptions, rollbackOnFailure } = rollout;
  const failed = historyEntry(ctx.run, revision, 'failed');
  if (!rollbackOnFailure) {
    const unrecorded = await recordFailure(ctx.records, withHistory(begun, failed));
    return { kind: 'partly-deployed', ...(unrecorded !== undefined && { unrecorded }) };
  }
  const restored = await restore(ctx, { snapshots, timeoutMs: waitOptions.timeoutMs, cause });
  const after = restored.kind === 'complete' ? abandon(begun, failed) : withHistory(begun, failed);
  const unrecorded = await recordFailure(ctx.records, after);
  return { kind: 'restored', restored, ...currentOf(state), ...(unrecorded !== undefined && { unrecorded }) };
}

function currentOf({ current }: RollingState): { readonly current?: number } {
  return current === undefined ? {} : { current };
}

function found(strangers: readonly Strangers[]): { readonly strangers?: readonly Strangers[] } {
  return strangers.length === 0 ? {} : { strangers };
}
