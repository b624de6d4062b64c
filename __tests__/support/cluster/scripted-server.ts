import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { connect } from '../../../src/cluster/connect.js';
import type { ConnectOptions } from '../../../src/cluster/connect.js';
import type { Log } from '../../../src/log.js';
import { certificates } from '../../../sandbox/api/http/tls.js';

/** A received request. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** Common name of the client certificate. */
  readonly client?: string;
}

export type Handler = (seen: Seen, response: http.ServerResponse) => void;

export interface TestServer {
  readonly url: string;
  readonly seen: Seen[];
  /** Connections opened so far. */
  readonly connections: () => number;
  /** Replaces the handler. */
  handle(handler: Handler): void;
  close(): Promise<void>;
}

/** A server on 127.0.0.1 with a handler per test; with TLS it requests a client certificate. */
export async function startServer(handler: Handler, options: { readonly tls?: boolean } = {}): Promise<TestServer> {
  let current = handler;
  let connections = 0;
  const seen: Seen[] = [];
  const listener: http.RequestListener = (request, response) => {
    const url = new URL(request.url ?? '', 'http://server');
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { socket } = request;
      // Without a client certificate, Node returns an empty object.
      const peer: Partial<PeerCertificate> =
        'getPeerCertificate' in socket ? (socket as TLSSocket).getPeerCertificate() : {};
      const client = peer.subject?.CN;
      const one: Seen = {
        method: request.method ?? '',
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
        ...(typeof client === 'string' && { client }),
      };
      seen.push(one);
      current(one, response);
    });
  };
  const { ca, server: own } = await certificates();
  const server = options.tls
    ? https.createServer(
        { key: own.key, cert: own.certificate, ca, requestCert: true, rejectUnauthorized: false },
        listener,
      )
    : http.createServer(listener);
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    seen,
    connections: () => connections,
    handle: next => {
      current = next;
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Sends the answer; a test may have set headers on the response. */
export function answer(response: http.ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** A Status as the API server sends it. */
export function status(code: number, more: Readonly<Record<string, unknown>> = {}): unknown {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, ...more };
}

/** A log that keeps its lines and masks. */
export interface KeptLog extends Log {
  readonly lines: string[];
  readonly masked: string[];
}

export function keptLog(): KeptLog {
  const lines: string[] = [];
  const masked: string[] = [];
  return {
    lines,
    masked,
    info: line => void lines.push(line),
    debug: line => void lines.push(`debug: ${line}`),
    warning: line => void lines.push(`warning: ${line}`),
    error: line => void lines.push(`error: ${line}`),
    mask: secret => void masked.push(secret),
    hide: () => undefined,
    group: (_title, work) => work(),
  };
}

/** A clock that only waits advance; they take no real time. */
export interface HandClock {
  now(): number;
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** Milliseconds of each wait so far. */
  readonly waits: number[];
}

export function handClock(): HandClock {
  let now = 0;
  const waits: number[] = [];
  return {
    waits,
    now: () => now,
    wait: (ms, signal) => {
      waits.push(ms);
      // Long waits are timeouts: without this they would end at once what they guard.
      if (ms >= 60_000) return new Promise(resolve => signal.addEventListener('abort', () => resolve()));
      now += ms;
      return Promise.resolve();
    },
  };
}

/** A kubeconfig for a server; `user` is the YAML of the user entry. */
export function kubeconfigFor(
  server: string,
  options: { readonly user?: unknown; readonly cluster?: unknown } = {},
): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
    clusters: [{ name: 'c', cluster: { server, ...(options.cluster as object | undefined) } }],
    users: [{ name: 'u', user: options.user ?? {} }],
  });
}

/** Connects with defaults for all options. */
export function connectTo(kubeconfig: string, options: Partial<ConnectOptions> = {}): ReturnType<typeof connect> {
  return connect({
    kubeconfig,
    workspace: '/nowhere',
    environment: {},
    log: keptLog(),
    signal: new AbortController().signal,
    ...options,
  });
}
