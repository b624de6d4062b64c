import { refKey, type ObjectRef } from '../../../kubernetes/object.js';
import type { BlueGreenState, FormerObject } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import { findReadableRevision } from '../../recorded/find-revision.js';
import { formerObjects } from '../../recorded/left-objects.js';

/**
 * The objects of the rolling revision that serves until it is adopted; empty where the live application is on no record. `deleted`:
 * what the adoption, or the first promotion, deletes. The adopted version needs all others: it serves until the promotion, and is what the
 * first rollback leads to.
 */
export async function leftByAdoption(
  ctx: RunContext,
  { current, latest }: BlueGreenState,
  deleted: readonly ObjectRef[],
): Promise<readonly FormerObject[]> {
  const revision = current === undefined ? undefined : await findReadableRevision(ctx, current);
  if (revision?.strategy !== 'rolling') return [];
  const keys = new Set(deleted.map(refKey));
  const { namespace } = ctx.records;
  const former = formerObjects(revision, { latest, namespace }).filter(ref => !keys.has(refKey(ref)));
  return former.map(ref => ({ ...ref, neededBy: latest }));
}
