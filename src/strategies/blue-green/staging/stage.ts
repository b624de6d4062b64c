import { CutoverError } from '../../../errors.js';
import { refOf } from '../../../kubernetes/object.js';
import type { ReleaseState, StagedRecord } from '../../../release/state.js';
import { recordFailure, withHistory } from '../../../release/records.js';
import { historyEntry } from '../../../release/revision.js';
import type { RunContext } from '../../../run/context.js';
import { underLock } from '../../../run/under-lock.js';
import type { CheckResult } from '../../../verify/verify.js';
import { checksOf } from '../../shared/checks.js';
import { ensureNamespace } from '../../shared/namespace.js';
import { FailedStep, type Outcome } from '../../outcome/outcome.js';
import { throwAny } from '../../shared/refusals.js';
import { isComplete } from '../../outcome/restored.js';
import type { Serving, StagingResult } from '../../outcome/serving.js';
import { revisionOfAdopted, withoutAdopted } from '../adoption/adopted-record.js';
import { narrowSelector, restoreStaging } from '../adoption/narrow-selector.js';
import { beginStaging, type BegunStaging } from './begun-staging.js';
import { confirmActive } from './confirm-active.js';
import { refuseMovedUsers } from './find-active.js';
import { withoutStagedRecord, withStagedRecord } from './staged-record.js';
import type { BlueGreenDeploy, Staging } from './staging.js';
import { decideStaging, isStagedAlready } from './staging-decision.js';
import { stagingOutcome, usersNow } from './staging-outcome.js';
import { deployAndVerify } from './deploy-staged.js';

/**
 * Stages a revision: brings it up on the idle role, without user traffic, and runs the staged checks. Neither the public
 * Service nor any object of the active role is written, except that an adoption narrows the Service's selector.
 */
export async function stage(ctx: RunContext, deploy: BlueGreenDeploy): Promise<Outcome> {
  refuseUnfinishedSwitch(deploy.state);
  const decision = await decideStaging(ctx, deploy);
  throwAny(decision.refusals);
  if (decision.kind === 'serving') {
    const { role, planned } = decision;
    return confirmActive(ctx, { deploy, role, planned });
  }
  const { staging } = decision;
  const { inputs, state } = staging.deploy;
  if (isStagedAlready(staging)) return confirmStaged(ctx, staging, state.staged);
  await ensureNamespace(ctx, { planned: staging.planned, createNamespace: inputs.createNamespace });
  return underLock(ctx, deploy.state, locked => stageRevision(locked, staging));
}

/** Writes nothing: this content is staged already. The outcome is `staged` only if it is ready and passes its checks. */
async function confirmStaged(ctx: RunContext, staging: Staging, staged: StagedRecord | undefined): Promise<Outcome> {
  const base = { ...stagingOutcome(ctx, staging), ...(staged !== undefined && { revision: staged.revision }) };
  try {
    const { checks } = await deployAndVerify(ctx, staging);
    const serving = servingAfter(staging, { kind: 'staged-before' });
    return { ...base, outcome: 'staged', stagedRole: staging.role, checks, serving };
  } catch (error) {
    throw new FailedStep(error, { ...base, checks: checksOf(error), serving: servingAfter(staging, { kind: 'none' }) });
  }
}

async function stageRevision(ctx: RunContext, staging: Staging): Promise<Outcome> {
  const { deploy, role, staleObjects } = staging;
  const { inputs, adoption } = deploy;
  await refuseMovedUsers(ctx, staging);
  const begun = await beginStaging(ctx, staging);
  const { revision, state, previous } = begun;
  const { number } = revision;
  const base = { ...stagingOutcome(ctx, staging), revision: number };
  try {
    if (adoption !== undefined) await ctx.records.writeRevision(revisionOfAdopted(ctx, adoption));
    await ctx.records.writeRevision(revision);
    await ctx.records.writeState(state);
  } catch (error) {
    throw new FailedStep(error, { ...base, checks: [], serving: servingAfter(staging, { kind: 'not-begun' }) });
  }

  let checks: readonly CheckResult[] = [];
  try {
    // Before anything is staged: its pods carry the labels that the Service selects, so they would get traffic at once.
    if (adoption !== undefined) await ctx.phase('Deploy', () => narrowSelector(ctx, adoption));
    for (const object of staleObjects) await ctx.cluster.remove(refOf(object), { uid: object.metadata.uid ?? '' });
    const verified = await deployAndVerify(ctx, staging);
    ({ checks } = verified);
    const { operation: _done, ...rest } = state;
    const done = withStagedRecord(rest, { staging, ready: verified.ready, number, previous });
    // A staging that is not on record cannot be promoted, so it counts as failed.
    const entry = historyEntry(ctx.run, revision, 'staged');
    await ctx.records.finish(withHistory(done, entry), inputs.historyLimit, ctx.log);
  } catch (error) {
    const result = await restoreFailedStaging(ctx, begun, { staging, cause: error });
    throw new FailedStep(error, {
      ...base,
      checks: [...checks, ...checksOf(error)],
      serving: servingAfter(staging, result),
    });
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
  ctx: RunContext,
  begun: BegunStaging,
  { staging, cause }: { readonly staging: Staging; readonly cause: unknown },
): Promise<StagingResult> {
  const { role, deploy } = staging;
  const { inputs, state: found } = deploy;
  const { state, revision, snapshots, previousService, isResumed } = begun;
  const failed = historyEntry(ctx.run, revision, 'failed');
  if (!inputs.rollbackOnFailure) {
    const unrecorded = await recordFailure(ctx.records, withHistory(state, failed));
    return { kind: 'left', role, ...(unrecorded !== undefined && { unrecorded }) };
  }
  const { timeoutMs } = inputs;
  const restored = await restoreStaging(ctx, {
    snapshots,
    timeoutMs,
    cause,
    ...(previousService !== undefined && { previousService }),
  });
  const { operation: _ended, ...rest } = state;
  const unstaged = isResumed ? withoutStagedRecord(rest, role) : rest;
  const original = previousService === undefined ? unstaged : withoutAdopted(rest);
  const ended = isComplete(restored) ? original : state;
  const unrecorded = await recordFailure(ctx.records, withHistory(ended, failed));
  const stageAgain = found.staged?.role === role && !isResumed ? found.staged.revision : undefined;
  return {
    kind: 'restored',
    role,
    restored,
    ...(stageAgain !== undefined && { stageAgain }),
    ...(unrecorded !== undefined && { unrecorded }),
  };
}

function servingAfter(staging: Staging, result: StagingResult): Serving {
  return { kind: 'staging', users: usersNow(staging), result };
}

/** A switch that was not finished decides where users are; staging over its role would make it impossible to restore. */
function refuseUnfinishedSwitch({ release, operation }: ReleaseState): void {
  if (operation?.kind !== 'switch') return;
  throw new CutoverError(
    `The switch of release ${release} to ${operation.role ?? 'the other role'}, revision ${operation.revision}, was never finished`,
    {
      code: 'changed',
      hint: `Finish it with \`action: promote\`, or send users back with \`action: rollback\`; then deploy. It was begun by ${operation.run}.`,
    },
  );
}
