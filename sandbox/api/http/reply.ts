import type { ServerResponse } from 'node:http';
import type { JsonObject } from '../schema/json.js';
import { ApiError, refusal } from './status.js';

/** An answer as JSON. */
export interface Reply {
  readonly status: number;
  readonly body: JsonObject;
  /** Text of `Warning` headers. */
  readonly warnings?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

const quoted = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', ' ');

export function sendReply(response: ServerResponse, reply: Reply): void {
  const bytes = Buffer.from(`${JSON.stringify(reply.body)}\n`);
  const warning = (reply.warnings ?? []).map(text => `299 - "${quoted(text)}"`);
  if (warning.length > 0) response.setHeader('warning', warning);
  response.writeHead(reply.status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    'cache-control': 'no-cache, private',
    ...reply.headers,
  });
  response.end(bytes);
}

/** The answer of a real API server to an unknown path: plain text, no Status. */
export function sendNotServed(response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' });
  response.end('404 page not found\n');
}

/** Any error as its Status; a bug of the sandbox becomes a 500 with the stack. */
export function sendError(response: ServerResponse, thrown: unknown): void {
  const error =
    thrown instanceof ApiError
      ? thrown
      : refusal(500, 'InternalError', {
          message: `Internal error occurred: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
        });
  if (response.headersSent) response.destroy();
  else sendReply(response, { status: error.code, body: error.status });
}
