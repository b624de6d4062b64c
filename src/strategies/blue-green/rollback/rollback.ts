import { CutoverError } from '../../../errors.js';
import type { Rollback } from '../../../inputs/inputs.js';
import type { KubeObject } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import { recordFailure } from '../../../release/record-failure.js';
import { isRolledBack } from '../../../release/retention.js';
import { historyEntry, type RecordedApproval, type Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { Begun, FinishOperation, PrepareOperation, SwitchOperation } from '../../../release/operation.js';
import { abandon, begin, hasRoles, withHistory, type InProgress } from '../../../release/transitions.js';
import { begunBy } from '../../../run/begun.js';
import type { LockedContext, RunContext } from '../../../run/context.js';
import { underLock } from '../../../run/under-lock.js';
import { otherRole, type Active } from '../../../traffic/active-role.js';
import { recordedChecks } from '../../../verify/recorded-checks.js';
import { readRevisionOfRole } from '../../recorded/find-revision.js';
import { requireOwnedServices } from '../../recorded/owned-objects.js';
import { checksOf } from '../../shared/checks.js';
import { ChangeNotes } from '../../outcome/changes.js';
import { FailedStep, outcomeBase, type ObjectChange, type Outcome } from '../../outcome/outcome.js';
import { noRevisionToRollBackTo, rolledBackBefore } from '../../shared/recorded-objects.js';
import { readBlueGreen } from '../../shared/recorded-release.js';
import type { RollbackRequest } from '../../strategy.js';
import { resumeFinishSwitch } from '../switch/finish-switch.js';
import { readActive, readServices, type LedBy } from '../live-traffic.js';
import { endBackup, refuseFromBackup } from '../backup/end-backup.js';
import { withUnfinishedLeft } from './left-unfinished.js';
import { recordToRollBackTo, roleToRollBackTo, unfinishedOn, type StagingOrRejection } from './rollback-target.js';
import { discardStagedOn } from './discard-staged-on.js';
import { refuseUnfinished } from '../operation/unfinished.js';
import { describeLeft } from '../operation/users-on-unfinished.js';
import { withUsersNow } from '../operation/users-now.js';
import { restoreRole } from './restore-role.js';
import { warnOfExpiring } from '../switch/refuse-expiring.js';
import { switchTraffic } from '../switch/switch-traffic.js';
import { switchPolicyOf } from '../switch/traffic-switch.js';
import type { VerifiedRole } from '../verify-staged.js';

/** Sends users back to the other role: restores that role as recorded if needed, verifies it, and switches. */
export async function rollBackBlueGreen(ctx: RunContext, request: RollbackRequest<BlueGreenState>): Promise<Outcome> {
  const { inputs, state: found, approve } = request;
  if (inputs.revision !== undefined) throw revisionNotTaken();
  const { lockTimeoutMs } = inputs;
  const { operation } = found;
  if (operation?.kind === 'finish' && operation.direction === 'rollback') {
    const { verify } = inputs;
    const resuming = { operation, policy: switchPolicyOf(inputs), lockTimeoutMs };
    return resumeFinishSwitch(ctx, { ...resuming, ...(verify && { verify }) });
  }
  if (await isRolledBackLive(ctx, found)) return rolledBackBefore(ctx, found);
  const approval = approve && (await ctx.phase('Confirm', () => approve('rollback')));
  return underLock(ctx, lockTimeoutMs, async locked => {
    const state = await readBlueGreen(locked, 'roll back');
    if (await isRolledBackLive(locked, state)) return rolledBackBefore(locked, state);
    refuseUnfinished(state, ({ kind }) => kind !== 'adopt' && kind !== 'leave');
    const [from] = Object.entries(state.roles).find(([, { revision }]) => revision === state.current) ?? [];
    await warnOfExpiring(locked, { state, from, policy: switchPolicyOf(inputs) });
    return rollBackUnderLock(locked, { inputs, state, ...(approval !== undefined && { approval }) });
  });
}

/** Whether the last step was a rollback, and users are still where it had sent them. */
async function isRolledBackLive(ctx: RunContext, state: BlueGreenState): Promise<boolean> {
  if (!isRolledBack(state)) return false;
  const { active } = await readActive(ctx, state);
  return active.kind === 'role' && state.roles[active.role]?.revision === state.current;
}

interface ApprovedRollback {
  readonly inputs: Rollback;
  readonly state: BlueGreenState;
  readonly approval?: RecordedApproval;
}

async function rollBackUnderLock(
  locked: LockedContext,
  { inputs, state, approval }: ApprovedRollback,
): Promise<Outcome> {
  if (!hasRoles(state)) throw noRevisionToRollBackTo(state.release, 'nothing was ever deployed to its roles');
  const { active: ledBy, before: liveBefore } = await readServices(locked, state);
  const active = usersLeave(state, ledBy);
  if (active.kind === 'none') refuseUnfinished(state, () => false);
  if (active.kind === 'none')
    throw noRevisionToRollBackTo(state.release, 'there is no public Service, so nobody is served');
  const role = roleToRollBackTo(state, active.role);
  const from = otherRole(state.roleNames, role);
  const found = state.operation;
  if (active.role === role && found?.kind === 'switch' && found.direction === 'promote')
    return clearUnmadeSwitch(locked, state, role);
  refuseFromBackup(state, { active: active.role, role });
  // Looked up before anything is discarded for it.
  const { revision, publicServices } = await revisionToRollBackTo(locked, state, role);
  requireOwnedServices(locked, { state, publicServices, liveBefore });
  const discarded = endBackup(locked, {
    state: await discardStagedOn(locked, { inputs, state, role, active }),
    ...{ role, active: active.role },
  });
  const left = unfinishedOn(discarded, active.role);
  if (left !== undefined) locked.log.warning(describeLeft(discarded, { left, role, revision }));
  // What is on record once it has succeeded.
  const restored =
    left === undefined
      ? discarded
      : await withUnfinishedLeft(locked, discarded, { unfinished: left, restored: revision });
  const checks = inputs.verify ?? recordedChecks(revision.checks, locked.log);
  const kept = keptOperation(discarded);
  const operation = { ...operationOf(kept, { revision, role, liveBefore }), ...begunBy(locked) };
  const preparing = begin(discarded, operation);
  const notes = new ChangeNotes();
  let verified: VerifiedRole;
  try {
    const prepared = notes.follow(await locked.recordOperation(preparing));
    const settled = state.operation === undefined && discarded === state;
    const waitOptions = { timeoutMs: inputs.timeoutMs, stableForMs: inputs.stableForMs, settled };
    const restoring = { state: restored, revision, role, from, active: active.role, liveBefore, checks, waitOptions };
    verified = await restoreRole(prepared, restoring);
  } catch (error) {
    throw await failedToRestore(locked, { error, active, revision, kept, preparing, changes: notes.list });
  }
  return switchTraffic(locked, {
    state: begin(restored, operation),
    revision,
    to: role,
    from,
    liveBefore,
    publicServices,
    verified,
    checks,
    ...(approval !== undefined && { approval }),
    direction: 'rollback',
    policy: switchPolicyOf(inputs),
    notes,
  });
}

/** A role that could not be restored. */
interface FailedRestore {
  readonly error: unknown;
  readonly active: Extract<Active, { kind: 'role' }>;
  readonly revision: Revision;
  readonly kept: KeptOperation | undefined;
  readonly preparing: InProgress<BlueGreenState>;
  readonly changes: readonly ObjectChange[];
}

/** Records the failure. The role is left as it is: the next rollback or staging applies it again. If users are on it, it kept its size. */
async function failedToRestore(locked: LockedContext, failed: FailedRestore): Promise<FailedStep> {
  const { error, active, revision, kept, preparing, changes } = failed;
  const entry = historyEntry(locked.run, revision, 'failed');
  const stillBegun = kept && begin(preparing, { ...kept, ...begunBy(locked) });
  await recordFailure(
    locked.records,
    stillBegun === undefined ? abandon(preparing, entry) : withHistory(stillBegun, entry),
  );
  const said = {
    ...outcomeBase(locked, 'blue-green'),
    revision: revision.number,
    activeRole: active.role,
    idleRole: active.idle,
    changes,
    checks: checksOf(error),
    serving: { kind: 'not-switched', active: active.role } as const,
  };
  return new FailedStep(error, await withUsersNow(locked, preparing, said));
}

/** The role that users are on. Of a switch that was made in part: the one that it was to lead to, which users leave now. */
function usersLeave({ operation, roleNames }: BlueGreenState, active: LedBy): Active {
  if (active.kind !== 'mixed') return active;
  if (operation?.kind !== 'switch') throw active.error;
  const to = operation.direction === 'promote' ? operation.role : otherRole(roleNames, operation.role);
  return { kind: 'role', role: to, idle: otherRole(roleNames, to) };
}

/**
 * What is on record while the role is prepared. A rollback of a promotion that may have switched is on record as a switch
 * itself: as a promotion, the post step would send users back without what a rollback does after its switch.
 */
function operationOf(
  unfinished: KeptOperation | undefined,
  target: { readonly revision: Revision; readonly role: string; readonly liveBefore: readonly Snapshot[] },
): Unbegun<PrepareOperation | KeptOperation> {
  const { revision, role, liveBefore } = target;
  if (unfinished === undefined) return { kind: 'prepare', revision: revision.number, role };
  if (unfinished.kind !== 'switch' || unfinished.direction === 'rollback') return unfinished;
  const services = liveBefore.map(before => ({ before }));
  return { kind: 'switch', direction: 'rollback', revision: revision.number, role, services };
}

type Unbegun<O> = O extends Begun ? Omit<O, keyof Begun> : never;

type KeptOperation = SwitchOperation | FinishOperation | StagingOrRejection;

/**
 * The unfinished operation that stays on record while a role is prepared, because nothing else tells what it left to do. A staging or a
 * rejection comes here only if it was not discarded.
 */
function keptOperation({ operation }: BlueGreenState): KeptOperation | undefined {
  switch (operation?.kind) {
    case 'switch':
    case 'finish':
    case 'stage':
    case 'reject':
      return operation;
    default:
      return undefined;
  }
}

/** The revision that the role ran before anything was staged over it. */
async function revisionToRollBackTo(
  ctx: RunContext,
  state: BlueGreenState,
  role: string,
): Promise<{ readonly revision: Revision; readonly publicServices: readonly KubeObject[] }> {
  const { release } = state;
  const record = recordToRollBackTo(state, role);
  // What was left may be why there is nothing to go back to, and has to be finished first.
  if (record?.revision === undefined) refuseUnfinished(state, () => false);
  if (record?.revision === undefined) throw noRevisionToRollBackTo(release, `${role} never served a revision`);
  const revision = await readRevisionOfRole(ctx, record.revision, role);
  const { publicServices } = revision;
  if (publicServices.length > 0) return { revision, publicServices };
  throw noRevisionToRollBackTo(release, `revision ${revision.number} has no public Service on record`);
}

/** The promotion was killed before it switched anything: users never left, and only the record has to be corrected. */
async function clearUnmadeSwitch(ctx: LockedContext, state: BlueGreenState, role: string): Promise<Outcome> {
  await ctx.records.writeState(abandon(state));
  return {
    ...outcomeBase(ctx, 'blue-green'),
    outcome: 'unchanged',
    ...(state.current !== undefined && { revision: state.current }),
    activeRole: role,
    idleRole: otherRole(state.roleNames, role),
    changes: [],
    checks: [],
    serving: { kind: 'switch-never-made', role },
  };
}

function revisionNotTaken(): CutoverError {
  return new CutoverError('Input "revision" is for rolling releases: a blue/green rollback goes to the other role', {
    code: 'input',
    hint: 'Omit `revision`, or deploy the version that you want.',
  });
}
