import { describe, expect, it } from '@jest/globals';
import type { CutoverError } from '../../src/errors.js';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import { observe, type ReadyWorkload } from '../../src/rollout/observer.js';
import { manualClock, settle } from '../support/clock.js';
import { watchedCluster } from '../support/cluster/watched-cluster.js';
import { listLog } from '../support/log.js';
import { deployment, pod, replicaSet } from '../support/objects.js';
import type { ContainerFacts } from '../support/objects.js';

/** A wait for these objects, which the watches have reported. */
async function waiting(...targets: readonly KubeObject[]) {
  const cluster = watchedCluster();
  const clock = manualClock();
  const log = listLog({ debug: false });
  const { signal } = new AbortController();
  const observer = observe({ cluster: cluster.port, log, clock, signal, targets: targets.map(refOf) });
  const outcome: { error?: CutoverError; ready?: readonly ReadyWorkload[] } = {};
  observer.waitForRollout({ targets, timeoutMs: 600_000, stableForMs: 0 }).then(
    ready => (outcome.ready = ready),
    (error: unknown) => (outcome.error = error as CutoverError),
  );
  await settle();
  await cluster.send('ADDED', ...targets);
  return { cluster, clock, outcome };
}

const none = { replicas: 0, updatedReplicas: 0, readyReplicas: 0, availableReplicas: 0 };
const starting = deployment({ replicas: 1, status: { readyReplicas: 0, availableReplicas: 0 } });
const set = replicaSet('v1', 'h1');
const failing = (container: ContainerFacts): KubeObject => pod({ ready: false, containers: [container] });

function refused(message: string): KubeObject {
  const condition = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message };
  return deployment({ replicas: 1, status: { ...none, conditions: [condition] } });
}

describe('a refusal to create pods', () => {
  const quota = 'pods "web-1" is forbidden: exceeded quota: q';
  const empty = deployment({ replicas: 1, status: none });

  it.each([
    ['a quota', quota, 5_000],
    ['a policy', 'pods "web-1" is forbidden: violates PodSecurity "restricted:latest"', 5_000],
    ['a webhook that denies it', 'admission webhook "x" denied the request: no', 5_000],
    [
      'a webhook that does not answer',
      'Internal error occurred: failed calling webhook "x": failed to call webhook: connection refused',
      120_000,
    ],
  ])('by %s', async (...[, message, afterMs]) => {
    const { cluster, clock, outcome } = await waiting(empty);
    await cluster.send('MODIFIED', refused(message));
    await clock.advance(afterMs - 1);
    expect(outcome).toEqual({});
    await clock.advance(1);
    expect(outcome.error).toMatchObject({ code: 'rollout', message: expect.stringContaining(message) });
  });

  it('by a quota does not count while a pod leaves, and until the controller has tried again', async () => {
    const { cluster, clock, outcome } = await waiting(empty);
    const old = pod({ owner: 'somebody', name: 'old', deleting: true });
    await cluster.send('ADDED', old);
    await cluster.send('MODIFIED', refused(quota));
    await clock.advance(120_000);
    await cluster.send('DELETED', old);
    await clock.advance(59_999);
    expect(outcome).toEqual({});
    await clock.advance(1);
    expect(outcome.error).toMatchObject({ code: 'rollout' });
  });

  it('by a quota does not count while the pods of the workload become more', async () => {
    const { cluster, clock, outcome } = await waiting(empty);
    await cluster.send('ADDED', set);
    await cluster.send('MODIFIED', refused(quota));
    await clock.advance(4_000);
    await cluster.send('ADDED', pod({ ready: false }));
    await clock.advance(50_000);
    expect(outcome).toEqual({});
    await clock.advance(10_000);
    expect(outcome.error).toMatchObject({ code: 'rollout' });
  });
});

describe('a condition that was there when the wait began', () => {
  const late = (lastUpdateTime: string): KubeObject => {
    const condition = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', lastUpdateTime };
    return deployment({ replicas: 1, status: { ...none, conditions: [condition] } });
  };

  it('is no verdict on this try, and a new one is', async () => {
    const { cluster, clock, outcome } = await waiting(late('2026-01-01T00:00:00Z'));
    await clock.advance(60_000);
    expect(outcome).toEqual({});
    await cluster.send('MODIFIED', late('2026-01-01T00:10:00Z'));
    await clock.advance(5_000);
    expect(outcome.error).toMatchObject({ message: expect.stringContaining('progressDeadlineSeconds') });
  });

  it('is none either when it says that pods are refused', async () => {
    const { clock, outcome } = await waiting(refused('pods "web-1" is forbidden: no'));
    await clock.advance(60_000);
    expect(outcome).toEqual({});
  });
});

describe('a pod whose trouble another object of the set may end', () => {
  const secret = (status: object): KubeObject => ({
    apiVersion: 'external-secrets.io/v1',
    kind: 'ExternalSecret',
    metadata: { name: 'settings', namespace: 'shop', uid: 'x1', generation: 1 },
    status,
  });
  const pending = secret({ conditions: [{ type: 'Ready', status: 'False', reason: 'SecretSyncing' }] });
  const synced = secret({ conditions: [{ type: 'Ready', status: 'True' }] });
  const unconfigured = failing({
    state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret "settings" not found' } },
  });
  const crashing = (restarts: number): KubeObject =>
    failing({
      restarts,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 1, reason: 'Error' } },
    });

  it('is waited for while that object is not ready', async () => {
    const { cluster, clock, outcome } = await waiting(starting, pending);
    await cluster.send('ADDED', set, unconfigured);
    await clock.advance(30_000);
    await cluster.send('MODIFIED', synced);
    await clock.advance(20_000);
    expect(outcome).toEqual({});
    await cluster.send('MODIFIED', pod(), deployment({ replicas: 1 }));
    expect(outcome.ready).toHaveLength(2);
  });

  it('fails a minute after the last progress of that object', async () => {
    const { cluster, clock, outcome } = await waiting(starting, pending);
    await cluster.send('ADDED', set, unconfigured);
    await clock.advance(30_000);
    await cluster.send('MODIFIED', synced);
    await clock.advance(59_999);
    expect(outcome).toEqual({});
    await clock.advance(1);
    expect(outcome.error).toMatchObject({ message: expect.stringContaining('secret "settings" not found') });
  });

  it('fails at the next crash after the others are ready', async () => {
    const { cluster, clock, outcome } = await waiting(starting, pending);
    await cluster.send('ADDED', set, crashing(2));
    await clock.advance(20_000);
    await cluster.send('MODIFIED', synced);
    await clock.advance(10_000);
    expect(outcome).toEqual({});
    await cluster.send('MODIFIED', crashing(3));
    expect(outcome.error).toMatchObject({ message: expect.stringContaining('keeps crashing') });
  });

  it('fails at once when the others are ready from the start, or fail too', async () => {
    const { cluster, outcome } = await waiting(starting, synced);
    await cluster.send('ADDED', set, crashing(2));
    expect(outcome.error).toMatchObject({ code: 'rollout' });
  });
});

describe('an image that is not found', () => {
  const pull = (reason: string): KubeObject =>
    failing({ state: { waiting: { reason, message: 'registry.test/web:v1: not found' } } });

  it('fails the wait when the node has tried again', async () => {
    const { cluster, clock, outcome } = await waiting(starting);
    await cluster.send('ADDED', set, pull('ErrImagePull'));
    await cluster.send('MODIFIED', pull('ImagePullBackOff'));
    await clock.advance(12_000);
    expect(outcome).toEqual({});
    await cluster.send('MODIFIED', pull('ErrImagePull'));
    expect(outcome.error).toMatchObject({ message: expect.stringContaining('cannot pull its image') });
  });

  it('does not when it arrives before that', async () => {
    const { cluster, clock, outcome } = await waiting(starting);
    await cluster.send('ADDED', set, pull('ErrImagePull'));
    await cluster.send('MODIFIED', pull('ImagePullBackOff'));
    await clock.advance(15_000);
    await cluster.send('MODIFIED', pod(), deployment({ replicas: 1 }));
    expect(outcome.ready).toHaveLength(1);
  });
});
