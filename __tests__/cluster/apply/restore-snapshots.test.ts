import { describe, expect, it } from '@jest/globals';
import { restoreSnapshots, type RestoreSnapshotsOptions } from '../../../src/cluster/apply/restore-snapshots.js';
import { CutoverError } from '../../../src/errors.js';
import { describeRef, refOf, type KubeObject, type ObjectRef } from '../../../src/kubernetes/object.js';
import { content, type Snapshot } from '../../../src/plan/change.js';
import { fakeClock } from '../../support/clock.js';
import { memoryCluster, type MemoryCluster } from '../../support/cluster/memory-cluster.js';
import { listLog } from '../../support/log.js';

const annotations = { 'cutover/release': 'web' };

const configMap = (name: string, value: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'shop', annotations },
  data: { KEY: value },
});

const deployment = (image: string, spec: object = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop', annotations },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [
          {
            name: 'web',
            image,
            env: [
              { name: 'Z_HOST', value: 'db' },
              { name: 'A_URL', value: 'http://$(Z_HOST)/' },
            ],
          },
        ],
      },
    },
    ...spec,
  },
});

const web = refOf(deployment(''));
const live = (cluster: MemoryCluster, ref: ObjectRef = web): KubeObject => cluster.store.get(ref)!;
const owners = (object: KubeObject) =>
  object.metadata.managedFields?.map(entry => ({ ...(entry as object), time: undefined }));
const snapshot = (object: KubeObject): Snapshot => ({ ref: refOf(object), object });

const optionsOf = (
  cluster: MemoryCluster,
  more: Pick<RestoreSnapshotsOptions, 'snapshots' | 'log'> & Partial<RestoreSnapshotsOptions>,
): RestoreSnapshotsOptions => ({
  ...{
    cluster,
    writer: cluster,
    release: 'web',
    namespace: 'shop',
    clock: fakeClock(),
    signal: new AbortController().signal,
  },
  ...more,
});

function undo(cluster: MemoryCluster, ...snapshots: readonly Snapshot[]) {
  return undoWith(cluster, { snapshots });
}

function undoWith(
  cluster: MemoryCluster,
  more: Pick<RestoreSnapshotsOptions, 'snapshots'> & Partial<RestoreSnapshotsOptions>,
) {
  const log = listLog();
  const done = restoreSnapshots(optionsOf(cluster, { log, ...more }));
  return done.then(({ failed }) => ({
    restored: log.lines.flatMap(line => /^(.*) (?:restored|recreated|deleted)$/.exec(line)?.[1] ?? []),
    failed: failed.map(({ ref, error }) => `${describeRef(ref)}: ${error.message}`),
    lines: log.lines,
  }));
}

describe('a restore without an answer of the API server', () => {
  const names = Array.from({ length: 500 }, (_, index) => `settings-${index}`);
  const snapshots = names.map(name => snapshot(configMap(name, 'old')));
  const minute = 60_000;

  /** Every read takes the minute after which a request is given up, as long as `isDown` says so. */
  async function undoDuring(isDown: (requests: number) => boolean) {
    const cluster = memoryCluster();
    const clock = fakeClock();
    let requests = 0;
    const get = async (ref: ObjectRef): Promise<KubeObject | undefined> => {
      requests += 1;
      if (!isDown(requests)) return cluster.get(ref);
      await clock.wait(minute, new AbortController().signal);
      throw new CutoverError('no answer', { code: 'unreachable' });
    };
    const { failed } = await undoWith(cluster, { snapshots, clock, cluster: { ...cluster, get } });
    return { failed, requests, minutes: clock.now() / minute };
  }

  it('ends after five minutes, whatever the number of objects', async () => {
    const { failed, minutes } = await undoDuring(() => true);
    expect(failed).toHaveLength(500);
    expect(minutes).toBe(5);
  });

  it('goes on when the API server answers again before', async () => {
    const { failed, minutes } = await undoDuring(requests => requests % 10 < 4);
    expect(failed.length).toBeLessThan(250);
    expect(minutes).toBeGreaterThan(5);
  });
});

describe('restoring an object that Cutover had applied', () => {
  it('restores every field, with the same owners', async () => {
    const cluster = memoryCluster();
    await cluster.apply(deployment('site:v1'));
    const before = live(cluster);
    await cluster.apply(deployment('site:v2', { replicas: 5 }));
    expect(await undo(cluster, snapshot(before))).toEqual({
      restored: ['Deployment shop/web'],
      failed: [],
      lines: ['Deployment shop/web restored'],
    });
    expect(content(live(cluster))).toEqual(content(before));
    expect(owners(live(cluster))).toEqual(owners(before));
  });

  it('keeps what others have changed meanwhile', async () => {
    const cluster = memoryCluster();
    await cluster.apply(deployment('site:v1'));
    const before = live(cluster);
    await cluster.apply(deployment('site:v2'));
    const spec = { ...(live(cluster)['spec'] as object), replicas: 7 };
    cluster.store.update({ ...live(cluster), spec }, { manager: 'horizontal-pod-autoscaler' });
    await undo(cluster, snapshot(before));
    expect(live(cluster)).toMatchObject({
      spec: { replicas: 7, template: { spec: { containers: [{ image: 'site:v1' }] } } },
    });
  });

  it('restores the values of fields that were taken over from others', async () => {
    const cluster = memoryCluster();
    await cluster.apply(deployment('site:v1'));
    const scaled = { ...live(cluster), spec: { ...(live(cluster)['spec'] as object), replicas: 5 } };
    cluster.store.update(scaled, { manager: 'kubectl' });
    const before = live(cluster);
    await cluster.apply(deployment('site:v2', { replicas: 2 }), { force: true });
    await undo(cluster, snapshot(before));
    expect(content(live(cluster))).toEqual(content(before));
  });

  it('restores required fields, such as a selector that was taken over', async () => {
    const cluster = memoryCluster();
    const { selector, ...unselected } = deployment('site:v1')['spec'] as { selector: object };
    cluster.given(deployment('site:v1'));
    await cluster.apply({ ...deployment('site:v1'), spec: unselected }, { force: true });
    const before = live(cluster);
    await cluster.apply(deployment('site:v2', { selector }), { force: true });
    expect(await undo(cluster, snapshot(before))).toMatchObject({ restored: ['Deployment shop/web'], failed: [] });
    expect(content(live(cluster))).toEqual(content(before));
    expect(owners(live(cluster))).toEqual(owners(before));
  });

  it('recreates an object that was deleted', async () => {
    const cluster = memoryCluster();
    await cluster.apply(configMap('settings', '1'));
    const before = live(cluster, refOf(configMap('settings', '')));
    cluster.store.remove(refOf(before));
    const { lines } = await undo(cluster, snapshot(before));
    expect(lines).toEqual(['ConfigMap shop/settings recreated']);
    expect(live(cluster, refOf(before))).toMatchObject({ data: { KEY: '1' }, metadata: { annotations } });
  });
});

describe('restoring an object that is being deleted', () => {
  const finalizers = ['example.com/backup'];

  /** A ConfigMap of release `web` whose deletion waits for its finalizer, with its snapshot. */
  async function beingDeleted(cluster: MemoryCluster): Promise<KubeObject> {
    const object = configMap('c', 'old');
    await cluster.apply({ ...object, metadata: { ...object.metadata, finalizers } });
    const before = live(cluster, refOf(object));
    await cluster.remove(refOf(object), { uid: before.metadata.uid! });
    expect(live(cluster, refOf(object)).metadata.deletionTimestamp).toBeDefined();
    return before;
  }

  it('waits until it is gone, and creates it again', async () => {
    const cluster = memoryCluster();
    const before = await beingDeleted(cluster);
    const ref = refOf(before);
    const get = async (of: ObjectRef): Promise<KubeObject | undefined> => {
      const found = await cluster.get(of);
      // Its controller does its work after the first look.
      const dying = cluster.store.get(ref);
      if (dying?.metadata.deletionTimestamp !== undefined)
        cluster.store.update({ ...dying, metadata: { ...dying.metadata, finalizers: [] } }, { manager: 'backup' });
      return found;
    };
    const { failed } = await undoWith(cluster, { snapshots: [snapshot(before)], cluster: { ...cluster, get } });
    expect(failed).toEqual([]);
    expect(live(cluster, ref)).toMatchObject({ data: { KEY: 'old' } });
    expect(live(cluster, ref).metadata.uid).not.toBe(before.metadata.uid);
  });

  it('fails when it is not gone at the limit', async () => {
    const cluster = memoryCluster();
    const { failed, restored, lines } = await undo(cluster, snapshot(await beingDeleted(cluster)));
    expect(restored).toEqual([]);
    expect(lines[0]).toBe(
      'ConfigMap shop/c is still being deleted, up to 30 s more: its finalizers are example.com/backup',
    );
    expect(failed).toEqual(['ConfigMap shop/c: ConfigMap shop/c was deleted, but still exists after 60 s']);
  });
});

describe('restoring an object of others', () => {
  it('replaces it with the snapshot', async () => {
    const cluster = memoryCluster();
    cluster.given(deployment('site:v1', { replicas: 4 }));
    const before = live(cluster);
    await cluster.apply(deployment('site:v2', { replicas: 2 }), { force: true });
    expect(await undo(cluster, snapshot(before))).toMatchObject({ restored: ['Deployment shop/web'], failed: [] });
    expect(content(live(cluster))).toEqual(content(before));
  });

  it('recreates it when it is gone', async () => {
    const cluster = memoryCluster();
    cluster.given(configMap('settings', '1'));
    const before = live(cluster, refOf(configMap('settings', '')));
    cluster.store.remove(refOf(before));
    const { lines } = await undo(cluster, snapshot(before));
    expect(lines).toEqual(['ConfigMap shop/settings recreated']);
    expect(live(cluster, refOf(before))).toMatchObject({ data: { KEY: '1' } });
  });

  it('retries with the latest version when a controller writes in between', async () => {
    const cluster = memoryCluster();
    cluster.given(deployment('site:v1'));
    const before = live(cluster);
    await cluster.apply(deployment('site:v2'), { force: true });
    let writes = 3;
    cluster.before = call => {
      if (!call.startsWith('REPLACE') || writes === 0) return;
      writes -= 1;
      cluster.store.update({ ...live(cluster), status: { replicas: writes } }, { part: 'status' });
    };
    expect(await undo(cluster, snapshot(before))).toMatchObject({ restored: ['Deployment shop/web'], failed: [] });
    expect(content(live(cluster))).toEqual(content(before));
  });

  it('gives up when the version changes every time, and reports it', async () => {
    const cluster = memoryCluster();
    cluster.given(deployment('site:v1'));
    const before = live(cluster);
    await cluster.apply(deployment('site:v2'), { force: true });
    let writes = 0;
    cluster.before = call => {
      if (!call.startsWith('REPLACE')) return;
      writes += 1;
      cluster.store.update({ ...live(cluster), status: { replicas: writes } }, { part: 'status' });
    };
    expect(await undo(cluster, snapshot(before))).toEqual({
      restored: [],
      failed: ['Deployment shop/web: Deployment shop/web changed since it was read'],
      lines: ['Deployment shop/web could not be restored: Deployment shop/web changed since it was read'],
    });
    expect(writes).toBe(10);
  });
});

describe('restoring an object that did not exist', () => {
  const made = refOf(configMap('new', ''));

  it('deletes it', async () => {
    const cluster = memoryCluster();
    await cluster.apply(configMap('new', '1'));
    expect(await undo(cluster, { ref: made })).toEqual({
      restored: ['ConfigMap shop/new'],
      failed: [],
      lines: ['ConfigMap shop/new deleted'],
    });
    expect(cluster.store.get(made)).toBeUndefined();
  });

  it('deletes it by its uid, whoever wrote it since, where the uid of what was created is known', async () => {
    const cluster = memoryCluster();
    const { object } = await cluster.apply(configMap('new', '1'));
    cluster.store.update({ ...live(cluster, made), data: { KEY: '2' } }, { manager: 'kubectl-edit' });
    const created = new Set([object.metadata.uid!]);
    expect(await undoWith(cluster, { snapshots: [{ ref: made }], created })).toMatchObject({
      restored: ['ConfigMap shop/new'],
    });
  });

  it('deletes one whose kind was not served before only by its uid: it may be older', async () => {
    const cluster = memoryCluster();
    const { object } = await cluster.apply(configMap('new', '1'));
    const snapshots: readonly Snapshot[] = [{ ref: made, unseen: true }];
    const why = 'its kind was not served when the operation began, so it may be older';
    for (const created of [undefined, new Set<string>()]) {
      const known = created === undefined ? {} : { created };
      const done = await restoreSnapshots(optionsOf(cluster, { snapshots, log: listLog(), ...known }));
      expect(done).toMatchObject({ failed: [], left: [{ ref: made, why }] });
      expect(live(cluster, made)).toMatchObject({ data: { KEY: '1' } });
    }
    await undoWith(cluster, { snapshots, created: new Set([object.metadata.uid!]) });
    expect(cluster.store.get(made)).toBeUndefined();
  });

  it('deletes it after a kill, although a controller has written its status and its count of versions', async () => {
    const cluster = memoryCluster();
    await cluster.apply(deployment('site:v1'));
    const { metadata } = live(cluster);
    const counted = { ...metadata.annotations, 'deployment.kubernetes.io/revision': '1' };
    cluster.store.update({ ...live(cluster), metadata: { ...metadata, annotations: counted } });
    cluster.store.update({ ...live(cluster), status: { replicas: 1 } }, { part: 'status' });
    expect(await undo(cluster, { ref: web })).toMatchObject({ restored: ['Deployment shop/web'] });
  });

  const theirs = (annotation: Readonly<Record<string, string>>): KubeObject => ({
    ...configMap('new', '1'),
    metadata: { name: 'new', namespace: 'shop', annotations: annotation },
  });

  it.each<readonly [string, (cluster: MemoryCluster) => unknown, string]>([
    [
      'belongs to another release',
      cluster => cluster.given(theirs({ 'cutover/release': 'other' })),
      'it belongs to release other',
    ],
    ['has no release', cluster => cluster.given(theirs({})), 'it has no annotation cutover/release'],
    [
      'has a copied annotation',
      cluster => cluster.given(theirs({ 'cutover/release': 'web' })),
      'Cutover did not apply it',
    ],
    [
      'was created by somebody else and then applied',
      async cluster => {
        cluster.given({ ...theirs({}), data: { OTHER: 'x' } });
        await cluster.apply(configMap('new', '1'), { force: true });
      },
      'operator wrote it too',
    ],
  ])('leaves one that %s, and says why', async (_what, give, why) => {
    const cluster = memoryCluster();
    await give(cluster);
    const log = listLog();
    const done = await restoreSnapshots(optionsOf(cluster, { snapshots: [{ ref: made }], log }));
    expect(done).toEqual({ failed: [], withheld: [], kept: [], left: [{ ref: made, why }] });
    expect(log.lines).toEqual([
      `ConfigMap shop/new is not deleted: nothing proves that this operation created it, since ${why}`,
    ]);
    expect(live(cluster, made)).toMatchObject({ data: { KEY: '1' } });
    expect(cluster.writes().filter(call => call.startsWith('REMOVE'))).toEqual([]);
  });

  it('keeps one that somebody else has just created in its place', async () => {
    const cluster = memoryCluster();
    await cluster.apply(configMap('new', '1'));
    cluster.before = call => {
      if (!call.startsWith('REMOVE')) return;
      cluster.store.remove(made);
      cluster.given(configMap('new', 'theirs'));
    };
    await undo(cluster, { ref: made });
    expect(live(cluster, made)).toMatchObject({ data: { KEY: 'theirs' } });
  });

  it('does nothing when it does not exist', async () => {
    const cluster = memoryCluster();
    expect(await undo(cluster, { ref: made })).toEqual({ restored: [], failed: [], lines: [] });
    expect(cluster.writes()).toEqual([]);
  });
});

describe('restoring many objects', () => {
  it('restores configuration before the pods that read it, and deletes new objects last', async () => {
    const cluster = memoryCluster();
    await cluster.apply(configMap('settings', '1'));
    await cluster.apply(deployment('site:v1'));
    const changed = [live(cluster), live(cluster, refOf(configMap('settings', '')))].map(snapshot);
    await cluster.apply(configMap('new', '1'));
    await cluster.apply(configMap('settings', '2'));
    await cluster.apply(deployment('site:v2'));
    const { restored } = await undo(cluster, { ref: refOf(configMap('new', '')) }, ...changed);
    expect(restored).toEqual(['ConfigMap shop/settings', 'Deployment shop/web', 'ConfigMap shop/new']);
  });

  it('does not restore a Secret, and reports it', async () => {
    const cluster = memoryCluster();
    const secret = { apiVersion: 'v1', kind: 'Secret', name: 'db', namespace: 'shop' };
    const log = listLog();
    const done = await restoreSnapshots(optionsOf(cluster, { snapshots: [{ ref: secret, withheld: true }], log }));
    expect(done).toEqual({ failed: [], withheld: [secret], kept: [], left: [] });
    expect(log.lines).toEqual(['Secret shop/db is not restored: its previous data is not in the record']);
    expect(cluster.calls).toEqual([]);
  });

  it('does not restore a recreated Job: the previous one would repeat its work', async () => {
    const cluster = memoryCluster();
    const job = { apiVersion: 'batch/v1', kind: 'Job', name: 'migrate', namespace: 'shop' };
    const object = { ...configMap('migrate', '1'), apiVersion: 'batch/v1', kind: 'Job' };
    const log = listLog();
    const snapshots = [{ ref: job, object, recreated: true as const }];
    const done = await restoreSnapshots(optionsOf(cluster, { snapshots, log }));
    expect(done).toEqual({ failed: [], withheld: [], kept: [job], left: [] });
    expect(log.lines).toEqual(['Job shop/migrate is not restored: the previous Job would repeat its work']);
    expect(cluster.calls).toEqual([]);
  });

  it('recreates any other recreated object, as it was', async () => {
    const cluster = memoryCluster();
    await cluster.apply(deployment('site:v1'));
    const before = live(cluster);
    cluster.store.remove(refOf(before));
    const other = { ...deployment('site:v2'), spec: { ...(deployment('site:v2')['spec'] as object) } };
    await cluster.apply(other);
    cluster.calls.length = 0;
    const { restored } = await undo(cluster, { ...snapshot(before), recreated: true });
    expect(restored).toEqual(['Deployment shop/web']);
    expect(cluster.writes()).toEqual(['REMOVE Deployment shop/web', 'APPLY Deployment shop/web']);
    expect(live(cluster)['spec']).toEqual(before['spec']);
  });

  it('leaves an object that an operator has created under the name of a recreated one, and fails', async () => {
    const cluster = memoryCluster();
    await cluster.apply(deployment('site:v1'));
    const before = live(cluster);
    cluster.store.remove(web);
    cluster.given(deployment('site:theirs'));
    cluster.calls.length = 0;
    const { failed } = await undo(cluster, { ...snapshot(before), recreated: true });
    expect(failed).toEqual([
      'Deployment shop/web: another object has its name now, which this operation did not create: Cutover did not apply it',
    ]);
    expect(cluster.writes()).toEqual([]);
  });

  it.each([
    ['of Cutover', 'APPLY'],
    ['of others', 'CREATE'],
  ])('gives up a recreated object %s whose name an operator takes again', async (whose, verb) => {
    const cluster = memoryCluster();
    if (whose === 'of Cutover') await cluster.apply(deployment('site:v1'));
    else cluster.given(deployment('site:v1'));
    const before = live(cluster);
    cluster.store.remove(web);
    await cluster.apply(deployment('site:v2'));
    cluster.calls.length = 0;
    cluster.before = call => {
      if (call.startsWith(verb) && cluster.store.get(web) === undefined)
        cluster.given(deployment('site:theirs', { minReadySeconds: 9 }));
    };
    const { failed } = await undo(cluster, { ...snapshot(before), recreated: true });
    expect(failed).toHaveLength(1);
    expect(failed[0]).toContain('another object has its name now');
    expect(cluster.writes().filter(call => call.startsWith('REMOVE'))).toHaveLength(1);
  });

  it('writes nothing more once the signal aborts', async () => {
    const cluster = memoryCluster();
    await cluster.apply(configMap('new', '1'));
    cluster.calls.length = 0;
    const snapshots = [{ ref: refOf(configMap('new', '')) }];
    const { failed } = await undoWith(cluster, { snapshots, signal: AbortSignal.abort() });
    expect(failed).toEqual(['ConfigMap shop/new: the run was cancelled']);
    expect(cluster.calls).toEqual([]);
  });

  it('deletes first what was created last', async () => {
    const cluster = memoryCluster();
    for (const name of ['first', 'second', 'third']) await cluster.apply(configMap(name, '1'));
    const refs = ['first', 'second', 'third'].map(name => ({ ref: refOf(configMap(name, '')) }));
    const { restored } = await undo(cluster, ...refs);
    expect(restored).toEqual(['ConfigMap shop/third', 'ConfigMap shop/second', 'ConfigMap shop/first']);
  });

  it('continues after a failure', async () => {
    const cluster = memoryCluster();
    const names = ['first', 'second', 'third'];
    for (const name of names) await cluster.apply(configMap(name, '1'));
    cluster.before = call => {
      if (call === 'REMOVE ConfigMap shop/second') throw new CutoverError('no right to', { code: 'forbidden' });
    };
    const { restored, failed } = await undo(cluster, ...names.map(name => ({ ref: refOf(configMap(name, '')) })));
    expect(restored).toEqual(['ConfigMap shop/third', 'ConfigMap shop/first']);
    expect(failed).toEqual(['ConfigMap shop/second: no right to']);
  });

  it('writes nothing where nothing has changed', async () => {
    const cluster = memoryCluster();
    await cluster.apply(deployment('site:v1'));
    cluster.given(configMap('theirs', '1'));
    const snapshots = [live(cluster), live(cluster, refOf(configMap('theirs', '')))].map(snapshot);
    cluster.store.update({ ...live(cluster), status: { readyReplicas: 1 } }, { part: 'status' });
    cluster.calls.length = 0;
    expect(await undo(cluster, ...snapshots)).toEqual({ restored: [], failed: [], lines: [] });
    expect(cluster.writes()).toEqual([]);
  });

  it('is idempotent', async () => {
    const cluster = memoryCluster();
    await cluster.apply(deployment('site:v1'));
    const snapshots = [snapshot(live(cluster)), { ref: refOf(configMap('new', '')) }];
    await cluster.apply(deployment('site:v2'));
    await cluster.apply(configMap('new', '1'));
    await undo(cluster, ...snapshots);
    const after = live(cluster).metadata.resourceVersion;
    expect(await undo(cluster, ...snapshots)).toMatchObject({ restored: [], failed: [] });
    expect(live(cluster).metadata.resourceVersion).toBe(after);
  });
});
