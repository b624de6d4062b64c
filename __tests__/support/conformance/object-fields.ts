import {
  isObject,
  objectAt,
  objectsAt,
  textAt,
  type JsonObject,
  type JsonValue,
} from '../../../sandbox/api/schema/json.js';

export function nameOf(object: JsonObject): string {
  return textAt(objectAt(object, 'metadata'), 'name') ?? '';
}

/** The value at a path of names and indexes; `null` if there is none. */
export function at(value: JsonValue | undefined, ...path: readonly (string | number)[]): JsonValue {
  const found = path.reduce<JsonValue | undefined>((here, step) => {
    if (typeof step === 'number') return Array.isArray(here) ? here[step] : undefined;
    return isObject(here) ? here[step] : undefined;
  }, value);
  return found ?? null;
}

/** A string unchanged, any other value as JSON. */
export const textOf = (value: JsonValue | undefined): string =>
  typeof value === 'string' ? value : JSON.stringify(value ?? null);

/** Conditions as `Type=Status Reason: message`, in order. */
export function conditionsOf(object: JsonObject): string[] {
  return objectsAt(object, 'status', 'conditions').map(({ type, status, reason, message }) =>
    [
      `${textOf(type)}=${textOf(status)}`,
      ...(reason === undefined ? [] : [` ${textOf(reason)}`]),
      ...(message === undefined ? [] : [`: ${textOf(message)}`]),
    ].join(''),
  );
}

/** Whether the condition of that type has that status. */
export function has(object: JsonObject, type: string, status = 'True'): boolean {
  return objectsAt(object, 'status', 'conditions').some(one => one.type === type && one.status === status);
}
