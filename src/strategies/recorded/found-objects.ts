import { describeRef, refOf, type KubeObject } from '../../kubernetes/object.js';
import { isOwnedByNoOther, whyNotOwned } from '../../manifests/owner.js';
import type { RunContext } from '../../run/context.js';
import { notOwned } from './not-owned.js';

/**
 * Whether the release may write a live object that does not have the annotation of the release, because an earlier run found it, as an
 * adoption does. It must have the uid that is on record, be in the namespace of the release, and have no other owner. `uid` undefined:
 * no object was found.
 */
export function isFound(
  { records }: Pick<RunContext, 'records'>,
  live: KubeObject | undefined,
  uid: string | undefined,
): live is KubeObject {
  if (live === undefined || uid === undefined) return false;
  const { metadata } = live;
  return metadata.uid === uid && metadata.namespace === records.namespace && isOwnedByNoOther(live, records);
}

/** Throws `record` unless the release may write a live object that the record says was found; see {@link isFound}. */
export function requireFound(ctx: Pick<RunContext, 'records'>, live: KubeObject): void {
  if (isFound(ctx, live, live.metadata.uid)) return;
  const { records } = ctx;
  const isElsewhere = isOwnedByNoOther(live, records);
  const why = isElsewhere ? `it is not in namespace ${records.namespace}` : whyNotOwned(live, records);
  throw notOwned(ctx, [`${describeRef(refOf(live))}: ${why}`]);
}
