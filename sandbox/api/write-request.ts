import type { Body } from './body.js';
import { childOf, clone, textAt, type JsonObject } from './json.js';
import { apiVersionOf } from './kinds.js';
import { isDryRun, isTrue, type ResourceRequest } from './request.js';
import { badRequest, noSuchResource } from './status.js';
import type { WriteOptions } from './write-rules.js';

export const applyPatch = 'application/apply-patch+yaml';

/** A write as it came in. */
export interface WriteRequest {
  readonly request: ResourceRequest;
  readonly body: Body;
  readonly contentType: string;
  /** Who writes, when the query names no field manager: the client's program. */
  readonly program: string;
}

/** The subresource through which the object is written. Throws 404 for one that the kind does not have. */
function partOf(request: ResourceRequest): WriteOptions['part'] {
  const { kind, subresource } = request;
  if (subresource === '' || subresource === 'finalize') return undefined;
  if (subresource === 'status' && kind.status) return 'status';
  if (subresource === 'scale' && kind.scale) return 'scale';
  throw noSuchResource();
}

/** Manager, dry run, validation and force of a write. Throws 400 for a member that a strict body holds twice. */
export function optionsOf(write: WriteRequest, warnings: string[]): WriteOptions {
  const { request, program, body } = write;
  const part = partOf(request);
  const asked = request.query.get('fieldValidation');
  const validation = asked === 'Strict' || asked === 'Ignore' ? asked : 'Warn';
  const isApply = write.contentType === applyPatch;
  const [twice] = body.duplicates;
  if (twice !== undefined && validation === 'Strict') {
    const last = twice.split('.').at(-1) ?? '';
    throw badRequest(
      isApply
        ? `error strict decoding patch: error converting YAML to JSON: yaml: unmarshal errors:\n  line 1: key "${last}" already set in map`
        : `${request.kind.kind} in version "${request.kind.version}" cannot be handled as a ${request.kind.kind}: strict decoding error: duplicate field "${twice}"`,
    );
  }
  if (validation === 'Warn') warnings.push(...body.duplicates.map(path => `duplicate field "${path}"`));
  return {
    manager: request.query.get('fieldManager') ?? program,
    dryRun: isDryRun(request.query),
    validation,
    force: isTrue(request.query.get('force')),
    warn: text => warnings.push(text),
    ...(part === undefined ? {} : { part }),
  };
}

/** The object of a body, its type and name checked against the URL. */
export function named(request: ResourceRequest, sent: JsonObject): JsonObject {
  const { kind, namespace, name } = request;
  const object = clone(sent);
  object.apiVersion ??= apiVersionOf(kind);
  object.kind ??= kind.kind;
  if (object.apiVersion !== apiVersionOf(kind) || object.kind !== kind.kind) {
    const given = textAt(object, 'kind') ?? '';
    const version = textAt(object, 'apiVersion') ?? '';
    throw badRequest(
      `${given} in version "${version}" cannot be handled as a ${kind.kind}: no kind "${given}" is registered for version "${version}"`,
    );
  }
  const metadata = childOf(object, 'metadata');
  if (kind.namespaced) {
    const given = textAt(metadata, 'namespace');
    if (given !== undefined && given !== namespace) {
      throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
    }
    metadata.namespace = namespace;
  }
  if (name !== '') {
    const given = textAt(metadata, 'name') ?? name;
    if (given !== name) {
      throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
    }
    metadata.name = name;
  }
  return object;
}
