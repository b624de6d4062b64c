import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Cluster, ObjectWriter } from '../../src/cluster/cluster.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import {
  answer,
  connectTo,
  handClock,
  keptLog,
  kubeconfigFor,
  startServer,
  status,
} from '../support/cluster/scripted-server.js';
import type { Handler, HandClock, KeptLog, TestServer } from '../support/cluster/scripted-server.js';

const deployment: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { replicas: 2 },
};
const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };

interface Setting {
  readonly server: TestServer;
  readonly cluster: Cluster;
  /** Writes behind a fence that is always open. */
  readonly writer: ObjectWriter;
  readonly log: KeptLog;
  readonly clock: HandClock;
  readonly abort: AbortController;
}

const open: TestServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(server => server.close()));
});

async function setting(handler: Handler): Promise<Setting> {
  const server = await startServer(handler);
  open.push(server);
  const log = keptLog();
  const clock = handClock();
  const abort = new AbortController();
  const cluster = await connectTo(kubeconfigFor(server.url, { user: { token: 'secret-token' } }), {
    log,
    clock,
    signal: abort.signal,
    version: '1.2.3',
  });
  const writer = cluster.writer({ longestWriteMs: 30_000, ready: () => Promise.resolve(), isOpen: () => true });
  return { server, cluster, writer, log, clock, abort };
}

/** Answers one after the other; the last one stays. */
function inTurn(...handlers: readonly Handler[]): Handler {
  let turn = 0;
  return (seen, response) => {
    handlers[Math.min(turn, handlers.length - 1)]?.(seen, response);
    turn += 1;
  };
}

const ok: Handler = (_seen, response) => answer(response, 200, deployment);

describe('apply', () => {
  it('drops no field of any version of Kubernetes, in request and answer', async () => {
    const { server, writer } = await setting((seen, response) => answer(response, 200, JSON.parse(seen.body)));
    const newer = {
      ...deployment,
      spec: {
        replicas: 2,
        notInventedYet: { list: [1, 'two', null, { deep: 0.5 }] },
        template: { spec: { containers: [{ name: 'web', image: 'site:v1', futureProbe: { grpcs: 9 } }] } },
      },
    };
    expect((await writer.apply(newer)).object).toEqual(newer);
    expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual(newer);
  });

  it('sends server-side apply as raw JSON with field manager, strict validation and credentials', async () => {
    const { server, writer } = await setting((_seen, response) => answer(response, 201, deployment));
    const applied = await writer.apply(deployment);
    expect(applied).toEqual({
      object: deployment,
      created: true,
      warnings: [],
    });
    const [seen] = server.seen;
    expect(seen).toMatchObject({
      method: 'PATCH',
      path: '/apis/apps/v1/namespaces/shop/deployments/web',
      query: { fieldManager: 'cutover', fieldValidation: 'Strict' },
    });
    expect(seen?.headers).toMatchObject({
      'content-type': 'application/apply-patch+yaml',
      'user-agent': 'cutover/1.2.3',
      authorization: 'Bearer secret-token',
    });
    expect(JSON.parse(seen?.body ?? '')).toEqual(deployment);
  });

  it('names the namespace of the release in an object whose custom kind has no namespaces', async () => {
    const { server, cluster } = await setting((seen, response) =>
      answer(
        response,
        200,
        seen.method === 'PATCH'
          ? JSON.parse(seen.body)
          : { resources: [{ name: 'zones', kind: 'Zone', namespaced: false }] },
      ),
    );
    const zone = (more: object): KubeObject => ({
      apiVersion: 'example.org/v1',
      kind: 'Zone',
      metadata: { name: 'eu', ...more },
    });
    const annotations = (value: string) => ({ 'cutover/release': value, other: 'x' });
    const given = zone({ namespace: cluster.namespace, annotations: annotations('web') });
    await cluster.dryRunApply(given);
    const { path, body } = server.seen.at(-1)!;
    expect(path).toBe('/apis/example.org/v1/zones/eu');
    expect(JSON.parse(body)).toEqual(zone({ annotations: annotations(`${cluster.namespace}/web`) }));
  });

  it('requests force and a version only when set', async () => {
    const { server, writer } = await setting(ok);
    await writer.apply(deployment, { force: true, resourceVersion: '7' });
    await writer.apply(deployment);
    const [forced, plain] = server.seen;
    expect(forced?.query).toMatchObject({ fieldManager: 'cutover', fieldValidation: 'Strict', force: 'true' });
    expect(JSON.parse(forced?.body ?? '')).toMatchObject({ metadata: { resourceVersion: '7' } });
    expect(plain?.query).not.toHaveProperty('force');
    expect(JSON.parse(plain?.body ?? '')).toEqual(deployment);
    for (const { query } of server.seen) expect(query).not.toHaveProperty('dryRun');
  });

  it('is asked for as a dry run without a writer', async () => {
    const { server, cluster } = await setting(ok);
    await cluster.dryRunApply(deployment, { force: true });
    await cluster.dryRunCreate(deployment);
    await cluster.dryRunReplace(deployment);
    const wanted = { fieldManager: 'cutover', fieldValidation: 'Strict', dryRun: 'All' };
    expect(server.seen.map(({ method, query }) => ({ method, query }))).toEqual([
      { method: 'PATCH', query: { ...wanted, force: 'true' } },
      { method: 'POST', query: wanted },
      { method: 'PUT', query: wanted },
    ]);
  });

  it('omits server-set fields, which exported manifests contain', async () => {
    const { server, writer } = await setting(ok);
    await writer.apply({
      ...deployment,
      metadata: { ...deployment.metadata, uid: 'u', resourceVersion: '1', generation: 3, managedFields: [{}] },
      status: { replicas: 1 },
    });
    expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual(deployment);
  });

  it('returns every Warning header', async () => {
    const { writer } = await setting((_seen, response) => {
      response.setHeader('warning', ['299 - "v1beta1 is \\"old\\""', '299 - "and, so on"']);
      answer(response, 200, deployment);
    });
    expect((await writer.apply(deployment)).warnings).toEqual(['v1beta1 is "old"', 'and, so on']);
  });

  it('about a Secret are counted, and not shown', async () => {
    const secret: KubeObject = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'shop' } };
    const { writer } = await setting((_seen, response) => {
      response.setHeader('warning', ['299 - "password hunter2 is weak"', '299 - "hunter2 is old"']);
      answer(response, 200, secret);
    });
    const { warnings } = await writer.apply(secret);
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).not.toContain('hunter2');
  });

  it('fails on a redirect, and names the host to which it leads', async () => {
    const { cluster, server } = await setting((_seen, response) => {
      response.writeHead(302, { location: 'https://login.example/oauth?code=hush' }).end('<html>');
    });
    const host = new URL(server.url).host;
    for (const request of [cluster.get(ref), cluster.list({ apiVersion: 'apps/v1', kind: 'Deployment' })]) {
      await expect(request).rejects.toMatchObject({
        code: 'unreachable',
        message: expect.stringContaining(`${host} answered 302, a redirect to login.example, to `),
        hint: expect.stringContaining('Check the server in the kubeconfig'),
      });
      await expect(request).rejects.not.toThrow('hush');
    }
  });

  it('treats a stale version as its own write when the live object is already as desired', async () => {
    const moved = status(409, { reason: 'Conflict', details: { name: 'web', kind: 'deployments' } });
    const { server, writer } = await setting(inTurn((_s, response) => answer(response, 409, moved), ok, ok));
    const applied = await writer.apply(deployment, { resourceVersion: '7' });
    expect(applied.object).toEqual(deployment);
    expect(server.seen.map(({ method, query }) => `${method} ${query['dryRun'] ?? ''}`)).toEqual([
      'PATCH ',
      'PATCH All',
      'GET ',
    ]);
  });

  it('throws moved when the live object is not as desired', async () => {
    const moved = status(409, { reason: 'Conflict', details: { name: 'web', kind: 'deployments' } });
    const other = { ...deployment, spec: { replicas: 9 } };
    const { writer } = await setting(
      inTurn(
        (_s, response) => answer(response, 409, moved),
        ok,
        (_s, response) => answer(response, 200, other),
      ),
    );
    await expect(writer.apply(deployment, { resourceVersion: '7' })).rejects.toMatchObject({
      code: 'moved',
      message: 'Deployment shop/web changed since it was read',
    });
  });
});

describe('reading and removing', () => {
  it('returns undefined for an object that does not exist', async () => {
    const { cluster } = await setting((_seen, response) =>
      answer(response, 404, status(404, { reason: 'NotFound', details: { name: 'web', kind: 'deployments' } })),
    );
    expect(await cluster.get(ref)).toBeUndefined();
  });

  it('reports which kind is not served when the answer is not a Status', async () => {
    const { cluster } = await setting((_seen, response) => answer(response, 404, '404 page not found\n'));
    await expect(cluster.get({ ...ref, apiVersion: 'extensions/v1beta1' })).rejects.toMatchObject({
      code: 'unknown-kind',
    });
  });

  it('uses the context’s namespace for references without one', async () => {
    const { server, cluster } = await setting(ok);
    await cluster.get({ apiVersion: 'v1', kind: 'Service', name: 'web' });
    expect(server.seen[0]?.path).toBe('/api/v1/namespaces/shop/services/web');
  });

  it('reads a collection page by page and sets the kind of its items', async () => {
    const page = (names: string[], next: string): unknown => ({
      kind: 'DeploymentList',
      apiVersion: 'apps/v1',
      metadata: { resourceVersion: '5', continue: next },
      items: names.map(name => ({ metadata: { name } })),
    });
    const { server, cluster } = await setting(
      inTurn(
        (_s, response) => answer(response, 200, page(['a', 'b'], 'more')),
        (_s, response) => answer(response, 200, page(['c'], '')),
      ),
    );
    const kind = { apiVersion: 'apps/v1', kind: 'Deployment' };
    const found = await cluster.list(kind, { labelSelector: 'app=web' });
    expect(found.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'Deployment a',
      'Deployment b',
      'Deployment c',
    ]);
    expect(server.seen.map(seen => seen.query)).toEqual([
      { limit: '500', labelSelector: 'app=web' },
      { limit: '500', labelSelector: 'app=web', continue: 'more' },
    ]);
  });

  it('reads a collection again in one request when a later page has expired', async () => {
    const list = (names: string[], next?: string): unknown => ({
      kind: 'PodList',
      apiVersion: 'v1',
      metadata: { resourceVersion: '5', continue: next },
      items: names.map(name => ({ metadata: { name } })),
    });
    const { cluster } = await setting(
      inTurn(
        (_s, response) => answer(response, 200, list(['a'], 'more')),
        (_s, response) => answer(response, 410, status(410, { reason: 'Expired' })),
        (_s, response) => answer(response, 200, list(['a', 'b'])),
      ),
    );
    expect((await cluster.list({ apiVersion: 'v1', kind: 'Pod' })).map(pod => pod.metadata.name)).toEqual(['a', 'b']);
  });

  it.each([
    ['is gone', 404, status(404, { reason: 'NotFound', details: { name: 'web', kind: 'deployments' } })],
    ['has another uid', 409, status(409, { reason: 'Conflict' })],
  ])('deletes nothing when the object %s', async (_what, code, body) => {
    const { server, writer } = await setting((_seen, response) => answer(response, code, body));
    await writer.remove(ref, { uid: 'u1' });
    expect(server.seen).toHaveLength(1);
    expect(JSON.parse(server.seen[0]?.body ?? '')).toMatchObject({
      propagationPolicy: 'Background',
      preconditions: { uid: 'u1' },
    });
  });

  it('creates in the collection and names the object when it already exists', async () => {
    const { server, writer } = await setting((_seen, response) =>
      answer(response, 409, status(409, { reason: 'AlreadyExists', details: { name: 'web' } })),
    );
    await expect(writer.create(deployment)).rejects.toMatchObject({
      code: 'exists',
      message: 'Deployment shop/web already exists',
    });
    expect(server.seen[0]).toMatchObject({ method: 'POST', path: '/apis/apps/v1/namespaces/shop/deployments' });
  });

  it('requests the last lines of the previous instance of a container', async () => {
    const { server, cluster } = await setting((_seen, response) => answer(response, 200, 'bye\n'));
    const pod = { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web-1' };
    expect(await cluster.logs(pod, { container: 'app', previous: true, lines: 9 })).toBe('bye\n');
    expect(server.seen[0]).toMatchObject({
      path: '/api/v1/namespaces/shop/pods/web-1/log',
      query: { container: 'app', previous: 'true', tailLines: '9' },
    });
  });
});

describe('evicting a pod', () => {
  const pod = { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web-1' };
  const refused = status(429, { details: { causes: [{ reason: 'DisruptionBudget', message: 'it needs 2' }] } });

  it('asks for exactly this pod, with its own grace', async () => {
    const { server, writer } = await setting((_s, response) => answer(response, 201, status(201)));
    await writer.evict(pod, { uid: 'u1' });
    expect(server.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /api/v1/namespaces/shop/pods/web-1/eviction',
    ]);
    expect(JSON.parse(server.seen[0]!.body)).toEqual({
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'web-1', namespace: 'shop' },
      deleteOptions: { preconditions: { uid: 'u1' } },
    });
  });

  it.each([404, 409])('does nothing when it is gone or another one: %i', async code => {
    const details = { name: 'web-1', kind: 'pods' };
    const { writer } = await setting((_s, response) => answer(response, code, status(code, { details })));
    await writer.evict(pod, { uid: 'u1' });
  });

  it('leaves it to the caller how long a disruption budget is waited for', async () => {
    const { server, writer } = await setting((_s, response) => answer(response, 429, refused));
    await expect(writer.evict(pod, { uid: 'u1' })).rejects.toMatchObject({ code: 'budget' });
    expect(server.seen).toHaveLength(1);
  });
});

describe('kinds', () => {
  const list = {
    resources: [
      { name: 'widgets/status', kind: 'Widget', namespaced: true },
      { name: 'widgets', kind: 'Widget', namespaced: true },
    ],
  };
  const widget = { apiVersion: 'example.com/v1', kind: 'Widget', name: 'w' };

  it('discovers a group-version once, for any number of concurrent requests', async () => {
    const { server, cluster } = await setting((seen, response) =>
      answer(response, 200, seen.path === '/apis/example.com/v1' ? list : deployment),
    );
    await Promise.all([cluster.get(widget), cluster.get(widget), cluster.get(widget)]);
    expect(server.seen.map(seen => seen.path).sort()).toEqual([
      '/apis/example.com/v1',
      ...Array.from({ length: 3 }, () => '/apis/example.com/v1/namespaces/shop/widgets/w'),
    ]);
  });

  it('discovers a missing kind again, because its definition may have been applied since', async () => {
    const { cluster } = await setting(
      inTurn(
        (_s, response) => answer(response, 404, '404 page not found\n'),
        (_s, response) => answer(response, 200, list),
        ok,
      ),
    );
    await expect(cluster.get(widget)).rejects.toMatchObject({ code: 'unknown-kind' });
    await expect(cluster.get(widget)).resolves.toEqual(deployment);
  });

  it('reports a kind that its group-version does not have', async () => {
    const { cluster } = await setting((_s, response) => answer(response, 200, { resources: [] }));
    await expect(cluster.get(widget)).rejects.toThrow(
      'the API server serves example.com/v1, but it has no kind Widget',
    );
  });
});

describe('retries', () => {
  it.each([
    ['503', 503, {}],
    ['429', 429, { reason: 'TooManyRequests' }],
    ['502 of a load balancer', 502, undefined],
    ['500 with InternalError', 500, { reason: 'InternalError' }],
    ['500 of etcd, which has no reason', 500, { message: 'etcdserver: leader changed' }],
  ])('retries after %s, with exponential backoff, and logs it', async (_what, code, more) => {
    const refuse: Handler = (_s, response) =>
      answer(response, code, more === undefined ? '<html>' : status(code, more));
    const { writer, clock, log } = await setting(inTurn(refuse, refuse, ok));
    await writer.apply(deployment);
    const [first = 0, second = 0] = clock.waits.filter(ms => ms < 60_000);
    expect(first).toBeGreaterThanOrEqual(250);
    expect(first).toBeLessThanOrEqual(500);
    expect(second).toBeGreaterThanOrEqual(500);
    expect(second).toBeLessThanOrEqual(1000);
    expect(log.lines.filter(line => line.includes('retrying in'))).toHaveLength(2);
  });

  it('waits for Retry-After', async () => {
    const { cluster, clock } = await setting(
      inTurn((_s, response) => {
        response.setHeader('retry-after', '3');
        answer(response, 429, status(429));
      }, ok),
    );
    await cluster.get(ref);
    expect(clock.waits.filter(ms => ms < 60_000)).toEqual([3000]);
  });

  it('gives up after a minute of continuous failure', async () => {
    const { cluster, clock } = await setting((_s, response) => answer(response, 503, status(503, { message: 'busy' })));
    await expect(cluster.get(ref)).rejects.toMatchObject({
      code: 'api',
      status: 503,
      message: 'the API server answered 503 to get Deployment shop/web: busy',
    });
    const waited = clock.waits.filter(ms => ms < 60_000).reduce((sum, ms) => sum + ms, 0);
    expect(waited).toBeGreaterThan(50_000);
    expect(waited).toBeLessThanOrEqual(60_000);
  });

  it('never retries a 500 that rejects the object, and quotes each line of it', async () => {
    const { server, writer } = await setting((_s, response) =>
      answer(
        response,
        500,
        status(500, {
          message:
            'failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): errors:\n  .spec.foo: field not declared in schema\n  .spec.replicas: expected numeric',
        }),
      ),
    );
    await expect(writer.apply(deployment)).rejects.toMatchObject({
      code: 'invalid',
      message: 'Deployment shop/web does not match the schema of apps/v1',
      problems: [
        { message: 'spec.foo: field not declared in schema', field: 'spec.foo' },
        { message: 'spec.replicas: expected numeric', field: 'spec.replicas' },
      ],
    });
    expect(server.seen).toHaveLength(1);
  });

  const stale = (kind: string): Handler => {
    const details = { name: 'some', kind };
    return (_s, response) => answer(response, 409, status(409, { reason: 'Conflict', details }));
  };

  it.each(['resourcequotas', 'clusterresourcequotas'])('retries what could not be counted in %s', async kind => {
    const { server, writer } = await setting(inTurn(stale(kind), ok, stale(kind), ok));
    await writer.create(deployment);
    await writer.apply(deployment);
    expect(server.seen.map(({ method }) => method)).toEqual(['POST', 'POST', 'PATCH', 'PATCH']);
  });

  it('does not retry a quota that has moved itself', async () => {
    const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'some', namespace: 'shop' } };
    const { writer } = await setting(inTurn(stale('resourcequotas')));
    await expect(writer.create(quota)).rejects.toMatchObject({ code: 'moved' });
  });

  it('retries a PATCH whose connection was interrupted, but no POST', async () => {
    const cut: Handler = (_s, response) => response.destroy();
    const { server, writer } = await setting(inTurn(cut, ok, cut));
    await writer.apply(deployment);
    await expect(writer.create(deployment)).rejects.toMatchObject({ code: 'unreachable' });
    expect(server.seen.map(seen => seen.method)).toEqual(['PATCH', 'PATCH', 'POST']);
  });

  it('fails at once when nothing listens at the first request, with host and cause', async () => {
    const { server, cluster, clock } = await setting(ok);
    await server.close();
    await expect(cluster.get(ref)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(
        /^no answer from the API server 127\.0\.0\.1:\d+ to get Deployment shop\/web: connect ECONNREFUSED/,
      ),
      hint: expect.stringContaining('Nothing listens at this address'),
    });
    expect(clock.waits.filter(ms => ms < 60_000)).toEqual([]);
  });

  it('retries with an API server that has answered before', async () => {
    const { server, cluster, clock } = await setting(ok);
    await cluster.get(ref);
    await server.close();
    await expect(cluster.get(ref)).rejects.toMatchObject({ code: 'unreachable' });
    expect(clock.waits.filter(ms => ms < 60_000).length).toBeGreaterThan(5);
  });

  it('ends at once when the run is cancelled', async () => {
    let reached: () => void = () => undefined;
    const arrived = new Promise<void>(resolve => {
      reached = resolve;
    });
    const { cluster, abort } = await setting(() => reached());
    const asked = cluster.get(ref);
    await arrived;
    abort.abort();
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('keeps its connections, and has at most ten requests in flight', async () => {
    let operation = 0;
    let most = 0;
    const { server, cluster } = await setting((_s, response) => {
      operation += 1;
      most = Math.max(most, operation);
      setImmediate(() => {
        operation -= 1;
        answer(response, 200, deployment);
      });
    });
    await Promise.all(Array.from({ length: 40 }, () => cluster.get(ref)));
    expect(server.seen).toHaveLength(40);
    expect(most).toBeLessThanOrEqual(10);
    expect(server.connections()).toBeLessThanOrEqual(10);
  });
});

describe('proxy', () => {
  const request = { kind: 'Pod', namespace: 'shop', name: 'web-1', port: 8080, path: '/healthz?full=1' } as const;

  it('forwards path, query, method and headers, but no hop-by-hop headers', async () => {
    const { server, cluster } = await setting((_s, response) => {
      response.setHeader('x-version', '8');
      answer(response, 201, 'made');
    });
    const got = await cluster.proxy({
      ...request,
      method: 'POST',
      headers: { Host: 'evil', Authorization: 'Bearer other', 'X-Trace': '1' },
      body: Buffer.from('hi'),
    });
    expect(got).toMatchObject({ status: 201, fromApiServer: false, headers: { 'x-version': '8' } });
    expect(got.body.toString()).toBe('made');
    expect(server.seen[0]).toMatchObject({
      method: 'POST',
      path: '/api/v1/namespaces/shop/pods/web-1:8080/proxy/healthz',
      query: { full: '1' },
      body: 'hi',
    });
    expect(server.seen[0]?.headers).toMatchObject({ authorization: 'Bearer secret-token', 'x-trace': '1' });
    expect(server.seen[0]?.headers.host).toMatch(/^127/);
  });

  it.each([
    [
      'a Status of the API server',
      503,
      status(503, { reason: 'ServiceUnavailable', message: 'no endpoints available for service "web"' }),
      true,
    ],
    [
      'the reverse proxy’s plain text',
      502,
      'error trying to reach service: dial tcp 127.0.0.1:8080: connect: connection refused',
      true,
    ],
    ['a pod that is gone', 404, status(404, { reason: 'NotFound', details: { name: 'web-1', kind: 'pods' } }), true],
    ['the app’s own 503', 503, 'warming up', false],
    ['the app’s own 404 in JSON', 404, { error: 'not found' }, false],
    ['a Status that the app itself serves with 200', 200, status(503, { reason: 'ServiceUnavailable' }), false],
  ])('detects who answered: %s', async (...[, code, body, fromApiServer]) => {
    const { cluster } = await setting((_s, response) => answer(response, code, body));
    expect(await cluster.proxy(request)).toMatchObject({ status: code, fromApiServer });
  });

  it('reads only the beginning of an answer that is longer than wanted', async () => {
    const closed: Promise<unknown>[] = [];
    const { cluster } = await setting((_s, response) => {
      closed.push(once(response, 'close'));
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(100_000)));
        response.once('drain', more);
      };
      more();
    });
    const { body } = await cluster.proxy({ ...request, longestBody: 1_000_000 });
    expect(body.length).toBeGreaterThan(1_000_000);
    expect(body.length).toBeLessThan(2_000_000);
    await Promise.all(closed);
  });

  it('never retries a request to an application', async () => {
    const { server, cluster } = await setting((_s, response) => response.destroy());
    await expect(cluster.proxy(request)).rejects.toMatchObject({ code: 'unreachable' });
    expect(server.seen).toHaveLength(1);
  });

  it('throws when the API server does not allow it, with the missing rule', async () => {
    const { cluster } = await setting((_s, response) =>
      answer(
        response,
        403,
        status(403, {
          reason: 'Forbidden',
          message:
            'pods "web-1" is forbidden: User "ci" cannot get resource "pods/proxy" in API group "" in the namespace "shop"',
          details: { name: 'web-1', kind: 'pods' },
        }),
      ),
    );
    await expect(cluster.proxy(request)).rejects.toMatchObject({
      code: 'forbidden',
      hint: 'Missing rule: {apiGroups: [""], resources: ["pods/proxy"], verbs: ["get"]} in a Role in namespace shop, bound to the user of the kubeconfig.',
    });
  });
});
