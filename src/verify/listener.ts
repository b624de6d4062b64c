import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Cluster } from '../cluster/cluster.js';
import { asCutoverError } from '../errors.js';
import type { Endpoint } from './endpoint.js';

/** A local proxy to the endpoint, for commands. */
export interface Listener {
  /** `http://127.0.0.1:PORT`, no slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

type Target = { readonly kind: 'Pod' | 'Service'; readonly name: string; readonly port: number };

/**
 * Starts an HTTP proxy on 127.0.0.1 that forwards requests through the API server to the Service of the endpoint, or
 * round-robin to its pods. `undefined` if the endpoint has neither.
 */
export async function listen(cluster: Cluster, endpoint: Endpoint): Promise<Listener | undefined> {
  const targets = targetsOf(endpoint);
  if (targets.length === 0) return undefined;
  let nextTarget = 0;
  const server = createServer((request, response) => {
    const target = targets[nextTarget++ % targets.length];
    if (target === undefined) return;
    forward(request, { cluster, namespace: endpoint.namespace, ...target })
      .then(({ status, headers, body }) => response.writeHead(status, headers).end(body))
      .catch((thrown: unknown) => sendError(response, asCutoverError(thrown).message));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function targetsOf({ service, pods, podPort }: Endpoint): readonly Target[] {
  if (service !== undefined) return [{ kind: 'Service', ...service }];
  return podPort === undefined ? [] : pods.map(({ name }) => ({ kind: 'Pod', name, port: podPort }));
}

async function forward(
  request: IncomingMessage,
  target: Target & { readonly cluster: Cluster; readonly namespace: string },
): Promise<{ readonly status: number; readonly headers: Record<string, string>; readonly body: Buffer }> {
  const { cluster, ...address } = target;
  // Resolves `..`, so that a path cannot leave the proxy path of the API server.
  const { pathname, search } = new URL(request.url ?? '/', 'http://127.0.0.1');
  const body = await readAll(request);
  const answer = await cluster.proxy({
    ...address,
    path: pathname + search,
    method: request.method ?? 'GET',
    headers: forwardedHeaders(request),
    ...(body.length > 0 && { body }),
  });
  return { status: answer.status, headers: responseHeaders(answer.headers), body: answer.body };
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Hop-by-hop headers. */
const hopByHopHeaders =
  /^(connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|expect|host|content-length)$/;

/** Headers that the API server would interpret: credentials of the command must not replace or extend those of the run. */
const credentialHeaders = /^(authorization|proxy-authorization|impersonate-.*|x-remote-.*)$/;

function forwardedHeaders(request: IncomingMessage): Record<string, string> {
  const kept = Object.entries(request.headers).filter(
    ([name]) => !hopByHopHeaders.test(name) && !credentialHeaders.test(name),
  );
  return Object.fromEntries(kept.map(([name, value]) => [name, [value].flat().join(', ')]));
}

function responseHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHopHeaders.test(name)));
}

function sendError(response: ServerResponse, reason: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response
    .writeHead(502, { 'content-type': 'text/plain; charset=utf-8' })
    .end(`The endpoint cannot be reached: ${reason}\n`);
}
