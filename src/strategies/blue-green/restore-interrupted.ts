import type { Snapshot } from '../../plan/change.js';
import type { ReleaseState } from '../../release/state.js';
import { routerOf } from '../../traffic/routers.js';
import type { Recovered } from '../outcome/restored.js';
import { recordRestored, restoreRecorded, type InterruptedOperation, type PostContext } from '../shared/interrupted.js';
import { withoutAdopted } from './adoption/adopted-record.js';
import { restoreSelector } from './adoption/narrow-selector.js';
import { withoutStagedRecord } from './staging/staged-record.js';

/** How long to wait until staged pods are gone; a post step must end sometime. */
const podsGoneMs = 60_000;

/** Restores what an interrupted staging or switch had changed, if users are safe with that. */
export async function restoreInterruptedRelease(
  ctx: PostContext,
  interrupted: InterruptedOperation,
): Promise<Recovered> {
  const { operation } = interrupted;
  const restoration = restorationOf(interrupted);
  if (restoration === undefined) return { kind: 'finish-left' };
  const { snapshots, after } = restoration;
  if (operation.kind === 'switch' && !(await canServe(ctx, operation.previousService))) return { kind: 'no-ready-pod' };
  const failed = await restoreRecorded(ctx, snapshots);
  if (failed.length > 0) return { kind: 'incomplete', failed };
  const before = operation.kind === 'stage' ? operation.previousService : undefined;
  const narrowed = before && (await restoreSelector(ctx, { before, timeoutMs: podsGoneMs }));
  if (narrowed !== undefined) return { kind: 'narrowed', narrowed };
  return recordRestored(ctx, interrupted, after);
}

interface Restoration {
  readonly snapshots: readonly Snapshot[];
  /** The state once they are restored. */
  readonly after: ReleaseState;
}

/** What has to be restored; `undefined`: nothing, since the switch was verified and users are where they should be. */
function restorationOf(interrupted: InterruptedOperation): Restoration | undefined {
  const { operation, revision } = interrupted;
  const { operation: _interrupted, ...rest } = interrupted.state;
  const { previousService, role = '' } = operation;
  switch (operation.kind) {
    case 'deploy':
      return { snapshots: revision.before, after: rest };
    case 'stage':
      // The revision records what was there before the first of several stagings, so nothing is staged any more either.
      return {
        snapshots: revision.before,
        after: previousService === undefined ? withoutStagedRecord(rest, role) : withoutAdopted(rest),
      };
    case 'switch':
      return { snapshots: previousService === undefined ? [] : [previousService], after: rest };
    case 'finish':
      return undefined;
    default:
      return operation.kind satisfies never;
  }
}

/** Whether the public Service as it was before the switch would select a ready pod. */
async function canServe(ctx: PostContext, previousService: Snapshot | undefined): Promise<boolean> {
  // Before the first release there was no Service, and it is removed: nobody had been served.
  if (previousService?.object === undefined) return true;
  return (await routerOf(ctx, previousService.ref).readyPods(previousService.object)).length > 0;
}
