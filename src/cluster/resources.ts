import type { IncomingMessage } from 'node:http';
import { asCutoverError } from '../errors.js';
import type { KindRef, KubeObject, ObjectRef } from '../kubernetes/object.js';
import { withoutNamespace } from '../manifests/owner.js';
import type { Api } from './http/api.js';
import type { ListOptions } from './cluster.js';
import { groupVersionPath, Kinds, resourcePath } from './api-resources.js';
import type { RequestDescription } from './http/api-status.js';
import type { HttpAnswer } from './http/transport.js';
import type { WriteFence } from './http/write-fence.js';

/** The parts of a request for an object or a collection. */
export interface ResourceRequest {
  readonly method: string;
  /** RBAC verb. */
  readonly verb: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Default `application/json`. */
  readonly contentType?: string;
  readonly subresource?: string;
  /** What a write waits for before each attempt. Absent: nothing. */
  readonly fence?: WriteFence;
}

/** The objects of a list. */
export interface Collection {
  readonly objects: readonly KubeObject[];
  /** Version from which a watch continues. */
  readonly resourceVersion: string;
}

interface Page {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
  /** Without apiVersion and kind, which are the same for all items. */
  readonly items?: readonly Omit<KubeObject, 'apiVersion' | 'kind'>[] | null;
}

/** Requests for objects and collections of any kind, by reference instead of by path. */
export class Resources {
  readonly #api: Api;
  readonly #namespace: string;
  readonly #kinds: Kinds;

  /** `namespace`: for references without one. */
  constructor(api: Api, namespace: string) {
    this.#api = api;
    this.#namespace = namespace;
    this.#kinds = new Kinds(kind => this.#discover(kind));
  }

  async send(ref: ObjectRef | KindRef, request: ResourceRequest): Promise<HttpAnswer> {
    const { path, description } = await this.#address(ref, request);
    const { method, body, contentType = 'application/json', fence } = request;
    return this.#api.send({
      description,
      ...(fence && { fence }),
      request: {
        method,
        path,
        ...(body !== undefined && {
          body: Buffer.from(JSON.stringify(body)),
          headers: { 'content-type': contentType },
        }),
      },
    });
  }

  /** The object as it is sent: without a namespace if the API server has none for its kind. */
  async placed(object: KubeObject): Promise<KubeObject> {
    if (object.metadata.namespace === undefined || (await this.#kinds.find(object)).namespaced) return object;
    return withoutNamespace(object, this.#namespace);
  }

  /** A watch's stream of JSON lines. */
  async open(
    kind: KindRef,
    options: { readonly query: Readonly<Record<string, string>>; readonly signal: AbortSignal },
  ): Promise<IncomingMessage> {
    const { path, description } = await this.#address(kind, {
      method: 'GET',
      verb: 'watch',
      query: options.query,
    });
    return this.#api.open({ description, request: { method: 'GET', path } }, options.signal);
  }

  async list(kind: KindRef, options: ListOptions): Promise<Collection> {
    const objects: KubeObject[] = [];
    let continueToken: string | undefined;
    for (;;) {
      const page = await this.#page(kind, {
        ...options,
        ...(continueToken !== undefined && { continue: continueToken }),
      }).catch((error: unknown) => {
        // The resourceVersion of a later page can expire; the collection is then read again, in one request.
        if (continueToken === undefined || asCutoverError(error).code !== 'expired') throw error;
        objects.length = 0;
        return this.#page(kind, { ...options, limit: '0' });
      });
      const { apiVersion, kind: listKind, metadata } = page;
      const itemKind = { apiVersion, kind: listKind.replace(/List$/, '') };
      for (const item of page.items ?? []) objects.push({ ...itemKind, ...item } as KubeObject);
      continueToken = metadata.continue === '' ? undefined : metadata.continue;
      if (continueToken === undefined) return { objects, resourceVersion: metadata.resourceVersion ?? '' };
    }
  }

  /** How messages and RBAC rules name the objects of a kind. */
  async describe(kind: KindRef): Promise<Omit<RequestDescription, 'verb'>> {
    return (await this.#address(kind, { method: 'GET', verb: 'list' })).description;
  }

  async #page(kind: KindRef, options: ListOptions & { limit?: string; continue?: string }): Promise<Page> {
    const { limit = '500', continue: continueToken } = options;
    const query = { limit, ...selectors(options), ...(continueToken !== undefined && { continue: continueToken }) };
    const answer = await this.send(kind, { method: 'GET', verb: 'list', query });
    return JSON.parse(answer.body.toString('utf8')) as Page;
  }

  async #address(
    ref: ObjectRef | KindRef,
    request: ResourceRequest,
  ): Promise<{ path: string; description: RequestDescription }> {
    const served = await this.#kinds.find(ref);
    const { namespace, ...clusterScoped } = ref;
    const target = served.namespaced ? { ...clusterScoped, namespace: namespace ?? this.#namespace } : clusterScoped;
    const { subresource, query = {}, verb } = request;
    const suffix = subresource === undefined ? '' : `/${subresource}`;
    const queryString = new URLSearchParams(query).toString();
    // A create has the name in its description, but not in the path, unless it creates a subresource.
    const { apiVersion, kind } = target;
    const addressed =
      verb === 'create' && subresource === undefined
        ? { apiVersion, kind, ...('namespace' in target && { namespace: target.namespace }) }
        : target;
    return {
      path: `${resourcePath(served, addressed)}${suffix}${queryString === '' ? '' : `?${queryString}`}`,
      description: { verb, target, resource: `${served.plural}${suffix}` },
    };
  }

  async #discover({ apiVersion, kind }: KindRef): Promise<unknown> {
    const description = { verb: 'get', target: { apiVersion, kind }, resource: '*' };
    const answer = await this.#api.send({
      description,
      request: { method: 'GET', path: groupVersionPath(apiVersion) },
    });
    return JSON.parse(answer.body.toString('utf8')) as unknown;
  }
}

/** The selectors of a list or watch as query parameters. */
export function selectors({ labelSelector, fieldSelector }: ListOptions): Record<string, string> {
  return {
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
  };
}

/** The object in a successful answer. */
export function objectOf({ body }: HttpAnswer): KubeObject {
  return JSON.parse(body.toString('utf8')) as KubeObject;
}
