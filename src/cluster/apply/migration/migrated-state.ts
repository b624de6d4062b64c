import { isFields } from '../../../kubernetes/fields.js';
import type { KubeObject } from '../../../kubernetes/object.js';
import { applyBody } from '../apply-body.js';
import { fieldManager } from '../field-manager.js';
import { fieldSetOf, hasFieldAt, mergedTrees, replicasField } from '../field-set.js';
import { entriesOf, type FieldTree, type ManagedFieldsEntry } from '../owned-fields.js';
import { own } from '../../../own.js';

/**
 * The live object as it would be stored by an apply of `desired` once its owners are `managedFields`: without the fields that only
 * Cutover owns then and `desired` does not have, and with those of `desired`. The owners tell which lists have keys.
 */
export function stateAfter(
  live: KubeObject,
  desired: KubeObject,
  managedFields: readonly ManagedFieldsEntry[],
): KubeObject {
  const isOurs = ({ manager, subresource }: ManagedFieldsEntry): boolean => manager === fieldManager && !subresource;
  const fieldsOf = (entries: readonly ManagedFieldsEntry[]): readonly string[] =>
    entries.flatMap(({ fieldsV1 }) => [...fieldSetOf(fieldsV1)]);
  const others = fieldsOf(managedFields.filter(entry => !isOurs(entry)));
  const isOfOthers = (field: string): boolean => others.some(other => other.startsWith(field.slice(0, -1)));
  const gone = fieldsOf(managedFields.filter(isOurs)).filter(
    field => field !== replicasField && !hasFieldAt(desired, field) && !isOfOthers(field),
  );
  const kept = gone.reduce<unknown>((object, field) => without(object, JSON.parse(field) as readonly string[]), live);
  const tree = entriesOf(live).reduce<FieldTree>((all, { fieldsV1 = {} }) => mergedTrees(all, fieldsV1), {});
  const { resourceVersion, uid } = live.metadata;
  const after = merged(kept, applyBody(desired), tree) as KubeObject;
  return { ...after, metadata: { ...after.metadata, resourceVersion, uid } } as KubeObject;
}

/** A copy without the field at a path of `fieldsV1`. */
function without(value: unknown, [step, ...rest]: readonly string[]): unknown {
  if (step === undefined) return undefined;
  if (Array.isArray(value)) {
    const isMeant = itemTest(step);
    const items = (value as readonly unknown[]).map((item, index) =>
      isMeant(item, index) ? without(item, rest) : item,
    );
    return items.filter(item => item !== undefined);
  }
  const name = step.slice(2);
  if (!isFields(value) || !step.startsWith('f:') || !Object.hasOwn(value, name)) return value;
  const entries = Object.entries(value).map(
    ([key, field]) => [key, key === name ? without(field, rest) : field] as const,
  );
  return Object.fromEntries(entries.filter(([, field]) => field !== undefined));
}

function itemTest(step: string): (item: unknown, index: number) => boolean {
  const selector = step.slice(2);
  if (step.startsWith('v:')) return item => JSON.stringify(item) === selector;
  if (step.startsWith('i:')) return (_item, index) => index === Number(selector);
  const keys = Object.entries(JSON.parse(selector) as Record<string, unknown>);
  return item => isFields(item) && keys.every(([key, expected]) => own(item, key) === expected);
}

/** As server-side apply merges. A leaf of the tree is a whole value, as is a list whose items have no keys. */
function merged(live: unknown, desired: unknown, tree: FieldTree | undefined): unknown {
  const steps = Object.keys(tree ?? {}).filter(step => step !== '.');
  if (isFields(live) && isFields(desired)) {
    if (tree !== undefined && steps.length === 0) return desired;
    const fields = Object.entries(desired).map(([name, value]) => [
      name,
      merged(own(live, name), value, tree?.[`f:${name}`]),
    ]);
    return { ...live, ...(Object.fromEntries(fields) as object) };
  }
  if (!Array.isArray(live) || !Array.isArray(desired)) return desired;
  const [first] = steps;
  if (first?.startsWith('v:')) return [...new Set([...(desired as unknown[]), ...(live as unknown[])])];
  if (!first?.startsWith('k:')) return desired;
  const names = Object.keys(JSON.parse(first.slice(2)) as object);
  const keyOf = (item: unknown): string =>
    JSON.stringify(names.map(name => (isFields(item) ? own(item, name) : undefined)));
  const stepOf = (item: unknown): string | undefined =>
    steps.find(step => step.startsWith('k:') && itemTest(step)(item, 0));
  const before = new Map((live as unknown[]).map(item => [keyOf(item), item]));
  const sent = (desired as unknown[]).map(item => merged(before.get(keyOf(item)), item, tree?.[stepOf(item) ?? '']));
  const keys = new Set((desired as unknown[]).map(keyOf));
  return [...sent, ...(live as unknown[]).filter(item => !keys.has(keyOf(item)))];
}
