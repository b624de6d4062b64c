import { CutoverError } from '../../../errors.js';
import { describeRef } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import type { Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import { begin, type InProgress } from '../../../release/transitions.js';
import { begunBy } from '../../../run/begun.js';
import type { LockedContext } from '../../../run/context.js';
import { restoreRecorded } from '../../recorded/restore-recorded.js';
import { FailedStep, outcomeBase } from '../../outcome/outcome.js';
import type { Restored } from '../../outcome/restored.js';
import { otherRole, type Active } from '../../../traffic/active-role.js';
import { reachedRole } from './reached-role.js';
import { withUsersNow } from './users-now.js';

/** What is on the idle role and can be discarded: a staged revision, or what an interrupted staging or rejection left. */
export interface Discardable {
  readonly revision: number;
  readonly role: string;
}

/** What can be discarded; `undefined`: nothing is staged. */
export function discardable({ staged, operation }: BlueGreenState): Discardable | undefined {
  // An interrupted staging may have replaced what was staged before it on the same role.
  if (operation?.kind === 'stage' || operation?.kind === 'reject') return operation;
  return staged;
}

/** What is discarded. */
export interface DiscardRequest {
  readonly state: BlueGreenState;
  readonly target: Discardable;
  /** Where users are as it begins. */
  readonly active: Active;
  /** How long a restored object may take to be deleted first. */
  readonly timeoutMs: number;
}

/** The state with the rejection in progress, and how far the idle role was restored. */
export interface Discarded {
  readonly state: InProgress<BlueGreenState>;
  readonly revision: Revision;
  /** What was restored. */
  readonly snapshots: readonly Snapshot[];
  readonly restored: Extract<Restored, { readonly kind: 'complete' }>;
}

/**
 * Restores the idle role to its state before anything was staged on it. The operation `reject` is on record first, and stays
 * there when not everything could be restored: then this throws, and the same step can be run again.
 */
export async function discard(ctx: LockedContext, request: DiscardRequest): Promise<Discarded> {
  const { state, target, active, timeoutMs } = request;
  const { revision: number, role } = target;
  const revision = await ctx.records.readRevision(number);
  const rejecting = begin(state, { kind: 'reject', revision: number, role, ...begunBy(ctx) });
  const operation = await ctx.recordOperation(rejecting);
  const { snapshots, restored } = await restoreRecorded(operation, {
    snapshots: revision.beforeStaging ?? revision.before,
    timeoutMs,
    ready: 'not-needed',
    reached: () => reachedRole(ctx, rejecting, { role, revision }),
  });
  if (restored.kind === 'complete') return { state: rejecting, revision, snapshots, restored };
  const isMoved = restored.kind === 'reached';
  const users = isMoved ? { kind: 'role' as const, role, idle: otherRole(state.roleNames, role) } : active;
  const failed = {
    ...outcomeBase(ctx, 'blue-green'),
    ...(users.kind === 'role' && { activeRole: users.role, idleRole: users.idle }),
    changes: [],
    checks: [],
    serving: { kind: 'not-rejected', role, restored } as const,
  };
  // The labels of the staged pods, by which users have reached them, may not be on record.
  throw new FailedStep(notRestored(role, restored), isMoved ? failed : await withUsersNow(ctx, state, failed));
}

function notRestored(role: string, restored: Exclude<Restored, { readonly kind: 'complete' }>): CutoverError {
  return new CutoverError(`${role} could not be restored to its state before staging: ${whyNotRestored(restored)}`, {
    code: 'rollout',
    hint: 'Run the same step again once the cause is fixed.',
  });
}

function whyNotRestored(restored: Exclude<Restored, { readonly kind: 'complete' }>): string {
  switch (restored.kind) {
    case 'lock-lost':
      return 'another run has taken over the lock';
    case 'lock-refused':
      return 'this step may not renew its lock any more';
    case 'reached':
      return `${describeRef(restored.service)} leads users to ${restored.to} now`;
    case 'no-ready-pod':
      return `${restored.role} has no ready pod`;
    case 'changed-by-others':
      return 'somebody else changed it in the meantime';
    case 'record-unknown':
      return 'the API server did not tell what is on record';
    case 'incomplete':
      return `still as staging left it: ${restored.failed.map(describeRef).join(', ')}`;
    case 'not-ready':
      return `it is not ready: ${restored.reason}`;
    default:
      return restored satisfies never;
  }
}
