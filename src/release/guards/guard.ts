import { isFields, type Fields, type Path } from '../../kubernetes/fields.js';

/**
 * Parses a value of unknown JSON. Returns what the type has, and nothing else. Throws {@link WrongField} where the value is not
 * of the type. Only own properties count.
 */
export type Guard<T> = (value: unknown, path: Path) => T;

/** Guards by the names of fields, or of variants. */
export type Guards = Readonly<Record<string, Guard<unknown>>>;

/** What a guard returns. */
export type Guarded<G> = G extends Guard<infer T> ? T : never;

/** A field that is not of its type. Its message has no value: a record may hold secrets. */
export class WrongField extends Error {
  constructor(
    readonly path: Path,
    readonly expected: string,
  ) {
    super(expected);
  }
}

/** Most characters of a text, and most items of a list or a map. */
const longestText = 1_000_000;
const mostItems = 20_000;

/** A text. `pattern` absent: any. `expected`: what the pattern accepts. */
export function text(pattern?: RegExp, expected = 'a text'): Guard<string> {
  return (value, path) => {
    if (typeof value === 'string' && value.length <= longestText && (pattern?.test(value) ?? true)) return value;
    throw new WrongField(path, expected);
  };
}

/** An integer of at least `least`. */
export function integer(least: number): Guard<number> {
  return (value, path) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
    throw new WrongField(path, `an integer of at least ${least}`);
  };
}

/** `true` or `false`. */
export const flag: Guard<boolean> = (value, path) => {
  if (typeof value === 'boolean') return value;
  throw new WrongField(path, 'true or false');
};

/** Exactly one of these values. */
export function oneOf<const T extends string | number | boolean>(...accepted: readonly T[]): Guard<T> {
  return (value, path) => {
    const found = accepted.find(each => each === value);
    if (found !== undefined) return found;
    throw new WrongField(path, accepted.join(' or '));
  };
}

/** A list. */
export function list<T>(item: Guard<T>): Guard<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value) || value.length > mostItems) throw new WrongField(path, 'a list');
    return value.map((each: unknown, index) => item(each, [...path, index]));
  };
}

/** A map with any keys that `key` accepts. */
export function mapOf<T>(item: Guard<T>, key: Guard<string> = text()): Guard<Readonly<Record<string, T>>> {
  return (value, path) => {
    const entries = Object.entries(fields(value, path));
    if (entries.length > mostItems) throw new WrongField(path, 'a map');
    return Object.fromEntries(
      entries.map(([name, each]) => [key(name, path), item(each, [...path, isPlain(name) ? name : '*'])]),
    );
  };
}

type Required<R extends Guards> = { readonly [K in keyof R]: Guarded<R[K]> };
type Optional<O extends Guards> = { readonly [K in keyof O]?: Guarded<O[K]> };

/** A map with these fields; every other field is dropped. */
export function shape<R extends Guards>(required: R): Guard<Required<R>>;
export function shape<R extends Guards, O extends Guards>(required: R, optional: O): Guard<Required<R> & Optional<O>>;
export function shape(required: Guards, optional: Guards = {}): Guard<Readonly<Record<string, unknown>>> {
  return (value, path) => {
    const given = fields(value, path);
    const present = Object.entries(optional).filter(([name]) => own(given, name) !== undefined);
    return Object.fromEntries(
      [...Object.entries(required), ...present].map(([name, guard]) => {
        return [name, guard(own(given, name), [...path, name])];
      }),
    );
  };
}

/** A union: the field `key` says which of the variants the value is. */
export function variant<G extends Guards>(key: string, variants: G): Guard<Guarded<G[keyof G]>> {
  return (value, path) => {
    const name = own(fields(value, path), key);
    const guard = typeof name === 'string' && Object.hasOwn(variants, name) ? variants[name] : undefined;
    if (guard === undefined) throw new WrongField([...path, key], Object.keys(variants).join(' or '));
    return guard(value, path) as Guarded<G[keyof G]>;
  };
}

/** The value if `holds`; `expected`: what it must be. `field`: the part of the value that is wrong; absent: all of it. */
export function checked<T>(
  guard: Guard<T>,
  holds: (value: T) => boolean,
  { expected, field = [] }: { readonly expected: string; readonly field?: Path },
): Guard<T> {
  return (value, path) => {
    const parsed = guard(value, path);
    if (!holds(parsed)) throw new WrongField([...path, ...field], expected);
    return parsed;
  };
}

function fields(value: unknown, path: Path): Fields {
  if (isFields(value)) return value;
  throw new WrongField(path, 'a map');
}

function own(given: Fields, name: string): unknown {
  return Object.hasOwn(given, name) ? given[name] : undefined;
}

/** Whether a key may stand in a message. */
function isPlain(name: string): boolean {
  return /^[\w./-]{1,63}$/.test(name);
}
