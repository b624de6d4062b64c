import { asCutoverError } from '../../../errors.js';
import { refOf } from '../../../kubernetes/object.js';
import type { BlueGreenState, StagedRecord } from '../../../release/state.js';
import { recordFailure } from '../../../release/record-failure.js';
import { historyEntry } from '../../../release/revision.js';
import { abandon, completeStage, withHistory } from '../../../release/transitions.js';
import type { LockedContext, OperationContext, RunContext } from '../../../run/context.js';
import { underLock } from '../../../run/under-lock.js';
import { otherRole } from '../../../traffic/active-role.js';
import type { CheckResult } from '../../../verify/verify.js';
import { tellLeft } from '../../recorded/left-objects.js';
import { observeSet } from '../../shared/apply-and-wait.js';
import { checksOf } from '../../shared/checks.js';
import { ensureNamespace } from '../../shared/namespace.js';
import { ChangeNotes, changesAfterRestore } from '../../outcome/changes.js';
import { FailedStep, type Outcome } from '../../outcome/outcome.js';
import { throwAny } from '../../shared/refusals.js';
import { guarded, nowReached, restore } from '../../shared/restore-objects.js';
import type { Reached } from '../../outcome/restored.js';
import type { Serving, StagingResult } from '../../outcome/serving.js';
import { withLabelsOf } from '../live-traffic.js';
import { tellEndedBackup } from '../backup/ended-backup.js';
import { reachedRole, requireUnreached, type StagedRole } from '../operation/reached-role.js';
import { refuseUnfinished } from '../operation/unfinished.js';
import { unfinishedHint } from '../operation/users-on-unfinished.js';
import { withUsersNow } from '../operation/users-now.js';
import { beginStaging, type BegunStaging } from './begun-staging.js';
import { confirmActive } from './confirm-active.js';
import { refuseMovedUsers } from './find-active.js';
import { stagedOn } from './staged-record.js';
import type { BlueGreenDeploy, Staging } from './staging.js';
import { decideStaging } from './staging-decision.js';
import { stagingOutcome, usersBefore } from './staging-outcome.js';
import { deployAndVerify, verifyUnchanged } from './deploy-staged.js';

/**
 * Stages a revision: brings it up on the idle role, without user traffic, and runs the staged checks. Neither the public
 * Service nor any object of the active role is written.
 */
export async function stage(ctx: RunContext, deploy: BlueGreenDeploy, { read, next }: StageOptions): Promise<Outcome> {
  const decided = await decide(ctx, deploy);
  if (decided.kind === 'confirmed') return next(ctx, decided.outcome, deploy);
  const { staging } = decided;
  const { createNamespace, lockTimeoutMs } = staging.deploy.inputs;
  await ensureNamespace(ctx, { planned: staging.planned, createNamespace });
  return underLock(ctx, lockTimeoutMs, async locked => {
    const latest = locked.waited ? await read() : deploy;
    const now = locked.waited ? await decide(locked, latest) : decided;
    return next(locked, now.kind === 'confirmed' ? now.outcome : await stageRevision(locked, now.staging), latest);
  });
}

export interface StageOptions {
  /** Reads the record and renders the revision after it again, when another run held the lock in the meantime. */
  readonly read: () => Promise<BlueGreenDeploy>;
  /** What follows in the same step, under the same lock where the staging has written. `deploy`: what was staged. */
  readonly next: (ctx: RunContext, outcome: Outcome, deploy: BlueGreenDeploy) => Promise<Outcome>;
}

type Decided =
  /** Nothing has to be written: users are on this content, or it is staged, and it is ready. */
  { readonly kind: 'confirmed'; readonly outcome: Outcome } | { readonly kind: 'to-stage'; readonly staging: Staging };

async function decide(ctx: RunContext, deploy: BlueGreenDeploy): Promise<Decided> {
  refuseUnfinished(deploy.state, ({ kind }) => kind === 'stage' || kind === 'prepare');
  const decision = await decideStaging(ctx, deploy);
  throwAny(decision.refusals);
  if (decision.kind === 'serving') {
    const { role, planned, left } = decision;
    const outcome = await confirmActive(ctx, { deploy, role, planned });
    tellLeft(ctx, left);
    return { kind: 'confirmed', outcome };
  }
  const { staging, isStaged } = decision;
  if (!isStaged) return { kind: 'to-stage', staging };
  return { kind: 'confirmed', outcome: await confirmStaged(ctx, staging, deploy.state.staged) };
}

/** Writes nothing: this content is staged already. The outcome is `staged` only if it is ready and passes its checks. */
async function confirmStaged(ctx: RunContext, staging: Staging, staged: StagedRecord | undefined): Promise<Outcome> {
  const base = { ...stagingOutcome(ctx, staging), ...(staged !== undefined && { revision: staged.revision }) };
  let checks: readonly CheckResult[] = [];
  try {
    checks = await verifyUnchanged(ctx, staging);
    const objects = staging.planned.map(({ resource }) => resource.object);
    await requireUnreached(ctx, staging.deploy.state, { role: staging.role, revision: { objects } });
  } catch (error) {
    const found = [...checks, ...checksOf(error)];
    const failed = { ...base, checks: found, serving: servingAfter(staging, { kind: 'none' }) };
    throw new FailedStep(error, await withUsersAfter(ctx, staging, failed));
  }
  tellLeft(ctx, staging.left);
  const serving = servingAfter(staging, { kind: 'staged-before' });
  return { ...base, outcome: 'staged', stagedRole: staging.role, checks, serving };
}

async function stageRevision(ctx: LockedContext, staging: Staging): Promise<Outcome> {
  const { deploy, role, staleObjects } = staging;
  const { inputs } = deploy;
  await refuseMovedUsers(ctx, staging);
  tellEndedBackup(ctx, deploy.state, role);
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
    const failed = { ...base, changes: [], checks: [], serving: servingAfter(staging, { kind: 'not-begun' }) };
    throw new FailedStep(error, await withUsersAfter(ctx, staging, failed));
  }

  let checks: readonly CheckResult[] = [];
  let done: BlueGreenState;
  const notes = new ChangeNotes();
  // Somebody may lead users to the role at any moment.
  const guard = guarded(operation.writer, () => reachedRole(ctx, state, { role, revision }));
  try {
    const guardedOperation = notes.follow({ ...operation, writer: guard.writer });
    for (const object of staleObjects)
      await guardedOperation.writer.remove(refOf(object), { uid: object.metadata.uid ?? '' });
    const deployed = await deployAndVerify(guardedOperation, staging, observer);
    ({ checks } = deployed);
    const entry = historyEntry(ctx.run, revision, 'staged');
    // A staging that is not on record cannot be promoted, so it counts as failed.
    done = completeStage(state, stagedOn({ staging, begun, deployed, entry }));
    await ctx.records.finish(done, inputs.historyLimit);
  } catch (error) {
    // An earlier staging may have left something there.
    const isUntouched = deploy.state.operation === undefined && guard.found() !== undefined && !guard.hasWritten();
    const result = await restoreFailedStaging(operation, begun, { staging, cause: error, isUntouched });
    const cause = isUntouched ? error : withUnfinishedHint(error, state, guard.found());
    const restored = result.kind === 'restored' ? result.restored : undefined;
    const isMoved = restored?.kind === 'reached';
    const { snapshots } = begun;
    const failed = {
      ...base,
      ...(restored !== undefined && { changes: changesAfterRestore(base.changes, { restored, snapshots }) }),
      ...(isMoved && { activeRole: role, idleRole: otherRole(state.roleNames, role) }),
      checks: [...checks, ...checksOf(error)],
      serving: servingAfter(staging, result),
    };
    // The labels of the staged pods, by which users have reached them, may not be on record.
    throw new FailedStep(cause, isMoved ? failed : await withUsersAfter(ctx, staging, failed));
  } finally {
    observer.close();
  }
  const staged: Outcome = {
    ...base,
    outcome: 'staged',
    stagedRole: role,
    checks,
    serving: servingAfter(staging, { kind: 'staged', role, revision: number }),
    rollbackHint: { action: 'reject', release: ctx.records.release, namespace: ctx.records.namespace },
  };
  const said = await withUsersNow(ctx, withLabelsOf(done, staging.records), staged);
  const reached = await reachedNow(ctx, done, { role, revision, serving: said.serving });
  if (reached !== undefined) {
    // A role that users reach is not rejected.
    const { rollbackHint: _reject, ...failed } = said;
    // On record it is staged all the same: so the next step knows what users are on.
    throw new FailedStep(nowReached(reached), failed);
  }
  tellLeft(ctx, staging.left);
  return said;
}

/** Whether users are led to the role, also together with the other one. `undefined`: they are not, or nobody can tell. */
async function reachedNow(
  ctx: RunContext,
  state: BlueGreenState,
  { serving, ...staged }: StagedRole & { readonly serving: Serving },
): Promise<Reached | undefined> {
  if (serving.kind !== 'users-now') return undefined;
  // What is said already tells that the Service cannot be read.
  return reachedRole(ctx, state, staged).catch(() => undefined);
}

/** If the staging stopped because users are on its role now: an error with a hint which steps work. Otherwise its own error. */
function withUnfinishedHint(error: unknown, state: BegunStaging['state'], found: Reached | undefined): unknown {
  const { operation } = state;
  if (found === undefined || operation.kind !== 'stage' || asCutoverError(error).code !== 'changed') return error;
  return nowReached(found, unfinishedHint(state, operation));
}

interface FailedStaging {
  readonly staging: Staging;
  readonly cause: unknown;
  /** Nothing was written: users were led to the role before. */
  readonly isUntouched: boolean;
}

/** Restores the idle role, unless `rollback-on-failure` is false, and records the failure. */
async function restoreFailedStaging(
  ctx: OperationContext,
  begun: BegunStaging,
  { staging, cause, isUntouched }: FailedStaging,
): Promise<StagingResult> {
  const { role, deploy } = staging;
  const { rollbackOnFailure, timeoutMs } = deploy.inputs;
  const { state, revision, snapshots } = begun;
  const failed = historyEntry(ctx.run, revision, 'failed');
  if (!rollbackOnFailure && !isUntouched) {
    const note = await recordFailure(ctx.records, withHistory(state, failed));
    return { kind: 'left', role, ...note };
  }
  const reached = () => reachedRole(ctx, state, { role, revision });
  const restored = await restore(ctx, { snapshots, timeoutMs, cause, ready: 'not-needed', reached });
  const isOver = restored.kind === 'complete' || (isUntouched && restored.kind === 'changed-by-others');
  const after = isOver ? abandon(state, failed) : withHistory(state, failed);
  const note = await recordFailure(ctx.records, after);
  return { kind: 'restored', role, restored, ...note };
}

/** What a staging that failed says, checked against the live public Service. */
function withUsersAfter(
  ctx: RunContext,
  { deploy, records }: Staging,
  failed: Omit<Outcome, 'outcome'>,
): Promise<Omit<Outcome, 'outcome'>> {
  return withUsersNow(ctx, withLabelsOf(deploy.state, records), failed);
}

function servingAfter(staging: Staging, result: StagingResult): Serving {
  return { kind: 'staging', users: usersBefore(staging), result };
}
