import { expect, test } from 'vitest';
import { decodeBatch } from '../../lib/record/batch.ts';
import { checkBatch, readBatchHeader, stampBaseOffset } from '../../lib/record/batch-header.ts';
import { emptyBatch } from '../../lib/record/empty-batch.ts';
import { fromHex, goldenCases } from './golden.ts';

test("an empty batch has the bytes of Kafka's own cleaner", () => {
  const golden = goldenCases.find(({ name }) => name === 'empty-batch-offsets-10-14')!;
  const kafka = fromHex(golden.hex);
  const batch = emptyBatch(10, 15, readBatchHeader(kafka));
  // The leader epoch lies outside the CRC. It is 0 here, because partitions have no leaders.
  stampBaseOffset(batch, 0, 10, readBatchHeader(kafka).partitionLeaderEpoch);
  expect(batch).toEqual(kafka);
});

test('an empty batch keeps neither the codec nor the delete horizon of what it replaces', () => {
  const emptied = { attributes: 0x4f, maxTimestampMs: 7, producerId: 4, producerEpoch: 1, baseSequence: 9 };
  const { header, records } = decodeBatch(emptyBatch(100, 103, emptied));
  expect(records).toEqual([]);
  expect(header).toMatchObject({ compression: 'none', hasDeleteHorizon: false, timestampType: 'LogAppendTime' });
  expect(header).toMatchObject({ baseOffset: 100, lastOffsetDelta: 2, recordCount: 0, maxTimestampMs: 7 });
  expect(header).toMatchObject({ producerId: 4, producerEpoch: 1, baseSequence: 9, partitionLeaderEpoch: 0 });
});

test('an empty batch ends where it must, however many offsets are empty', () => {
  expect(checkBatch(emptyBatch(5, 6), 0, { allowGaps: true })).toMatchObject({ baseOffset: 5, lastOffsetDelta: 0 });
  const end = 2 ** 40;
  const { baseOffset, lastOffsetDelta } = checkBatch(emptyBatch(5, end), 0, { allowGaps: true });
  expect([baseOffset, baseOffset + lastOffsetDelta]).toEqual([end - 2 ** 31, end - 1]);
  expect(() => emptyBatch(5, 5)).toThrow('endOffset: expected more than 5, got 5');
});
