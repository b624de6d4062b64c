import { readBody } from '../http/body.js';
import type { DeleteOptions } from './deletion.js';
import { isObject, nameOf, objectAt, textAt, type JsonObject } from '../schema/json.js';
import { apiVersionOf } from '../schema/kinds.js';
import { selection } from './reads.js';
import type { Registry } from '../store/registry.js';
import type { Reply } from '../http/reply.js';
import { isDryRun, type ResourceRequest } from '../http/request.js';
import { invalid, methodNotAllowed, unsupportedValue } from '../http/status.js';

const policies = ['Foreground', 'Background', 'Orphan'];

function optionsOf({ query }: ResourceRequest, bytes: Buffer): DeleteOptions {
  const sent = bytes.length === 0 ? {} : readBody(bytes, { yaml: false }).value;
  const body: JsonObject = isObject(sent) ? sent : {};
  const preconditions = objectAt(body, 'preconditions');
  const uid = textAt(preconditions, 'uid');
  const resourceVersion = textAt(preconditions, 'resourceVersion');
  const grace = body.gracePeriodSeconds ?? query.get('gracePeriodSeconds') ?? undefined;
  const policy = textAt(body, 'propagationPolicy') ?? query.get('propagationPolicy') ?? undefined;
  if (policy !== undefined && !policies.includes(policy)) {
    const listed = [...policies, 'nil'];
    const options = { group: 'meta.k8s.io', plural: 'deleteoptions', kind: 'DeleteOptions' };
    throw invalid(options, '', [unsupportedValue('propagationPolicy', policy, listed)]);
  }
  const dryRun = isDryRun(query) || (Array.isArray(body.dryRun) && body.dryRun.includes('All'));
  return {
    dryRun,
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(policy === 'Foreground' || policy === 'Orphan' ? { propagation: policy } : {}),
  };
}

/** DELETE of one object: the object if it was marked first, as a pod always is; a Status when it is gone at once. */
export function deleteObject(registry: Registry, request: ResourceRequest, body: Buffer): Reply {
  const { kind, namespace, name } = request;
  const options = optionsOf(request, body);
  const last = registry.remove(kind, { namespace, name }, options);
  if (objectAt(last, 'metadata').deletionTimestamp !== undefined) return { status: 200, body: last };
  const uid = textAt(objectAt(last, 'metadata'), 'uid') ?? '';
  const details = { name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.plural, uid };
  return { status: 200, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details } };
}

const isNamespaces = ({ kind }: ResourceRequest): boolean => kind.group === '' && kind.kind === 'Namespace';

/** DELETE of all objects that the selectors select. */
export function deleteCollection(registry: Registry, request: ResourceRequest, body: Buffer): Reply {
  const { kind, namespace } = request;
  if ((kind.namespaced && namespace === '') || isNamespaces(request)) throw methodNotAllowed();
  const options = optionsOf(request, body);
  const found = registry.list(kind, namespace).filter(selection(request));
  const items = found.map(object => registry.remove(kind, nameOf(object), options));
  const metadata = { resourceVersion: String(registry.storage.revision) };
  return { status: 200, body: { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata, items } };
}
