// The cache of slices is bounded by the memory that it holds, and that is mostly not the bytes if they are few.
import { expect, test } from 'vitest';
import { createSliceReader } from '../../lib/log/read-slices.ts';
import { inlineItem } from '../../lib/partition/inline-item.ts';
import { sliceOf } from '../../lib/partition/locate.ts';
import { countsOf } from './counts.ts';
import { batchOf, createWorld } from './world.ts';

test('40,000 items of 100 bytes do not stay in memory together', async () => {
  const address = { topicId: 'A'.repeat(22), partition: 0 };
  const { calls, ports } = countsOf(createWorld());
  const reader = createSliceReader(ports);
  const bytes = batchOf(['v']);
  const slices = await Promise.all(
    Array.from({ length: 40_000 }, async (_, baseOffset) => {
      const segmentRandom = new Uint8Array(8);
      new DataView(segmentRandom.buffer).setUint32(0, baseOffset * 65_537);
      const entry = { segmentEpoch: 1, segmentRandom, position: 0, isInline: true } as const;
      await ports.table.write({ kind: 'put', item: inlineItem({ ...address, ...entry, bytes }) });
      const run = { ...entry, lengthBytes: bytes.length, recordCount: 1, maxTimestampMs: 0 };
      return sliceOf(address, { entry: run, baseOffset });
    }),
  );
  for (let at = 0; at < slices.length; at += 200) await reader.read(slices.slice(at, at + 200));
  const before = calls.getMany;
  expect(await reader.read(slices.slice(-200))).toHaveLength(200);
  expect(calls.getMany).toBe(before);
  expect(await reader.read(slices.slice(0, 200))).toHaveLength(200);
  expect(calls.getMany).toBe(before + 2);
});
