import { describe, expect, it } from '@jest/globals';
import type { CutoverError } from '../../src/errors.js';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import { observe } from '../../src/rollout/observer.js';
import { manualClock, settle } from '../support/clock.js';
import { watchedCluster } from '../support/cluster/watched-cluster.js';
import { listLog } from '../support/log.js';
import { deployment, pod, replicaSet } from '../support/objects.js';

const workload = (kind: string, apiVersion: string, fields: { spec?: object; status?: object }): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: 'db', namespace: 'shop', uid: 'w1', generation: 1 },
  spec: { template: {}, ...fields.spec },
  status: { observedGeneration: 1, ...fields.status },
});
const statefulSet = workload('StatefulSet', 'apps/v1', { spec: { replicas: 2 }, status: { updateRevision: 'db-1' } });
const daemonSet = workload('DaemonSet', 'apps/v1', { status: { desiredNumberScheduled: 1 } });
const job = workload('Job', 'batch/v1', {});

interface EventFacts {
  readonly reason?: string;
  readonly message: string;
  readonly count?: number;
}

/** A wait for one object; `events` are those that exist, and `tell` replaces them. */
async function waiting(target: KubeObject, seen: readonly KubeObject[] = [target]) {
  const events: object[] = [];
  const cluster = watchedCluster({ events });
  const clock = manualClock();
  const log = listLog({ debug: false });
  const { signal } = new AbortController();
  const observer = observe({ cluster: cluster.port, log, clock, signal, targets: [refOf(target)] });
  const outcome: { error?: CutoverError } = {};
  observer.waitForRollout({ targets: [target], timeoutMs: 600_000, stableForMs: 0 }).catch((error: unknown) => {
    outcome.error = error as CutoverError;
  });
  await settle();
  await cluster.send('ADDED', ...seen);
  const tell = ({ reason = 'FailedCreate', message, count = 1 }: EventFacts): void => {
    events.splice(0, events.length, { metadata: { name: 'e1' }, reason, message, count });
  };
  return { cluster, clock, outcome, tell };
}

describe('a refusal to create pods that only events tell', () => {
  it.each([
    ['a StatefulSet', statefulSet, 'create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: no'],
    ['a DaemonSet', daemonSet, 'Error creating: pods "db-" is forbidden: no'],
    ['a Job', job, 'Error creating: pods "db-" is forbidden: no'],
  ])('fails the wait for %s after 5 s', async (...[, target, message]) => {
    const { cluster, clock, outcome, tell } = await waiting(target);
    tell({ message, count: 3 });
    await clock.advance(2_000);
    tell({ message, count: 5 });
    await clock.advance(2_999);
    expect(outcome).toEqual({});
    await clock.advance(1);
    expect(outcome.error).toMatchObject({
      code: 'rollout',
      message: expect.stringMatching(
        new RegExp(`^${target.kind} shop/db: its pods cannot be created: pods "db-0?" is forbidden: no$`),
      ),
    });
    expect(cluster.asked).toHaveLength(3);
  });

  it('is none when it happened only before the wait, and is looked for again later', async () => {
    const { cluster, clock, outcome, tell } = await waiting(statefulSet);
    tell({ message: 'failed error: exceeded quota', count: 9 });
    await clock.advance(2_000);
    await clock.advance(60_000);
    expect(outcome).toEqual({});
    const looks = cluster.asked.length;
    tell({ message: 'failed error: exceeded quota', count: 10 });
    await clock.advance(60_000);
    expect(cluster.asked.length).toBeGreaterThan(looks);
    expect(outcome.error).toMatchObject({ message: expect.stringContaining('exceeded quota') });
  });

  it('is over once the pod is there', async () => {
    const { cluster, clock, outcome, tell } = await waiting(daemonSet);
    tell({ message: 'Error creating: failed calling webhook "x": connection refused' });
    await clock.advance(2_000);
    tell({ message: 'Error creating: failed calling webhook "x": connection refused', count: 2 });
    await clock.advance(20_000);
    await cluster.send('ADDED', pod({ owner: 'w1', ready: false }));
    await clock.advance(300_000);
    expect(outcome).toEqual({});
  });

  it.each([
    ['of an earlier pod in the order that is not ready', statefulSet, [pod({ owner: 'w1', ready: false })]],
    ['of a pod that is leaving its node', daemonSet, [pod({ owner: 'w1', deleting: true })]],
    ['a failed pod of a Job is replaced later', job, [pod({ owner: 'w1', phase: 'Failed', ready: false })]],
  ])('is not looked for because %s', async (...[, target, pods]) => {
    const { cluster, clock } = await waiting(target, [target, ...pods]);
    await clock.advance(20_000);
    expect(cluster.asked).toEqual([]);
  });
});

describe('a volume that lacks its ConfigMap or Secret', () => {
  const starting = deployment({ replicas: 1, status: { readyReplicas: 0, availableReplicas: 0 } });
  const creating = pod({
    name: 'a',
    ready: false,
    phase: 'Pending',
    conditions: [{ type: 'PodScheduled', status: 'True' }],
    containers: [{ state: { waiting: { reason: 'ContainerCreating' } } }],
  });
  const message = 'MountVolume.SetUp failed for volume "v" : configmap "absent" not found';

  it('fails the wait after 15 s', async () => {
    const { clock, outcome, tell } = await waiting(starting, [starting, replicaSet('v1', 'h1'), creating]);
    tell({ reason: 'FailedMount', message, count: 4 });
    await clock.advance(5_000);
    tell({ reason: 'FailedMount', message, count: 5 });
    await clock.advance(9_999);
    expect(outcome).toEqual({});
    await clock.advance(1);
    expect(outcome.error).toMatchObject({
      code: 'rollout',
      message: `pod shop/a cannot be started (FailedMount: ${message}) (Deployment shop/web)`,
    });
  });

  it('does not when another volume is only late', async () => {
    const { clock, outcome, tell } = await waiting(starting, [starting, replicaSet('v1', 'h1'), creating]);
    for (let count = 1; count < 9; count += 1) {
      tell({ reason: 'FailedMount', message: 'Unable to attach or mount volumes: timed out', count });
      await clock.advance(60_000);
    }
    expect(outcome).toEqual({});
  });
});
