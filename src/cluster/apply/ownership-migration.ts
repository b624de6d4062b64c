import { fieldAt } from '../../kubernetes/fields.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { fieldSetOf, fieldTreeOf, mergedTrees } from './field-set.js';
import { replacedSiblings } from './migration/union-siblings.js';
import { entriesOf, hasApplied, type FieldTree, type ManagedFieldsEntry } from './owned-fields.js';

/** A migration of field ownership from previous managers to Cutover. */
export interface OwnershipMigration {
  /** The previous managers, without duplicates. */
  readonly managers: readonly string[];
  /** The object's new `managedFields`. */
  readonly managedFields: readonly ManagedFieldsEntry[];
}

/** Managers that apply whole manifests; a field that they own and the manifest no longer has is removed. */
const manifestWriters: ReadonlySet<string> = new Set([
  'kubectl-client-side-apply',
  'kubectl-create',
  'kubectl',
  'before-first-apply',
  'helm',
]);

/**
 * Whether the first deploy of an object with Cutover takes over conflicting fields of this manager. This includes manual
 * changes (`kubectl edit`, `set`, `patch`), but only in fields that the manifest sets.
 */
export function isMigratedManager(manager: string): boolean {
  return manifestWriters.has(manager) || manager.startsWith('kubectl-');
}

/** What {@link planOwnershipMigration} needs. */
export interface MigrationRequest {
  readonly live: KubeObject;
  readonly desired: KubeObject;
  readonly manager: string;
  /** Whether `manager` is to own what {@link replacedSiblings} finds and nobody owns, so that the next apply removes it. */
  readonly claims?: boolean | undefined;
}

/**
 * The migration of field ownership to `manager` from the tools that applied the live object before, as in an upgrade from
 * client-side to server-side apply: `manager` owns their fields afterwards, so that the next apply removes those that the
 * manifest no longer has, including the `last-applied-configuration` annotation. `undefined` when there is nothing to
 * migrate or to claim: no such tool, or `manager` has applied the object before, so the other managers are in use.
 *
 * Replicas that `desired` does not set stay with their owner: without an owner they would be reset to 1.
 */
export function planOwnershipMigration(request: MigrationRequest): OwnershipMigration | undefined {
  const { live, desired, manager, claims = false } = request;
  const migration = migrationFromTools(request);
  const entries = migration?.managedFields ?? entriesOf(live);
  const owned = new Set(entries.flatMap(({ fieldsV1 }) => [...fieldSetOf(fieldsV1)]));
  const isOwned = (field: string): boolean => [...owned].some(other => other.startsWith(field.slice(0, -1)));
  const claimed = claims ? [...replacedSiblings(live, desired)].filter(field => !isOwned(field)) : [];
  if (claimed.length === 0) return migration;
  const isOurs = (entry: ManagedFieldsEntry): boolean =>
    entry.manager === manager && entry.operation === 'Apply' && !entry.subresource;
  const { fieldsV1 = {}, ...ours } = entries.find(isOurs) ?? newEntry(live, manager);
  const all = mergedTrees(fieldsV1, fieldTreeOf(new Set(claimed)));
  return {
    managers: migration?.managers ?? [],
    managedFields: [...entries.filter(entry => !isOurs(entry)), { ...ours, fieldsV1: all }],
  };
}

function newEntry({ apiVersion }: KubeObject, manager: string): ManagedFieldsEntry & { readonly fieldsType: string } {
  return { manager, operation: 'Apply', apiVersion, fieldsType: 'FieldsV1' };
}

function migrationFromTools({ live, desired, manager }: MigrationRequest): OwnershipMigration | undefined {
  const entries = entriesOf(live);
  if (hasApplied(live, manager)) return undefined;
  const migratedEntries = entries.filter(entry => manifestWriters.has(entry.manager ?? '') && !entry.subresource);
  const [first] = migratedEntries;
  if (first === undefined) return undefined;
  const setsReplicas = fieldAt(desired, ['spec', 'replicas']) !== undefined;
  const replicaEntries = setsReplicas ? [] : migratedEntries.flatMap(onlyReplicas);
  const { 'f:status': _status, ...fields } = migratedEntries.reduce<FieldTree>(
    (union, { fieldsV1 = {} }) => mergedTrees(union, setsReplicas ? fieldsV1 : withoutReplicas(fieldsV1)),
    {},
  );
  return {
    managers: [...new Set(migratedEntries.map(entry => entry.manager ?? ''))],
    managedFields: [
      ...entries.filter(entry => !migratedEntries.includes(entry)),
      ...replicaEntries,
      { ...first, manager, operation: 'Apply', fieldsV1: fields },
    ],
  };
}

function onlyReplicas(entry: ManagedFieldsEntry): readonly ManagedFieldsEntry[] {
  const replicas = entry.fieldsV1?.['f:spec']?.['f:replicas'];
  return replicas === undefined ? [] : [{ ...entry, fieldsV1: { 'f:spec': { 'f:replicas': replicas } } }];
}

function withoutReplicas(fields: FieldTree): FieldTree {
  const { 'f:spec': spec, ...rest } = fields;
  if (spec === undefined) return fields;
  const { 'f:replicas': _replicas, ...kept } = spec;
  return { ...rest, 'f:spec': kept };
}
