import type { IncomingHttpHeaders } from 'node:http';
import type { Call } from './http/api.js';
import type { ProxyAnswer, ProxyRequest } from './cluster.js';
import { parseStatus } from './http/api-status.js';
import type { HttpAnswer } from './http/transport.js';
import { own } from '../own.js';

const verbs: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

/** A port that no Service and no pod has: its name is longer than Kubernetes accepts. The API server refuses it without asking a pod. */
export const noPort = 'cutover-asks-if-you-are-there';

/** The request to the API server that proxies a request to a pod or Service. */
export function proxyCall(request: ProxyRequest): Call {
  const { kind, namespace, name, method = 'GET', body, timeoutMs = 10_000, longestBody, signal } = request;
  return {
    description: {
      verb: own(verbs, method) ?? 'get',
      target: { apiVersion: 'v1', kind, namespace, name },
      resource: kind === 'Pod' ? 'pods/proxy' : 'services/proxy',
    },
    request: {
      method,
      path: proxyPath(request),
      headers: forwardedHeaders(request.headers),
      timeoutMs,
      ...(body && { body }),
      ...(longestBody !== undefined && { longestBody }),
      ...(signal && { signal }),
    },
  };
}

function proxyPath({ kind, namespace, name, port, path }: ProxyRequest): string {
  const plural = kind === 'Pod' ? 'pods' : 'services';
  const target = `${encodeURIComponent(name)}:${encodeURIComponent(String(port))}`;
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/${plural}/${target}/proxy${path}`;
}

/** Headers of one connection, or that would have another meaning for the API server. */
const hopByHopHeaders = new Set([
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'content-length',
]);

/** The headers of the caller, without hop-by-hop headers. */
function forwardedHeaders(headers: ProxyRequest['headers'] = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => !hopByHopHeaders.has(name)),
  );
}

/** The answer, and whether it came from the pod or the API server. */
export function proxyAnswer(answer: HttpAnswer, { namespace, name }: ProxyRequest): ProxyAnswer {
  const { status, body } = answer;
  return {
    status,
    headers: flattenHeaders(answer.headers),
    body,
    fromApiServer: isFromApiServer(status, body, { namespace, name }),
  };
}

/**
 * The API server answers with a Status, or with the plain text of its reverse proxy. Its headers do not help: it adds them
 * to answers of pods, too.
 */
function isFromApiServer(status: number, body: Buffer, target: { namespace: string; name: string }): boolean {
  if (status < 400) return false;
  const answer = parseStatus(body);
  if (answer !== undefined) return answer.code === status && answer.reason !== undefined && answer.reason !== '';
  const start = body.subarray(0, 200).toString('utf8').toLowerCase();
  return (
    start.startsWith('error trying to reach service') ||
    start.startsWith(`no endpoints available for service "${target.name}"`)
  );
}

function flattenHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value] as const],
  );
  return Object.fromEntries(entries);
}
