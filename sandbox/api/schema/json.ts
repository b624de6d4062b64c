import type { KubeObject } from '../../object.js';

/** JSON that a request may change in place; stored objects are frozen. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object at `path`; a detached empty one if there is none. */
export function objectAt(root: JsonValue | undefined, ...path: readonly string[]): JsonObject {
  let here = root;
  for (const step of path) here = isObject(here) ? here[step] : undefined;
  return isObject(here) ? here : {};
}

/** The objects of the list at `path`; empty when there is none. */
export function objectsAt(root: JsonValue | undefined, ...path: readonly string[]): JsonObject[] {
  const last = path.at(-1);
  const list = last === undefined ? root : objectAt(root, ...path.slice(0, -1))[last];
  return Array.isArray(list) ? list.filter(isObject) : [];
}

/** The text at `key`, `undefined` when it is absent, empty or not a string. */
export function textAt(object: JsonObject, key: string): string | undefined {
  const value = object[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A value as text: a string unchanged, any other value as JSON; '' if absent. */
export function asText(value: JsonValue | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The object at `key`; created if there is none. */
export function childOf(object: JsonObject, key: string): JsonObject {
  const value = memberOf(object, key);
  if (isObject(value)) return value;
  const made: JsonObject = {};
  setMember(object, key, made);
  return made;
}

/** The object's own member; `undefined` for what every JavaScript object has, such as `constructor`. */
export function memberOf(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Sets a member of any name: an assignment to `__proto__` would not make one. */
export function setMember(object: JsonObject, key: string, value: JsonValue): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

export function erase(object: JsonObject, key: string): void {
  Reflect.deleteProperty(object, key);
}

/** Sets a copy of the value; removes the member where there is none. */
export function setOrErase(object: JsonObject, key: string, value: JsonValue | undefined): void {
  if (value === undefined) erase(object, key);
  else setMember(object, key, clone(value));
}

/** A deep copy that may be changed. */
export function clone<T extends JsonValue>(value: T): T;
export function clone(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(item => clone(item));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, clone(item)]));
}

export function freeze<T extends JsonValue>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) freeze(item);
  }
  return value;
}

/** Deep equality; the order of keys does not matter, that of lists does. */
export function equal(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => equal(item, right[index]));
  }
  if (!isObject(left) || !isObject(right)) return false;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every(key => key in right && equal(left[key], right[key]));
}

/** JSON with sorted keys: equal values give equal text. */
export function canonical(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(item => canonical(item)).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.keys(value).sort();
  return `{${entries.map(key => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`).join(',')}}`;
}

/** Kubernetes objects are JSON objects; this cast is only for the compiler. */
export function asJson(object: KubeObject): JsonObject {
  return object as unknown as JsonObject;
}

export function asKube(object: JsonObject): KubeObject {
  return object as unknown as KubeObject;
}

/** Name and namespace of an object; '' for what is absent. */
export function nameOf(object: JsonObject): { readonly name: string; readonly namespace: string } {
  const metadata = objectAt(object, 'metadata');
  return { name: textAt(metadata, 'name') ?? '', namespace: textAt(metadata, 'namespace') ?? '' };
}

/** Now, as Kubernetes writes times: UTC, whole seconds. */
export function timestamp(date = new Date()): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
