import { fieldAt } from '../../kubernetes/fields.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { own } from '../../own.js';

/** The tree of `fieldsV1`: `f:name`, `k:{"key":"value"}`, `v:"value"`, `i:0` and `.`; a leaf is `{}`. */
export interface FieldTree {
  readonly [field: string]: FieldTree;
}

/** One entry of `managedFields`: the fields of one manager. */
export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: string;
  readonly apiVersion?: string;
  readonly subresource?: string;
  readonly fieldsV1?: FieldTree;
}

/**
 * What `manager` applied last to this object: the fields that its Apply entry owns. Applying it again restores this state
 * with the same ownership, unlike a PUT: a PUT makes another entry the owner of every field that it changes, which
 * conflicts with the next apply. `undefined` when the manager never applied the object. `owned` is the state of the object
 * whose `managedFields` are used; default: the object itself.
 */
export function appliedBy(object: KubeObject, manager: string, owned = object): KubeObject | undefined {
  const entry = entryOf(owned, manager);
  if (entry?.fieldsV1 === undefined) return undefined;
  const { apiVersion, kind, metadata } = object;
  const picked = pickOwned(object, entry.fieldsV1) as Record<string, unknown>;
  return {
    ...picked,
    apiVersion,
    kind,
    metadata: {
      ...(picked['metadata'] as object | undefined),
      name: metadata.name,
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    },
  };
}

/** Whether `manager` has ever applied the object. */
export function hasApplied(object: KubeObject, manager: string): boolean {
  return entryOf(object, manager) !== undefined;
}

/** Whether replicas are among what `manager` applied. */
export function ownsReplicas(object: KubeObject, manager: string): boolean {
  return hasReplicas(entryOf(object, manager));
}

/** The entries of `managedFields`; none if the object has no such field. */
export function entriesOf(object: KubeObject): readonly ManagedFieldsEntry[] {
  return (object.metadata.managedFields ?? []) as readonly ManagedFieldsEntry[];
}

function hasReplicas(entry: ManagedFieldsEntry | undefined): boolean {
  return entry?.fieldsV1?.['f:spec']?.['f:replicas'] !== undefined;
}

function entryOf(object: KubeObject, manager: string): ManagedFieldsEntry | undefined {
  return entriesOf(object).find(
    candidate => candidate.manager === manager && candidate.operation === 'Apply' && !candidate.subresource,
  );
}

function pickOwned(value: unknown, tree: FieldTree): unknown {
  const fields = Object.entries(tree).filter(([field]) => field !== '.');
  // A leaf owns the whole value (atomic maps and lists, scalars).
  if (fields.length === 0) return value;
  if (Array.isArray(value)) {
    // fieldsV1 is sorted, but the order of items can matter: a variable of `env` can only refer to variables before it.
    return fields
      .flatMap(([field, below]) => pickItems(value, field, below))
      .sort((one, other) => one.index - other.index)
      .map(({ item }) => item);
  }
  if (value === null || typeof value !== 'object') return value;
  const source = value as Record<string, unknown>;
  const picked = fields.flatMap(([field, below]) => {
    const name = field.slice(2);
    const isOwned = field.startsWith('f:') && Object.hasOwn(source, name);
    return isOwned ? [[name, pickOwned(source[name], below)] as const] : [];
  });
  return Object.fromEntries(picked);
}

interface ListItem {
  readonly index: number;
  readonly item: unknown;
}

/** Items of a list that the field selects: by key (`k:`), by value (`v:`) or by index (`i:`). */
function pickItems(list: readonly unknown[], field: string, below: FieldTree): readonly ListItem[] {
  const selector = field.slice(2);
  const items = list.map((item, index) => ({ index, item }));
  if (field.startsWith('k:')) {
    const keys = Object.entries(JSON.parse(selector) as Record<string, unknown>);
    return (
      items
        .filter(({ item }) =>
          keys.every(([key, expected]) => own(item as Record<string, unknown> | null, key) === expected),
        )
        // The keys are always included: an item of a keyed list cannot be applied without them.
        .map(({ index, item }) => ({
          index,
          item: { ...Object.fromEntries(keys), ...(pickOwned(item, below) as object) },
        }))
    );
  }
  if (field.startsWith('v:')) return items.filter(({ item }) => JSON.stringify(item) === selector);
  return field.startsWith('i:') ? items.filter(({ index }) => index === Number(selector)) : [];
}

/** The manager that owns `spec.replicas` through the scale subresource (an autoscaler, `kubectl scale`); `undefined`: none. */
export function scaledBy(object: KubeObject): string | undefined {
  return entriesOf(object).find(entry => entry.subresource === 'scale' && hasReplicas(entry))?.manager;
}

/** The managers that own the field at this path of `fieldsV1`, such as `['f:spec', 'f:paused']`. */
export function ownersOfField(object: KubeObject, path: readonly string[]): readonly string[] {
  const owners = entriesOf(object).filter(({ fieldsV1 }) => {
    return path.reduce<FieldTree | undefined>((tree, step) => tree?.[step], fieldsV1) !== undefined;
  });
  return [...new Set(owners.map(({ manager = 'an unknown manager' }) => manager))];
}

/** Who else than `manager` owns fields of the pod template. */
export function templateOwners(object: KubeObject, manager: string): readonly string[] {
  const others = entriesOf(object).filter(entry => entry.manager !== manager && !entry.subresource);
  const owners = others.filter(({ fieldsV1 }) => fieldsV1?.['f:spec']?.['f:template'] !== undefined);
  return [...new Set(owners.map(({ manager: name = 'an unknown manager' }) => name))];
}

/** Whether replicas were set to 0 through the scale subresource: the only way to a value that nobody owns. */
export function isScaledToNone(object: KubeObject): boolean {
  const entries = entriesOf(object);
  return entries.length > 0 && fieldAt(object, ['spec', 'replicas']) === 0 && !entries.some(hasReplicas);
}
