import { request as httpRequest, type ClientRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Cluster, ProxyAnswer, ProxyRequest } from '../cluster/cluster.js';
import { asCutoverError, type ErrorCode } from '../errors.js';
import type { HttpAnswer } from './expectation.js';
import { quote } from './quote.js';

/** Result of one request: the answer of the application, or the reason why it did not answer. */
export type Reply =
  | { readonly kind: 'answer'; readonly answer: HttpAnswer }
  | {
      readonly kind: 'no-answer';
      readonly reason: string;
      /** Where it failed: at the API server or behind it, or in the network, so that the API server cannot be asked either. */
      readonly at: 'api-server' | 'network';
    };

const directTimeoutMs = 10_000;

/** Errors of the connection to the application. Any other (a missing permission, a cancelled run) ends the step. */
const proxyErrors: ReadonlySet<ErrorCode> = new Set(['unreachable', 'timeout', 'not-found', 'api']);

/** Sends a request to a pod or Service through the API server. Throws any error but those of the connection (`forbidden`, `cancelled`…). */
export async function requestThroughProxy(cluster: Cluster, request: ProxyRequest): Promise<Reply> {
  let answer: ProxyAnswer;
  try {
    answer = await cluster.proxy(request);
  } catch (thrown) {
    const error = asCutoverError(thrown);
    if (!proxyErrors.has(error.code)) throw thrown;
    return { kind: 'no-answer', reason: error.message, at: 'network' };
  }
  if (!answer.fromApiServer) return { kind: 'answer', answer };
  return {
    kind: 'no-answer',
    at: 'api-server',
    reason: `the API server answered ${answer.status} ${quote(statusMessage(answer.body.toString('utf8')))}`,
  };
}

/** The `message` of a Kubernetes Status, else the text. */
function statusMessage(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? message : text;
  } catch {
    return text;
  }
}

/** One direct request with a new connection, without following redirects, with a timeout of 10 s. Never rejects. */
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
    return { kind: 'no-answer', reason, at: 'network' };
  }
}

function send(
  target: string,
  options: { readonly method: string; readonly signal: AbortSignal; readonly timeout: AbortSignal },
): Promise<HttpAnswer> {
  const { method, signal, timeout } = options;
  const sendRequest = new URL(target).protocol === 'https:' ? httpsRequest : httpRequest;
  return answerTo(
    sendRequest(target, {
      method,
      agent: false,
      signal: AbortSignal.any([signal, timeout]),
      headers: { 'user-agent': 'cutover', accept: '*/*' },
    }),
  );
}

/** Sends a request without a body. Rejects with the error of the connection. */
export function answerTo(request: ClientRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
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

/** A URL without user and password, for messages. */
export function withoutCredentials(target: string): string {
  const url = new URL(target);
  url.username = '';
  url.password = '';
  return url.href;
}
