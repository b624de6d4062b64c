import { describe, expect, it } from '@jest/globals';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import { confirmEndpoints, judgeEndpoints } from '../../src/traffic/endpoint-slices.js';
import { serviceSelector } from '../../src/traffic/service-selector.js';
import { memoryCluster, type MemoryCluster } from '../support/cluster/memory-cluster.js';
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
    ...(pod !== undefined && { targetRef: { kind: 'Pod', name: pod, namespace: 'shop' } }),
  })),
});
const pods = (...names: readonly string[]) => names.map(name => ({ name }));

describe('the endpoints are those of the new role', () => {
  it.each([
    [
      'all of them are there',
      [slice('a', { pod: 'g1', ready: true }, { pod: 'g2', ready: true })],
      ['g1', 'g2'],
      true,
      '2 endpoints, all of the expected pods',
    ],
    [
      'they are spread over slices',
      [slice('a', { pod: 'g1', ready: true }), slice('b', { pod: 'g2', ready: true })],
      ['g1', 'g2'],
      true,
      '2 endpoints, all of the expected pods',
    ],
    [
      'the only one is there, and says nothing of being ready',
      [slice('a', { pod: 'g1' })],
      ['g1'],
      true,
      '1 endpoint, all of the expected pods',
    ],
    [
      'one is listed twice',
      [slice('a', { pod: 'g1', ready: true }), slice('b', { pod: 'g1', ready: true })],
      ['g1'],
      true,
      '1 endpoint, all of the expected pods',
    ],
    [
      'an old one is still listed, but not ready',
      [slice('a', { pod: 'g1', ready: true }, { pod: 'b1', ready: false })],
      ['g1'],
      true,
      '1 endpoint, all of the expected pods',
    ],
    ['one is missing', [slice('a', { pod: 'g1', ready: true })], ['g1', 'g2'], false, 'not yet an endpoint: g2'],
    ['one is not ready', [slice('a', { pod: 'g1', ready: false })], ['g1'], false, 'not yet an endpoint: g1'],
    [
      'an old one still is',
      [slice('a', { pod: 'g1', ready: true }, { pod: 'b1', ready: true })],
      ['g1'],
      false,
      'still an endpoint: b1',
    ],
    ['there is no slice', [], ['g1'], false, 'not yet an endpoint: g1'],
    ['a slice is empty', [{ ...slice('a'), endpoints: null }], ['g1'], false, 'not yet an endpoint: g1'],
    ['no pod is expected', [], [], false, 'no pod is ready'],
    [
      'no pod is expected, and one is an endpoint',
      [slice('a', { pod: 'b1', ready: true })],
      [],
      false,
      'no pod is ready',
    ],
  ])('%s', (_what, ...[slices, expected, done, reason]) => {
    expect(judgeEndpoints(slices as readonly KubeObject[], pods(...expected))).toEqual({ done, reason });
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
    await serviceSelector(ctx, ref).set({ object: typed, force: false }, { ref, object: live });
    expect(cluster.calls).toEqual(['APPLY Service shop/web']);
    const { spec } = cluster.store.get(ref)!;
    expect(spec).toEqual({ ...(live['spec'] as object), selector: { app: 'web', role: 'green' } });
    expect(ctx.log.lines).toEqual(['Service shop/web switched']);
  });

  it('creates the Service of the first release', async () => {
    const cluster = memoryCluster();
    const ctx = stepOn(cluster);
    await serviceSelector(ctx, ref).set({ object: service('blue'), force: false }, { ref });
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
    const setting = serviceSelector(ctx, ref).set({ object: service('green'), force: true }, { ref, object: live });
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
    const result = await serviceSelector(ctx, ref)
      .set({ object: service('green'), force }, before)
      .then(
        () => 'done',
        (error: unknown) => (error as { code: string }).code,
      );
    expect([result, selectorIn(cluster)]).toEqual([force ? 'done' : 'conflict', { app: 'web', role }]);
  });
});

describe('waiting for the endpoints', () => {
  const confirm = (cluster: MemoryCluster, options: { signal?: AbortSignal; timeoutMs?: number } = {}) => {
    const { timeoutMs = 60_000, signal } = options;
    const ctx = stepOn(cluster, signal === undefined ? {} : { signal });
    const request = { service: ref, pods: pods('g1', 'g2'), timeoutMs, signal: ctx.signal };
    const done = confirmEndpoints({ cluster, log: ctx.log, ...request });
    return { ctx, done };
  };

  it('ends as soon as they are all new pods and no others', async () => {
    const cluster = memoryCluster();
    const { store } = cluster;
    store.create(slice('a', { pod: 'b1', ready: true }));
    store.create(slice('old', { pod: 'b2', ready: true }));
    store.create({ ...slice('x', { pod: 'z', ready: true }), metadata: { name: 'x', namespace: 'shop' } });
    const { ctx, done } = confirm(cluster);
    store.update(slice('a', { pod: 'b1', ready: true }, { pod: 'g1', ready: true }));
    store.update(slice('a', { pod: 'g1', ready: true }, { pod: 'g2', ready: true }));
    store.remove(refOf(slice('old')));
    await done;
    expect(ctx.log.lines).toEqual(['Service shop/web: 2 endpoints, all of the expected pods']);
  });

  it('fails with what is missing at the deadline', async () => {
    const cluster = memoryCluster();
    cluster.store.create(slice('a', { pod: 'g1', ready: true }));
    await expect(confirm(cluster, { timeoutMs: 1 }).done).rejects.toMatchObject({
      code: 'switch',
      object: 'Service shop/web',
      message: 'Service shop/web was switched, but its endpoints did not follow within 0 s: not yet an endpoint: g2',
      hint: expect.stringContaining('EndpointSlices') as unknown,
    });
  });

  it('ends at once when the run is cancelled', async () => {
    const cancel = new AbortController();
    const { done } = confirm(memoryCluster(), { signal: cancel.signal });
    cancel.abort(new Error('cancelled by hand'));
    await expect(done).rejects.toThrow('cancelled by hand');
  });

  it('fails with the reason why the slices cannot be watched', async () => {
    const cluster = memoryCluster();
    const refused = new Error('no right to watch');
    cluster.watch = () => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(refused) }),
    });
    await expect(confirm(cluster).done).rejects.toBe(refused);
  });
});
