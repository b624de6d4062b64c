import { objectAt, textAt, type JsonObject } from '../schema/json.js';
import { invalidValue, requiredValue, type FieldError } from '../http/status.js';

/** One object may not be bigger than this; 1 MiB of keys and values. */
const dataLimit = 1024 * 1024;

const keyRule =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/** ConfigMaps and Secrets: names of keys, and the size of it all. */
export function dataErrors(object: JsonObject): FieldError[] {
  const data = objectAt(object, 'data');
  const entries = [...Object.entries(data), ...Object.entries(objectAt(object, 'binaryData'))];
  const wrong = Object.keys(data)
    .filter(key => !/^[-._a-zA-Z0-9]+$/.test(key))
    .map(key => invalidValue(`data[${key}]`, key, keyRule));
  const size = entries.reduce((sum, [, value]) => sum + (typeof value === 'string' ? Buffer.byteLength(value) : 0), 0);
  if (size <= dataLimit) return wrong;
  return [
    ...wrong,
    { reason: 'FieldValueTooLong', field: '[]', message: `Too long: may not be more than ${dataLimit} bytes` },
  ];
}

/** Required keys by type of Secret. */
const needed: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

const credentials = '.dockerconfigjson';

/** Registry credentials are JSON. Errors do not quote them. */
function credentialErrors(data: JsonObject): FieldError[] {
  const text = Buffer.from(textAt(data, credentials) ?? '', 'base64')
    .toString('utf8')
    .trim();
  if (data[credentials] === undefined || text.startsWith('{')) return [];
  const why =
    text === ''
      ? 'unexpected end of JSON input'
      : `invalid character '${text.charAt(0)}' looking for beginning of value`;
  return [invalidValue(`data[${credentials}]`, '<secret contents redacted>', why)];
}

export function secretErrors(object: JsonObject): FieldError[] {
  const data = objectAt(object, 'data');
  const missing = (needed[textAt(object, 'type') ?? ''] ?? []).filter(key => data[key] === undefined);
  return [...dataErrors(object), ...missing.map(key => requiredValue(`data[${key}]`)), ...credentialErrors(data)];
}
