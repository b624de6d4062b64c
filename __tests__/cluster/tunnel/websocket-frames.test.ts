import { describe, expect, it } from '@jest/globals';
import { clientFrame, FrameReader, opcodes } from '../../../src/cluster/tunnel/websocket-frames.js';

/** A frame as a server sends it, by RFC 6455. */
function serverFrame(data: Buffer, first = 0x82): Buffer {
  const { length } = data;
  if (length < 126) return Buffer.concat([Buffer.from([first, length]), data]);
  const head = Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = first;
  head[1] = length < 65_536 ? 126 : 127;
  if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, data]);
}

describe('Frames of a server', () => {
  it.each([0, 1, 125, 126, 65_535, 65_536, 200_000])('of %i bytes are read', length => {
    const data = Buffer.alloc(length, 'x');
    expect(new FrameReader().read(serverFrame(data))).toEqual([{ opcode: opcodes.binary, isLast: true, data }]);
  });

  it('are read wherever their bytes are cut', () => {
    const bytes = Buffer.concat([serverFrame(Buffer.alloc(130, 'a')), serverFrame(Buffer.from('b'), 0x02)]);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const reader = new FrameReader();
      const frames = [...reader.read(bytes.subarray(0, cut)), ...reader.read(bytes.subarray(cut))];
      expect(frames.map(({ data, isLast }) => [data.length, isLast])).toEqual([
        [130, true],
        [1, false],
      ]);
    }
  });

  it.each([
    ['with reserved bits', Buffer.from([0xc2, 0])],
    ['that are masked', Buffer.from([0x82, 0x80, 1, 2, 3, 4])],
    ['of more than 32 MiB', Buffer.from([0x82, 127, 0, 0, 0, 0, 2, 0, 0, 1])],
  ])('%s are refused', (_, bytes) => {
    expect(() => new FrameReader().read(bytes)).toThrow(/^it sent a frame/);
  });
});

describe('Frames of a client', () => {
  it.each([0, 125, 126, 65_535, 65_536])('of %i bytes are masked, with a mask of their own', length => {
    const data = Buffer.alloc(length, 'x');
    const frame = clientFrame(opcodes.binary, data);
    const start = length < 126 ? 2 : length < 65_536 ? 4 : 10;
    expect([frame[0], (frame[1] ?? 0) & 0x80, frame.length]).toEqual([0x82, 0x80, start + 4 + length]);
    const mask = frame.subarray(start, start + 4);
    const unmasked = frame.subarray(start + 4).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
    expect(Buffer.from(unmasked).equals(data)).toBe(true);
  });
});
