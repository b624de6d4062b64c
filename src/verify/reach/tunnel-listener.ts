import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Cluster } from '../../cluster/cluster.js';
import { asCutoverError, CutoverError } from '../../errors.js';
import { isReady } from '../../kubernetes/pods/pod.js';
import type { Log } from '../../log.js';
import type { Endpoint, EndpointPod } from '../endpoint.js';
import type { Listener } from '../listener.js';
import { openPodTunnel } from './pod-tunnel.js';

/** What a {@link TunnelListener} forwards to. */
export interface TunnelListenerOptions {
  readonly cluster: Pick<Cluster, 'get' | 'tunnel'>;
  readonly endpoint: Pick<Endpoint, 'namespace' | 'pods' | 'currentPods'>;
  readonly podPort: number;
  readonly log: Log;
}

/**
 * A port of 127.0.0.1: each connection to it goes through a tunnel of its own to one of the ready pods, in turn. A pod that cannot be
 * reached is passed over. A tunnel that is cut resets its connection, so that no part of an answer is taken for the whole; the next
 * connection gets a new tunnel.
 */
export class TunnelListener implements Listener {
  readonly #options: TunnelListenerOptions;
  readonly #server: Server;
  readonly #open = new Set<Duplex>();
  readonly #logged = new Set<string>();
  #pods: readonly EndpointPod[];
  #turn = 0;
  /** Whether one of them is gone by now. */
  #hasLostPod = false;
  #isClosed = false;

  private constructor(options: TunnelListenerOptions) {
    this.#options = options;
    this.#pods = options.endpoint.pods;
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, client => {
      this.#accept(client).catch((thrown: unknown) => this.#refuse(client, asCutoverError(thrown)));
    });
  }

  /** Opens the port once a first tunnel was possible. Rejects with the reason if none is. */
  static async open(options: TunnelListenerOptions): Promise<TunnelListener> {
    const listener = new TunnelListener(options);
    const first = await listener.#tunnel();
    first.destroy();
    await new Promise<void>((resolve, reject) => {
      listener.#server.once('error', reject);
      listener.#server.listen(0, '127.0.0.1', resolve);
    });
    return listener;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends every connection and the tunnels under them. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await new Promise<void>(resolve => {
      this.#server.close(() => resolve());
      for (const stream of this.#open) stream.destroy();
    });
  }

  async #accept(client: Socket): Promise<void> {
    this.#keep(client);
    const tunnel = await this.#tunnel();
    if (client.destroyed || this.#isClosed) {
      tunnel.destroy();
      client.destroy();
      return;
    }
    this.#keep(tunnel);
    tunnel.on('error', (error: Error) => this.#refuse(client, asCutoverError(error)));
    tunnel.once('close', () => client.destroySoon());
    client.on('error', () => tunnel.destroy());
    // It has gone: the pod learns so.
    client.once('close', () => tunnel.destroy());
    if (tunnel.errored) this.#refuse(client, asCutoverError(tunnel.errored));
    client.pipe(tunnel).pipe(client);
  }

  /** To the next ready pod. Rejects with what became of each, or with `cancelled`. */
  async #tunnel(): Promise<Duplex> {
    const { cluster, endpoint, podPort } = this.#options;
    const reasons = new Map<string, string>();
    // The pod that took its place gets its turn too.
    if (this.#hasLostPod)
      await this.#readPods().catch((thrown: unknown) => reasons.set('', asCutoverError(thrown).message));
    do {
      for (const pod of this.#inTurn()) {
        const key = pod.uid ?? pod.name;
        if (reasons.has(key)) continue;
        try {
          const tunnel = await openPodTunnel(cluster, { pod, namespace: endpoint.namespace, port: podPort });
          if (tunnel.kind === 'open' && isReady(tunnel.live)) return tunnel.stream;
          if (tunnel.kind === 'open') tunnel.stream.destroy();
          else this.#hasLostPod = true;
          reasons.set(key, `pod ${pod.name} ${tunnel.kind === 'open' ? 'is not ready' : tunnel.change}`);
        } catch (thrown) {
          const error = asCutoverError(thrown);
          // A missing right is the same for each pod, and its error says which it is.
          if (['cancelled', 'forbidden', 'unauthorized'].includes(error.code)) throw thrown;
          reasons.set(key, error.message);
        }
      }
    } while (await this.#hasOthers(reasons));
    const why = [...reasons.values()].slice(0, 3).join('; ');
    throw new CutoverError(why === '' ? 'there is no ready pod' : why, { code: 'unreachable' });
  }

  /** The pods, beginning with another one each time. */
  #inTurn(): readonly EndpointPod[] {
    const start = this.#turn++ % Math.max(1, this.#pods.length);
    return [...this.#pods.slice(start), ...this.#pods.slice(0, start)];
  }

  /** Reads which pods there are by now. Whether one of them has not been tried. */
  async #hasOthers(tried: ReadonlyMap<string, string>): Promise<boolean> {
    await this.#readPods();
    return this.#pods.some(({ uid, name }) => !tried.has(uid ?? name));
  }

  /** Those that are still starting are among them: each is looked at when it has its turn. */
  async #readPods(): Promise<void> {
    const { currentPods } = this.#options.endpoint;
    if (currentPods !== undefined) this.#pods = await currentPods();
    this.#hasLostPod = false;
  }

  #keep(stream: Duplex): void {
    this.#open.add(stream);
    stream.once('close', () => this.#open.delete(stream));
  }

  /** Resets a connection, and logs each reason once. */
  #refuse(client: Socket, { message }: CutoverError): void {
    if (!this.#isClosed && !this.#logged.has(message)) {
      this.#logged.add(message);
      this.#options.log.info(`A connection to CUTOVER_URL was reset: ${message}`);
    }
    client.on('error', () => client.destroy());
    client.resetAndDestroy();
  }
}
