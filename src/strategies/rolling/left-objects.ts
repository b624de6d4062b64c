import { releaseOf } from '../../cluster/ownership/ownership.js';
import { CutoverError } from '../../errors.js';
import { refKey, refOf, type ObjectRef } from '../../kubernetes/object.js';
import { isBeingDeleted } from '../../kubernetes/pods/pod.js';
import type { Resource } from '../../manifests/resource.js';
import type { RollingState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import { findRevision } from '../recorded/find-revision.js';
import { describeLeftObjects } from '../outcome/left-objects.js';

/**
 * The objects of earlier revisions that are not among these and are still live, with a warning that names them. Jobs are not
 * among them: their names often change with each revision.
 */
export async function warnOfLeftObjects(
  ctx: RunContext,
  state: RollingState,
  resources: readonly Resource[],
): Promise<readonly ObjectRef[]> {
  const rendered = new Set(resources.map(({ object }) => refKey(refOf(object))));
  const candidates = new Map(
    [...(state.left ?? []), ...(await recordedRefs(ctx, state, rendered))]
      .filter(ref => ref.kind !== 'Job' && !rendered.has(refKey(ref)))
      .map(ref => [refKey(ref), ref]),
  );
  const found = await Promise.all([...candidates.values()].map(async ref => ((await isLive(ctx, ref)) ? [ref] : [])));
  const left = found.flat();
  if (left.length > 0) ctx.log.warning(describeLeftObjects(left));
  return left;
}

/** What the current revision applied. Its record is read only if an object of it is missing now. */
async function recordedRefs(
  ctx: RunContext,
  { current, applied }: RollingState,
  rendered: ReadonlySet<string>,
): Promise<readonly ObjectRef[]> {
  const keys = Object.keys(applied);
  if (current === undefined || (keys.length > 0 && keys.every(key => rendered.has(key)))) return [];
  const revision = await findRevision(ctx, current);
  return [...(revision?.objects ?? []).map(refOf), ...(revision?.secrets ?? []).map(({ ref }) => ref)];
}

async function isLive(ctx: RunContext, ref: ObjectRef): Promise<boolean> {
  try {
    const live = await ctx.cluster.get(ref);
    return live !== undefined && !isBeingDeleted(live) && releaseOf(live) === ctx.records.release;
  } catch (error) {
    // Its kind is not served any more, or may not be read: nothing can be said of it.
    if (error instanceof CutoverError && ['unknown-kind', 'not-found', 'forbidden'].includes(error.code)) return false;
    throw error;
  }
}
