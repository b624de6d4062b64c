import type { Problem } from '../../errors.js';
import {
  describePath,
  fieldAt,
  fieldsAt,
  isFields,
  listAt,
  textAt,
  withField,
  type Path,
} from '../../kubernetes/fields.js';
import { groupKind, isBuiltInWorkload } from '../../kubernetes/kinds.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { containersOf, podSpecPath } from '../../kubernetes/pods/pod-spec.js';
import type { Resource } from '../resource.js';
import { own } from '../../own.js';

interface TextField {
  readonly path: Path;
  readonly value: unknown;
}

/** Paths of maps whose values must be strings. */
function textMaps(object: KubeObject): readonly Path[] {
  const always: Path[] = [
    ['metadata', 'labels'],
    ['metadata', 'annotations'],
  ];
  const kind = groupKind(object);
  if (kind === '/ConfigMap') return [...always, ['data']];
  if (kind === '/Secret') return [...always, ['data'], ['stringData']];
  if (kind === '/Service') return [...always, ['spec', 'selector']];
  const spec = podSpecPath(object);
  if (spec === undefined || !isBuiltInWorkload(object)) return always;
  const template = spec.slice(0, -1);
  return [
    ...always,
    ['spec', 'selector', 'matchLabels'],
    [...template, 'metadata', 'labels'],
    [...template, 'metadata', 'annotations'],
    [...spec, 'nodeSelector'],
  ];
}

/** Fields of containers that must be strings. */
function textValues(object: KubeObject): readonly TextField[] {
  if (!isBuiltInWorkload(object)) return [];
  return containersOf(object).flatMap(({ fields, path }) => [
    ...listAt(fields, ['env']).flatMap((entry, index) =>
      ['name', 'value'].map(field => ({
        path: [...path, 'env', index, field],
        value: own(fieldsAt(entry, []), field),
      })),
    ),
    ...(['command', 'args'] as const).flatMap(list =>
      listAt(fields, [list]).map((value, index) => ({ path: [...path, list, index], value })),
    ),
  ]);
}

/** The string fields whose value is no string. Null is the same as an absent field. */
function mistypedFields(object: KubeObject): readonly TextField[] {
  const mapped = textMaps(object).flatMap(path =>
    Object.entries(fieldsAt(object, path)).map(([name, value]) => ({ path: [...path, name], value })),
  );
  return [...mapped, ...textValues(object)].filter(
    ({ value }) => value !== undefined && value !== null && typeof value !== 'string',
  );
}

/** Maps of strings that are no maps. */
function noMaps(object: KubeObject): readonly Path[] {
  return textMaps(object).filter(path => {
    const value = fieldAt(object, path);
    return value !== undefined && value !== null && !isFields(value);
  });
}

/** Values of the wrong kind, where the error of the API server gives neither line nor remedy. */
export function fieldProblems(resource: Resource): readonly Problem[] {
  return [...stringProblems(resource), ...quantityProblems(resource)];
}

const quantity = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[numkMGTPE]?|[KMGTPE]i|[eE][-+]?\d+)\s*$/;

/** Requests and limits that are no quantities. The error of the API server does not name the field. */
function quantityProblems({ object, positionOf }: Resource): readonly Problem[] {
  if (!isBuiltInWorkload(object)) return [];
  const values = containersOf(object).flatMap(({ fields, path }) =>
    ['limits', 'requests'].flatMap(part =>
      Object.entries(fieldsAt(fields, ['resources', part])).map(([name, value]) => ({
        path: [...path, 'resources', part, name],
        value,
      })),
    ),
  );
  const wrong = values.filter(({ value }) => typeof value === 'string' && !quantity.test(value));
  return wrong.map(({ path }) => ({
    // Without the value: it may come from the environment.
    message: `${describePath(path)} is not a quantity: write a number, with a unit such as m, k, M, G, Ki, Mi or Gi.`,
    at: positionOf(path),
  }));
}

/**
 * Other values where Kubernetes requires a string: `version: 8` in labels, `value: true` in an environment variable, lines of a
 * file in a Secret without the `|` before them. The messages are without the value, which may be that of a Secret.
 */
function stringProblems({ object, positionOf }: Resource): readonly Problem[] {
  const values = mistypedFields(object).map(({ path, value }) => ({
    message: `${describePath(path)} ${whyNoString(value)}`,
    at: positionOf(path),
  }));
  const maps = noMaps(object).map(path => ({
    message: `${describePath(path)} must be a map from names to strings.`,
    at: positionOf(path),
  }));
  return [...values, ...maps];
}

function whyNoString(value: unknown): string {
  if (typeof value === 'number') return 'is a number, but must be a string: put it in quotes.';
  if (typeof value === 'boolean') return 'is a boolean, but must be a string: put it in quotes.';
  const type = Array.isArray(value) ? 'a list' : 'a map';
  return `is ${type}, but must be a string: if the lines below it are a text, write | after the key.`;
}

/**
 * The object with strings where Kubernetes requires a string and `untyped`, the same object with every replaced value as a
 * string, has one. Kustomize drops the quotes around a placeholder, so users cannot quote it.
 */
export function withStrings(object: KubeObject, untyped: unknown): KubeObject {
  return mistypedFields(object).reduce((current, { path }) => {
    const text = textAt(untyped, path);
    return text === undefined ? current : withField(current, path, text);
  }, object);
}
