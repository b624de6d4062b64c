import { apiVersionOf } from '../../../sandbox/api/schema/kinds.js';
import type { MemoryStore } from '../../../sandbox/api/store/memory-store.js';
import { createStore } from '../../../sandbox/api/store/memory-store.js';
import type { Deployment, Kind, Service } from '../../../sandbox/controllers/kinds.js';
import { DEPLOYMENT, getByKey, listKind, POD, SERVICE } from '../../../sandbox/controllers/kinds.js';
import type { Container, Pod, PodSpec } from '../../../sandbox/controllers/pod.js';
import type { LiveCluster } from '../../../sandbox/network/live-cluster.js';
import { bringToLife } from '../../../sandbox/network/live-cluster.js';
import type { SandboxOptions } from '../../../sandbox/sandbox.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';

/** A cluster without an API server, with functions to wait for its changes. */
export interface TestCluster {
  readonly store: MemoryStore;
  readonly live: LiveCluster;
  get<T extends KubeObject>(kind: Kind<T>, name: string): T | undefined;
  pods(): readonly Pod[];
  /** Resolves once `find` has a result; it is called on every change of the watched kinds. */
  until<T>(what: string, find: () => T | undefined | false): Promise<T>;
  close(): Promise<void>;
}

/** Starts the cluster. A Kubernetes second takes 20 ms, so a probe period of 10 s takes 200 ms. */
export function startTestCluster(options: SandboxOptions = {}): TestCluster {
  const store = createStore();
  const kinds = () =>
    store.registry.kinds.all().map(kind => ({
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      namespaced: kind.namespaced,
    }));
  const live = bringToLife(store, kinds, { secondMs: 20, nodePorts: 'any', ...options });
  const watched = [
    POD,
    SERVICE,
    DEPLOYMENT,
    ...['apps/v1 ReplicaSet', 'batch/v1 Job', 'v1 Event', 'v1 Namespace', 'discovery.k8s.io/v1 EndpointSlice'].map(
      text => ({ apiVersion: text.split(' ')[0]!, kind: text.split(' ')[1]! }),
    ),
  ];
  return {
    store,
    live,
    get: (kind, name) => getByKey(store, kind, `default/${name}`),
    pods: () => listKind(store, POD, 'default'),
    until: (what, find) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = find();
          if (found === undefined || found === false) return;
          finish();
          resolve(found);
        };
        const ends = watched.map(kind => store.watch(kind, look));
        // Listeners open and endpoints propagate without a change in the store.
        const tick = setInterval(look, 10);
        const limit = setTimeout(() => {
          finish();
          reject(
            new Error(
              `timed out waiting for ${what}; pods: ${JSON.stringify(listKind(store, POD).map(p => p.status))}`,
            ),
          );
        }, 20_000);
        const finish = () => {
          for (const end of ends) end();
          clearInterval(tick);
          clearTimeout(limit);
        };
        look();
      }),
    close: () => live.close(),
  };
}

/** A Deployment `web` of the site image with readiness at /readyz. */
export function webDeployment(change: {
  readonly image?: string;
  readonly replicas?: number;
  readonly container?: Partial<Container>;
  readonly pod?: Partial<PodSpec>;
  readonly spec?: Partial<Deployment['spec']>;
}): Deployment {
  const container: Container = {
    name: 'web',
    image: change.image ?? 'site:v1',
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
    ...change.container,
  };
  return {
    ...DEPLOYMENT,
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas: change.replicas ?? 3,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [container], ...change.pod } },
      ...change.spec,
    },
  };
}

/** A NodePort Service `web`. */
export function webService(selector: Readonly<Record<string, string>> = { app: 'web' }): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { type: 'NodePort', selector, ports: [{ port: 80, targetPort: 'http' }] },
  };
}

/** True when the rollout of the Deployment is complete. */
export function isRolledOut(deployment: Deployment | undefined): deployment is Deployment {
  const wanted = deployment?.spec.replicas;
  const { status, metadata } = deployment ?? {};
  return (
    status?.observedGeneration === metadata?.generation &&
    [status?.replicas, status?.updatedReplicas, status?.availableReplicas].every(count => count === wanted)
  );
}
