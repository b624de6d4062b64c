import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { orderWaves, waveOf } from '../../src/plan/waves.js';

const item = (apiVersion: string, kind: string, name = kind) => ({ object: { apiVersion, kind, metadata: { name } } });

describe('the order of applying', () => {
  it.each([
    ['apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'foundations'],
    ['v1', 'Namespace', 'foundations'],
    ['scheduling.k8s.io/v1', 'PriorityClass', 'foundations'],
    ['rbac.authorization.k8s.io/v1', 'RoleBinding', 'configuration'],
    ['v1', 'ServiceAccount', 'configuration'],
    ['v1', 'ConfigMap', 'configuration'],
    ['v1', 'Secret', 'configuration'],
    ['v1', 'ResourceQuota', 'configuration'],
    ['v1', 'PersistentVolumeClaim', 'configuration'],
    ['policy/v1', 'PodDisruptionBudget', 'configuration'],
    ['v1', 'Service', 'services'],
    ['apps/v1', 'Deployment', 'workloads'],
    ['batch/v1', 'Job', 'workloads'],
    ['autoscaling/v2', 'HorizontalPodAutoscaler', 'workloads'],
    ['networking.k8s.io/v1', 'Ingress', 'rest'],
    ['serving.knative.dev/v1', 'Service', 'rest'],
    ['example.org/v1', 'Thing', 'rest'],
    ['admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration', 'webhooks'],
  ] as const)('puts %s %s with %s', (apiVersion, kind, stage) => {
    expect(waveOf(item(apiVersion, kind).object)).toBe(stage);
  });

  it('keeps the order inside a wave and leaves empty waves out', () => {
    const items = [
      item('apps/v1', 'Deployment', 'b'),
      item('example.org/v1', 'Thing'),
      item('v1', 'Secret'),
      item('v1', 'Namespace'),
      item('apps/v1', 'Deployment', 'a'),
      item('v1', 'ConfigMap'),
    ];
    expect(orderWaves(items).map(wave => [wave.name, wave.items.map(({ object }) => object.metadata.name)])).toEqual([
      ['foundations', ['Namespace']],
      ['configuration', ['Secret', 'ConfigMap']],
      ['workloads', ['b', 'a']],
      ['rest', ['Thing']],
    ]);
    expect(orderWaves([])).toEqual([]);
  });

  it('loses nothing and takes nothing twice', () => {
    const kinds = fc.constantFrom('Service', 'Secret', 'Namespace', 'Thing', 'Pod');
    fc.assert(
      fc.property(fc.array(kinds), drawn => {
        const items = drawn.map((kind, index) => item('v1', kind, String(index)));
        const ordered = orderWaves(items).flatMap(wave => wave.items);
        expect(new Set(ordered)).toEqual(new Set(items));
        expect(ordered).toHaveLength(items.length);
      }),
    );
  });
});
