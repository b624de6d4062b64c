import { refKey, refOf } from '../../../kubernetes/object.js';
import type { Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import { findReadableRevision } from '../../recorded/find-revision.js';
import { withLeft } from '../../recorded/left-objects.js';

/**
 * The state, with the objects that only the unfinished revisions of a role have on record as left: the next deploy names them. They are
 * not deleted, because users are on that role. `restored`: the revision that the role is restored to.
 */
export async function withUnfinishedLeft(
  ctx: RunContext,
  state: BlueGreenState,
  { unfinished, restored }: { readonly unfinished: readonly number[]; readonly restored: Revision },
): Promise<BlueGreenState> {
  const known = new Set([...(state.left ?? []), ...allOf(restored)].map(refKey));
  const found = await Promise.all(unfinished.map(number => findReadableRevision(ctx, number)));
  const left = new Map(
    found
      .flatMap(revision => (revision === undefined ? [] : allOf(revision)))
      .map(ref => [refKey(ref), ref] as const)
      .filter(([key]) => !known.has(key)),
  );
  return withLeft(state, [...(state.left ?? []), ...left.values()]);
}

function allOf({ objects, shared, secrets }: Revision) {
  return [...[...objects, ...shared].map(refOf), ...secrets.map(({ ref }) => ref)];
}
