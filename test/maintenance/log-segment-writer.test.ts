// Whatever batches come, the log items cover the range, the objects hold the batches, and the rows find them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newCounts } from '../../lib/maintenance/context.ts';
import { type LogBatch, logSegmentLimits, writeLogSegments } from '../../lib/maintenance/log-segment-writer.ts';
import { type LogItem, logSegmentKeyOf, rowBytes } from '../../lib/partition/log-item.ts';
import { checkBatch, field, readBatchHeader, splitBatches, stampBaseOffset } from '../../lib/record/batch-header.ts';
import { logSegmentHeaderBytes } from '../../lib/record/log-segment.ts';
import { segmentKey } from '../../lib/storage/keys.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { batchOf, createTestClock, startMs } from '../log/world.ts';
import { hourMs } from './pass.ts';

const address = { topicId: 'A'.repeat(22), partition: 7 };
const hour = Math.floor(startMs / hourMs);

function newWriter() {
  const clock = createTestClock();
  return { clock, objects: createMemoryObjectStore({ clock }), counts: newCounts() };
}

type Shape = { readonly gap: number; readonly records: number; readonly valueBytes: number; readonly ms: number };

/** Batches with gaps before some of them, and totals that grow. */
function batchesOf(firstOffset: number, shapes: readonly Shape[]): LogBatch[] {
  let next = firstOffset;
  let bytesAppended = 0;
  let runningMaxTimestampMs = 0;
  return shapes.map(({ gap, records, valueBytes, ms }, i) => {
    const values = Array.from({ length: records }, () => 'x'.repeat(valueBytes));
    const bytes = batchOf(values, { timestampMs: startMs + ms });
    const baseOffset = next + gap;
    stampBaseOffset(bytes, 0, baseOffset, 0);
    next = baseOffset + records;
    bytesAppended += bytes.length;
    runningMaxTimestampMs = Math.max(runningMaxTimestampMs, startMs + ms);
    const header = readBatchHeader(bytes);
    return { bytes, header, baseOffset, newestEpoch: hour - (i % 3), bytesAppended, runningMaxTimestampMs };
  });
}

const endOf = ({ baseOffset, header }: Pick<LogBatch, 'baseOffset' | 'header'>) =>
  baseOffset + header.lastOffsetDelta + 1;

const shape = fc.record({
  gap: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(1000)),
  records: fc.integer({ min: 1, max: 5 }),
  valueBytes: fc.oneof(fc.nat(50), fc.integer({ min: 50_000, max: 300_000 })),
  ms: fc.nat(100_000),
});

test('the items cover the range, and their rows find every batch', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1000),
      fc.array(shape, { maxLength: 12 }),
      fc.nat(50),
      async (firstOffset, shapes, after) => {
        const writer = newWriter();
        const batches = batchesOf(firstOffset, shapes);
        const end = batches.at(-1) ? endOf(batches.at(-1)!) : firstOffset + 1;
        const endOffset = end + after;
        const totals = { newestEpoch: hour, bytesAppended: 9_999_999, runningMaxTimestampMs: startMs + 200_000 };
        // A log item has totals, and bytes of its own.
        const ofItem = { ...totals, bytes: 7 };
        const range = { address, firstOffset, endOffset, totals: ofItem, fence: 0 };
        const items = await writeLogSegments(writer, range, batches);
        expect(items).toHaveLength(1);
        const [item] = items;
        expect(item).toMatchObject({ firstOffset, endOffset, segmentEpoch: hour });
        const body = await bodyOf(writer, item!);
        const stored = splitBatches(body).map(({ from, to, header }) => ({ bytes: body.slice(from, to), header }));
        const last = stored.at(-1)!.header;
        expect(last.baseOffset + last.lastOffsetDelta + 1).toBe(endOffset);
        const needsEmpty = end < endOffset || batches.length === 0;
        const appended = Buffer.concat(batches.map(({ bytes }) => bytes));
        expect(appended.equals(body.subarray(0, appended.length))).toBe(true);
        expect(stored.length).toBe(batches.length + (needsEmpty ? 1 : 0));
        if (needsEmpty) {
          expect(checkBatch(stored.at(-1)!.bytes, 0, { allowGaps: true }).recordCount).toBe(0);
          expect(item).toMatchObject(totals);
        } else expect(item!.bytesAppended).toBe(batches.at(-1)!.bytesAppended);
        expect(item!.recordCount).toBe(shapes.reduce((sum, { records }) => sum + records, 0));
        expectRows(item!, body);
      },
    ),
    { numRuns: 40 },
  );
});

async function bodyOf({ objects }: ReturnType<typeof newWriter>, item: LogItem): Promise<Uint8Array> {
  const object = (await objects.get(logSegmentKeyOf(address, item)))!;
  return object.subarray(logSegmentHeaderBytes, logSegmentHeaderBytes + item.bytes);
}

/** A row begins at a batch, where the offsets before it end, and has the greatest timestamp up to its own end. */
function expectRows({ rows, firstOffset, bytes }: LogItem, body: Uint8Array): void {
  const all = splitBatches(body);
  let greatest = 0;
  for (const [i, row] of rows.entries()) {
    const from = row.position - logSegmentHeaderBytes;
    const to = (rows[i + 1]?.position ?? bytes + logSegmentHeaderBytes) - logSegmentHeaderBytes;
    const before = all.find((batch) => batch.to === from);
    expect(row.offset).toBe(before ? before.header.baseOffset + before.header.lastOffsetDelta + 1 : firstOffset);
    const inside = all.filter((batch) => batch.from >= from && batch.to <= to);
    expect(inside[0]!.from).toBe(from);
    // Without its last batch, a row is smaller than the least distance of two rows.
    expect(inside.at(-1)!.from - from).toBeLessThan(rowBytes);
    greatest = Math.max(greatest, ...inside.map(({ header }) => header.maxTimestampMs));
    expect(row.maxTimestampMs).toBe(greatest);
  }
}

test('an object has at most 64 MiB, the next begins where it ends, and a full one has 128 rows at most', async () => {
  const writer = newWriter();
  const shapes = Array.from({ length: 140 }, (_, i) => ({
    gap: i % 40 ? 0 : 10,
    records: 1,
    valueBytes: 2 ** 19 - 90,
    ms: i,
  }));
  const batches = batchesOf(0, shapes);
  const endOffset = endOf(batches.at(-1)!);
  const totals = { newestEpoch: hour, bytesAppended: 0, runningMaxTimestampMs: 0 };
  const items = await writeLogSegments(
    writer,
    { address, firstOffset: 0, endOffset, totals, fence: hour + 9 },
    batches,
  );
  expect(items.map(({ firstOffset }) => firstOffset)).toEqual([0, items[0]!.endOffset]);
  expect(items.at(-1)!.endOffset).toBe(endOffset);
  expect(items[0]!.bytes).toBeLessThanOrEqual(logSegmentLimits.bytes);
  expect(items[0]!.bytes).toBeGreaterThan(logSegmentLimits.bytes - 2 ** 19);
  expect(items[0]!.rows.length).toBeLessThanOrEqual(128);
  expect(items.map(({ segmentEpoch }) => segmentEpoch)).toEqual([hour + 9, hour + 9]);
  expect(writer.counts.writtenObjects).toBe(2);
  expect(items[1]!.bytesAppended).toBe(batches.at(-1)!.bytesAppended);
});

/** Admission believes a compressed batch of some bytes that claims millions of records: nothing is unpacked. */
function claiming(baseOffset: number, records: number): LogBatch {
  const bytes = batchOf(['x']);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setInt32(field.recordCount, records);
  view.setInt32(field.lastOffsetDelta, records - 1);
  stampBaseOffset(bytes, 0, baseOffset, 0);
  const totals = { newestEpoch: hour, bytesAppended: 0, runningMaxTimestampMs: 0 };
  return { bytes, header: readBatchHeader(bytes), baseOffset, ...totals };
}

test('an object has at most four million records, unless there would be too many for one transaction', async () => {
  const totals = { newestEpoch: hour, bytesAppended: 0, runningMaxTimestampMs: 0 };
  const write = async (count: number, records: number) => {
    const batches = Array.from({ length: count }, (_, i) => claiming(i * records, records));
    return writeLogSegments(
      newWriter(),
      { address, firstOffset: 0, endOffset: count * records, totals, fence: 0 },
      batches,
    );
  };
  const few = await write(6, 1_500_000);
  expect(few.map(({ recordCount }) => recordCount)).toEqual([3_000_000, 3_000_000, 3_000_000]);
  const many = await write(1000, 9_000_000);
  expect(many.length).toBeGreaterThan(20);
  expect(many.length).toBeLessThan(70);
});

test('batches out of order are refused', async () => {
  const [first, second] = batchesOf(
    0,
    [0, 1].map((ms) => ({ gap: 0, records: 2, valueBytes: 3, ms })),
  );
  const totals = { newestEpoch: hour, bytesAppended: 0, runningMaxTimestampMs: 0 };
  const range = { address, firstOffset: 0, endOffset: 4, totals, fence: 0 };
  await expect(writeLogSegments(newWriter(), range, [second!, first!])).rejects.toThrow('expected offsets of 4 to 4');
});

test('the object names what it is, and its footer ends with the magic', async () => {
  const writer = newWriter();
  const totals = { newestEpoch: hour, bytesAppended: 0, runningMaxTimestampMs: 0 };
  const batches = batchesOf(5, [{ gap: 0, records: 2, valueBytes: 3, ms: 0 }]);
  const [item] = await writeLogSegments(writer, { address, firstOffset: 5, endOffset: 7, totals, fence: 0 }, batches);
  const key = logSegmentKeyOf(address, item!);
  expect(key).toBe(segmentKey('log', address.topicId, hour, item!.segmentRandom));
  const object = Buffer.from((await writer.objects.get(key))!);
  expect(object.subarray(0, 8).toString('hex')).toBe('52564c5401010000');
  expect(object.subarray(-4).toString()).toBe('RVLT');
  expect(object.includes(address.topicId)).toBe(true);
});
