import { describe, expect, it } from '@jest/globals';
import { withField, type Path } from '../../src/kubernetes/fields.js';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import { changesSinceVerified, identify } from '../../src/traffic/identity.js';
import { memoryCluster, type MemoryCluster } from '../support/cluster/memory-cluster.js';
import { deployment } from '../support/strategies/shop.js';

const green = deployment('green');
const ref = refOf(green);
const config: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'web-green', namespace: 'shop' },
  data: { version: 'v2' },
};
const container = ['spec', 'template', 'spec', 'containers', 0] as const;

/** Another manager writes one field of the live Deployment. */
function write(cluster: MemoryCluster, path: Path, value: unknown): void {
  cluster.store.update(withField(cluster.store.get(ref)!, path, value), { manager: 'kubectl' });
}

describe('the changes of an object since it was verified', () => {
  const verified = async () => {
    const cluster = memoryCluster();
    await cluster.apply(green);
    return { cluster, identity: identify(cluster.store.get(ref)!, 'abc') };
  };

  it('are none for the object itself, whose template hash ties its pods to it', async () => {
    const { cluster, identity } = await verified();
    expect(identity).toMatchObject({ ref, uid: cluster.store.get(ref)?.metadata.uid, templateHash: 'abc' });
    expect(changesSinceVerified(identity, cluster.store.get(ref))).toEqual([]);
  });

  it.each<[string, (cluster: MemoryCluster) => unknown]>([
    ['the same manifest was applied again', cluster => cluster.apply(green)],
    ['its size was changed', cluster => write(cluster, ['spec', 'replicas'], 9)],
    ['others added an annotation', cluster => write(cluster, ['metadata', 'annotations', 'theirs'], 'x')],
    ['others set a field that the release does not', cluster => write(cluster, ['spec', 'minReadySeconds'], 7)],
    [
      'its pods were restarted by hand',
      cluster => write(cluster, ['spec', 'template', 'metadata', 'annotations'], { restartedAt: 'now' }),
    ],
    [
      'its status changed',
      ({ store }) => store.update({ ...store.get(ref)!, status: { replicas: 2 } }, { part: 'status' }),
    ],
  ])('are none when %s', async (_what, happen) => {
    const { cluster, identity } = await verified();
    await happen(cluster);
    expect(changesSinceVerified(identity, cluster.store.get(ref))).toEqual([]);
  });

  it.each<[string, (cluster: MemoryCluster) => unknown, string]>([
    ['it was deleted', cluster => cluster.store.remove(ref), 'is gone'],
    [
      'it was recreated with the same content',
      async cluster => {
        cluster.store.remove(ref);
        await cluster.apply(green);
      },
      'was deleted and recreated',
    ],
    [
      'others set its image',
      cluster => write(cluster, [...container, 'image'], 'site:theirs'),
      'was changed in a field that the release sets',
    ],
    [
      'another manifest was applied',
      cluster => cluster.apply(withField(green, [...container, 'image'], 'site:v9')),
      'was changed in a field that the release sets',
    ],
    [
      'a manifest without one of its fields was applied',
      cluster => cluster.apply(withField(green, [...container, 'ports'], [])),
      'was changed in a field that the release sets',
    ],
  ])('say so when %s', async (_what, happen, reason) => {
    const { cluster, identity } = await verified();
    await happen(cluster);
    expect(changesSinceVerified(identity, cluster.store.get(ref))).toEqual([`Deployment shop/web-green ${reason}`]);
  });

  it('are told of configuration too', async () => {
    const cluster = memoryCluster();
    await cluster.apply(config);
    const identity = identify(cluster.store.get(refOf(config))!);
    expect(identity).not.toHaveProperty('templateHash');
    await cluster.apply({ ...config, data: { version: 'v3' } });
    expect(changesSinceVerified(identity, cluster.store.get(refOf(config)))).toEqual([
      'ConfigMap shop/web-green was changed in a field that the release sets',
    ]);
  });
});
