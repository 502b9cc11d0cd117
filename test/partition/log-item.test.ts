import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type LogItem, type LogRow, logItem, parseLogItem } from '../../lib/partition/log-item.ts';
import { logSegmentHeaderBytes } from '../../lib/record/log-segment.ts';

const address = { topicId: 'A'.repeat(22), partition: 3 };

/** Each number is at least that of the row before. */
const rowsOf = (steps: readonly (readonly [number, number, number])[], firstOffset: number): LogRow[] => {
  let row = { offset: firstOffset, position: logSegmentHeaderBytes, maxTimestampMs: 0 };
  return steps.map(([offset, position, ms]) => {
    row = { offset: row.offset + offset, position: row.position + position, maxTimestampMs: row.maxTimestampMs + ms };
    return row;
  });
};

const step = fc.tuple(fc.nat(2 ** 31 - 1), fc.nat(2 ** 26), fc.nat(2 ** 31 - 1));
const items: fc.Arbitrary<LogItem> = fc
  .record({
    firstOffset: fc.nat(2 ** 31 - 1).map((n) => n * 4096),
    steps: fc.array(step, { minLength: 1, maxLength: 128 }),
    segmentEpoch: fc.nat(0xffffff),
    segmentRandom: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    numbers: fc.array(fc.maxSafeNat(), { minLength: 7, maxLength: 7 }),
  })
  .map(({ firstOffset, steps, segmentEpoch, segmentRandom, numbers }) => ({
    firstOffset,
    endOffset: numbers[0]!,
    recordCount: numbers[1]!,
    bytes: numbers[2]!,
    maxTimestampMs: numbers[3]!,
    runningMaxTimestampMs: numbers[4]!,
    newestEpoch: numbers[5]!,
    bytesAppended: numbers[6]!,
    segmentEpoch,
    segmentRandom,
    rows: rowsOf(steps, firstOffset),
  }));

test('every log item is read as it was written', () => {
  fc.assert(
    fc.property(items, (item) => {
      const { segmentRandom, ...read } = parseLogItem(logItem(address, item));
      expect({ ...read, segmentRandom: new Uint8Array(segmentRandom) }).toEqual(item);
    }),
  );
});

test('a full log item of large rows takes at most 2 KiB', () => {
  const steps = Array.from({ length: 128 }, (): [number, number, number] => [2 ** 20, 2 ** 19 + 5000, 2 ** 27]);
  const item = logItem(address, {
    firstOffset: 2 ** 50,
    endOffset: 2 ** 51,
    recordCount: 2 ** 22,
    bytes: 2 ** 26,
    maxTimestampMs: 2 ** 41,
    runningMaxTimestampMs: 2 ** 41,
    newestEpoch: 490_000,
    bytesAppended: 2 ** 50,
    segmentEpoch: 490_000,
    segmentRandom: new Uint8Array(8),
    rows: rowsOf(steps, 2 ** 50),
  });
  expect((item.i as Uint8Array).length).toBeLessThan(2048 - 200);
});
