import { describe, expect, it } from '@jest/globals';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import { isUnsettled, removeStuckPods } from '../../src/rollout/stuck-pods.js';
import { memoryCluster, type MemoryCluster } from '../support/cluster/memory-cluster.js';
import { manualClock, settle } from '../support/clock.js';
import { listLog } from '../support/log.js';
import { changed, real } from '../support/real-objects.js';

const labels = { app: 'db' };
const unending = new AbortController().signal;

function set(tag: string, spec: object = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db', namespace: 'shop' },
    spec: {
      serviceName: 'db',
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'db', image: `db:${tag}` }] } },
      ...spec,
    },
  };
}

const crashing = {
  name: 'db',
  image: 'db:v2',
  imageID: '',
  ready: false,
  restartCount: 2,
  state: { waiting: { reason: 'CrashLoopBackOff' } },
  lastState: { terminated: { exitCode: 1 } },
};

/** A cluster with a StatefulSet of version v1 that ran, and the status that its controller wrote. */
async function running(spec: object = {}) {
  const cluster = memoryCluster();
  await cluster.apply(set('v1', spec));
  const live = (): KubeObject => cluster.store.get(refOf(set('')))!;
  const observe = (currentRevision: string, updateRevision: string): void => {
    const { generation = 0 } = live().metadata;
    const status = { replicas: 2, observedGeneration: generation, currentRevision, updateRevision };
    cluster.store.update({ ...live(), status }, { part: 'status' });
  };
  observe('db-v1', 'db-v1');
  return { cluster, live, observe, before: live() };
}

interface PodFacts {
  readonly revision: string;
  readonly ready?: boolean;
  readonly crashing?: boolean;
  readonly owner?: string;
}

function givePod(cluster: MemoryCluster, name: string, facts: PodFacts): void {
  const owner = facts.owner ?? cluster.store.get(refOf(set('')))!.metadata.uid!;
  const reference = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: owner, controller: true };
  cluster.given({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'shop',
      labels: { ...labels, 'controller-revision-hash': facts.revision },
      ownerReferences: [reference],
    },
    spec: { containers: [{ name: 'db', image: 'db:v1' }] },
  });
  const pod = cluster.store.get({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name })!;
  const status = {
    conditions: [{ type: 'Ready', status: facts.ready ? 'True' : 'False' }],
    ...(facts.crashing && { containerStatuses: [crashing] }),
  };
  cluster.store.update({ ...pod, status }, { part: 'status' });
}

const podNames = (cluster: MemoryCluster): readonly string[] =>
  cluster.store.list({ apiVersion: 'v1', kind: 'Pod' }).map(({ metadata }) => metadata.name);

async function removeStuck(cluster: MemoryCluster, before: KubeObject): Promise<readonly string[]> {
  const log = listLog();
  const snapshots = [{ ref: refOf(before), object: before }];
  await removeStuckPods({ cluster, writer: cluster, snapshots, log, clock: manualClock(), signal: unending });
  return log.lines;
}

describe('a StatefulSet that was rolled back', () => {
  it('loses the pods of the failed version that are not ready, and no others', async () => {
    const { cluster, before, observe } = await running();
    givePod(cluster, 'db-0', { revision: 'db-v1' });
    givePod(cluster, 'db-1', { revision: 'db-v2', ready: true });
    givePod(cluster, 'db-2', { revision: 'db-v2' });
    givePod(cluster, 'other-0', { revision: 'db-v2', owner: 'somebody' });
    observe('db-v1', 'db-v1');
    expect(await removeStuck(cluster, before)).toEqual([
      'Pod shop/db-2 deleted: its version failed, and its StatefulSet would wait for it forever',
    ]);
    expect(podNames(cluster)).toEqual(['db-0', 'db-1', 'other-0']);
  });

  it('loses them even where the failed version had run for a moment', async () => {
    const { cluster, before, observe } = await running();
    givePod(cluster, 'db-1', { revision: 'db-v2' });
    observe('db-v2', 'db-v1');
    await removeStuck(cluster, before);
    expect(podNames(cluster)).toEqual([]);
  });

  it('keeps them until its controller has observed its template, or it would recreate them', async () => {
    const { cluster, before, observe } = await running();
    await cluster.apply(set('v2'));
    observe('db-v1', 'db-v2');
    givePod(cluster, 'db-1', { revision: 'db-v2' });
    await cluster.apply(set('v1'));
    const removed = removeStuck(cluster, before);
    await settle();
    expect(podNames(cluster)).toEqual(['db-1']);
    observe('db-v1', 'db-v1');
    await removed;
    expect(podNames(cluster)).toEqual([]);
  });

  it('keeps a pod that replaced the broken one meanwhile', async () => {
    const { cluster, before } = await running();
    givePod(cluster, 'db-1', { revision: 'db-v2' });
    cluster.before = call => {
      if (call !== 'REMOVE Pod shop/db-1') return;
      cluster.store.remove({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'db-1' });
      givePod(cluster, 'db-1', { revision: 'db-v1' });
    };
    await removeStuck(cluster, before);
    expect(podNames(cluster)).toEqual(['db-1']);
  });

  it('keeps every pod under OnDelete, where people delete pods', async () => {
    const { cluster, before } = await running({ updateStrategy: { type: 'OnDelete' } });
    givePod(cluster, 'db-1', { revision: 'db-v2' });
    expect(await removeStuck(cluster, before)).toEqual([]);
    expect(cluster.calls).not.toContain('LIST Pod');
  });

  it('is not waited for when it was deleted', async () => {
    const { cluster, before } = await running();
    cluster.store.remove(refOf(before));
    expect(await removeStuck(cluster, before)).toEqual([]);
  });
});

describe('a StatefulSet that gets a new version after one that never became ready', () => {
  it('loses the pods that cannot become ready by themselves, even of the previous version', async () => {
    const { cluster, observe, live } = await running();
    givePod(cluster, 'db-0', { revision: 'db-v1', crashing: true });
    givePod(cluster, 'db-1', { revision: 'db-v1' });
    const before = live();
    observe('db-v1', 'db-v2');
    await removeStuck(cluster, before);
    expect(podNames(cluster)).toEqual(['db-1']);
  });

  it.each([
    ['complete', real('statefulSets', 'complete'), false],
    ['blocked by a pod that does not become ready', real('statefulSets', 'held'), true],
    [
      'under OnDelete',
      changed(real('statefulSets', 'held'), { spec: { updateStrategy: { type: 'OnDelete' } } }),
      false,
    ],
    ['no StatefulSet', real('deployments', 'refusedByQuota'), false],
  ])('is checked only where its rollout is incomplete: %s', (_what, object, unsettled) => {
    expect(isUnsettled(object)).toBe(unsettled);
  });
});
