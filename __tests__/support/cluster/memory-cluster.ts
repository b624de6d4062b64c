import { noTunnel } from './no-tunnel.js';
import { asJson, asKube, clone, type JsonObject } from '../../../sandbox/api/schema/json.js';
import type { Kind } from '../../../sandbox/api/schema/kinds.js';
import { createStore, type MemoryStore } from '../../../sandbox/api/store/memory-store.js';
import { evict } from '../../../sandbox/api/writes/eviction.js';
import { ApiError } from '../../../sandbox/api/http/status.js';
import { applyBody } from '../../../src/cluster/apply/apply-body.js';
import type {
  Applied,
  ApplyOptions,
  Cluster,
  LeasePort,
  NamespacePort,
  ObjectWriter,
  ProxyAnswer,
  ProxyRequest,
  WatchEvent,
} from '../../../src/cluster/cluster.js';
import { asCutoverError, CutoverError } from '../../../src/errors.js';
import { fieldManager } from '../../../src/cluster/apply/field-manager.js';
import { apiError } from '../../../src/cluster/http/error-status.js';
import { describeRef, refOf, type KindRef, type KubeObject, type ObjectRef } from '../../../src/kubernetes/object.js';

/**
 * A `Cluster` that works directly on the store of the embedded cluster, without a server, controllers or delays. It is its own
 * writer, without a fence.
 */
export interface MemoryCluster extends Cluster, ObjectWriter {
  readonly leases: LeasePort;
  readonly namespaces: NamespacePort;
  /** The cluster itself. */
  writer(): ObjectWriter;
  /** The store, for changes by controllers and other managers. */
  readonly store: MemoryStore;
  /**
   * All calls in order, such as `GET Deployment shop/web` or `LIST Pod`. The verbs: GET, LIST, APPLY, DRY RUN, CREATE,
   * TRY CREATE (a dry run), REASSIGN, REPLACE, REMOVE, EVICT.
   */
  readonly calls: string[];
  /** The calls that change the store. */
  writes(): readonly string[];
  /** Called before each call; an error that it throws becomes the answer. */
  before: (call: string) => void;
  /** The warnings in the answer to an apply or its dry run. Default: none. */
  warn: (call: string) => readonly string[];
  /** Creates objects as a manager whose fields Cutover does not take over. */
  given(...objects: readonly KubeObject[]): void;
  /** The same, as this manager. */
  givenBy(manager: string, ...objects: readonly KubeObject[]): void;
}

export function memoryCluster(
  options: { readonly proxy?: (request: ProxyRequest) => ProxyAnswer } = {},
): MemoryCluster {
  const store = createStore();
  const { registry } = store;
  const namespace = 'shop';
  store.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const calls: string[] = [];
  const placed = (ref: ObjectRef): ObjectRef => {
    const namespaced = registry.kinds.byKind(ref.apiVersion, ref.kind)?.namespaced ?? true;
    return namespaced ? { ...ref, namespace: ref.namespace ?? namespace } : ref;
  };

  async function call<T>(verb: string, target: ObjectRef, work: (kind: Kind, ref: ObjectRef) => T): Promise<T> {
    // As for any request, the answer arrives after the call returns.
    await Promise.resolve();
    const ref = placed(target);
    const asked = `${verb} ${describeRef(ref)}`;
    calls.push(asked);
    cluster.before(asked);
    const kind = registry.kinds.byKind(ref.apiVersion, ref.kind);
    const about = { verb: verb.toLowerCase(), target: ref, resource: kind?.plural ?? '*' };
    if (kind === undefined) throw apiError(404, Buffer.from('404 page not found\n'), about);
    try {
      return work(kind, ref);
    } catch (thrown) {
      if (!(thrown instanceof ApiError)) throw thrown;
      throw apiError(thrown.code, Buffer.from(JSON.stringify(thrown.status)), about);
    }
  }

  function apply(
    verb: 'APPLY' | 'DRY RUN',
    object: KubeObject,
    { force = false, resourceVersion }: ApplyOptions = {},
  ): Promise<Applied> {
    return call(verb, refOf(object), (kind, ref) => {
      const config = clone(applyBody(object, resourceVersion) as JsonObject);
      const key = { namespace: ref.namespace ?? '', name: ref.name };
      const options = { manager: fieldManager, validation: 'Strict', dryRun: verb === 'DRY RUN', force, key } as const;
      const written = registry.apply(kind, config, options);
      return {
        object: asKube(written.object),
        created: written.created,
        warnings: cluster.warn(`${verb} ${describeRef(ref)}`),
      };
    });
  }

  const cluster: MemoryCluster = {
    namespace,
    store,
    calls,
    before: () => undefined,
    warn: () => [],
    writes: () => calls.filter(made => /^(APPLY|CREATE|EVICT|REASSIGN|REPLACE|REMOVE) /.test(made)),
    given: (...objects) => cluster.givenBy('operator', ...objects),
    givenBy(manager, ...objects) {
      for (const object of objects) store.create(object, { manager });
    },
    apply: (object, options) => apply('APPLY', object, options),
    dryRunApply: (object, options) => apply('DRY RUN', object, options),
    create: object => call('CREATE', refOf(object), () => store.create(object, { manager: fieldManager })),
    dryRunCreate: object =>
      call('TRY CREATE', refOf(object), kind =>
        asKube(registry.create(kind, clone(asJson(object)), { manager: fieldManager, dryRun: true })),
      ),
    dryRunReplace: object =>
      call('TRY REPLACE', refOf(object), kind =>
        asKube(registry.update(kind, clone(asJson(object)), { manager: fieldManager, dryRun: true })),
      ),
    writer: () => cluster,
    leases: {
      get: ref => cluster.get(ref),
      create: lease => cluster.create(lease),
      replace: lease => cluster.replace(lease),
      remove: (target, { uid, resourceVersion }) =>
        call('REMOVE', target, (_kind, ref) => {
          const live = store.get(ref);
          if (live === undefined) return;
          const { metadata } = live;
          if (metadata.uid !== uid || metadata.resourceVersion !== resourceVersion)
            throw new CutoverError('the preconditions are not met', { code: 'moved', status: 409 });
          store.remove(ref);
        }),
    },
    namespaces: {
      create: async namespace => {
        await cluster.apply(namespace);
      },
    },
    setManagedFields: (live, managedFields) =>
      call('REASSIGN', refOf(live), () => {
        const metadata = { ...live.metadata, managedFields } as KubeObject['metadata'];
        return store.update({ ...live, metadata }, { manager: fieldManager });
      }),
    replace: object => call('REPLACE', refOf(object), () => store.update(object, { manager: fieldManager })),
    get: target => call('GET', target, (_kind, ref) => store.get(ref)),
    list: async (kind, { labelSelector = '' } = {}) => {
      await Promise.resolve();
      calls.push(`LIST ${kind.kind}`);
      cluster.before(`LIST ${kind.kind}`);
      if (registry.kinds.byKind(kind.apiVersion, kind.kind) === undefined)
        throw apiError(404, Buffer.from('404 page not found\n'), { verb: 'list', target: kind, resource: kind.kind });
      return store.list(kind, { labels: labelsOf(labelSelector) });
    },
    watch: (kind, { labelSelector = '', signal }) => watched(store, kind, { labels: labelsOf(labelSelector), signal }),
    remove: (target, { uid }) =>
      call('REMOVE', target, (_kind, ref) => {
        const live = store.get(ref);
        if (live === undefined || live.metadata.uid !== uid) return;
        store.remove(ref);
      }),
    evict: (pod, { uid }) =>
      call('EVICT', pod, (_kind, { name, namespace = '' }) => evict(registry, { name, namespace }, uid)).catch(
        (error: unknown) => {
          const { code } = asCutoverError(error);
          if (code !== 'not-found' && code !== 'moved') throw error;
        },
      ),
    logs: () => Promise.resolve(''),
    proxy: request => {
      const { proxy } = options;
      if (proxy === undefined) throw new Error('this test sends no request to a pod');
      return Promise.resolve(proxy(request));
    },
    tunnel: noTunnel,
  };
  return cluster;
}

function labelsOf(selector: string): Record<string, string> {
  const pairs = selector.split(',').filter(pair => pair !== '');
  return Object.fromEntries(pairs.map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

async function* watched(
  store: MemoryStore,
  kind: KindRef,
  options: { readonly labels: Readonly<Record<string, string>>; readonly signal: AbortSignal },
): AsyncGenerator<WatchEvent> {
  const { labels, signal } = options;
  const wanted = (object: KubeObject): boolean =>
    (kind.namespace === undefined || object.metadata.namespace === kind.namespace) &&
    Object.entries(labels).every(([name, value]) => object.metadata.labels?.[name] === value);
  const events: WatchEvent[] = store.list(kind, { labels }).map(object => ({ type: 'ADDED', object }));
  events.push({ type: 'synced' });
  let ring: () => void = () => undefined;
  const end = store.watch(kind, event => {
    if (!wanted(event.object)) return;
    events.push(event);
    ring();
  });
  signal.addEventListener('abort', () => ring());
  try {
    while (!signal.aborted) {
      const next = events.shift();
      if (next !== undefined) yield next;
      else
        await new Promise<void>(resolve => {
          ring = resolve;
        });
    }
  } finally {
    end();
  }
}
