// The cache of slices is bounded by the memory that it holds, and that is mostly not the bytes if they are few.
import { expect, test } from 'vitest';
import { createSliceReader } from '../../lib/log/read-slices.ts';
import { inlineItem } from '../../lib/partition/inline-item.ts';
import { sliceOf } from '../../lib/partition/locate.ts';
import { countsOf } from './counts.ts';
import { batchOf, createWorld } from './world.ts';

test('300 items of 400 small batches do not stay in memory together', async () => {
  const address = { topicId: 'A'.repeat(22), partition: 0 };
  const { calls, ports } = countsOf(createWorld());
  const reader = createSliceReader(ports);
  const bytes = Buffer.concat(Array.from({ length: 400 }, () => batchOf(['v'])));
  const recordCount = 400;
  const slices = await Promise.all(
    Array.from({ length: 300 }, async (_, i) => {
      const segmentRandom = new Uint8Array(8);
      new DataView(segmentRandom.buffer).setUint32(0, i * 65_537);
      const entry = { segmentEpoch: 1, segmentRandom, position: 0, isInline: true } as const;
      await ports.table.write({ kind: 'put', item: inlineItem({ ...address, ...entry, bytes }) });
      const run = { ...entry, lengthBytes: bytes.length, recordCount, maxTimestampMs: 0 };
      return sliceOf(address, { entry: run, baseOffset: i * recordCount });
    }),
  );
  for (let at = 0; at < slices.length; at += 50) await reader.read(slices.slice(at, at + 50));
  const before = calls.getMany;
  expect(await reader.read(slices.slice(-50))).toHaveLength(50);
  expect(calls.getMany).toBe(before);
  expect(await reader.read(slices.slice(0, 50))).toHaveLength(50);
  expect(calls.getMany).toBe(before + 1);
});
