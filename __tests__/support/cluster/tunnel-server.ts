import { createServer, ServerResponse, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { ServerWebSocket } from '../../../sandbox/api/streaming/websocket.js';

/** One WebSocket of a client, with what it sends to the pod. */
export interface TunnelPeer {
  /** Sends a message on a channel: 0 for data, 1 for an error. */
  send(channel: number, data: Buffer | string): void;
  /** Says goodbye. */
  end(): void;
  /** Cuts the connection without a word. */
  cut(): void;
  /** What the client has sent on the channel of data so far. */
  readonly received: string;
  /** Resolves once the client has ended the WebSocket. */
  readonly closed: Promise<void>;
}

/** An API server whose WebSockets the test serves. */
export interface TunnelServer {
  readonly url: string;
  /** Connections opened so far. */
  readonly connections: () => number;
  readonly requests: IncomingMessage[];
  close(): Promise<void>;
}

const port = Buffer.from([0x90, 0x1f]);

/**
 * Starts the server. `onOpen`: called with each WebSocket, whose channels have begun with their port. `refuse` absent: every request for
 * a WebSocket is accepted; else it writes the answer and returns true.
 */
export async function startTunnelServer(
  onOpen: (peer: TunnelPeer) => void,
  refuse: (socket: Socket) => boolean = () => false,
): Promise<TunnelServer> {
  const sockets = new Set<Socket>();
  const requests: IncomingMessage[] = [];
  let connections = 0;
  const server = createServer((_, response) => response.writeHead(404).end());
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (incoming, _socket, head: Buffer) => {
    requests.push(incoming);
    if (!refuse(incoming.socket)) onOpen(accept(incoming, head));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    requests,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function accept(incoming: IncomingMessage, head: Buffer): TunnelPeer {
  const response = new ServerResponse(incoming);
  response.assignSocket(incoming.socket);
  let received = '';
  let close = (): void => undefined;
  const closed = new Promise<void>(resolve => (close = resolve));
  const socket = new ServerWebSocket(
    { incoming, response, head, protocol: 'v4.channel.k8s.io' },
    {
      message: data => {
        if (data[0] === 0) received += data.subarray(1).toString('utf8');
      },
      closed: close,
    },
  );
  const send = (channel: number, data: Buffer | string): void =>
    void socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(data)]));
  send(0, port);
  send(1, port);
  return {
    send,
    end: () => socket.close(),
    cut: () => incoming.socket.destroy(),
    get received() {
      return received;
    },
    closed,
  };
}
