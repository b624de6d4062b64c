import { once } from 'node:events';
import { Duplex, duplexPair } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { TunnelStream } from '../../../src/cluster/tunnel/tunnel-stream.js';
import { eventually } from '../../support/eventually.js';
import { connectTo, kubeconfigFor, status } from '../../support/cluster/scripted-server.js';
import { startTunnelServer, type TunnelPeer, type TunnelServer } from '../../support/cluster/tunnel-server.js';

const target = { namespace: 'shop', name: 'web-1', port: 8080 };

let server: TunnelServer | undefined;
afterEach(() => server?.close());

/** A tunnel to a pod that the test plays. */
async function opened(signal = new AbortController().signal): Promise<{ peer: TunnelPeer; tunnel: Duplex }> {
  const peers: TunnelPeer[] = [];
  server = await startTunnelServer(peer => peers.push(peer));
  const cluster = await connectTo(kubeconfigFor(server.url, { user: { token: 'token-of-ci' } }), { signal });
  const tunnel = await cluster.tunnel(target);
  return { peer: peers[0]!, tunnel };
}

/** All that comes until the end. Rejects with the error that destroys the tunnel. */
async function textOf(tunnel: Duplex): Promise<string> {
  let text = '';
  for await (const chunk of tunnel) text += String(chunk);
  return text;
}

describe('A tunnel', () => {
  it('asks for the subresource of the pod, with the credentials of the run', async () => {
    const { tunnel } = await opened();
    const { url, headers } = server!.requests[0]!;
    expect([url, headers.authorization, headers['sec-websocket-protocol']]).toEqual([
      '/api/v1/namespaces/shop/pods/web-1/portforward?ports=8080',
      'Bearer token-of-ci',
      'v4.channel.k8s.io',
    ]);
    tunnel.destroy();
  });

  it('carries bytes in both directions, without the ports that begin the channels', async () => {
    const { peer, tunnel } = await opened();
    tunnel.write('to the pod');
    await eventually('the bytes', () => (peer.received === 'to the pod' ? true : undefined));
    peer.send(0, 'from ');
    peer.send(0, 'the pod');
    peer.end();
    expect(await textOf(tunnel)).toBe('from the pod');
  });

  it('still brings what the pod says after the caller has ended its half', async () => {
    const { peer, tunnel } = await opened();
    tunnel.end('a question');
    await eventually('the question', () => (peer.received === 'a question' ? true : undefined));
    peer.send(0, 'an answer');
    peer.end();
    expect(await textOf(tunnel)).toBe('an answer');
  });

  it('is destroyed with the reason when nothing listens at the port', async () => {
    const { peer, tunnel } = await opened();
    peer.send(1, 'error forwarding port 8080 to pod 7f, uid : dial tcp4 127.0.0.1:8080: connect: connection refused');
    peer.end();
    await expect(textOf(tunnel)).rejects.toMatchObject({
      code: 'api',
      message: 'nothing listens at port 8080 of Pod shop/web-1 (connection refused)',
    });
  });

  it('is destroyed, not ended, when the connection is cut, so that a part is not taken for the whole', async () => {
    const { peer, tunnel } = await opened();
    peer.send(0, 'the first ha');
    await once(tunnel, 'readable');
    peer.cut();
    await expect(textOf(tunnel)).rejects.toMatchObject({
      code: 'unreachable',
      message: 'the tunnel to Pod shop/web-1, port 8080, was cut: it was closed',
    });
  });

  it('closes the WebSocket when the caller destroys it', async () => {
    const { peer, tunnel } = await opened();
    tunnel.destroy();
    await peer.closed;
  });

  it('ends with the run', async () => {
    const run = new AbortController();
    const { peer, tunnel } = await opened(run.signal);
    const end = textOf(tunnel);
    run.abort();
    await expect(end).rejects.toMatchObject({ code: 'cancelled' });
    await peer.closed;
  });

  it('that fails before anybody listens keeps its error, and ends no process', async () => {
    const { peer, tunnel } = await opened();
    peer.cut();
    await new Promise(resolve => tunnel.once('close', resolve));
    expect(tunnel.errored).toMatchObject({ code: 'unreachable' });
  });
});

describe('A tunnel whose reader or network is slow', () => {
  const frame = (channel: number, data: Buffer): Buffer => {
    const message = Buffer.concat([Buffer.from([channel]), data]);
    const head = Buffer.from([0x82, 126, 0, 0]);
    head.writeUInt16BE(message.length, 2);
    return Buffer.concat([head, message]);
  };

  it('reads no more from the API server until its own reader goes on', () => {
    const [socket, far] = duplexPair();
    const tunnel = new TunnelStream(socket, Buffer.alloc(0), target);
    socket.emit('data', frame(0, Buffer.from([0x90, 0x1f])));
    expect(socket.isPaused()).toBe(false);
    for (let count = 0; count < 8; count += 1) socket.emit('data', frame(0, Buffer.alloc(32_000)));
    expect(socket.isPaused()).toBe(true);
    tunnel.read();
    expect(socket.isPaused()).toBe(false);
    tunnel.destroy();
    far.destroy();
  });

  it('takes no more from its writer than the network does', () => {
    const left: (() => void)[] = [];
    const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => void left.push(done) });
    const tunnel = new TunnelStream(socket, Buffer.alloc(0), target);
    let written = 0;
    for (let count = 0; count < 3; count += 1) tunnel.write(Buffer.alloc(32_000), () => (written += 1));
    expect([tunnel.writableNeedDrain, left.length, written]).toEqual([true, 1, 0]);
    tunnel.destroy();
  });
});

describe('A tunnel that the API server refuses', () => {
  const plain = (code: number, text: string): string =>
    `HTTP/1.1 ${code} Refused\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  const json = (code: number, more: Readonly<Record<string, unknown>>): string => {
    const text = JSON.stringify(status(code, more));
    return `HTTP/1.1 ${code} Refused\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  };
  const rule =
    'Missing rule: {apiGroups: [""], resources: ["pods/portforward"], verbs: ["get", "create"]} in a Role in namespace shop, bound to the user of the kubeconfig.';

  async function refused(answer: string): Promise<unknown> {
    server = await startTunnelServer(
      () => undefined,
      socket => {
        socket.end(answer);
        return true;
      },
    );
    const cluster = await connectTo(kubeconfigFor(server.url));
    return cluster.tunnel(target).then(
      () => 'opened',
      (error: unknown) => error,
    );
  }

  it.each([
    [
      'for want of the right to get',
      json(403, {
        reason: 'Forbidden',
        message:
          'pods "web-1" is forbidden: User "ci" cannot get resource "pods/portforward" in API group "" in the namespace "shop"',
      }),
      { code: 'forbidden', hint: rule },
    ],
    [
      'for want of the right to create, which the answer does not name',
      json(403, { reason: 'Forbidden', message: 'pods "web-1" is forbidden: ' }),
      {
        code: 'forbidden',
        message: 'cannot open a tunnel to Pod shop/web-1: create of pods/portforward is forbidden',
        hint: rule,
      },
    ],
    [
      'by a policy',
      json(403, { reason: 'Forbidden', message: 'pods "web-1" is forbidden: no tunnels here' }),
      { code: 'forbidden', hint: expect.stringContaining('not a missing permission') },
    ],
    [
      'by a node that does not know the protocol',
      plain(403, ''),
      { code: 'api', message: expect.stringMatching(/answered 403 instead of opening a WebSocket$/) },
    ],
    [
      'by a node that has no such pod',
      plain(500, 'pod not found ("web-1_shop")'),
      {
        code: 'api',
        message: expect.stringMatching(/answered 500 instead of opening a WebSocket: pod not found \("web-1_shop"\)$/),
      },
    ],
    [
      'because the pod is gone',
      json(404, { reason: 'NotFound', message: 'pods "web-1" not found', details: { name: 'web-1', kind: 'pods' } }),
      { code: 'not-found' },
    ],
    ['with a page', plain(200, 'Welcome'), { code: 'api', message: expect.stringMatching(/answered 200 instead/) }],
    ['with a redirect', plain(302, ''), { code: 'unreachable' }],
    [
      'with a WebSocket of another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
      { code: 'api', message: expect.stringMatching(/opened no WebSocket with the protocol v4\.channel\.k8s\.io$/) },
    ],
    ['without an answer', '', { code: 'unreachable' }],
  ])('%s is an error of its kind', async (_, answer, expected) => {
    expect(await refused(answer)).toMatchObject(expected);
  });

  it('leaves no connection to the next one: a node that refuses ends it without a word', async () => {
    let refusals = 1;
    server = await startTunnelServer(
      () => undefined,
      socket => {
        if (refusals === 0) return false;
        refusals -= 1;
        // As a real API server, it ends the connection although no header of the answer says so.
        socket.write(plain(500, 'pod not found'), () => setImmediate(() => socket.destroy()));
        return true;
      },
    );
    const cluster = await connectTo(kubeconfigFor(server.url));
    await expect(cluster.tunnel(target)).rejects.toMatchObject({ code: 'api' });
    const tunnel = await cluster.tunnel(target);
    tunnel.destroy();
    expect(server.connections()).toBe(2);
  });
});
