import {
  clone,
  equal,
  erase,
  isObject,
  memberOf as ownMember,
  setMember,
  type JsonObject,
  type JsonValue,
} from '../schema/json.js';
import { any, memberSchema, type ListSchema, type Schema } from '../schema/schema.js';

const deleteItems = '$deleteFromPrimitiveList/';
const elementOrder = '$setElementOrder/';

/**
 * Applies a strategic merge patch to a copy: lists with a merge key merge item by item, and the directives `$patch`,
 * `$retainKeys`, `$deleteFromPrimitiveList` and `$setElementOrder` work as for kubectl.
 */
export function strategicMerge(target: JsonObject, patch: JsonObject, schema: Schema): JsonObject {
  return mergeObject(target, patch, schema);
}

function mergeObject(target: JsonObject, patch: JsonObject, schema: Schema): JsonObject {
  if (patch.$patch === 'replace') return withoutDirectives(patch);
  if (patch.$patch === 'delete') return {};
  const result = clone(target);
  const memberOf = (name: string): Schema => (schema.type === 'map' ? memberSchema(schema, name) : undefined) ?? any;
  const retained = patch.$retainKeys;
  if (Array.isArray(retained)) {
    for (const name of Object.keys(result)) if (!retained.includes(name)) erase(result, name);
  }
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith(deleteItems)) {
      const field = name.slice(deleteItems.length);
      const list = result[field];
      if (Array.isArray(list) && Array.isArray(value)) {
        result[field] = list.filter(item => !value.some(gone => equal(gone, item)));
      }
    } else if (!name.startsWith('$')) {
      if (value === null) erase(result, name);
      else setMember(result, name, mergeValue(ownMember(result, name), value, memberOf(name)));
    }
  }
  for (const [name, order] of Object.entries(patch)) {
    if (!name.startsWith(elementOrder) || !Array.isArray(order)) continue;
    const field = name.slice(elementOrder.length);
    const list = result[field];
    if (Array.isArray(list)) result[field] = ordered(list, order, memberOf(field));
  }
  return result;
}

function mergeValue(target: JsonValue | undefined, patch: JsonValue, schema: Schema): JsonValue {
  if (isObject(patch)) return mergeObject(isObject(target) ? target : {}, patch, schema);
  if (Array.isArray(patch) && schema.type === 'list')
    return mergeList(Array.isArray(target) ? target : [], patch, schema);
  return clone(patch);
}

/** kubectl identifies items by the first key: a container's port number, a mount's path. */
function mergeList(target: readonly JsonValue[], patch: readonly JsonValue[], list: ListSchema): JsonValue[] {
  if (list.merge === 'set')
    return [...target, ...patch.filter(item => !target.some(old => equal(old, item)))].map(item => clone(item));
  const [key] = list.keys;
  if (list.merge === 'atomic' || key === undefined) return patch.map(item => clone(item));
  const items = patch.filter(isObject);
  if (items.some(item => item.$patch === 'replace')) {
    return items.filter(item => item.$patch !== 'replace').map(withoutDirectives);
  }
  const result = target.map(item => clone(item));
  for (const item of items) {
    const at = result.findIndex(old => isObject(old) && equal(old[key], item[key]));
    const old = result[at];
    if (item.$patch === 'delete') {
      if (at !== -1) result.splice(at, 1);
    } else if (isObject(old)) result[at] = mergeObject(old, item, list.items);
    else result.push(mergeObject({}, item, list.items));
  }
  return result;
}

/** The items in the order of `order`; the others stay behind their neighbours. */
function ordered(list: readonly JsonValue[], order: readonly JsonValue[], schema: Schema): JsonValue[] {
  const key = schema.type === 'list' && schema.merge === 'map' ? schema.keys[0] : undefined;
  const nameOf = (item: JsonValue): JsonValue => (key !== undefined && isObject(item) ? (item[key] ?? null) : item);
  const rank = (item: JsonValue): number => order.findIndex(wanted => equal(nameOf(wanted), nameOf(item)));
  const named = list.filter(item => rank(item) !== -1).sort((left, right) => rank(left) - rank(right));
  const next = named[Symbol.iterator]();
  return list.map(item => (rank(item) === -1 ? item : (next.next().value ?? item)));
}

function withoutDirectives(patch: JsonObject): JsonObject {
  const result = clone(patch);
  for (const name of Object.keys(result)) if (name.startsWith('$')) erase(result, name);
  return result;
}
