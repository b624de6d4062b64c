import type { KubeObject } from './object.js';
import { own } from '../own.js';

/** A JSON object of any shape. */
export type Fields = Readonly<Record<string, unknown>>;

/** Path of a field: map keys and list indexes, outermost first. */
export type Path = readonly (string | number)[];

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at `path`; `undefined` where any part of the path is missing. */
export function fieldAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof step === 'number') value = Array.isArray(value) ? (value as readonly unknown[])[step] : undefined;
    else value = isFields(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

/** The map at `path`; empty if there is none. */
export function fieldsAt(root: unknown, path: Path): Fields {
  const value = fieldAt(root, path);
  return isFields(value) ? value : {};
}

/** The list at `path`; empty if there is none. */
export function listAt(root: unknown, path: Path): readonly unknown[] {
  const value = fieldAt(root, path);
  return Array.isArray(value) ? value : [];
}

/** The string at `path`; `undefined` if there is none. */
export function textAt(root: unknown, path: Path): string | undefined {
  const value = fieldAt(root, path);
  return typeof value === 'string' ? value : undefined;
}

/** The map of strings at `path`, such as labels or a selector, without entries that are not strings. */
export function textsAt(root: unknown, path: Path): Readonly<Record<string, string>> {
  const texts = Object.entries(fieldsAt(root, path)).filter((entry): entry is [string, string] => {
    return typeof entry[1] === 'string';
  });
  return Object.fromEntries(texts);
}

function changed(root: unknown, path: Path, value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (typeof step === 'number') {
    const list = Array.isArray(root) ? (root as readonly unknown[]) : [];
    return list.map((item, index) => (index === step ? changed(item, rest, value) : item));
  }
  const fields = isFields(root) ? root : {};
  return { ...fields, [step]: changed(own(fields, step), rest, value) };
}

/** A copy with `value` at `path`. Missing maps are created; a missing list item is not. */
export function withField(object: KubeObject, path: Path, value: unknown): KubeObject {
  return changed(object, path, value) as KubeObject;
}

/** A copy without the named fields. */
export function without(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

/** `spec.ports[0].name`, the way messages name a field. */
export function describePath(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}
