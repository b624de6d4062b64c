import { refKey, refOf, type ObjectRef } from '../../../kubernetes/object.js';
import type { ObjectToDelete, Revision } from '../../../release/revision.js';

/** Autoscalers that could scale a role while it has no users: those applied at its switch, and those it had before. */
export function autoscalersWithoutUsers(
  replaced: Revision | undefined,
  applyAfterSwitch: readonly ObjectRef[],
): readonly ObjectRef[] {
  const keys = new Set(applyAfterSwitch.map(refKey));
  const before = (replaced?.applyAfterSwitch ?? []).map(refOf);
  return [...applyAfterSwitch, ...before.filter(ref => !keys.has(refKey(ref)))];
}

/**
 * The configuration of the replaced revision of a role, as far as the new one does not have it (`kept`). It is deleted once
 * the new one serves, since no rollback goes back to it then.
 */
export function deleteAfterSwitchOf(
  replaced: Revision | undefined,
  kept: readonly ObjectRef[],
): readonly ObjectToDelete[] {
  if (replaced === undefined) return [];
  const { objects, secrets } = replaced;
  const keys = new Set(kept.map(refKey));
  return [...objects.filter(({ kind }) => kind === 'ConfigMap').map(refOf), ...secrets.map(secret => secret.ref)]
    .filter(ref => !keys.has(refKey(ref)))
    .map(ref => ({ ref }));
}
