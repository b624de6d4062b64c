import { releaseOf } from '../../cluster/ownership/ownership.js';
import { describeRef, refOf, type KubeObject } from '../../kubernetes/object.js';
import type { RunContext } from '../../run/context.js';
import { notOwned } from './not-owned.js';

/**
 * Whether a live object is one that Cutover found, and that the release may write although it does not carry its annotation: the
 * object with the recorded uid, in the namespace of the release, and of no other release. `uid` undefined: none was found.
 */
export function isFound(
  { records }: Pick<RunContext, 'records'>,
  live: KubeObject | undefined,
  uid: string | undefined,
): live is KubeObject {
  if (live === undefined || uid === undefined) return false;
  const { release, namespace } = records;
  const { metadata } = live;
  return metadata.uid === uid && metadata.namespace === namespace && (releaseOf(live) ?? release) === release;
}

/** Throws `record` unless the release may write a live object that the record says was found; see {@link isFound}. */
export function requireFound(ctx: Pick<RunContext, 'records'>, live: KubeObject): void {
  if (isFound(ctx, live, live.metadata.uid)) return;
  const { release, namespace } = ctx.records;
  const owner = releaseOf(live) ?? release;
  const why = owner === release ? `it is not in namespace ${namespace}` : `it belongs to release ${owner}`;
  throw notOwned(ctx, [`${describeRef(refOf(live))}: ${why}`]);
}
