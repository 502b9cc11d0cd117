// Writes batches into log segments, for merging, joining and compaction. It only puts objects, and returns the items that
// would name them: until a transaction names it, an object is an orphan, and does no harm.
//
// Invariant: the items cover [firstOffset, endOffset) without a hole, and the last batch of each object ends where its item
// does. If the batches end earlier, an empty batch goes up to the end: a consumer must never stand before a gap for ever.
// Only one object at a time is in memory.

import type { StampedBatch } from '../log/read-slices.ts';
import { segmentEpochAt } from '../partition/head.ts';
import { encodeRows, type LogItem, type LogRow, logSegmentKeyOf, mostRows, rowBytes } from '../partition/log-item.ts';
import type { PageAddress } from '../partition/page.ts';
import { readBatchHeader } from '../record/batch-header.ts';
import { emptyBatch } from '../record/empty-batch.ts';
import { logSegmentHeaderBytes, packLogSegment } from '../record/log-segment.ts';
import type { MaintenanceContext } from './context.ts';

/** An item says this of the log up to its end. The source knows it, because appended bytes may be gone by now. */
export type LogTotals = {
  readonly newestEpoch: number;
  readonly bytesAppended: number;
  readonly runningMaxTimestampMs: number;
};

/** A batch with its base offset and leader epoch 0 in its bytes. */
export type LogBatch = StampedBatch & LogTotals;

export type LogRange = {
  readonly address: PageAddress;
  readonly firstOffset: number;
  /** This offset is exclusive. */
  readonly endOffset: number;
  /** The totals at the end offset. They count if the last batches are gone. */
  readonly totals: LogTotals;
  /** The fence of the maintenance item, as read. */
  readonly fence: number;
};

export const logSegmentLimits = {
  bytes: 64 * 1024 * 1024,
  /** The map of the cleaner has room for the keys of so many records. */
  records: 4 * 1024 * 1024,
  /** At most twice so many items and one more are full of records. */
  itemsByRecords: 32,
} as const;

type Writer = Pick<MaintenanceContext, 'objects' | 'clock' | 'counts'>;

type Draft = {
  readonly firstOffset: number;
  endOffset: number;
  bytes: number;
  recordCount: number;
  maxTimestampMs: number;
  newestEpoch: number;
  last: LogTotals | undefined;
  readonly rows: LogRow[];
  readonly batches: Uint8Array[];
};

/** Puts the objects one after the other. Returns their items in offset order: at least one. */
export async function writeLogSegments(
  writer: Writer,
  range: LogRange,
  batches: AsyncIterable<LogBatch> | Iterable<LogBatch>,
): Promise<LogItem[]> {
  const items: LogItem[] = [];
  const mostRecords = mostRecordsOf(range);
  let draft = newDraft(range.firstOffset);
  for await (const batch of upToTheEnd(range, batches)) {
    if (!hasRoom(draft, batch, mostRecords)) {
      items.push(await put(writer, range, draft));
      draft = newDraft(draft.endOffset);
    }
    add(draft, batch);
  }
  items.push(await put(writer, range, draft));
  return items;
}

async function* upToTheEnd(
  { firstOffset, endOffset, totals }: LogRange,
  batches: AsyncIterable<LogBatch> | Iterable<LogBatch>,
): AsyncGenerator<LogBatch> {
  let next = firstOffset;
  for await (const batch of batches) {
    const isInOrder = batch.baseOffset >= next && endOf(batch) <= endOffset;
    if (!isInOrder) throw new Error(`batch: expected offsets of ${next} to ${endOffset}, got ${batch.baseOffset}`);
    yield batch;
    next = endOf(batch);
  }
  if (next === endOffset) return;
  const bytes = emptyBatch(next, endOffset);
  const header = readBatchHeader(bytes);
  yield { ...totals, bytes, header, baseOffset: header.baseOffset };
}

const endOf = ({ baseOffset, header }: StampedBatch): number => baseOffset + header.lastOffsetDelta + 1;

const newDraft = (firstOffset: number): Draft => ({
  firstOffset,
  endOffset: firstOffset,
  bytes: 0,
  recordCount: 0,
  maxTimestampMs: 0,
  newestEpoch: 0,
  last: undefined,
  rows: [],
  batches: [],
});

/**
 * The items of a range must fit one transaction. A compressed batch of some hundred bytes may claim millions of records, so
 * by the limit alone they might be thousands.
 */
const mostRecordsOf = ({ firstOffset, endOffset }: LogRange): number =>
  Math.max(logSegmentLimits.records, Math.ceil((endOffset - firstOffset) / logSegmentLimits.itemsByRecords));

/** The first batch always has room: a compressed one may hold more records than the limit. */
function hasRoom(draft: Draft, { bytes, header }: LogBatch, mostRecords: number): boolean {
  if (draft.batches.length === 0) return true;
  const fits =
    draft.bytes + bytes.length <= logSegmentLimits.bytes && draft.recordCount + header.recordCount <= mostRecords;
  return fits && (draft.rows.length < mostRows || !beginsRow(draft));
}

function beginsRow({ rows, bytes }: Draft): boolean {
  const last = rows.at(-1);
  return !last || logSegmentHeaderBytes + bytes - last.position >= rowBytes;
}

function add(draft: Draft, batch: LogBatch): void {
  const { bytes, header, newestEpoch, bytesAppended, runningMaxTimestampMs } = batch;
  // A row begins where the batch before ends: offsets in a gap belong to the batch after it.
  if (beginsRow(draft))
    draft.rows.push({
      offset: draft.endOffset,
      position: logSegmentHeaderBytes + draft.bytes,
      maxTimestampMs: draft.maxTimestampMs,
    });
  draft.endOffset = endOf(batch);
  draft.bytes += bytes.length;
  draft.recordCount += header.recordCount;
  draft.maxTimestampMs = Math.max(draft.maxTimestampMs, header.maxTimestampMs);
  draft.newestEpoch = Math.max(draft.newestEpoch, newestEpoch);
  draft.last = { newestEpoch, bytesAppended, runningMaxTimestampMs };
  draft.batches.push(bytes);
  draft.rows.push({ ...draft.rows.pop()!, maxTimestampMs: draft.maxTimestampMs });
}

async function put({ objects, clock, counts }: Writer, { address, fence }: LogRange, draft: Draft): Promise<LogItem> {
  const item = itemOf(draft, Math.max(segmentEpochAt(clock.now()), fence), clock.randomBytes(8));
  const chunks = packLogSegment({ ...address, ...item, rows: encodeRows(item), batches: draft.batches });
  await objects.putOnce(logSegmentKeyOf(address, item), chunks);
  counts.writtenObjects += 1;
  return item;
}

function itemOf(draft: Draft, segmentEpoch: number, segmentRandom: Uint8Array): LogItem {
  const { firstOffset, endOffset, recordCount, bytes, maxTimestampMs, newestEpoch, last, rows } = draft;
  return {
    firstOffset,
    endOffset,
    recordCount,
    bytes,
    maxTimestampMs,
    runningMaxTimestampMs: Math.max(last!.runningMaxTimestampMs, maxTimestampMs),
    newestEpoch,
    bytesAppended: last!.bytesAppended,
    segmentEpoch,
    segmentRandom,
    rows,
  };
}
