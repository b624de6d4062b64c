import { asCutoverError } from '../../../errors.js';
import type { RunContext } from '../../../run/context.js';
import { otherRole } from '../../../traffic/active-role.js';
import type { Outcome } from '../../outcome/outcome.js';
import type { Serving, UsersNow } from '../../outcome/serving.js';
import { readActive, type Led } from '../live-traffic.js';

/** What an outcome says about users. `activeRole` absent: that nobody is served. */
type Said = Pick<Outcome, 'serving' | 'activeRole' | 'idleRole' | 'rollbackHint'>;

/**
 * What a step says about users, checked against the live public Services once the step has restored what it could: somebody else may
 * have changed it before or during the step, or a write of a killed run may have arrived late. If it leads users elsewhere or cannot
 * be read, this says so, and not why. Never throws.
 */
export async function withUsersNow<T extends Said & Pick<Outcome, 'stagedRole'>>(
  ctx: RunContext,
  state: Led,
  said: T,
): Promise<Omit<T, keyof Said> & Said> {
  const users = await usersNow(ctx, state);
  const role = users.kind === 'role' ? users.role : undefined;
  if (users.kind !== 'unknown' && role === said.activeRole) return said;
  const { activeRole: _active, idleRole: _idle, rollbackHint, serving, ...rest } = said;
  return {
    ...rest,
    ...(role !== undefined && { activeRole: role, idleRole: otherRole(state.roleNames, role) }),
    // A staged role that users are on cannot be rejected.
    ...(rollbackHint !== undefined && role !== said.stagedRole && { rollbackHint }),
    serving: { kind: 'users-now', users, said: saidBy(serving) },
  };
}

/** Where the live public Services lead users now. Never throws. */
export async function usersNow(ctx: RunContext, state: Led): Promise<UsersNow> {
  try {
    const { active } = await readActive(ctx, state);
    return active.kind === 'none' ? active : { kind: 'role', role: active.role };
  } catch (error) {
    return { kind: 'unknown', reason: asCutoverError(error).message };
  }
}

/** What a step says, apart from where users are. */
export function saidBy(serving: Serving): Serving {
  return serving.kind === 'users-now' ? serving.said : serving;
}
