import { describe, expect, it } from '@jest/globals';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import type { PlannedChange } from '../../src/plan/change.js';
import { applyAndWait } from '../../src/strategies/shared/apply-and-wait.js';
import { real } from '../support/real-objects.js';
import { memoryCluster } from '../support/cluster/memory-cluster.js';
import { operationOn } from '../support/strategies/context.js';

const at = { file: 'app.yml', line: 1, column: 1 };
const resource = (object: KubeObject) => ({ object, at, positionOf: () => at });
const created = (object: KubeObject): PlannedChange => ({ resource: resource(object), change: 'created' });
const unchanged = (object: KubeObject): PlannedChange => ({
  resource: resource(object),
  change: 'unchanged',
  after: object,
});

const config: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'shop' } };

const set: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db', namespace: 'shop' },
  spec: {
    serviceName: 'db',
    replicas: 1,
    selector: { matchLabels: { app: 'db' } },
    template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'db', image: 'db:v1' }] } },
  },
};
const podOf = ({ metadata: { uid = '' } }: KubeObject, revision: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'db-0',
    namespace: 'shop',
    labels: { 'controller-revision-hash': revision },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid, controller: true }],
  },
  spec: { containers: [{ name: 'db', image: 'db:v0' }] },
});

const apply = (cluster: ReturnType<typeof memoryCluster>, planned: readonly PlannedChange[]) => {
  const ctx = operationOn(cluster);
  const done = applyAndWait(ctx, { planned, waitOptions: { timeoutMs: 1_000, stableForMs: 0 }, force: false });
  return { ctx, done };
};

describe('applying and waiting', () => {
  it('writes nothing when a claim that would not change has lost its volume', async () => {
    const cluster = memoryCluster();
    const { done } = apply(cluster, [unchanged(real('claims', 'lost')), created(config)]);
    await expect(done).rejects.toMatchObject({ code: 'rollout', object: 'PersistentVolumeClaim shop/lost' });
    expect(cluster.writes()).toEqual([]);
  });

  it('logs the warnings of the API server that the plan has not told', async () => {
    const cluster = memoryCluster();
    cluster.warn = () => ['told', 'new'];
    const { ctx, done } = apply(cluster, [{ ...created(config), warnings: ['told'] }]);
    await done;
    expect(ctx.log.lines).toEqual(['ConfigMap shop/settings: new', 'ConfigMap shop/settings created']);
  });

  it('does not wait for a claim that waits for its first pod, and logs it', async () => {
    const cluster = memoryCluster();
    const { status: _status, ...claim } = real('claims', 'pending');
    const { uid: _uid, ...metadata } = claim.metadata;
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } };
    const { ctx, done } = apply(cluster, [created({ ...claim, metadata, spec })]);
    await done;
    expect(cluster.calls).toEqual(['APPLY PersistentVolumeClaim shop/later']);
    expect(ctx.log.lines).toContain(
      'PersistentVolumeClaim shop/later: not bound yet: it binds with the first pod that uses it',
    );
  });

  it.each([
    [
      'is deleted when the last rollout of its StatefulSet has not ended',
      'db-v2',
      'rejected',
      ['LIST Pod', 'REMOVE Pod shop/db-0'],
    ],
    ['is not deleted when the last rollout has ended', 'db-v1', 'fulfilled', []],
  ])('a broken pod %s', async (...[, updateRevision, outcome, calls]) => {
    const cluster = memoryCluster();
    cluster.given(set);
    // The controller has observed every later generation.
    const counts = { replicas: 1, readyReplicas: 1, updatedReplicas: 1, observedGeneration: 99 };
    const status = { ...counts, currentRevision: 'db-v1', updateRevision };
    cluster.store.update({ ...cluster.store.get(refOf(set))!, status }, { part: 'status' });
    const live = cluster.store.get(refOf(set))!;
    cluster.given(podOf(live, 'db-v0'));
    const { done } = apply(cluster, [{ resource: resource(live), change: 'changed', live }]);
    const [ended] = await Promise.allSettled([done]);
    expect(ended.status).toBe(outcome);
    expect(cluster.calls.filter(call => call.includes(' Pod'))).toEqual(calls);
  });
});
