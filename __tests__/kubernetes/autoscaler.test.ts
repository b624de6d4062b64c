import { describe, expect, it } from '@jest/globals';
import { isAutoscaler, isScaleTarget } from '../../src/kubernetes/autoscaler.js';
import type { KubeObject } from '../../src/kubernetes/object.js';

const workload: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
};
const autoscaler = (scaleTargetRef: object, namespace = 'shop') => ({
  metadata: { name: 'sizer', namespace },
  spec: { scaleTargetRef },
});

describe('an autoscaler', () => {
  it.each([
    ['autoscaling/v2', 'HorizontalPodAutoscaler', true],
    ['autoscaling/v1', 'HorizontalPodAutoscaler', true],
    ['keda.sh/v1alpha1', 'ScaledObject', true],
    ['keda.sh/v1alpha1', 'ScaledJob', false],
    ['apps/v1', 'Deployment', false],
  ])('%s %s: %s', (apiVersion, kind, is) => {
    expect(isAutoscaler({ apiVersion, kind })).toBe(is);
  });

  it.each([
    ['of this kind and name', { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, true],
    ['of an older version of the group', { apiVersion: 'apps/v1beta2', kind: 'Deployment', name: 'web' }, true],
    ['of this name alone, as in KEDA', { name: 'web' }, true],
    ['of another name', { kind: 'Deployment', name: 'worker' }, false],
    ['of another kind', { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web' }, false],
    ['of another group', { apiVersion: 'argoproj.io/v1alpha1', kind: 'Deployment', name: 'web' }, false],
  ])('with a target %s', (_what, target, scales) => {
    expect(isScaleTarget(workload, autoscaler(target))).toBe(scales);
  });

  it('scales only workloads of its own namespace', () => {
    expect(isScaleTarget(workload, autoscaler({ kind: 'Deployment', name: 'web' }, 'other'))).toBe(false);
  });
});
