import { expect, test } from 'vitest';
import { limits } from '../../lib/api/limits.ts';
import { crc32c } from '../../lib/bytes/crc32c.ts';
import { encodeBatch } from '../../lib/record/batch.ts';
import {
  advanceSequence,
  checkBatch,
  field,
  readBatchHeader,
  recordBatchOverheadBytes,
  splitBatches,
  stampAppendTime,
  stampBaseOffset,
} from '../../lib/record/batch-header.ts';
import { CorruptBatchError } from '../../lib/record/corrupt-batch-error.ts';
import { fromHex, type GoldenBatch, goldenCase, goldenCases, toHex } from './golden.ts';

function expectedHeader(golden: GoldenBatch) {
  return {
    baseOffset: golden.baseOffset,
    sizeBytes: golden.sizeInBytes,
    partitionLeaderEpoch: golden.partitionLeaderEpoch,
    crc: golden.crc,
    attributes: golden.attributes,
    compression: golden.compression,
    timestampType: golden.timestampType,
    isTransactional: golden.isTransactional,
    isControl: golden.isControlBatch,
    hasDeleteHorizon: golden.deleteHorizonMs !== null,
    lastOffsetDelta: golden.lastOffsetDelta,
    baseTimestampMs: golden.baseTimestamp,
    maxTimestampMs: golden.maxTimestamp,
    producerId: golden.producerId,
    producerEpoch: golden.producerEpoch,
    baseSequence: golden.baseSequence,
    recordCount: golden.recordCount,
  };
}

/** A good batch of one record, with some header bytes changed and a matching CRC. */
function altered(change: (view: DataView) => void): Uint8Array {
  const bytes = encodeBatch([{ key: null, value: Buffer.from('hello'), headers: [], timestampMs: 1000 }]);
  const view = new DataView(bytes.buffer);
  change(view);
  view.setUint32(field.crc, crc32c(bytes, field.attributes));
  return bytes;
}

function reasonOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CorruptBatchError) return error.reason;
    throw error;
  }
  return 'nothing thrown';
}

test.each(goldenCases)('splits $name into the batches that Kafka sees, and finds them sound', ({ hex, batches }) => {
  const bytes = fromHex(hex);
  const slices = splitBatches(bytes);
  expect(slices.map((slice) => slice.header)).toEqual(batches.map(expectedHeader));
  expect(slices.at(-1)?.to).toBe(bytes.length);
  for (const { header, from } of slices) expect(checkBatch(bytes, from, { allowGaps: true })).toEqual(header);
});

test('no bytes are no batches', () => {
  expect(splitBatches(new Uint8Array(0))).toEqual([]);
});

test('reads a batch in the middle of a larger buffer', () => {
  const batch = fromHex(goldenCase('none/mixed').hex);
  const bytes = Buffer.concat([Buffer.alloc(7), batch, Buffer.alloc(3)]).subarray(2);
  expect(checkBatch(bytes, 5).sizeBytes).toBe(batch.length);
});

test('stamping offset and leader epoch makes the bytes Kafka writes there', () => {
  const bytes = fromHex(goldenCase('none/mixed').hex);
  stampBaseOffset(bytes, 0, 123456789012, 7);
  expect(toHex(bytes)).toBe(goldenCase('none/mixed-base-offset-leader-epoch').hex);
  expect(checkBatch(bytes).baseOffset).toBe(123456789012);
});

test('a stamped offset may be any safe integer', () => {
  const bytes = fromHex(goldenCase('none/one-value').hex);
  stampBaseOffset(bytes, 0, Number.MAX_SAFE_INTEGER, 2 ** 31 - 1);
  expect(checkBatch(bytes)).toMatchObject({ baseOffset: Number.MAX_SAFE_INTEGER, partitionLeaderEpoch: 2 ** 31 - 1 });
});

test('stamping the append time makes the bytes Kafka writes, however often', () => {
  const { hex, batches } = goldenCase('none/mixed-log-append-time');
  const prefix = Buffer.alloc(5);
  const bytes = Buffer.concat([prefix, fromHex(goldenCase('none/mixed').hex)]);
  for (let times = 0; times < 2; times++) stampAppendTime(bytes, prefix.length, batches[0]!.maxTimestamp);
  stampBaseOffset(bytes, prefix.length, 40, 3);
  expect(toHex(bytes.subarray(prefix.length))).toBe(hex);
});

test('every flipped bit of the CRC-covered bytes is noticed', () => {
  const bytes = fromHex(goldenCase('none/one-value').hex);
  for (let bit = field.crc * 8; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    expect(() => checkBatch(bytes)).toThrow(CorruptBatchError);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
  expect(checkBatch(bytes).recordCount).toBe(1);
});

test('every truncation is refused for its length', () => {
  const bytes = fromHex(goldenCase('none/one-value').hex);
  for (let length = 0; length < bytes.length; length++) {
    expect(reasonOf(() => readBatchHeader(bytes.subarray(0, length)))).toBe('length');
  }
});

test('the error names the field, the value and the limit', () => {
  const bytes = altered((view) => view.setInt8(field.magic, 1));
  expect(() => readBatchHeader(bytes)).toThrow('magic is 1, it must be 2');
});

test.each<[string, (view: DataView) => void, string]>([
  ['magic 1', (view) => view.setInt8(field.magic, 1), 'magic'],
  ['a length below the header', (view) => view.setInt32(field.length, 48), 'length'],
  ['a negative length', (view) => view.setInt32(field.length, -1), 'length'],
  ['compression type 5', (view) => view.setInt16(field.attributes, 5), 'codec'],
  ['no records', (view) => view.setInt32(field.recordCount, 0), 'count'],
  ['more records than offsets', (view) => view.setInt32(field.recordCount, 2), 'count'],
  ['fewer records than offsets', (view) => view.setInt32(field.lastOffsetDelta, 1), 'count'],
  ['a negative last offset delta', (view) => view.setInt32(field.lastOffsetDelta, -1), 'count'],
  ['an offset of 2^53', (view) => view.setBigInt64(field.baseOffset, 2n ** 53n), 'attributes'],
  ['a timestamp below -1', (view) => view.setBigInt64(field.baseTimestamp, -2n), 'timestamp'],
  ['a timestamp of 2^53', (view) => view.setBigInt64(field.maxTimestamp, 2n ** 53n), 'timestamp'],
  ['a maximum below the base', (view) => view.setBigInt64(field.maxTimestamp, 999n), 'timestamp'],
  ['a producer id of 2^63 - 1', (view) => view.setBigInt64(field.producerId, 2n ** 63n - 1n), 'attributes'],
  ['a producer without an epoch', (view) => view.setBigInt64(field.producerId, 5n), 'attributes'],
  ['an epoch without a producer', (view) => view.setInt16(field.producerEpoch, 0), 'attributes'],
  ['a sequence without a producer', (view) => view.setInt32(field.baseSequence, 0), 'attributes'],
  ['a transaction without a producer', (view) => view.setInt16(field.attributes, 0x10), 'attributes'],
])('refuses %s', (_name, change, reason) => {
  const bytes = altered(change);
  expect(reasonOf(() => checkBatch(bytes))).toBe(reason);
});

test('refuses more records than the bytes can hold', () => {
  const bytes = altered((view) => {
    view.setInt32(field.lastOffsetDelta, 2 ** 31 - 1);
    view.setInt32(field.recordCount, 2 ** 31 - 1);
  });
  expect(reasonOf(() => checkBatch(bytes, 0, { allowGaps: true }))).toBe('count');
});

test('refuses more packed records than any consumer would unpack, because the count alone takes the offsets', () => {
  const claiming = (records: number) =>
    altered((view) => {
      view.setInt16(field.attributes, 1);
      view.setInt32(field.lastOffsetDelta, records - 1);
      view.setInt32(field.recordCount, records);
    });
  const most = Math.floor(limits.uncompressedBatchBytes / 7);
  expect(checkBatch(claiming(most)).recordCount).toBe(most);
  expect(reasonOf(() => checkBatch(claiming(most + 1)))).toBe('count');
});

test('a batch with gaps is sound in a log, but not in a produce request', () => {
  const bytes = fromHex(goldenCase('none/mixed-offset-gaps').hex);
  expect(checkBatch(bytes, 0, { allowGaps: true }).recordCount).toBe(8);
  expect(reasonOf(() => checkBatch(bytes))).toBe('count');
});

test('attribute bits that are not defined are ignored', () => {
  expect(checkBatch(altered((view) => view.setInt16(field.attributes, -128))).compression).toBe('none');
});

test('sequences continue from 2^31 - 1 to 0', () => {
  const greatest = 2 ** 31 - 1;
  expect(advanceSequence(5, 3)).toBe(8);
  expect(advanceSequence(greatest, 0)).toBe(greatest);
  expect(advanceSequence(greatest, 1)).toBe(0);
  expect(advanceSequence(greatest - 2, 7)).toBe(4);
  expect(advanceSequence(-1, 7)).toBe(-1);
});

test('the header takes 61 bytes', () => {
  expect(goldenCase('empty-batch-offsets-10-14').hex).toHaveLength(recordBatchOverheadBytes * 2);
});
