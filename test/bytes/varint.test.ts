import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Cursor, MalformedBytesError } from '../../lib/bytes/cursor.ts';
import {
  readVarint,
  readVarlong,
  varintBytes,
  varlongBytes,
  writeVarint,
  writeVarlong,
} from '../../lib/bytes/varint.ts';

function cursorOver(bytes: Uint8Array): Cursor {
  return { bytes, at: 0, end: bytes.length };
}

function written(write: (cursor: Cursor) => void): Uint8Array {
  const cursor = cursorOver(new Uint8Array(16));
  write(cursor);
  return cursor.bytes.subarray(0, cursor.at);
}

test.each([
  [0, '00'],
  [-1, '01'],
  [1, '02'],
  [63, '7e'],
  [-64, '7f'],
  [64, '8001'],
  [2 ** 31 - 1, 'feffffff0f'],
  [-(2 ** 31), 'ffffffff0f'],
])('writes the varint %i as %s', (value, hex) => {
  expect(Buffer.from(written((cursor) => writeVarint(cursor, value))).toString('hex')).toBe(hex);
});

test('a varint takes the announced number of bytes and reads back', () => {
  fc.assert(
    fc.property(fc.integer(), (value) => {
      const bytes = written((cursor) => writeVarint(cursor, value));
      expect(bytes).toHaveLength(varintBytes(value));
      expect(readVarint(cursorOver(bytes))).toBe(value);
    }),
  );
});

test('a varlong takes the announced number of bytes and reads back', () => {
  const edges = fc.constantFrom(2 ** 27, 2 ** 30, 2 ** 31, 2 ** 32, 2 ** 48, Number.MAX_SAFE_INTEGER);
  const near = fc.tuple(edges, fc.integer({ min: -2, max: 0 }), fc.boolean());
  const values = fc.oneof(
    fc.maxSafeInteger(),
    near.map(([edge, by, negative]) => (negative ? -(edge + by) : edge + by)),
  );
  fc.assert(
    fc.property(values, (value) => {
      const bytes = written((cursor) => writeVarlong(cursor, value));
      expect(bytes).toHaveLength(varlongBytes(value));
      const cursor = cursorOver(bytes);
      expect(readVarlong(cursor)).toBe(value);
      expect(cursor.at).toBe(bytes.length);
    }),
  );
});

test.each([
  ['nothing', ''],
  ['an unfinished varint', '8080'],
  ['a varint of six bytes', '808080808001'],
])('readVarint refuses %s', (_name, hex) => {
  expect(() => readVarint(cursorOver(Buffer.from(hex, 'hex')))).toThrow(MalformedBytesError);
});

test.each([
  ['nothing', ''],
  ['an unfinished varlong', '808080808080'],
  ['a varlong of eleven bytes', '8080808080808080808001'],
  ['2^53', '80808080808080c000'],
  ['the greatest int64', 'feffffffffffffffff01'],
])('readVarlong refuses %s', (_name, hex) => {
  expect(() => readVarlong(cursorOver(Buffer.from(hex, 'hex')))).toThrow(MalformedBytesError);
});

test('a read stops at the end of the cursor, not at the end of the bytes', () => {
  const cursor: Cursor = { bytes: Buffer.from('8001', 'hex'), at: 0, end: 1 };
  expect(() => readVarint(cursor)).toThrow(MalformedBytesError);
});
