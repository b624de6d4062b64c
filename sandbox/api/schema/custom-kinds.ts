import { apiSchema } from './custom-schema.js';
import { clone, childOf, isObject, nameOf, objectAt, objectsAt, textAt, timestamp, type JsonObject } from './json.js';
import type { Kind } from './kinds.js';
import type { Registry } from '../store/registry.js';

const definitions = 'customresourcedefinitions.apiextensions.k8s.io';

/** Serves the kinds of CustomResourceDefinitions as long as these exist. */
export class CustomKinds {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  start(): void {
    this.#registry.storage.listen(definitions, change => {
      const resource = nameOf(change.object).name;
      if (change.type === 'DELETED') {
        for (const object of this.#registry.storage.list(resource)) {
          this.#registry.storage.remove(resource, clone(object));
        }
      }
      this.#registry.kinds.drop(resource);
      if (change.type === 'DELETED') return;
      for (const kind of kindsOf(change.object)) this.#registry.kinds.add(kind);
      if (change.type === 'ADDED' || unrecorded(change.object).length > 0) this.#establish(change.object);
    });
  }

  #establish(definition: JsonObject): void {
    const next = clone(definition);
    const condition = (type: string, reason: string, message: string): JsonObject => ({
      lastTransitionTime: timestamp(),
      message,
      reason,
      status: 'True',
      type,
    });
    next.status = {
      acceptedNames: names(definition),
      conditions: [
        condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
        condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
      ],
      storedVersions: [...texts(objectAt(definition, 'status').storedVersions), ...unrecorded(definition)],
    };
    const kind = this.#registry.kinds.byKind('apiextensions.k8s.io/v1', 'CustomResourceDefinition');
    if (kind !== undefined) this.#registry.update(kind, next, { part: 'status', manager: 'kube-apiserver' });
  }
}

function names(definition: JsonObject): JsonObject {
  const given = clone(objectAt(definition, 'spec', 'names'));
  const kind = textAt(given, 'kind') ?? '';
  given.listKind ??= `${kind}List`;
  given.singular ??= kind.toLowerCase();
  return given;
}

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];

/** The version in which objects are stored, unless the status names it already. */
function unrecorded(definition: JsonObject): string[] {
  const recorded = texts(objectAt(definition, 'status').storedVersions);
  return objectsAt(definition, 'spec', 'versions')
    .filter(version => version.storage === true)
    .map(version => textAt(version, 'name') ?? '')
    .filter(version => !recorded.includes(version));
}

function kindsOf(definition: JsonObject): Kind[] {
  const spec = objectAt(definition, 'spec');
  const given = childOf({ names: names(definition) }, 'names');
  return objectsAt(spec, 'versions')
    .filter(version => version.served === true)
    .map(version => {
      const subresources = objectAt(version, 'subresources');
      const schema = objectAt(version, 'schema').openAPIV3Schema;
      const kind: Kind = {
        group: textAt(spec, 'group') ?? '',
        version: textAt(version, 'name') ?? '',
        kind: textAt(given, 'kind') ?? '',
        plural: textAt(given, 'plural') ?? '',
        shortNames: texts(given.shortNames),
        categories: texts(given.categories),
        namespaced: spec.scope !== 'Cluster',
        status: isObject(subresources.status),
        scale: isObject(subresources.scale),
        generation: true,
        conditional: true,
        custom: true,
      };
      return isObject(schema) ? { ...kind, schema: apiSchema(schema) } : kind;
    });
}
