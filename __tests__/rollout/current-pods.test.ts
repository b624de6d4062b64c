import { expect, it } from '@jest/globals';
import { currentPods } from '../../src/rollout/current-pods.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { memoryCluster } from '../support/cluster/memory-cluster.js';

interface PodFacts {
  readonly owner: { readonly kind: string; readonly name: string; readonly uid: string };
  readonly labels: Readonly<Record<string, string>>;
}

const pod = (name: string, { owner, labels }: PodFacts): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'shop',
    labels,
    ownerReferences: [{ apiVersion: 'apps/v1', controller: true, ...owner }],
  },
  spec: { containers: [{ name: 'web', image: 'web:v1' }] },
});

it.each([
  ['Deployment', 'pod-template-hash', { kind: 'ReplicaSet', name: 'web-5d', uid: 'of-the-set' }],
  ['StatefulSet', 'controller-revision-hash', { kind: 'StatefulSet', name: 'web', uid: 'of-web' }],
])('the pods of a %s by now are its own, of the same version, that have not ended', async (kind, label, owner) => {
  const cluster = memoryCluster();
  const own = { owner, labels: { [label]: '5d' } };
  cluster.given(
    pod('new', own),
    pod('old', { owner, labels: { [label]: '4c' } }),
    pod('strange', { owner: { ...owner, name: 'other-5d', uid: 'of-another' }, labels: { [label]: '5d' } }),
    pod('evicted', own),
  );
  const evicted = cluster.store.get({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'evicted' })!;
  cluster.store.update({ ...evicted, status: { phase: 'Failed' } }, { part: 'status' });
  const ref = { apiVersion: 'apps/v1', kind, namespace: 'shop', name: 'web' };
  const found = await currentPods(cluster, { ref, uid: 'of-web', generation: 1, pods: [], templateHash: '5d' });
  expect(found.map(({ metadata }) => metadata.name)).toEqual(['new']);
});
