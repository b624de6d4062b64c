import { describe, expect, it } from '@jest/globals';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import type { PlannedChange } from '../../src/plan/change.js';
import { observe, type ReadyWorkload } from '../../src/rollout/observer.js';
import { confirmServices, kindsOfServices, servedServices } from '../../src/strategies/rolling/confirm-services.js';
import type { Strangers } from '../../src/traffic/strangers.js';
import { manualClock, settle } from '../support/clock.js';
import { memoryCluster } from '../support/cluster/memory-cluster.js';
import { stepOn } from '../support/strategies/context.js';

const at = { file: 'app.yml', line: 1, column: 1 };
const inShop = { namespace: 'shop' };
const service: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'db', ...inShop },
  spec: { selector: { app: 'db' }, ports: [{ port: 5432 }] },
};
const set: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db', ...inShop, uid: 'set' },
  spec: { template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'db', image: 'db:1' }] } } },
};
const pod: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'db-0', ...inShop, labels: { app: 'db' } },
  spec: { containers: [{ name: 'db', image: 'db:1' }] },
};
const slice: KubeObject = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'db-1', ...inShop, labels: { 'kubernetes.io/service-name': 'db' } },
  addressType: 'IPv4',
  endpoints: [],
};

/** What the one pod behind the Service is: `unknown`: it is ready, but its endpoint does not say so. */
type PodState = 'ready' | 'unknown' | 'unready' | 'gone';

/** A Service of a rollout, as it is confirmed on a clock that moves by hand. */
function rollout({ before, runs }: { readonly before: PodState; readonly runs: 'pod' | 'nothing' }) {
  const cluster = memoryCluster();
  const { store } = cluster;
  cluster.given(slice);
  const become = async (state: PodState): Promise<void> => {
    if (state === 'gone') store.remove(refOf(pod), { gracePeriodSeconds: 0 });
    else if (store.get(refOf(pod)) === undefined) cluster.given(pod);
    const live = store.get(refOf(pod));
    const isReady = state === 'ready' || state === 'unknown';
    const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'False' }];
    const status = { phase: 'Running', podIP: '10.0.0.1', conditions };
    if (live !== undefined) store.update({ ...live, status }, { part: 'status' });
    const targetRef = { kind: 'Pod', name: 'db-0', ...inShop, uid: live?.metadata.uid };
    const endpoint = { addresses: ['10.0.0.1'], targetRef };
    const told = state === 'unknown' ? endpoint : { ...endpoint, conditions: { ready: isReady } };
    store.update({ ...store.get(refOf(slice))!, endpoints: live === undefined ? [] : [told] });
    await settle();
  };
  const objects = runs === 'pod' ? [service, set] : [service];
  const planned = objects.map((object): PlannedChange => ({
    resource: { object, at, positionOf: () => at },
    change: 'unchanged',
    after: object,
  }));
  const ready = (): readonly ReadyWorkload[] => {
    const { uid = '' } = store.get(refOf(pod))?.metadata ?? {};
    return runs === 'pod' ? [{ ref: refOf(set), uid: 'set', generation: 1, pods: [{ name: 'db-0', uid }] }] : [];
  };
  const clock = manualClock();
  const ctx = stepOn(cluster);
  const { log, signal } = ctx;
  /** Begins to confirm when the pod has become `then`. */
  const confirm = async (then: PodState): Promise<{ readonly strangers: Promise<readonly Strangers[]> }> => {
    await become(before);
    const beside = kindsOfServices(planned);
    const observer = observe({ cluster, log, signal, clock, targets: [], beside });
    const served = await servedServices(observer, planned);
    await become(then);
    const strangers = confirmServices(ctx, { planned, ready: ready(), observer, served });
    strangers.catch(() => undefined);
    void strangers.finally(() => observer.close()).catch(() => undefined);
    await settle();
    return { strangers };
  };
  return { become, clock, confirm, log };
}

describe('a Service that had endpoints before a rolling update', () => {
  it.each([
    ['of its revision that is not ready', 'pod', 'unready'],
    ['of others that is not ready', 'nothing', 'unready'],
    ['of others that is replaced', 'nothing', 'gone'],
  ] as const)('is waited for while its one pod restarts: one %s', async (_what, runs, then) => {
    const { become, confirm } = rollout({ before: 'ready', runs });
    const { strangers } = await confirm(then);
    await become('ready');
    await expect(strangers).resolves.toBeDefined();
  });

  it.each([
    ['its pod is still not ready', 'unready', /Service shop\/db .*app=db.* the 1 pod that it selects is not ready/],
    ['it selects no pod', 'gone', /Service shop\/db .*app=db.* selects no pod/],
  ] as const)('has lost them if %s after the wait', async (_what, then, message) => {
    const { clock, confirm } = rollout({ before: 'ready', runs: 'nothing' });
    const { strangers } = await confirm(then);
    await clock.advance(30_000);
    await expect(strangers).rejects.toMatchObject({
      code: 'switch',
      message: expect.stringMatching(message) as unknown,
    });
  });

  it('had them, too, if they did not say whether they were ready', async () => {
    const { clock, confirm } = rollout({ before: 'unknown', runs: 'nothing' });
    const { strangers } = await confirm('gone');
    await clock.advance(30_000);
    await expect(strangers).rejects.toMatchObject({ code: 'switch', object: 'Service shop/db' });
  });
});

describe('a Service without endpoints before a rolling update', () => {
  it.each([
    ['its pod is not ready', 'unready', /^Service shop\/db .*app=db.* the 1 pod that it selects is not ready: nobody/],
    ['it selects no pod', 'gone', /^Service shop\/db .*app=db.* selects no pod: nobody/],
  ] as const)('is not waited for, but told, if %s', async (_what, then, line) => {
    const { confirm, log } = rollout({ before: 'unready', runs: 'nothing' });
    const { strangers } = await confirm(then);
    await expect(strangers).resolves.toEqual([]);
    expect(log.lines).toContainEqual(expect.stringMatching(line));
  });
});
