import { itemElement, showElement } from '../apply/field-set.js';
import { isObject, type JsonObject, type JsonValue } from './json.js';
import { memberSchema, type ListSchema, type MapSchema, type Schema } from './schema.js';

/** A value as Go prints it, as in the errors of a real API server. */
export function goValue(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  if (!isObject(value)) return value === null ? '<nil>' : String(value);
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `map[${members.map(([name, member]) => `${name}:${goValue(member)}`).join(' ')}]`;
}

const goType = (value: JsonValue): string => {
  if (Array.isArray(value)) return '[]interface {}';
  if (isObject(value)) return 'map[string]interface {}';
  return typeof value === 'boolean' ? 'bool' : typeof value;
};

/**
 * What is wrong with an applied configuration by its schema: unknown fields, wrong types, items that are there twice.
 * One line each, in the words of a real API server; empty when all is well.
 */
export function typedProblems(value: JsonValue, schema: Schema, path = ''): string[] {
  const wrong = (what: string): string[] => [path === '' ? what : `${path}: ${what}`];
  if (value === null) return [];
  switch (schema.type) {
    case 'any':
      return [];
    case 'text':
      return typeof value === 'string'
        ? []
        : wrong(`expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`);
    case 'number':
      return typeof value === 'number' ? [] : wrong(`expected numeric (int or float), got ${goType(value)}`);
    case 'flag':
      return typeof value === 'boolean' ? [] : wrong(`expected boolean, got &{${goValue(value)}}`);
    case 'scalar':
    case 'quantity':
      return typeof value === 'object' ? wrong(`expected any scalar, got &{${goValue(value)}}`) : [];
    case 'map':
      return isObject(value) ? members(value, schema, path) : wrong(`expected map, got &{${goValue(value)}}`);
    case 'list':
      return Array.isArray(value) ? items(value, schema, path) : wrong(`expected list, got &{${goValue(value)}}`);
  }
}

function goSyntax(value: JsonValue): string {
  return typeof value === 'object' ? `${goType(value)}{}` : JSON.stringify(value);
}

function members(object: JsonObject, schema: MapSchema, path: string): string[] {
  const problems: string[] = [];
  for (const [name, value] of Object.entries(object)) {
    const member = memberSchema(schema, name);
    if (member === undefined) problems.push(`${path}.${name}: field not declared in schema`);
    else problems.push(...typedProblems(value, member, `${path}.${name}`));
  }
  return problems;
}

function items(list: readonly JsonValue[], schema: ListSchema, path: string): string[] {
  const seen = new Set<string>();
  return list.flatMap((item, index) => {
    if (schema.merge === 'atomic') return typedProblems(item, schema.items, `${path}[${index}]`);
    const element = itemElement(schema, item);
    if (element === undefined) {
      const keys = schema.keys.map(key => JSON.stringify(key)).join(' ');
      return [
        `${path}: element ${index}: associative list with keys has an element that omits all key fields [${keys}] (and doesn't have default values for any key fields)`,
      ];
    }
    const shown = showElement(element);
    const twice = seen.has(element) ? [`${path}: duplicate entries for key ${shown}`] : [];
    seen.add(element);
    return [...twice, ...typedProblems(item, schema.items, `${path}${shown}`)];
  });
}
