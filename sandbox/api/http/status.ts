import { nameOf, objectAt, type JsonObject, type JsonValue } from '../schema/json.js';

/** The kind a message is about, as API machinery names it: `deployments.apps`, `Deployment.apps`, `pods`. */
export interface Named {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

/** A refusal with the HTTP status and the Status object of a real API server. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly code: number,
    readonly status: JsonObject,
  ) {
    super(typeof status.message === 'string' ? status.message : `status ${code}`);
  }
}

/** Builds a refusal; `reason` '' leaves the member out, as a real server does for errors it cannot classify. */
export function refusal(code: number, reason: string, body: { message: string; details?: JsonObject }): ApiError {
  return new ApiError(code, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: body.message,
    ...(reason === '' ? {} : { reason }),
    ...(body.details === undefined ? {} : { details: body.details }),
    code,
  });
}

const qualified = (name: string, group: string): string => (group === '' ? name : `${name}.${group}`);

function details(of: Named, name: string, extra: JsonObject = {}): JsonObject {
  return {
    ...(name === '' ? {} : { name }),
    ...(of.group === '' ? {} : { group: of.group }),
    ...(of.plural === '' ? {} : { kind: of.plural }),
    ...extra,
  };
}

export function notFound(of: Named, name: string): ApiError {
  const message = `${qualified(of.plural, of.group)} ${JSON.stringify(name)} not found`;
  return refusal(404, 'NotFound', { message, details: details(of, name) });
}

/** 409: `namesake` is an existing object of the same name. */
export function alreadyExists(of: Named, namesake: JsonObject): ApiError {
  const { name } = nameOf(namesake);
  const goes = objectAt(namesake, 'metadata').deletionTimestamp === undefined ? '' : 'object is being deleted: ';
  const message = `${goes}${qualified(of.plural, of.group)} ${JSON.stringify(name)} already exists`;
  return refusal(409, 'AlreadyExists', { message, details: details(of, name) });
}

/** The answer to a resourceVersion that is not a number. */
export const notANumber = (version: string): string =>
  `resourceVersion: Invalid value: ${JSON.stringify(version)}: strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`;

/** 409 without causes: a precondition on resourceVersion or uid does not hold. */
export function moved(of: Named, name: string, why: string = staleVersion): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(of.plural, of.group)} ${JSON.stringify(name)}: ${why}`;
  return refusal(409, 'Conflict', { message, details: details(of, name) });
}

const staleVersion = 'the object has been modified; please apply your changes to the latest version and try again';

/** The API group version is served, but nothing of that name in it. */
export function noSuchResource(): ApiError {
  return refusal(404, 'NotFound', { message: 'the server could not find the requested resource', details: {} });
}

export function badRequest(message: string): ApiError {
  return refusal(400, 'BadRequest', { message });
}

export function forbidden(of: Named, name: string, why: string): ApiError {
  const subject = qualified(of.plural, of.group) + (name === '' ? '' : ` ${JSON.stringify(name)}`);
  return refusal(403, 'Forbidden', { message: `${subject} is forbidden: ${why}`, details: details(of, name) });
}

export function expired(message: string): ApiError {
  return refusal(410, 'Expired', { message });
}

/** 504: the request took longer than its `timeout`. */
export function timedOut(): ApiError {
  const message = 'Timeout: request did not complete within requested timeout - context deadline exceeded';
  return refusal(504, 'Timeout', { message, details: {} });
}

export function methodNotAllowed(): ApiError {
  const message = 'the server does not allow this method on the requested resource';
  return refusal(405, 'MethodNotAllowed', { message, details: {} });
}

/** An error of one field, in the words of a real API server. */
export interface FieldError {
  readonly reason: `FieldValue${'Invalid' | 'Required' | 'Forbidden' | 'NotSupported' | 'Duplicate' | 'NotFound' | 'TooLong'}`;
  readonly field: string;
  readonly message: string;
}

export const invalidValue = (field: string, value: JsonValue, why: string): FieldError => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
});

export const requiredValue = (field: string, why = ''): FieldError => ({
  reason: 'FieldValueRequired',
  field,
  message: why === '' ? 'Required value' : `Required value: ${why}`,
});

export const unsupportedValue = (field: string, value: JsonValue, supported: readonly string[]): FieldError => ({
  reason: 'FieldValueNotSupported',
  field,
  message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported.map(one => JSON.stringify(one)).join(', ')}`,
});

export const duplicateValue = (field: string, value: JsonValue): FieldError => ({
  reason: 'FieldValueDuplicate',
  field,
  message: `Duplicate value: ${JSON.stringify(value)}`,
});

export const forbiddenValue = (field: string, why: string): FieldError => ({
  reason: 'FieldValueForbidden',
  field,
  message: `Forbidden: ${why}`,
});

/** 422 with every field error as a cause. */
export function invalid(of: Named, name: string, errors: readonly FieldError[]): ApiError {
  const lines = errors.map(error => `${error.field}: ${error.message}`);
  const list = lines.length === 1 ? (lines[0] ?? '') : `[${lines.join(', ')}]`;
  const causes = errors.map(({ reason, message, field }) => ({ reason, message, field }));
  return refusal(422, 'Invalid', {
    message: `${qualified(of.kind, of.group)} ${JSON.stringify(name)} is invalid: ${list}`,
    details: { ...details(of, name, { causes }), ...(of.kind === '' ? {} : { kind: of.kind }) },
  });
}
