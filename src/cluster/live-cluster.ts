import type { Duplex } from 'node:stream';
import type { Log } from '../log.js';
import { refOf } from '../kubernetes/object.js';
import type { KindRef, KubeObject, ObjectRef } from '../kubernetes/object.js';
import type { Api } from './http/api.js';
import type { WriteFence } from './http/write-fence.js';
import type { Clock } from './clock.js';
import type { ApplyOptions, Applied, Cluster, LeasePort, ListOptions, NamespacePort } from './cluster.js';
import type { NeededRule, ObjectWriter, PodPort, ProxyAnswer, ProxyRequest, WatchEvent } from './cluster.js';
import type { CredentialExpiry } from './access/credential-expiry.js';
import { missingRules } from './access/missing-rules.js';
import { leasePort, leaseTimeoutMs } from './write/lease-port.js';
import { getObject, objectWriter, sendApply, writeQuery } from './write/object-writer.js';
import { proxyAnswer, proxyCall } from './service-proxy.js';
import { openTunnel } from './tunnel/open-tunnel.js';
import { apiError } from './http/error-status.js';
import { objectOf, Resources, selectors } from './resources.js';
import { watchKind } from './watch/watch.js';

/** What a {@link LiveCluster} needs. */
export interface LiveClusterParts {
  readonly api: Api;
  readonly namespace: string;
  readonly server: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly credentialExpiry?: CredentialExpiry;
}

/** A connected cluster, with the properties of the connection and the ports that write. */
export interface Connection extends Cluster {
  /** URL of the API server, as in the kubeconfig. */
  readonly server: string;
  /** Absent: it is not known, or the credentials can be refreshed. */
  readonly credentialExpiry?: CredentialExpiry;
  readonly leases: LeasePort;
  readonly namespaces: NamespacePort;
  /** Minor version of Kubernetes: 31 for 1.31. `undefined` when the API server does not report it. */
  minor(): Promise<number | undefined>;
  /** What of the rules the user does not have, in the words of RBAC: nothing where the user may do all of it. */
  missingRules(needed: readonly NeededRule[]): Promise<readonly string[]>;
  /** The port that writes objects, whose requests are sent only while the fence is open. */
  writer(fence: WriteFence): ObjectWriter;
}

/** The port to Kubernetes over HTTP. */
export class LiveCluster implements Connection {
  readonly namespace: string;
  readonly server: string;
  readonly credentialExpiry?: CredentialExpiry;
  readonly leases: LeasePort;
  readonly namespaces: NamespacePort;
  readonly #parts: LiveClusterParts;
  readonly #resources: Resources;

  constructor(parts: LiveClusterParts) {
    this.#parts = parts;
    this.namespace = parts.namespace;
    this.server = parts.server;
    if (parts.credentialExpiry !== undefined) this.credentialExpiry = parts.credentialExpiry;
    this.#resources = new Resources(parts.api, parts.namespace);
    this.leases = leasePort(
      new Resources(parts.api.lane({ retries: false, timeoutMs: leaseTimeoutMs }), parts.namespace),
    );
    this.namespaces = {
      create: async namespace => {
        await sendApply(this.#resources, namespace);
      },
    };
  }

  writer(fence: WriteFence): ObjectWriter {
    return objectWriter({ resources: this.#resources, fence, cluster: this });
  }

  missingRules(needed: readonly NeededRule[]): Promise<readonly string[]> {
    return missingRules(this.#resources, needed);
  }

  async dryRunApply(object: KubeObject, { force = false }: Pick<ApplyOptions, 'force'> = {}): Promise<Applied> {
    return sendApply(this.#resources, object, { force, dryRun: true });
  }

  async dryRunCreate(object: KubeObject): Promise<KubeObject> {
    const query = { ...writeQuery, dryRun: 'All' };
    return objectOf(await this.#resources.send(refOf(object), { method: 'POST', verb: 'create', query, body: object }));
  }

  async dryRunReplace(object: KubeObject): Promise<KubeObject> {
    const query = { ...writeQuery, dryRun: 'All' };
    return objectOf(await this.#resources.send(refOf(object), { method: 'PUT', verb: 'update', query, body: object }));
  }

  get(ref: ObjectRef): Promise<KubeObject | undefined> {
    return getObject(this.#resources, ref);
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

  tunnel(target: PodPort): Promise<Duplex> {
    return openTunnel({ ...this.#parts, server: new URL(this.server) }, target);
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
}
