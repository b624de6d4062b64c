import { CutoverError } from '../../errors.js';
import type { Check } from '../../inputs/inputs.js';
import type { ApprovalSubject, RecordedApproval } from '../../release/revision.js';
import { recordFailure } from '../../release/record-failure.js';
import { abandon } from '../../release/transitions.js';
import type { BlueGreenState, StagedRecord } from '../../release/state.js';
import type { BlueGreenOperation } from '../../release/operation.js';
import type { LockedContext, RunContext } from '../../run/context.js';
import { readSettled, underLock } from '../../run/under-lock.js';
import { otherRole } from '../../traffic/active-role.js';
import { recordedChecks } from '../../verify/recorded-checks.js';
import { requireOwnedServices } from '../recorded/owned-objects.js';
import { checksOf } from '../shared/checks.js';
import { ChangeNotes } from '../outcome/changes.js';
import { refuseWithoutBake } from './bake/refuse-without-bake.js';
import { FailedStep, outcomeBase, type Outcome } from '../outcome/outcome.js';
import { readBlueGreen } from '../shared/recorded-release.js';
import type { Serving } from '../outcome/serving.js';
import { requireBackup } from './backup/without-backup.js';
import { resumeFinishSwitch } from './switch/finish-switch.js';
import { readActiveOnRecord, readServices, roleToLeave, type LedBy } from './live-traffic.js';
import { refuseUnfinished } from './operation/unfinished.js';
import { withUsersNow } from './operation/users-now.js';
import { refuseExpiring } from './switch/refuse-expiring.js';
import { restoreKilledSwitch } from './switch/restore-traffic.js';
import { switchTraffic } from './switch/switch-traffic.js';
import type { SwitchPolicy } from './switch/traffic-switch.js';
import { scaleUpStaged } from './operation/scale-up-staged.js';
import { requireVerified, verifyStaged, type VerifiedRole } from './verify-staged.js';

/** What a promotion takes, from `promote` or from `deploy` with `switch: auto`. */
export interface PromoteRequest {
  /** Promote only this revision. Absent: what is staged. */
  readonly revision?: number;
  /** Checks instead of the recorded ones. */
  readonly verify?: readonly Check[];
  /** Takes fields of the public Service over from other field managers. Default: as when the revision was staged. */
  readonly force?: boolean;
  readonly timeoutMs: number;
  /** How long to wait for another run that holds the release. */
  readonly lockTimeoutMs: number;
  readonly policy: SwitchPolicy;
  /** Proves the approval; throws `approval` when there is none. Absent: none is asked for. */
  readonly approve?: (subject: ApprovalSubject) => Promise<RecordedApproval>;
}

/**
 * Promotes what is staged: proves the approval, verifies that nothing changed since staging, and moves the users. Run again
 * after it was killed, it finishes the work.
 */
export async function promote(ctx: RunContext, request: PromoteRequest): Promise<Outcome> {
  const { policy, lockTimeoutMs, revision } = request;
  const state = await ctx.phase('Check', () => readSettled(ctx, lockTimeoutMs, now => readBlueGreen(now, 'promote')));
  const { operation } = state;
  if (operation?.kind === 'finish' && (revision ?? operation.revision) === operation.revision)
    return resumeFinishSwitch(ctx, {
      operation,
      policy,
      lockTimeoutMs,
      ...(request.verify && { verify: request.verify }),
    });
  const staged = stagedToPromote(state, revision);
  if (staged === undefined) return promotedBefore(ctx, state);
  await refuseExpiring(ctx, { state, from: roleServing(state, staged.role), policy });
  const { approve } = request;
  const approval = approve && (await ctx.phase('Confirm', () => confirm(ctx, { ...request, approve }, staged)));
  return underLock(ctx, lockTimeoutMs, async locked => {
    // Read again: the approval was for this revision, and other runs may have been at work since.
    const now = await readBlueGreen(locked, 'promote');
    const stagedNow = stagedToPromote(now, staged.revision);
    if (stagedNow === undefined) return promotedBefore(locked, now);
    return promoteStaged(locked, request, { state: now, staged: stagedNow, ...(approval && { approval }) });
  });
}

/**
 * Proves the approval of exactly what is staged. Without `revision`, people who approve this run can only know what this run
 * has staged.
 */
async function confirm(
  ctx: RunContext,
  { approve, revision }: Pick<PromoteRequest, 'revision'> & Required<Pick<PromoteRequest, 'approve'>>,
  staged: StagedRecord,
): Promise<RecordedApproval> {
  if (revision !== undefined) return approve('revision-input');
  const { run } = await ctx.records.readRevision(staged.revision);
  if (run === ctx.run.url) return approve('staged-by-run');
  throw stagedByAnotherRun(staged, run);
}

/** What is staged; `undefined`: it was promoted before. Throws `nothing-staged` when there is nothing to promote. */
function stagedToPromote(state: BlueGreenState, revision: number | undefined): StagedRecord | undefined {
  const { staged, current, history } = state;
  refuseUnfinished(state, operation => isOfPromotion(operation, staged));
  if (staged !== undefined && (revision === undefined || revision === staged.revision)) return staged;
  const [last] = history;
  const isCurrent = current !== undefined && (revision ?? last?.revision) === current && last?.outcome !== 'rejected';
  if (isCurrent && (revision !== undefined || last?.outcome === 'switched')) return undefined;
  if (staged !== undefined) throw otherRevisionStaged(staged, revision);
  throw nothingStaged(state.release);
}

/** The role on record beside the staged one, if it ever served. */
function roleServing({ roleNames, current }: BlueGreenState, staged: string): string | undefined {
  return current === undefined ? undefined : otherRole(roleNames, staged);
}

/** Whether an earlier promotion of what is staged left the operation. */
function isOfPromotion(operation: BlueGreenOperation, staged: StagedRecord | undefined): boolean {
  if (operation.kind === 'prepare') return operation.revision === staged?.revision;
  return operation.kind === 'switch' && operation.direction === 'promote';
}

/** A second promotion changes nothing. */
async function promotedBefore(ctx: RunContext, state: BlueGreenState): Promise<Outcome> {
  const { role, idle } = await readActiveOnRecord(ctx, state);
  const revision = state.current ?? 0;
  return {
    ...outcomeBase(ctx, 'blue-green'),
    outcome: 'unchanged',
    revision,
    activeRole: role,
    idleRole: idle,
    changes: [],
    checks: [],
    serving: { kind: 'promoted-before', role, revision },
  };
}

interface ApprovedRevision {
  readonly state: BlueGreenState;
  readonly staged: StagedRecord;
  readonly approval?: RecordedApproval;
}

async function promoteStaged(
  ctx: LockedContext,
  request: PromoteRequest,
  approved: ApprovedRevision,
): Promise<Outcome> {
  const { state, staged, approval } = approved;
  const { role } = staged;
  const recorded = await ctx.records.readRevision(staged.revision);
  const revision = { ...recorded, force: request.force ?? recorded.force };
  const { publicServices } = revision;
  if (publicServices.length === 0) throw noPublicService(revision.number);
  const { active, before: liveBefore } = await readServices(ctx, state);
  const from = roleToLeave(state, active, role);
  if (request.policy.idlePolicy.policy === 'hot-backup' && from !== undefined) requireBackup(recorded, from);
  requireOwnedServices(ctx, { state, publicServices, liveBefore, foundUids: staged.publicServiceUids });
  if (request.verify === undefined) refuseWithoutBake(revision, request.policy);
  const checks = request.verify ?? recordedChecks(revision.checks, ctx.log);
  let verified: VerifiedRole;
  // With an operation once the role is scaled up.
  let promoting = state;
  const notes = new ChangeNotes();
  try {
    const { timeoutMs } = request;
    verified = await ctx.phase('Verify staged', async () => {
      const workloads = await requireVerified(ctx, staged);
      ctx.signal.throwIfAborted();
      if (from !== undefined) {
        promoting = await scaleUpStaged(ctx, { state, staged, workloads, services: publicServices, from, notes });
      }
      return verifyStaged(ctx, { state, staged, revision, checks, timeoutMs });
    });
  } catch (error) {
    // The role is larger now and has no users: nothing is left to restore.
    if (promoting.operation?.kind === 'prepare' && promoting !== state)
      await recordFailure(ctx.records, abandon(promoting));
    const serving: Serving = { kind: 'not-switched', ...(from !== undefined && { active: from }) };
    const users = { ...(from !== undefined && { activeRole: from }), idleRole: role, stagedRole: role, serving };
    const { operation } = promoting;
    const isThere = operation?.kind === 'switch' && (active.kind === 'mixed' || isOn(active, role));
    const trafficSwitch = { state: promoting, revision, to: role, ...(from && { from }), publicServices };
    throw new FailedStep(error, {
      ...outcomeBase(ctx, 'blue-green'),
      revision: revision.number,
      changes: notes.list,
      ...(approval !== undefined && { approval }),
      checks: checksOf(error),
      ...(isThere
        ? await restoreKilledSwitch(ctx, { ...trafficSwitch, policy: request.policy }, operation)
        : await withUsersNow(ctx, state, users)),
    });
  }
  return switchTraffic(ctx, {
    state: promoting,
    revision,
    to: role,
    ...(from !== undefined && { from }),
    liveBefore,
    publicServices,
    verified,
    checks,
    ...(approval !== undefined && { approval }),
    direction: 'promote',
    policy: request.policy,
    notes,
  });
}

function isOn(active: LedBy, role: string): boolean {
  return active.kind === 'role' && active.role === role;
}

function stagedByAnotherRun({ revision, role }: StagedRecord, run: string): CutoverError {
  return new CutoverError(
    `The approval does not cover revision ${revision}, which is staged on ${role}: this run did not stage it, but ${run}`,
    {
      code: 'approval',
      hint: `Set input \`revision\` to the revision that reviewers are asked to approve: \`revision: ${revision}\`, or the output \`revision\` of the step that staged it.`,
    },
  );
}

function nothingStaged(release: string): CutoverError {
  return new CutoverError(`Nothing is staged for release ${release}`, {
    code: 'nothing-staged',
    hint: 'Run `action: deploy` with `strategy: blue-green` first; it ends with a staged revision.',
  });
}

function otherRevisionStaged(staged: StagedRecord, revision = 0): CutoverError {
  return new CutoverError(
    `Revision ${revision} is not what is staged: that is revision ${staged.revision} on ${staged.role}`,
    {
      code: 'nothing-staged',
      hint: 'Stage the revision that you want, or omit the input `revision` to promote what is staged now.',
    },
  );
}

function noPublicService(revision: number): CutoverError {
  return new CutoverError(`Revision ${revision} has no public Service on record`, {
    code: 'record',
    hint: 'Deploy again with `strategy: blue-green` to stage a new revision.',
  });
}
