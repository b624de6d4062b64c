import { refOf, type KubeObject } from '../../../src/kubernetes/object.js';
import { authorOf, type Revision } from '../../../src/release/revision.js';
import { newBlueGreen, type BlueGreenState } from '../../../src/release/state.js';
import type { MemoryCluster } from '../cluster/memory-cluster.js';
import { runOf } from './context.js';

/** Release `web` in namespace `shop`: revision 1 on blue, revision 2 on green. */
const numbers = { blue: 1, green: 2 };
export type Role = keyof typeof numbers;

const podLabels = (role: Role) => ({ app: 'web', role });

export function publicService(role: Role): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop', annotations: { 'cutover/release': 'web' } },
    spec: { selector: podLabels(role), ports: [{ port: 80, targetPort: 8080 }] },
  };
}
export const publicRef = refOf(publicService('blue'));

export function deployment(role: Role, replicas = 2): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `web-${role}`, namespace: 'shop', annotations: { 'cutover/release': 'web' } },
    spec: {
      replicas,
      selector: { matchLabels: podLabels(role) },
      template: {
        metadata: { labels: podLabels(role) },
        spec: { containers: [{ name: 'web', image: `site:v${numbers[role]}`, ports: [{ containerPort: 8080 }] }] },
      },
    },
  };
}

export function revision(role: Role, more: Partial<Revision> = {}): Revision {
  return {
    ...authorOf(runOf(1)),
    number: numbers[role],
    strategy: 'blue-green',
    role,
    objects: [deployment(role)],
    secrets: [],
    publicServices: [publicService(role)],
    shared: [],
    applyAfterSwitch: [],
    before: [],
    checks: [],
    force: false,
    contentHash: role,
    images: [`site:v${numbers[role]}`],
    at: '2026-03-01T12:00:00.000Z',
    ...more,
  };
}

/** Blue serves, green is staged. */
export function staged(more: Partial<BlueGreenState> = {}): BlueGreenState {
  const record = (role: Role) => ({
    podLabels: [podLabels(role)],
    deployments: [refOf(deployment(role))],
    revision: numbers[role],
  });
  return {
    ...newBlueGreen('web', { publicServices: [publicRef], roleNames: ['blue', 'green'] }),
    latest: 2,
    revisions: [1, 2],
    current: 1,
    roles: { blue: record('blue'), green: record('green') },
    staged: { revision: 2, role: 'green', objects: [] },
    ...more,
  };
}

/** Creates the pods `<role>-1` and `<role>-2` of a role and the ReplicaSet that owns them, and sets the status of its Deployment. */
export async function run(cluster: MemoryCluster, role: Role, { ready = true } = {}): Promise<void> {
  await cluster.apply(deployment(role));
  const { store } = cluster;
  const owner = createReplicaSet(cluster, role);
  for (const name of podsOf(role)) {
    const pod = store.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: 'shop',
        labels: { ...podLabels(role), 'pod-template-hash': hashOf(role) },
        ownerReferences: [ownerReference(owner)],
      },
      spec: { containers: [{ name: 'web', image: `site:v${numbers[role]}` }] },
    });
    const status = { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] };
    store.update({ ...pod, status }, { part: 'status' });
  }
  const live = store.get(refOf(deployment(role)))!;
  store.update({ ...live, status: { replicas: 2, readyReplicas: ready ? 2 : 0 } }, { part: 'status' });
}

function createReplicaSet({ store }: MemoryCluster, role: Role): KubeObject {
  const live = store.get(refOf(deployment(role)))!;
  const { template } = live['spec'] as { template: { metadata: object; spec: object } };
  const labels = { ...podLabels(role), 'pod-template-hash': hashOf(role) };
  return store.create({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: `web-${role}-1`, namespace: 'shop', labels, ownerReferences: [ownerReference(live)] },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: { ...template, metadata: { labels } } },
  });
}

function ownerReference({ apiVersion, kind, metadata }: KubeObject) {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid!, controller: true };
}

/** The hash of a role's pod template. */
export const hashOf = (role: Role): string => `hash-of-${role}`;

export const podsOf = (role: Role): readonly string[] => [`${role}-1`, `${role}-2`];

export const selectedRole = (cluster: MemoryCluster): unknown =>
  (cluster.store.get(publicRef)?.['spec'] as { selector: { role: string } } | undefined)?.selector.role;

/** Keeps the EndpointSlice of each Service up to date, as the controller of a real cluster does. */
export function followService({ store }: MemoryCluster): void {
  store.watch({ apiVersion: 'v1', kind: 'Service' }, ({ type, object }) => {
    const { selector } = object['spec'] as { selector: Record<string, string> };
    const name = `${object.metadata.name}-1`;
    const pods = store.list({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop' }, { labels: selector });
    const slice: KubeObject = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': object.metadata.name } },
      addressType: 'IPv4',
      endpoints: pods.map(({ metadata: { name, uid } }) => {
        return { addresses: ['127.0.0.2'], targetRef: { kind: 'Pod', name, uid } };
      }),
    };
    queueMicrotask(() => {
      const live = store.get(refOf(slice));
      if (type === 'DELETED') store.remove(refOf(slice));
      else if (live === undefined) store.create(slice);
      else store.update(slice);
    });
  });
}
