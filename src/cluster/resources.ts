import type { IncomingMessage } from 'node:http';
import { asCutoverError } from '../errors.js';
import type { KindRef, KubeObject, ObjectRef } from '../kubernetes/object.js';
import type { Api } from './http/api.js';
import type { ListOptions } from './cluster.js';
import { groupVersionPath, Kinds, resourcePath } from './kinds.js';
import type { Asked } from './http/refusal.js';
import type { HttpAnswer } from './http/transport.js';

/** What goes with a request for an object or a collection. */
export interface ResourceRequest {
  readonly method: string;
  /** What RBAC calls it. */
  readonly verb: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Default `application/json`. */
  readonly contentType?: string;
  readonly subresource?: string;
}

/** Everything of a kind at one moment. */
export interface Collection {
  readonly objects: readonly KubeObject[];
  /** From here a watch continues. */
  readonly resourceVersion: string;
}

interface Page {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
  /** Their own apiVersion and kind are left out: they are the same for all. */
  readonly items?: readonly Omit<KubeObject, 'apiVersion' | 'kind'>[] | null;
}

/** Requests for objects and collections of any kind, by reference instead of by path. */
export class Resources {
  readonly #api: Api;
  readonly #namespace: string;
  readonly #kinds: Kinds;

  /** `namespace`: of references that name none. */
  constructor(api: Api, namespace: string) {
    this.#api = api;
    this.#namespace = namespace;
    this.#kinds = new Kinds(kind => this.#discover(kind));
  }

  async send(ref: ObjectRef | KindRef, request: ResourceRequest): Promise<HttpAnswer> {
    const { path, asked } = await this.#address(ref, request);
    const { method, body, contentType = 'application/json' } = request;
    return this.#api.send({
      asked,
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

  /** A watch's stream of JSON lines. */
  async open(
    kind: KindRef,
    options: { readonly query: Readonly<Record<string, string>>; readonly signal: AbortSignal },
  ): Promise<IncomingMessage> {
    const { path, asked } = await this.#address(kind, { method: 'GET', verb: 'watch', query: options.query });
    return this.#api.open({ asked, request: { method: 'GET', path } }, options.signal);
  }

  async list(kind: KindRef, options: ListOptions): Promise<Collection> {
    const objects: KubeObject[] = [];
    let next: string | undefined;
    for (;;) {
      const page = await this.#page(kind, { ...options, ...(next !== undefined && { continue: next }) }).catch(
        (error: unknown) => {
          // A later page can come too late for its version; the collection is then read anew, in one piece.
          if (next === undefined || asCutoverError(error).code !== 'expired') throw error;
          objects.length = 0;
          return this.#page(kind, { ...options, limit: '0' });
        },
      );
      const { apiVersion, kind: listKind, metadata } = page;
      const itemKind = { apiVersion, kind: listKind.replace(/List$/, '') };
      for (const item of page.items ?? []) objects.push({ ...itemKind, ...item } as KubeObject);
      next = metadata.continue === '' ? undefined : metadata.continue;
      if (next === undefined) return { objects, resourceVersion: metadata.resourceVersion ?? '' };
    }
  }

  async #page(kind: KindRef, options: ListOptions & { limit?: string; continue?: string }): Promise<Page> {
    const { limit = '500', continue: next } = options;
    const query = { limit, ...selectors(options), ...(next !== undefined && { continue: next }) };
    const answer = await this.send(kind, { method: 'GET', verb: 'list', query });
    return JSON.parse(answer.body.toString('utf8')) as Page;
  }

  async #address(ref: ObjectRef | KindRef, request: ResourceRequest): Promise<{ path: string; asked: Asked }> {
    const served = await this.#kinds.find(ref);
    const { namespace, ...bare } = ref;
    const target = served.namespaced ? { ...bare, namespace: namespace ?? this.#namespace } : bare;
    const { subresource, query = {}, verb } = request;
    const tail = subresource === undefined ? '' : `/${subresource}`;
    const search = new URLSearchParams(query).toString();
    // What is about to be made is named in errors, but not yet in the path.
    const { apiVersion, kind } = target;
    const addressed =
      verb === 'create' ? { apiVersion, kind, ...('namespace' in target && { namespace: target.namespace }) } : target;
    return {
      path: `${resourcePath(served, addressed)}${tail}${search === '' ? '' : `?${search}`}`,
      asked: { verb, target, resource: `${served.plural}${tail}` },
    };
  }

  async #discover({ apiVersion, kind }: KindRef): Promise<unknown> {
    const asked = { verb: 'get', target: { apiVersion, kind }, resource: '*' };
    const answer = await this.#api.send({ asked, request: { method: 'GET', path: groupVersionPath(apiVersion) } });
    return JSON.parse(answer.body.toString('utf8')) as unknown;
  }
}

/** The query that a list and a watch of the same things share. */
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
