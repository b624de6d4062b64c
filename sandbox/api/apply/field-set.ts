import { canonical, isObject, type JsonObject, type JsonValue } from '../schema/json.js';
import type { ListSchema } from '../schema/schema.js';

/**
 * Fields of an object as paths; a path is a chain of elements in the notation of `FieldsV1`: `f:name` a member,
 * `k:{…}` a list item by its keys, `v:…` a set's item by its value.
 */
export type FieldSet = ReadonlySet<string>;

/** Cannot occur inside an element: member names have no control characters, and the rest is JSON. */
const separator = '\u0000';

export function joinPath(parent: string, element: string): string {
  return parent === '' ? element : `${parent}${separator}${element}`;
}

export function splitPath(path: string): string[] {
  return path.split(separator);
}

export function memberElement(name: string): string {
  return `f:${name}`;
}

/** How ownership names an item of an associative list; `undefined` when the item lacks every key. */
export function itemElement(list: ListSchema, item: JsonValue): string | undefined {
  if (list.merge === 'set') return `v:${canonical(item)}`;
  if (!isObject(item)) return undefined;
  const keys: JsonObject = {};
  for (const key of list.keys) {
    const value = item[key] ?? list.keyDefaults[key];
    if (value !== undefined) keys[key] = value;
  }
  return Object.keys(keys).length === 0 ? undefined : `k:${canonical(keys)}`;
}

/** An element as messages show it: `.replicas`, `[name="web"]`, `[="a"]`. */
export function showElement(element: string): string {
  const rest = element.slice(2);
  if (element.startsWith('f:')) return `.${rest}`;
  if (element.startsWith('k:')) {
    const keys = JSON.parse(rest) as JsonObject;
    return `[${Object.entries(keys)
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .join(',')}]`;
  }
  return `[=${rest}]`;
}

/** A path as messages show it: `.spec.template.spec.containers[name="web"].image`. */
export function showPath(path: string): string {
  return splitPath(path).map(showElement).join('');
}

export function union(...sets: readonly FieldSet[]): FieldSet {
  return new Set(sets.flatMap(set => [...set]));
}

/** `set` itself where nothing of it is in `other`. */
export function minus(set: FieldSet, other: FieldSet): FieldSet {
  const left = [...set].filter(path => !other.has(path));
  return left.length === set.size ? set : new Set(left);
}

export function common(set: FieldSet, other: FieldSet): FieldSet {
  return new Set([...set].filter(path => other.has(path)));
}

export function sameSet(left: FieldSet, right: FieldSet): boolean {
  return left.size === right.size && [...left].every(path => right.has(path));
}

/** The set without the paths that lie at or under one of `roots`. */
export function outside(set: FieldSet, roots: readonly string[]): FieldSet {
  const under = (path: string): boolean => roots.some(root => path === root || path.startsWith(`${root}${separator}`));
  return new Set([...set].filter(path => !under(path)));
}

/** Trees that sets were read from: most entries of an object are unchanged by a write, and need not be serialized again. */
const trees = new WeakMap<FieldSet, JsonObject>();

/** As the `fieldsV1` of a managedFields entry: a tree, `.` for an element that is owned itself and has children. */
export function toFieldsV1(set: FieldSet): JsonObject {
  const known = trees.get(set);
  if (known !== undefined) return known;
  const tree: JsonObject = {};
  const parents = new Set<string>();
  for (const path of set) {
    const elements = splitPath(path);
    for (let depth = 1; depth < elements.length; depth += 1) parents.add(elements.slice(0, depth).join(separator));
  }
  for (const path of [...set].sort()) {
    let here = tree;
    for (const element of splitPath(path)) {
      const next = here[element];
      const child = isObject(next) ? next : {};
      here[element] = child;
      here = child;
    }
    if (parents.has(path)) here['.'] = {};
  }
  return tree;
}

export function fromFieldsV1(tree: JsonObject): FieldSet {
  const set = new Set<string>();
  const walk = (node: JsonObject, path: string): void => {
    const elements = Object.keys(node);
    if (path !== '' && (elements.length === 0 || elements.includes('.'))) set.add(path);
    for (const element of elements) {
      const child = node[element];
      if (element === '.' || !isObject(child)) continue;
      const keyed = element.startsWith('k:') || element.startsWith('v:');
      const written = keyed ? element.slice(0, 2) + canonical(JSON.parse(element.slice(2)) as JsonValue) : element;
      walk(child, joinPath(path, written));
    }
  };
  walk(tree, '');
  trees.set(set, tree);
  return set;
}
