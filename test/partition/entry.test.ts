import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32c } from '../../lib/bytes/crc32c.ts';
import { decodeEntries, decodeEntry, type Entry, encodeEntry, isSameRun } from '../../lib/partition/entry.ts';
import { packSegment } from '../../lib/record/segment.ts';

const producer = fc.record({
  id: fc.integer({ min: 0, max: 2 ** 53 - 1 }),
  epoch: fc.integer({ min: 0, max: 0x7fff }),
  firstSequence: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
});
const inObject: fc.Arbitrary<Entry> = fc.record(
  {
    segmentEpoch: fc.integer({ min: 0, max: 0xffffff }),
    segmentRandom: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    position: fc.integer({ min: 0, max: 2 ** 40 }),
    lengthBytes: fc.integer({ min: 1, max: 2 ** 32 }),
    recordCount: fc.integer({ min: 1, max: 2 ** 32 }),
    maxTimestampMs: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
    producer,
  },
  { requiredKeys: ['segmentEpoch', 'segmentRandom', 'position', 'lengthBytes', 'recordCount', 'maxTimestampMs'] },
);

/** Half of them name an item of the table. */
const entry = fc
  .tuple(inObject, fc.boolean())
  .map(([one, isInline]): Entry => (isInline ? { ...one, position: 0, isInline } : one));

describe('an entry', () => {
  test('reads back as it was written, one after the other, each at its offset', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 30 }), fc.nat(), (entries, base) => {
        const decoded = decodeEntries(Buffer.concat(entries.map(encodeEntry)), base);
        expect(decoded.map((placed) => ({ ...placed.entry, segmentRandom: [...placed.entry.segmentRandom] }))).toEqual(
          entries.map((one) => ({ ...one, segmentRandom: [...one.segmentRandom] })),
        );
        expect(
          decoded.every(
            (placed, i) => i === 0 || placed.baseOffset === decoded[i - 1]!.baseOffset + entries[i - 1]!.recordCount,
          ),
        ).toBe(true);
      }),
    );
  });

  test('of a common append takes 31 bytes with a producer, and 23 without', () => {
    const common = {
      segmentEpoch: 498_000,
      segmentRandom: new Uint8Array(8),
      position: 8,
      lengthBytes: 16_384,
      recordCount: 100,
      maxTimestampMs: 1.8e12,
    };
    expect(encodeEntry({ ...common, producer: { id: 12_345, epoch: 0, firstSequence: 7 } })).toHaveLength(31);
    expect(encodeEntry(common)).toHaveLength(23);
    // An inline item has no position.
    expect(encodeEntry({ ...common, isInline: true })).toHaveLength(22);
  });

  test('of a newer version or kind is refused, not misread', () => {
    const bytes = encodeEntry({
      segmentEpoch: 1,
      segmentRandom: new Uint8Array(8),
      position: 8,
      lengthBytes: 1,
      recordCount: 1,
      maxTimestampMs: 1,
    });
    expect(() => decodeEntry(Uint8Array.of(0x20, ...bytes.subarray(1)))).toThrow(/newer Rivulet/);
    expect(() => decodeEntry(Uint8Array.of(0x14, ...bytes.subarray(1)))).toThrow(/newer Rivulet/);
    // Batches of a transaction always name it.
    expect(() => decodeEntry(Uint8Array.of(0x11, ...bytes.subarray(1)))).toThrow(/newer Rivulet/);
    expect(() => decodeEntry(bytes.subarray(0, bytes.length - 1))).toThrow(RangeError);
  });

  test('is the same run only in the same place of the same upload', () => {
    const one = {
      segmentEpoch: 1,
      segmentRandom: new Uint8Array(8),
      position: 8,
      lengthBytes: 1,
      recordCount: 1,
      maxTimestampMs: 1,
    };
    expect(isSameRun(one, { ...one, segmentRandom: new Uint8Array(8) })).toBe(true);
    expect(isSameRun(one, { ...one, position: 9 })).toBe(false);
    expect(isSameRun(one, { ...one, segmentRandom: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) })).toBe(false);
  });
});

describe('a segment', () => {
  test('describes itself: its footer finds every part', () => {
    const parts = [
      { partition: 3, bytes: Uint8Array.of(1, 2, 3), recordCount: 7, maxTimestampMs: 99 },
      { partition: 0, bytes: Uint8Array.of(4), recordCount: 1, maxTimestampMs: -1 },
    ];
    const { chunks, positions } = packSegment(parts);
    const bytes = Buffer.concat(chunks);
    expect(bytes.subarray(0, 8).toString('latin1')).toBe('RVLT\u0001\0\0\0');
    expect(positions.map((at, i) => [...bytes.subarray(at, at + parts[i]!.bytes.length)])).toEqual([[1, 2, 3], [4]]);
    const count = bytes.readUInt32BE(bytes.length - 12);
    const rows = bytes.subarray(bytes.length - 12 - count * 24, bytes.length - 12);
    expect(bytes.readUInt32BE(bytes.length - 8)).toBe(crc32c(rows));
    expect([
      rows.readUInt32BE(0),
      rows.readUInt32BE(4),
      rows.readUInt32BE(8),
      rows.readUInt32BE(12),
      rows.readBigUInt64BE(16),
    ]).toEqual([3, 8, 3, 7, 99n]);
  });
});
