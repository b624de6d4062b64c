import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asJson, objectAt, objectsAt, textAt, type JsonObject, type JsonValue } from '../../sandbox/api/schema/json.js';
import { canonicalQuantity } from '../../sandbox/api/schema/quantity.js';
import { schemaOf } from '../../sandbox/api/schema/schemas.js';
import { any } from '../../sandbox/api/schema/schema.js';
import { strategicMerge } from '../../sandbox/api/apply/strategic-merge.js';
import type { FaultMatch, Fault, AnsweredCall } from '../../sandbox/sandbox.js';
import { eventually } from '../support/eventually.js';
import { ApiClient, type Answer } from '../support/sandbox/api-client.js';
import { startTestApi, configMap, configMaps } from '../support/sandbox/api-server.js';

const post = (name: string, rest: JsonObject = {}) =>
  ({ method: 'POST', path: configMaps, body: configMap(name, rest) }) as const;
const short = ({ status, json }: Answer): unknown[] => [status, json.reason ?? json.kind ?? '', json.message ?? ''];

const pod: JsonObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default' },
  spec: { containers: [{ name: 'web', image: 'site:v1', ports: [{ containerPort: 8080 }] }] },
};
const service: JsonObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
};

describe('identity and rights', () => {
  it('reports the user and their rights', async () => {
    const { api } = await startTestApi();
    const who = await api.send({ method: 'POST', path: '/apis/authentication.k8s.io/v1/selfsubjectreviews', body: {} });
    expect(objectAt(who.json, 'status', 'userInfo')).toEqual({
      username: 'sandbox-admin',
      groups: ['system:masters', 'system:authenticated'],
    });
    const body = { spec: { resourceAttributes: { verb: 'patch', resource: 'pods' } } };
    const may = await api.send({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body,
    });
    expect(objectAt(may.json, 'status')).toEqual({ allowed: true });
  });
});

describe('counters and faults', () => {
  it('counts by verb, kind and dry run', async () => {
    const { api, server } = await startTestApi();
    await api.get(configMaps);
    await api.apply(`${configMaps}/a`, configMap('a'), { dryRun: true });
    await api.apply(`${configMaps}/a`, configMap('a'));
    await api.apply(`${configMaps}/a`, configMap('a'));
    await api.get('/version');
    expect(server.calls.read()).toEqual({
      total: 5,
      byVerbAndKind: {
        'LIST ConfigMap': 1,
        'PATCH ConfigMap (dry run)': 1,
        'PATCH ConfigMap': 2,
        'GET /version': 1,
      },
    });
    server.calls.reset();
    expect(server.calls.read().total).toBe(0);
  });

  const injected: [string, { match: FaultMatch; fault: Fault }, unknown][] = [
    [
      'a status with headers',
      {
        match: {},
        fault: { do: 'status', status: 429, reason: 'TooManyRequests', headers: { 'retry-after': '1' } },
      },
      [429, '1'],
    ],
    ['a status for one name', { match: { name: 'a' }, fault: { do: 'status', status: 503 } }, [503, 'none']],
    ['nothing for another kind', { match: { kind: 'Secret' }, fault: { do: 'status', status: 503 } }, [200, 'none']],
    ['a status for names that match', { match: { name: /^a/ }, fault: { do: 'status', status: 503 } }, [503, 'none']],
    [
      'a status for one namespace',
      { match: { namespace: 'default' }, fault: { do: 'status', status: 503 } },
      [503, 'none'],
    ],
    [
      'nothing for another namespace',
      { match: { namespace: 'shop' }, fault: { do: 'status', status: 503 } },
      [200, 'none'],
    ],
    ['nothing for another verb', { match: { verb: 'PUT' }, fault: { do: 'status', status: 503 } }, [200, 'none']],
    ['nothing for a dry run', { match: { dryRun: true }, fault: { do: 'status', status: 503 } }, [200, 'none']],
    ['a delay and then the answer', { match: {}, fault: { do: 'delay', ms: 1 } }, [200, 'none']],
  ];
  it.each(injected)('injects %s', async (_title, { match, fault }, expected) => {
    const { api, server } = await startTestApi();
    await api.send(post('a'));
    server.fault(match, fault, 1);
    const answer = await api.get(`${configMaps}/a`);
    expect([answer.status, answer.headers['retry-after'] ?? 'none']).toEqual(expected);
    expect((await api.get(`${configMaps}/a`)).status).toBe(200);
  });

  it('injects a fault into the third request, notifies of each request, and stops', async () => {
    const { api, server } = await startTestApi();
    await api.send(post('a'));
    const seen: unknown[] = [];
    const stop = server.calls.listen(({ verb, kind, namespace, name, dryRun }, faults) =>
      seen.push([verb, kind, namespace, name, dryRun, faults.map(fault => fault.do)]),
    );
    server.fault({ verb: 'GET', skip: 2 }, { do: 'status', status: 503 }, 1);
    const statuses: number[] = [];
    for (let request = 0; request < 4; request += 1) statuses.push((await api.get(`${configMaps}/a`)).status);
    stop();
    await api.get(`${configMaps}/a`);
    expect(statuses).toEqual([200, 200, 503, 200]);
    const callWith = (faults: readonly string[]) => ['GET', 'ConfigMap', 'default', 'a', false, faults];
    expect(seen).toEqual([callWith([]), callWith([]), callWith(['status']), callWith([])]);
  });

  it('notifies of each answer with its status, 0 for a cut connection, and stops', async () => {
    const { api, server } = await startTestApi();
    const seen: unknown[] = [];
    const stop = server.calls.listenToAnswers(({ verb, name }, status) => seen.push([verb, name, status]));
    server.fault({ verb: 'DELETE' }, { do: 'reset', when: 'before' }, 1);
    await api.send(post('a'));
    await api.send(post('a'));
    await expect(api.send({ method: 'DELETE', path: `${configMaps}/a` })).rejects.toThrow(/socket hang up|ECONNRESET/);
    await api.get(`${configMaps}/a`);
    const expected = [
      ['POST', '', 201],
      ['POST', '', 409],
      ['DELETE', 'a', 0],
      ['GET', 'a', 200],
    ];
    await eventually('four answers to be reported', () => (seen.length === expected.length ? true : undefined));
    stop();
    await api.get(`${configMaps}/a`);
    expect(seen).toEqual(expected);
  });

  it('runs another write first', async () => {
    const { api, server } = await startTestApi();
    server.fault({ verb: 'GET' }, { do: 'overtake', by: () => api.send(post('a')) }, 1);
    expect((await api.get(`${configMaps}/a`)).status).toBe(200);
  });

  it.each([
    ['before', 404],
    ['after', 200],
  ] as const)('cuts the connection %s the work is done', async (when, status) => {
    const { api, server } = await startTestApi();
    server.fault({ verb: 'POST' }, { do: 'reset', when });
    await expect(api.send(post('a'))).rejects.toThrow(/socket hang up|ECONNRESET/);
    expect((await api.get(`${configMaps}/a`)).status).toBe(status);
  });

  it('reports each call when its answer is complete, a watch when it has ended', async () => {
    const seen: AnsweredCall[] = [];
    const { api, server } = await startTestApi({ onCall: call => seen.push(call) });
    const watching = await api.open({ method: 'GET', path: configMaps, query: { watch: 'true' } });
    await api.apply(`${configMaps}/a`, configMap('a'), { dryRun: true });
    const first = await eventually('a call to be reported', () => seen[0]);
    expect(first).toMatchObject({ call: 'PATCH ConfigMap (dry run)', name: 'a' });
    expect(first.answeredAt).toBeGreaterThan(first.arrivedAt);
    server.fault({ verb: 'WATCH' }, { do: 'end-watch' });
    watching.resume();
    const second = await eventually('the watch to be reported', () => seen[1]);
    expect(second).toMatchObject({ call: 'WATCH ConfigMap', name: '' });
    expect(second.arrivedAt).toBeLessThan(first.arrivedAt);
  });

  it('counts what goes over the network, connection by connection', async () => {
    const { api, server } = await startTestApi();
    await api.get(configMaps);
    const first = server.wire();
    const text = 'x'.repeat(10_000);
    await api.apply(`${configMaps}/a`, configMap('a', { data: { text } }));
    const second = server.wire();
    expect([first.connections, second.connections]).toEqual([1, 1]);
    expect(second.bytesIn - first.bytesIn).toBeGreaterThan(10_000);
    expect(second.bytesOut - first.bytesOut).toBeGreaterThan(10_000);
    api.close();
    const other = new ApiClient(server.kubeconfig);
    await other.get(configMaps);
    other.close();
    // What closed connections carried still counts.
    expect(server.wire()).toMatchObject({ connections: 2 });
    expect(server.wire().bytesOut).toBeGreaterThan(second.bytesOut);
  });

  it('builds the real 403 for a fault that gives no message', async () => {
    const { api, server } = await startTestApi();
    server.fault({ verb: 'LIST', kind: 'Secret' }, { do: 'status', status: 403 });
    expect(short(await api.get('/api/v1/namespaces/default/secrets'))[2]).toBe(
      'secrets is forbidden: User "sandbox-admin" cannot list resource "secrets" in API group "" in the namespace "default"',
    );
  });
});

describe('reads and writes', () => {
  it('answers an unknown group version with plain text and an unknown resource of a known one with a Status', async () => {
    const { api } = await startTestApi();
    const unknown = await api.get('/apis/extensions/v1beta1/namespaces/default/deployments');
    expect([unknown.status, unknown.text]).toEqual([404, '404 page not found\n']);
    expect(short(await api.get('/apis/apps/v1/namespaces/default/foos'))).toEqual([
      404,
      'NotFound',
      'the server could not find the requested resource',
    ]);
    expect(short(await api.get(`${configMaps}/none`))[2]).toBe('configmaps "none" not found');
  });

  it.each([
    [
      'Strict',
      [
        400,
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "foo"',
        'none',
      ],
    ],
    ['Warn', [201, '', '299 - "unknown field \\"foo\\""']],
    ['Ignore', [201, '', 'none']],
  ])('treats an unknown field with fieldValidation=%s as asked', async (fieldValidation, expected) => {
    const { api } = await startTestApi();
    const answer = await api.send({ ...post('a'), query: { fieldValidation }, body: { ...configMap('a'), foo: 1 } });
    expect([answer.status, answer.json.message ?? '', answer.headers.warning ?? 'none']).toEqual(expected);
    expect(answer.json.foo).toBeUndefined();
  });

  it('finds a duplicate key of the body', async () => {
    const { api } = await startTestApi();
    const body = JSON.stringify(configMap('a')).replace('"data":{}', '"data":{"x":"1","x":"2"}');
    const answer = await api.send({ ...post('a'), query: { fieldValidation: 'Strict' }, body });
    expect(short(answer)).toEqual([
      400,
      'BadRequest',
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data.x"',
    ]);
  });

  it.each<[string, JsonObject]>([
    ['app=web', { labelSelector: 'app=web' }],
    ['app in (web,api)', { labelSelector: 'app in (web,api)' }],
    ['!legacy', { labelSelector: '!legacy' }],
    ['app!=db', { labelSelector: 'app!=db' }],
    ['metadata.name=a', { fieldSelector: 'metadata.name=a' }],
    ['metadata.name!=b', { fieldSelector: 'metadata.name!=b' }],
  ])('selects by %s', async (_title, query) => {
    const { api } = await startTestApi();
    await api.send(post('a', { metadata: { labels: { app: 'web' } } }));
    await api.send(post('b', { metadata: { labels: { app: 'db', legacy: 'yes' } } }));
    const list = await api.send({ method: 'GET', path: configMaps, query: query as Record<string, string> });
    expect(objectsAt(list.json, 'items').map(item => objectAt(item, 'metadata').name)).toEqual(['a']);
  });

  it('deletes with preconditions, in a dry run, and a whole selection', async () => {
    const { api } = await startTestApi();
    for (const name of ['a', 'b', 'c']) await api.send(post(name, { metadata: { labels: { name } } }));
    const drop = (path: string, rest: object = {}) =>
      api.send({ method: 'DELETE', path: `${configMaps}${path}`, ...rest });
    expect((await drop('/a', { body: { preconditions: { uid: 'other' } } })).status).toBe(409);
    expect((await drop('/a', { query: { dryRun: 'All' } })).status).toBe(200);
    expect((await drop('/a')).json.status).toBe('Success');
    expect((await drop('/a')).status).toBe(404);
    expect((await drop('', { query: { labelSelector: 'name in (b,x)' } })).status).toBe(200);
    const left = await api.get(configMaps);
    expect(objectsAt(left.json, 'items').map(item => objectAt(item, 'metadata').name)).toEqual(['c']);
  });

  it('orphans what an object owns when asked', async () => {
    const { api } = await startTestApi();
    const owner = await api.send(post('owner'));
    const uid = textAt(objectAt(owner.json, 'metadata'), 'uid') ?? '';
    await api.send(
      post('owned', { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid }] } }),
    );
    await api.send({ method: 'DELETE', path: `${configMaps}/owner`, body: { propagationPolicy: 'Orphan' } });
    const left = await api.get(`${configMaps}/owned`);
    expect([left.status, objectAt(left.json, 'metadata').ownerReferences]).toEqual([200, undefined]);
  });

  it('turns stringData into data', async () => {
    const { api } = await startTestApi();
    const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { a: 'b' } };
    const made = await api.send({ method: 'POST', path: '/api/v1/namespaces/default/secrets', body });
    expect([made.json.data, made.json.stringData, made.json.type]).toEqual([{ a: 'Yg==' }, undefined, 'Opaque']);
  });

  it('refuses a node port that another Service has, and keeps addresses over updates', async () => {
    const { api } = await startTestApi();
    const path = '/api/v1/namespaces/default/services';
    const nodePort = (name: string): JsonObject => ({
      ...service,
      metadata: { name },
      spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 31000 }] },
    });
    const made = await api.apply(`${path}/a`, nodePort('a'));
    expect(short(await api.apply(`${path}/b`, nodePort('b')))[2]).toBe(
      'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 31000: provided port is already allocated',
    );
    const put = { ...nodePort('a'), spec: { type: 'NodePort', ports: [{ port: 81 }] } };
    const updated = await api.send({ method: 'PUT', path: `${path}/a`, body: put });
    const spec = objectAt(updated.json, 'spec');
    expect([spec.clusterIP, objectsAt(spec, 'ports')[0]?.nodePort]).toEqual([
      objectAt(made.json, 'spec').clusterIP,
      31000,
    ]);
  });

  it('serves a kind as soon as its definition exists, with its schema', async () => {
    const { api } = await startTestApi();
    const schema = {
      type: 'object',
      properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
    };
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'widgets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { kind: 'Widget', plural: 'widgets' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      },
    };
    const path = '/apis/example.com/v1/namespaces/default/widgets/w';
    const widget = (spec: JsonObject): JsonObject => ({
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name: 'w' },
      spec,
    });
    expect((await api.apply(path, widget({ size: 1 }))).text).toBe('404 page not found\n');
    await api.apply('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com', definition);
    const established = await api.get('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com');
    expect(
      objectsAt(established.json, 'status', 'conditions').map(({ type, status }) => [type, status]),
    ).toContainEqual(['Established', 'True']);
    expect((await api.apply(path, widget({ size: 1 }))).status).toBe(201);
    expect(short(await api.apply(path, widget({ sizes: 1 })))[2]).toBe(
      'failed to create typed patch object (/w; example.com/v1, Kind=Widget): .spec.sizes: field not declared in schema',
    );
  });
});

describe('logs and proxies', () => {
  let backend: Server;
  let port: number;

  beforeAll(async () => {
    backend = createServer((request, response) => {
      let text = '';
      request.on('data', chunk => (text += String(chunk)));
      request.on('end', () => {
        response.writeHead(request.url === '/fail?x=1' ? 500 : 200, { 'x-pod': 'web', 'content-type': 'text/plain' });
        response.end(
          `${String(request.method)} ${String(request.url)} ${String(request.headers.authorization)} ${text}`,
        );
      });
    });
    await new Promise<void>(resolve => backend.listen(0, '127.0.0.1', resolve));
    port = (backend.address() as AddressInfo).port;
  });
  afterAll(() => new Promise<void>(resolve => backend.close(() => resolve())));

  const withPods = async (ports: { pod?: number; service: readonly number[] }) => {
    const asked: unknown[] = [];
    const runtime = {
      logs: (options: object) => (asked.push(options), 'one\ntwo\n'),
      podPort: (...request: unknown[]) => (asked.push(request), ports.pod),
      servicePorts: (...request: unknown[]) => (
        asked.push(request),
        ports.service.map(real => ({ ip: '10.0.0.1', port: 8080, real }))
      ),
    };
    const made = await startTestApi({ runtime });
    await made.api.send({ method: 'POST', path: '/api/v1/namespaces/default/pods', body: pod });
    await made.api.send({ method: 'POST', path: '/api/v1/namespaces/default/services', body: service });
    return { ...made, asked };
  };

  it('sends the log of the only container, or of the one that is named', async () => {
    const { api, asked } = await withPods({ service: [] });
    const path = '/api/v1/namespaces/default/pods/web/log';
    const answer = await api.send({ method: 'GET', path, query: { tailLines: '2', previous: 'true' } });
    expect([answer.text, asked]).toEqual([
      'one\ntwo\n',
      [{ namespace: 'default', name: 'web', container: 'web', previous: true, tailLines: 2 }],
    ]);
    expect(short(await api.send({ method: 'GET', path, query: { container: 'side' } }))[2]).toBe(
      'container side is not valid for pod web',
    );
  });

  it.each([
    { target: 'pods/web:8080', method: 'GET', rest: '/fail?x=1', status: 500 },
    { target: 'pods/http:web:8080', method: 'POST', rest: '/sub/path', status: 200 },
    { target: 'services/web:80', method: 'PUT', rest: '/', status: 200 },
    { target: 'services/web:http', method: 'GET', rest: '/', status: 200 },
  ])('passes $method $rest through to $target', async ({ target, method, rest, status }) => {
    const { api } = await withPods({ pod: port, service: [port] });
    const path = `/api/v1/namespaces/default/${target}/proxy${rest}`;
    const body: JsonValue = method === 'GET' ? '' : 'text';
    const answer = await api.send({ method, path, body, headers: { authorization: 'Bearer secret' } });
    expect([answer.status, answer.headers['x-pod'], answer.text]).toEqual([
      status,
      'web',
      `${method} ${rest} undefined ${method === 'GET' ? '' : 'text'}`,
    ]);
  });

  it('answers for a Service without endpoints and for a pod that is gone or silent', async () => {
    const { api } = await withPods({ service: [] });
    expect(short(await api.get('/api/v1/namespaces/default/services/web:80/proxy/'))).toEqual([
      503,
      'ServiceUnavailable',
      'no endpoints available for service "web"',
    ]);
    const silent = await api.get('/api/v1/namespaces/default/pods/web:8080/proxy/');
    expect(short(silent)).toEqual([400, 'BadRequest', 'address not allowed']);
    expect((await api.get('/api/v1/namespaces/default/pods/none:8080/proxy/')).status).toBe(404);
  });
});

describe('patches', () => {
  const deployment = schemaOf('apps/v1', 'Deployment') ?? any;
  const withContainers = (containers: JsonValue): JsonObject => ({ spec: { template: { spec: { containers } } } });
  const merges: [string, { target: JsonObject; patch: JsonObject; expected: JsonObject }][] = [
    [
      'merges containers and env by name',
      {
        target: withContainers([{ name: 'a', image: '1', env: [{ name: 'X', value: '1' }] }]),
        patch: withContainers([{ name: 'a', env: [{ name: 'Y', value: '2' }] }]),
        expected: withContainers([
          {
            name: 'a',
            image: '1',
            env: [
              { name: 'X', value: '1' },
              { name: 'Y', value: '2' },
            ],
          },
        ]),
      },
    ],
    [
      'deletes an item',
      {
        target: withContainers([{ name: 'a' }, { name: 'b' }]),
        patch: withContainers([{ name: 'a', $patch: 'delete' }]),
        expected: withContainers([{ name: 'b' }]),
      },
    ],
    [
      'replaces a list with $patch: replace',
      {
        target: withContainers([{ name: 'a' }, { name: 'b' }]),
        patch: withContainers([{ name: 'c' }, { $patch: 'replace' }]),
        expected: withContainers([{ name: 'c' }]),
      },
    ],
    [
      'orders items by $setElementOrder',
      {
        target: withContainers([{ name: 'a' }, { name: 'b' }]),
        patch: { spec: { template: { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] } } } },
        expected: withContainers([{ name: 'b' }, { name: 'a' }]),
      },
    ],
    [
      'keeps only the keys that are retained',
      {
        target: { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } },
        patch: { spec: { strategy: { type: 'Recreate', $retainKeys: ['type'] } } },
        expected: { spec: { strategy: { type: 'Recreate' } } },
      },
    ],
    [
      'merges maps that apply takes as one value',
      {
        target: { spec: { selector: { matchLabels: { a: '1' } } } },
        patch: { spec: { selector: { matchLabels: { b: '2' } } } },
        expected: { spec: { selector: { matchLabels: { a: '1', b: '2' } } } },
      },
    ],
    [
      'removes what is null and items of sets',
      {
        target: { metadata: { labels: { a: '1', b: '2' }, finalizers: ['x', 'y'] } },
        patch: { metadata: { labels: { a: null }, '$deleteFromPrimitiveList/finalizers': ['x'] } },
        expected: { metadata: { labels: { b: '2' }, finalizers: ['y'] } },
      },
    ],
  ];
  it.each(merges)('a strategic merge %s', (_title, { target, patch, expected }) => {
    expect(strategicMerge(target, patch, deployment)).toEqual(expected);
  });

  it('a JSON patch adds, replaces, moves, tests and removes; a failing one changes nothing', async () => {
    const { api, store } = await startTestApi();
    await api.send(post('a', { data: { x: '1' }, metadata: { annotations: { 'a/b': '2' } } }));
    const patch = (body: JsonValue) =>
      api.send({
        method: 'PATCH',
        path: `${configMaps}/a`,
        body,
        headers: { 'content-type': 'application/json-patch+json' },
      });
    await patch([
      { op: 'test', path: '/data/x', value: '1' },
      { op: 'move', from: '/data/x', path: '/data/y' },
      { op: 'replace', path: '/metadata/annotations/a~1b', value: '3' },
      { op: 'add', path: '/metadata/labels', value: { l: 'm' } },
    ]);
    const failed = await patch([
      { op: 'remove', path: '/data/y' },
      { op: 'test', path: '/data/y', value: 'other' },
    ]);
    expect(failed.status).toBe(422);
    const stored = store.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'a' });
    expect(stored && asJson(stored)).toMatchObject({
      data: { y: '1' },
      metadata: { annotations: { 'a/b': '3' }, labels: { l: 'm' } },
    });
  });
});

it.each([
  ['1000m', '1'],
  ['0.5', '500m'],
  ['1.5', '1500m'],
  ['1024Mi', '1Gi'],
  ['1.5Gi', '1536Mi'],
  ['0', '0'],
  ['100M', '100M'],
  ['1000k', '1M'],
  ['nonsense', 'nonsense'],
])('the quantity %s is stored as %s', (sent, stored) => {
  expect(canonicalQuantity(sent)).toBe(stored);
});
