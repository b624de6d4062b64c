import { referredTo } from '../../../kubernetes/pods/config-references.js';
import { refKey, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
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
 * The configuration of the replaced revision of a role that no object of the new one (`kept`) is or refers to: others may manage
 * by now what it still reads. It is deleted once the new one serves, since no rollback goes back to it then.
 */
export function deleteAfterSwitchOf(
  replaced: Revision | undefined,
  kept: readonly KubeObject[],
): readonly ObjectToDelete[] {
  if (replaced === undefined) return [];
  const { objects, secrets } = replaced;
  const keys = new Set([...kept.map(refOf), ...referredTo(kept)].map(refKey));
  return [...objects.filter(({ kind }) => kind === 'ConfigMap').map(refOf), ...secrets.map(secret => secret.ref)]
    .filter(ref => !keys.has(refKey(ref)))
    .map(ref => ({ ref }));
}
