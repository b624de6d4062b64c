import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Cluster, ProxyAnswer, ProxyRequest } from '../cluster/cluster.js';
import { asCutoverError, type ErrorCode } from '../errors.js';
import type { HttpAnswer } from './judge.js';
import { quote } from './quote.js';

/** What one request brought: the application's own answer, or nothing that the application said. */
export type Reply =
  | { readonly kind: 'answer'; readonly answer: HttpAnswer }
  | {
      readonly kind: 'silence';
      readonly reason: string;
      /** Where it ended: at the API server, which did answer for itself, or on the way, where nobody answered. */
      readonly at: 'api-server' | 'way';
    };

const directTimeoutMs = 10_000;

/** Errors of the way to the application. Any other (a missing permission, a cancelled run) ends the step by itself. */
const proxyErrors: ReadonlySet<ErrorCode> = new Set(['unreachable', 'timeout', 'not-found', 'api']);

/** Asks a pod or Service through the API server. Throws what says nothing of the way there (`forbidden`, `cancelled`…). */
export async function requestThroughProxy(cluster: Cluster, request: ProxyRequest): Promise<Reply> {
  let answer: ProxyAnswer;
  try {
    answer = await cluster.proxy(request);
  } catch (thrown) {
    const error = asCutoverError(thrown);
    if (!proxyErrors.has(error.code)) throw thrown;
    return { kind: 'silence', reason: error.message, at: 'way' };
  }
  if (!answer.fromApiServer) return { kind: 'answer', answer };
  return {
    kind: 'silence',
    at: 'api-server',
    reason: `the API server itself answered ${answer.status} ${quote(statusMessage(answer.body.toString('utf8')))}`,
  };
}

/** The `message` of a Kubernetes Status, or the text as it is. */
function statusMessage(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? message : text;
  } catch {
    return text;
  }
}

/** One direct request on a connection of its own; redirects are not followed. No answer within 10 s is silence. */
export async function requestDirectly(
  target: string,
  options: { readonly method: string; readonly signal: AbortSignal },
): Promise<Reply> {
  const timeout = AbortSignal.timeout(directTimeoutMs);
  try {
    return { kind: 'answer', answer: await send(target, { ...options, timeout }) };
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? String(thrown);
    const reason = timeout.aborted ? `no answer within ${directTimeoutMs / 1000} s` : `no answer: ${code}`;
    return { kind: 'silence', reason, at: 'way' };
  }
}

async function send(
  target: string,
  options: { readonly method: string; readonly signal: AbortSignal; readonly timeout: AbortSignal },
): Promise<HttpAnswer> {
  const { method, signal, timeout } = options;
  const send = new URL(target).protocol === 'https:' ? httpsRequest : httpRequest;
  return await new Promise((resolve, reject) => {
    const request = send(target, {
      method,
      agent: false,
      signal: AbortSignal.any([signal, timeout]),
      headers: { 'user-agent': 'cutover', accept: '*/*' },
    });
    request.on('error', reject);
    request.on('response', response => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const headers = Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(', ')]);
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(headers) as Record<string, string>,
          body: Buffer.concat(chunks),
        });
      });
    });
    request.end();
  });
}

/** A URL as messages show it: without the user and password it may carry. */
export function withoutCredentials(target: string): string {
  const url = new URL(target);
  url.username = '';
  url.password = '';
  return url.href;
}
