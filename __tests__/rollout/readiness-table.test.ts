import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { Inventory } from '../../src/rollout/inventory.js';
import { applyRuleOf, isAwaited, rolloutRuleOf } from '../../src/rollout/readiness/table.js';

const minimal = (apiVersion: string, kind: string): KubeObject => ({ apiVersion, kind, metadata: { name: 'x' } });

/** The reason and note of a kind's rule, for an object with only these fields. Each rule has words of its own for such an object. */
function judged(apiVersion: string, kind: string, fields: object = {}): string {
  const object = { ...minimal(apiVersion, kind), ...fields };
  const readiness =
    applyRuleOf(object)?.judge(object) ??
    rolloutRuleOf(object)?.judge(object, { inventory: new Inventory() }).readiness;
  const note = readiness?.done && readiness.ok ? readiness.note?.text : undefined;
  return [readiness?.reason, note].filter(text => text !== undefined).join('; ');
}

describe('The readiness rule', () => {
  it.each([
    ['apps/v1', 'Deployment', ['Pod', 'ReplicaSet'], '0 of 1 ready, 0 started'],
    ['apps/v1', 'StatefulSet', ['Pod'], '0 of 1 ready, 0 updated'],
    ['apps/v1', 'DaemonSet', ['Pod'], 'its controller has not seen the change yet'],
    ['batch/v1', 'Job', ['Pod'], '0 of 1 complete, 0 running'],
    ['v1', 'Pod', [], 'not scheduled yet'],
    ['shop.test/v1', 'Widget', [], 'has no Ready condition to wait for'],
  ])('of %s %s is for the end of a deploy and watches %j beside the kind itself', (apiVersion, kind, ...expected) => {
    const [watched, reason] = expected;
    expect(rolloutRuleOf({ apiVersion, kind })?.watch.map(other => other.kind)).toEqual(watched);
    expect(applyRuleOf({ apiVersion, kind })).toBeUndefined();
    expect(isAwaited({ apiVersion, kind })).toBe(true);
    expect(judged(apiVersion, kind)).toBe(reason);
  });

  const inactive = { status: { conditions: [{ type: 'ScalingActive', status: 'False', reason: 'NoMetrics' }] } };
  it.each<[apiVersion: string, kind: string, fields: object, reason: string]>([
    ['apiextensions.k8s.io/v1', 'CustomResourceDefinition', {}, 'not established yet'],
    ['v1', 'Namespace', {}, 'not active yet'],
    ['v1', 'PersistentVolumeClaim', {}, 'not bound; not bound yet: it binds with the first pod that uses it'],
    [
      'autoscaling/v2',
      'HorizontalPodAutoscaler',
      inactive,
      'applied; it does not scale (ScalingActive is False): NoMetrics',
    ],
    [
      'batch/v1',
      'CronJob',
      { spec: { suspend: true } },
      'applied; it is suspended (spec.suspend), so it starts no Jobs',
    ],
  ])('of %s %s is for the moment after it is applied', (apiVersion, kind, ...[fields, reason]) => {
    expect(applyRuleOf({ apiVersion, kind })).toBeDefined();
    expect(judged(apiVersion, kind, fields)).toBe(reason);
    expect(rolloutRuleOf({ apiVersion, kind })).toBeUndefined();
  });

  it('does not exist for other kinds of Kubernetes', () => {
    const service = { apiVersion: 'v1', kind: 'Service' };
    expect([applyRuleOf(service), rolloutRuleOf(service)]).toEqual([undefined, undefined]);
  });
});
