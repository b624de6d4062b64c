import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../src/manifests/object.js';
import { crdReadiness, namespaceReadiness } from '../../src/rollout/resource-readiness.js';
import {
  daemonSetReadiness,
  deploymentReadiness,
  jobReadiness,
  podReadiness,
  statefulSetReadiness,
} from '../../src/rollout/workload-readiness.js';
import { deployment, pod } from './objects.js';

const two = [pod({ name: 'a' }), pod({ name: 'b' })];
const condition = (type: string, status: string, more: object = {}): object => ({ type, status, ...more });

describe('a Deployment', () => {
  it.each([
    ['is ready when updated, ready and available are as asked and no old pod is left', {}, two, true, '2 of 2 ready'],
    ['is ready with no pods when none are asked for', { replicas: 0 }, [], true, '0 of 0 ready'],
    [
      'waits for its controller',
      { generation: 3, status: { observedGeneration: 2 } },
      two,
      false,
      'its controller has not seen the change yet',
    ],
    [
      'waits while its controller has said nothing at all',
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
    ['does not believe counts that its own pods do not bear out', {}, [pod()], false, '1 of 2 ready'],
    [
      'does not count a pod that is being deleted',
      {},
      [pod(), pod({ name: 'b', deleting: true })],
      false,
      '1 of 2 ready',
    ],
  ])('%s', (...[, facts, pods, ok, reason]) => {
    expect(deploymentReadiness(deployment(facts), pods)).toMatchObject({ done: ok, ok, reason });
  });

  it.each([
    [
      'is paused',
      { paused: true, status: { updatedReplicas: 0 } },
      'it is paused, so its new pods will not start; remove spec.paused',
      0,
    ],
    [
      'ran out of its own deadline',
      {
        status: {
          readyReplicas: 0,
          conditions: [condition('Progressing', 'False', { reason: 'ProgressDeadlineExceeded' })],
        },
      },
      '0 of 2 ready when its progressDeadlineSeconds were over',
      5_000,
    ],
    [
      'may not make its pods',
      {
        status: {
          updatedReplicas: 0,
          readyReplicas: 0,
          conditions: [condition('ReplicaFailure', 'True', { reason: 'FailedCreate', message: 'exceeded quota: q' })],
        },
      },
      'its pods cannot be made: exceeded quota: q',
      5_000,
    ],
  ])('cannot become ready when it %s', (...[, facts, reason, patienceMs]) => {
    expect(deploymentReadiness(deployment(facts), [])).toEqual({ done: true, ok: false, reason, patienceMs });
  });

  it('is ready even where a condition of an earlier version was left behind', () => {
    const stale = { conditions: [condition('Progressing', 'False', { reason: 'ProgressDeadlineExceeded' })] };
    expect(deploymentReadiness(deployment({ status: stale }), two).ok).toBe(true);
  });
});

function object(kind: string, spec: object, status: object): KubeObject {
  return { apiVersion: 'v1', kind, metadata: { name: 'x', generation: 1 }, spec, status };
}

describe('a Job', () => {
  it.each([
    ['is ready when complete', {}, { conditions: [condition('Complete', 'True')] }, true, true, 'complete'],
    ['is not waited for when suspended', { suspend: true }, {}, true, true, 'suspended, not waited for'],
    [
      'waits while it runs',
      { completions: 3 },
      { succeeded: 1, active: 2 },
      false,
      false,
      '1 of 3 complete, 2 running',
    ],
    [
      'fails for good',
      {},
      { conditions: [condition('Failed', 'True', { reason: 'BackoffLimitExceeded', message: 'too many' })] },
      true,
      false,
      'it failed: BackoffLimitExceeded: too many',
    ],
  ])('%s', (...[, spec, status, done, ok, reason]) => {
    expect(jobReadiness(object('Job', spec, status))).toMatchObject({ done, ok, reason });
  });
});

describe('a Pod on its own', () => {
  it.each([
    ['is ready when it says so', pod(), true, true, 'ready'],
    ['is ready when it ran to its end', pod({ phase: 'Succeeded', ready: false }), true, true, 'complete'],
    ['fails when it failed', pod({ phase: 'Failed', ready: false }), true, false, 'it failed: see its containers'],
    ['waits while it starts', pod({ phase: 'Pending', ready: false }), false, false, 'pending, not ready'],
  ])('%s', (...[, subject, done, ok, reason]) => {
    expect(podReadiness(subject)).toMatchObject({ done, ok, reason });
  });
});

describe('sets', () => {
  const set = { observedGeneration: 1, replicas: 3, updatedReplicas: 3, readyReplicas: 3 };
  it.each([
    ['ready when all are updated and ready', { replicas: 3 }, set, true, '3 of 3 ready'],
    ['waiting for the last update', { replicas: 3 }, { ...set, updatedReplicas: 2 }, false, '3 of 3 ready, 2 updated'],
    [
      'content with a partition',
      { replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } } },
      { ...set, updatedReplicas: 1 },
      true,
      '3 of 3 ready',
    ],
    [
      'ready at once under OnDelete',
      { replicas: 3, updateStrategy: { type: 'OnDelete' } },
      { ...set, updatedReplicas: 0 },
      true,
      '3 of 3 ready; OnDelete: pods change when somebody deletes them',
    ],
    [
      'waiting for their controller',
      { replicas: 3 },
      { ...set, observedGeneration: 0 },
      false,
      'its controller has not seen the change yet',
    ],
  ])('StatefulSets are %s', (...[, spec, status, ok, reason]) => {
    expect(statefulSetReadiness(object('StatefulSet', spec, status))).toMatchObject({ done: ok, ok, reason });
  });

  it.each([
    [
      'ready on every node',
      { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 },
      true,
      '2 of 2 available',
    ],
    [
      'waiting for the update',
      { desiredNumberScheduled: 2, updatedNumberScheduled: 1, numberAvailable: 2 },
      false,
      '2 of 2 available, 1 updated',
    ],
    ['waiting for their controller', {}, false, 'its controller has not seen the change yet'],
  ])('DaemonSets are %s', (...[, status, ok, reason]) => {
    const subject = object('DaemonSet', {}, { observedGeneration: 1, ...status });
    expect(daemonSetReadiness(subject)).toMatchObject({ done: ok, ok, reason });
  });
});

describe('what others need to exist', () => {
  it.each([
    [
      'usable once established',
      [condition('Established', 'True'), condition('NamesAccepted', 'True')],
      true,
      true,
      'established',
    ],
    ['awaited before that', [condition('Established', 'False')], false, false, 'not established yet'],
    [
      'hopeless when its names are taken',
      [condition('NamesAccepted', 'False', { message: 'widgets is in use' })],
      true,
      false,
      'its names are taken: widgets is in use',
    ],
  ])('a CustomResourceDefinition is %s', (...[, conditions, done, ok, reason]) => {
    expect(crdReadiness(object('CustomResourceDefinition', {}, { conditions }))).toMatchObject({ done, ok, reason });
  });

  it.each([
    ['Active', true, 'active'],
    ['Terminating', false, 'it is being deleted'],
    [undefined, false, 'not active yet'],
  ])('a Namespace in phase %s', (phase, ok, reason) => {
    expect(namespaceReadiness(object('Namespace', {}, { phase }))).toMatchObject({ ok, reason });
  });
});
