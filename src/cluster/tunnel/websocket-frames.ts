import { randomBytes } from 'node:crypto';

/** What a frame of a WebSocket is, as RFC 6455 numbers it. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** One frame from the server. */
export interface Frame {
  readonly opcode: number;
  /** Whether it is the last one of its message. */
  readonly isLast: boolean;
  readonly data: Buffer;
}

/** No server of Kubernetes sends longer ones: they copy in pieces of 32 KiB. */
const longestFrame = 32 * 1024 * 1024;

/** Takes the bytes of a connection apart into frames. */
export class FrameReader {
  #bytes: Buffer = Buffer.alloc(0);

  /** The frames that are complete with these bytes. Throws an `Error` for bytes that no server may send. */
  read(chunk: Buffer): readonly Frame[] {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): Frame | undefined {
    const bytes = this.#bytes;
    const [first = 0, second = 0] = bytes;
    if (bytes.length < 2) return undefined;
    if ((first & 0x70) !== 0 || (second & 0x80) !== 0)
      throw new Error('it sent a frame that is no part of the protocol');
    const short = second & 0x7f;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < start) return undefined;
    const length = start === 2 ? short : start === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    if (length > longestFrame) throw new Error(`it sent a frame of ${length} bytes`);
    if (bytes.length < start + length) return undefined;
    this.#bytes = bytes.subarray(start + length);
    const data = bytes.subarray(start, start + length);
    return { opcode: first & 0x0f, isLast: (first & 0x80) !== 0, data };
  }
}

/** A frame to the server, masked as each frame of a client must be. */
export function clientFrame(opcode: number, data: Buffer): Buffer {
  const { length } = data;
  const short = length < 126 ? length : length < 65_536 ? 126 : 127;
  const extra = Buffer.alloc(short === 126 ? 2 : short === 127 ? 8 : 0);
  if (short === 126) extra.writeUInt16BE(length);
  if (short === 127) extra.writeBigUInt64BE(BigInt(length));
  const mask = randomBytes(4);
  const masked = Buffer.allocUnsafe(length);
  for (let index = 0; index < length; index += 1) masked[index] = (data[index] ?? 0) ^ (mask[index % 4] ?? 0);
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | short]), extra, mask, masked]);
}
