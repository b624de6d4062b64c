import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HttpCheck } from '../../src/inputs/checks/http.js';
import { httpCheckName, attemptHttp } from '../../src/verify/http-check.js';
import { requestDirectly } from '../../src/verify/reply.js';
import { PodReach } from '../../src/verify/reach/pod-reach.js';
import { listLog } from '../support/log.js';
import { answer, proxyCluster } from '../support/cluster/proxy-cluster.js';

let server: Server;
let url: string;
let handle: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  server = createServer((request, response) => handle(request, response));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise(resolve => server.close(resolve));
});

const ask = (target: string, signal = new AbortController().signal) =>
  requestDirectly(target, { method: 'GET', signal });

describe('a direct request', () => {
  it('returns status, headers and body, with a new connection', async () => {
    const ports = new Set<number | undefined>();
    handle = (request, response) => {
      ports.add(request.socket.remotePort);
      response.writeHead(200, { 'x-version': '8', 'set-cookie': ['a=1', 'b=2'] }).end('hello');
    };
    const replies = [await ask(url), await ask(url)];
    expect(ports.size).toBe(2);
    expect(replies[0]).toMatchObject({
      kind: 'answer',
      answer: { status: 200, headers: { 'x-version': '8', 'set-cookie': 'a=1, b=2' }, body: Buffer.from('hello') },
    });
  });

  it('does not follow redirects', async () => {
    const paths: (string | undefined)[] = [];
    handle = (request, response) => {
      paths.push(request.url);
      response.writeHead(302, { location: '/login' }).end();
    };
    expect(await ask(`${url}/start`)).toMatchObject({ answer: { status: 302 } });
    expect(paths).toEqual(['/start']);
  });

  it('is no answer when nothing listens', async () => {
    const gone = createServer();
    await new Promise<void>(resolve => gone.listen(0, '127.0.0.1', resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise(resolve => gone.close(resolve));
    expect(await ask(`http://127.0.0.1:${port}`)).toEqual({
      kind: 'no-answer',
      reason: 'no answer: ECONNREFUSED',
      at: 'network',
    });
  });

  it('is no answer when the connection is interrupted', async () => {
    handle = (_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    };
    expect(await ask(url)).toEqual({ kind: 'no-answer', reason: 'no answer: ECONNRESET', at: 'network' });
  });

  it('ends when the run is cancelled', async () => {
    const controller = new AbortController();
    handle = () => controller.abort();
    expect(await ask(url, controller.signal)).toMatchObject({ kind: 'no-answer' });
  });
});

describe('a check of an absolute URL', () => {
  const check = (target: string): HttpCheck => ({
    ...{ kind: 'http', target, method: 'GET', expect: { status: ['2xx'] }, pods: 'every' },
    ...{ when: 'both', retryMs: 0, intervalMs: 5_000 },
  });

  it('requests this URL and neither pods nor Service', async () => {
    handle = (_, response) => response.writeHead(404).end('no such page');
    const cluster = proxyCluster({ proxy: () => answer(200) });
    const endpoint = { namespace: 'shop', pods: [{ name: 'web-a' }], podPort: 8080 };
    const trial = await attemptHttp(check(`${url}/x`), {
      ...{ endpoint, cluster, reach: new PodReach({ cluster, log: listLog() }) },
      signal: new AbortController().signal,
    });
    expect(trial).toMatchObject({ verdict: 'fail', detail: `${url}/x: expected status 2xx; got 404 "no such page"` });
    expect(cluster.asked).toEqual([]);
  });

  it('has a name without credentials', () => {
    expect(httpCheckName(check('https://user:secret@shop.example/x?y=1'))).toBe('GET https://shop.example/x?y=1');
  });
});
