import type { Resource } from '../../manifests/resource.js';
import type { FormerObject, RollingState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import { findReadableRevision } from '../recorded/find-revision.js';
import { findLeft, formerObjects, keysOf } from '../recorded/left-objects.js';

/** The objects of earlier revisions that are not among these and may still be live. */
export async function leftByRollout(
  ctx: RunContext,
  state: RollingState,
  resources: readonly Resource[],
): Promise<readonly FormerObject[]> {
  const earlier = [...(state.left ?? []), ...(await recordedObjects(ctx, state, resources))];
  return findLeft(ctx, { state, earlier, resources });
}

/** What the current revision applied, and one that was never finished. A record is read only if an object may be missing now. */
async function recordedObjects(
  ctx: RunContext,
  state: RollingState,
  resources: readonly Resource[],
): Promise<readonly FormerObject[]> {
  const { current, applied, operation, latest } = state;
  const rendered = keysOf(resources);
  const keys = Object.keys(applied);
  const isAllThere = keys.length > 0 && keys.every(key => rendered.has(key));
  // What a step has left that was never finished is not among what was applied.
  const numbers = [isAllThere ? undefined : current, operation?.revision].filter(number => number !== undefined);
  const found = await Promise.all(numbers.map(number => findReadableRevision(ctx, number)));
  return found.flatMap(revision =>
    revision === undefined ? [] : formerObjects(revision, { latest, namespace: ctx.records.namespace }),
  );
}
