import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { customResourceDefinitionReadiness } from '../../src/rollout/readiness/custom-resource-definition.js';
import { daemonSetReadiness } from '../../src/rollout/readiness/daemon-set.js';
import { deploymentReadiness } from '../../src/rollout/readiness/deployment.js';
import { jobReadiness } from '../../src/rollout/readiness/job.js';
import { namespaceReadiness } from '../../src/rollout/readiness/namespace.js';
import { podReadiness } from '../../src/rollout/readiness/pod.js';
import { deployment, pod } from '../support/objects.js';

const two = [pod({ name: 'a' }), pod({ name: 'b' })];
const condition = (type: string, status: string, more: object = {}): object => ({ type, status, ...more });

describe('a Deployment', () => {
  it.each([
    [
      'is ready when all replicas are updated, ready and available and no old pod is left',
      {},
      two,
      true,
      '2 of 2 ready',
    ],
    ['is ready without pods when replicas is 0', { replicas: 0 }, [], true, '0 of 0 ready'],
    [
      'waits for its controller',
      { generation: 3, status: { observedGeneration: 2 } },
      two,
      false,
      'its controller has not seen the change yet',
    ],
    [
      'waits while its controller has written no status',
      { status: { observedGeneration: undefined } },
      [],
      false,
      'its controller has not seen the change yet',
    ],
    [
      'waits for pods to be started',
      { status: { updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 } },
      [pod()],
      false,
      '1 of 2 ready, 1 started',
    ],
    [
      'waits for pods to be ready',
      { status: { readyReplicas: 1, availableReplicas: 1 } },
      [pod(), pod({ name: 'b', ready: false })],
      false,
      '1 of 2 ready',
    ],
    ['waits for minReadySeconds', { status: { availableReplicas: 1 } }, two, false, '2 of 2 ready, 1 available'],
    [
      'waits until old pods are gone',
      { status: { replicas: 4 } },
      two,
      false,
      '2 of 2 ready, 2 old pods still running',
    ],
    ['is not ready by counts that its own pods contradict', {}, [pod()], false, '1 of 2 ready'],
    [
      'is ready beside a pod that was evicted and replaced',
      {},
      [...two, pod({ name: 'c', ready: false, phase: 'Failed' })],
      true,
      '2 of 2 ready',
    ],
    ['does not count an evicted pod', {}, [pod(), pod({ name: 'b', phase: 'Failed' })], false, '1 of 2 ready'],
    [
      'does not count a pod that is being deleted',
      {},
      [pod(), pod({ name: 'b', deleting: true })],
      false,
      '1 of 2 ready',
    ],
  ])('%s', (...[, fields, pods, ok, reason]) => {
    expect(deploymentReadiness(deployment(fields), pods)).toMatchObject({ done: ok, ok, reason });
  });

  it.each([
    [
      'is paused',
      { paused: true, status: { updatedReplicas: 0 } },
      'it is paused, so its new pods will not start; somebody paused it: run `kubectl rollout resume deployment/web --namespace shop`',
      { toleranceMs: 0 },
    ],
    [
      'exceeded its progressDeadlineSeconds',
      {
        status: {
          readyReplicas: 0,
          conditions: [condition('Progressing', 'False', { reason: 'ProgressDeadlineExceeded' })],
        },
      },
      '0 of 2 ready when its progressDeadlineSeconds expired',
      { toleranceMs: 5_000 },
    ],
    [
      'cannot create its pods',
      {
        status: {
          updatedReplicas: 0,
          readyReplicas: 0,
          conditions: [condition('ReplicaFailure', 'True', { reason: 'FailedCreate', message: 'exceeded quota: q' })],
        },
      },
      'its pods cannot be created: exceeded quota: q',
      { toleranceMs: 5_000, mayEndWith: 'pods' },
    ],
  ])('cannot become ready when it %s', (...[, fields, reason, patience]) => {
    expect(deploymentReadiness(deployment(fields), [])).toEqual({ done: true, ok: false, reason, ...patience });
  });

  it('is ready even where a condition of an earlier version remains', () => {
    const stale = { conditions: [condition('Progressing', 'False', { reason: 'ProgressDeadlineExceeded' })] };
    expect(deploymentReadiness(deployment({ status: stale }), two).ok).toBe(true);
  });
});

function object(kind: string, spec: object, status: object): KubeObject {
  return { apiVersion: 'v1', kind, metadata: { name: 'x', generation: 1 }, spec, status };
}

describe('a Job', () => {
  it('waits while it runs', () => {
    const running = object('Job', { completions: 3 }, { succeeded: 1, active: 2 });
    expect(jobReadiness(running)).toEqual({ done: false, ok: false, reason: '1 of 3 complete, 2 running' });
  });
});

describe('a Pod on its own', () => {
  it('waits until it is scheduled', () => {
    expect(podReadiness(object('Pod', {}, {}))).toMatchObject({ done: false, reason: 'not scheduled yet' });
  });
});

describe('a DaemonSet', () => {
  it('has a warning when no node matches it', () => {
    expect(daemonSetReadiness(object('DaemonSet', {}, { observedGeneration: 1, desiredNumberScheduled: 0 }))).toEqual({
      done: true,
      ok: true,
      reason: '0 of 0 available',
      note: { level: 'warning', text: 'no node of the cluster matches it, so it has no pods' },
    });
  });

  const onNode = (node: string, version: string, ready = true): KubeObject => ({
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: {
      name: `on-${node}`,
      labels: { 'controller-revision-hash': version, 'pod-template-generation': version.slice(1) },
    },
    spec: { nodeName: node },
    status: {
      phase: 'Running',
      conditions: [condition('Ready', ready ? 'True' : 'False'), condition('ContainersReady', 'True')],
    },
  });
  const set = (status: object, rollingUpdate: object = {}): KubeObject => {
    const spec = { updateStrategy: { type: 'RollingUpdate', rollingUpdate } };
    const { metadata, ...rest } = object('DaemonSet', spec, { observedGeneration: 1, ...status });
    return {
      ...rest,
      metadata: { ...metadata, annotations: { 'deprecated.daemonset.template.generation': '2' } },
    };
  };

  it.each([
    ['counts among those desired', { desiredNumberScheduled: 3, updatedNumberScheduled: 2, numberAvailable: 2 }],
    [
      'has the new version',
      { desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 2 },
      onNode('c', 'v2', false),
    ],
  ])(
    'is ready, with a warning, without a node that does not answer and %s',
    (_what, status, lost = onNode('c', 'v1', false)) => {
      const pods = [onNode('a', 'v2'), onNode('b', 'v2'), lost];
      expect(daemonSetReadiness(set(status), pods)).toMatchObject({
        ok: true,
        note: {
          level: 'warning',
          text: 'node c is not ready, so the new version does not run there; it runs on all others',
        },
      });
    },
  );

  it.each([
    [
      'another node has the previous version',
      { desiredNumberScheduled: 3, updatedNumberScheduled: 1, numberAvailable: 2 },
      [onNode('a', 'v2'), onNode('b', 'v1')],
      '2 of 3 available, 1 updated; node c is not ready, and its maxUnavailable lets no pod be replaced elsewhere before that changes',
    ],
    [
      'the pod of another node is missing, and the lost one does not count',
      { desiredNumberScheduled: 2, updatedNumberScheduled: 1, numberAvailable: 1, numberMisscheduled: 1 },
      [onNode('a', 'v2')],
      '1 of 2 available, 1 updated; node c is not ready, and its maxUnavailable lets no pod be replaced elsewhere before that changes',
    ],
  ])('waits, and names a node that does not answer, while %s', (...[, status, others, reason]) => {
    expect(daemonSetReadiness(set(status), [...others, onNode('c', 'v1', false)])).toEqual({
      done: false,
      ok: false,
      reason,
    });
  });

  it('only names the node where its maxUnavailable lets the rollout go on', () => {
    const status = { desiredNumberScheduled: 3, updatedNumberScheduled: 1, numberAvailable: 2 };
    const pods = [onNode('a', 'v2'), onNode('b', 'v1'), onNode('c', 'v1', false)];
    expect(daemonSetReadiness(set(status, { maxUnavailable: '50%' }), pods)).toMatchObject({
      reason: '2 of 3 available, 1 updated; node c is not ready',
    });
  });

  it('does not take a pod whose readiness probe fails for one of a node that does not answer', () => {
    const failing = onNode('c', 'v2', false);
    const conditions = [
      condition('Ready', 'False', { reason: 'ContainersNotReady' }),
      condition('ContainersReady', 'False'),
    ];
    const status = { desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 2 };
    const pods = [onNode('a', 'v2'), onNode('b', 'v2'), { ...failing, status: { phase: 'Running', conditions } }];
    expect(daemonSetReadiness(set(status), pods)).toMatchObject({ ok: false, reason: '2 of 3 available' });
  });

  it('waits for nodes that have not been updated', () => {
    const status = { observedGeneration: 1, desiredNumberScheduled: 2, updatedNumberScheduled: 1, numberAvailable: 2 };
    expect(daemonSetReadiness(object('DaemonSet', {}, status))).toMatchObject({
      done: false,
      reason: '2 of 2 available, 1 updated',
    });
  });
});

describe('an object that others need', () => {
  it('is not ready while a definition is not established', () => {
    const conditions = [condition('Established', 'False')];
    expect(customResourceDefinitionReadiness(object('CustomResourceDefinition', {}, { conditions }))).toMatchObject({
      done: false,
      reason: 'not established yet',
    });
  });

  it('is not ready while a Namespace has no phase', () => {
    expect(namespaceReadiness(object('Namespace', {}, {}))).toMatchObject({ done: false, reason: 'not active yet' });
  });
});
