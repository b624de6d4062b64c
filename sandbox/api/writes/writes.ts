import { objectBody } from '../http/body.js';
import { clone, nameOf, textAt } from '../schema/json.js';
import { apiVersionOf, splitVersion } from '../schema/kinds.js';
import { checkPatched, checkPatchType, patchedObject } from '../apply/patches.js';
import { unreadableBody } from '../http/negotiation.js';
import type { Registry } from '../store/registry.js';
import type { Reply } from '../http/reply.js';
import { scaled, scaleOf } from './scale.js';
import { badRequest, invalid, methodNotAllowed, notFound, requiredValue } from '../http/status.js';
import { applyPatch, named, optionsOf, type WriteRequest } from './write-request.js';
import type { WriteOptions } from './write-rules.js';

/** POST, PUT and PATCH of objects and of their status and scale. */
export function write(registry: Registry, input: WriteRequest): Reply {
  const { request } = input;
  const warnings: string[] = [];
  const options = optionsOf(input, warnings);
  const { kind, namespace, name } = request;
  if (kind.namespaced && namespace === '') throw methodNotAllowed();
  switch (request.method) {
    case 'POST': {
      if (name !== '') throw methodNotAllowed();
      const object = registry.create(
        kind,
        named(request, objectBody(input.body, unreadableBody(request.method, kind.kind))),
        options,
      );
      return { status: 201, body: object, warnings };
    }
    case 'PUT': {
      if (name === '') throw methodNotAllowed();
      const sent = objectBody(input.body, unreadableBody(request.method, kind.kind));
      if (options.part === 'scale') {
        const live = registry.need(kind, { namespace, name });
        return { status: 200, body: scaleOf(registry.update(kind, scaled(live, sent), options)), warnings };
      }
      return { status: 200, body: registry.update(kind, named(request, sent), options), warnings };
    }
    case 'PATCH':
      return { ...patch(registry, input, options), warnings };
    default:
      throw methodNotAllowed();
  }
}

function patch(registry: Registry, input: WriteRequest, options: WriteOptions): Reply {
  const { request, contentType } = input;
  const { kind, namespace, name } = request;
  if (name === '') throw methodNotAllowed();
  if (contentType === applyPatch) return apply(registry, input, options);
  checkPatchType(input);
  const live = registry.need(kind, { namespace, name });
  const target = options.part === 'scale' ? scaleOf(live) : live;
  const patched = patchedObject(target, input);
  if (options.part === 'scale') {
    return { status: 200, body: scaleOf(registry.update(kind, scaled(live, patched), options)) };
  }
  checkPatched(patched, input, options);
  const object = registry.update(kind, named(request, patched), { ...options, validation: 'Ignore' });
  return { status: 200, body: object };
}

function apply(registry: Registry, input: WriteRequest, options: WriteOptions): Reply {
  const { request, body } = input;
  const { kind, namespace, name } = request;
  if (request.query.get('fieldManager') === null) {
    const why = requiredValue('fieldManager', 'is required for apply patch');
    throw invalid({ group: 'meta.k8s.io', plural: 'patchoptions', kind: 'PatchOptions' }, '', [why]);
  }
  const config = objectBody(body);
  if (config.apiVersion !== apiVersionOf(kind) || config.kind !== kind.kind) {
    const { group, version } = splitVersion(textAt(config, 'apiVersion') ?? '');
    throw badRequest(`invalid object type: ${group}/${version}, Kind=${textAt(config, 'kind') ?? ''}`);
  }
  const given = nameOf(config);
  if (given.name !== '' && given.name !== name) {
    throw badRequest(`the name of the object (${given.name}) does not match the name on the URL (${name})`);
  }
  if (
    options.part === 'scale' ||
    (options.part === 'status' && registry.read(kind, { namespace, name }) === undefined)
  ) {
    throw notFound(kind, name);
  }
  if (kind.namespaced && given.namespace !== '' && given.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  const { object, created } = registry.apply(kind, clone(config), { ...options, key: { namespace, name } });
  return { status: created ? 201 : 200, body: object };
}
