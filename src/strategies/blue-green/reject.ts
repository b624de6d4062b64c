import { CutoverError } from '../../errors.js';
import type { Reject } from '../../inputs/inputs.js';
import { withHistory } from '../../release/records.js';
import { historyEntry } from '../../release/revision.js';
import type { ReleaseState, StagedRecord } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import { underLock } from '../../run/under-lock.js';
import { otherRole, type Active } from '../../traffic/active-role.js';
import { outcomeBase, type Outcome } from '../outcome/outcome.js';
import { readBlueGreen } from '../shared/recorded-release.js';
import type { Users } from '../outcome/serving.js';
import { discardStaged } from './staging/discard-staged.js';
import { readActive, rolesOf } from './live-traffic.js';

/** Discards what is staged: the idle role is restored to its state before staging. The public Service is only read. */
export async function reject(ctx: RunContext, inputs: Reject): Promise<Outcome> {
  const state = await ctx.phase('Check', () => readBlueGreen(ctx, 'reject'));
  const { staged } = state;
  if (staged === undefined) throw nothingStaged(state.release);
  const { revision: number, role } = staged;
  return underLock(ctx, state, async locked => {
    const { active } = await readActive(locked, state);
    if (active.kind === 'role' && active.role === role) throw usersOnStaged(staged);
    const discarded = await discardStaged(locked, { state, staged, timeoutMs: inputs.timeoutMs });
    const revision = await locked.records.readRevision(number);
    const done = withHistory(discarded.state, historyEntry(ctx.run, revision, 'rejected'));
    await locked.records.finish(done, inputs.historyLimit, locked.log);
    return {
      ...outcomeBase(locked, 'blue-green'),
      outcome: 'rejected',
      revision: number,
      ...rolesNow(state, active),
      changes: revision.before.map(({ ref, object }) => ({
        ref,
        change: object === undefined ? 'deleted' : 'changed',
      })),
      checks: [],
      serving: {
        kind: 'rejected',
        users: usersOf(state, active),
        revision: number,
        role,
        restored: discarded.restored,
      },
    };
  });
}

function rolesNow(state: ReleaseState, active: Active): Pick<Outcome, 'activeRole' | 'idleRole'> {
  return active.kind === 'role' ? { activeRole: active.role, idleRole: otherRole(rolesOf(state), active.role) } : {};
}

function usersOf({ current }: ReleaseState, active: Active): Users {
  if (active.kind === 'none') return { kind: 'none' };
  return { kind: 'role', role: active.role, ...(current !== undefined && { revision: current }) };
}

function nothingStaged(release: string): CutoverError {
  return new CutoverError(`Nothing is staged for release ${release}`, {
    code: 'nothing-staged',
    hint: 'There is nothing to discard. `action: status` shows what runs where.',
  });
}

function usersOnStaged({ role, revision }: StagedRecord): CutoverError {
  return new CutoverError(`Users are on ${role}, which holds the staged revision ${revision}: it was not changed`, {
    code: 'changed',
    hint: 'The public Service was switched already. Use `action: rollback` to send users back to the other role.',
  });
}
