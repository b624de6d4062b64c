import { describe, expect, it } from '@jest/globals';
import { applyRuleOf, isAwaited, rolloutRuleOf } from '../../src/rollout/readiness/table.js';

describe('The readiness rule', () => {
  it.each([
    ['apps/v1', 'Deployment', ['Pod', 'ReplicaSet']],
    ['apps/v1', 'StatefulSet', ['Pod']],
    ['apps/v1', 'DaemonSet', ['Pod']],
    ['batch/v1', 'Job', ['Pod']],
    ['v1', 'Pod', []],
    ['shop.test/v1', 'Widget', []],
  ])('of %s %s is for the end of a deploy and watches %j beside the kind itself', (apiVersion, kind, watched) => {
    expect(rolloutRuleOf({ apiVersion, kind })?.watch.map(other => other.kind)).toEqual(watched);
    expect(applyRuleOf({ apiVersion, kind })).toBeUndefined();
    expect(isAwaited({ apiVersion, kind })).toBe(true);
  });

  it.each([
    ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
    ['v1', 'Namespace'],
    ['v1', 'PersistentVolumeClaim'],
    ['autoscaling/v2', 'HorizontalPodAutoscaler'],
    ['batch/v1', 'CronJob'],
  ])('of %s %s is for the moment after it is applied', (apiVersion, kind) => {
    expect(applyRuleOf({ apiVersion, kind })).toBeDefined();
    expect(rolloutRuleOf({ apiVersion, kind })).toBeUndefined();
  });

  it('does not exist for other kinds of Kubernetes', () => {
    const service = { apiVersion: 'v1', kind: 'Service' };
    expect([applyRuleOf(service), rolloutRuleOf(service)]).toEqual([undefined, undefined]);
  });
});
