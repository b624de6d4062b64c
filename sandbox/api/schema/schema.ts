import type { JsonValue } from './json.js';

/**
 * What a field may hold and how server-side apply merges it. `any` is unknown: all values are valid, objects merge key by
 * key and lists are replaced as a whole.
 */
export type Schema = Leaf | MapSchema | ListSchema;

export interface Leaf {
  /** `scalar` is text or a number (ports by name or number, percentages). */
  readonly type: 'text' | 'number' | 'flag' | 'scalar' | 'quantity' | 'any';
}

export interface MapSchema {
  readonly type: 'map';
  readonly fields: Readonly<Record<string, Schema>>;
  /** Schema of members that `fields` does not name. Absent: no others are allowed. */
  readonly rest?: Schema;
  /** Owned and replaced as one value. */
  readonly atomic: boolean;
  /** Strategic merge patches may tell which members to keep (`$retainKeys`). */
  readonly required: readonly string[];
}

export interface ListSchema {
  readonly type: 'list';
  readonly items: Schema;
  /** `map`: items are identified by `keys`; `set`: by their value; `atomic`: the list is one value. */
  readonly merge: 'map' | 'set' | 'atomic';
  readonly keys: readonly string[];
  /** Values of keys that an item may leave out. */
  readonly keyDefaults: Readonly<Record<string, JsonValue>>;
}

export const text: Leaf = { type: 'text' };
export const number: Leaf = { type: 'number' };
export const flag: Leaf = { type: 'flag' };
export const scalar: Leaf = { type: 'scalar' };
export const quantity: Leaf = { type: 'quantity' };
export const any: Leaf = { type: 'any' };

type Fields = Readonly<Record<string, Schema>>;

/** An object with just these members; a name that ends in `!` is required. */
export function struct(fields: Fields): MapSchema {
  const required = Object.keys(fields).filter(name => name.endsWith('!'));
  const plain = Object.entries(fields).map(([name, schema]): [string, Schema] => [name.replace(/!$/, ''), schema]);
  return {
    type: 'map',
    fields: Object.fromEntries(plain),
    atomic: false,
    required: required.map(name => name.slice(0, -1)),
  };
}

/** An object with these known members and any others. */
export function open(fields: Fields): MapSchema {
  return { ...struct(fields), rest: any };
}

/** An object whose members all have the same schema, as labels. */
export function mapOf(rest: Schema): MapSchema {
  return { type: 'map', fields: {}, rest, atomic: false, required: [] };
}

/** The same object, owned as one value. */
export function atomic(schema: MapSchema): MapSchema {
  return { ...schema, atomic: true };
}

/** Several members of one schema: `all(text, 'image', 'name!')`. */
export function all(schema: Schema, ...names: readonly string[]): Fields {
  return Object.fromEntries(names.map(name => [name, schema]));
}

/** A list that is one value. */
export function listOf(items: Schema): ListSchema {
  return { type: 'list', items, merge: 'atomic', keys: [], keyDefaults: {} };
}

export function setOf(items: Schema): ListSchema {
  return { type: 'list', items, merge: 'set', keys: [], keyDefaults: {} };
}

/** A list whose items are identified by `keys`; `key=value` gives a key its default. */
export function listBy(keys: readonly string[], items: Schema): ListSchema {
  const pairs = keys.map(key => key.split('='));
  const defaults = pairs.filter(pair => pair.length > 1).map(([key, value]) => [key, value ?? '']);
  return {
    type: 'list',
    items,
    merge: 'map',
    keys: pairs.map(([key]) => key ?? ''),
    keyDefaults: Object.fromEntries(defaults) as Record<string, JsonValue>,
  };
}

/** Schema of a member; `undefined` when the object may not have it. */
export function memberSchema(schema: MapSchema, name: string): Schema | undefined {
  return Object.hasOwn(schema.fields, name) ? schema.fields[name] : schema.rest;
}
