import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server as TcpServer, Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startTraffic } from '../support/traffic/traffic.js';
import type { Traffic, TrafficCounts, TrafficOptions } from '../support/traffic/traffic.js';

/** How a loss is named. */
type Fault = readonly [cause: string, why: RegExp];
type Table<T> = readonly (readonly [what: string, given: T, fault: Fault])[];
type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const servers: TcpServer[] = [];
const streams: Traffic[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server) (server as Server).closeAllConnections();
    server.close();
  }
  await Promise.all(streams.splice(0).map(stream => stream.stop()));
});

async function listen(server: TcpServer): Promise<string> {
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/path?query`;
}

/** A server whose n-th request, from 1 on, is answered by `answer(n)`. */
function serve(answer: (number: number) => Answer): Promise<string> {
  let number = 0;
  return listen(createServer((request, response) => answer((number += 1))(request, response)));
}

/** A server that answers whatever comes over a connection with these bytes, and then closes it. */
function serveBytes(...parts: readonly string[]): Promise<string> {
  return listen(
    createTcpServer(socket => {
      socket.setNoDelay().on('error', () => undefined);
      socket.once('data', () => {
        // Parts of their own on the wire, so that the reader sees every one by itself.
        const next = ([part, ...rest]: readonly string[]): void => {
          if (part === undefined) socket.end();
          else socket.write(part, () => setImmediate(() => next(rest)));
        };
        next(parts);
      });
    }),
  );
}

function start(options: TrafficOptions): Traffic {
  const traffic = startTraffic({ perSecond: 200, ...options });
  streams.push(traffic);
  return traffic;
}

/** Nothing was left uncounted, in the whole nor by version. */
function expectExact(counts: TrafficCounts): void {
  for (const { sent, answered, lost, byVersion } of [counts, counts.keptAlive]) {
    expect(answered + lost).toBe(sent);
    expect(Object.values(byVersion).reduce((sum, count) => sum + count, 0)).toBe(answered);
  }
}

function expectLoss({ losses }: TrafficCounts, [cause, why]: Fault): void {
  expect(losses[0]).toMatchObject({ fromMs: expect.any(Number), cause, why: expect.stringMatching(why) });
}

const body =
  (text: string): Answer =>
  (_request, response) =>
    response.end(text);
const status =
  (code: number): Answer =>
  (_request, response) =>
    response.writeHead(code).end('v1');
const reset: Answer = request => request.socket.resetAndDestroy();
const close: Answer = request => request.socket.destroy();
const silence: Answer = () => undefined;
const half: Answer = (request, response) => {
  response.writeHead(200, { 'content-length': 20 });
  response.write('v1', () => request.socket.destroy());
};

describe('Requests on their own connections', () => {
  it('are counted by version, in the order of the answers', async () => {
    const traffic = start({ url: await serve(number => body(number <= 5 ? 'v1' : 'v2\n')) });
    await traffic.more(10);
    const counts = await traffic.stop();
    expectExact(counts);
    expect(counts.lost).toBe(0);
    expect(counts.timeline.map(({ version }) => version)).toEqual(['v1', 'v2']);
    expect(counts.byVersion).toEqual({ v1: 5, v2: counts.answered - 5 });
  });

  it('name path, query and host, and ask for the connection to be closed', async () => {
    const seen: unknown[] = [];
    const url = await serve(() => (request, response) => {
      seen.push([request.method, request.url, request.headers.host, request.headers.connection]);
      response.end('v1');
    });
    const traffic = start({ url });
    await traffic.more(2);
    await traffic.stop();
    expect(seen[0]).toEqual(['GET', '/path?query', new URL(url).host, 'close']);
  });

  it('use a connection each, and rotate the source addresses on request', async () => {
    const addresses: (string | undefined)[] = [];
    const ports = new Set<string>();
    const url = await serve(() => ({ socket }, response) => {
      addresses.push(socket.remoteAddress);
      ports.add(`${socket.remoteAddress}:${socket.remotePort}`);
      response.end('v1');
    });
    const traffic = start({ url, rotateSource: true });
    await traffic.more(6);
    const { sent } = await traffic.stop();
    expect(addresses.slice(0, 3)).toEqual(['127.0.0.3', '127.0.0.4', '127.0.0.5']);
    expect(ports.size).toBe(sent);
  });

  it('are not counted as lost when this machine has no address to send them from', async () => {
    const url = 'http://[::1]:1/';
    const traffic = start({ url, rotateSource: true });
    await traffic.more(3);
    const { sent, lost, unsent } = await traffic.stop();
    expect({ sent, lost }).toEqual({ sent: 0, lost: 0 });
    expect(unsent).toBeGreaterThanOrEqual(3);
  });

  it.each([
    ['a connection that is reset', reset, ['reset', /^ECONNRESET: /]],
    ['a connection that is closed without an answer', close, ['reset', /closed before an answer came/]],
    ['a connection that is closed within the body', half, ['reset', /closed before the answer was whole/]],
    ['another status', status(503), ['status', /^status 503, not 200$/]],
    ['no answer in time', silence, ['timeout', /^no answer within 2000 ms$/]],
  ] satisfies Table<Answer>)('are lost by %s, once', async (_what, third, fault) => {
    const traffic = start({ url: await serve(number => (number === 3 ? third : body('v1'))), timeoutMs: 2000 });
    await traffic.more(6);
    const counts = await traffic.stop();
    expectExact(counts);
    expect(counts.lost).toBe(1);
    expectLoss(counts, fault);
    expect(counts.byVersion).toEqual({ v1: counts.sent - 1 });
  });

  it('are lost when no server accepts them', async () => {
    const url = await serve(() => silence);
    await new Promise(done => servers[0]?.close(done));
    const traffic = start({ url });
    await traffic.more(3);
    const counts = await traffic.stop();
    expectExact(counts);
    expect(counts.answered).toBe(0);
    expect(counts.losses.map(({ cause }) => cause)).toEqual(counts.losses.map(() => 'connect'));
    expect(counts.losses[0]?.why).toMatch(/^ECONNREFUSED/);
  });

  it('with a slow answer are awaited by stop', async () => {
    const held: ServerResponse[] = [];
    const url = await serve(() => (_request, response) => held.push(response));
    const traffic = start({ url });
    while (held.length < 3) await new Promise(done => setImmediate(done));
    const stopped = traffic.stop();
    const { answered } = await Promise.race([
      stopped,
      new Promise<{ answered: string }>(done => setImmediate(() => done({ answered: 'not yet' }))),
    ]);
    expect(answered).toBe('not yet');
    const late = setInterval(() => held.splice(0).forEach(response => response.end('v1')), 5);
    const counts = await stopped;
    clearInterval(late);
    expectExact(counts);
    expect(counts.answered).toBeGreaterThanOrEqual(3);
  });

  it('are all answered at 500 a second', async () => {
    const traffic = start({ url: await serve(() => body('v1')), perSecond: 500, rotateSource: true });
    await traffic.more(2500);
    const counts = await traffic.stop();
    expectExact(counts);
    expect(counts.losses).toEqual([]);
    expect(counts.answered).toBeGreaterThanOrEqual(2500);
    expect(counts.achievedPerSecond).toBeLessThanOrEqual(501);
  });

  it('continue while the event loop that started them is blocked', async () => {
    const seen = new Int32Array(new SharedArrayBuffer(4));
    const elsewhere = new Worker(
      `const { workerData: seen, parentPort } = require('node:worker_threads');
      const server = require('node:http').createServer((request, response) => {
        Atomics.add(seen, 0, 1);
        Atomics.notify(seen, 0);
        response.end('v1');
      });
      server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
      { eval: true, workerData: seen },
    );
    const [port] = (await once(elsewhere, 'message')) as [number];
    const traffic = start({ url: `http://127.0.0.1:${port}/` });
    await traffic.more(1);
    const before = Atomics.load(seen, 0);
    // Blocks this thread until 20 more requests have come to the server.
    for (let now = before; now < before + 20; now = Atomics.load(seen, 0)) Atomics.wait(seen, 0, now, 10_000);
    const counts = await traffic.stop();
    await elsewhere.terminate();
    expectExact(counts);
    expect(counts.lost).toBe(0);
    expect(counts.answered).toBeGreaterThanOrEqual(before + 20);
  });
});

describe('Answers', () => {
  it.each([
    ['with a length, in pieces', ['HTTP/1.1 200 OK\r\nContent-', 'Length: 4\r\n\r', '\nv', '1.2']],
    [
      'in chunks',
      ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nv', '1\r\n2;a=b\r\n.2\r', '\n0\r\n\r', '\n'],
    ],
    [
      'in chunks with trailers',
      ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nv1.2\r\n0\r\nA: b\r\n', '\r\n'],
    ],
    ['up to the end of the connection', ['HTTP/1.0 200 OK\r\n\r\nv1', '.2']],
    ['after an interim answer', ['HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nv1.2']],
  ])('are read whole: %s', async (_what, parts) => {
    const traffic = start({ url: await serveBytes(...parts) });
    await traffic.more(3);
    const counts = await traffic.stop();
    expectExact(counts);
    expect(counts.losses).toEqual([]);
    expect(counts.byVersion).toEqual({ 'v1.2': counts.sent });
  });

  it('may have no body', async () => {
    const traffic = start({
      url: await serveBytes('HTTP/1.1 204 No Content\r\n\r\n'),
      status: 204,
      version: text => `"${text}"`,
    });
    await traffic.more(3);
    const counts = await traffic.stop();
    expect(counts.byVersion).toEqual({ '""': counts.sent });
  });

  it.each([
    ['that are not HTTP', ['SSH-2.0-x\r\n\r\n'], ['malformed', /^not an answer of HTTP\/1\.x: SSH-2\.0-x$/]],
    [
      'with a broken chunk',
      ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nv1\r\n'],
      ['malformed', /^a chunk without a size$/],
    ],
    [
      'with a chunk missing',
      ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nv1\r\n'],
      ['reset', /before the answer was whole$/],
    ],
  ] satisfies Table<string[]>)('%s are lost', async (_what, parts, fault) => {
    const traffic = start({ url: await serveBytes(...parts) });
    await traffic.more(2);
    const counts = await traffic.stop();
    expectExact(counts);
    expect(counts.answered).toBe(0);
    expectLoss(counts, fault);
  });
});

describe('Kept-alive connections', () => {
  /** Answers requests on kept-alive connections by `answer(number on its connection, connection)`, others with v1. */
  const serveKept = (answer: (number: number, connection: number) => Answer): Promise<string> => {
    const seen = new Map<Socket, { connection: number; requests: number }>();
    return serve(() => (request, response) => {
      if (request.headers.connection !== 'keep-alive') {
        response.end('v1');
        return;
      }
      const entry = seen.get(request.socket) ?? { connection: seen.size + 1, requests: 0 };
      seen.set(request.socket, entry);
      answer((entry.requests += 1), entry.connection)(request, response);
    });
  };
  const keptAlive = { connections: 3, perSecond: 150 };

  it('stay open, take turns and are counted separately', async () => {
    const perConnection = new Map<number, number>();
    const url = await serveKept((number, connection) => {
      perConnection.set(connection, number);
      return body(`v${connection}`);
    });
    const traffic = start({ url, keptAlive });
    await traffic.more(60);
    const counts = await traffic.stop();
    expectExact(counts);
    expect(counts.byVersion).toEqual({ v1: counts.sent });
    expect(counts.keptAlive).toMatchObject({ opened: 3, lost: 0, retried: 0 });
    expect([...counts.keptAlive.current].sort()).toEqual(['v1', 'v2', 'v3']);
    expect(counts.keptAlive.byVersion).toEqual(
      Object.fromEntries([...perConnection].map(([connection, requests]) => [`v${connection}`, requests])),
    );
  });

  it('skip turns while an answer is slow, and send nothing meanwhile', async () => {
    const held: ServerResponse[] = [];
    const url = await serveKept(() => (_request, response) => held.push(response));
    const traffic = start({ url, keptAlive, timeoutMs: 30_000 });
    await traffic.more(60);
    expect(held.length).toBe(3);
    expect((await traffic.counts()).keptAlive).toMatchObject({
      sent: 3,
      answered: 0,
      current: [undefined, undefined, undefined],
    });
    const stopped = traffic.stop();
    for (const response of held) response.end('v1');
    expect((await stopped).keptAlive).toMatchObject({ sent: 3, answered: 3, lost: 0 });
  });

  it('that the server closes between requests are reopened, and no request is lost', async () => {
    const url = await serveKept(number => (request, response) => {
      response.end(`v${number}`, () => {
        if (number === 2) setImmediate(() => request.socket.destroy());
      });
    });
    const traffic = start({ url, keptAlive });
    await traffic.more(80);
    const counts = await traffic.stop();
    expectExact(counts);
    expect(counts.keptAlive.losses).toEqual([]);
    expect(Object.keys(counts.keptAlive.byVersion)).toEqual(['v1', 'v2']);
    expect(counts.keptAlive.opened).toBeGreaterThan(3);
  });

  it('that the server announces to close are reopened without a retry', async () => {
    const url = await serveKept(() => (_request, response) => response.setHeader('connection', 'close').end('v1'));
    const traffic = start({ url, keptAlive });
    await traffic.more(40);
    const { keptAlive: counts } = await traffic.stop();
    expect(counts).toMatchObject({ lost: 0, retried: 0, opened: counts.sent });
  });

  it.each([
    ['closed', close],
    ['reset', reset],
  ])('%s just as a request comes ask once more', async (_what, cut) => {
    const url = await serveKept((number, connection) => (connection <= 3 && number === 3 ? cut : body('v1')));
    const traffic = start({ url, keptAlive });
    await traffic.more(80);
    const counts = await traffic.stop();
    expectExact(counts);
    expect(counts.keptAlive).toMatchObject({ lost: 0, retried: 3, opened: 6 });
  });

  it.each([
    [
      'on a new connection',
      (number: number, connection: number) => (connection === 2 && number === 1 ? close : body('v1')),
    ],
    [
      'within the answer',
      (number: number, connection: number) => (connection === 2 && number === 2 ? half : body('v1')),
    ],
  ])('cut %s lose the request', async (_what, answer) => {
    const traffic = start({ url: await serveKept(answer), keptAlive });
    await traffic.more(80);
    const counts = await traffic.stop();
    expectExact(counts);
    expect(counts.keptAlive).toMatchObject({ lost: 1, retried: 0, losses: [{ cause: 'reset' }] });
  });

  it('retry only once', async () => {
    const url = await serveKept((number, connection) =>
      (connection === 1 && number === 2) || connection === 2 ? close : body('v1'),
    );
    const traffic = start({ url, keptAlive: { connections: 1, perSecond: 50 } });
    await traffic.more(60);
    const counts = await traffic.stop();
    expectExact(counts);
    expect(counts.keptAlive).toMatchObject({ lost: 1, retried: 1, current: ['v1'] });
  });
});

describe('A stream', () => {
  it('waits only for requests that were started after the call of more', async () => {
    const held: ServerResponse[] = [];
    let isHeld = true;
    const url = await serve(() => (_request, response) => {
      if (isHeld) held.push(response);
      else response.end('v2');
    });
    const traffic = start({ url });
    while (held.length < 5) await new Promise(done => setImmediate(done));
    const more = traffic.more(1);
    // The thread has heard of it once it answers what it was asked after.
    await traffic.counts();
    isHeld = false;
    for (const response of held) response.end('v1');
    await more;
    expect((await traffic.counts()).byVersion.v2).toBeGreaterThanOrEqual(1);
  });

  it('returns its final counts after its end, and rejects more', async () => {
    const traffic = start({ url: await serve(() => body('v1')) });
    await traffic.more(1);
    const counts = await traffic.stop();
    expect(await traffic.counts()).toBe(counts);
    expect(await traffic.stop()).toBe(counts);
    await expect(traffic.more(1)).rejects.toThrow('the stream of requests was stopped');
  });

  it('that ends too early rejects pending calls of more', async () => {
    const traffic = start({ url: await serve(() => body('v1')) });
    const never = expect(traffic.more(1_000_000)).rejects.toThrow('the stream of requests was stopped');
    await traffic.stop();
    await never;
  });

  it('refuses a URL that is not http', () => {
    expect(() => startTraffic({ url: 'https://127.0.0.1/' })).toThrow('https://127.0.0.1/ is not an http: URL');
  });
});
