// A log item names a log segment: an object that holds the batches of one partition from the item's first offset to its
// end. The sort key is the first offset, so one reverse query finds the item of any offset. Log items lie dense and
// disjoint in the partition's first zone (lib/partition/head.ts). Each offset has its item, also if compaction has
// removed its record.
//
//   v version   f the object's epoch (3 bytes) and random part (8 bytes)   e end offset, exclusive   c records
//   y bytes of batches   o greatest timestamp   w greatest timestamp of this item and of all below
//   a newest admission hour of its sources   z bytes that were ever appended below e   i rows
//
// A row stands for about 512 KiB of batches. It begins at a batch, and tells the offset from which it has the records,
// its position in the object, and the greatest timestamp in the object up to its end. Rows are varints, as differences
// from the row before, so a plan needs no footer.

import { readVarint, writeVarint } from '../bytes/unsigned-varint.ts';
import { logSegmentHeaderBytes } from '../record/log-segment.ts';
import { checkVersion, itemVersion, logItemsPartition, offsetSortKey, segmentKey } from '../storage/keys.ts';
import { type Condition, equals, type Item, type Key, type Table } from '../storage/table.ts';
import type { PageAddress } from './page.ts';

export type LogRow = { readonly offset: number; readonly position: number; readonly maxTimestampMs: number };

export type LogItem = {
  readonly firstOffset: number;
  /** This offset is exclusive. */
  readonly endOffset: number;
  readonly recordCount: number;
  /** The bytes of the batches, without header and footer of the object. */
  readonly bytes: number;
  readonly maxTimestampMs: number;
  /** The maximum of this item and of all items before it. */
  readonly runningMaxTimestampMs: number;
  /** The newest admission hour of its sources, in hours since 1970. */
  readonly newestEpoch: number;
  /** All bytes that were ever appended to the partition below the end offset. */
  readonly bytesAppended: number;
  readonly segmentEpoch: number;
  /** 8 bytes. */
  readonly segmentRandom: Uint8Array;
  readonly rows: readonly LogRow[];
};

/** A row begins at the first batch that starts so many bytes after the row before. */
export const rowBytes = 512 * 1024;
export const mostRows = 128;

export const logItemKey = ({ topicId, partition }: PageAddress, firstOffset: number): Key => ({
  pk: logItemsPartition(topicId, partition),
  sk: offsetSortKey(firstOffset),
});

export function logItem(address: PageAddress, item: LogItem): Item {
  return {
    ...logItemKey(address, item.firstOffset),
    v: itemVersion,
    f: nameBytes(item),
    e: item.endOffset,
    c: item.recordCount,
    y: item.bytes,
    o: Math.max(0, item.maxTimestampMs),
    w: Math.max(0, item.runningMaxTimestampMs),
    a: item.newestEpoch,
    z: item.bytesAppended,
    i: encodeRows(item),
  };
}

export function parseLogItem(item: Item): LogItem {
  checkVersion(item, 'log item');
  const name = item.f as Uint8Array;
  const firstOffset = Number(item.sk);
  return {
    firstOffset,
    endOffset: item.e as number,
    recordCount: item.c as number,
    bytes: item.y as number,
    maxTimestampMs: item.o as number,
    runningMaxTimestampMs: item.w as number,
    newestEpoch: item.a as number,
    bytesAppended: item.z as number,
    segmentEpoch: Buffer.from(name.buffer, name.byteOffset, 3).readUIntBE(0, 3),
    segmentRandom: name.subarray(3),
    rows: decodeRows(item.i as Uint8Array, firstOffset),
  };
}

function nameBytes({ segmentEpoch, segmentRandom }: Pick<LogItem, 'segmentEpoch' | 'segmentRandom'>): Uint8Array {
  const bytes = Buffer.alloc(11);
  bytes.writeUIntBE(segmentEpoch, 0, 3);
  bytes.set(segmentRandom, 3);
  return bytes;
}

/** The item still names the object that was read. Names are never used twice, so this compares the whole item. */
export const namesAsRead = (item: LogItem): Condition => equals('f', nameBytes(item));

export const isSameObject = (a: LogItem, b: LogItem): boolean => Buffer.compare(nameBytes(a), nameBytes(b)) === 0;

/** The stored item names the object of this one. */
export const isNamedBy = (stored: Item, item: LogItem): boolean =>
  Buffer.compare(stored.f as Uint8Array, nameBytes(item)) === 0;

export const logSegmentKeyOf = ({ topicId }: PageAddress, { segmentEpoch, segmentRandom }: LogItem): string =>
  segmentKey('log', topicId, segmentEpoch, segmentRandom);

export function encodeRows({ firstOffset, rows }: Pick<LogItem, 'firstOffset' | 'rows'>): Uint8Array {
  const bytes = Buffer.alloc(rows.length * 3 * 8);
  let at = 0;
  let before: LogRow = { offset: firstOffset, position: logSegmentHeaderBytes, maxTimestampMs: 0 };
  for (const row of rows) {
    at = writeVarint(bytes, at, row.offset - before.offset);
    at = writeVarint(bytes, at, row.position - before.position);
    at = writeVarint(bytes, at, Math.max(0, row.maxTimestampMs) - before.maxTimestampMs);
    before = { ...row, maxTimestampMs: Math.max(0, row.maxTimestampMs) };
  }
  return new Uint8Array(bytes.subarray(0, at));
}

function decodeRows(bytes: Uint8Array, firstOffset: number): LogRow[] {
  const rows: LogRow[] = [];
  let before: LogRow = { offset: firstOffset, position: logSegmentHeaderBytes, maxTimestampMs: 0 };
  for (let at = 0; at < bytes.length; ) {
    const offset = readVarint(bytes, at);
    const position = readVarint(bytes, offset.end);
    const time = readVarint(bytes, position.end);
    before = {
      offset: before.offset + offset.value,
      position: before.position + position.value,
      maxTimestampMs: before.maxTimestampMs + time.value,
    };
    rows.push(before);
    at = time.end;
  }
  return rows;
}

/** Returns the item that covers `offset`, or undefined if none does. The read is strong and costs 1 read unit. */
export async function logItemAt(table: Table, address: PageAddress, offset: number): Promise<LogItem | undefined> {
  const pk = logItemsPartition(address.topicId, address.partition);
  const { items } = await table.query({ pk, through: offsetSortKey(offset), reverse: true, limit: 1, strong: true });
  const item = items[0] && parseLogItem(items[0]);
  const covers = item !== undefined && offset < item.endOffset;
  return covers ? item : undefined;
}

/** Yields the items whose first offset lies in [from, to), in offset order, in steps of `limit`. The reads are strong. */
export async function* logItemsBetween(
  table: Table,
  address: PageAddress,
  from: number,
  to: number,
  limit = 8,
): AsyncGenerator<LogItem> {
  if (from >= to) return;
  const pk = logItemsPartition(address.topicId, address.partition);
  const range = { pk, from: offsetSortKey(from), through: offsetSortKey(to - 1), strong: true, limit };
  for (let after: string | undefined; ; ) {
    const { items, more } = await table.query({ ...range, ...(after !== undefined && { after }) });
    for (const item of items) yield parseLogItem(item);
    after = items.at(-1)?.sk;
    const isLast = !more || after === undefined;
    if (isLast) return;
  }
}
