import { asJson, clone } from '../../../sandbox/api/schema/json.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import { refOf } from '../../../src/kubernetes/object.js';
import { canonical } from '../../../src/kubernetes/canonical.js';
import type { MemoryCluster } from './memory-cluster.js';

/** Deployment `web` of release `web` in namespace `shop`. */
export function webDeployment(image: string, spec: object = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop', annotations: { 'cutover/release': 'web' } },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } },
      ...spec,
    },
  };
}

export const webRef = refOf(webDeployment(''));

/** The live Deployment `web`. */
export function liveWeb(cluster: MemoryCluster): KubeObject {
  const object = cluster.store.get(webRef);
  if (object === undefined) throw new Error('there is no Deployment web');
  return object;
}

/** Scales the Deployment `web` through the scale subresource, as an autoscaler and `kubectl scale` do. */
export function scaleWeb(cluster: MemoryCluster, replicas: number, manager: string): void {
  scaleLive(cluster, liveWeb(cluster), { replicas, manager });
}

/** The same for any live workload. */
export function scaleLive(
  cluster: MemoryCluster,
  live: KubeObject,
  { replicas, manager }: { readonly replicas: number; readonly manager: string },
): void {
  const { registry } = cluster.store;
  const kind = registry.kinds.byKind(live.apiVersion, live.kind);
  if (kind === undefined) throw new Error(`${live.kind}s are not served`);
  const scaled = { ...live, spec: { ...(live['spec'] as object), replicas } };
  registry.update(kind, clone(asJson(scaled)), { manager, part: 'scale' });
}

/** The owners of the fields, without times; the order does not matter. Status entries are left out. */
export function ownersOf(object: KubeObject): readonly string[] {
  const entries = (object.metadata.managedFields ?? []) as readonly Readonly<Record<string, unknown>>[];
  return entries
    .filter(({ subresource }) => subresource !== 'status')
    .map(({ time: _time, ...entry }) => canonical(entry))
    .sort();
}
