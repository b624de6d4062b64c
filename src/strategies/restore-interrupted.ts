import { restoreSnapshots } from '../cluster/apply/restore.js';
import type { Snapshot } from '../plan/change.js';
import { isTakenOver, releaseLock } from '../release/lock.js';
import { withHistory } from '../release/records.js';
import { historyEntry, type Revision } from '../release/revision.js';
import type { Operation, ReleaseState } from '../release/state.js';
import { removeStuckPods } from '../rollout/stuck-pods.js';
import type { PostState, RunContext } from '../run/context.js';
import { serviceSelector } from '../traffic/service-selector.js';
import { withoutAdopted } from './blue-green/adoption/adopted-record.js';
import { restoreSelector } from './blue-green/adoption/narrow-selector.js';
import { withoutStagedRecord } from './blue-green/staging/staged-record.js';
import type { Recovered } from './outcome/restored.js';

/** How long to wait until staged pods are gone; the post step must not run forever. */
const podsGoneMs = 60_000;

/** What the post step works with. */
export type PostContext = Pick<RunContext, 'cluster' | 'records' | 'run' | 'log'>;

/** What the killed process left. */
export interface RestoreInterruptedRequest {
  readonly postState: PostState;
  readonly rollbackOnFailure: boolean;
}

/**
 * Cleans up after a process that was killed before it could: what its operation changed is restored from the record, and its
 * lock is released. Does nothing when the operation ended by itself.
 */
export async function restoreInterrupted(
  ctx: PostContext,
  { postState, rollbackOnFailure }: RestoreInterruptedRequest,
): Promise<Recovered> {
  const { cluster, records, run } = ctx;
  const { release, namespace, lockHolder: holder } = postState;
  // The run that holds the lock now finishes the operation, and may be writing already.
  if (await isTakenOver({ cluster, release, namespace, holder })) return { kind: 'lock-lost' };
  try {
    const state = await records.readState();
    const { operation } = state ?? {};
    if (state === undefined || operation?.run !== run.url) return { kind: 'nothing-unfinished' };
    if (!rollbackOnFailure) return { kind: 'left', operation };
    return await restoreOperation(ctx, state, operation);
  } finally {
    await releaseLock({ cluster, release, namespace, holder });
  }
}

async function restoreOperation(ctx: PostContext, state: ReleaseState, operation: Operation): Promise<Recovered> {
  const { cluster, records, run, log } = ctx;
  const revision = await records.readRevision(operation.revision);
  const restoration = restorationOf({ state, operation, revision });
  if (restoration === undefined) return { kind: 'finish-left' };
  const { snapshots, after } = restoration;
  if (operation.kind === 'switch' && !(await canServe(ctx, operation.previousService))) return { kind: 'no-ready-pod' };
  const { failed } = await restoreSnapshots({ cluster, snapshots, release: state.release, log });
  await removeStuckPods({ cluster, snapshots, log });
  if (failed.length > 0) return { kind: 'incomplete', failed: failed.map(({ ref }) => ref) };
  const before = operation.kind === 'stage' ? operation.previousService : undefined;
  const narrowed = before && (await restoreSelector(ctx, { before, timeoutMs: podsGoneMs }));
  if (narrowed !== undefined) return { kind: 'narrowed', narrowed };
  await records.writeState(withHistory(after, historyEntry(run, revision, 'failed')));
  return { kind: 'restored', operation };
}

interface Restoration {
  readonly snapshots: readonly Snapshot[];
  /** The state once they are restored. */
  readonly after: ReleaseState;
}

/** What has to be restored; `undefined`: nothing, since the switch was verified and users are where they should be. */
function restorationOf(interrupted: {
  readonly state: ReleaseState;
  readonly operation: Operation;
  readonly revision: Revision;
}): Restoration | undefined {
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

/** Whether the public Service as it was before the switch would lead to a ready pod. */
async function canServe(ctx: PostContext, previousService: Snapshot | undefined): Promise<boolean> {
  // Before the first release there was no Service, and it is removed: nobody had been served.
  if (previousService?.object === undefined) return true;
  return (await serviceSelector(ctx, previousService.ref).readyPods(previousService.object)).length > 0;
}
