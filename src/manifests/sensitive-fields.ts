import type { Log } from '../log.js';
import { fieldAt, fieldsAt, isFields, textAt, withField, type Path } from '../kubernetes/fields.js';
import { isSecret } from '../kubernetes/kinds.js';
import { listKey } from '../kubernetes/list-keys.js';
import type { KubeObject } from '../kubernetes/object.js';
import { own } from '../own.js';
import { namesSecret } from './telling-names.js';

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
      const step = key === undefined ? `#${index}` : `${key}=${String(own(fieldsAt(item, []), key))}`;
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
  return new Set([...valuesOf(object, sensitiveFields(object))].map(({ value }) => value));
}

/** `names`: of the field that the value is in; of a `value`, of the variable that it belongs to, and of the field that holds both. */
function* valuesOf(
  value: unknown,
  fields: readonly SensitiveField[],
  names: readonly string[] = [],
): Generator<NamedValue> {
  if (fields.length === 0) return;
  if (typeof value === 'string' && fields.some(field => field.length === 0)) yield { value, names };
  if (Array.isArray(value))
    for (const [index, item] of value.entries()) yield* valuesOf(item, sensitiveInItem(fields, item, index), names);
  if (isFields(value)) {
    const name = typeof value['name'] === 'string' ? [value['name']] : [];
    for (const [member, item] of Object.entries(value))
      yield* valuesOf(item, sensitiveIn(fields, member), member === 'value' ? [...names, ...name] : [member]);
  }
}

/** Hides the texts of the sensitive fields in whatever this step prints and writes. */
export function hideSensitive(log: Log, objects: readonly KubeObject[]): void {
  for (const object of objects) for (const found of valuesOf(object, sensitiveFields(object))) hideValue(log, found);
}

/** A value of the environment. */
export interface NamedValue {
  readonly value: string;
  /** Of the variable that it comes from, and of what it is assigned to. */
  readonly names: readonly string[];
}

/**
 * Hides a value of the environment. Outside of diffs, a word or a small number is only hidden if a name tells that it is a secret:
 * others occur everywhere.
 */
export function hideValue(log: Log, { value, names }: NamedValue): void {
  const isPlain = /^(?:[a-z]{1,11}|[A-Z][a-z]{0,10}|[A-Z]{1,11}|\d{1,5})$/.test(value);
  const isSwitch = /^(?:true|false|none|null|auto)$/i.test(value);
  if (!isPlain || (!isSwitch && names.some(namesSecret))) log.hide(value);
}
