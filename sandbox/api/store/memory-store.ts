import type { KindRef, ObjectRef } from '../../object.js';
import { CustomKinds } from '../schema/custom-kinds.js';
import { asJson, asKube, clone, objectAt } from '../schema/json.js';
import { Kinds, resourceOf, type Kind } from '../schema/kinds.js';
import { bootstrapRights } from '../access/rbac.js';
import { Registry } from './registry.js';
import { schemaOf } from '../schema/schemas.js';
import { inVersion } from '../schema/versions.js';
import { refusal } from '../http/status.js';
import { Storage } from './storage.js';
import type { Store, StoreEvent } from './store.js';

/** A {@link Store} with the parts that only the API server needs. */
export interface MemoryStore extends Store {
  readonly registry: Registry;
}

/** Default field manager of changes from inside the cluster. */
const insideManager = 'kube-controller-manager';

/** An empty cluster in memory: the namespaces `default` and `kube-system`, and the default rights. */
export function createStore(): MemoryStore {
  const kinds = new Kinds(schemaOf);
  const registry = new Registry(new Storage(), kinds);
  const custom = new CustomKinds(registry);
  custom.start();
  const kindOf = (ref: Pick<KindRef, 'apiVersion' | 'kind'>): Kind => {
    const kind = kinds.byKind(ref.apiVersion, ref.kind);
    if (kind !== undefined) return kind;
    throw refusal(404, 'NotFound', { message: `no matches for kind "${ref.kind}" in version "${ref.apiVersion}"` });
  };
  const placeOf = (ref: ObjectRef, kind: Kind): { namespace: string; name: string } => ({
    namespace: kind.namespaced ? (ref.namespace ?? '') : '',
    name: ref.name,
  });
  for (const name of ['default', 'kube-system']) {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    registry.create(kindOf(namespace), namespace, { manager: 'kube-apiserver' });
  }
  for (const object of bootstrapRights) {
    registry.create(kindOf(asKube(object)), clone(object), { manager: 'kube-apiserver' });
  }
  return {
    registry,
    get: ref => {
      const kind = kindOf(ref);
      const object = registry.read(kind, placeOf(ref, kind));
      return object === undefined ? undefined : asKube(object);
    },
    list: (ref, options = {}) => {
      const wanted = Object.entries(options.labels ?? {});
      return registry
        .list(kindOf(ref), ref.namespace ?? '')
        .filter(object => wanted.every(([name, value]) => objectAt(object, 'metadata', 'labels')[name] === value))
        .map(asKube);
    },
    create: (object, options = {}) => {
      const manager = options.manager ?? insideManager;
      return asKube(registry.create(kindOf(object), clone(asJson(object)), { manager }));
    },
    update: (object, options = {}) => {
      const { manager = insideManager, part } = options;
      const write = part === undefined ? { manager } : { manager, part };
      return asKube(registry.update(kindOf(object), clone(asJson(object)), write));
    },
    apply: (config, manager) => {
      const kind = kindOf(config);
      const key = placeOf({ ...config, ...config.metadata }, kind);
      registry.apply(kind, clone(asJson(config)), { manager, force: true, key });
    },
    remove: (ref, options = {}) => {
      const kind = kindOf(ref);
      registry.remove(kind, placeOf(ref, kind), options);
    },
    watch: (ref, listener) => watch(registry, kindOf(ref), listener),
  };
}

function watch(registry: Registry, kind: Kind, listener: (event: StoreEvent) => void): () => void {
  return registry.storage.listen(resourceOf(kind), change => {
    listener({ type: change.type, object: asKube(inVersion(kind, change.object)) });
  });
}
