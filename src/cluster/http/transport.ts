import http from 'node:http';
import https from 'node:https';
import { CutoverError } from '../../errors.js';

/** One HTTP request to the API server. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Until the last byte (for a stream: the last byte of the headers) has arrived. Default 30 000. */
  readonly timeoutMs?: number;
  /** Name of the pool of connections that the request uses. Absent: that of all requests without a name. */
  readonly pool?: string;
}

/** Status and headers, with the body as a stream. */
export interface HttpStream {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: http.IncomingMessage;
}

/** A complete answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The connection pool, and the headers with the credentials. */
export interface Access {
  readonly agent: http.Agent;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

/** Sends requests; rejects with the network error, with code `TIMEOUT`, or with `cancelled`. */
export interface Transport {
  send(request: HttpRequest, access: Access): Promise<HttpAnswer>;
  /** `signal` ends the stream; so does the signal of the transport. */
  open(request: HttpRequest, access: Access, signal: AbortSignal): Promise<HttpStream>;
}

/** Options of a request as the agent sees them. */
export interface ConnectionOptions extends http.RequestOptions {
  readonly pool?: string;
}

const defaultTimeoutMs = 30_000;

/** The reason with which a deadline aborts a request. */
export class RequestTimeoutError extends Error {
  readonly code = 'TIMEOUT';
  constructor(ms: number) {
    super(`no answer within ${ms / 1000} s`);
  }
}

/** Uses node:http and node:https, which reuse connections and add nothing to the bundle. */
export function nodeTransport(server: URL, options: { signal: AbortSignal; userAgent: string }): Transport {
  const { signal, userAgent } = options;
  const { request: openRequest } = server.protocol === 'http:' ? http : https;

  function start(request: HttpRequest, access: Access, end: AbortSignal): Promise<HttpStream> {
    return new Promise((resolve, reject) => {
      const connection: ConnectionOptions = {
        agent: access.agent,
        host: server.hostname.replace(/^\[(.*)\]$/, '$1'),
        ...(server.port !== '' && { port: server.port }),
        method: request.method,
        path: `${server.pathname.replace(/\/$/, '')}${request.path}`,
        headers: {
          'user-agent': userAgent,
          ...request.headers,
          ...access.headers, // last: no other header may replace the credentials
          ...(request.body && { 'content-length': request.body.length }),
        },
        signal: end,
        ...(request.pool !== undefined && { pool: request.pool }),
      };
      const outgoing = openRequest(connection);
      outgoing.once('response', body => resolve({ status: body.statusCode ?? 0, headers: body.headers, body }));
      // Not removed after the response: a late error without a listener would end the process.
      outgoing.on('error', reject);
      outgoing.end(request.body);
    });
  }

  /** The reason of the abort if the request was aborted, else the network error. */
  function errorOf(thrown: unknown, end: AbortSignal): unknown {
    if (signal.aborted) return cancelled();
    return end.aborted ? end.reason : thrown;
  }

  return {
    async send(request, access) {
      const timeoutMs = request.timeoutMs ?? defaultTimeoutMs;
      const deadline = new AbortController();
      const timer = setTimeout(() => deadline.abort(new RequestTimeoutError(timeoutMs)), timeoutMs);
      const end = AbortSignal.any([signal, deadline.signal]);
      try {
        const { status, headers, body } = await start(request, access, end);
        const chunks: Buffer[] = [];
        for await (const chunk of body) chunks.push(chunk as Buffer);
        return { status, headers, body: Buffer.concat(chunks) };
      } catch (thrown) {
        throw errorOf(thrown, end);
      } finally {
        clearTimeout(timer);
      }
    },
    async open(request, access, ending) {
      const timeoutMs = request.timeoutMs ?? defaultTimeoutMs;
      const deadline = new AbortController();
      const timer = setTimeout(() => deadline.abort(new RequestTimeoutError(timeoutMs)), timeoutMs);
      const end = AbortSignal.any([signal, ending, deadline.signal]);
      try {
        return await start(request, access, end);
      } catch (thrown) {
        throw errorOf(thrown, end);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** The error of a request that the cancellation of the run ends. */
export function cancelled(): CutoverError {
  return new CutoverError('the run was cancelled', { code: 'cancelled' });
}
