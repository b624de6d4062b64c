import { asText, isObject, type JsonObject } from '../schema/json.js';
import { resourceOf } from '../schema/kinds.js';
import { inVersion } from '../schema/versions.js';
import type { Registry } from '../store/registry.js';
import type { ResourceRequest } from './request.js';
import { keyOf } from '../store/storage.js';
import {
  badRequest,
  expired,
  forbiddenValue,
  invalid,
  notANumber,
  refusal,
  unsupportedValue,
  type FieldError,
} from './status.js';

/** Which objects a list shows, and the metadata that goes with them. */
export interface ListPage {
  readonly items: readonly JsonObject[];
  readonly metadata: JsonObject;
}

interface Continuation {
  readonly revision: number;
  /** `namespace/name` of the last object that was shown. */
  readonly after: string;
}

const write = ({ revision, after }: Continuation): string =>
  Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: after })).toString('base64url');

function read(token: string): Continuation {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    if (isObject(value)) return { revision: Number(value.rv), after: asText(value.start) };
  } catch {
    // An invalid token is refused below.
  }
  throw badRequest('invalid continue token: continue key is not valid');
}

/** Throws 422 for a version and a match that do not go together, 400 and 504 for versions that are none or yet to come. */
function versionOf({ query }: ResourceRequest, current: number): { readonly exactly: number | undefined } {
  const version = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  const errors: FieldError[] = [];
  const field = 'resourceVersionMatch';
  if (match !== '' && version === '') {
    errors.push(forbiddenValue(field, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
  } else if (match === 'Exact' && version === '0') {
    errors.push(forbiddenValue(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  } else if (!['', 'Exact', 'NotOlderThan'].includes(match)) {
    errors.push(unsupportedValue(field, match, ['Exact', 'NotOlderThan', '']));
  }
  if (errors.length > 0) {
    throw invalid({ group: 'meta.k8s.io', plural: 'listoptions', kind: 'ListOptions' }, '', errors);
  }
  if (!/^\d*$/.test(version)) throw badRequest(`invalid resource version: ${notANumber(version)}`);
  if (Number(version) > current) throw tooLarge(Number(version), current);
  return { exactly: match === 'Exact' ? Number(version) : undefined };
}

function tooLarge(version: number, current: number): Error {
  const message = 'Too large resource version';
  return refusal(504, 'Timeout', {
    message: `Timeout: ${message}: ${version}, current: ${current}`,
    details: { causes: [{ reason: 'ResourceVersionTooLarge', message }], retryAfterSeconds: 1 },
  });
}

/** The objects of a list, by its version, limit and continuation; `matches` selects them. */
export function listPage(
  registry: Registry,
  request: ResourceRequest,
  matches: (object: JsonObject) => boolean,
): ListPage {
  const { kind, namespace, query } = request;
  const { storage } = registry;
  const token = query.get('continue') ?? '';
  const from = token === '' ? undefined : read(token);
  const { exactly } = from === undefined ? versionOf(request, storage.revision) : { exactly: from.revision };
  const revision = exactly ?? storage.revision;
  const found =
    exactly === undefined
      ? registry.list(kind, namespace)
      : storage.listAt(resourceOf(kind), namespace, exactly)?.map(object => inVersion(kind, object));
  if (found === undefined) throw expired('The resourceVersion for the provided list is too old.');
  const all = found.filter(matches).filter(object => from === undefined || keyOf(object) > from.after);
  const limit = Number(query.get('limit') ?? 0);
  const items = limit > 0 ? all.slice(0, limit) : all;
  const last = items.at(-1);
  const metadata: JsonObject = { resourceVersion: String(revision) };
  if (last !== undefined && items.length < all.length) {
    metadata.continue = write({ revision, after: keyOf(last) });
    const selected = query.has('labelSelector') || query.has('fieldSelector');
    if (!selected) metadata.remainingItemCount = all.length - items.length;
  }
  return { items, metadata };
}
