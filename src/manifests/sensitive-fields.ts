import type { Log } from '../log.js';
import { fieldAt, fieldsAt, isFields, textAt, withField, type Path } from '../kubernetes/fields.js';
import { isSecret } from '../kubernetes/kinds.js';
import { listKey } from '../kubernetes/list-keys.js';
import type { KubeObject } from '../kubernetes/object.js';

/**
 * The steps from an object to a field whose value contains one of the environment. A step is the name of a member, `name=web` for
 * the item of a list with this member, or `#0` for the item at an index. No steps: the whole value.
 */
export type SensitiveField = readonly string[];

/** Lists the fields on the object, so that later runs know them: as the live object, and from the record. */
export const sensitiveAnnotation = 'cutover/from-environment';

/** The sensitive fields of an object by its annotation. An annotation that cannot be read makes every field sensitive. */
export function sensitiveFields(object: KubeObject): readonly SensitiveField[] {
  const text = textAt(object, ['metadata', 'annotations', sensitiveAnnotation]);
  if (text === undefined) return [];
  try {
    const fields: unknown = JSON.parse(text);
    if (Array.isArray(fields) && fields.every(isSensitiveField)) return fields;
  } catch {
    // Not JSON: somebody has changed it.
  }
  return [[]];
}

function isSensitiveField(value: unknown): value is SensitiveField {
  return Array.isArray(value) && value.every(step => typeof step === 'string');
}

/** The object with the annotation. `marked`: the same object with `mark` in place of each sensitive value. */
export function withSensitiveFields(object: KubeObject, marked: unknown, mark: string): KubeObject {
  const found = [...markedFields(object, marked, mark)];
  // The data of a Secret is never shown, whatever it comes from, and an object's name always is.
  const fields = found.filter(
    ([first = '', second = '']) =>
      !(isSecret(object) && ['data', 'stringData'].includes(first)) &&
      !(first === 'metadata' && ['name', 'namespace'].includes(second)) &&
      !['apiVersion', 'kind'].includes(first),
  );
  const annotations = object.metadata['annotations'] ?? {};
  if (fields.length === 0 || !isFields(annotations)) return object;
  const value = JSON.stringify(fields);
  return withField(object, ['metadata', 'annotations'], { ...annotations, [sensitiveAnnotation]: value });
}

function* markedFields(value: unknown, marked: unknown, mark: string): Generator<SensitiveField> {
  if (marked === mark) yield [];
  else if (Array.isArray(value) && Array.isArray(marked)) {
    const key = listKey(value);
    for (const [index, item] of value.entries()) {
      const step = key === undefined ? `#${index}` : `${key}=${String(fieldsAt(item, [])[key])}`;
      for (const steps of markedFields(item, marked[index], mark)) yield [step, ...steps];
    }
  } else if (isFields(value) && isFields(marked)) {
    for (const [name, member] of Object.entries(value)) {
      if (!Object.hasOwn(marked, name)) continue;
      for (const steps of markedFields(member, marked[name], mark)) yield [name, ...steps];
    }
  }
}

/** The fields below a member of a map, by its name. */
export function sensitiveIn(fields: readonly SensitiveField[], name: string): readonly SensitiveField[] {
  return below(fields, step => step === name);
}

/** The fields below an item of a list. */
export function sensitiveInItem(
  fields: readonly SensitiveField[],
  item: unknown,
  index: number,
): readonly SensitiveField[] {
  return below(fields, step => {
    const at = step.indexOf('=');
    const name = step.slice(0, at);
    const isKeyed = at > 0 && isFields(item) && Object.hasOwn(item, name);
    return step === `#${index}` || (isKeyed && String(item[name]) === step.slice(at + 1));
  });
}

/** The fields of an object below the one at `path`. */
export function sensitiveAt(object: KubeObject, path: Path): readonly SensitiveField[] {
  return path.reduce<readonly SensitiveField[]>(
    (fields, step, depth) =>
      typeof step === 'string'
        ? sensitiveIn(fields, step)
        : sensitiveInItem(fields, fieldAt(object, path.slice(0, depth + 1)), step),
    sensitiveFields(object),
  );
}

function below(fields: readonly SensitiveField[], leads: (step: string) => boolean): readonly SensitiveField[] {
  return fields.flatMap(field => {
    const [step, ...rest] = field;
    if (step === undefined) return [field];
    return leads(step) ? [rest] : [];
  });
}

/** The texts of the sensitive fields of an object, of the live one or of the manifests. */
export function sensitiveTexts(object: KubeObject): ReadonlySet<string> {
  return new Set(textsOf(object, sensitiveFields(object)));
}

function* textsOf(value: unknown, fields: readonly SensitiveField[]): Generator<string> {
  if (fields.length === 0) return;
  if (typeof value === 'string' && fields.some(field => field.length === 0)) yield value;
  if (Array.isArray(value))
    for (const [index, item] of value.entries()) yield* textsOf(item, sensitiveInItem(fields, item, index));
  if (isFields(value))
    for (const [name, member] of Object.entries(value)) yield* textsOf(member, sensitiveIn(fields, name));
}

/** Hides the texts of the sensitive fields in whatever this step prints and writes. */
export function hideSensitive(log: Log, objects: readonly KubeObject[]): void {
  for (const text of objects.flatMap(object => [...sensitiveTexts(object)])) hideValue(log, text);
}

/** Hides a value of the environment. A word or a small number is not hidden outside of diffs: it occurs everywhere. */
export function hideValue(log: Log, value: string): void {
  if (!/^(?:[A-Za-z]{1,11}|\d{1,5})$/.test(value)) log.hide(value);
}
