import { refKey, refOf } from '../../../kubernetes/object.js';
import type { Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import { withoutStaged } from '../../../release/transitions.js';
import type { RunContext } from '../../../run/context.js';
import { findReadableRevision } from '../../recorded/find-revision.js';
import { withLeft } from '../../recorded/left-objects.js';
import { recordBeforeStaging, type StagingOrRejection } from './rollback-target.js';

/**
 * The state once a rollback has succeeded with users on an unfinished role: nothing is staged on that role, and the objects that only
 * the unfinished revisions have are on record as left, so that the next deploy names them. They are not deleted: users reach that role,
 * or have just left it. The operation is still there. `restored`: the revision that users have after the rollback.
 */
export async function withUnfinishedLeft(
  ctx: RunContext,
  state: BlueGreenState,
  { unfinished, restored }: { readonly unfinished: StagingOrRejection; readonly restored: Revision },
): Promise<BlueGreenState> {
  const { staged, left: leftBefore = [] } = state;
  const isOverStaged = staged?.role === unfinished.role;
  const numbers = new Set([unfinished.revision, ...(isOverStaged ? [staged.revision] : [])]);
  const before = recordBeforeStaging(state, unfinished.role)?.revision;
  const kept = before === undefined ? undefined : await findReadableRevision(ctx, before);
  const known = new Set([...leftBefore, ...allOf(restored), ...(kept === undefined ? [] : allOf(kept))].map(refKey));
  const found = await Promise.all([...numbers].map(number => findReadableRevision(ctx, number)));
  const left = new Map(
    found
      .flatMap(revision => (revision === undefined ? [] : allOf(revision)))
      .map(ref => [refKey(ref), ref] as const)
      .filter(([key]) => !known.has(key)),
  );
  return withLeft(isOverStaged ? withoutStaged(state) : state, [...leftBefore, ...left.values()]);
}

function allOf({ objects, shared, secrets }: Revision) {
  return [...[...objects, ...shared].map(refOf), ...secrets.map(({ ref }) => ref)];
}
