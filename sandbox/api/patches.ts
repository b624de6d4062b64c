import { objectBody } from './body.js';
import { decode } from './decode.js';
import { isObject, type JsonObject, type JsonValue } from './json.js';
import { jsonPatch, mergePatch } from './json-patch.js';
import { badRequest, invalid, invalidValue, refusal } from './status.js';
import { strategicMerge } from './strategic-merge.js';
import type { WriteRequest } from './write-request.js';
import type { WriteOptions } from './write-rules.js';

/** `target` with the patch of the request applied. Throws 415 for a kind of patch that the resource does not take. */
export function patchedObject(target: JsonObject, { body, contentType, request }: WriteRequest): JsonObject {
  switch (contentType) {
    case 'application/json-patch+json':
      return jsonPatch(target, body.value);
    case 'application/merge-patch+json': {
      const merged: JsonValue = mergePatch(target, objectBody(body));
      return isObject(merged) ? merged : {};
    }
    case 'application/strategic-merge-patch+json':
      if (request.kind.schema === undefined || request.kind.custom) throw unknownPatch();
      return strategicMerge(target, objectBody(body), request.kind.schema);
    default:
      throw unknownPatch();
  }
}

function unknownPatch(): Error {
  const known = 'application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml';
  const message = `the body of the request was in an unknown format - accepted media types include: ${known}`;
  return refusal(415, 'UnsupportedMediaType', { message, details: {} });
}

/** Throws 422 when a strict patch brings fields that the kind does not have, 400 for values of a wrong type. */
export function checkPatched(patched: JsonObject, input: WriteRequest, options: WriteOptions): void {
  const { kind, name } = input.request;
  if (kind.schema === undefined) return;
  const { unknown, mistyped } = decode(patched, kind.schema);
  const [wrong] = mistyped;
  if (wrong !== undefined) throw badRequest(`error decoding patch: ${wrong}`);
  if (unknown.length === 0) return;
  if (options.validation === 'Strict') {
    const why = `strict decoding error: ${unknown.join(', ')}`;
    throw invalid(kind, name, [invalidValue('patch', JSON.stringify(input.body.value), why)]);
  }
  if (options.validation === 'Warn') unknown.forEach(line => options.warn?.(line));
}
