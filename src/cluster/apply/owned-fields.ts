import type { KubeObject } from '../../kubernetes/object.js';

/** The tree of `fieldsV1`: `f:name`, `k:{"key":"value"}`, `v:"value"`, `i:0` and `.`; a leaf is `{}`. */
export interface FieldTree {
  readonly [field: string]: FieldTree;
}

/** One entry of `managedFields`: who owns which fields. */
export interface Entry {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly fieldsV1?: FieldTree;
}

/**
 * What `manager` applied last to this object: exactly the fields that its Apply entry owns. Applied again, it brings the
 * object back to that state with the same ownership, which a PUT would not: a PUT makes another manager entry the owner
 * of every field that it changes, and the next apply would meet that as a conflict. `undefined` when the manager never
 * applied it. `owned` is the state of the object that says which fields those are; default: the object itself.
 */
export function appliedBy(object: KubeObject, manager: string, owned = object): KubeObject | undefined {
  const entry = entryOf(owned, manager);
  if (entry?.fieldsV1 === undefined) return undefined;
  const { apiVersion, kind, metadata } = object;
  const picked = pick(object, entry.fieldsV1) as Record<string, unknown>;
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
  return entryOf(object, manager)?.fieldsV1?.['f:spec']?.['f:replicas'] !== undefined;
}

function entryOf(object: KubeObject, manager: string): Entry | undefined {
  return ((object.metadata.managedFields ?? []) as readonly Entry[]).find(
    candidate => candidate.manager === manager && candidate.operation === 'Apply' && !candidate.subresource,
  );
}

function pick(value: unknown, tree: FieldTree): unknown {
  const fields = Object.entries(tree).filter(([field]) => field !== '.');
  // A leaf owns the whole value, whatever is in it (atomic maps and lists, scalars).
  if (fields.length === 0) return value;
  if (Array.isArray(value)) {
    // Ownership is sorted, but order may matter: a variable of `env` can refer to those before it only.
    return fields
      .flatMap(([field, below]) => pickItems(value, field, below))
      .sort((one, other) => one.index - other.index)
      .map(({ item }) => item);
  }
  if (value === null || typeof value !== 'object') return value;
  const from = value as Record<string, unknown>;
  const picked: Record<string, unknown> = {};
  for (const [field, below] of fields) {
    if (!field.startsWith('f:')) continue;
    const name = field.slice(2);
    if (name in from) picked[name] = pick(from[name], below);
  }
  return picked;
}

interface ListItem {
  readonly index: number;
  readonly item: unknown;
}

/** Items of a list that the field names: by key (`k:`), by value (`v:`) or by index (`i:`). */
function pickItems(list: readonly unknown[], field: string, below: FieldTree): readonly ListItem[] {
  const selector = field.slice(2);
  const items = list.map((item, index) => ({ index, item }));
  if (field.startsWith('k:')) {
    const keys = Object.entries(JSON.parse(selector) as Record<string, unknown>);
    return (
      items
        .filter(({ item }) => keys.every(([key, wanted]) => (item as Record<string, unknown> | null)?.[key] === wanted))
        // The keys always go along: an item of a keyed list cannot be applied without them.
        .map(({ index, item }) => ({
          index,
          item: { ...Object.fromEntries(keys), ...(pick(item, below) as object) },
        }))
    );
  }
  if (field.startsWith('v:')) return items.filter(({ item }) => JSON.stringify(item) === selector);
  return field.startsWith('i:') ? items.filter(({ index }) => index === Number(selector)) : [];
}

/** Who owns `spec.replicas` through the scale subresource (an autoscaler, `kubectl scale`); `undefined` when nobody does. */
export function scaledBy(object: KubeObject): string | undefined {
  const entries = (object.metadata.managedFields ?? []) as readonly Entry[];
  const entry = entries.find(
    ({ subresource, fieldsV1 }) => subresource === 'scale' && fieldsV1?.['f:spec']?.['f:replicas'] !== undefined,
  );
  return entry?.manager;
}
