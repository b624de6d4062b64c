import { appliedHash } from '../../cluster/apply/applied-identity.js';
import { refKey, refOf, type KubeObject } from '../../kubernetes/object.js';
import type { AppliedHashes, PlannedChange } from '../../plan/change.js';
import type { BlueGreenState } from '../../release/state.js';
import { own } from '../../own.js';

/**
 * What was applied last to each object of a set, once it is applied. `before`: the same on record. `answers`: the API server's
 * answers to the writes; an object without one was compared, and would not change.
 */
export function appliedAfter(
  before: AppliedHashes,
  planned: readonly PlannedChange[],
  answers: ReadonlyMap<PlannedChange, KubeObject>,
): AppliedHashes {
  const known = planned.map(change => {
    const { object } = change.resource;
    const answer = answers.get(change) ?? change.live;
    const key = refKey(refOf(object));
    // Without a read, it is unchanged because it is on record.
    return [key, answer === undefined ? own(before, key) : appliedHash(object, answer)] as const;
  });
  return Object.fromEntries(known.flatMap(([key, hash]) => (hash === undefined ? [] : [[key, hash]])));
}

/** What was applied last to the shared objects of a release and to those of a role, as it is on record. */
export function appliedTo({ applied, roles }: BlueGreenState, role: string): AppliedHashes {
  return { ...applied, ...roles[role]?.applied };
}
