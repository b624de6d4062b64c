import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { Backend } from './routes.js';

/** One open port of a Service on 127.0.0.1: each new connection goes to the next backend and stays there. */
export class Listener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #resolve: (backend: Backend) => number | undefined;
  #backends: readonly Backend[] = [];
  #next = 0;

  /** `resolve`: the real port behind an address of the pod network, undefined if nothing listens there. */
  constructor(resolve: (backend: Backend) => number | undefined) {
    this.#resolve = resolve;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, client => this.#pass(client));
  }

  /** `port` 0: any free one. Rejects with the system's error, as EADDRINUSE. */
  async open(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  /** Undefined while it is not open. */
  get port(): number | undefined {
    return (this.#server.address() as AddressInfo | null)?.port;
  }

  /** Sets the backends of new connections. Open ones stay. */
  route(backends: readonly Backend[]): void {
    this.#backends = backends;
  }

  /** Accepts no more connections; open ones last until their pod or client closes them. */
  close(): void {
    this.#server.close();
  }

  /** Accepts no more connections and cuts the open ones. Resolves when the port is free again. */
  async destroy(): Promise<void> {
    await new Promise<void>(resolve => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  #pass(client: Socket): void {
    const backend = this.#backends[this.#next % this.#backends.length];
    this.#next += 1;
    const real = backend && this.#resolve(backend);
    if (real === undefined) {
      // No backend: kube-proxy would refuse the connection; after accepting, the nearest is a reset.
      client.on('error', () => client.destroy());
      client.resetAndDestroy();
      return;
    }
    const pod = connect({ host: '127.0.0.1', port: real, allowHalfOpen: true, noDelay: true });
    this.#join(client, pod);
    this.#join(pod, client);
  }

  /** Forwards data, ends and resets in both directions. */
  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.pipe(to);
    from.on('error', () => to.resetAndDestroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      if (!to.writableEnded) to.destroy();
    });
  }
}
