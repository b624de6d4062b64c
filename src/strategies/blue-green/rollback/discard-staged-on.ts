import type { Rollback } from '../../../inputs/inputs.js';
import { historyEntry, type Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import { completeReject, withoutStaged } from '../../../release/transitions.js';
import type { LockedContext } from '../../../run/context.js';
import type { Active } from '../../../traffic/active-role.js';
import { discard, discardable } from '../operation/discard.js';
import { withUnfinishedLeft } from './left-unfinished.js';
import { unfinishedOn } from './rollback-target.js';
import { describeUnfinished, usersAreLed } from '../operation/users-on-unfinished.js';

/** A role that a rollback is about to restore. */
export interface ToDiscard {
  readonly inputs: Rollback;
  readonly state: BlueGreenState;
  readonly role: string;
  readonly active: Active;
  /** What the role is restored to. */
  readonly revision: Revision;
}

/**
 * Discards what is staged on the role, or what an interrupted staging left there: it replaced what users go back to. If users are on
 * an unfinished role, it is not discarded: its operation stays on record until the rollback has restored the role.
 */
export async function discardStagedOn(ctx: LockedContext, request: ToDiscard): Promise<BlueGreenState> {
  const { inputs, state, role, active } = request;
  const target = discardable(state);
  if (target?.role !== role) return state;
  const unfinished = unfinishedOn(state, role);
  if (unfinished !== undefined && active.kind === 'role' && active.role === role) {
    const { number } = request.revision;
    ctx.log.warning(
      `${usersAreLed(state.publicServices, role)}, where ${describeUnfinished(unfinished)}: they stay there, while ${role} is restored to revision ${number}`,
    );
    const { staged } = state;
    const isOver = staged?.role === role;
    const numbers = [unfinished.revision, ...(isOver ? [staged.revision] : [])];
    return withUnfinishedLeft(ctx, isOver ? withoutStaged(state) : state, {
      unfinished: numbers,
      restored: request.revision,
    });
  }
  ctx.log.info(`Revision ${target.revision} is staged on ${role}; it is discarded to restore what was there before`);
  const { state: rejecting, revision } = await discard(ctx, { state, target, active, timeoutMs: inputs.timeoutMs });
  return completeReject(rejecting, historyEntry(ctx.run, revision, 'rejected'));
}
