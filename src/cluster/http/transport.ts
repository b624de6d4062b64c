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
  /** Until the last byte (of the head, for a stream) has come. Default 30 000. */
  readonly timeoutMs?: number;
}

/** Status and headers, with the body still to come. */
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

/** How a request gets in: the kept-alive connections and the headers that say who asks. */
export interface Access {
  readonly agent: http.Agent;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

/** The wire: rejects with the network's own error, with one of code `TIMEOUT`, or with `cancelled`. */
export interface Transport {
  send(request: HttpRequest, access: Access): Promise<HttpAnswer>;
  /** `signal` ends the stream; so does the transport's own. */
  open(request: HttpRequest, access: Access, signal: AbortSignal): Promise<HttpStream>;
}

const defaultTimeoutMs = 30_000;

/** What a deadline aborts a request with. */
export class Overdue extends Error {
  readonly code = 'TIMEOUT';
  constructor(ms: number) {
    super(`no answer within ${ms / 1000} s`);
  }
}

/** Over node's own http and https, so that connections are kept and nothing is added to the bundle. */
export function nodeTransport(server: URL, options: { signal: AbortSignal; userAgent: string }): Transport {
  const { signal, userAgent } = options;
  const { request: dial } = server.protocol === 'http:' ? http : https;

  function start(request: HttpRequest, access: Access, end: AbortSignal): Promise<HttpStream> {
    return new Promise((resolve, reject) => {
      const outgoing = dial({
        agent: access.agent,
        host: server.hostname.replace(/^\[(.*)\]$/, '$1'),
        ...(server.port !== '' && { port: server.port }),
        method: request.method,
        path: `${server.pathname.replace(/\/$/, '')}${request.path}`,
        headers: {
          'user-agent': userAgent,
          ...request.headers,
          ...access.headers, // last: nobody else says who asks
          ...(request.body && { 'content-length': request.body.length }),
        },
        signal: end,
      });
      outgoing.once('response', body => resolve({ status: body.statusCode ?? 0, headers: body.headers, body }));
      // Stays for the whole life of the request: a late error without a listener would end the process.
      outgoing.on('error', reject);
      outgoing.end(request.body);
    });
  }

  /** Whoever ended the request explains it; otherwise the network does. */
  function explain(thrown: unknown, end: AbortSignal): unknown {
    if (signal.aborted) return cancelled();
    return end.aborted ? end.reason : thrown;
  }

  return {
    async send(request, access) {
      const limit = request.timeoutMs ?? defaultTimeoutMs;
      const deadline = new AbortController();
      const timer = setTimeout(() => deadline.abort(new Overdue(limit)), limit);
      const end = AbortSignal.any([signal, deadline.signal]);
      try {
        const { status, headers, body } = await start(request, access, end);
        const chunks: Buffer[] = [];
        for await (const chunk of body) chunks.push(chunk as Buffer);
        return { status, headers, body: Buffer.concat(chunks) };
      } catch (thrown) {
        throw explain(thrown, end);
      } finally {
        clearTimeout(timer);
      }
    },
    async open(request, access, ending) {
      const limit = request.timeoutMs ?? defaultTimeoutMs;
      const deadline = new AbortController();
      const timer = setTimeout(() => deadline.abort(new Overdue(limit)), limit);
      const end = AbortSignal.any([signal, ending, deadline.signal]);
      try {
        return await start(request, access, end);
      } catch (thrown) {
        throw explain(thrown, end);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** The error of everything that the run's end cuts short. */
export function cancelled(): CutoverError {
  return new CutoverError('the run was cancelled', { code: 'cancelled' });
}
