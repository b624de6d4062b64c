import type { Rollback } from '../../../inputs/inputs.js';
import { historyEntry } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import { completeReject } from '../../../release/transitions.js';
import type { LockedContext } from '../../../run/context.js';
import type { Active } from '../../../traffic/active-role.js';
import { discard, discardable } from '../operation/discard.js';
import { unfinishedOn } from './rollback-target.js';

/** A role that a rollback is about to restore. */
export interface ToDiscard {
  readonly inputs: Rollback;
  readonly state: BlueGreenState;
  readonly role: string;
  readonly active: Extract<Active, { kind: 'role' }>;
}

/**
 * Discards what is staged on the role, or what an interrupted staging left there: it replaced what users go back to. If users are on
 * an unfinished role, it is not discarded: its operation stays on record until the rollback has restored the role.
 */
export async function discardStagedOn(ctx: LockedContext, request: ToDiscard): Promise<BlueGreenState> {
  const { inputs, state, role, active } = request;
  const target = discardable(state);
  if (target?.role !== role) return state;
  if (active.role === role && unfinishedOn(state, role) !== undefined) return state;
  ctx.log.info(`Revision ${target.revision} is staged on ${role}; it is discarded to restore what was there before`);
  const { state: rejecting, revision } = await discard(ctx, { state, target, active, timeoutMs: inputs.timeoutMs });
  return completeReject(rejecting, historyEntry(ctx.run, revision, 'rejected'));
}
