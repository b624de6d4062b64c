import { objectBody } from '../http/body.js';
import { decode } from '../http/decode.js';
import { isObject, type JsonObject, type JsonValue } from '../schema/json.js';
import { jsonPatch, mergePatch } from './json-patch.js';
import { any } from '../schema/schema.js';
import { invalid, invalidValue, refusal } from '../http/status.js';
import { strategicMerge } from './strategic-merge.js';
import { goValue } from '../schema/typed-check.js';
import type { WriteRequest } from '../writes/write-request.js';
import type { WriteOptions } from '../writes/write-rules.js';

const strategic = 'application/strategic-merge-patch+json';
const everywhere = ['application/json-patch+json', 'application/merge-patch+json'];

/** Throws 415 for a kind of patch that the resource does not take: custom kinds have no strategic merge. */
export function checkPatchType({ contentType, request }: WriteRequest): void {
  if (everywhere.includes(contentType)) return;
  if (contentType === strategic && request.kind.schema !== undefined && !request.kind.custom) return;
  throw refusal(415, 'UnsupportedMediaType', { message: '415: Unsupported Media Type', details: {} });
}

/** `target` with the patch of the request applied. */
export function patchedObject(target: JsonObject, { body, contentType, request }: WriteRequest): JsonObject {
  if (contentType === 'application/json-patch+json') return jsonPatch(target, body.value);
  if (contentType === strategic) return strategicMerge(target, objectBody(body), request.kind.schema ?? any);
  const merged: JsonValue = mergePatch(target, objectBody(body));
  return isObject(merged) ? merged : {};
}

/** Throws 422 for values of a wrong type, and when a strict patch brings fields that the kind does not have. */
export function checkPatched(patched: JsonObject, input: WriteRequest, options: WriteOptions): void {
  const { kind } = input.request;
  if (kind.schema === undefined) return;
  const { unknown, mistyped } = decode(patched, kind.schema);
  const refuse = (why: string): Error =>
    // A real API server leaves out which object it was.
    invalid({ group: '', plural: '', kind: '' }, '', [invalidValue('patch', JSON.stringify(patched), why)]);
  const [wrong] = mistyped;
  if (wrong !== undefined && input.contentType === strategic) {
    const why = `unrecognized type: ${wrong.split(' of type ').at(-1) ?? ''}`;
    throw invalid({ group: '', plural: '', kind: '' }, '', [invalidValue('patch', goValue(input.body.value), why)]);
  }
  if (wrong !== undefined) throw refuse(wrong);
  if (unknown.length > 0 && options.validation === 'Strict') {
    throw refuse(`strict decoding error: ${unknown.join(', ')}`);
  }
  if (options.validation === 'Warn') unknown.forEach(line => options.warn?.(line));
}
