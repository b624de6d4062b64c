import type { RequestListener, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../../controllers/clock.js';
import type { PodAnswer } from './pod-http.js';
import { askLocal, createPodServer, drainServers } from './pod-http.js';

/** The program of an image. Resolves when it serves or has ended. */
export type Program = (process: ProgramProcess) => Promise<void>;

/** The process as a program sees it. */
export type ProgramProcess = Pick<
  Process,
  'env' | 'hostname' | 'log' | 'after' | 'onTerminate' | 'listen' | 'ask' | 'drain' | 'exit'
>;

/** Real ports on 127.0.0.1 by the port that a program of the pod listens on. */
export type PodNetwork = Map<number, number>;

export interface ProcessOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly hostname: string;
  readonly clock: Clock;
  readonly network: PodNetwork;
}

/** One instance of a container: its environment, log, servers and timers, which all end with it. */
export class Process {
  readonly env: Readonly<Record<string, string>>;
  readonly hostname: string;
  /** Resolves with the exit code. */
  readonly exited: Promise<number>;
  readonly #clock: Clock;
  readonly #network: PodNetwork;
  readonly #lines: string[] = [];
  readonly #ends: (() => void)[] = [];
  readonly #servers = new Set<Server>();
  #onTerminate = () => this.exit(143);
  #resolve: (code: number) => void = () => undefined;
  #ended = false;

  constructor(options: ProcessOptions) {
    this.env = options.env;
    this.hostname = options.hostname;
    this.#clock = options.clock;
    this.#network = options.network;
    this.exited = new Promise(resolve => {
      this.#resolve = resolve;
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** All it logged, a line each. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  log(line: string): void {
    this.#lines.push(line);
  }

  /** Runs `action` after that many Kubernetes seconds, unless it has ended by then. */
  after(seconds: number, action: () => void): void {
    this.#ends.push(this.#clock.after(seconds, action));
  }

  /** What SIGTERM does. Default: exit with 143, as a process that does not handle it. */
  onTerminate(action: () => void): void {
    this.#onTerminate = action;
  }

  /** Serves HTTP on a port of the pod. If the pod already uses the port, the process exits with 1. */
  async listen(port: number, handler: RequestListener): Promise<void> {
    if (this.#network.has(port)) {
      this.log(`listen tcp :${port}: bind: address already in use`);
      this.exit(1);
      return;
    }
    const server = createPodServer(handler);
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    this.#servers.add(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const end = () => {
      server.close();
      // As the kernel does for a process that is gone: pending requests are cut.
      for (const socket of sockets) socket.destroy();
    };
    if (this.#ended) {
      end();
      return;
    }
    const { port: real } = server.address() as AddressInfo;
    this.#network.set(port, real);
    this.#ends.push(end, () => {
      if (this.#network.get(port) === real) this.#network.delete(port);
    });
  }

  /** Asks a port of its own pod, as 127.0.0.1 does in a container. Undefined: no answer. */
  async ask(port: number, path: string): Promise<PodAnswer | undefined> {
    const real = this.#network.get(port);
    return real === undefined ? undefined : await askLocal(real, path);
  }

  /** Accepts no new connections, closes idle ones and resolves when the pending requests are answered. */
  async drain(): Promise<void> {
    await drainServers(this.#servers);
  }

  exit(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const end of this.#ends) end();
    this.#resolve(code);
  }

  /** SIGTERM asks, SIGKILL ends it with 137. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    if (this.#ended) return;
    if (name === 'SIGTERM') this.#onTerminate();
    else this.exit(137);
  }
}
