import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** What the server's end of a WebSocket reports. */
export interface WebSocketHandlers {
  /** A whole message; its parts are put together. */
  message(data: Buffer): void;
  /** The client has closed the WebSocket or is gone. Called once. */
  closed(): void;
}

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

interface Frame {
  readonly isLast: boolean;
  readonly opcode: number;
  readonly data: Buffer;
  /** Bytes of the frame with its header. */
  readonly size: number;
}

/** The first frame in the bytes. `undefined`: it is not complete yet. */
function firstFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  const short = second & 0x7f;
  const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
  const masked = (second & 0x80) !== 0;
  const start = 2 + extra + (masked ? 4 : 0);
  if (bytes.length < start) return undefined;
  const length = extra === 0 ? short : extra === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const size = start + length;
  if (bytes.length < size) return undefined;
  const sent = bytes.subarray(start, size);
  const mask = bytes.subarray(start - 4, start);
  const data = Buffer.from(masked ? sent.map((byte, index) => byte ^ (mask[index % 4] ?? 0)) : sent);
  return { isLast: (first & 0x80) !== 0, opcode: first & 0x0f, data, size };
}

function frameOf(opcode: number, data: Buffer): Buffer {
  const { length } = data;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  if (length < 126) head[1] = length;
  else if (length < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, data]);
}

/** The server's end of a WebSocket with binary messages. */
export class ServerWebSocket {
  readonly #socket: Duplex;
  readonly #handlers: WebSocketHandlers;
  #received: Buffer;
  #parts: Buffer[] = [];
  #isOver = false;

  /** Accepts the upgrade; `head` are bytes that came with the request. */
  constructor(
    exchange: {
      readonly incoming: IncomingMessage;
      readonly response: ServerResponse;
      readonly head: Buffer;
      readonly protocol: string;
    },
    handlers: WebSocketHandlers,
  ) {
    const { incoming, response, head, protocol } = exchange;
    this.#socket = incoming.socket;
    this.#handlers = handlers;
    this.#received = head;
    const key = incoming.headers['sec-websocket-key'] ?? '';
    response.writeHead(101, {
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-accept': createHash('sha1').update(`${key}${guid}`).digest('base64'),
      'sec-websocket-protocol': protocol,
    });
    response.flushHeaders();
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.once('close', () => this.#end());
    this.#socket.on('error', () => this.#socket.destroy());
    this.#receive(Buffer.alloc(0));
  }

  /** Sends a binary message. False: wait for {@link drained} before the next. */
  send(data: Buffer): boolean {
    return this.#isOver || this.#socket.write(frameOf(opcodes.binary, data));
  }

  /** Calls back once what was sent has left. */
  drained(done: () => void): void {
    this.#socket.once('drain', done);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says goodbye and ends the connection. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket.end(frameOf(opcodes.close, Buffer.from([0x03, 0xe8])));
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (;;) {
      const frame = this.#isOver ? undefined : firstFrame(this.#received);
      if (frame === undefined) return;
      this.#received = this.#received.subarray(frame.size);
      this.#take(frame);
    }
  }

  #take({ opcode, data, isLast }: Frame): void {
    if (opcode === opcodes.ping) this.#socket.write(frameOf(opcodes.pong, data));
    else if (opcode === opcodes.close) {
      this.close();
      this.#handlers.closed();
    } else if (opcode !== opcodes.pong) {
      this.#parts.push(data);
      if (!isLast) return;
      const message = Buffer.concat(this.#parts);
      this.#parts = [];
      this.#handlers.message(message);
    }
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#handlers.closed();
  }
}
