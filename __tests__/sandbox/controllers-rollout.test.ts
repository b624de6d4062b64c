import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { conditionOf } from '../../sandbox/controllers/condition.js';
import type { Deployment } from '../../sandbox/controllers/kinds.js';
import { DEPLOYMENT, listKind, POD, REPLICA_SET } from '../../sandbox/controllers/kinds.js';
import { isActive, isReady } from '../../sandbox/controllers/pod.js';
import type { TestCluster } from '../support/sandbox/test-cluster.js';
import { isRolledOut, startTestCluster, webDeployment } from '../support/sandbox/test-cluster.js';

let cluster: TestCluster;
beforeEach(() => {
  cluster = startTestCluster();
});
afterEach(() => cluster.close());

/** Sends the Deployment with a new spec. */
function change(spec: Partial<Deployment['spec']>): Deployment {
  const live = cluster.get(DEPLOYMENT, 'web')!;
  return cluster.store.update({ ...live, spec: { ...live.spec, ...spec } }) as Deployment;
}

const templateOf = (image: string) => webDeployment({ image }).spec.template;
const rollout = () =>
  cluster.until('a complete rollout', () => {
    const found = cluster.get(DEPLOYMENT, 'web');
    return isRolledOut(found) && found;
  });
const sets = () => listKind(cluster.store, REPLICA_SET, 'default');
const progress = () => conditionOf(cluster.get(DEPLOYMENT, 'web')?.status?.conditions, 'Progressing');
const images = () =>
  cluster
    .pods()
    .filter(isActive)
    .map(({ spec }) => spec.containers[0]?.image);

describe('a Deployment', () => {
  it('starts its pods and reports them in its status', async () => {
    cluster.store.create(webDeployment({}));
    const deployment = await rollout();
    const [only] = sets();
    expect(deployment.status).toMatchObject({
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      terminatingReplicas: 0,
    });
    expect(deployment.status).not.toHaveProperty('unavailableReplicas');
    expect(deployment.status?.conditions?.map(({ type, status, reason }) => [type, status, reason])).toEqual([
      ['Available', 'True', 'MinimumReplicasAvailable'],
      ['Progressing', 'True', 'NewReplicaSetAvailable'],
    ]);
    expect(deployment.metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '1' });
    const hash = only?.metadata.labels?.['pod-template-hash'];
    expect(only?.metadata.name).toBe(`web-${hash ?? ''}`);
    expect(cluster.pods().map(({ metadata }) => metadata.labels)).toEqual(
      Array.from({ length: 3 }, () => ({ app: 'web', 'pod-template-hash': hash })),
    );
  });

  it('status updates do not change its generation, and it settles', async () => {
    cluster.store.create(webDeployment({}));
    const { metadata } = await rollout();
    expect(metadata.generation).toBe(1);
    expect(cluster.get(DEPLOYMENT, 'web')?.metadata.resourceVersion).toBe(metadata.resourceVersion);
  });

  it.each([
    ['25%', '25%', 3],
    ['50%', '50%', 2],
    [0, 1, 4],
    [2, 0, 4],
    ['100%', 0, 3],
  ])(
    'rolls with surge %s and unavailable %s of %i pods within these limits at every event',
    async (maxSurge, maxUnavailable, replicas) => {
      const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } };
      cluster.store.create(webDeployment({ replicas, spec: { strategy } }));
      await rollout();
      const part = (value: number | string) =>
        typeof value === 'number' ? value : (Number(value.slice(0, -1)) * replicas) / 100;
      const least = replicas - Math.floor(part(maxUnavailable));
      const most = replicas + Math.ceil(part(maxSurge));
      const seen = { ready: replicas, pods: 0, events: 0 };
      cluster.store.watch(POD, () => {
        const active = cluster.pods().filter(isActive);
        seen.ready = Math.min(seen.ready, active.filter(isReady).length);
        seen.pods = Math.max(seen.pods, active.length);
        seen.events += 1;
      });
      change({ template: templateOf('site:v2') });
      await rollout();
      expect(images()).toEqual(Array.from({ length: replicas }, () => 'site:v2'));
      expect(seen.ready).toBeGreaterThanOrEqual(least);
      expect(seen.pods).toBeLessThanOrEqual(most);
      expect(seen.events).toBeGreaterThan(replicas * 4);
    },
  );

  it('reuses its old ReplicaSet when the old template returns, as a new revision', async () => {
    cluster.store.create(webDeployment({}));
    await rollout();
    const first = sets()[0]?.metadata.uid;
    change({ template: templateOf('site:v2') });
    await rollout();
    change({ template: templateOf('site:v1') });
    const deployment = await rollout();
    const active = sets().filter(({ spec }) => spec.replicas !== 0);
    expect(active.map(({ metadata }) => metadata.uid)).toEqual([first]);
    expect(sets()).toHaveLength(2);
    expect(active[0]?.metadata.annotations).toMatchObject({
      'deployment.kubernetes.io/revision': '3',
      'deployment.kubernetes.io/revision-history': '1',
    });
    expect(deployment.metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '3' });
  });

  it('with Recreate never runs two versions side by side', async () => {
    cluster.store.create(webDeployment({ spec: { strategy: { type: 'Recreate' } } }));
    await rollout();
    const versions = new Set<number>();
    cluster.store.watch(POD, () => {
      versions.add(new Set(cluster.pods().map(({ spec }) => spec.containers[0]?.image)).size);
    });
    change({ template: templateOf('site:v2') });
    await rollout();
    expect(images()).toEqual(['site:v2', 'site:v2', 'site:v2']);
    expect([...versions].sort()).toEqual([0, 1]);
  });

  it('that is paused keeps its pods, but follows its replicas', async () => {
    cluster.store.create(webDeployment({ replicas: 2 }));
    await rollout();
    change({ paused: true, replicas: 4, template: templateOf('site:v2') });
    await cluster.until('four pods', () => cluster.get(DEPLOYMENT, 'web')?.status?.readyReplicas === 4);
    expect(images()).toEqual(['site:v1', 'site:v1', 'site:v1', 'site:v1']);
    expect(progress()).toMatchObject({ status: 'Unknown', reason: 'DeploymentPaused' });
    change({ paused: false });
    await rollout();
    expect(images()).toEqual(['site:v2', 'site:v2', 'site:v2', 'site:v2']);
  });

  it('keeps at most revisionHistoryLimit old ReplicaSets', async () => {
    cluster.store.create(webDeployment({ replicas: 1, spec: { revisionHistoryLimit: 1 } }));
    await rollout();
    for (const image of ['site:v2', 'site:v3']) {
      change({ template: templateOf(image) });
      await rollout();
    }
    await cluster.until('the oldest set to go', () => sets().length === 2);
    expect(
      sets()
        .map(({ spec }) => spec.template.spec.containers[0]?.image)
        .sort(),
    ).toEqual(['site:v2', 'site:v3']);
  });

  it('without progress reports ProgressDeadlineExceeded and still serves the old version', async () => {
    cluster.store.create(webDeployment({ spec: { progressDeadlineSeconds: 20 } }));
    await rollout();
    change({ template: templateOf('site:never-ready') });
    const condition = await cluster.until('the deadline', () => {
      const found = progress();
      return found?.reason === 'ProgressDeadlineExceeded' && found;
    });
    expect(condition).toMatchObject({ status: 'False' });
    expect(condition.message).toMatch(/^ReplicaSet "web-\w+" has timed out progressing\.$/);
    expect(cluster.get(DEPLOYMENT, 'web')?.status).toMatchObject({ availableReplicas: 3, updatedReplicas: 1 });
    change({ template: templateOf('site:v2') });
    await rollout();
    expect(progress()).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' });
  });

  it('counts a pod as available only after minReadySeconds', async () => {
    cluster.store.create(webDeployment({ replicas: 1, spec: { minReadySeconds: 10 } }));
    const early = await cluster.until('a ready pod', () => {
      const status = cluster.get(DEPLOYMENT, 'web')?.status;
      return status?.readyReplicas === 1 && status;
    });
    expect(early.availableReplicas).toBeUndefined();
    await rollout();
  });

  it('replaces a pod that vanishes', async () => {
    cluster.store.create(webDeployment({}));
    await rollout();
    const [gone] = cluster.pods();
    cluster.store.remove(
      { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: gone!.metadata.name },
      { gracePeriodSeconds: 0 },
    );
    await cluster.until('three others', () => cluster.pods().filter(isReady).length === 3);
    expect(cluster.pods().map(({ metadata }) => metadata.uid)).not.toContain(gone!.metadata.uid);
    expect(progress()?.reason).toBe('NewReplicaSetAvailable');
  });

  it('is deleted with its ReplicaSets and pods', async () => {
    cluster.store.create(webDeployment({}));
    await rollout();
    cluster.store.remove({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'web' });
    await cluster.until('nothing left', () => sets().length === 0 && cluster.pods().length === 0);
    expect(cluster.get(DEPLOYMENT, 'web')).toBeUndefined();
  });

  it('is deleted with its namespace', async () => {
    const { store } = cluster;
    store.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
    const deployment = webDeployment({});
    store.create({ ...deployment, metadata: { ...deployment.metadata, namespace: 'shop' } });
    const pods = () => listKind(store, POD, 'shop');
    await cluster.until('pods', () => pods().filter(isReady).length === 3);
    store.remove({ apiVersion: 'v1', kind: 'Namespace', name: 'shop' });
    await cluster.until('the namespace to go', () => !store.get({ apiVersion: 'v1', kind: 'Namespace', name: 'shop' }));
    expect([...pods(), ...listKind(store, REPLICA_SET, 'shop')]).toEqual([]);
  });
});
