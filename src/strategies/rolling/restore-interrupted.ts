import { requirePlan } from '../../cluster/apply/dry-run-all.js';
import { historyEntry, repeatable, type Revision } from '../../release/revision.js';
import type { RollingState } from '../../release/state.js';
import { abandon } from '../../release/transitions.js';
import type { LockedContext, OperationContext } from '../../run/context.js';
import { leftBy, unrestored, type Recovered } from '../outcome/restored.js';
import { applyAndWait } from '../shared/apply-and-wait.js';
import { recordedResource } from '../shared/recorded-objects.js';
import { requireOwnedObjects } from '../recorded/owned-objects.js';
import { restoreRecorded } from '../recorded/restore-recorded.js';
import type { Interrupted } from '../strategy.js';

/** Limit of a wait in a post step, which must end sometime. */
const timeoutMs = 60_000;

/**
 * After an interrupted deploy, every object is restored as it was before. An interrupted rollback goes forward: the version
 * that it leaves was bad. What it applies is not verified, so the operation stays on record for the next rollback.
 */
export async function restoreInterruptedRollout(
  ctx: LockedContext,
  { state, revision }: Interrupted<RollingState>,
): Promise<Recovered> {
  const { operation } = state;
  const begun = await ctx.recordOperation(state);
  if (operation.kind === 'rollback') {
    await applyRevision(begun, revision);
    return { kind: 'rollback-left', operation };
  }
  const { restored } = await restoreRecorded(begun, { snapshots: revision.before, timeoutMs });
  const notRestored = unrestored(restored);
  if (notRestored !== undefined) return notRestored;
  await ctx.records.writeState(abandon(state, historyEntry(ctx.run, revision, 'failed')));
  return { kind: 'restored', operation, left: leftBy(restored) };
}

async function applyRevision(ctx: OperationContext, { objects, number, force }: Revision): Promise<void> {
  const resources = (await requireOwnedObjects(ctx, repeatable(objects))).map(object =>
    recordedResource(object, number),
  );
  const planned = await requirePlan({ cluster: ctx.cluster, resources, force });
  await ctx.phase('Restore', () =>
    applyAndWait(ctx, { planned, waitOptions: { timeoutMs, stableForMs: 0 }, force, paused: 'noted' }),
  );
}
