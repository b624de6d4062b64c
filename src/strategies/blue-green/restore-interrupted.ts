import type { Snapshot } from '../../plan/change.js';
import { historyEntry } from '../../release/revision.js';
import type { BlueGreenState } from '../../release/state.js';
import type { SwitchOperation } from '../../release/operation.js';
import { abandon, completeReject } from '../../release/transitions.js';
import type { LockedContext, OperationContext } from '../../run/context.js';
import { confirmMs } from '../../traffic/endpoint-slices.js';
import { routerOf } from '../../traffic/routers.js';
import { leftBy, unrestored, type Recovered } from '../outcome/restored.js';
import { reachedRole } from './operation/reached-role.js';
import { removeStagedAutoscalers } from './switch/remove-staged-autoscalers.js';
import { restoreInterruptedAdoption } from './adoption/restore-interrupted.js';
import { restoreInterruptedLeave } from '../rolling/leave-roles/restore-interrupted.js';
import { ownedSnapshots } from '../recorded/owned-objects.js';
import { restoreRecorded } from '../recorded/restore-recorded.js';
import type { Interrupted } from '../strategy.js';

/** Restores what an interrupted operation had changed, if users are safe with that. */
export async function restoreInterruptedRelease(
  ctx: LockedContext,
  interrupted: Interrupted<BlueGreenState>,
): Promise<Recovered> {
  const { state, revision } = interrupted;
  const { operation } = state;
  const failed = historyEntry(ctx.run, revision, 'failed');
  switch (operation.kind) {
    case 'stage':
      return restoring(ctx, interrupted, {
        snapshots: revision.before,
        after: abandon(state, failed),
        idle: operation.role,
      });
    case 'reject': {
      const rejected = historyEntry(ctx.run, revision, 'rejected');
      const snapshots = revision.beforeStaging ?? revision.before;
      return restoring(ctx, interrupted, { snapshots, after: completeReject(state, rejected), idle: operation.role });
    }
    case 'prepare':
      // The next rollback or staging applies the role again. With users on it, nothing was taken from it.
      return restoring(ctx, interrupted, { snapshots: [], after: abandon(state, failed) });
    case 'switch':
      // A rollback was asked for because the version that users left was bad: they are not sent back to it.
      if (operation.direction === 'rollback') return { kind: 'rollback-left', operation };
      if (await isForeign(ctx, operation))
        return { kind: 'incomplete', failed: sentOf(operation).map(({ ref }) => ref) };
      if (!(await canServe(ctx, operation))) return { kind: 'no-ready-pod' };
      return restoring(ctx, interrupted, {
        snapshots: sentOf(operation),
        after: abandon(state, failed),
        confirm: () => confirmBefore(ctx, operation),
        then: writing => removeStagedAutoscalers(writing, { state, role: operation.role, revision }),
      });
    case 'finish':
      return { kind: 'finish-left' };
    case 'adopt':
      return restoreInterruptedAdoption(ctx, { state: { ...state, operation }, revision });
    case 'leave':
      return restoreInterruptedLeave(ctx, { state: { ...state, operation }, revision });
    default:
      return operation satisfies never;
  }
}

/** What is restored, and what is on record then. */
interface Restoration {
  readonly snapshots: readonly Snapshot[];
  readonly after: BlueGreenState;
  /** The role to which the objects belong, and that users must not be on. Absent: they are of no idle role. */
  readonly idle?: string;
  /** Confirms that users reach what is restored. Absent: no user is there. */
  readonly confirm?: () => Promise<void>;
  /** What else is done, before that is on record. Absent: nothing. */
  readonly then?: (ctx: OperationContext) => Promise<void>;
}

async function restoring(
  ctx: LockedContext,
  { state, revision }: Interrupted<BlueGreenState>,
  { snapshots, after, idle, confirm, then }: Restoration,
): Promise<Recovered> {
  const reached = idle === undefined ? {} : { reached: () => reachedRole(ctx, state, { role: idle, revision }) };
  const request = { snapshots, timeoutMs: confirmMs, ...reached };
  const operation = await ctx.recordOperation(state);
  const { restored } = await restoreRecorded(
    operation,
    confirm === undefined ? { ...request, ready: 'not-needed' } : { ...request, confirm },
  );
  const notRestored = unrestored(restored);
  if (notRestored !== undefined) return notRestored;
  const left = leftBy(restored);
  // Users may be on what is left: the switch stays on record, and the same step can be run again.
  if (confirm !== undefined && left.length > 0) return { kind: 'incomplete', failed: left.map(({ ref }) => ref) };
  await then?.(operation);
  await ctx.records.writeState(after);
  return { kind: 'restored', operation: state.operation, left };
}

/** The public Services whose write may have been made, as they were before. */
function sentOf({ services }: SwitchOperation): readonly Snapshot[] {
  return services.filter(({ sent }) => sent).map(({ before }) => before);
}

/** Waits until users reach the pods that the restored public Services select. */
async function confirmBefore(ctx: LockedContext, operation: SwitchOperation): Promise<void> {
  for (const { object } of sentOf(operation)) {
    if (object === undefined) continue;
    const options = { timeoutMs: confirmMs, signal: new AbortController().signal };
    await routerOf(ctx).confirm({ object }, options);
  }
}

/** Whether others own a public Service that the record names, or whether that cannot be known. */
async function isForeign(ctx: LockedContext, operation: SwitchOperation): Promise<boolean> {
  const { foreign, notRecreated, unreadable } = await ownedSnapshots(ctx, sentOf(operation));
  return foreign.length + notRecreated.length + unreadable.length > 0;
}

/** Whether each public Service as it was before the switch would select a ready pod. */
async function canServe(ctx: LockedContext, operation: SwitchOperation): Promise<boolean> {
  for (const { object } of sentOf(operation)) {
    // Before the first release there was no Service, and it is removed: nobody had been served.
    if (object !== undefined && (await routerOf(ctx).readyPods(object)).length === 0) return false;
  }
  return true;
}
