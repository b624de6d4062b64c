import type { JsonObject } from '../../../sandbox/api/schema/json.js';
import type { ConformanceNamespace } from './conformance-namespace.js';

/** The protocol of the messages: a byte with the channel, then data. */
export const protocol = 'v4.channel.k8s.io';

/** The headers with which a client asks for a WebSocket. */
export const upgrade: Readonly<Record<string, string>> = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-protocol': protocol,
};

/** What a connection to a pod through the API server has brought so far. */
interface Received {
  /** The first message of each channel: the port, in little endian. */
  readonly ports: readonly (readonly number[])[];
  /** Text after it. */
  readonly data: string;
  readonly error: string;
}

/** One connection to the port of a pod, over a WebSocket. */
export class Forwarded {
  readonly #socket: ReturnType<ConformanceNamespace['api']['webSocket']>;
  readonly #waitMs: number;
  readonly #messages: Buffer[] = [];
  readonly #listeners = new Set<() => void>();
  #closed: { readonly code: number; readonly clean: boolean } | undefined;

  private constructor(ns: ConformanceNamespace, pod: string, port: number) {
    this.#waitMs = ns.options.waitMs;
    this.#socket = ns.api.webSocket(`${ns.path(`pods/${pod}/portforward`)}?ports=${port}`, protocol);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.addEventListener('message', ({ data }: { readonly data: unknown }) => {
      this.#messages.push(Buffer.from(data as ArrayBuffer));
      this.#tell();
    });
    this.#socket.addEventListener('close', ({ code, wasClean }) => {
      this.#closed = { code, clean: wasClean };
      this.#tell();
    });
  }

  /** Opens the connection; resolves once the API server has accepted it. */
  static async open(ns: ConformanceNamespace, pod: string, port = 8080): Promise<Forwarded> {
    const forwarded = new Forwarded(ns, pod, port);
    await new Promise<void>((resolve, reject) => {
      forwarded.#socket.addEventListener('open', () => resolve());
      forwarded.#socket.addEventListener('error', event => reject(event.error));
    });
    return forwarded;
  }

  /** The subprotocol that the server has chosen. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  send(text: string): void {
    this.#socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(text)]));
  }

  /** Waits until what was received meets the condition. */
  until(what: string, met: (received: Received) => boolean): Promise<Received> {
    return this.#until(what, () => (met(this.received) ? this.received : undefined));
  }

  /** Waits until the server has ended the connection. */
  closed(): Promise<JsonObject> {
    return this.#until('the end of the connection', () => this.#closed);
  }

  end(): void {
    this.#socket.close();
  }

  get received(): Received {
    const of = (channel: number): Buffer[] =>
      this.#messages.filter(([first]) => first === channel).map(message => message.subarray(1));
    const text = (channel: number): string => Buffer.concat(of(channel)).subarray(2).toString('utf8');
    const ports = [0, 1].map(channel => [...Buffer.concat(of(channel)).subarray(0, 2)]);
    return { ports, data: text(0), error: text(1) };
  }

  #until<T>(what: string, find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        this.#listeners.delete(look);
        clearTimeout(limit);
        resolve(found);
      };
      const limit = setTimeout(
        () => reject(new Error(`timed out waiting for ${what}: ${JSON.stringify(this.received)}`)),
        this.#waitMs,
      );
      this.#listeners.add(look);
      look();
    });
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
