import { CutoverError } from '../../errors.js';
import type { Rollback } from '../../inputs/inputs.js';
import type { KubeObject } from '../../kubernetes/object.js';
import type { Revision } from '../../release/revision.js';
import type { ReleaseState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import { underLock } from '../../run/under-lock.js';
import { otherRole, type Active } from '../../traffic/active-role.js';
import { checksOf } from '../shared/checks.js';
import { FailedStep, outcomeBase, type Outcome } from '../outcome/outcome.js';
import { isRolledBack, noRevisionToRollBackTo, rolledBackBefore } from '../shared/recorded-objects.js';
import type { RollbackRequest } from '../strategy.js';
import { discardStaged } from './staging/discard-staged.js';
import { resumeFinishSwitch } from './finish-switch.js';
import { readActive, rolesOf } from './live-traffic.js';
import { restoreRole } from './restore-role.js';
import { switchTraffic } from './switch-traffic.js';
import { switchPolicyOf } from './traffic-switch.js';
import type { VerifiedRole } from './verify-staged.js';

/** Sends users back to the other role: restores that role as recorded if needed, verifies it, and switches. */
export async function rollBackBlueGreen(ctx: RunContext, request: RollbackRequest): Promise<Outcome> {
  const { inputs, state, approve } = request;
  if (inputs.revision !== undefined) throw revisionNotTaken();
  const policy = switchPolicyOf(inputs);
  if (state.operation?.kind === 'finish' && state.history[0]?.outcome === 'rolled-back')
    return resumeFinishSwitch(ctx, { state, policy });
  if (isRolledBack(state)) return rolledBackBefore(ctx, state);
  const approval = approve && (await ctx.phase('Confirm', approve));
  return underLock(ctx, state, async locked => {
    const { active, before: liveBefore } = await readActive(locked, state);
    if (active.kind === 'none')
      throw noRevisionToRollBackTo(state.release, 'there is no public Service, so nobody is served');
    const role = roleToRollBackTo(state, active);
    const from = otherRole(rolesOf(state), role);
    if (active.role === role && state.operation?.revision === state.staged?.revision)
      return clearUnmadeSwitch(locked, state, role);
    // Looked up before anything is discarded for it.
    const { revision, publicService } = await revisionToRollBackTo(locked, state, role);
    const discarded = await discardStagedOn(locked, { inputs, state, role });
    const checks = inputs.verify ?? revision.checks;
    let verified: VerifiedRole;
    try {
      const waitOptions = { timeoutMs: inputs.timeoutMs, stableForMs: inputs.stableForMs };
      verified = await restoreRole(locked, { state: discarded, revision, role, from, checks, waitOptions });
    } catch (error) {
      throw new FailedStep(error, {
        ...outcomeBase(ctx, 'blue-green'),
        revision: revision.number,
        activeRole: active.role,
        idleRole: active.idle,
        changes: [],
        checks: checksOf(error),
        serving: { kind: 'not-switched', active: active.role },
      });
    }
    return switchTraffic(locked, {
      state: discarded,
      revision,
      to: role,
      from,
      liveBefore,
      publicService,
      verified,
      checks,
      ...(approval !== undefined && { approval }),
      outcome: 'rolled-back',
      policy,
    });
  });
}

/**
 * The role that users should go back to: the idle one. If a killed run left a switch unfinished: the target role of a
 * rollback, the previous role of a promotion.
 */
export function roleToRollBackTo(state: ReleaseState, active: Extract<Active, { kind: 'role' }>): string {
  const { operation, staged } = state;
  if (operation?.kind !== 'switch' || operation.role === undefined) return active.idle;
  return operation.revision === staged?.revision ? otherRole(rolesOf(state), operation.role) : operation.role;
}

/** The revision that the role ran before anything was staged over it. */
async function revisionToRollBackTo(
  ctx: RunContext,
  state: ReleaseState,
  role: string,
): Promise<{ readonly revision: Revision; readonly publicService: KubeObject }> {
  const { release } = state;
  const record = state.staged?.role === role ? state.staged.previous : state.roles?.[role];
  if (record?.revision === undefined) throw noRevisionToRollBackTo(release, `${role} never served a revision`);
  const revision = await ctx.records.readRevision(record.revision);
  const { publicService } = revision;
  if (publicService !== undefined) return { revision, publicService };
  throw noRevisionToRollBackTo(release, `revision ${revision.number} has no public Service on record`);
}

/** The promotion was killed before it switched anything: users never left, and only the record has to be corrected. */
async function clearUnmadeSwitch(ctx: RunContext, state: ReleaseState, role: string): Promise<Outcome> {
  const { operation: _neverMade, ...rest } = state;
  await ctx.records.writeState(rest);
  return {
    ...outcomeBase(ctx, 'blue-green'),
    outcome: 'unchanged',
    ...(state.current !== undefined && { revision: state.current }),
    activeRole: role,
    idleRole: otherRole(rolesOf(state), role),
    changes: [],
    checks: [],
    serving: { kind: 'switch-never-made', role },
  };
}

/** Discards a revision that is staged on the role: it replaced the one that users go back to. */
async function discardStagedOn(
  ctx: RunContext,
  request: { readonly inputs: Rollback; readonly state: ReleaseState; readonly role: string },
): Promise<ReleaseState> {
  const { inputs, state, role } = request;
  const { staged } = state;
  if (staged?.role !== role) return state;
  ctx.log.info(`Revision ${staged.revision} is staged on ${role}; it is discarded to restore what was there before`);
  const { state: discarded } = await discardStaged(ctx, { state, staged, timeoutMs: inputs.timeoutMs });
  await ctx.records.writeState(discarded);
  return discarded;
}

function revisionNotTaken(): CutoverError {
  return new CutoverError('Input "revision" is for rolling releases: a blue/green rollback goes to the other role', {
    code: 'input',
    hint: 'Omit `revision`, or deploy the version that you want.',
  });
}
