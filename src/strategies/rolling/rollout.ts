import type { Check } from '../../inputs/inputs.js';
import type { PlannedChange, Snapshot } from '../../plan/change.js';
import { recordFailure } from '../../release/record-failure.js';
import { historyEntry, type Revision } from '../../release/revision.js';
import type { FormerObject, RollingState } from '../../release/state.js';
import type { RollingOperation } from '../../release/operation.js';
import { abandon, begin, completeRollout, withHistory } from '../../release/transitions.js';
import { begunBy } from '../../run/begun.js';
import type { LockedContext, OperationContext, RunContext } from '../../run/context.js';
import type { CheckResult } from '../../verify/verify.js';
import { applyAndWait, observeSet, waitUntilReady, type WaitOptions } from '../shared/apply-and-wait.js';
import { appliedAfter } from '../shared/applied.js';
import { checksOf, requireChecks, servingService } from '../shared/checks.js';
import { changesAfterRestore, changesOf } from '../outcome/changes.js';
import { FailedStep, outcomeBase, type Outcome } from '../outcome/outcome.js';
import type { LeavePlan } from './leave-roles/leave-plan.js';
import { rollbackHintOf } from './rollback-hint.js';
import { tellLeft, withLeft } from '../recorded/left-objects.js';
import { restore } from '../shared/restore-objects.js';
import { noTraffic, underTraffic, type SyntheticTraffic } from '../shared/synthetic-traffic.js';
import type { Serving } from '../outcome/serving.js';
import type { Observer, ReadyWorkload } from '../../rollout/observer.js';
import { pendingAddresses, type PendingAddress } from '../../traffic/pending-addresses.js';
import type { Strangers } from '../../traffic/strangers.js';
import { confirmServices, kindsOfServices, servedServices } from './confirm-services.js';
import { reachesNewPods } from './new-pods-reached.js';

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
  /** Objects of earlier revisions that are not among the planned ones and may still be live. */
  readonly left: readonly FormerObject[];
  /** How the roles of a blue/green release are left. Absent: the release is rolling. */
  readonly leave?: LeavePlan;
}

/** Writes nothing; the outcome is `unchanged` only if the current revision is ready and passes its checks. */
export async function confirmUnchanged(ctx: RunContext, rollout: Rollout): Promise<Outcome> {
  const { planned } = rollout;
  const waitOptions = { ...rollout.waitOptions, settled: true };
  const { current: revision = 0 } = rollout.state;
  const base = { ...outcomeBase(ctx, 'rolling'), revision, changes: changesOf(planned) };
  const services = observeServices(ctx, planned);
  const { observer } = services;
  try {
    const ready = await ctx.phase('Deploy', () =>
      waitUntilReady(ctx, { planned, waitOptions, paused: 'noted', observer }),
    );
    const { checks, ...found } = await verifyPublic(ctx, rollout, { ...services, ready, traffic: noTraffic });
    tellLeft(ctx, rollout.left);
    const serving: Serving = { kind: 'unchanged', revision, healthy: true, ...atServices(found) };
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
  const { planned, checks, revision } = rollout;
  const workloads = planned.map(({ resource }) => resource.object);
  const users = {
    service: servingService(workloads, revision.service),
    checks,
    version: `revision ${revision.number}`,
  };
  return underTraffic(ctx, users, traffic => replacePods(ctx, rollout, traffic));
}

async function replacePods(ctx: LockedContext, rollout: Rollout, traffic: SyntheticTraffic): Promise<Outcome> {
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
  const signal = AbortSignal.any([ctx.signal, traffic.exceeded]);
  const services = observeServices({ ...ctx, signal }, planned);
  const { observer } = services;
  let operation: OperationContext;
  try {
    operation = await ctx.recordOperation(begun, [revision]);
  } catch (error) {
    observer.close();
    const serving: Serving = { kind: 'not-deployed', ...currentOf(state) };
    throw new FailedStep(error, { ...base, changes: [], checks: [], serving });
  }

  const outcome = kind === 'deploy' ? 'deployed' : 'rolled-back';
  let checks: readonly CheckResult[] = [];
  let found: FoundAtServices;
  let done: RollingState;
  let isReached = false;
  try {
    const { waitOptions, force } = rollout;
    const set = await ctx.phase('Deploy', () =>
      applyAndWait({ ...operation, signal }, { planned, waitOptions, force, paused: 'noted', observer }),
    );
    isReached = reachesNewPods({ planned, snapshots: rollout.snapshots, ready: set.ready });
    const { ready } = set;
    ({ checks, ...found } = await verifyPublic({ ...ctx, signal }, rollout, { ...services, ready, traffic }));
    const entry = historyEntry(ctx.run, revision, outcome);
    const applied = appliedAfter(state.applied, planned, set.answers);
    done = withLeft(completeRollout(begun, entry, applied), rollout.left);
    // A deploy that is not on record looks like an interrupted one and cannot be rolled back, so it counts as failed.
    await ctx.phase('Clean up', () => records.finish(done, rollout.historyLimit));
  } catch (error) {
    traffic.movedBack();
    throw new FailedStep(error, {
      ...base,
      checks: [...checks, ...checksOf(error)],
      ...(await restoreRollout(operation, { rollout, begun, cause: error, isReached })),
    });
  } finally {
    observer.close();
  }
  tellLeft(ctx, rollout.left);
  const hint = rollbackHintOf(ctx, done);
  return {
    ...base,
    outcome,
    checks,
    serving: { kind: 'deployed', revision: number, images: revision.images, ...atServices(found) },
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

/** What users meet at the Services beside the revision. */
interface FoundAtServices {
  readonly strangers: readonly Strangers[];
  readonly pending: readonly PendingAddress[];
}

interface SetToVerify extends ServiceWatch {
  readonly ready: readonly ReadyWorkload[];
  readonly traffic: SyntheticTraffic;
}

/** Confirms the endpoints of the Services, looks at their addresses, then runs the checks. */
function verifyPublic(
  ctx: RunContext,
  { planned, checks, revision }: Rollout,
  { observer, served, ready, traffic }: SetToVerify,
): Promise<FoundAtServices & { readonly checks: readonly CheckResult[] }> {
  return ctx.phase('Verify public', async () => {
    const strangers = await confirmServices(ctx, { planned, ready, observer, served: await served });
    traffic.moved();
    const workloads = planned.map(({ resource }) => resource.object);
    const pending = await pendingAddresses(ctx, workloads);
    const service = servingService(workloads, revision.service);
    const results = await requireChecks(ctx, { checks, side: 'public', service, workloads, ready });
    return { strangers, pending, checks: await traffic.require(results) };
  });
}

interface FailedRollout {
  readonly rollout: Rollout;
  /** The state as it was recorded before the first write. */
  readonly begun: RollingState;
  readonly cause: unknown;
  /** Whether its Services led users to pods that they had not met before. */
  readonly isReached: boolean;
}

/** Restores everything, unless `rollback-on-failure` is false, and records the failure. */
async function restoreRollout(
  ctx: OperationContext,
  { rollout, begun, cause, isReached }: FailedRollout,
): Promise<Pick<Outcome, 'serving' | 'changes'>> {
  const { state, revision, planned, snapshots, waitOptions, rollbackOnFailure } = rollout;
  const changes = changesOf(planned);
  const failed = historyEntry(ctx.run, revision, 'failed');
  if (!rollbackOnFailure) {
    const note = await recordFailure(ctx.records, withHistory(begun, failed));
    return { changes, serving: { kind: 'partly-deployed', ...note } };
  }
  const restored = await restore(ctx, { snapshots, timeoutMs: waitOptions.timeoutMs, cause });
  const after = restored.kind === 'complete' ? abandon(begun, failed) : withHistory(begun, failed);
  const note = await recordFailure(ctx.records, after);
  return {
    changes: changesAfterRestore(changes, { restored, snapshots }),
    serving: {
      kind: 'restored',
      restored,
      ...currentOf(state),
      ...(isReached && revision.number !== state.current && { reached: revision.number }),
      ...note,
    },
  };
}

function currentOf({ current }: RollingState): { readonly current?: number } {
  return current === undefined ? {} : { current };
}

function atServices({ strangers, pending }: FoundAtServices): Partial<FoundAtServices> {
  return { ...(strangers.length > 0 && { strangers }), ...(pending.length > 0 && { pending }) };
}
