import { objectAt, type JsonObject } from '../schema/json.js';
import { apiVersionOf, resourceOf } from '../schema/kinds.js';
import { listPage } from '../http/list-page.js';
import type { Registry } from '../store/registry.js';
import type { Reply } from '../http/reply.js';
import type { ResourceRequest } from '../http/request.js';
import { scaleOf } from './scale.js';
import { fieldSelector, labelSelector } from '../store/selectors.js';
import { noSuchResource } from '../http/status.js';
import { tableOf } from '../http/table.js';

/** The test of a request's label and field selectors. Throws 400 for selectors that cannot be read. */
export function selection(request: ResourceRequest): (object: JsonObject) => boolean {
  const byLabels = labelSelector(request.query.get('labelSelector') ?? '');
  const byFields = fieldSelector(request.query.get('fieldSelector') ?? '', resourceOf(request.kind));
  const { name } = request;
  const byName = (object: JsonObject): boolean => name === '' || objectAt(object, 'metadata').name === name;
  return object => byName(object) && byLabels(object) && byFields(object);
}

/** GET of one object, of its status or scale. */
export function getObject(registry: Registry, request: ResourceRequest, options: { readonly table: boolean }): Reply {
  const { kind, namespace, name, subresource } = request;
  const served =
    subresource === '' || (subresource === 'status' && kind.status) || (subresource === 'scale' && kind.scale);
  if (!served) throw noSuchResource();
  const object = registry.need(kind, { namespace, name });
  if (subresource === 'scale') return { status: 200, body: scaleOf(object) };
  return { status: 200, body: options.table ? tableOf(kind, [object], {}) : object };
}

/** GET of a collection: everything that the selectors select, as one list or table. */
export function listObjects(registry: Registry, request: ResourceRequest, options: { readonly table: boolean }): Reply {
  const { kind } = request;
  const { items, metadata } = listPage(registry, request, selection(request));
  if (options.table) return { status: 200, body: tableOf(kind, items, metadata) };
  // The version and kind of a list apply to its items.
  const plain = items.map(({ kind: _kind, apiVersion: _apiVersion, ...rest }) => rest);
  const list = { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata, items: plain };
  return { status: 200, body: list };
}
