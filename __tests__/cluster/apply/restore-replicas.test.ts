import { describe, expect, it } from '@jest/globals';
import { restoreSnapshots } from '../../../src/cluster/apply/restore-snapshots.js';
import { scaledBy } from '../../../src/cluster/apply/owned-fields.js';
import { CutoverError } from '../../../src/errors.js';
import { refOf, type KubeObject } from '../../../src/kubernetes/object.js';
import type { Snapshot } from '../../../src/plan/change.js';
import { fakeClock } from '../../support/clock.js';
import { memoryCluster, type MemoryCluster } from '../../support/cluster/memory-cluster.js';
import { liveWeb, ownersOf, scaleWeb, webDeployment, webRef } from '../../support/cluster/workloads.js';
import { listLog } from '../../support/log.js';

const scaler: KubeObject = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'sizer', namespace: 'shop' },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    minReplicas: 2,
    maxReplicas: 10,
  },
};

async function restored(cluster: MemoryCluster, ...snapshots: readonly Snapshot[]): Promise<readonly string[]> {
  const log = listLog();
  const { signal } = new AbortController();
  const options = {
    cluster,
    writer: cluster,
    snapshots,
    release: 'web',
    namespace: 'shop',
    log,
    clock: fakeClock(),
    signal,
  };
  const { failed } = await restoreSnapshots(options);
  expect(failed).toEqual([]);
  return log.lines;
}

const replicasOf = (object: KubeObject): unknown => (object['spec'] as { replicas: number }).replicas;
const imageOf = (object: KubeObject): unknown =>
  (object['spec'] as { template: { spec: { containers: readonly { image: string }[] } } }).template.spec.containers[0]
    ?.image;

/** Version 1 with 3 replicas that Cutover owns, then version 2. */
async function updated(
  v2: object = { replicas: 3 },
): Promise<{ cluster: MemoryCluster; before: Snapshot & { readonly object: KubeObject } }> {
  const cluster = memoryCluster();
  await cluster.apply(webDeployment('site:v1', { replicas: 3 }));
  const before = { ref: webRef, object: liveWeb(cluster) };
  await cluster.apply(webDeployment('site:v2', v2));
  return { cluster, before };
}

describe('replicas that were set during the rollout', () => {
  it.each(['kube-controller-manager', 'kubectl', 'keda'])('stay, and belong to who set them: %s', async manager => {
    const { cluster, before } = await updated();
    scaleWeb(cluster, 9, manager);
    await restored(cluster, before);
    const live = liveWeb(cluster);
    expect([imageOf(live), replicasOf(live), scaledBy(live)]).toEqual(['site:v1', 9, manager]);
    // The next scaling meets no other owner, and the next deploy of this manifest yields.
    expect(ownersOf(live).filter(entry => entry.includes('f:replicas'))).toHaveLength(1);
  });

  it('stay when they were set between the plan and an apply that failed with a conflict', async () => {
    const { cluster, before } = await updated();
    await cluster.apply(webDeployment('site:v1', { replicas: 3 }), { force: true });
    scaleWeb(cluster, 9, 'kube-controller-manager');
    await expect(cluster.apply(webDeployment('site:v2', { replicas: 4 }))).rejects.toThrow('owns spec.replicas');
    await restored(cluster, before);
    expect(replicasOf(liveWeb(cluster))).toBe(9);
  });

  it('stay when they were set to none, which leaves no owner', async () => {
    const { cluster, before } = await updated();
    scaleWeb(cluster, 0, 'kubectl');
    await restored(cluster, before);
    expect([imageOf(liveWeb(cluster)), replicasOf(liveWeb(cluster))]).toEqual(['site:v1', 0]);
  });

  it('stay when they are set between the look and the write', async () => {
    const { cluster, before } = await updated({ replicas: 5 });
    let scaled = false;
    cluster.before = call => {
      if (scaled || !call.startsWith('APPLY')) return;
      scaled = true;
      scaleWeb(cluster, 9, 'kube-controller-manager');
    };
    await restored(cluster, before);
    expect([imageOf(liveWeb(cluster)), replicasOf(liveWeb(cluster))]).toEqual(['site:v1', 9]);
  });

  it('stay when fields of others were taken over as well', async () => {
    const cluster = memoryCluster();
    await cluster.apply(webDeployment('site:v1', { replicas: 3 }));
    const paused = { ...liveWeb(cluster), spec: { ...(liveWeb(cluster)['spec'] as object), minReadySeconds: 7 } };
    cluster.store.update(paused, { manager: 'kubectl-edit' });
    const before = { ref: webRef, object: liveWeb(cluster) };
    await cluster.apply(webDeployment('site:v2', { replicas: 3, minReadySeconds: 1 }), { force: true });
    scaleWeb(cluster, 9, 'kube-controller-manager');
    await restored(cluster, before);
    const live = liveWeb(cluster);
    expect(live['spec']).toMatchObject({ replicas: 9, minReadySeconds: 7 });
    expect([imageOf(live), scaledBy(live)]).toEqual(['site:v1', 'kube-controller-manager']);
    expect(ownersOf(live).filter(entry => entry.includes('f:replicas'))).toHaveLength(1);
    expect(ownersOf(live).filter(entry => entry.includes('f:minReadySeconds'))).toEqual(
      ownersOf(before.object).filter(entry => entry.includes('f:minReadySeconds')),
    );
  });
});

describe('replicas of a workload with an autoscaler that has never scaled it', () => {
  it.each([
    ['a live HorizontalPodAutoscaler', true, []],
    ['a HorizontalPodAutoscaler at the snapshot', false, [{ ref: refOf(scaler), object: scaler }]],
  ])('stay: %s', async (_what, isLive, snapshots) => {
    const { cluster, before } = await updated({ replicas: 5 });
    if (isLive) cluster.given(scaler);
    await restored(cluster, before, ...snapshots);
    const live = liveWeb(cluster);
    expect([imageOf(live), replicasOf(live)]).toEqual(['site:v1', 5]);
    // Cutover owned them before, and nobody else has set them.
    expect(ownersOf(live)).toEqual(ownersOf(before.object));
  });

  it('stay with the owner of before when the step took them over', async () => {
    const cluster = memoryCluster();
    await cluster.apply(webDeployment('site:v1'));
    scaleWeb(cluster, 4, 'kube-controller-manager');
    const before = { ref: webRef, object: liveWeb(cluster) };
    await cluster.apply(webDeployment('site:v2', { replicas: 6 }), { force: true });
    await restored(cluster, before);
    const live = liveWeb(cluster);
    expect([imageOf(live), replicasOf(live)]).toEqual(['site:v1', 6]);
    expect(ownersOf(live)).toEqual(ownersOf(before.object));
  });

  it('stay without an owner when nobody owned them before', async () => {
    const cluster = memoryCluster();
    cluster.given(scaler);
    await cluster.apply(webDeployment('site:v1'));
    const before = { ref: webRef, object: liveWeb(cluster) };
    await cluster.apply(webDeployment('site:v2', { replicas: 6 }));
    await restored(cluster, before);
    expect([imageOf(liveWeb(cluster)), replicasOf(liveWeb(cluster))]).toEqual(['site:v1', 6]);
    expect(ownersOf(liveWeb(cluster))).toEqual(ownersOf(before.object));
  });
});

describe('replicas that only this operation has set', () => {
  it('are restored', async () => {
    const { cluster, before } = await updated({ replicas: 5 });
    cluster.given({ ...scaler, spec: { ...scaler['spec']!, scaleTargetRef: { kind: 'Deployment', name: 'other' } } });
    await restored(cluster, before);
    expect(replicasOf(liveWeb(cluster))).toBe(3);
    expect(ownersOf(liveWeb(cluster))).toEqual(ownersOf(before.object));
  });

  it('are restored where autoscalers may not be read, with a warning', async () => {
    const { cluster, before } = await updated({ replicas: 5 });
    cluster.before = call => {
      if (call === 'LIST HorizontalPodAutoscaler') throw new CutoverError('no right to list', { code: 'forbidden' });
    };
    const lines = await restored(cluster, before);
    expect(replicasOf(liveWeb(cluster))).toBe(3);
    expect(lines).toContain('Restoring replicas without looking for a HorizontalPodAutoscaler: no right to list');
  });

  it('need no look at autoscalers where they are as before', async () => {
    const { cluster, before } = await updated();
    cluster.calls.length = 0;
    await restored(cluster, before);
    expect(cluster.calls).toEqual(['GET Deployment shop/web', 'APPLY Deployment shop/web']);
  });
});
