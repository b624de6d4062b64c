import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
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
  /** In bytes: of a longer answer to `send` only the beginning is read. Absent: all of it. */
  readonly longestBody?: number;
  /** Name of the pool of connections that the request uses. Absent: that of all requests without a name. */
  readonly pool?: string;
  /** Ends the request. Absent: only its timeout and the signal of the transport do. */
  readonly signal?: AbortSignal;
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

/** An answer to a request for another protocol on the same connection. */
export interface HttpUpgrade extends HttpAnswer {
  /** The connection, which now belongs to the caller; `body` is what has come on it. Absent: the request was refused. */
  readonly socket?: Duplex;
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
  /** The request must have the headers of the upgrade. */
  upgrade(request: HttpRequest, access: Access): Promise<HttpUpgrade>;
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

  function outgoingOf(request: HttpRequest, access: Access, end: AbortSignal): http.ClientRequest {
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
    return openRequest(connection);
  }

  function start(request: HttpRequest, access: Access, end: AbortSignal): Promise<HttpStream> {
    return new Promise((resolve, reject) => {
      const outgoing = outgoingOf(request, access, end);
      outgoing.once('response', body => resolve({ status: body.statusCode ?? 0, headers: body.headers, body }));
      // Not removed after the response: a late error without a listener would end the process.
      outgoing.on('error', reject);
      outgoing.end(request.body);
    });
  }

  function startUpgrade(request: HttpRequest, access: Access, end: AbortSignal): Promise<HttpUpgrade> {
    return new Promise((resolve, reject) => {
      const outgoing = outgoingOf(request, access, end);
      outgoing.once('upgrade', ({ statusCode = 0, headers }, socket, body) =>
        resolve({ status: statusCode, headers, body, socket }),
      );
      outgoing.once('response', body => {
        // A node that refuses ends the connection without a word: it must not serve another request.
        outgoing.shouldKeepAlive = false;
        const { statusCode = 0, headers } = body;
        bytesOf(body).then(bytes => resolve({ status: statusCode, headers, body: bytes }), reject);
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  /** The reason of the abort if the request was aborted, else the network error. */
  function errorOf(thrown: unknown, end: AbortSignal): unknown {
    if (signal.aborted) return cancelled();
    return end.aborted ? end.reason : thrown;
  }

  /** Does `work` within the time of the request. `ending` absent: only the signal of the transport ends it, too. */
  async function inTime<T>(
    { timeoutMs = defaultTimeoutMs, signal: ofRequest }: HttpRequest,
    work: (end: AbortSignal) => Promise<T>,
    ending: readonly AbortSignal[] = [],
  ): Promise<T> {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(new RequestTimeoutError(timeoutMs)), timeoutMs);
    const end = AbortSignal.any([signal, ...ending, ...(ofRequest === undefined ? [] : [ofRequest]), deadline.signal]);
    try {
      return await work(end);
    } catch (thrown) {
      throw errorOf(thrown, end);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    send: (request, access) =>
      inTime(request, async end => {
        const { status, headers, body } = await start(request, access, end);
        return { status, headers, body: await bytesOf(body, request.longestBody) };
      }),
    open: (request, access, ending) => inTime(request, end => start(request, access, end), [ending]),
    upgrade: (request, access) => inTime(request, end => startUpgrade(request, access, end)),
  };
}

async function bytesOf(body: http.IncomingMessage, longest = Infinity): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    // Ends the connection too: what is still on its way is nobody's answer.
    if (length > longest) break;
  }
  return Buffer.concat(chunks);
}

/** The error of a request that the cancellation of the run ends. */
export function cancelled(): CutoverError {
  return new CutoverError('the run was cancelled', { code: 'cancelled' });
}
