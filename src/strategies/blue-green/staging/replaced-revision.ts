import { refKey, refOf, type ObjectRef } from '../../../kubernetes/object.js';
import type { ObjectToDelete, Revision } from '../../../release/revision.js';
import { adoptedRevision } from '../../../release/state.js';

/** Autoscalers that could scale a role while it has no users: those applied at its switch, and those it had before. */
export function autoscalersWithoutUsers(
  replaced: Revision | undefined,
  applyAfterSwitch: readonly ObjectRef[],
): readonly ObjectRef[] {
  // What was adopted is another Deployment, and keeps its own autoscalers.
  const before =
    replaced === undefined || replaced.number === adoptedRevision ? [] : replaced.applyAfterSwitch.map(refOf);
  const keys = new Set(applyAfterSwitch.map(refKey));
  return [...applyAfterSwitch, ...before.filter(ref => !keys.has(refKey(ref)))];
}

/**
 * What is deleted with the replaced revision of a role once another one serves there, since no rollback goes back to it then:
 * its configuration, as far as the new one does not have it (`kept`), and all of what was adopted.
 */
export function deleteAfterSwitchOf(
  replaced: Revision | undefined,
  kept: readonly ObjectRef[],
): readonly ObjectToDelete[] {
  if (replaced === undefined) return [];
  const { objects, secrets, applyAfterSwitch, number } = replaced;
  const gone: readonly ObjectToDelete[] =
    number === adoptedRevision
      ? [...applyAfterSwitch, ...objects].map(object => ({
          ref: refOf(object),
          ...(object.metadata.uid !== undefined && { uid: object.metadata.uid }),
        }))
      : [...objects.filter(({ kind }) => kind === 'ConfigMap').map(refOf), ...secrets.map(secret => secret.ref)].map(
          ref => ({ ref }),
        );
  const keys = new Set(kept.map(refKey));
  return gone.filter(({ ref }) => !keys.has(refKey(ref)));
}
