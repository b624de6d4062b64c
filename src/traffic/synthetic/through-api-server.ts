import type { Clock } from '../../cluster/clock.js';
import type { Cluster, ProxyAnswer, ProxyRequest } from '../../cluster/cluster.js';
import { noPort } from '../../cluster/service-proxy.js';
import { asCutoverError, type CutoverError } from '../../errors.js';
import { shortened } from '../../log.js';
import { longestBody, longestRequestMs, noAnswer, replyOf, userAgent, type Reply, type Send } from './reply.js';
import { untilTooLong } from './too-long.js';

/** A Service, and the path to ask for. */
export interface ProxiedPath {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  readonly path: string;
}

/** How long the API server may take to answer what it answers by itself, in milliseconds. */
const probeMs = 3_000;

/**
 * Requests to a Service through the API server, which picks a ready pod itself. A failure counts as the application's only if the API
 * server says so, or answers for itself at that moment.
 */
export function throughApiServer({ cluster, clock }: { cluster: Cluster; clock: Clock }, target: ProxiedPath): Send {
  const { namespace, service, port, path } = target;
  const request = {
    kind: 'Service',
    namespace,
    name: service,
    headers: { 'user-agent': userAgent },
    longestBody,
  } as const;
  /** Whether this API server marks what passes through it: then an answer without the mark is of somebody before it. */
  let marks = false;

  async function ask(timeoutMs: number, asked: Pick<ProxyRequest, 'port' | 'path'>, signal: AbortSignal) {
    const ended = new AbortController();
    const end = AbortSignal.any([signal, ended.signal]);
    const answer = cluster.proxy({ ...request, ...asked, timeoutMs: 2 * timeoutMs, signal: end }).then(
      (found): Asked => ({ kind: 'answer', found }),
      (thrown: unknown): Asked => ({ kind: 'error', error: asCutoverError(thrown) }),
    );
    const deadline = untilTooLong(clock, timeoutMs, end).then((own): Asked => ({ kind: 'timeout', own }));
    try {
      return await Promise.race([answer, deadline]);
    } finally {
      ended.abort();
    }
  }

  /** Whether the API server answers for itself. */
  async function isThere(signal: AbortSignal): Promise<boolean> {
    const probe = await ask(probeMs, { port: noPort, path: '/' }, signal);
    return probe.kind === 'answer' && probe.found.fromApiServer;
  }

  return async signal => {
    const asked = await ask(longestRequestMs, { port, path }, signal);
    if (asked.kind === 'error') return replyToError(asked.error);
    if (asked.kind === 'timeout') {
      const why = asked.own ?? ((await isThere(signal)) ? undefined : 'the API server did not answer in time');
      return why === undefined
        ? { kind: 'failed', why: noAnswer, isTimeout: true }
        : { kind: 'unknown', why, isTimeout: true };
    }
    const { found } = asked;
    if (found.fromApiServer) return replyToStatus(found);
    const isMarked = found.headers['audit-id'] !== undefined;
    marks ||= isMarked;
    if (found.status >= 500 && marks && !isMarked)
      return { kind: 'unknown', why: `something before the API server answered ${found.status}` };
    return replyOf(found);
  };
}

type Asked =
  | { readonly kind: 'answer'; readonly found: ProxyAnswer }
  | { readonly kind: 'error'; readonly error: CutoverError }
  | { readonly kind: 'timeout'; readonly own: string | undefined };

/** A missing right stays missing, and a cancelled run sends nothing more; any other error is one of the connection. */
function replyToError({ code, message, hint }: CutoverError): Reply {
  if (code === 'forbidden' || code === 'unauthorized' || code === 'cancelled' || code === 'kubeconfig')
    return { kind: 'stop', why: hint === undefined ? message : `${message}. ${hint}` };
  return { kind: 'unknown', why: message };
}

/** The API server answered itself: because of the application, or for reasons of its own. */
function replyToStatus({ status, body }: ProxyAnswer): Reply {
  if (status === 429) return { kind: 'stop', why: 'the API server answered 429, too many requests' };
  const text = body.toString('utf8');
  if (text.includes('no endpoints available for service')) return { kind: 'failed', why: 'no endpoints' };
  if (text.includes('no service port')) return { kind: 'failed', why: 'no such port of the Service' };
  if (status === 404) return { kind: 'failed', why: 'no Service' };
  const isProxyError = /No agent available|proxy error from|tunnel|x509|tls: /i.test(text);
  const [, cause] = /error trying to reach service: (?:dial tcp \S+: )?([^"\n]*)/.exec(text) ?? [];
  if (cause === undefined || isProxyError) return { kind: 'unknown', why: `the API server answered ${status} itself` };
  return { kind: 'failed', why: shortened(cause.trim(), 100) };
}
