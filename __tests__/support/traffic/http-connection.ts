import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { AnswerReader } from './http-answer.js';
import type { Answer } from './http-answer.js';

/** The destination of requests. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Source address. Default: the system's choice. */
  readonly localAddress?: string;
}

/** Why there is no successful answer; `here`: this machine could not send the request. */
export type LossCause = 'connect' | 'reset' | 'timeout' | 'status' | 'malformed' | 'here';

/** A request without an answer. */
export interface Failure {
  readonly cause: LossCause;
  readonly why: string;
  /** Whether no byte of an answer had arrived. */
  readonly nothingCame: boolean;
}

type Done = (ending: Answer | Failure) => void;

/**
 * One TCP connection that sends one request after the other. `node:http` takes about 1.7 times as long per request (0.4 ms
 * instead of 0.22), which on a small machine would slow the cluster under test down.
 */
export class HttpConnection {
  readonly #socket: Socket;
  #reader = new AnswerReader();
  #done: Done | undefined;
  #isConnected = false;
  #isOpen = true;

  constructor(target: Target) {
    this.#socket = connect({ ...target, noDelay: true });
    this.#socket.on('connect', () => (this.#isConnected = true));
    this.#socket.on('data', part => this.#take(part));
    this.#socket.on('end', () => this.#read(() => this.#reader.end() ?? this.#failure('reset', this.#closedEarly())));
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#break(error));
    this.#socket.on('close', () => this.fail('reset', this.#closedEarly()));
  }

  /** False once either side has closed it. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Sends a raw request; `done` is called exactly once. */
  ask(request: string, done: Done): void {
    this.#reader = new AnswerReader();
    this.#done = done;
    this.#socket.write(request, 'latin1');
  }

  /** Closes the connection; a pending request ends with this failure. */
  fail(cause: LossCause, why: string): void {
    this.#finish(this.#failure(cause, why));
  }

  close(): void {
    this.#isOpen = false;
    this.#socket.destroy();
  }

  #take(part: Buffer): void {
    // Data without a pending request, such as a 408, ends the connection.
    if (this.#done) this.#read(() => this.#reader.take(part));
    else this.close();
  }

  #read(read: () => Answer | Failure | undefined): void {
    try {
      const ending = read();
      if (ending) this.#finish(ending);
    } catch (error) {
      this.fail('malformed', (error as Error).message);
    }
  }

  #break(error: NodeJS.ErrnoException): void {
    const ours = error.syscall === 'bind' || /^(EADDRNOTAVAIL|EMFILE|ENFILE|ENOBUFS)$/.test(error.code ?? '');
    const cause = ours ? 'here' : this.#isConnected ? 'reset' : 'connect';
    this.fail(cause, `${error.code ?? 'error'}: ${error.message}`);
  }

  #finish(ending: Answer | Failure): void {
    const done = this.#done;
    this.#done = undefined;
    if (!('keepsOpen' in ending && ending.keepsOpen)) this.close();
    done?.(ending);
  }

  #failure(cause: LossCause, why: string): Failure {
    return { cause, why, nothingCame: this.#reader.isEmpty };
  }

  #closedEarly(): string {
    return `the connection was closed before ${this.#reader.isEmpty ? 'an answer came' : 'the answer was whole'}`;
  }
}
