import { Duplex } from 'node:stream';
import { CutoverError } from '../../errors.js';
import { shortened } from '../../log.js';
import type { PodPort } from '../cluster.js';
import { clientFrame, FrameReader, opcodes, type Frame } from './websocket-frames.js';

/** The first byte of each message. Both channels begin with the port, in two bytes. */
const channels = { data: 0, error: 1 } as const;
const portLength = 2;

/** The connection under a tunnel. */
export type TunnelSocket = Duplex & { destroySoon?: () => void };

/**
 * One connection to a port of a pod, over a WebSocket with the subprotocol `v4.channel.k8s.io`. It ends when the pod has ended the
 * connection. It is destroyed with a `CutoverError`: `api` if nothing listens at the port, `unreachable` if the connection to the API
 * server is cut, so that what came until then is never taken for the whole. The protocol cannot pass on that the caller has ended its
 * own half: the pod may still answer, and sees the end once the caller destroys the tunnel.
 */
export class TunnelStream extends Duplex {
  readonly #socket: TunnelSocket;
  readonly #target: PodPort;
  readonly #frames = new FrameReader();
  readonly #portsToCome: Record<number, number> = { [channels.data]: portLength, [channels.error]: portLength };
  #message: Buffer[] = [];
  #error = '';
  #isOver = false;

  /** `head`: what came with the answer that opened the WebSocket. */
  constructor(socket: TunnelSocket, head: Buffer, target: PodPort) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#target = target;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.once('end', () => this.#cut('it was closed'));
    socket.once('close', () => this.#cut('it was closed'));
    socket.on('error', (error: Error) => this.#cut(error.message));
    if (head.length > 0) this.#receive(head);
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#isOver) {
      done(new CutoverError(`${this.#pod()} has ended the connection`, { code: 'api', object: this.#pod() }));
      return;
    }
    // Called back once the bytes have left, so that a slow API server slows the writer down.
    this.#socket.write(clientFrame(opcodes.binary, Buffer.concat([Buffer.from([channels.data]), chunk])), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#leave();
    done(error);
  }

  #receive(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      for (const frame of this.#frames.read(chunk)) this.#take(frame);
    } catch (error) {
      this.#cut((error as Error).message);
    }
  }

  #take({ opcode, isLast, data }: Frame): void {
    switch (opcode) {
      case opcodes.ping:
        this.#socket.write(clientFrame(opcodes.pong, data));
        return;
      case opcodes.pong:
        return;
      case opcodes.close:
        this.#end();
        return;
      default: {
        this.#message.push(data);
        if (!isLast) return;
        const message = Buffer.concat(this.#message);
        this.#message = [];
        this.#takeMessage(message);
      }
    }
  }

  #takeMessage(message: Buffer): void {
    const [channel = channels.data] = message;
    const port = this.#portsToCome[channel] ?? 0;
    const data = message.subarray(1 + port);
    this.#portsToCome[channel] = Math.max(0, port - (message.length - 1));
    if (channel === channels.error) this.#error += data.toString('utf8');
    else if (channel === channels.data && data.length > 0 && !this.push(data)) this.#socket.pause();
  }

  /** The server has said that the connection is over. */
  #end(): void {
    if (this.#isOver) return;
    this.#leave();
    if (this.#error === '') this.push(null);
    else this.destroy(this.#refusal());
  }

  /** The connection is over without a word. */
  #cut(why: string): void {
    if (this.#isOver) return;
    this.#leave();
    this.destroy(this.#error === '' ? this.#dropped(why) : this.#refusal());
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const socket = this.#socket;
    if (socket.writable) socket.write(clientFrame(opcodes.close, Buffer.from([0x03, 0xe8])));
    // A late error without a listener would end the process; the one of the constructor stays.
    if (socket.destroySoon === undefined) socket.destroy();
    else socket.destroySoon();
  }

  #refusal(): CutoverError {
    const { port } = this.#target;
    const why = /connection refused/.test(this.#error)
      ? `nothing listens at port ${port} of ${this.#pod()} (connection refused)`
      : `${this.#pod()}, port ${port}: ${shortened(this.#error.replace(/\s+/g, ' ').trim(), 300)}`;
    return new CutoverError(why, { code: 'api', object: this.#pod() });
  }

  #dropped(why: string): CutoverError {
    return new CutoverError(`the tunnel to ${this.#pod()}, port ${this.#target.port}, was cut: ${why}`, {
      code: 'unreachable',
      object: this.#pod(),
    });
  }

  #pod(): string {
    return `Pod ${this.#target.namespace}/${this.#target.name}`;
  }
}
