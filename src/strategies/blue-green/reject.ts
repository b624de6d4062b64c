import { CutoverError } from '../../errors.js';
import type { Reject } from '../../inputs/inputs.js';
import { refKey } from '../../kubernetes/object.js';
import { historyEntry } from '../../release/revision.js';
import type { BlueGreenState } from '../../release/state.js';
import type { BlueGreenOperation } from '../../release/operation.js';
import { completeReject } from '../../release/transitions.js';
import type { RunContext } from '../../run/context.js';
import { underLock } from '../../run/under-lock.js';
import { otherRole, type Active } from '../../traffic/active-role.js';
import { outcomeBase, type Outcome } from '../outcome/outcome.js';
import { readBlueGreen } from '../shared/recorded-release.js';
import { discard, discardable, type Discardable } from './operation/discard.js';
import { unfinishedOn } from './rollback/rollback-target.js';
import { refuseUnfinished } from './operation/unfinished.js';
import { describeUnfinished, unfinishedHint } from './operation/users-on-unfinished.js';
import { readActive, usersOf } from './live-traffic.js';

/** Discards what is staged: the idle role is restored to its state before staging. The public Service is only read. */
export async function reject(ctx: RunContext, inputs: Reject): Promise<Outcome> {
  const found = await ctx.phase('Check', () => readBlueGreen(ctx, 'reject'));
  if (discardable(found) === undefined && found.operation === undefined) return rejectedBefore(ctx, found);
  return underLock(ctx, inputs.lockTimeoutMs, async locked => {
    const state = await readBlueGreen(locked, 'reject');
    refuseUnfinished(state, endsWithReject);
    const target = discardable(state);
    if (target === undefined) return rejectedBefore(locked, state);
    const { revision: number, role } = target;
    const { active } = await readActive(locked, state);
    if (active.kind === 'role' && active.role === role) throw usersOnStaged(state, target);
    const { timeoutMs, historyLimit } = inputs;
    const discarded = await discard(locked, { state, target, active, timeoutMs });
    const { revision, snapshots, restored } = discarded;
    const left = new Set(restored.left.map(({ ref }) => refKey(ref)));
    const done = completeReject(discarded.state, historyEntry(ctx.run, revision, 'rejected'));
    await locked.records.finish(done, historyLimit);
    return {
      ...outcomeBase(locked, 'blue-green'),
      outcome: 'rejected',
      revision: number,
      ...rolesNow(state, active),
      changes: snapshots
        .filter(({ ref }) => !left.has(refKey(ref)))
        .map(({ ref, object }) => ({ ref, change: object === undefined ? 'deleted' : 'changed' })),
      checks: [],
      serving: { kind: 'rejected', users: usersOf(state, active), revision: number, role, restored },
    };
  });
}

/** Whether a rejection takes the place of the operation, as it restores the idle role. */
function endsWithReject(operation: BlueGreenOperation): boolean {
  if (operation.kind === 'switch') return operation.direction === 'promote';
  return operation.kind === 'stage' || operation.kind === 'reject';
}

/** A second rejection changes nothing. Throws `nothing-staged` when nothing was rejected before. */
async function rejectedBefore(ctx: RunContext, state: BlueGreenState): Promise<Outcome> {
  const [last] = state.history;
  if (last?.outcome !== 'rejected') throw nothingStaged(state.release);
  const { active } = await readActive(ctx, state);
  return {
    ...outcomeBase(ctx, 'blue-green'),
    outcome: 'unchanged',
    revision: last.revision,
    ...rolesNow(state, active),
    changes: [],
    checks: [],
    serving: { kind: 'rejected-before', users: usersOf(state, active), revision: last.revision },
  };
}

function rolesNow(state: BlueGreenState, active: Active): Pick<Outcome, 'activeRole' | 'idleRole'> {
  return active.kind === 'role' ? { activeRole: active.role, idleRole: otherRole(state.roleNames, active.role) } : {};
}

function nothingStaged(release: string): CutoverError {
  return new CutoverError(`Nothing is staged for release ${release}`, {
    code: 'nothing-staged',
    hint: 'There is nothing to discard. `action: status` shows what runs where.',
  });
}

function usersOnStaged(state: BlueGreenState, { role, revision }: Discardable): CutoverError {
  const unfinished = unfinishedOn(state, role);
  if (unfinished !== undefined)
    return new CutoverError(`Users are on ${role}, where ${describeUnfinished(unfinished)}; nothing was changed`, {
      code: 'changed',
      hint: `Somebody has switched the public Service. ${unfinishedHint(state, unfinished)}`,
    });
  return new CutoverError(`Users are on ${role}, which holds the staged revision ${revision}; nothing was changed`, {
    code: 'changed',
    hint: 'The public Service was switched already. Use `action: rollback` to send users back to the other role.',
  });
}
