import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32c } from '../../lib/bytes/crc32c.ts';
import {
  decodeBatch,
  decodeRecords,
  type EncodeOptions,
  encodeBatch,
  openBatch,
  type RecordInput,
} from '../../lib/record/batch.ts';
import { checkBatch, field, readBatchHeader, splitBatches } from '../../lib/record/batch-header.ts';
import { compressions } from '../../lib/record/compression.ts';
import { CorruptBatchError } from '../../lib/record/corrupt-batch-error.ts';
import { describeRecord, fromHex, type GoldenBatch, goldenCase, goldenCases, inputOf, toHex } from './golden.ts';

const hello: RecordInput = { key: null, value: Buffer.from('hello'), headers: [], timestampMs: 1_700_000_000_000 };

function optionsOf(golden: GoldenBatch): EncodeOptions {
  return {
    baseOffset: golden.baseOffset,
    partitionLeaderEpoch: golden.partitionLeaderEpoch,
    producerId: golden.producerId,
    producerEpoch: golden.producerEpoch,
    baseSequence: golden.baseSequence,
    isTransactional: golden.isTransactional,
    isControl: golden.isControlBatch,
    ...(golden.deleteHorizonMs === null ? {} : { deleteHorizonMs: golden.deleteHorizonMs }),
  };
}

describe('as Kafka', () => {
  test.each(goldenCases)('decodes $name', ({ hex, batches }) => {
    const bytes = fromHex(hex);
    const decoded = splitBatches(bytes).map(({ from }) => decodeBatch(bytes, from));
    expect(decoded.map(({ records }) => records.map(describeRecord))).toEqual(batches.map(({ records }) => records));
    for (const [i, { header, records }] of decoded.entries()) {
      if (header.baseSequence >= 0)
        expect(records.at(-1)?.sequence ?? batches[i]!.lastSequence).toBe(batches[i]!.lastSequence);
    }
  });

  // With LogAppendTime the producers' timestamps cannot be read back, and an empty batch is never encoded.
  const encodable = goldenCases.filter(({ batches }) =>
    batches.every((batch) => {
      return batch.compression === 'none' && batch.timestampType === 'CreateTime' && batch.recordCount > 0;
    }),
  );

  test('there are cases to encode', () => {
    expect(encodable.length).toBeGreaterThan(15);
  });

  test.each(encodable)('encodes $name to the same bytes', ({ hex, batches }) => {
    const encoded = batches.map((golden) =>
      encodeBatch(
        golden.records.map((record) => inputOf(record, golden.baseOffset)),
        optionsOf(golden),
      ),
    );
    expect(toHex(Buffer.concat(encoded))).toBe(hex);
  });

  test('encodes LogAppendTime to the same bytes', () => {
    const records = goldenCase('none/mixed').batches[0]!.records.map((record) => inputOf(record, 0));
    const { hex, batches } = goldenCase('none/mixed-log-append-time');
    const appendTimeMs = batches[0]!.maxTimestamp;
    expect(toHex(encodeBatch(records, { baseOffset: 40, partitionLeaderEpoch: 3, appendTimeMs }))).toBe(hex);
  });
});

// They are decoded as Buffers, and toEqual tells those from other arrays of bytes.
const nullableBytes = fc.option(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  { nil: null },
);
const someRecords: fc.Arbitrary<RecordInput[]> = fc.array(
  fc.record({
    key: nullableBytes,
    value: fc.oneof(
      nullableBytes,
      fc.nat(100_000).map((length) => Buffer.alloc(length, length)),
    ),
    headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme' }), value: nullableBytes }), { maxLength: 4 }),
    timestampMs: fc.oneof(fc.nat(), fc.integer({ min: -1, max: 2 ** 52 })),
  }),
  { minLength: 1, maxLength: 20 },
);

describe('encoded and decoded again', () => {
  test.each(compressions)('records survive %s', (compression) => {
    fc.assert(
      fc.property(someRecords, fc.nat(2 ** 50), (records, baseOffset) => {
        const bytes = encodeBatch(records, { compression, baseOffset });
        const { header, records: decoded } = decodeBatch(bytes);
        expect(checkBatch(bytes)).toEqual(header);
        expect(header.compression).toBe(compression);
        expect(header.maxTimestampMs).toBe(Math.max(...records.map((record) => record.timestampMs)));
        expect(decoded).toEqual(records.map((record, i) => ({ ...record, offset: baseOffset + i, sequence: -1 })));
      }),
      { numRuns: 40 },
    );
  });

  test('keys and values are Buffers wherever the bytes came from', () => {
    for (const bytes of [encodeBatch([hello]), Buffer.from(encodeBatch([hello]))])
      expect(decodeBatch(bytes).records[0]!.value).toBeInstanceOf(Buffer);
  });

  test('only the records from an offset on are made', () => {
    const bytes = encodeBatch([hello, hello, hello], { baseOffset: 7 });
    const made: number[] = [];
    expect(decodeRecords(bytes, 0, 8, (offset) => made.push(offset))).toEqual([1, 2]);
    expect(made).toEqual([8, 9]);
  });

  test('a header key may begin with a byte order mark', () => {
    const headers = [{ key: '\ufeffkey', value: null }];
    expect(decodeBatch(encodeBatch([{ ...hello, headers }])).records[0]!.headers).toEqual(headers);
  });

  test('compaction can keep the offsets of a batch whose last record it removed', () => {
    const bytes = encodeBatch([hello, { ...hello, offsetDelta: 5 }], { baseOffset: 10, lastOffsetDelta: 9 });
    expect(readBatchHeader(bytes)).toMatchObject({ recordCount: 2, lastOffsetDelta: 9 });
    expect(decodeBatch(bytes).records.map((record) => record.offset)).toEqual([10, 15]);
  });
});

describe('open', () => {
  test('records are decoded only when the caller asks for them', () => {
    const bytes = encodeBatch([hello, hello]);
    bytes[bytes.length - 1] = 2; // The second record now promises a header that is not there.
    const sound = stampCrc(bytes);
    const records = openBatch(sound).records();
    expect(records.next().value).toMatchObject({ offset: 0 });
    expect(() => records.next()).toThrow(CorruptBatchError);
  });

  test('records can be read again', () => {
    const batch = openBatch(encodeBatch([hello, hello], { compression: 'zstd' }));
    expect([...batch.records()]).toEqual([...batch.records()]);
  });
});

describe('refuses to encode', () => {
  test.each<[string, RecordInput[], EncodeOptions, string]>([
    ['nothing', [], {}, 'at least one record'],
    ['a fraction of a millisecond', [{ ...hello, timestampMs: 0.5 }], {}, 'timestampMs is 0.5'],
    ['a negative timestamp', [{ ...hello, timestampMs: -2 }], {}, 'timestampMs is -2'],
    ['offsets that do not grow', [hello, { ...hello, offsetDelta: 0 }], {}, 'offsetDelta is 0'],
    ['an offset delta of 2^31', [{ ...hello, offsetDelta: 2 ** 31 }], {}, 'offsetDelta is 2147483648'],
    ['a last offset before the last record', [hello, hello], { lastOffsetDelta: 0 }, 'lastOffsetDelta is 0'],
    ['an offset beyond 2^53 - 1', [hello, hello], { baseOffset: Number.MAX_SAFE_INTEGER }, 'baseOffset is'],
    ['an epoch of 2^15', [hello], { producerId: 1, producerEpoch: 32768, baseSequence: 0 }, 'producerEpoch is 32768'],
    ['a sequence of 2^31', [hello], { producerId: 1, producerEpoch: 0, baseSequence: 2 ** 31 }, 'baseSequence is'],
  ])('%s', (_name, records, options, message) => {
    expect(() => encodeBatch(records, options)).toThrow(RangeError);
    expect(() => encodeBatch(records, options)).toThrow(message);
  });
});

/** Makes the CRC match bytes that a test has changed. */
function stampCrc(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer).setUint32(field.crc, crc32c(bytes, field.attributes));
  return bytes;
}
