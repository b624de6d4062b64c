import { refOf } from '../../../kubernetes/object.js';
import type { StagedRecord } from '../../../release/state.js';
import { recordFailure } from '../../../release/records.js';
import { historyEntry } from '../../../release/revision.js';
import { abandon, completeStage, withHistory } from '../../../release/transitions.js';
import type { LockedContext, OperationContext, RunContext } from '../../../run/context.js';
import { underLock } from '../../../run/under-lock.js';
import { otherRole } from '../../../traffic/active-role.js';
import type { CheckResult } from '../../../verify/verify.js';
import { observeSet } from '../../shared/apply-and-wait.js';
import { checksOf } from '../../shared/checks.js';
import { ensureNamespace } from '../../shared/namespace.js';
import { FailedStep, type Outcome } from '../../outcome/outcome.js';
import { throwAny } from '../../shared/refusals.js';
import { restore } from '../../shared/restore-objects.js';
import type { Serving, StagingResult } from '../../outcome/serving.js';
import { reachedRole } from '../operation/reached-role.js';
import { refuseUnfinished } from '../operation/unfinished.js';
import { beginStaging, type BegunStaging } from './begun-staging.js';
import { confirmActive } from './confirm-active.js';
import { refuseMovedUsers } from './find-active.js';
import { stagedOn } from './staged-record.js';
import type { BlueGreenDeploy, Staging } from './staging.js';
import { decideStaging, isStagedAlready } from './staging-decision.js';
import { stagingOutcome, usersNow } from './staging-outcome.js';
import { deployAndVerify, verifyUnchanged } from './deploy-staged.js';

/**
 * Stages a revision: brings it up on the idle role, without user traffic, and runs the staged checks. Neither the public
 * Service nor any object of the active role is written. `read` reads the record and renders the revision after it again, when
 * another run held the lock in the meantime.
 */
export async function stage(
  ctx: RunContext,
  deploy: BlueGreenDeploy,
  read: () => Promise<BlueGreenDeploy>,
): Promise<Outcome> {
  const decided = await decide(ctx, deploy);
  if (decided.kind === 'confirmed') return decided.outcome;
  const { staging } = decided;
  const { createNamespace, lockTimeoutMs } = staging.deploy.inputs;
  await ensureNamespace(ctx, { planned: staging.planned, createNamespace });
  return underLock(ctx, lockTimeoutMs, async locked => {
    const now = locked.waited ? await decide(locked, await read()) : decided;
    return now.kind === 'confirmed' ? now.outcome : stageRevision(locked, now.staging);
  });
}

type Decided =
  /** Nothing has to be written: users are on this content, or it is staged, and it is ready. */
  { readonly kind: 'confirmed'; readonly outcome: Outcome } | { readonly kind: 'to-stage'; readonly staging: Staging };

async function decide(ctx: RunContext, deploy: BlueGreenDeploy): Promise<Decided> {
  refuseUnfinished(deploy.state, ({ kind }) => kind === 'stage' || kind === 'prepare');
  const decision = await decideStaging(ctx, deploy);
  throwAny(decision.refusals);
  if (decision.kind === 'serving') {
    const { role, planned } = decision;
    return { kind: 'confirmed', outcome: await confirmActive(ctx, { deploy, role, planned }) };
  }
  const { staging } = decision;
  if (!isStagedAlready(staging)) return { kind: 'to-stage', staging };
  return { kind: 'confirmed', outcome: await confirmStaged(ctx, staging, deploy.state.staged) };
}

/** Writes nothing: this content is staged already. The outcome is `staged` only if it is ready and passes its checks. */
async function confirmStaged(ctx: RunContext, staging: Staging, staged: StagedRecord | undefined): Promise<Outcome> {
  const base = { ...stagingOutcome(ctx, staging), ...(staged !== undefined && { revision: staged.revision }) };
  try {
    const checks = await verifyUnchanged(ctx, staging);
    const serving = servingAfter(staging, { kind: 'staged-before' });
    return { ...base, outcome: 'staged', stagedRole: staging.role, checks, serving };
  } catch (error) {
    throw new FailedStep(error, { ...base, checks: checksOf(error), serving: servingAfter(staging, { kind: 'none' }) });
  }
}

async function stageRevision(ctx: LockedContext, staging: Staging): Promise<Outcome> {
  const { deploy, role, staleObjects } = staging;
  const { inputs } = deploy;
  await refuseMovedUsers(ctx, staging);
  const begun = await beginStaging(ctx, staging);
  const { revision, state } = begun;
  const { number } = revision;
  const base = { ...stagingOutcome(ctx, staging), revision: number };
  const observer = observeSet(ctx, staging.planned);
  let operation: OperationContext;
  try {
    operation = await ctx.recordOperation(state, [revision]);
  } catch (error) {
    observer.close();
    throw new FailedStep(error, { ...base, checks: [], serving: servingAfter(staging, { kind: 'not-begun' }) });
  }

  let checks: readonly CheckResult[] = [];
  try {
    for (const object of staleObjects) await operation.writer.remove(refOf(object), { uid: object.metadata.uid ?? '' });
    const deployed = await deployAndVerify(operation, staging, observer);
    ({ checks } = deployed);
    const entry = historyEntry(ctx.run, revision, 'staged');
    // A staging that is not on record cannot be promoted, so it counts as failed.
    const done = completeStage(state, stagedOn({ staging, begun, deployed, entry }));
    await ctx.records.finish(done, inputs.historyLimit, ctx.log);
  } catch (error) {
    const result = await restoreFailedStaging(operation, begun, { staging, cause: error });
    const isMoved = result.kind === 'restored' && result.restored.kind === 'reached';
    throw new FailedStep(error, {
      ...base,
      ...(isMoved && { activeRole: role, idleRole: otherRole(state.roleNames, role) }),
      checks: [...checks, ...checksOf(error)],
      serving: servingAfter(staging, result),
    });
  } finally {
    observer.close();
  }
  return {
    ...base,
    outcome: 'staged',
    stagedRole: role,
    checks,
    serving: servingAfter(staging, { kind: 'staged', role, revision: number }),
    rollbackHint: { action: 'reject', release: ctx.records.release, namespace: ctx.records.namespace },
  };
}

/** Restores the idle role, unless `rollback-on-failure` is false, and records the failure. */
async function restoreFailedStaging(
  ctx: OperationContext,
  begun: BegunStaging,
  { staging, cause }: { readonly staging: Staging; readonly cause: unknown },
): Promise<StagingResult> {
  const { role, deploy } = staging;
  const { rollbackOnFailure, timeoutMs } = deploy.inputs;
  const { state, revision, snapshots } = begun;
  const failed = historyEntry(ctx.run, revision, 'failed');
  if (!rollbackOnFailure) {
    const unrecorded = await recordFailure(ctx.records, withHistory(state, failed));
    return { kind: 'left', role, ...(unrecorded !== undefined && { unrecorded }) };
  }
  const reached = () => reachedRole(ctx, state, role);
  const restored = await restore(ctx, { snapshots, timeoutMs, cause, ready: 'not-needed', reached });
  const after = restored.kind === 'complete' ? abandon(state, failed) : withHistory(state, failed);
  const unrecorded = await recordFailure(ctx.records, after);
  return { kind: 'restored', role, restored, ...(unrecorded !== undefined && { unrecorded }) };
}

function servingAfter(staging: Staging, result: StagingResult): Serving {
  return { kind: 'staging', users: usersNow(staging), result };
}
