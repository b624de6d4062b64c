import { templateLabels } from '../../../kubernetes/pods/pod-spec.js';
import { asCutoverError, CutoverError } from '../../../errors.js';
import type { Check } from '../../../inputs/inputs.js';
import { describeRef } from '../../../kubernetes/object.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { AdoptedDeployment, FinishOperation } from '../../../release/operation.js';
import { begin, completeFinish } from '../../../release/transitions.js';
import { begunBy } from '../../../run/begun.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import { underLock } from '../../../run/under-lock.js';
import { recordedChecks } from '../../../verify/recorded-checks.js';
import { ChangeNotes } from '../../outcome/changes.js';
import { FailedStep, outcomeBase, type Outcome } from '../../outcome/outcome.js';
import type { IdleResult } from '../../outcome/serving.js';
import { removeLive } from '../../recorded/remove-live.js';
import { checksOf } from '../../shared/checks.js';
import { readBlueGreen } from '../../shared/recorded-release.js';
import { BackupFailed } from '../backup/hot-backup.js';
import { requireBackup, withoutBackupMade } from '../backup/without-backup.js';
import { applyAutoscalers } from '../operation/apply-autoscalers.js';
import { refuseIfServing } from '../operation/refuse-if-serving.js';
import { isAdoptable, removeFound } from '../operation/remove-found.js';
import { withUsersNow } from '../operation/users-now.js';
import { readActiveOnRecord } from '../live-traffic.js';
import { leaveRole, type FinishPolicy, type FinishRequest, type LeftRole } from './leave-role.js';

/**
 * Applies the autoscalers of the new role, drains the old role, closes connections to it, applies the idle policy, and removes the
 * operation from the record. Each part can be done twice, so a run that was killed here is finished by the next. Throws
 * `LostReadiness` when the new role loses its pods meanwhile, and `BackupFailed` when the old role did not become a hot backup.
 */
export async function finishSwitch(ctx: OperationContext, request: FinishRequest): Promise<IdleResult> {
  const { state, revision, policy } = request;
  const left = state.operation.kind === 'finish' ? state.operation.leftRole : undefined;
  await applyAutoscalers(ctx, revision);
  for (const { ref, uid } of revision.deleteAfterSwitch ?? []) await removeLive(ctx, ref, uid);
  const { adopted, operation } = state;
  const isPromoted = operation.kind === 'finish' && operation.direction === 'promote';
  if (isPromoted) for (const one of adopted ?? []) if (isAdoptable(ctx, one)) await removeAdopted(ctx, one, state);
  const { idle, done }: LeftRole =
    left === undefined ? { idle: { kind: 'none' }, done: completeFinish(state) } : await leaveRole(ctx, request, left);
  try {
    await ctx.records.finish(done, policy.historyLimit);
  } catch (error) {
    // Users are where they should be, and the record says so; at worst the next run does this work again.
    ctx.log.warning(`The record of ${state.release} still calls this unfinished: ${asCutoverError(error).message}`);
  }
  return idle;
}

/** What an interrupted switch left, and how it is finished. */
export interface ResumeFinishRequest {
  readonly operation: FinishOperation;
  readonly policy: FinishPolicy;
  readonly lockTimeoutMs: number;
  /** Checks of a hot backup instead of the recorded ones. */
  readonly verify?: readonly Check[];
}

/** Finishes what a run that was killed after its switch left: autoscalers, drain, idle policy. */
export async function resumeFinishSwitch(ctx: RunContext, request: ResumeFinishRequest): Promise<Outcome> {
  const { operation, policy, lockTimeoutMs, verify } = request;
  return underLock(ctx, lockTimeoutMs, async locked => {
    const state = await readBlueGreen(locked, 'promote');
    if (state.operation?.kind !== 'finish' || state.operation.revision !== operation.revision)
      throw finishedMeanwhile(state.release);
    const active = await readActiveOnRecord(locked, state);
    const revision = await locked.records.readRevision(operation.revision);
    const resumed = begin(state, { ...state.operation, ...begunBy(locked) });
    const notes = new ChangeNotes();
    const isBackup = policy.idlePolicy.policy === 'hot-backup';
    if (isBackup && operation.direction === 'promote' && operation.leftRole !== undefined)
      requireBackup(revision, operation.leftRole);
    const checks = verify ?? (isBackup ? recordedChecks(revision.checks, locked.log) : []);
    const finishing = { state: resumed, revision, policy, checks, isResumed: true };
    const base = {
      ...outcomeBase(locked, 'blue-green'),
      revision: revision.number,
      activeRole: active.role,
      idleRole: active.idle,
    };
    let idle: IdleResult;
    try {
      idle = await locked.phase('Clean up', async () =>
        finishSwitch(notes.follow(await locked.recordOperation(resumed)), finishing),
      );
    } catch (error) {
      if (!(error instanceof BackupFailed)) throw error;
      const serving = withoutBackupMade(error, { state: resumed, revision, role: active.role });
      const failed = { ...base, changes: notes.list, checks: checksOf(error.cause), serving };
      throw new FailedStep(error.cause, await withUsersNow(locked, resumed, failed));
    }
    return {
      ...base,
      outcome: operation.direction === 'rollback' ? 'rolled-back' : 'switched',
      changes: notes.list,
      checks: [],
      serving: { kind: 'switch-finished', role: active.role, revision: revision.number, idle },
    };
  });
}

/** Deletes the Deployment that was adopted, unless users are on it again. */
async function removeAdopted(
  ctx: OperationContext,
  adopted: AdoptedDeployment,
  { publicServices: services }: BlueGreenState,
): Promise<void> {
  const live = await ctx.cluster.get(adopted.ref);
  if (live === undefined) return;
  await refuseIfServing(ctx, { services, name: describeRef(adopted.ref), podLabels: [templateLabels(live)] });
  await removeFound(ctx, adopted);
}

function finishedMeanwhile(release: string): CutoverError {
  return new CutoverError(`Another run changed release ${release} while this one waited for its lock`, {
    code: 'changed',
    hint: 'Run this step again: it starts from what is live now.',
  });
}
