import { refKey, refOf, type ObjectRef } from '../../../kubernetes/object.js';
import type { ObjectToDelete, Revision } from '../../../release/revision.js';
import { adoptedRevision } from '../../../release/state.js';

/** Autoscalers that could work on a role while it has no users: those that come with its switch, and those it had before. */
export function autoscalersWithoutUsers(
  earlier: Revision | undefined,
  applyAfterSwitch: readonly ObjectRef[],
): readonly ObjectRef[] {
  // What was adopted is another Deployment, and keeps its own.
  const before = earlier === undefined || earlier.number === adoptedRevision ? [] : earlier.applyAfterSwitch.map(refOf);
  const known = new Set(applyAfterSwitch.map(refKey));
  return [...applyAfterSwitch, ...before.filter(ref => !known.has(refKey(ref)))];
}

/**
 * What goes with the earlier revision of a role once another one serves there, since nothing leads back to it then: its
 * configuration, as far as the new one does not have it (`kept`), and all of what was adopted.
 */
export function deleteAfterSwitchOf(
  earlier: Revision | undefined,
  kept: readonly ObjectRef[],
): readonly ObjectToDelete[] {
  if (earlier === undefined) return [];
  const { objects, secrets, applyAfterSwitch, number } = earlier;
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
