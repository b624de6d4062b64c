import type { RequestListener, Server } from 'node:http';
import { createServer, get } from 'node:http';

/** The HTTP server of a program, in the embedded cluster and in a real container. */
export function createPodServer(handler: RequestListener): Server {
  // Idle connections stay open as long as the client likes, so that a switch meets open connections.
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }, (request, response) => {
    // While the server drains, a connection ends with its answer: only its client could end it otherwise.
    response.shouldKeepAlive &&= server.listening;
    response.on('finish', () => {
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    });
    handler(request, response);
  });
  return server;
}

/** Accepts no new connections, closes idle ones and resolves when the pending requests are answered. */
export async function drainServers(servers: Iterable<Server>): Promise<void> {
  const closing = [...servers].map(
    server =>
      new Promise<void>(resolve => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  );
  await Promise.all(closing);
}

/** The answer of a port of the same pod. */
export interface PodAnswer {
  readonly status: number;
  readonly text: string;
}

/** Sends a GET to a port of 127.0.0.1, on a connection of its own. Undefined: no answer, or not all of it. */
export function askLocal(port: number, path: string): Promise<PodAnswer | undefined> {
  return new Promise(resolve => {
    const fail = () => resolve(undefined);
    const call = get({ host: '127.0.0.1', port, path, agent: false }, response => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
      response.on('error', fail);
    });
    call.on('error', fail);
  });
}
