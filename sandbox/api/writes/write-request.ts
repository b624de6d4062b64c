import type { Body } from '../http/body.js';
import { childOf, clone, textAt, type JsonObject } from '../schema/json.js';
import { apiVersionOf } from '../schema/kinds.js';
import { isDryRun, isTrue, type ResourceRequest } from '../http/request.js';
import {
  badRequest,
  forbiddenValue,
  invalid,
  noSuchResource,
  unsupportedValue,
  type FieldError,
} from '../http/status.js';
import type { WriteOptions } from './write-rules.js';

export const applyPatch = 'application/apply-patch+yaml';

/** A write as it came in. */
export interface WriteRequest {
  readonly request: ResourceRequest;
  readonly body: Body;
  readonly contentType: string;
  /** Who writes, when the query names no field manager: the client's program. */
  readonly program: string;
  /** Throws what forbids the user to create what a write does not find. */
  readonly mayCreate: () => void;
}

/** The subresource through which the object is written. Throws 404 for one that the kind does not have. */
function partOf(request: ResourceRequest): WriteOptions['part'] {
  const { kind, subresource } = request;
  if (subresource === '' || subresource === 'finalize') return undefined;
  if (subresource === 'status' && kind.status) return 'status';
  if (subresource === 'scale' && kind.scale) return 'scale';
  throw noSuchResource();
}

/** Throws 422 for options that no write has. */
function checkOptions({ request, contentType }: WriteRequest): void {
  const { query, method } = request;
  const errors: FieldError[] = [];
  const isApply = contentType === applyPatch;
  const asked = query.getAll('dryRun');
  if (asked.some(one => one !== 'All')) errors.push(unsupportedValue('dryRun', asked, ['All']));
  if (method === 'PATCH' && !isApply && query.has('force')) {
    errors.push(forbiddenValue('force', 'may not be specified for non-apply patch'));
  }
  if ((query.get('fieldManager') ?? '').length > 128) {
    const message = 'Too long: may not be more than 128 bytes';
    errors.push({ reason: 'FieldValueTooLong', field: 'fieldManager', message });
  }
  const validation = query.get('fieldValidation') ?? '';
  const known = ['', 'Ignore', 'Strict', 'Warn'];
  if (!known.includes(validation)) errors.push(unsupportedValue('fieldValidation', validation, known));
  if (errors.length === 0) return;
  const kind = { POST: 'CreateOptions', PUT: 'UpdateOptions' }[method] ?? 'PatchOptions';
  throw invalid({ group: 'meta.k8s.io', plural: kind.toLowerCase(), kind }, '', errors);
}

/** Manager, dry run, validation and force of a write. Throws 400 for a member that a strict body holds twice. */
export function optionsOf(write: WriteRequest, warnings: string[]): WriteOptions {
  const { request, program, body } = write;
  const part = partOf(request);
  checkOptions(write);
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
    ...(isApply ? { mayCreate: write.mayCreate } : {}),
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
  const version = textAt(object, 'apiVersion') ?? '';
  if (version !== apiVersionOf(kind)) {
    const expected = apiVersionOf(kind);
    throw badRequest(`the API version in the data (${version}) does not match the expected API version (${expected})`);
  }
  if (object.kind !== kind.kind) {
    const given = textAt(object, 'kind') ?? '';
    const types = `(${kind.version}.${given}) to (${kind.group === '' ? 'core' : kind.group}.${kind.kind})`;
    throw badRequest(
      `${given} in version "${kind.version}" cannot be handled as a ${kind.kind}: converting ${types}: unknown conversion`,
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
