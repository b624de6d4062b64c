import { Agent } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { credentialsOf } from '../../../src/cluster/access/credentials.js';
import { systemClock } from '../../../src/cluster/clock.js';
import { Api } from '../../../src/cluster/http/api.js';
import { nodeTransport } from '../../../src/cluster/http/transport.js';
import { Resources } from '../../../src/cluster/resources.js';
import { answer, keptLog, startServer, status } from '../../support/cluster/scripted-server.js';
import type { TestServer } from '../../support/cluster/scripted-server.js';

const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', name: 'cutover-web', namespace: 'shop' };
const read = { method: 'GET', verb: 'get' };

let server: TestServer | undefined;
afterEach(() => server?.close());

/** The connection of `api` with a lane whose requests fail after `timeoutMs`. */
async function connected(timeoutMs: number): Promise<{ server: TestServer; main: Resources; lane: Resources }> {
  server = await startServer((_seen, response) => answer(response, 200, lease));
  const log = keptLog();
  const { signal } = new AbortController();
  const entry = { source: 'a test', context: 'test', cluster: { server: server.url }, user: {} };
  const load = () => Promise.resolve({ agent: new Agent() });
  const api = new Api({
    server: new URL(server.url),
    credentials: credentialsOf({ entry, load, clock: systemClock, log, signal }),
    transport: nodeTransport(new URL(server.url), { signal, userAgent: 'cutover/test' }),
    clock: systemClock,
    log,
    signal,
    random: Math.random,
  });
  const lane = new Resources(api.lane({ retries: false, timeoutMs }), 'shop');
  return { server, main: new Resources(api, 'shop'), lane };
}

describe('a lane', () => {
  it('has connections of its own, which it reuses', async () => {
    const { server: api, main, lane } = await connected(10_000);
    for (const resources of [main, lane, main, lane, main]) await resources.send(lease, read);
    expect([api.seen.length, api.connections()]).toEqual([5, 2]);
  });

  it('leaves a connection on which no answer came', async () => {
    const { server: api, lane } = await connected(50);
    api.handle(() => undefined);
    await expect(lane.send(lease, read)).rejects.toMatchObject({ code: 'unreachable' });
    api.handle((_seen, response) => answer(response, 200, lease));
    expect((await lane.send(lease, read)).status).toBe(200);
    expect(api.connections()).toBe(2);
  });

  it('hands an error on after one attempt', async () => {
    const { server: api, lane } = await connected(10_000);
    api.handle((_seen, response) => answer(response, 503, status(503)));
    await expect(lane.send(lease, read)).rejects.toMatchObject({ code: 'api', status: 503 });
    expect(api.seen).toHaveLength(1);
  });
});

describe('a request for a resource', () => {
  it('passes the fence of a write on', async () => {
    const { server: api, main } = await connected(10_000);
    const fence = { longestWriteMs: 30_000, ready: () => Promise.resolve(), isOpen: () => true };
    await main.send(lease, { method: 'PATCH', verb: 'patch', query: { force: 'true' }, body: {}, fence });
    expect(api.seen[0]?.query).toEqual({ force: 'true', timeout: '30s' });
  });
});
