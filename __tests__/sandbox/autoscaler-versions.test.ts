import { describe, expect, it } from '@jest/globals';
import { autoscalerToV1, autoscalerToV2 } from '../../sandbox/api/schema/autoscaler-v1.js';
import type { JsonObject } from '../../sandbox/api/schema/json.js';
import { createStore } from '../../sandbox/api/store/memory-store.js';
import type { KubeObject } from '../../sandbox/object.js';

const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const v2 = (spec: JsonObject, status?: JsonObject): JsonObject => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web', namespace: 'default' },
  spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 3, ...spec },
  ...(status === undefined ? {} : { status }),
});
const annotation = (name: string): string => `autoscaling.alpha.kubernetes.io/${name}`;

const metric = { name: 'requests', selector: { matchLabels: { a: 'b' } } };
const value = { type: 'Value', value: '5' };
const average = { type: 'AverageValue', averageValue: '10' };
const describedObject = { apiVersion: 'v1', kind: 'Service', name: 'web' };
const utilization = { type: 'Utilization', averageUtilization: 60 };

describe('An autoscaler in autoscaling/v1', () => {
  it.each<[string, JsonObject]>([
    ['of the memory', { type: 'Resource', resource: { name: 'memory', target: average } }],
    ['of the CPU by its value', { type: 'Resource', resource: { name: 'cpu', target: average } }],
    [
      'of a container',
      { type: 'ContainerResource', containerResource: { name: 'cpu', container: 'web', target: utilization } },
    ],
    ['of pods', { type: 'Pods', pods: { metric, target: average } }],
    ['of an object', { type: 'Object', object: { metric, describedObject, target: value } }],
    ['of an object by its pods', { type: 'Object', object: { metric, describedObject, target: average } }],
    ['outside the cluster', { type: 'External', external: { metric, target: value } }],
    ['outside the cluster by its pods', { type: 'External', external: { metric, target: average } }],
  ])('keeps a metric %s in an annotation', (_what, one) => {
    const shown = autoscalerToV1(v2({ metrics: [one] }));
    expect(shown).toHaveProperty(['metadata', 'annotations', annotation('metrics')]);
    expect(autoscalerToV2(shown)).toEqual(v2({ metrics: [one] }));
  });

  it('keeps half a behavior', () => {
    const spec = { metrics: [], behavior: { scaleDown: { selectPolicy: 'Disabled' }, scaleUp: { policies: [] } } };
    expect(autoscalerToV2(autoscalerToV1(v2(spec)))).toHaveProperty('spec.behavior', spec.behavior);
  });

  it('shows the used CPU, and keeps what else the status says', () => {
    const status = {
      currentReplicas: 2,
      desiredReplicas: 3,
      currentMetrics: [
        { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 70, averageValue: '700m' } } },
      ],
      conditions: [{ type: 'AbleToScale', status: 'True' }],
    };
    const object = v2({ metrics: [{ type: 'Resource', resource: { name: 'cpu', target: utilization } }] }, status);
    const shown = autoscalerToV1(object);
    expect(shown.status).toEqual({ currentReplicas: 2, desiredReplicas: 3, currentCPUUtilizationPercentage: 70 });
    expect(autoscalerToV2(shown)).toEqual(object);
  });

  it('is watched in its version, and keeps its status when it is written', () => {
    const store = createStore();
    const seen: unknown[] = [];
    const kind = { apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscaler' };
    store.watch(kind, ({ object }) => seen.push([object.apiVersion, object['spec']]));
    const made = store.create({
      ...kind,
      metadata: { name: 'web', namespace: 'default' },
      spec: { scaleTargetRef, maxReplicas: 3 },
    });
    const spec = { scaleTargetRef, minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 80 };
    expect(seen).toEqual([['autoscaling/v1', spec]]);
    const stored = store.get({ ...kind, apiVersion: 'autoscaling/v2', name: 'web', namespace: 'default' });
    store.update({ ...(stored as KubeObject), status: { desiredReplicas: 3 } }, { part: 'status' });
    const { resourceVersion: _, ...metadata } = made.metadata;
    store.update({ ...made, metadata, spec: { ...spec, maxReplicas: 4 } });
    const after = store.get({ ...kind, name: 'web', namespace: 'default' });
    expect(after).toMatchObject({
      apiVersion: 'autoscaling/v1',
      metadata: { generation: 2 },
      spec: { maxReplicas: 4 },
      status: { currentReplicas: 0, desiredReplicas: 3 },
    });
  });
});
