import { asText, isObject, setMember, type JsonObject, type JsonValue } from '../schema/json.js';
import { memberSchema, type Schema } from '../schema/schema.js';

/** A decoded object, without unknown members and nulls. */
export interface Decoded {
  readonly object: JsonObject;
  /** `unknown field "spec.foo"`, one each. */
  readonly unknown: readonly string[];
  /** Values of the wrong type: such an object cannot be used at all. */
  readonly mistyped: readonly string[];
}

const typeNames: Readonly<Record<Schema['type'], string>> = {
  text: 'string',
  number: 'int32',
  flag: 'bool',
  scalar: 'intstr.IntOrString',
  quantity: 'resource.Quantity',
  any: 'object',
  map: 'object',
  list: 'array',
};

const jsonType = (value: JsonValue): string => {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
};

function fits(value: JsonValue, schema: Schema): boolean {
  switch (schema.type) {
    case 'any':
      return true;
    case 'text':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number';
    case 'flag':
      return typeof value === 'boolean';
    case 'scalar':
    case 'quantity':
      return typeof value === 'string' || typeof value === 'number';
    case 'map':
      return isObject(value);
    case 'list':
      return Array.isArray(value);
  }
}

/** Members whose zero value is omitted when an object is written. */
const zeroIsNone = new Set(['initialDelaySeconds', 'minReadySeconds', 'value']);

/** Members that are not part of a stored object. */
function isNone(name: string, member: JsonValue, schema: Schema): boolean {
  if (member === null) return true;
  if (zeroIsNone.has(name)) return member === 0 || member === '';
  const free = schema.type === 'map' && schema.rest !== undefined && Object.keys(schema.fields).length === 0;
  return free && isObject(member) && Object.keys(member).length === 0;
}

const quantityRule = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

function quantityFaults(quantity: string): readonly string[] {
  const suffix = /^[+-]?[0-9.]+([eEinumkKMGTP]*[-+]?[0-9]*)$/.exec(quantity)?.[1];
  if (suffix === undefined) return [quantityRule];
  return /^(?:[numkMGTPE]?|[KMGTPE]i|[eE][-+]?[0-9]+)$/.test(suffix) ? [] : ["unable to parse quantity's suffix"];
}

/** Decodes `value`; `root` is the kind's schema. */
export function decode(value: JsonObject, root: Schema): Decoded {
  const unknown: string[] = [];
  const mistyped: string[] = [];
  const walk = (here: JsonValue, schema: Schema, path: string): JsonValue => {
    if (!fits(here, schema)) {
      mistyped.push(
        `json: cannot unmarshal ${jsonType(here)} into Go struct field ${path} of type ${typeNames[schema.type]}`,
      );
      return here;
    }
    if (schema.type === 'quantity') mistyped.push(...quantityFaults(asText(here)));
    if (schema.type === 'list' && Array.isArray(here)) {
      return here.map((item, index) => walk(item, schema.items, `${path}[${index}]`));
    }
    if (schema.type !== 'map' || !isObject(here)) return here;
    const known: JsonObject = {};
    for (const [name, member] of Object.entries(here)) {
      const memberPath = path === '' ? name : `${path}.${name}`;
      const memberOf = memberSchema(schema, name);
      if (memberOf === undefined) unknown.push(`unknown field "${memberPath}"`);
      else if (!isNone(name, member, memberOf)) setMember(known, name, walk(member, memberOf, memberPath));
    }
    return known;
  };
  const object = walk(value, root, '') as JsonObject;
  return { object, unknown, mistyped };
}
