import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RivuletError } from '../../lib/api/errors.ts';
import {
  decodeFetchFrames,
  decodeProduceFrames,
  encodeFetchFrames,
  encodeProduceFrames,
} from '../../lib/record/frames.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(RivuletError);
    expect((error as RivuletError).errorCode).toBe('INVALID_REQUEST');
    return (error as RivuletError).message;
  }
  throw new Error('nothing was refused');
}

describe('produce frames', () => {
  it('are laid out as documented', () => {
    const body = encodeProduceFrames([
      { partition: 3, batches: bytes(0xaa, 0xbb) },
      { partition: 258, batches: bytes(0xcc) },
    ]);
    expect(Buffer.from(body).toString('hex')).toBe('0000000300000002aabb0000010200000001cc');
  });

  it('come back as views into the body, also when the body is itself a view', () => {
    const body = encodeProduceFrames([{ partition: 7, batches: bytes(1, 2, 3) }]);
    const inside = new Uint8Array(body.length + 5);
    inside.set(body, 5);
    const [frame] = decodeProduceFrames(inside.subarray(5));
    expect(frame).toEqual({ partition: 7, batches: bytes(1, 2, 3) });
    expect(frame?.batches.buffer).toBe(inside.buffer);
  });

  it('of an empty body are none', () => {
    expect(decodeProduceFrames(bytes())).toEqual([]);
  });

  it.each([
    ['a cut header', '000000030000', /byte 0: a frame header takes 8 bytes, 6 are left/],
    ['a cut payload', '0000000300000002aa', /byte 4: length 2 is more than the 1 bytes that are left/],
    ['a negative length', '00000003ffffffff', /byte 4: length -1 is negative/],
    ['a negative partition', 'ffffffff00000000', /byte 0: partition -1 is negative/],
    ['a partition twice', '00000003000000000000000300000000', /byte 8: partition 3 has a frame already/],
  ])('are refused with %s', (_, hex, message) => {
    expect(refusal(() => decodeProduceFrames(Buffer.from(hex, 'hex')))).toMatch(message);
  });

  it('are at most 256', () => {
    const frames = Array.from({ length: 257 }, (_, partition) => ({ partition, batches: bytes() }));
    expect(decodeProduceFrames(encodeProduceFrames(frames.slice(1)))).toHaveLength(256);
    expect(refusal(() => decodeProduceFrames(encodeProduceFrames(frames)))).toMatch(/byte 2048: more than 256 frames/);
  });

  it('never read past the body, whatever it holds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (body) => {
        try {
          const total = decodeProduceFrames(body).reduce((sum, frame) => sum + 8 + frame.batches.length, 0);
          expect(total).toBe(body.length);
        } catch (error) {
          expect(error).toBeInstanceOf(RivuletError);
        }
      }),
    );
  });
});

describe('fetch frames', () => {
  it('are laid out as documented, with the pieces of a partition next to each other', () => {
    const body = encodeFetchFrames([
      { partition: 1, errorCode: 0, highWatermark: 258, logStartOffset: 2, batches: [bytes(0xaa), bytes(0xbb, 0xcc)] },
      { partition: 2, errorCode: 3, highWatermark: -1, logStartOffset: -1, batches: [] },
    ]);
    expect(Buffer.concat(body).toString('hex')).toBe(
      `00000001${'0000'}${'0000000000000102'}${'0000000000000002'}${'00000003'}aabbcc` +
        `00000002${'0003'}${'ffffffffffffffff'}${'ffffffffffffffff'}${'00000000'}`,
    );
  });

  it('hold the batches themselves, not copies', () => {
    const batches = bytes(0xaa);
    const pieces = encodeFetchFrames([
      { partition: 1, errorCode: 0, highWatermark: 1, logStartOffset: 0, batches: [batches] },
    ]);
    expect(pieces[1]).toBe(batches);
  });

  it('come back as they were written', () => {
    const offset = fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER });
    const frame = fc.record({
      partition: fc.integer({ min: 0, max: 9999 }),
      errorCode: fc.integer({ min: -1, max: 120 }),
      highWatermark: offset,
      logStartOffset: offset,
      batches: fc.uint8Array({ maxLength: 20 }),
    });
    fc.assert(
      fc.property(fc.uniqueArray(frame, { selector: (one) => one.partition, maxLength: 8 }), (frames) => {
        const body = encodeFetchFrames(frames.map((one) => ({ ...one, batches: [one.batches] })));
        expect(decodeFetchFrames(new Uint8Array(Buffer.concat(body)))).toEqual(frames);
      }),
    );
  });

  it('are refused with an offset that a number cannot hold', () => {
    const body = Buffer.alloc(26);
    body.writeBigInt64BE(2n ** 53n, 6);
    expect(refusal(() => decodeFetchFrames(body))).toMatch(/byte 6: highWatermark 9007199254740992 is out of range/);
  });
});
