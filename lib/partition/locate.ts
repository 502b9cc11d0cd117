// Finds the bytes that hold the records from an offset on. The head decides the zone: log segments, index pages or the
// tail. A log item or a page is found by one query, however deep the log is. A plan that was made from an old head stays
// right, because objects and inline items never change, and names are never used again. Only the object or item itself may
// be gone: what it held has another name by then.

import { RivuletError } from '../api/errors.ts';
import { logSegmentHeaderBytes } from '../record/log-segment.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Table } from '../storage/table.ts';
import { decodeEntries, nameOfEntry, type PlacedEntry } from './entry.ts';
import type { Head } from './head.ts';
import { type LogItem, logItemAt, logItemsBetween, logSegmentKeyOf } from './log-item.ts';
import { type Page, type PageAddress, pageAtOrBelow, pagesBetween } from './page.ts';

/** A slice is a stretch of an object, or an inline item. It holds whole batches of one partition. */
export type Slice = {
  /** The key of the object, or the name of the item. */
  readonly objectKey: string;
  readonly position: number;
  readonly lengthBytes: number;
  /** The slice holds every record of [baseOffset, endOffset) that there is. */
  readonly baseOffset: number;
  readonly endOffset: number;
  /** In a log segment, this is the greatest timestamp of the object up to the slice's end. */
  readonly maxTimestampMs: number;
  /** The newest hour in which one of its records came in. In a log segment, this is that of the whole object. */
  readonly newestEpoch: number;
  /** True in a log segment: the batches have their offsets. Compaction may have left gaps between them. */
  readonly isStamped: boolean;
};

type Stores = { readonly table: Table; readonly objects: ObjectStore };

/** How many index pages a query reads. A page has about 25 entries, and is below 1 KiB. */
const pagesAtOnce = 32;

/**
 * Yields the slices from the one that holds `offset` on, in order, without a hole, up to the head's high watermark. It
 * ends early if the index has moved meanwhile: the caller starts again from a fresh head.
 */
export async function* slicesFrom(
  { table, objects }: Stores,
  address: PageAddress,
  head: Head,
  offset: number,
): AsyncGenerator<Slice> {
  let next = offset;
  if (next < head.mergedTo) {
    for await (const item of logItemsFrom(table, address, next, head.mergedTo)) {
      yield* stretchesOf(address, item, next);
      next = item.endOffset;
    }
    const reachesPages = next >= head.mergedTo;
    if (!reachesPages) return;
  }
  for await (const placed of entriesFrom(table, address, head, next))
    for await (const listed of expanded(objects, address, placed))
      for (const one of from([listed], offset)) yield sliceOf(address, one);
}

/**
 * Yields the log items from the one that covers `offset` on, in order, without a hole, as far as they begin below `to`. It
 * ends early if the index has moved meanwhile.
 */
export async function* logItemsFrom(
  table: Table,
  address: PageAddress,
  offset: number,
  to: number,
  limit?: number,
): AsyncGenerator<LogItem> {
  const first = offset < to ? await logItemAt(table, address, offset) : undefined;
  if (!first) return;
  yield first;
  let next = first.endOffset;
  for await (const item of logItemsBetween(table, address, next, to, limit)) {
    const isNext = item.firstOffset === next;
    if (!isNext) return;
    yield item;
    next = item.endOffset;
  }
}

/** Yields the slices of a log segment, one for each row, from the one that holds `offset` on. */
export function* stretchesOf(address: PageAddress, item: LogItem, offset = item.firstOffset): Generator<Slice> {
  const objectKey = logSegmentKeyOf(address, item);
  const bodyEnd = logSegmentHeaderBytes + item.bytes;
  for (const [i, row] of item.rows.entries()) {
    const after = item.rows[i + 1];
    const endOffset = after?.offset ?? item.endOffset;
    if (endOffset <= offset) continue;
    yield {
      objectKey,
      position: row.position,
      lengthBytes: (after?.position ?? bodyEnd) - row.position,
      baseOffset: row.offset,
      endOffset,
      maxTimestampMs: row.maxTimestampMs,
      newestEpoch: item.newestEpoch,
      isStamped: true,
    };
  }
}

/**
 * Yields the entry itself, or the entries that it lists in an index object. Throws CORRUPT_LOG if the list is gone or
 * damaged.
 */
export async function* expanded(
  objects: ObjectStore,
  address: PageAddress,
  placed: PlacedEntry,
): AsyncGenerator<PlacedEntry> {
  const { entry, baseOffset } = placed;
  if (entry.listedBytes === undefined) {
    yield placed;
    return;
  }
  const objectKey = nameOfEntry(address, entry);
  const range = { from: entry.position, to: entry.position + entry.lengthBytes };
  const listed = entriesIn(await objects.get(objectKey, range), baseOffset);
  const isWhole = listed !== undefined && listed.length > 0 && endOf(listed.at(-1)!) === endOf(placed);
  if (!isWhole)
    throw new RivuletError(
      'CORRUPT_LOG',
      `the list of batches at offset ${baseOffset} is missing or damaged: ${objectKey}`,
      {
        extra: { offset: baseOffset },
      },
    );
  yield* listed;
}

function entriesIn(bytes: Uint8Array | undefined, baseOffset: number): PlacedEntry[] | undefined {
  try {
    return bytes && decodeEntries(bytes, baseOffset);
  } catch {
    return undefined;
  }
}

const endOf = ({ entry, baseOffset }: PlacedEntry): number => baseOffset + entry.recordCount;

export function sliceOf(address: PageAddress, { entry, baseOffset }: PlacedEntry): Slice {
  return {
    objectKey: nameOfEntry(address, entry),
    position: entry.position,
    lengthBytes: entry.lengthBytes,
    baseOffset,
    endOffset: baseOffset + entry.recordCount,
    maxTimestampMs: entry.maxTimestampMs,
    newestEpoch: entry.segmentEpoch,
    isStamped: false,
  };
}

/** Yields the entries behind the log segments, from the one that holds `offset` on. It ends early if the index has moved. */
export async function* entriesFrom(
  table: Table,
  address: PageAddress,
  head: Head,
  offset: number,
): AsyncGenerator<PlacedEntry> {
  let next = offset;
  for await (const page of pagesFrom(table, address, head, offset)) {
    yield* from(page.entries, offset);
    next = page.endOffset;
  }
  const reachesTail = offset >= head.tailBase || next === head.tailBase;
  if (!reachesTail) return;
  yield* from(head.tail, next);
}

/** Yields the index pages below the tail, from the one that holds `offset` on, without a hole. It ends early in the same way. */
export async function* pagesFrom(table: Table, address: PageAddress, head: Head, offset: number): AsyncGenerator<Page> {
  if (offset >= head.tailBase) return;
  const first = await pageAtOrBelow(table, address, offset);
  // A page that ends before the offset leads to no other page: those in between are missing.
  if (!first) return;
  yield first;
  let next = first.endOffset;
  for await (const page of pagesBetween(table, address, next, head.tailBase, { limit: pagesAtOnce })) {
    const isNext = page.firstOffset === next;
    if (!isNext) return;
    yield page;
    next = page.endOffset;
  }
}

function* from(entries: readonly PlacedEntry[], offset: number): Generator<PlacedEntry> {
  for (const placed of entries) if (endOf(placed) > offset) yield placed;
}
