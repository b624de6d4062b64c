import { isObject, objectAt, type JsonObject } from './json.js';
import { metadata } from './schema-pod.js';
import { any, flag, number, scalar, text, type MapSchema, type Schema } from './schema.js';

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];

function mapSchema(node: JsonObject): MapSchema {
  const members = Object.entries(objectAt(node, 'properties')).filter((entry): entry is [string, JsonObject] =>
    isObject(entry[1]),
  );
  const rest = node.additionalProperties;
  const free = node['x-kubernetes-preserve-unknown-fields'] === true || rest === true;
  const schema: MapSchema = {
    type: 'map',
    fields: Object.fromEntries(members.map(([name, member]) => [name, fromNode(member)])),
    atomic: node['x-kubernetes-map-type'] === 'atomic',
    required: texts(node.required),
  };
  if (isObject(rest)) return { ...schema, rest: fromNode(rest) };
  return free ? { ...schema, rest: any } : schema;
}

function fromNode(node: JsonObject): Schema {
  if (node['x-kubernetes-int-or-string'] === true) return scalar;
  switch (node.type) {
    case 'string':
      return text;
    case 'integer':
    case 'number':
      return number;
    case 'boolean':
      return flag;
    case 'array': {
      const merge = node['x-kubernetes-list-type'];
      return {
        type: 'list',
        items: fromNode(objectAt(node, 'items')),
        merge: merge === 'map' || merge === 'set' ? merge : 'atomic',
        keys: texts(node['x-kubernetes-list-map-keys']),
        keyDefaults: {},
      };
    }
    case 'object':
      return mapSchema(node);
    default:
      return any;
  }
}

/** Schema of a custom kind from its definition's `openAPIV3Schema`. */
export function apiSchema(root: JsonObject): Schema {
  const own = mapSchema(root);
  return { ...own, fields: { ...own.fields, apiVersion: text, kind: text, metadata } };
}
