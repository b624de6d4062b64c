import { request as httpRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Cluster } from '../../cluster/cluster.js';
import { asCutoverError, CutoverError } from '../../errors.js';
import { fieldsAt } from '../../kubernetes/fields.js';
import type { KubeObject } from '../../kubernetes/object.js';
import type { Log } from '../../log.js';
import { answerTo, requestThroughProxy, type Reply } from '../reply.js';
import { finalErrors } from './final-errors.js';
import { openPodTunnel, type PodTarget } from './pod-tunnel.js';

/** A request to one pod. */
export interface PodRequest extends PodTarget {
  /** Starts with `/`; may contain a query. */
  readonly path: string;
  readonly method: string;
  readonly signal: AbortSignal;
}

/** The answer of a pod; `lost`: it is no longer the pod that was meant. */
export type PodReply = Reply | { readonly kind: 'lost'; readonly change: string };

const timeoutMs = 10_000;

/**
 * How the checks of a side reach its pods: through tunnels. Where none can be opened, but the proxy of the API server has an answer, it
 * is the proxy from then on. Logs once which way it is, and why not the first.
 */
export class PodReach {
  readonly #cluster: Cluster;
  readonly #log: Log;
  /** Why there are no tunnels. Absent: there are, as far as is known. */
  #refused: CutoverError | undefined;
  readonly #logged = new Set<string>();

  constructor({ cluster, log }: { readonly cluster: Cluster; readonly log: Log }) {
    this.#cluster = cluster;
    this.#log = log;
  }

  /** Asks a pod. Throws what no retry heals: a missing right, a cancelled run. */
  async request(request: PodRequest): Promise<PodReply> {
    if (this.#refused !== undefined) return this.#throughProxy(request, this.#refused);
    let reply: PodReply;
    try {
      reply = await this.#throughTunnel(request);
    } catch (thrown) {
      const error = asCutoverError(thrown);
      if (finalErrors.has(error.code)) throw thrown;
      return this.#throughProxy(request, error);
    }
    this.#tell('tunnels', 'Pods are reached through tunnels (port-forward)');
    return reply;
  }

  async #throughTunnel(request: PodRequest): Promise<PodReply> {
    const tunnel = await openPodTunnel(this.#cluster, request);
    if (tunnel.kind === 'lost') return tunnel;
    const { stream, live } = tunnel;
    try {
      return await requestOver(stream, { ...request, host: hostOf(live, request.port) });
    } finally {
      stream.destroy();
    }
  }

  /** `error`: why no tunnel could be opened. */
  async #throughProxy({ pod, namespace, port, path, method }: PodRequest, error: CutoverError): Promise<Reply> {
    let reply: Reply;
    try {
      reply = await requestThroughProxy(this.#cluster, { kind: 'Pod', namespace, name: pod.name, port, path, method });
    } catch (thrown) {
      if (asCutoverError(thrown).code !== 'forbidden') throw thrown;
      // The tunnel is the way that the Roles of docs/rbac.md allow: its right is the one to grant.
      if (error.code === 'forbidden') throw error;
      return { kind: 'no-answer', at: 'network', reason: error.message };
    }
    if (error.code !== 'forbidden' && reply.kind === 'no-answer') return reply;
    this.#refused = error;
    const hint = error.hint === undefined ? '' : `. ${error.hint}`;
    this.#tell(
      'proxy',
      `Pods are reached through the proxy of the API server, because no tunnel could be opened: ${error.message}${hint}`,
    );
    return reply;
  }

  /** Logs once that the side is asked at an address, and why. */
  tellUrl(url: string, why: CutoverError | string): void {
    const { message, hint } = typeof why === 'string' ? { message: why, hint: undefined } : why;
    this.#tell(
      url,
      `The side is asked at ${url}, where it is not known which pods answer: ${message}${hint === undefined ? '' : `. ${hint}`}`,
    );
  }

  #tell(way: string, line: string): void {
    if (this.#logged.has(way)) return;
    this.#logged.add(way);
    this.#log.info(line);
  }
}

/** The `Host` of a request to a pod: its address, as for the probes of the kubelet. */
function hostOf(pod: KubeObject, port: number): string {
  const { podIP } = fieldsAt(pod, ['status']);
  const address = typeof podIP === 'string' ? podIP : pod.metadata.name;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** One request over a connection of its own, without following redirects. Never rejects. */
async function requestOver(
  stream: Duplex,
  { host, path, method, signal }: PodRequest & { readonly host: string },
): Promise<Reply> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    // It can have failed before anybody listened.
    if (stream.errored) throw stream.errored;
    const request = httpRequest({
      createConnection: () => stream,
      method,
      path,
      headers: { host, 'user-agent': 'cutover', accept: '*/*', connection: 'close' },
      signal: AbortSignal.any([signal, timeout]),
    });
    return { kind: 'answer', answer: await answerTo(request) };
  } catch (thrown) {
    if (timeout.aborted) return { kind: 'no-answer', at: 'network', reason: `no answer within ${timeoutMs / 1000} s` };
    if (!(thrown instanceof CutoverError)) {
      const code = (thrown as NodeJS.ErrnoException).code ?? String(thrown);
      return { kind: 'no-answer', at: 'api-server', reason: `no answer: ${code}` };
    }
    return { kind: 'no-answer', at: thrown.code === 'unreachable' ? 'network' : 'api-server', reason: thrown.message };
  }
}
