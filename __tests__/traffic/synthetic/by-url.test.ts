import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { byUrl, onKeptConnection } from '../../../src/traffic/synthetic/by-url.js';
import { manualClock } from '../../support/clock.js';

const { signal } = new AbortController();
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections();
});

/** The URL of a server, and the sockets of its requests in order. */
async function serve(listener: RequestListener): Promise<{ readonly url: string; readonly sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((request, response) => {
    sockets.push(request.socket);
    listener(request, response);
  });
  servers.push(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/shop`, sockets };
}

const hello = (_request: IncomingMessage, response: ServerResponse): unknown => response.end('hello');

describe('a request to a URL', () => {
  it('is answered on a connection of its own, with a name by which it is found', async () => {
    const seen: IncomingMessage[] = [];
    const { url, sockets } = await serve((request, response) => {
      seen.push(request);
      response.setHeader('x-version', '2').end('hello');
    });
    const send = byUrl(url);
    const reply = await send(signal);
    await send(signal);
    expect(reply).toMatchObject({ kind: 'answered', answer: { status: 200, headers: { 'x-version': '2' } } });
    expect(reply.kind === 'answered' && reply.answer.body.toString()).toBe('hello');
    expect(new Set(sockets).size).toBe(2);
    expect(seen[0]).toMatchObject({
      method: 'GET',
      url: '/shop',
      headers: { 'user-agent': 'cutover-synthetic-traffic', connection: 'close' },
    });
  });

  it.each([
    [302, { kind: 'answered' }],
    [404, { kind: 'answered' }],
    [500, { kind: 'failed', why: '500' }],
    [503, { kind: 'failed', why: '503' }],
    [429, { kind: 'stop', why: 'the answer was 429, too many requests' }],
  ])('with the answer %s counts as it does for users, without a redirect', async (status, expected) => {
    const { url, sockets } = await serve((_, response) => response.writeHead(status, { location: '/elsewhere' }).end());
    expect(await byUrl(url)(signal)).toMatchObject(expected);
    expect(sockets).toHaveLength(1);
  });

  it.each([
    ['closes the connection', (request: IncomingMessage) => request.socket.destroy(), 'ECONNRESET'],
    [
      'breaks off its answer',
      (_: IncomingMessage, response: ServerResponse) => {
        response.writeHead(200, { 'content-length': 100 }).write('hel');
        setImmediate(() => response.destroy());
      },
      'ECONNRESET',
    ],
  ])('fails if the server %s', async (_what, listener, why) => {
    const { url } = await serve(listener);
    expect(await byUrl(url)(signal)).toEqual({ kind: 'failed', why });
  });

  it('fails if nobody listens', async () => {
    const { url } = await serve(hello);
    const server = servers.pop();
    await new Promise(resolve => server?.close(resolve));
    expect(await byUrl(url)(signal)).toEqual({ kind: 'failed', why: 'ECONNREFUSED' });
  });

  it('reads only the beginning of an answer without end', async () => {
    const { url } = await serve((_, response) => {
      const more = (): void => {
        while (response.write(Buffer.alloc(100_000)));
        response.once('drain', more);
      };
      more();
    });
    const reply = await byUrl(url)(signal);
    expect(reply.kind === 'answered' && reply.answer.body.length).toBeGreaterThan(1_000_000);
  });

  it('is answered if the answer came while this process stood still', async () => {
    let isOver: () => void = () => undefined;
    const clock = { now: () => 0, wait: () => new Promise<void>(resolve => (isOver = resolve)) };
    const { url } = await serve((_, response) => {
      response.end('hello');
      setTimeout(() => isOver(), 1);
      // The time is over before the answer is read.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    });
    expect(await byUrl(url, clock)(signal)).toMatchObject({ kind: 'answered', answer: { status: 200 } });
  });

  it.each([
    ['fails if the time is over', 0, { kind: 'failed', why: 'no answer within 10 s' }],
    [
      'tells nothing if this process stood still',
      5_000,
      { kind: 'unknown', why: 'this process stood still meanwhile' },
    ],
  ])('%s without an answer', async (_what, lateMs, expected) => {
    const clock = manualClock();
    let ask: () => void = () => undefined;
    const asked = new Promise<void>(resolve => (ask = resolve));
    const { url } = await serve(() => ask());
    const reply = byUrl(url, clock)(signal);
    await asked;
    await clock.advance(10_000 + lateMs);
    expect(await reply).toEqual(expected);
  });

  it('ends with the signal', async () => {
    const end = new AbortController();
    const { url } = await serve(() => end.abort());
    expect((await byUrl(url)(end.signal)).kind).toBe('failed');
  });
});

describe('a connection that is kept alive', () => {
  it('is used again, and says when it had to be opened', async () => {
    const { url, sockets } = await serve(hello);
    const { send, close } = onKeptConnection(url);
    const replies = [await send(signal), await send(signal), await send(signal)];
    close();
    expect(new Set(sockets).size).toBe(1);
    expect(replies.map(reply => reply.kind === 'answered' && reply.isNewConnection)).toEqual([true, false, false]);
  });

  it('is opened again if the server closes it with its answer', async () => {
    const { url } = await serve((_, response) => response.setHeader('connection', 'close').end('hello'));
    const { send, close } = onKeptConnection(url);
    const replies = [await send(signal), await send(signal)];
    close();
    expect(replies).toMatchObject([{ isNewConnection: true }, { isNewConnection: true }]);
  });

  it('is opened again if the server closes it when the next request comes, as a browser does', async () => {
    let requests = 0;
    const { url } = await serve((request, response) => {
      requests += 1;
      if (requests === 2) request.socket.destroy();
      else response.end('hello');
    });
    const { send, close } = onKeptConnection(url);
    const replies = [await send(signal), await send(signal)];
    close();
    expect(replies).toMatchObject([{ isNewConnection: true }, { kind: 'answered', isNewConnection: true }]);
    expect(requests).toBe(3);
  });

  it('fails if the server breaks off its answer', async () => {
    let requests = 0;
    const { url } = await serve((_, response) => {
      requests += 1;
      if (requests === 1) return void response.end('hello');
      response.writeHead(200, { 'content-length': 100 }).write('hel');
      setImmediate(() => response.destroy());
    });
    const { send, close } = onKeptConnection(url);
    const replies = [await send(signal), await send(signal)];
    close();
    expect(replies).toMatchObject([{ kind: 'answered' }, { kind: 'failed', why: 'ECONNRESET' }]);
  });

  it('is used again after a page that is large, of which the rest is not kept', async () => {
    const { url, sockets } = await serve((_, response) => response.end(Buffer.alloc(2_000_000)));
    const { send, close } = onKeptConnection(url);
    const replies = [await send(signal), await send(signal)];
    close();
    expect(new Set(sockets).size).toBe(1);
    expect(replies).toMatchObject([{ isNewConnection: true }, { isNewConnection: false }]);
    for (const reply of replies) expect(reply.kind === 'answered' && reply.answer.body.length).toBeLessThan(1_500_000);
  });

  it('tells nothing with a page that is too large to be read, and does not blame the server', async () => {
    let requests = 0;
    const { url } = await serve((_, response) => response.end(Buffer.alloc((requests += 1) === 2 ? 20_000_000 : 10)));
    const { send, close } = onKeptConnection(url);
    const replies = [await send(signal), await send(signal), await send(signal)];
    close();
    expect(replies).toMatchObject([
      { isNewConnection: true },
      { kind: 'unknown', why: expect.stringContaining('too large') },
      { isNewConnection: false },
    ]);
  });
});
