import { appliedBy } from '../cluster/apply/owned-fields.js';
import { fieldManager } from '../cluster/apply/field-manager.js';
import { describeRef, refOf, type KubeObject } from '../kubernetes/object.js';
import { hashOf } from '../kubernetes/canonical.js';
import type { VerifiedObject } from '../release/state.js';

/** The identity of a live object that Cutover has applied. `templateHash`: of its pods; absent: it has none. */
export function identify(live: KubeObject, templateHash?: string): VerifiedObject {
  return {
    ref: refOf(live),
    uid: live.metadata.uid ?? '',
    hash: identityHash(live),
    ...(templateHash !== undefined && { templateHash }),
  };
}

/** Why a live object is not the one that was verified; empty: it is. */
export function changesSinceVerified(verified: VerifiedObject, live: KubeObject | undefined): readonly string[] {
  const name = describeRef(verified.ref);
  if (live === undefined) return [`${name} is gone`];
  if (live.metadata.uid !== verified.uid) return [`${name} was deleted and recreated`];
  if (identityHash(live) !== verified.hash) return [`${name} was changed in a field that the release sets`];
  return [];
}

/**
 * SHA-256, in hex, of the live object projected onto the fields that Cutover owns, less replicas: a field that another manager
 * took over is no longer among them. What others add does not count.
 */
function identityHash(live: KubeObject): string {
  const applied: Readonly<Record<string, unknown>> = appliedBy(live, fieldManager) ?? {};
  const { replicas: _replicas, ...spec } = (applied['spec'] ?? {}) as Record<string, unknown>;
  return hashOf({ ...applied, spec });
}
