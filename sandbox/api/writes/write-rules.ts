import { annotatedByStatus } from '../apply/managed.js';
import { decode } from '../http/decode.js';
import { childOf, clone, nameOf, objectAt, objectsAt, setOrErase, textAt, type JsonObject } from '../schema/json.js';
import type { Kind } from '../schema/kinds.js';
import { unknownKind } from '../schema/schemas.js';
import { badRequest, moved, refusal } from '../http/status.js';

/** How a write is done. */
export interface WriteOptions {
  /** Default `unknown`. */
  readonly manager?: string;
  /** Answer as if, store nothing. */
  readonly dryRun?: boolean;
  /** `status` takes the status alone, `scale` was a change of replicas through that subresource. Absent: the object. */
  readonly part?: 'status' | 'scale';
  /** What to do about unknown fields. Default `Warn`. */
  readonly validation?: 'Strict' | 'Warn' | 'Ignore';
  /** Apply: take over fields of other managers. */
  readonly force?: boolean;
  /** Apply: called before it creates; throws what forbids that. Absent: it may. */
  readonly mayCreate?: () => void;
  /** Takes warnings for the client. */
  readonly warn?: (text: string) => void;
}

/** What a Secret holds that is not base64; `undefined` when all is well. */
function notBase64(secret: JsonObject): string | undefined {
  for (const value of Object.values(objectAt(secret, 'data'))) {
    const at = typeof value === 'string' ? value.search(/[^A-Za-z0-9+/=\r\n]/) : -1;
    if (at !== -1) return `illegal base64 data at input byte ${at}`;
  }
  return undefined;
}

/** `sent` as its kind reads it. Throws 400 for wrong types, and for unknown fields when the validation is strict. */
export function decodeAs(kind: Kind, sent: JsonObject, options: WriteOptions): JsonObject {
  const { object, unknown, mistyped } = decode(sent, kind.schema ?? unknownKind);
  const refuse = (why: string): Error =>
    badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${why}`);
  const [wrong = kind.group === '' && kind.kind === 'Secret' ? notBase64(object) : undefined] = mistyped;
  if (wrong !== undefined) throw refuse(wrong);
  if (unknown.length > 0 && options.validation === 'Strict') {
    throw refuse(`strict decoding error: ${unknown.join(', ')}`);
  }
  if (options.validation !== 'Ignore') unknown.forEach(line => options.warn?.(line));
  return clone(object);
}

/**
 * An applied object as its kind reads it. `given` is its namespace and name as sent. Throws
 * 500 without a reason for what has the right type and cannot be read.
 */
export function converted(kind: Kind, merged: JsonObject, given: string): JsonObject {
  const { object, mistyped } = decode(merged, kind.schema ?? unknownKind);
  const base64 = kind.group === '' && kind.kind === 'Secret' ? notBase64(object) : undefined;
  const [wrong = base64 === undefined ? undefined : `error decoding from json: ${base64}`] = mistyped;
  if (wrong === undefined) return object;
  const type = `${kind.group}/${kind.version}, Kind=${kind.kind}`;
  throw refusal(500, '', {
    message: `failed to convert new object (${given}; ${type}) to proper version: unable to convert unstructured object to ${type}: ${wrong}`,
  });
}

/** What a write may change: through the status subresource only the status, otherwise everything but the status. */
export function partOf(
  kind: Kind,
  { live, sent }: { readonly live: JsonObject; readonly sent: JsonObject },
  options: WriteOptions,
): JsonObject {
  if (options.part !== 'status') {
    if (kind.status) setOrErase(sent, 'status', live.status);
    return sent;
  }
  const next = clone(live);
  const from = objectAt(sent, 'metadata');
  const metadata = childOf(next, 'metadata');
  setOrErase(metadata, 'resourceVersion', from.resourceVersion);
  if (annotatedByStatus(kind)) setOrErase(metadata, 'annotations', from.annotations);
  if (objectsAt(from, 'managedFields').length > 0) setOrErase(metadata, 'managedFields', from.managedFields);
  setOrErase(next, 'status', sent.status);
  return next;
}

/** Throws 409 when `sent` names another uid or an older version than the live object's. */
export function checkPreconditions(kind: Kind, live: JsonObject, sent: JsonObject): void {
  const { name } = nameOf(live);
  const mine = objectAt(sent, 'metadata');
  const theirs = objectAt(live, 'metadata');
  const uid = textAt(mine, 'uid');
  if (uid !== undefined && uid !== theirs.uid) {
    const found = textAt(theirs, 'uid') ?? '';
    const { namespace } = nameOf(live);
    const key = ['/registry', kind.plural, ...(namespace === '' ? [] : [namespace]), name].join('/');
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${found}`;
    throw moved(
      kind,
      name,
      `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`,
    );
  }
  const version = textAt(mine, 'resourceVersion');
  if (version !== undefined && version !== '0' && version !== theirs.resourceVersion) throw moved(kind, name);
}

/** The 500 without reason that answers an apply which does not fit its kind's schema. */
export function untypable(kind: Kind, config: JsonObject, problems: readonly string[]): Error {
  const { namespace, name } = nameOf(config);
  const [first = ''] = problems;
  const listed = problems.length === 1 ? first : ['errors:', ...problems.map(line => `  ${line}`)].join('\n');
  const type = `${kind.group}/${kind.version}, Kind=${kind.kind}`;
  // A real API server cannot classify this error: 500 without a reason.
  return refusal(500, '', {
    message: `failed to create typed patch object (${namespace}/${name}; ${type}): ${listed}`,
  });
}
