import { asText } from '../schema/json.js';
import type { JsonObject, JsonValue } from '../schema/json.js';
import { invalidValue, unsupportedValue, type FieldError } from '../http/status.js';

/** Of the named members, those that are numbers below zero. */
export function notNegative(object: JsonObject, path: string, names: readonly string[]): FieldError[] {
  return names.flatMap(name => {
    const value = object[name];
    if (typeof value !== 'number' || value >= 0) return [];
    return [invalidValue(`${path}.${name}`, value, 'must be greater than or equal to 0')];
  });
}

/** An error for a value that is not supported; an absent one is valid. */
export function oneOf(field: string, value: JsonValue | undefined, supported: readonly string[]): FieldError[] {
  if (value === undefined || supported.includes(asText(value))) return [];
  return [unsupportedValue(field, value, supported)];
}

/** An error for a port that is out of range or not a valid name. */
export function portFault(field: string, port: JsonValue | undefined): FieldError[] {
  if (typeof port === 'string') {
    const fault = portNameFault(port);
    return fault === undefined ? [] : [invalidValue(field, port, fault)];
  }
  if (typeof port !== 'number' || (port >= 1 && port <= 65535)) return [];
  return [invalidValue(field, port, 'must be between 1 and 65535, inclusive')];
}

/** Why the text is not a port name; `undefined` if it is one. */
export function portNameFault(name: string): string | undefined {
  if (name.length > 15) return 'must be no more than 15 characters';
  if (!/^[-a-z0-9]+$/.test(name)) return 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)';
  if (!/[a-z]/.test(name)) return 'must contain at least one letter (a-z)';
  if (name.includes('--')) return 'must not contain consecutive hyphens';
  return /^-|-$/.test(name) ? 'must not begin or end with a hyphen' : undefined;
}
