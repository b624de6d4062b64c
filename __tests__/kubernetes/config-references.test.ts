import { describe, expect, it } from '@jest/globals';
import { configReferences } from '../../src/kubernetes/pods/config-references.js';

const workload = (spec: object) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { template: { metadata: { labels: { app: 'web' } }, spec } },
});
const container = (members: object) => ({ containers: [{ name: 'web', image: 'web:1', ...members }] });
const volume = (source: object) => ({ ...container({}), volumes: [{ name: 'v', ...source }] });

describe('the configuration that pods read', () => {
  const env = (valueFrom: object) => [{ name: 'NAME', valueFrom }];
  it.each([
    [
      'an environment variable of a ConfigMap',
      container({ env: env({ configMapKeyRef: { name: 'c', key: 'k' } }) }),
      'ConfigMap/c',
    ],
    [
      'an environment variable of a Secret',
      container({ env: env({ secretKeyRef: { name: 's', key: 'k' } }) }),
      'Secret/s',
    ],
    ['a whole ConfigMap as environment', container({ envFrom: [{ configMapRef: { name: 'c' } }] }), 'ConfigMap/c'],
    ['a whole Secret as environment', container({ envFrom: [{ prefix: 'X_', secretRef: { name: 's' } }] }), 'Secret/s'],
    ['a volume of a ConfigMap', volume({ configMap: { name: 'c' } }), 'ConfigMap/c'],
    ['a volume of a Secret', volume({ secret: { secretName: 's' } }), 'Secret/s'],
    ['a projected ConfigMap', volume({ projected: { sources: [{ configMap: { name: 'c' } }] } }), 'ConfigMap/c'],
    ['a projected Secret', volume({ projected: { sources: [{ secret: { name: 's' } }] } }), 'Secret/s'],
    ['a pull secret', { ...container({}), imagePullSecrets: [{ name: 'registry' }] }, 'Secret/registry'],
    [
      'an init container',
      { initContainers: [{ envFrom: [{ configMapRef: { name: 'c' } }] }], containers: [] },
      'ConfigMap/c',
    ],
  ])('%s is found', (_what, spec, found) => {
    expect(configReferences(workload(spec)).map(({ kind, name }) => `${kind}/${name}`)).toEqual([found]);
  });

  it('each is listed once, however often it is read', () => {
    const twice = [{ configMapRef: { name: 'c' } }, { configMapRef: { name: 'c' } }, { secretRef: { name: 'c' } }];
    expect(configReferences(workload(container({ envFrom: twice })))).toEqual([
      { kind: 'ConfigMap', name: 'c' },
      { kind: 'Secret', name: 'c' },
    ]);
  });

  it('a Secret that only pulls images is marked, one that containers read too is not', () => {
    const pulling = { imagePullSecrets: [{ name: 's' }, { name: 'registry' }] };
    expect(configReferences(workload({ ...pulling, ...volume({ secret: { secretName: 's' } }) }))).toEqual([
      { kind: 'Secret', name: 's' },
      { kind: 'Secret', name: 'registry', pullOnly: true },
    ]);
  });

  it.each([
    ['pods that read none', container({ env: [{ name: 'A', value: 'b' }] })],
    ['volumes of another kind', volume({ emptyDir: {} })],
    ['a volume whose name is still missing', volume({ configMap: {} })],
    ['members that are null', { containers: null, volumes: null, imagePullSecrets: null }],
  ])('there are none for %s', (_what, spec) => {
    expect(configReferences(workload(spec))).toEqual([]);
  });

  it('labels with the name of a reference field are ignored', () => {
    const labels = { configMap: 'c', secret: 's' };
    const spec = { template: { metadata: { labels }, spec: container({}) } };
    expect(configReferences({ ...workload({}), spec })).toEqual([]);
  });

  it('an object without pods reads nothing', () => {
    const data = { configMapRef: { name: 'c' } };
    expect(configReferences({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data })).toEqual([]);
  });
});
