import { describe, expect, it } from '@jest/globals';
import { applyChange } from '../../../src/cluster/apply/apply-change.js';
import { restoreSnapshots } from '../../../src/cluster/apply/restore-snapshots.js';
import { refOf, type KubeObject } from '../../../src/kubernetes/object.js';
import { canonical } from '../../../src/kubernetes/canonical.js';
import { content, type Snapshot } from '../../../src/plan/change.js';
import { fakeClock } from '../../support/clock.js';
import { asJson } from '../../../sandbox/api/schema/json.js';
import { killedAt, type KillMoment } from '../../support/cluster/killed-cluster.js';
import { memoryCluster, type MemoryCluster } from '../../support/cluster/memory-cluster.js';
import { liveWeb, ownersOf, scaleWeb, webDeployment, webRef } from '../../support/cluster/workloads.js';
import { listLog } from '../../support/log.js';

const configMap = (value: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'new', namespace: 'shop', annotations: { 'cutover/release': 'web' } },
  data: { KEY: value },
});

async function restore(cluster: MemoryCluster, snapshots: readonly Snapshot[]): Promise<readonly string[]> {
  const log = listLog();
  const { signal } = new AbortController();
  await restoreSnapshots({
    ...{ cluster, writer: cluster, snapshots, release: 'web', namespace: 'shop', log, clock: fakeClock(), signal },
  });
  return log.lines;
}

interface Case {
  readonly what: string;
  /** Leaves the cluster as a failed step did; returns the snapshots of before. */
  readonly begin: (cluster: MemoryCluster) => Promise<readonly Snapshot[]>;
  /** The writes of a restore that nothing disturbs. */
  readonly writes: readonly string[];
}

const found = (cluster: MemoryCluster, more: Partial<Snapshot> = {}): Snapshot => ({
  ...{ ref: webRef, object: liveWeb(cluster) },
  ...more,
});
const edit = (cluster: MemoryCluster, spec: object): void => {
  const live = liveWeb(cluster);
  cluster.store.update({ ...live, spec: { ...(live['spec'] as object), ...spec } }, { manager: 'kubectl-edit' });
};

const cases: readonly Case[] = [
  {
    what: 'an object that Cutover had applied',
    begin: async cluster => {
      await cluster.apply(webDeployment('site:v1', { replicas: 3 }));
      const snapshots = [found(cluster)];
      await cluster.apply(webDeployment('site:v2', { replicas: 5, minReadySeconds: 3 }));
      return snapshots;
    },
    writes: ['APPLY Deployment shop/web'],
  },
  {
    what: 'an object of others',
    begin: async cluster => {
      cluster.given(webDeployment('site:v1', { replicas: 4, minReadySeconds: 1 }));
      const snapshots = [found(cluster)];
      await cluster.apply(webDeployment('site:v2', { replicas: 2 }), { force: true });
      return snapshots;
    },
    writes: ['REPLACE Deployment shop/web', 'REASSIGN Deployment shop/web'],
  },
  {
    what: 'an object with fields taken over from others',
    begin: async cluster => {
      await cluster.apply(webDeployment('site:v1', { replicas: 3 }));
      edit(cluster, { minReadySeconds: 7 });
      const snapshots = [found(cluster)];
      await cluster.apply(webDeployment('site:v2', { replicas: 3, minReadySeconds: 1 }), { force: true });
      return snapshots;
    },
    writes: ['REPLACE Deployment shop/web', 'REASSIGN Deployment shop/web'],
  },
  {
    what: 'an object whose fields others owned as well',
    begin: async cluster => {
      await cluster.apply(webDeployment('site:v1', { replicas: 3 }));
      const { metadata } = webDeployment('');
      const registered = cluster.store.registry.kinds.byKind('apps/v1', 'Deployment')!;
      const config = { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 3 } };
      cluster.store.registry.apply(registered, asJson(config), {
        ...{ manager: 'flux', validation: 'Strict', dryRun: false, force: false },
        key: { namespace: 'shop', name: 'web' },
      });
      const snapshots = [found(cluster)];
      await cluster.apply(webDeployment('site:v2', { replicas: 5 }), { force: true });
      return snapshots;
    },
    writes: ['APPLY Deployment shop/web', 'REASSIGN Deployment shop/web'],
  },
  {
    what: 'an object whose owners alone have changed',
    begin: async cluster => {
      cluster.givenBy('kubectl-client-side-apply', webDeployment('site:v1', { replicas: 3 }));
      const snapshots = [found(cluster)];
      const live = liveWeb(cluster);
      const entries = (live.metadata.managedFields ?? []).map(entry => ({
        ...(entry as object),
        ...{ manager: 'cutover', operation: 'Apply' },
      }));
      await cluster.setManagedFields(live, entries);
      return snapshots;
    },
    writes: ['REASSIGN Deployment shop/web'],
  },
  {
    what: 'an object that was scaled while fields of others were taken over',
    begin: async cluster => {
      await cluster.apply(webDeployment('site:v1'));
      edit(cluster, { minReadySeconds: 7 });
      const snapshots = [found(cluster)];
      await cluster.apply(webDeployment('site:v2', { minReadySeconds: 1 }), { force: true });
      scaleWeb(cluster, 9, 'kube-controller-manager');
      return snapshots;
    },
    writes: ['REPLACE Deployment shop/web', 'REASSIGN Deployment shop/web'],
  },
  {
    what: 'a recreated object of Cutover',
    begin: async cluster => {
      await cluster.apply(webDeployment('site:v1'));
      const snapshots = [found(cluster, { recreated: true })];
      cluster.store.remove(webRef);
      await cluster.apply(webDeployment('site:v2'));
      return snapshots;
    },
    writes: ['REMOVE Deployment shop/web', 'APPLY Deployment shop/web'],
  },
  {
    what: 'a recreated object with fields of others',
    begin: async cluster => {
      await cluster.apply(webDeployment('site:v1'));
      scaleWeb(cluster, 9, 'kube-controller-manager');
      edit(cluster, { minReadySeconds: 7 });
      const snapshots = [found(cluster, { recreated: true })];
      cluster.store.remove(webRef);
      await cluster.apply(webDeployment('site:v2'));
      return snapshots;
    },
    writes: ['REMOVE Deployment shop/web', 'CREATE Deployment shop/web', 'REASSIGN Deployment shop/web'],
  },
  {
    what: 'an object that did not exist',
    begin: async cluster => {
      await cluster.apply(configMap('1'));
      return [{ ref: refOf(configMap('')) }];
    },
    writes: ['REMOVE ConfigMap shop/new'],
  },
];

/** The object of a snapshot as it is now: its content without its identity, and its owners. */
function stateOf(cluster: MemoryCluster, { ref }: Snapshot): unknown {
  const object = cluster.store.get(ref);
  if (object === undefined) return undefined;
  const { uid: _uid, creationTimestamp: _created, ...metadata } = content(object)['metadata'] as KubeObject['metadata'];
  return [canonical({ ...content(object), metadata }), ownersOf(object)];
}

describe.each(cases)('restoring $what', ({ begin, writes }) => {
  async function afterStep(): Promise<{ cluster: MemoryCluster; snapshots: readonly Snapshot[] }> {
    const cluster = memoryCluster();
    const snapshots = await begin(cluster);
    cluster.calls.length = 0;
    return { cluster, snapshots };
  }

  async function undisturbed(): Promise<unknown> {
    const { cluster, snapshots } = await afterStep();
    await restore(cluster, snapshots);
    return snapshots.map(snapshot => stateOf(cluster, snapshot));
  }

  it('needs these writes, and none when it is run again', async () => {
    const { cluster, snapshots } = await afterStep();
    await restore(cluster, snapshots);
    expect(cluster.writes()).toEqual(writes);
    cluster.calls.length = 0;
    expect(await restore(cluster, snapshots)).toEqual([]);
    expect(cluster.writes()).toEqual([]);
  });

  const kills = writes.flatMap((write, index) =>
    (['before', 'after'] as const).map((moment): [KillMoment, string, number] => [moment, write, index + 1]),
  );

  it.each(kills)('ends in the same state when it is killed %s %s, and run again', async (moment, _write, n) => {
    const { cluster, snapshots } = await afterStep();
    const dying = killedAt(cluster, n, moment);
    await restore(dying, snapshots);
    expect(dying.died()).toBe(true);
    await restore(cluster, snapshots);
    expect(snapshots.map(snapshot => stateOf(cluster, snapshot))).toEqual(await undisturbed());
  });
});

describe('the owners that a restore leaves', () => {
  it.each(cases.filter(({ what }) => !what.includes('scaled while') && !what.includes('did not exist')))(
    'are those of before, as is the content: $what',
    async ({ begin }) => {
      const cluster = memoryCluster();
      const [snapshot] = await begin(cluster);
      await restore(cluster, [snapshot!]);
      expect(ownersOf(liveWeb(cluster))).toEqual(ownersOf(snapshot!.object!));
      expect(liveWeb(cluster)['spec']).toEqual(snapshot!.object!['spec']);
    },
  );

  it('are those of before when a controller writes between the two writes', async () => {
    const cluster = memoryCluster();
    cluster.given(webDeployment('site:v1'));
    const before = liveWeb(cluster);
    await cluster.apply(webDeployment('site:v2'), { force: true });
    cluster.calls.length = 0;
    let conflicts = 3;
    cluster.before = call => {
      if (!call.startsWith('REASSIGN') || conflicts === 0) return;
      conflicts -= 1;
      cluster.store.update({ ...liveWeb(cluster), status: { replicas: conflicts } }, { part: 'status' });
    };
    await restore(cluster, [{ ref: webRef, object: before }]);
    expect(cluster.writes()).toEqual([
      'REPLACE Deployment shop/web',
      ...Array.from({ length: 4 }, () => 'REASSIGN Deployment shop/web'),
    ]);
    expect(ownersOf(liveWeb(cluster))).toEqual(ownersOf(before));
  });

  it('let the next deploy meet no conflict', async () => {
    const cluster = memoryCluster();
    await cluster.apply(webDeployment('site:v1', { replicas: 3 }));
    edit(cluster, { minReadySeconds: 7 });
    const snapshot = found(cluster);
    await cluster.apply(webDeployment('site:v2', { replicas: 3, minReadySeconds: 1 }), { force: true });
    await restore(cluster, [snapshot]);
    await cluster.apply(webDeployment('site:v3', { replicas: 4 }));
    expect(liveWeb(cluster)['spec']).toMatchObject({ replicas: 4, minReadySeconds: 7 });
  });
});

describe('a deploy that was killed in the middle of a migration of owners', () => {
  it('is restored with the owners of before', async () => {
    const cluster = memoryCluster();
    cluster.givenBy('kubectl-client-side-apply', webDeployment('site:v1', { replicas: 3 }));
    const before = liveWeb(cluster);
    const resource = { object: webDeployment('site:v2', { replicas: 3 }), at: { file: 'a', line: 1, column: 1 } };
    const planned = { change: 'changed', from: ['kubectl-client-side-apply'], live: before, after: before } as const;
    const dying = killedAt(cluster, 2, 'before');
    const { signal } = new AbortController();
    const applying = applyChange(
      { ...planned, resource: { ...resource, positionOf: () => resource.at } },
      { cluster: dying, writer: dying, clock: fakeClock(), log: listLog(), signal, force: true, timeoutMs: 1 },
    );
    await expect(applying).rejects.toThrow('killed');
    expect(ownersOf(liveWeb(cluster))).not.toEqual(ownersOf(before));
    await restore(cluster, [{ ref: webRef, object: before }]);
    expect(ownersOf(liveWeb(cluster))).toEqual(ownersOf(before));
  });
});
