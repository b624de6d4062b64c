import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { appliedHash, RecentApplies } from '../../../src/cluster/apply/applied-identity.js';
import { requirePlan, type DryRunOptions } from '../../../src/cluster/apply/dry-run-all.js';
import { refKey, refOf, type KubeObject } from '../../../src/kubernetes/object.js';
import type { AppliedHashes, PlannedChange } from '../../../src/plan/change.js';
import { memoryCluster, type MemoryCluster } from '../../support/cluster/memory-cluster.js';
import {
  answer,
  connectTo,
  handClock,
  kubeconfigFor,
  startServer,
  status,
} from '../../support/cluster/scripted-server.js';

const at = { file: 'app.yml', line: 1, column: 1 };
const name = 'ConfigMap shop/web';

const configMap = (value: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'web', namespace: 'shop', annotations: { 'cutover/release': 'web' } },
  data: { KEY: value },
});

const key = refKey(refOf(configMap('')));

type Wish = Partial<Omit<DryRunOptions, 'cluster' | 'resources'>>;

async function plan(cluster: DryRunOptions['cluster'], object: KubeObject, wish: Wish = {}): Promise<PlannedChange> {
  const resources = [{ object, at, positionOf: () => at }];
  const [planned] = await requirePlan({ cluster, resources, force: false, ...wish });
  if (planned === undefined) throw new Error('nothing was planned');
  return planned;
}

/** Applies the object; what a record keeps of it. */
async function applied(cluster: MemoryCluster, object: KubeObject): Promise<AppliedHashes> {
  const hash = appliedHash(object, (await cluster.apply(object)).object);
  if (hash === undefined) throw new Error('the answer has no entry');
  cluster.calls.length = 0;
  return { [key]: hash };
}

const edit = ({ store }: MemoryCluster, change: object): void => {
  const live = store.get(refOf(configMap('')));
  if (live === undefined) throw new Error('nothing to edit');
  store.update({ ...live, ...change }, { manager: 'kubectl-edit' });
};

describe('what is on record', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: Date.parse('2026-03-01T12:00:00Z') });
  });
  afterEach(() => {
    jest.useRealTimers();
  });
  const later = (): void => {
    jest.setSystemTime(Date.now() + 60_000);
  };

  it('proves that nothing changes, with the dry run alone', async () => {
    const cluster = memoryCluster();
    const record = await applied(cluster, configMap('1'));
    later();
    expect(await plan(cluster, configMap('1'), { applied: record })).toEqual({
      resource: expect.anything(),
      change: 'unchanged',
      after: expect.objectContaining({ data: { KEY: '1' } }),
    });
    expect(cluster.calls).toEqual([`DRY RUN ${name}`]);
  });

  it('proves it whatever others add to the object', async () => {
    const cluster = memoryCluster();
    const record = await applied(cluster, configMap('1'));
    edit(cluster, { data: { KEY: '1', THEIRS: '1' } });
    later();
    expect((await plan(cluster, configMap('1'), { applied: record })).change).toBe('unchanged');
    expect(cluster.calls).toEqual([`DRY RUN ${name}`]);
  });

  it.each(['', 'x', '.', '__proto__'])('proves nothing when it is "%s"', async hash => {
    const cluster = memoryCluster();
    await applied(cluster, configMap('1'));
    later();
    const planned = await plan(cluster, configMap('1'), { applied: { [key]: hash } });
    expect(planned).toMatchObject({ change: 'unchanged', live: { data: { KEY: '1' } } });
    expect(cluster.calls).toContain(`GET ${name}`);
  });

  it('has the live object read beside the dry run when the manifest is another one', async () => {
    const cluster = memoryCluster();
    const record = await applied(cluster, configMap('1'));
    later();
    const planned = await plan(cluster, configMap('2'), { applied: record });
    expect(planned).toMatchObject({ change: 'changed', live: { data: { KEY: '1' } }, after: { data: { KEY: '2' } } });
    expect(cluster.calls).toEqual([`GET ${name}`, `DRY RUN ${name}`]);
  });

  it('has the live object read after the dry run when another write has come in between', async () => {
    const cluster = memoryCluster();
    const record = await applied(cluster, configMap('1'));
    later();
    edit(cluster, { data: {} });
    expect(await plan(cluster, configMap('1'), { applied: record })).toMatchObject({ change: 'changed' });
    expect(cluster.calls).toEqual([`DRY RUN ${name}`, `GET ${name}`]);
  });

  it('proves nothing of an object that was deleted and is created again', async () => {
    const cluster = memoryCluster();
    const record = await applied(cluster, configMap('1'));
    cluster.store.remove(refOf(configMap('')));
    later();
    expect(await plan(cluster, configMap('1'), { applied: record })).toMatchObject({ change: 'created' });
    expect(await plan(cluster, configMap('2'), { applied: record })).toMatchObject({ change: 'created' });
    // Somebody else creates it between the two requests.
    cluster.before = call => {
      if (call.startsWith('DRY RUN')) cluster.given(configMap('2'));
    };
    // Somebody else created it, so it has to be applied once, though it has the same content.
    expect(await plan(cluster, configMap('2'), { applied: record })).toMatchObject({ change: 'changed', live: {} });
  });

  it('proves that a Job has run which its TTL has deleted since, and no other Job', async () => {
    const job = (image: string, ttl?: number): KubeObject => ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'web', namespace: 'shop', annotations: { 'cutover/release': 'web' } },
      spec: {
        ...(ttl !== undefined && { ttlSecondsAfterFinished: ttl }),
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'task', image }] } },
      },
    });
    for (const ttl of [0, undefined]) {
      const cluster = memoryCluster();
      const live = (await cluster.apply(job('task:v1', ttl))).object;
      const record = { [refKey(refOf(live))]: appliedHash(job('task:v1', ttl), live) ?? '' };
      cluster.store.remove(refOf(live));
      later();
      const again = await plan(cluster, job('task:v1', ttl), { applied: record });
      const finished = { change: 'unchanged', finished: true };
      expect(again).toMatchObject(ttl === undefined ? { change: 'created' } : finished);
      expect(await plan(cluster, job('task:v2', ttl), { applied: record })).toMatchObject({ change: 'created' });
      expect(await plan(cluster, job('task:v1', ttl))).toMatchObject({ change: 'created' });
    }
  });

  it('proves nothing right after an apply of this process: a change within one second keeps the entry', async () => {
    const cluster = memoryCluster();
    const record = await applied(cluster, configMap('1'));
    const clock = handClock();
    const recent = new RecentApplies(clock);
    recent.note(refOf(configMap('')));
    edit(cluster, { data: { KEY: 'drift' } });
    const wish = { applied: record, recent, force: true };
    expect((await plan(cluster, configMap('1'), wish)).change).toBe('changed');
    expect(cluster.calls).toEqual([`GET ${name}`, `DRY RUN ${name}`]);
    await clock.wait(2001, new AbortController().signal);
    later();
    expect((await plan(cluster, configMap('1'), wish)).change).toBe('changed');
  });
});

describe('the live object', () => {
  const gets = (cluster: MemoryCluster): readonly string[] => cluster.calls.filter(call => call.startsWith('GET'));
  const records: readonly (readonly [string, AppliedHashes])[] = [
    ['nothing is on record', {}],
    ['another manifest is on record', { [key]: 'other.other' }],
  ];

  it.each(records)('is read once for a conflict when %s', async (_what, record) => {
    const cluster = memoryCluster();
    await applied(cluster, configMap('1'));
    edit(cluster, { data: { KEY: 'theirs' } });
    await expect(plan(cluster, configMap('2'), { applied: record })).rejects.toMatchObject({ code: 'conflict' });
    expect(gets(cluster)).toEqual([`GET ${name}`]);
  });

  it.each(records)('is read once for a takeover when %s', async (_what, record) => {
    const cluster = memoryCluster();
    cluster.givenBy('kubectl-client-side-apply', configMap('1'));
    const planned = await plan(cluster, configMap('2'), { applied: record });
    expect(planned).toMatchObject({ change: 'changed', force: true, live: { data: { KEY: '1' } } });
    expect(gets(cluster)).toEqual([`GET ${name}`]);
  });

  it.each(records)('is read once for a recreation when %s', async (_what, record) => {
    const cluster = memoryCluster();
    const immutable = (value: string): KubeObject => ({ ...configMap(value), immutable: true });
    await applied(cluster, immutable('1'));
    const wish = { applied: record, recreate: { jobs: false, objects: [{ kind: 'configmap', name: 'web' }] } };
    expect(await plan(cluster, immutable('2'), wish)).toMatchObject({ change: 'recreated', live: {} });
    expect(gets(cluster)).toEqual([`GET ${name}`]);
  });

  it('is not needed where the dry run creates the object: a failed read does no harm', async () => {
    const cluster = memoryCluster();
    cluster.before = call => {
      if (call.startsWith('GET')) throw new Error('not readable');
    };
    const wish = { applied: { [key]: 'other.other' } };
    expect(await plan(cluster, configMap('1'), wish)).toMatchObject({ change: 'created' });
    await cluster.apply(configMap('1'));
    await expect(plan(cluster, configMap('2'), wish)).rejects.toThrow('not readable');
  });

  it('is read where the answer comes four seconds after its own entry', async () => {
    const stamp = '2026-03-01T12:00:00Z';
    const objectWith = (value: string, time: string): object => ({
      ...configMap(value),
      metadata: {
        ...configMap(value).metadata,
        managedFields: [{ manager: 'cutover', operation: 'Apply', apiVersion: 'v1', time, fieldsV1: {} }],
      },
    });
    // The API server stamps the entry before admission, and the answer when a slow webhook has agreed.
    const server = await startServer(({ method, path }, response) => {
      response.setHeader('date', new Date(Date.parse(stamp) + 4000).toUTCString());
      if (path === '/api/v1/namespaces/shop/configmaps/web')
        answer(response, 200, method === 'GET' ? objectWith('1', '2026-02-28T12:00:00Z') : objectWith('2', stamp));
      else answer(response, 404, status(404));
    });
    try {
      const cluster = await connectTo(kubeconfigFor(server.url));
      expect(await plan(cluster, configMap('2'))).toMatchObject({ change: 'changed', live: { data: { KEY: '1' } } });
    } finally {
      await server.close();
    }
  });
});
