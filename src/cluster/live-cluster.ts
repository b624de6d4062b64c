import { asCutoverError } from '../errors.js';
import type { Log } from '../log.js';
import { refOf } from '../kubernetes/object.js';
import type { KindRef, KubeObject, ObjectRef } from '../kubernetes/object.js';
import type { Api } from './http/api.js';
import { applyBody, matchesDesired, warningsOf } from './apply/apply-body.js';
import type { Clock } from './clock.js';
import type { Applied, ApplyOptions, Cluster, ListOptions, ProxyAnswer, ProxyRequest, WatchEvent } from './cluster.js';
import { fieldManager } from './apply/field-manager.js';
import { proxyAnswer, proxyCall } from './service-proxy.js';
import { apiError } from './http/error-status.js';
import { objectOf, Resources, selectors } from './resources.js';
import type { HttpAnswer } from './http/transport.js';
import { watchKind } from './watch/watch.js';

/** What a {@link LiveCluster} needs. */
export interface LiveClusterParts {
  readonly api: Api;
  readonly namespace: string;
  readonly server: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** A connected cluster, with the properties of the connection. */
export interface Connection extends Cluster {
  /** URL of the API server, as in the kubeconfig. */
  readonly server: string;
  /** Minor version of Kubernetes: 31 for 1.31. `undefined` when the API server does not report it. */
  minor(): Promise<number | undefined>;
}

/** The port to Kubernetes over HTTP. */
export class LiveCluster implements Connection {
  readonly namespace: string;
  readonly server: string;
  readonly #parts: LiveClusterParts;
  readonly #resources: Resources;

  constructor(parts: LiveClusterParts) {
    this.#parts = parts;
    this.namespace = parts.namespace;
    this.server = parts.server;
    this.#resources = new Resources(parts.api, parts.namespace);
  }

  async apply(object: KubeObject, options: ApplyOptions = {}): Promise<Applied> {
    const { resourceVersion } = options;
    try {
      return applied(await this.#patch(object, options));
    } catch (error) {
      if (resourceVersion === undefined || asCutoverError(error).code !== 'moved') throw error;
      // When a connection breaks after the write, the retry fails: the write itself has changed the resourceVersion.
      const expected = applied(await this.#patch(object, { force: options.force ?? false, dryRun: true }));
      const live = await this.get(refOf(object));
      if (live === undefined || !matchesDesired(live, expected.object)) throw error;
      return { ...expected, object: live };
    }
  }

  async create(object: KubeObject, { dryRun = false }: { readonly dryRun?: boolean } = {}): Promise<KubeObject> {
    const query = { ...writeQuery, ...(dryRun && { dryRun: 'All' }) };
    return objectOf(await this.#resources.send(refOf(object), { method: 'POST', verb: 'create', query, body: object }));
  }

  async setManagedFields(live: KubeObject, managedFields: readonly unknown[]): Promise<KubeObject> {
    const { resourceVersion } = live.metadata;
    const answer = await this.#resources.send(refOf(live), {
      method: 'PATCH',
      verb: 'patch',
      contentType: 'application/json-patch+json',
      query: writeQuery,
      body: [
        { op: 'replace', path: '/metadata/managedFields', value: managedFields },
        { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
      ],
    });
    return objectOf(answer);
  }

  async replace(object: KubeObject): Promise<KubeObject> {
    const ref = refOf(object);
    try {
      return objectOf(
        await this.#resources.send(ref, { method: 'PUT', verb: 'update', query: writeQuery, body: object }),
      );
    } catch (error) {
      if (asCutoverError(error).code !== 'moved') throw error;
      const live = await this.get(ref);
      // As above: our own write may have changed the resourceVersion.
      if (live === undefined || !matchesDesired(live, object)) throw error;
      return live;
    }
  }

  async get(ref: ObjectRef): Promise<KubeObject | undefined> {
    try {
      return objectOf(await this.#resources.send(ref, { method: 'GET', verb: 'get' }));
    } catch (error) {
      if (asCutoverError(error).code === 'not-found') return undefined;
      throw error;
    }
  }

  async list(kind: KindRef, options: ListOptions = {}): Promise<readonly KubeObject[]> {
    return (await this.#resources.list(kind, options)).objects;
  }

  watch(kind: KindRef, options: ListOptions & { readonly signal: AbortSignal }): AsyncIterable<WatchEvent> {
    const { clock, log, signal } = this.#parts;
    const selected = selectors(options);
    return watchKind({
      source: {
        kind: kind.kind,
        list: () => this.#resources.list(kind, options),
        open: (query, end) => this.#resources.open(kind, { query: { ...selected, ...query }, signal: end }),
      },
      clock,
      log,
      signal: AbortSignal.any([signal, options.signal]),
      random: Math.random,
    });
  }

  async remove(ref: ObjectRef, precondition?: { readonly uid: string }): Promise<void> {
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      ...(precondition && { preconditions: { uid: precondition.uid } }),
    };
    try {
      await this.#resources.send(ref, { method: 'DELETE', verb: 'delete', body });
    } catch (error) {
      const { code } = asCutoverError(error);
      if (code === 'not-found' || (code === 'moved' && precondition !== undefined)) return;
      throw error;
    }
  }

  async logs(
    pod: ObjectRef,
    options: { readonly container: string; readonly previous?: boolean; readonly lines?: number },
  ): Promise<string> {
    const { container, previous, lines = 50 } = options;
    const query = { container, tailLines: String(lines), ...(previous && { previous: 'true' }) };
    const answer = await this.#resources.send(pod, { method: 'GET', verb: 'get', query, subresource: 'log' });
    return answer.body.toString('utf8');
  }

  async proxy(request: ProxyRequest): Promise<ProxyAnswer> {
    const call = proxyCall(request);
    const answer = await this.#parts.api.sendOnce(call);
    const proxied = proxyAnswer(answer, request);
    // A missing permission is not an answer of the application, and a retry cannot help.
    if (proxied.fromApiServer && (answer.status === 401 || answer.status === 403)) {
      throw apiError(answer.status, answer.body, call.description);
    }
    return proxied;
  }

  async minor(): Promise<number | undefined> {
    const description = { verb: 'get', target: { apiVersion: 'v1', kind: 'Version' }, resource: '/version' };
    const answer = await this.#parts.api.send({
      description,
      request: { method: 'GET', path: '/version' },
    });
    const { minor = '' } = JSON.parse(answer.body.toString('utf8')) as { minor?: string };
    // Some providers return `31+`.
    const number = Number.parseInt(minor, 10);
    return Number.isNaN(number) ? undefined : number;
  }

  #patch(object: KubeObject, { dryRun, force, resourceVersion }: ApplyOptions): Promise<HttpAnswer> {
    return this.#resources.send(refOf(object), {
      method: 'PATCH',
      verb: 'patch',
      contentType: 'application/apply-patch+yaml',
      query: { ...writeQuery, ...(dryRun && { dryRun: 'All' }), ...(force && { force: 'true' }) },
      body: applyBody(object, resourceVersion),
    });
  }
}

/** Query of every write. */
const writeQuery = { fieldManager, fieldValidation: 'Strict' };

function applied(answer: HttpAnswer): Applied {
  const date = Date.parse(answer.headers.date ?? '');
  return {
    object: objectOf(answer),
    created: answer.status === 201,
    warnings: warningsOf(answer.headers),
    // Every API server sets the Date header; without it, the clock of the runner is the best approximation.
    serverTimeMs: Number.isNaN(date) ? Date.now() : date,
  };
}
