import type { KubeObject, ObjectRef } from '../../kubernetes/object.js';
import { isOwnedBy, whyNotOwned, type Owner } from '../../manifests/owner.js';
import type { Cluster, ObjectWriter } from '../cluster.js';
import { fieldManager } from './field-manager.js';
import { fieldSetOf, revisionField } from './field-set.js';
import { entriesOf, hasApplied } from './owned-fields.js';

/** How it is known which objects an operation of a release created. */
export interface CreatedObjects extends Owner {
  /** The uids of the applies that answered 201. Absent: the process that had them is gone. */
  readonly created?: ReadonlySet<string>;
  /** Whether the object existed before could not be asked: then its uid alone proves that the operation created it. */
  readonly unseen?: boolean;
}

/** What became of an object that did not exist before. `left`: somebody else created or changed it. */
export type Removal =
  { readonly kind: 'absent' } | { readonly kind: 'deleted' } | { readonly kind: 'left'; readonly why: string };

/** Deletes an object that did not exist before, if the operation created it. */
export async function removeCreated(
  ref: ObjectRef,
  options: CreatedObjects & { readonly cluster: Pick<Cluster, 'get'>; readonly writer: Pick<ObjectWriter, 'remove'> },
): Promise<Removal> {
  const live = await options.cluster.get(ref);
  const { uid } = live?.metadata ?? {};
  if (live === undefined || uid === undefined) return { kind: 'absent' };
  const why = whyNotCreated(live, options);
  if (why !== undefined) return { kind: 'left', why };
  await options.writer.remove(ref, { uid });
  return { kind: 'deleted' };
}

/**
 * Why the operation did not create this object; `undefined`: it did. Without its uid this is so if it has the annotation of
 * the release, Cutover applied it, and nobody else wrote it, apart from subresources such as the status.
 */
export function whyNotCreated(live: KubeObject, options: CreatedObjects): string | undefined {
  const { created, unseen } = options;
  const { uid = '' } = live.metadata;
  if (created?.has(uid)) return undefined;
  if (unseen) return 'its kind was not served when the operation began, so it may be older';
  if (!isOwnedBy(live, options)) return whyNotOwned(live, options);
  if (!hasApplied(live, fieldManager)) return 'Cutover did not apply it';
  const others = entriesOf(live).filter(
    ({ manager, subresource, fieldsV1 }) =>
      manager !== fieldManager && !subresource && [...fieldSetOf(fieldsV1)].some(field => field !== revisionField),
  );
  const names = [...new Set(others.map(({ manager = 'an unknown manager' }) => manager))];
  return names.length === 0 ? undefined : `${names.join(', ')} wrote it too`;
}
