import { historyEntry } from '../../release/revision.js';
import type { BlueGreenState, SwitchOperation } from '../../release/state.js';
import { abandon, completeReject } from '../../release/transitions.js';
import type { LockedContext } from '../../run/context.js';
import { routerOf } from '../../traffic/routers.js';
import type { Recovered } from '../outcome/restored.js';
import { ownedSnapshots } from '../recorded/owned-objects.js';
import { restoreRecorded } from '../shared/interrupted.js';
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
      return restored(ctx, interrupted, { snapshots: revision.before, after: abandon(state, failed) });
    case 'reject': {
      const rejected = historyEntry(ctx.run, revision, 'rejected');
      const snapshots = revision.beforeStaging ?? revision.before;
      return restored(ctx, interrupted, { snapshots, after: completeReject(state, rejected) });
    }
    case 'prepare':
      // It has no users and is applied again by the next rollback or staging.
      return restored(ctx, interrupted, { snapshots: [], after: abandon(state, failed) });
    case 'switch':
      // A rollback was asked for because the version that users left was bad: they are not sent back to it.
      if (operation.direction === 'rollback') return { kind: 'rollback-left', operation };
      if (await isForeign(ctx, operation)) return { kind: 'incomplete', failed: [operation.previousService.ref] };
      if (!(await canServe(ctx, operation))) return { kind: 'no-ready-pod' };
      return restored(ctx, interrupted, { snapshots: [operation.previousService], after: abandon(state, failed) });
    case 'finish':
      return { kind: 'finish-left' };
    case 'adopt':
      return restored(ctx, interrupted, { snapshots: revision.before, after: abandon(state, failed) });
    default:
      return operation satisfies never;
  }
}

async function restored(
  ctx: LockedContext,
  { state }: Interrupted<BlueGreenState>,
  { snapshots, after }: { readonly snapshots: Parameters<typeof restoreRecorded>[1]; readonly after: BlueGreenState },
): Promise<Recovered> {
  const failed = await restoreRecorded(await ctx.begin(state), snapshots);
  if (failed.length > 0) return { kind: 'incomplete', failed };
  await ctx.records.writeState(after);
  return { kind: 'restored', operation: state.operation };
}

/** Whether others own the public Service that the record names, or whether that cannot be known. */
async function isForeign(ctx: LockedContext, { previousService }: SwitchOperation): Promise<boolean> {
  const { foreign, unreadable } = await ownedSnapshots(ctx, [previousService]);
  return foreign.length + unreadable.length > 0;
}

/** Whether the public Service as it was before the switch would select a ready pod. */
async function canServe(ctx: LockedContext, { previousService }: SwitchOperation): Promise<boolean> {
  // Before the first release there was no Service, and it is removed: nobody had been served.
  if (previousService.object === undefined) return true;
  return (await routerOf(ctx, previousService.ref).readyPods(previousService.object)).length > 0;
}
