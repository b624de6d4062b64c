import { describe, expect, it } from '@jest/globals';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import { confirmEndpoints } from '../../src/traffic/endpoint-slices.js';
import { judgeServedPods, type WorkloadPods } from '../../src/traffic/served-pods.js';
import type { ConfirmOptions } from '../../src/traffic/router.js';
import { serviceSelector } from '../../src/traffic/service-selector.js';
import { memoryCluster, type MemoryCluster } from '../support/cluster/memory-cluster.js';
import { settle } from '../support/clock.js';
import { stepOn } from '../support/strategies/context.js';

interface Endpoint {
  readonly pod?: string;
  readonly ready?: boolean;
}

const slice = (name: string, ...endpoints: readonly Endpoint[]): KubeObject => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  endpoints: endpoints.map(({ pod, ready }) => ({
    addresses: ['127.0.0.2'],
    ...(ready !== undefined && { conditions: { ready } }),
    ...(pod !== undefined && { targetRef: { kind: 'Pod', name: pod, namespace: 'shop', uid: `uid-${pod}` } }),
  })),
});
const owner = '11111111-set';
const workload: WorkloadPods = {
  ref: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web-green' },
  owner,
  templateHash: 'h2',
  wanted: 2,
};

interface PodState {
  readonly ready?: boolean;
  readonly hash?: string;
  readonly owner?: string;
  readonly deleting?: boolean;
  readonly phase?: string;
  readonly ips?: readonly string[];
}

/** A pod of the new version; its uid is that of the endpoints that name it. */
function greenPod(name: string, state: PodState = {}): KubeObject {
  const { ready = true, hash = 'h2', deleting = false, phase = 'Running', ips = ['10.0.0.1'] } = state;
  const controller = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'set', uid: state.owner ?? owner };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'shop',
      uid: `uid-${name}`,
      labels: { app: 'web', role: 'green', 'pod-template-hash': hash },
      ownerReferences: [{ ...controller, controller: true }],
      ...(deleting && { deletionTimestamp: '2026-03-01T12:00:00Z' }),
    },
    status: {
      phase,
      podIPs: ips.map(ip => ({ ip })),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}

const [g1, g2] = [greenPod('g1'), greenPod('g2')];
const both = [g1, g2];
const all = slice('a', { pod: 'g1', ready: true }, { pod: 'g2', ready: true });
const served = { kind: 'served', reason: '2 endpoints, all of the expected pods' };

describe('users reach the pods of the new version', () => {
  it.each([
    ['all of them are endpoints', [all], both],
    ['they are spread over slices', [slice('a', { pod: 'g1' }), slice('b', { pod: 'g2', ready: true })], both],
    ['the endpoints say nothing of being ready', [slice('a', { pod: 'g1' }, { pod: 'g2' })], both],
    ['one is listed twice', [all, slice('b', { pod: 'g1', ready: true })], both],
    ['an old one is still listed, but not ready', [all, slice('b', { pod: 'b1', ready: false })], both],
    ['one was replaced by another', [slice('a', { pod: 'g1' }, { pod: 'g3' })], [g1, greenPod('g3')]],
    ['one was evicted and replaced', [all], [...both, greenPod('g0', { ready: false, phase: 'Failed' })]],
    ['one that is replaced still terminates', [all], [...both, greenPod('g0', { deleting: true })]],
    ['one more is not ready yet', [all], [...both, greenPod('g3', { ready: false })]],
    ['pods of another version are not ready', [all], [...both, greenPod('x', { ready: false, hash: 'h9' })]],
    [
      'an endpoint is no pod',
      [{ ...all, endpoints: [...(all['endpoints'] as object[]), { addresses: ['1.1.1.1'] }] }],
      both,
    ],
  ])('%s', (_what, slices, pods) => {
    expect(judgeServedPods({ slices, pods, owners: [], workloads: [workload] })).toEqual(served);
  });

  it('in both address families of a dual-stack Service', () => {
    const dual = ['10.0.0.1', 'fd00::1'];
    const pods = [greenPod('g1', { ips: dual }), greenPod('g2', { ips: dual })];
    const six = (...endpoints: readonly Endpoint[]) => ({ ...slice('six', ...endpoints), addressType: 'IPv6' });
    const judge = (...slices: readonly KubeObject[]) =>
      judgeServedPods({ slices, pods, owners: [], workloads: [workload] });
    expect(judge(all, six({ pod: 'g1' }, { pod: 'g2' }))).toEqual(served);
    expect(judge(all, six({ pod: 'g1' }))).toEqual({ kind: 'lagging', reason: 'not yet an endpoint: g2' });
    expect(judge(all, six({ pod: 'g1' }, { pod: 'g2' }, { pod: 'b1' }))).toMatchObject({ kind: 'lagging' });
  });

  it('and a pod without an address of the second family is not waited for there', () => {
    const six = { ...slice('six'), addressType: 'IPv6' };
    expect(judgeServedPods({ slices: [all, six], pods: both, owners: [], workloads: [workload] })).toEqual(served);
  });

  it.each([
    ['terminates', { ready: true, serving: true, terminating: true }, { deleting: true }],
    ['is not ready', { ready: true, serving: false, terminating: false }, { ready: false }],
  ])('a published endpoint that %s is no other version (publishNotReadyAddresses)', (_what, conditions, state) => {
    const published = { addresses: ['127.0.0.2'], conditions, targetRef: { kind: 'Pod', name: 'g3', uid: 'uid-g3' } };
    const slices = [{ ...all, endpoints: [...(all['endpoints'] as object[]), published] }];
    const pods = [...both, greenPod('g3', state)];
    expect(judgeServedPods({ slices, pods, owners: [], workloads: [workload] })).toEqual(served);
  });

  it('if their workload wants fewer of them by now', () => {
    const set = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: 'set', uid: owner },
      spec: { replicas: 1 },
    };
    const slices = [slice('a', { pod: 'g1' })];
    const verdict = judgeServedPods({ slices, pods: [g1], owners: [set], workloads: [workload] });
    expect(verdict).toEqual({ kind: 'served', reason: '1 endpoint, all of the expected pods' });
  });

  it('of whatever version, if any pod that the Service selects is right', () => {
    const pods = [g1, greenPod('x', { hash: 'h9', owner: 'another' })];
    expect(judgeServedPods({ slices: [slice('a', { pod: 'g1' }, { pod: 'x' })], pods, owners: [] })).toEqual(served);
    expect(judgeServedPods({ slices: [slice('a')], pods: [], owners: [] })).toMatchObject({ kind: 'too-few' });
  });
});

describe('users reach pods of a role beside those of the new version', () => {
  const blue = greenPod('b1', { hash: 'h1', owner: 'the old set' });
  const beside = { role: 'blue' };
  const old = { ...blue, metadata: { ...blue.metadata, labels: { ...blue.metadata.labels, ...beside } } };
  const slices = [all, slice('b', { pod: 'b1' })];
  const judge = (pods: readonly KubeObject[], more: object = {}) =>
    judgeServedPods({ slices, pods, owners: [], workloads: [workload], beside: [beside], ...more });

  it('as long as the role is there', () => {
    expect(judge([...both, old])).toEqual({ kind: 'served', reason: '3 endpoints, all of the expected pods' });
    expect(judge([...both, blue])).toMatchObject({ kind: 'lagging' });
  });

  it('but those of the new version must be there, even if it wants none by now', () => {
    const set = { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'set', uid: owner } };
    const owners = [{ ...set, spec: { replicas: 0 } }];
    const onlyOld = { slices: [slice('b', { pod: 'b1' })], owners };
    expect(judge([old], onlyOld)).toEqual({ kind: 'too-few', reason: 'no pod is ready' });
  });
});

describe('users do not reach the pods of the new version yet', () => {
  const one = slice('a', { pod: 'g1', ready: true });

  it.each([
    ['one is missing', [one], both, 'not yet an endpoint: g2'],
    ['one is not ready', [slice('a', { pod: 'g1' }, { pod: 'g2', ready: false })], both, 'not yet an endpoint: g2'],
    ['there is no slice', [], both, 'not yet an endpoint: g1, g2'],
    ['a slice is empty', [{ ...slice('a'), endpoints: null }], both, 'not yet an endpoint: g1, g2'],
    ['an old one still is', [all, slice('b', { pod: 'b1' })], both, 'still an endpoint: b1 (not selected any more)'],
    [
      'one of another template is',
      [all, slice('b', { pod: 'x' })],
      [...both, greenPod('x', { hash: 'h9' })],
      'still an endpoint: x (of another version)',
    ],
    [
      'one with their labels and another owner is',
      [all, slice('b', { pod: 'x' })],
      [...both, greenPod('x', { owner: 'another' })],
      'still an endpoint: x (of another version)',
    ],
    [
      'one of another template is about to be',
      [all],
      [...both, greenPod('x', { hash: 'h9' })],
      'selected, but of another version: x',
    ],
    [
      'one that terminates still is',
      [all, slice('b', { pod: 'g3', ready: true })],
      [...both, greenPod('g3', { deleting: true })],
      'still an endpoint: g3 (being deleted)',
    ],
    [
      'one that was evicted still is',
      [all, slice('b', { pod: 'g3', ready: true })],
      [...both, greenPod('g3', { phase: 'Failed' })],
      'still an endpoint: g3 (ended)',
    ],
    [
      'one of the same name and another uid is',
      [all],
      [g1, { ...g2, metadata: { ...g2.metadata, uid: 'younger' } }],
      'not yet an endpoint: g2; still an endpoint: g2 (not selected any more)',
    ],
  ])('%s', (...[, slices, pods, reason]) => {
    const verdict = judgeServedPods({
      slices: slices,
      pods,
      owners: [],
      workloads: [workload],
    });
    expect(verdict).toEqual({ kind: 'lagging', reason });
  });

  it.each([
    [
      'one is starting',
      [one],
      [g1, greenPod('g2', { ready: false })],
      'Deployment shop/web-green: 1 of 2 ready; pod g2: running, not ready',
    ],
    ['one is gone', [one], [g1], 'Deployment shop/web-green: 1 of 2 ready'],
    ['none is ready', [slice('a')], [greenPod('g1', { ready: false })], 'no pod is ready; pod g1: running, not ready'],
    ['there is none', [slice('a')], [], 'no pod is ready'],
  ])('too few of them are ready: %s', (...[, slices, pods, reason]) => {
    const verdict = judgeServedPods({ slices, pods, owners: [], workloads: [workload] });
    expect(verdict).toEqual({ kind: 'too-few', reason });
  });
});

const service = (role: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop', annotations: { 'cutover/release': 'web' } },
  spec: { selector: { app: 'web', role }, ports: [{ port: 80 }] },
});
const ref = refOf(service(''));
const selectorIn = (cluster: MemoryCluster) => (cluster.store.get(ref)?.['spec'] as { selector: object }).selector;

describe('setting the selector of the public Service', () => {
  it('is one write, and does not change its address', async () => {
    const cluster = memoryCluster();
    const ctx = stepOn(cluster);
    const live = (
      await cluster.apply({ ...service('blue'), spec: { ...(service('blue')['spec'] as object), type: 'NodePort' } })
    ).object;
    cluster.calls.length = 0;
    const typed = { ...service('green'), spec: { ...(service('green')['spec'] as object), type: 'NodePort' } };
    await serviceSelector(ctx).set({ object: typed, force: false }, { ref, object: live }, cluster);
    expect(cluster.calls).toEqual(['APPLY Service shop/web']);
    const { spec } = cluster.store.get(ref)!;
    expect(spec).toEqual({ ...(live['spec'] as object), selector: { app: 'web', role: 'green' } });
    expect(ctx.log.lines).toEqual(['Service shop/web switched']);
  });

  it('creates the Service of the first release', async () => {
    const cluster = memoryCluster();
    const ctx = stepOn(cluster);
    await serviceSelector(ctx).set({ object: service('blue'), force: false }, { ref }, cluster);
    expect(selectorIn(cluster)).toEqual({ app: 'web', role: 'blue' });
    expect(ctx.log.lines).toEqual(['Service shop/web created']);
  });

  it('changes nothing when somebody changed the Service since it was read', async () => {
    const cluster = memoryCluster();
    const live = (await cluster.apply(service('blue'))).object;
    cluster.store.update(
      { ...live, metadata: { ...live.metadata, labels: { touched: 'yes' } } },
      { manager: 'kubectl' },
    );
    const ctx = stepOn(cluster);
    const setting = serviceSelector(ctx).set({ object: service('green'), force: true }, { ref, object: live }, cluster);
    await expect(setting).rejects.toMatchObject({ code: 'moved', object: 'Service shop/web' });
    expect(selectorIn(cluster)).toEqual({ app: 'web', role: 'blue' });
  });

  it.each([
    [false, 'blue'],
    [true, 'green'],
  ])('takes the selector over from another manager only by force: %s', async (force, role) => {
    const cluster = memoryCluster();
    cluster.given(service('blue'));
    const ctx = stepOn(cluster);
    const before = { ref, object: cluster.store.get(ref)! };
    const result = await serviceSelector(ctx)
      .set({ object: service('green'), force }, before, cluster)
      .then(
        () => 'done',
        (error: unknown) => (error as { code: string }).code,
      );
    expect([result, selectorIn(cluster)]).toEqual([force ? 'done' : 'conflict', { app: 'web', role }]);
  });
});

describe('waiting for the endpoints', () => {
  const confirm = (cluster: MemoryCluster, options: Partial<ConfirmOptions> = {}) => {
    const { timeoutMs = 60_000, signal, ...more } = options;
    const ctx = stepOn(cluster, signal === undefined ? {} : { signal });
    const expected = { object: service('green'), workloads: [{ ...workload, owner: ownerIn(cluster) }] };
    const request = { service: ref, expected, timeoutMs, signal: ctx.signal, ...more };
    const done = confirmEndpoints({ cluster, log: ctx.log, ...request });
    return { ctx, done };
  };
  const replicaSet = (replicas = 2): KubeObject => {
    const labels = { app: 'web', role: 'green', 'pod-template-hash': 'h2' };
    return {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: 'set', namespace: 'shop', labels },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'site:v2' }] } },
      },
    };
  };
  const ownerIn = ({ store }: MemoryCluster): string => store.get(refOf(replicaSet()))!.metadata.uid!;
  const createPod = ({ store }: MemoryCluster, name: string, state: PodState = {}): void => {
    const { metadata, status } = greenPod(name, { ...state, owner: store.get(refOf(replicaSet()))!.metadata.uid! });
    const { uid: _given, ...rest } = metadata;
    const spec = { containers: [{ name: 'web', image: 'site:v2' }] };
    const pod = store.create({ apiVersion: 'v1', kind: 'Pod', metadata: rest, spec });
    store.update({ ...pod, status }, { part: 'status' });
  };
  const removePod = ({ store }: MemoryCluster, name: string): void => {
    store.remove({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name }, { gracePeriodSeconds: 0 });
  };
  /** The slice names the pods as they are now. */
  const sliceOf = ({ store }: MemoryCluster, name: string, ...pods: readonly string[]): KubeObject => ({
    ...slice(name),
    endpoints: pods.map(pod => {
      const uid = store.get({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: pod })?.metadata.uid ?? 'gone';
      return { addresses: ['127.0.0.2'], conditions: { ready: true }, targetRef: { kind: 'Pod', name: pod, uid } };
    }),
  });
  const prepared = (...ready: readonly string[]): MemoryCluster => {
    const cluster = memoryCluster();
    cluster.store.create(replicaSet());
    for (const name of ready) createPod(cluster, name);
    return cluster;
  };

  it('ends as soon as they are all new pods and no others', async () => {
    const cluster = prepared('g1', 'g2');
    const { store } = cluster;
    store.create(sliceOf(cluster, 'a', 'b1'));
    store.create(sliceOf(cluster, 'old', 'b2'));
    store.create({ ...sliceOf(cluster, 'x', 'z'), metadata: { name: 'x', namespace: 'shop' } });
    const { ctx, done } = confirm(cluster);
    store.update(sliceOf(cluster, 'a', 'b1', 'g1'));
    store.update(sliceOf(cluster, 'a', 'g1', 'g2'));
    store.remove(refOf(slice('old')));
    expect((await done).map(({ metadata }) => metadata.name)).toEqual(['g1', 'g2']);
    expect(ctx.log.lines).toEqual(['Service shop/web: 2 endpoints, all of the expected pods']);
  });

  it('goes on past its deadline while a pod that was replaced starts, and ends with the new one', async () => {
    const cluster = prepared('g1', 'g2');
    const { store } = cluster;
    removePod(cluster, 'g2');
    createPod(cluster, 'g3', { ready: false });
    store.create(sliceOf(cluster, 'a', 'g1'));
    const { ctx, done } = confirm(cluster, { timeoutMs: 1, readyTimeoutMs: 60_000 });
    await new Promise(resolve => setTimeout(resolve, 20));
    removePod(cluster, 'g3');
    createPod(cluster, 'g3');
    store.update(sliceOf(cluster, 'a', 'g1', 'g3'));
    expect((await done).map(({ metadata }) => metadata.name)).toEqual(['g1', 'g3']);
    expect(ctx.log.lines).toEqual([
      'Service shop/web: its endpoints are the expected pods, but too few are ready: Deployment shop/web-green: 1 of 2 ready; pod g3: running, not ready',
      'Service shop/web: 2 endpoints, all of the expected pods',
    ]);
  });

  it('ends when the workload is scaled down meanwhile', async () => {
    const cluster = prepared('g1');
    const { store } = cluster;
    store.create(sliceOf(cluster, 'a', 'g1'));
    const { done } = confirm(cluster);
    await settle();
    const live = store.get(refOf(replicaSet()))!;
    store.update({ ...live, spec: { ...(live['spec'] as object), replicas: 1 } });
    await expect(done).resolves.toHaveLength(1);
  });

  it('fails with what is missing at the deadline', async () => {
    const cluster = prepared('g1', 'g2');
    cluster.store.create(sliceOf(cluster, 'a', 'g1'));
    await expect(confirm(cluster, { timeoutMs: 50 }).done).rejects.toMatchObject({
      code: 'switch',
      object: 'Service shop/web',
      message: 'Service shop/web was switched, but its endpoints did not follow within 0 s: not yet an endpoint: g2',
      hint: expect.stringContaining('EndpointSlices') as unknown,
    });
  });

  it('fails with the pods that are not ready at the deadline', async () => {
    const cluster = prepared('g1');
    createPod(cluster, 'g2', { ready: false });
    cluster.store.create(sliceOf(cluster, 'a', 'g1'));
    await expect(confirm(cluster, { timeoutMs: 50 }).done).rejects.toMatchObject({
      code: 'switch',
      message:
        'Service shop/web was switched, but too few of its pods were ready after 0 s: Deployment shop/web-green: 1 of 2 ready; pod g2: running, not ready',
    });
  });

  it('ends at once when the run is cancelled', async () => {
    const cancel = new AbortController();
    const { done } = confirm(prepared(), { signal: cancel.signal });
    cancel.abort(new Error('cancelled by hand'));
    await expect(done).rejects.toThrow('cancelled by hand');
  });

  it('fails with the reason why the slices cannot be watched', async () => {
    const cluster = prepared();
    const refused = new Error('no right to watch');
    cluster.watch = () => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(refused) }),
    });
    await expect(confirm(cluster).done).rejects.toBe(refused);
  });
});
