import type { Problem } from '../../errors.js';
import { describePath, fieldsAt, listAt, textAt, withField, type Path } from '../../kubernetes/fields.js';
import { groupKind, isBuiltInWorkload } from '../../kubernetes/kinds.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { containersOf, podSpecPath } from '../../kubernetes/pod-spec.js';
import type { Resource } from '../resource.js';

interface TextField {
  readonly path: Path;
  readonly value: unknown;
}

/** Paths of maps whose values must be text, whatever they look like. */
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

/** Paths of single values in containers that must be text. */
function textValues(object: KubeObject): readonly TextField[] {
  if (!isBuiltInWorkload(object)) return [];
  return containersOf(object).flatMap(({ fields, path }) => [
    ...listAt(fields, ['env']).map((entry, index) => ({
      path: [...path, 'env', index, 'value'],
      value: fieldsAt(entry, [])['value'],
    })),
    ...(['command', 'args'] as const).flatMap(list =>
      listAt(fields, [list]).map((value, index) => ({ path: [...path, list, index], value })),
    ),
  ]);
}

/** The fields that take only text, and hold a number or truth value. */
function mistyped(object: KubeObject): readonly TextField[] {
  const mapped = textMaps(object).flatMap(path =>
    Object.entries(fieldsAt(object, path)).map(([name, value]) => ({ path: [...path, name], value })),
  );
  return [...mapped, ...textValues(object)].filter(
    ({ value }) => typeof value === 'number' || typeof value === 'boolean',
  );
}

/**
 * Numbers and truth values where Kubernetes takes only text: `version: 8` in labels, `value: true` in an environment.
 * The API server's own answer names neither line nor remedy.
 */
export function textProblems({ object, place }: Resource): readonly Problem[] {
  return mistyped(object).map(({ path, value }) => {
    // Not the value itself: it may be a Secret's.
    const what = typeof value === 'number' ? 'a number' : 'true or false';
    return { message: `${describePath(path)} is ${what}, but has to be text: put it in quotes.`, at: place(path) };
  });
}

/**
 * The object with text where Kubernetes takes only text and `written`, the same object before its values were typed, has
 * text. Kustomize drops the quotes around a placeholder, so that nobody could put them there.
 */
export function withTexts(object: KubeObject, written: unknown): KubeObject {
  return mistyped(object).reduce((current, { path }) => {
    const text = textAt(written, path);
    return text === undefined ? current : withField(current, path, text);
  }, object);
}
