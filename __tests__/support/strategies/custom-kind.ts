import type { MemoryCluster } from '../cluster/memory-cluster.js';

/** Serves a namespaced kind of any content, without a controller. `apiVersion`: with a group. */
export function givenCustomKind(cluster: MemoryCluster, apiVersion: string, kind: string): void {
  const [group = '', version = ''] = apiVersion.split('/');
  const plural = `${kind.toLowerCase()}s`;
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  cluster.given({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      ...{ group, scope: 'Namespaced', names: { kind, plural } },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  });
}
