import { clone, equal, erase, isObject, memberOf, setMember, type JsonObject, type JsonValue } from './json.js';
import { itemElement, joinPath, memberElement, splitPath, type FieldSet } from '../apply/field-set.js';
import { any, listOf, mapOf, memberSchema, type ListSchema, type MapSchema, type Schema } from './schema.js';

/** Marks a path that stands for the element itself (a list item, a label), not for a value. */
const itself: JsonValue = null;

/** The schema to walk a value by: unknown objects merge key by key, and unknown lists are one value. */
function shapeOf(schema: Schema, value: JsonValue): Schema {
  if (schema.type !== 'any') return schema;
  if (isObject(value)) return mapOf(any);
  return Array.isArray(value) ? listOf(any) : any;
}

/** Whether objects and lists that merge count as fields of their own, beside what they hold. */
type Containers = 'with containers' | 'without containers';

/** Every field that `value` sets, with its value: scalars, atomic objects and lists, list items and labels themselves. */
export function fieldsOf(
  value: JsonValue,
  schema: Schema,
  containers: Containers = 'without containers',
): ReadonlyMap<string, JsonValue> {
  const found = new Map<string, JsonValue>();
  const visitMap = (object: JsonObject, shape: MapSchema, path: string): void => {
    for (const [name, child] of Object.entries(object)) {
      const childPath = joinPath(path, memberElement(name));
      visit(child, memberSchema(shape, name) ?? any, childPath);
      const empty = child === null || (isObject(child) && Object.keys(child).length === 0);
      if (empty || !Object.hasOwn(shape.fields, name)) {
        if (!found.has(childPath)) found.set(childPath, itself);
      }
    }
  };
  const visit = (here: JsonValue, of: Schema, path: string): void => {
    const shape = shapeOf(of, here);
    if (containers === 'with containers') found.set(path, itself);
    if (shape.type === 'map' && !shape.atomic) {
      if (isObject(here)) visitMap(here, shape, path);
    } else if (shape.type === 'list' && shape.merge !== 'atomic') {
      for (const item of Array.isArray(here) ? here : []) {
        const element = itemElement(shape, item);
        if (element === undefined) continue;
        const itemPath = joinPath(path, element);
        visit(item, shape.items, itemPath);
        found.set(itemPath, itself);
      }
    } else {
      found.set(path, here);
    }
  };
  visit(value, schema, '');
  found.delete('');
  return found;
}

/** How one value differs from another, as paths. */
export interface Difference {
  readonly added: FieldSet;
  readonly removed: FieldSet;
  readonly modified: FieldSet;
}

export function difference(before: JsonValue, after: JsonValue, schema: Schema): Difference {
  const old = fieldsOf(before, schema, 'with containers');
  const now = fieldsOf(after, schema, 'with containers');
  return {
    added: new Set([...now.keys()].filter(path => !old.has(path))),
    removed: new Set([...old.keys()].filter(path => !now.has(path))),
    modified: new Set(
      [...now].filter(([path, value]) => old.has(path) && !equal(old.get(path), value)).map(([path]) => path),
    ),
  };
}

/** `live` with everything that `config` says: its scalars and atomic values win, objects and associative lists merge. */
export function merge(live: JsonValue | undefined, config: JsonValue, schema: Schema): JsonValue {
  const shape = shapeOf(schema, config);
  if (live === undefined || live === null || config === null) return clone(config);
  if (shape.type === 'map' && !shape.atomic && isObject(live) && isObject(config)) {
    const merged = clone(live);
    for (const [name, value] of Object.entries(config)) {
      setMember(merged, name, merge(memberOf(live, name), value, memberSchema(shape, name) ?? any));
    }
    return merged;
  }
  if (shape.type === 'list' && shape.merge !== 'atomic' && Array.isArray(live) && Array.isArray(config)) {
    return mergeLists(live, config, shape);
  }
  return clone(config);
}

/**
 * The items of `config` in their order, each merged into the live one; live items that `config` does not name stay
 * behind the neighbour they had, as far as the order of `config` allows.
 */
function mergeLists(live: readonly JsonValue[], config: readonly JsonValue[], list: ListSchema): JsonValue[] {
  const nameOf = (item: JsonValue): string => itemElement(list, item) ?? '';
  const liveByName = new Map(live.map(item => [nameOf(item), item]));
  const wanted = new Set(config.map(nameOf));
  const shared = config.map(nameOf).filter(name => liveByName.has(name));
  const merged: JsonValue[] = [];
  const done = new Set<string>();
  const take = (item: JsonValue): void => {
    const name = nameOf(item);
    done.add(name);
    if (shared[0] === name) shared.shift();
    merged.push(merge(liveByName.get(name), item, list.items));
  };
  let next = 0;
  let old = 0;
  while (next < config.length || old < live.length) {
    const mine = config[next];
    const theirs = live[old];
    if (theirs !== undefined) {
      const name = nameOf(theirs);
      if (mine !== undefined && nameOf(mine) === name) {
        take(mine);
        next += 1;
        old += 1;
        continue;
      }
      if (!wanted.has(name)) {
        merged.push(clone(theirs));
        old += 1;
        continue;
      }
      const early = !done.has(name) && mine !== undefined && shared.length > 0 && shared[0] !== name;
      if (early || done.has(name)) old += 1;
      if (early || mine === undefined) continue;
    }
    if (mine === undefined) break;
    take(mine);
    next += 1;
  }
  return merged;
}

/** `value` without the fields in `paths`; objects and lists that this empties go too. */
export function withoutFields(value: JsonObject, paths: FieldSet, schema: Schema): JsonObject {
  const copy = clone(value);
  // Parents first: an item that has lost its key could not be found any more.
  const shortestFirst = [...paths].map(splitPath).sort((left, right) => left.length - right.length);
  for (const elements of shortestFirst) drop(copy, elements, schema);
  return copy;
}

function drop(value: JsonValue, elements: readonly string[], schema: Schema): void {
  const [element = '', ...rest] = elements;
  const shape = shapeOf(schema, value);
  if (isObject(value) && shape.type === 'map') {
    const name = element.slice(2);
    const child = value[name];
    if (child === undefined) return;
    if (rest.length > 0) drop(child, rest, memberSchema(shape, name) ?? any);
    const emptied = rest.length > 0 && typeof child === 'object' && child !== null && Object.keys(child).length === 0;
    if (rest.length === 0 || emptied) erase(value, name);
  } else if (Array.isArray(value) && shape.type === 'list') {
    const at = value.findIndex(item => itemElement(shape, item) === element);
    const item = value[at];
    if (item === undefined) return;
    if (rest.length === 0) value.splice(at, 1);
    else drop(item, rest, shape.items);
  }
}

/** `set` and the declared members on the way to its paths: who loses the last field of a struct loses the struct. */
export function withParents(set: FieldSet, schema: Schema): FieldSet {
  const result = new Set(set);
  for (const path of set) {
    let shape: Schema = schema;
    let here = '';
    for (const element of splitPath(path)) {
      here = joinPath(here, element);
      if (shape.type === 'list') shape = shape.items;
      else if (shape.type === 'map') {
        const name = element.slice(2);
        if (Object.hasOwn(shape.fields, name)) result.add(here);
        shape = memberSchema(shape, name) ?? any;
      }
    }
  }
  return result;
}
