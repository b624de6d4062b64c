import type { KubeObject } from '../../kubernetes/object.js';
import { fieldManager } from './field-manager.js';
import { fieldSetOf, fieldTreeOf, hasFieldAt, replicasField, type FieldSet } from './field-set.js';
import { entriesOf, type ManagedFieldsEntry } from './owned-fields.js';

/** The two states between which ownership is restored. */
export interface OwnersRequest {
  readonly before: KubeObject;
  readonly live: KubeObject;
  /** Whether the live replicas stay: then who set them stays their owner. */
  readonly keepsReplicas: boolean;
}

/**
 * The `managedFields` with which the fields of the live object have the owners of the snapshot: Cutover owns what it owned
 * then, and every other manager gets back what it owned then and nobody else has taken since. Entries of subresources such as
 * the status stay, and so does what other managers own now. `undefined`: the owners are right, or the snapshot has none.
 */
export function restoredOwners({
  before,
  live,
  keepsReplicas,
}: OwnersRequest): readonly ManagedFieldsEntry[] | undefined {
  if (before.metadata.managedFields === undefined) return undefined;
  const [now, earlier] = [ownersOf(live), ownersOf(before)];
  const others = now.filter(owner => !isOurs(owner));
  const taken = unionOf(others);
  const oursNow = unionOf(now.filter(isOurs));
  const isOursNow = oursNow.has(replicasField);
  // Whoever has set the replicas since owns them. A scale to none has no owner at all.
  const hidden: FieldSet = new Set(keepsReplicas && !isOursNow ? [replicasField] : []);
  const givenBack = earlier
    .filter(owner => !isOurs(owner) && !isController(owner))
    .map(owner => ({ ...owner, fields: minus(owner.fields, taken, hidden) }));
  const ours = earlier.filter(isOurs).map(owner => ({ ...owner, fields: minus(owner.fields, hidden) }));
  const isLive = (field: string): boolean => oursNow.has(field) || hasFieldAt(live, field);
  const restored = merged([
    ...others,
    ...[...givenBack, ...ours].map(owner => ({ ...owner, fields: only(owner.fields, isLive) })),
  ]);
  if (isSame(restored, now)) return undefined;
  return restored.map(({ entry, fields }) => ({ ...entry, fieldsV1: fieldTreeOf(fields) }));
}

/** One entry of `managedFields` and what it owns. */
interface Owner {
  readonly entry: ManagedFieldsEntry;
  readonly fields: FieldSet;
}

function ownersOf(object: KubeObject): readonly Owner[] {
  return entriesOf(object).map(entry => ({ entry, fields: fieldSetOf(entry.fieldsV1) }));
}

function isOurs({ entry }: Owner): boolean {
  return entry.manager === fieldManager && !entry.subresource;
}

/** Whether a controller wrote these fields through a subresource. Through `scale`, autoscalers and people write too. */
function isController({ entry }: Owner): boolean {
  return !!entry.subresource && entry.subresource !== 'scale';
}

/** An applier is the same whatever version it applies. */
function identityOf({ manager, operation, subresource = '', apiVersion = '' }: ManagedFieldsEntry): string {
  return JSON.stringify([manager, operation, subresource, operation === 'Apply' ? '' : apiVersion]);
}

/** One owner for each identity, with the fields of all. Without owners of nothing, unless they were so before. */
function merged(owners: readonly Owner[]): readonly Owner[] {
  const byIdentity = new Map<string, Owner>();
  for (const owner of owners) {
    const key = identityOf(owner.entry);
    const first = byIdentity.get(key);
    if (first !== undefined) byIdentity.set(key, { ...first, fields: unionOf([first, owner]) });
    else if (owner.fields.size > 0) byIdentity.set(key, owner);
  }
  return [...byIdentity.values()];
}

function isSame(restored: readonly Owner[], now: readonly Owner[]): boolean {
  const text = (owners: readonly Owner[]): string =>
    JSON.stringify(
      merged(owners)
        .map(({ entry, fields }) => [identityOf(entry), [...fields].sort()])
        .sort(),
    );
  return text(restored) === text(now);
}

function unionOf(owners: readonly Owner[]): FieldSet {
  return new Set(owners.flatMap(({ fields }) => [...fields]));
}

function only(fields: FieldSet, isWanted: (field: string) => boolean): FieldSet {
  return new Set([...fields].filter(isWanted));
}

function minus(fields: FieldSet, ...removed: readonly FieldSet[]): FieldSet {
  return only(fields, field => !removed.some(set => set.has(field)));
}
