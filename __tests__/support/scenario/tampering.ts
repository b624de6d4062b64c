import { gunzipSync, gzipSync } from 'node:zlib';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import type { TestNamespace } from './test-namespace.js';

/** A part of a record, as JSON. */
export type Json = Record<string, unknown>;

/**
 * Changes one key of a release's record as somebody who may write Secrets can. `name` is that of the Secret: `cutover-shop` with
 * the key `state`, `cutover-shop.2` with `info` and `bulk`.
 */
export async function tamper(
  ns: TestNamespace,
  { name, key }: { readonly name: string; readonly key: 'state' | 'info' | 'bulk' },
  change: (record: Json) => Json,
): Promise<void> {
  const secret = await ns.get('Secret', name);
  const bytes = Buffer.from((secret?.['data'] as Record<string, string>)[key] ?? '', 'base64');
  const record = JSON.parse((key === 'bulk' ? gunzipSync(bytes) : bytes).toString()) as Json;
  const text = JSON.stringify(change(record));
  const data = { [key]: (key === 'bulk' ? gzipSync(text) : Buffer.from(text)).toString('base64') };
  await ns.cluster.kube.patch({ kind: 'Secret', namespace: ns.namespace, name }, { data });
}

/** Objects that a forged record names: two that give rights, and those of a neighbour, another release that is live. */
export interface Foreign {
  readonly clusterRoleBinding: KubeObject;
  readonly roleBinding: KubeObject;
  /** The neighbour's Deployment without replicas. */
  readonly deployment: KubeObject;
  readonly configMap: KubeObject;
  readonly service: KubeObject;
  /** Resource versions of the neighbour's objects, and the names of those that give rights and exist. */
  now(): Promise<unknown>;
}

/** Makes the neighbour, and names what a forged record wants. */
export async function foreignObjects(ns: TestNamespace): Promise<Foreign> {
  const { kube } = ns.cluster;
  const { namespace } = ns;
  const metadata = { name: 'neighbour', namespace, annotations: { 'cutover/release': 'neighbour' } };
  const labels = { app: 'neighbour' };
  const pod = { containers: [{ name: 'site', image: `${ns.cluster.images.site}:v1` }] };
  const configMap: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: 'b' } };
  const service: KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { selector: labels, ports: [{ port: 80 }] },
  };
  const deployment: KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    // Without pods, so that nobody writes its status any more.
    spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
  };
  for (const object of [configMap, service, deployment]) await kube.create(object);
  await ns.until('the neighbour is settled', async () => {
    const status = (await ns.get('Deployment', 'neighbour'))?.['status'] as { observedGeneration?: number } | undefined;
    return status?.observedGeneration === 1;
  });
  const name = `forged-${namespace}`;
  const rbac = 'rbac.authorization.k8s.io';
  const roleRef = { apiGroup: rbac, kind: 'ClusterRole', name: 'cluster-admin' };
  const subjects = [{ kind: 'ServiceAccount', name: 'default', namespace }];
  return {
    clusterRoleBinding: { apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding', metadata: { name }, roleRef, subjects },
    roleBinding: { apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata: { name, namespace }, roleRef, subjects },
    deployment: { ...deployment, spec: { ...(deployment['spec'] as object), paused: true } },
    configMap,
    service,
    now: async () => ({
      neighbour: await Promise.all(
        (['ConfigMap', 'Service', 'Deployment'] as const).map(
          async kind => (await ns.get(kind, 'neighbour'))?.metadata.resourceVersion,
        ),
      ),
      rights: [
        await kube.get({ kind: 'ClusterRoleBinding', namespace: '', name }),
        await kube.get({ kind: 'RoleBinding', namespace, name }),
      ],
    }),
  };
}
