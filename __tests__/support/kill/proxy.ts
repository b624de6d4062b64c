import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { dump, load } from 'js-yaml';
import { writeOf, type Write } from './writes.js';

/** When a write is held: before it reaches the API server, or when it is done but not answered. */
export type Moment = 'before' | 'done';

/** The write to hold. */
export interface Hold {
  /** Name with its number: `PATCH deployments/web #2`. A function: the first one for which it is true. */
  readonly write: string | ((name: string) => boolean);
  readonly moment: Moment;
  /** Called once the write is held. It is never answered unless it is let go. */
  readonly onHeld: (held: Held) => void;
}

/** A write on its way that the proxy holds. */
export interface Held {
  /** Lets it go on: to the API server, or with its answer to the client. */
  pass(): void;
  /** Cuts the client's connection. */
  drop(): void;
}

/**
 * An HTTP server in front of an API server, as `kubectl proxy` is: it adds the credentials. It numbers the writes that pass and
 * can hold one.
 */
export interface ApiProxy {
  /** YAML, without credentials. */
  readonly kubeconfig: string;
  /** The writes so far by name and number, in the order in which they arrived; without renewals of a Lease. */
  readonly writes: readonly string[];
  close(): Promise<void>;
}

/**
 * Opens the proxy for the API server of a kubeconfig with embedded credentials. Without `hold`, every request passes. `onWrite`
 * is called with each entry of `writes` as it arrives.
 */
export async function openApiProxy(
  kubeconfig: string,
  hold?: Hold,
  onWrite?: (name: string) => void,
): Promise<ApiProxy> {
  const upstream = upstreamOf(kubeconfig);
  const writes: string[] = [];
  const counts = new Map<string, number>();
  const numbered = (name: string): string => {
    const number = (counts.get(name) ?? 0) + 1;
    counts.set(name, number);
    return `${name} #${number}`;
  };
  let waiting = hold;
  const toHold = (name: string): Hold | undefined => {
    const isIt = typeof waiting?.write === 'string' ? name === waiting.write : waiting?.write(name);
    const found = isIt ? waiting : undefined;
    if (found !== undefined) waiting = undefined;
    return found;
  };
  /** Whom the API server last accepted as the holder of the Lease. */
  let holder: string | undefined;
  // How often a Lease is renewed depends on timing.
  const isRenewal = (write: Write): boolean =>
    write.holder === 'same' || (Boolean(write.holder) && write.holder === holder);
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readAll(incoming);
    const write = writeOf(incoming.method ?? '', incoming.url ?? '', body.toString('utf8'));
    const name = write === undefined || isRenewal(write) ? undefined : numbered(write.name);
    if (name !== undefined) {
      writes.push(name);
      onWrite?.(name);
    }
    const held = name === undefined ? undefined : toHold(name);
    const onAnswer = (status: number): void => {
      if (write?.holder !== undefined && write.holder !== 'same' && status < 300) holder = write.holder;
    };
    const forward = (): void =>
      upstream.forward({ incoming, body, response, onAnswer, ...(held?.moment === 'done' && { held }) });
    if (held?.moment === 'before') held.onHeld({ pass: forward, drop: () => response.destroy() });
    else forward();
  };
  const server = createServer((incoming, response) => {
    // A client that was killed while it sent its request has sent nothing.
    handle(incoming, response).catch(() => response.destroy());
  });
  const upgraded = new Set<Socket>();
  server.on('upgrade', (incoming, _socket, head: Buffer) => {
    const { socket } = incoming;
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
    upstream.upgrade(incoming, head);
  });
  server.keepAliveTimeout = 90_000;
  server.requestTimeout = 0;
  await new Promise<void>((opened, failed) => {
    server.once('error', failed);
    server.listen(0, '127.0.0.1', opened);
  });
  return {
    kubeconfig: kubeconfigFor((server.address() as AddressInfo).port),
    writes,
    close: () =>
      new Promise(closed => {
        server.close(() => closed());
        server.closeAllConnections();
        for (const socket of upgraded) socket.destroy();
        upstream.close();
      }),
  };
}

/** One request on its way. */
interface Exchange {
  readonly incoming: IncomingMessage;
  readonly body: Buffer;
  readonly response: ServerResponse;
  readonly onAnswer: (status: number) => void;
  readonly held?: Hold;
}

interface KubeconfigFile {
  readonly clusters: readonly [{ readonly cluster: Readonly<Record<string, string>> }];
  readonly users: readonly [{ readonly user: Readonly<Record<string, string>> }];
}

/** The API server of a kubeconfig. */
export function upstreamOf(kubeconfig: string): {
  forward(exchange: Exchange): void;
  /** Passes on a request for another protocol, and what follows it. */
  upgrade(incoming: IncomingMessage, head: Buffer): void;
  close(): void;
} {
  const file = load(kubeconfig) as KubeconfigFile;
  const [{ cluster }] = file.clusters;
  const [{ user }] = file.users;
  const decode = (data: string | undefined): Buffer | undefined =>
    data === undefined ? undefined : Buffer.from(data, 'base64');
  const tls = {
    ca: decode(cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
  };
  const agent = new Agent({ keepAlive: true, ...tls });
  const credentials = user.token === undefined ? {} : { authorization: `Bearer ${user.token}` };
  return {
    forward({ incoming, body, response, onAnswer, held }) {
      const { host: _host, connection: _connection, ...headers } = incoming.headers;
      const { method = 'GET', url = '/' } = incoming;
      const sending = request(
        new URL(url, cluster.server),
        { agent, method, headers: { ...headers, ...credentials } },
        answer => {
          onAnswer(answer.statusCode ?? 502);
          const pass = (): void => {
            const { connection: _theirs, ...theirHeaders } = answer.headers;
            response.writeHead(answer.statusCode ?? 502, theirHeaders);
            // A watch is a stream whose head the client waits for.
            response.flushHeaders();
            answer.on('error', () => response.destroy()).pipe(response);
          };
          // Its head comes when the work is done.
          if (held === undefined) pass();
          else held.onHeld({ pass, drop: () => response.destroy() });
        },
      );
      sending.on('error', () => response.destroy());
      // A write that was sent is carried out, whatever becomes of its client.
      if (method === 'GET') response.on('close', () => sending.destroy());
      sending.end(body);
    },
    upgrade(incoming, head) {
      const { host: _host, ...headers } = incoming.headers;
      const { url = '/', socket } = incoming;
      const sending = request(new URL(url, cluster.server), {
        agent: false,
        ...tls,
        headers: { ...headers, ...credentials },
      });
      sending.on('upgrade', (answer, theirs, theirHead) => {
        socket.write(headOf(answer));
        socket.write(theirHead);
        theirs.write(head);
        join(socket, theirs);
      });
      sending.on('response', answer => {
        socket.write(headOf(answer));
        answer.on('error', () => socket.destroy()).pipe(socket);
      });
      sending.on('error', () => socket.destroy());
      socket.on('error', () => sending.destroy());
      sending.end();
    },
    close: () => agent.destroy(),
  };
}

/** Status line and headers of an answer, as they came. */
function headOf({ statusCode = 502, statusMessage = '', rawHeaders }: IncomingMessage): string {
  const lines = rawHeaders.flatMap((text, at) => (at % 2 === 0 ? [`${text}: ${rawHeaders[at + 1] ?? ''}`] : []));
  return [`HTTP/1.1 ${statusCode} ${statusMessage}`, ...lines, '', ''].join('\r\n');
}

/** Two connections that are one: each carries what the other brings, and ends with it. */
function join(mine: Duplex, theirs: Duplex): void {
  mine.pipe(theirs).pipe(mine);
  mine.on('error', () => theirs.destroy()).once('close', () => theirs.destroy());
  theirs.on('error', () => mine.destroy()).once('close', () => mine.destroy());
}

/** YAML for a server of this machine, without credentials. */
export function kubeconfigFor(port: number): string {
  const name = 'proxy';
  return dump({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
  });
}

/** The body of a request. */
export async function readAll(incoming: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
