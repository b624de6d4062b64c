import { afterEach, describe, expect, it } from '@jest/globals';
import { objectAt, textAt, type JsonObject } from '../../sandbox/api/schema/json.js';
import type { Fault, SeenCall } from '../../sandbox/sandbox.js';
import { eventually } from '../support/eventually.js';
import { ApiClient, type Answer } from '../support/sandbox/api-client.js';
import { configMap, configMaps, startTestApi, type TestApi } from '../support/sandbox/api-server.js';

const post = (name: string, query: Readonly<Record<string, string>> = {}) =>
  ({ method: 'POST', path: configMaps, query, body: configMap(name) }) as const;
const statusOf = ({ status }: Answer): number => status;
const write = { verb: 'POST', kind: 'ConfigMap' } as const;

const clients: ApiClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

/** What a request is held by until the test lets it go. */
function release(): { readonly until: () => Promise<void>; readonly go: () => void } {
  let go = (): void => undefined;
  const gone = new Promise<void>(resolve => {
    go = resolve;
  });
  return { until: () => gone, go };
}

/** Sends a POST of a ConfigMap `a` from another client and waits until the fault holds it. */
async function heldPost(
  { server }: TestApi,
  fault: Extract<Fault, { do: 'hold' }>,
): Promise<{ readonly client: ApiClient; readonly ends: Promise<unknown> }> {
  const client = new ApiClient(server.kubeconfig);
  clients.push(client);
  const isHeld = new Promise<void>(resolve => {
    const until = (call: SeenCall): Promise<unknown> => {
      resolve();
      return fault.until(call);
    };
    server.fault(write, { ...fault, until }, 1);
  });
  const ends = client.send(post('a')).catch((error: unknown) => error);
  await isHeld;
  return { client, ends };
}

describe('an answer that comes late', () => {
  it('comes when it is let go, after the work', async () => {
    const test = await startTestApi();
    const { until, go } = release();
    const { ends } = await heldPost(test, { do: 'hold', when: 'after', until });
    expect(statusOf(await test.api.get(`${configMaps}/a`))).toBe(200);
    go();
    expect(await ends).toMatchObject({ status: 201 });
  });

  it('never comes to a client that has disconnected', async () => {
    const test = await startTestApi();
    const { until, go } = release();
    const { client, ends } = await heldPost(test, { do: 'hold', when: 'after', until });
    client.close();
    expect(await ends).toMatchObject({ code: 'ECONNRESET' });
    go();
    expect(statusOf(await test.api.get(`${configMaps}/a`))).toBe(200);
  });

  it.each([
    ['the answer', 'answer'],
    ['the work', 'work'],
  ] as const)('names the moment of %s in its Date header', async (_what, date) => {
    const { api, server } = await startTestApi();
    server.fault(write, { do: 'delay', ms: 2_100, after: true, date }, 1);
    const { json, headers, status } = await api.send(post('a'));
    const created = Date.parse(textAt(objectAt(json, 'metadata'), 'creationTimestamp') ?? '');
    const named = Date.parse(headers.date ?? '');
    expect([status, named - created >= 2_000]).toEqual([201, date === 'answer']);
  });

  it('delays errors as well', async () => {
    const { api, server } = await startTestApi();
    await api.send(post('a'));
    server.fault(write, { do: 'delay', ms: 1, after: true }, 1);
    expect(await api.send(post('a'))).toMatchObject({ status: 409, json: { reason: 'AlreadyExists' } });
  });
});

describe('a request that is held', () => {
  it('is carried out when it is let go', async () => {
    const test = await startTestApi();
    const { until, go } = release();
    const { ends } = await heldPost(test, { do: 'hold', until });
    expect(statusOf(await test.api.get(`${configMaps}/a`))).toBe(404);
    go();
    expect(await ends).toMatchObject({ status: 201 });
  });

  it.each([
    ['is dropped', 'drop', 404],
    ['is carried out', 'carry-out', 200],
  ] as const)('%s without its client', async (_what, withoutClient, status) => {
    const test = await startTestApi();
    const { until, go } = release();
    const answered = new Promise<number>(resolve =>
      test.server.calls.listenToAnswers((call, code) => (call.verb === 'POST' ? resolve(code) : undefined)),
    );
    const { client, ends } = await heldPost(test, { do: 'hold', until, withoutClient });
    client.close();
    expect(await ends).toMatchObject({ code: 'ECONNRESET' });
    expect(await answered).toBe(0);
    go();
    await until();
    expect(statusOf(await test.api.get(`${configMaps}/a`))).toBe(status);
  });

  it('gets 504 after its timeout, and is not carried out any more', async () => {
    const { api, server } = await startTestApi();
    const { until, go } = release();
    server.fault(write, { do: 'hold', until, withoutClient: 'carry-out' }, 1);
    const { status, json } = await api.send(post('a', { timeout: '10ms' }));
    expect([status, json.reason, json.message]).toEqual([
      504,
      'Timeout',
      'Timeout: request did not complete within requested timeout - context deadline exceeded',
    ]);
    go();
    await until();
    expect(statusOf(await api.get(`${configMaps}/a`))).toBe(404);
  });
});

describe('which requests a fault hits', () => {
  const unavailable: Fault = { do: 'status', status: 503 };
  const lease = (name: string): JsonObject => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name },
    spec: { holderIdentity: `run of ${name}` },
  });
  const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

  it('can be those of one kind, as long as it stays', async () => {
    const { api, server } = await startTestApi();
    const remove = server.fault({ kind: 'Lease' }, unavailable);
    const statuses: number[] = [];
    for (let request = 0; request < 3; request += 1) {
      statuses.push(statusOf(await api.send({ method: 'POST', path: leases, body: lease('a') })));
    }
    expect(statusOf(await api.send(post('a')))).toBe(201);
    remove();
    statuses.push(statusOf(await api.send({ method: 'POST', path: leases, body: lease('a') })));
    expect(statuses).toEqual([503, 503, 503, 201]);
  });

  it('can be those with a part of a body', async () => {
    const { api, server } = await startTestApi();
    server.fault({ verb: 'POST', body: /"run of b"/ }, unavailable);
    const statuses: number[] = [];
    for (const name of ['a', 'b']) {
      statuses.push(statusOf(await api.send({ method: 'POST', path: leases, body: lease(name) })));
    }
    expect(statuses).toEqual([201, 503]);
  });

  it('can be those of a span of time, which begins with the first', async () => {
    const { api, server } = await startTestApi();
    server.fault({ verb: 'LIST', forMs: 1 }, unavailable);
    const first = await api.get(configMaps);
    const statuses = await eventually('the span to end', async () => {
      const { status } = await api.get(configMaps);
      return status === 200 ? [first.status, status] : undefined;
    });
    expect(statuses).toEqual([503, 200]);
  });
});
