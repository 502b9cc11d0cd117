import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32c } from '../../lib/bytes/crc32c.ts';
import { blockBytes, blockCrc } from '../../lib/bytes/crc32c-simd.ts';

test('gives the check value of the CRC catalogue', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
});

// RFC 3720, B.4
test.each([
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['31 to 0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ['nothing', new Uint8Array(0), 0],
])('gives the value of RFC 3720 for %s', (_name, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});

test('agrees with the definition, bit by bit, for every length and range', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (bytes, a, b) => {
      const from = Math.min(a, b, bytes.length);
      const to = Math.min(Math.max(a, b), bytes.length);
      expect(crc32c(bytes, from, to)).toBe(bitByBit(bytes.subarray(from, to)));
    }),
  );
});

test('blocks by 128-bit instructions leave the same register as bits, from any register on', () => {
  const blocks = blockCrc(Int32Array.from({ length: 256 }, (_, byte) => registerAfter(0, [byte])))!;
  fc.assert(
    fc.property(fc.integer(), fc.nat(100), fc.infiniteStream(fc.nat(255)), (register, at, stream) => {
      const bytes = Uint8Array.from([...stream.take(at + blockBytes)]);
      expect(blocks(register, bytes, at) | 0).toBe(registerAfter(register, bytes.subarray(at)) | 0);
    }),
    { numRuns: 20 },
  );
});

test('many megabytes, after which the instructions change, have the CRC of their parts', () => {
  const bytes = Uint8Array.from({ length: 3 * blockBytes + 5 }, (_, i) => (i * 31) ^ (i >> 7));
  const expected = bitByBit(bytes.subarray(1));
  for (let i = 0; i < 1_000; i++) expect(crc32c(bytes, 1)).toBe(expected);
});

const bitByBit = (bytes: Uint8Array): number => ~registerAfter(-1, bytes) >>> 0;

function registerAfter(register: number, bytes: Iterable<number>): number {
  let crc = register >>> 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return crc;
}
