// Opens the batches of one partition in the answer to a fetch.
// Invariant: a row is returned once, and only if its offset lies in the range that was asked for.
import { RivuletClientError } from '../../client/client-error.ts';
import { openBatch } from '../../lib/record/batch.ts';
import { type BatchHeader, splitBatches } from '../../lib/record/batch-header.ts';
import { readRecords } from '../../lib/record/read-records.ts';
import { type Needle, placesOf } from './needle.ts';
import type { Range, Row } from './row.ts';

/** `next` is the offset that is still to be read. `batchTimes` are the greatest times of the batches. */
export type OpenedRows = { readonly rows: Row[]; readonly next: number; readonly batchTimes: readonly number[] };

/** With a needle, rows that do not hold it are left out. */
export function openRows(
  topic: string,
  { partition, from, to }: Range,
  bytes: Uint8Array,
  needle?: Needle,
): OpenedRows {
  const rows: Row[] = [];
  const batchTimes: number[] = [];
  let next = from;
  for (const { header, from: at } of splitBatches(bytes)) {
    if (header.baseOffset >= to) return { rows, next: to, batchTimes };
    next = Math.max(next, Math.min(to, header.baseOffset + header.lastOffsetDelta + 1));
    if (header.isControl || next <= from) continue;
    batchTimes.push(header.maxTimestampMs);
    try {
      for (const row of rowsOf(bytes, at, { partition, from, to }, needle)) rows.push(row);
    } catch (cause) {
      const detail = `the batch at offset ${header.baseOffset} of partition ${partition} cannot be read: ${(cause as Error).message}`;
      throw new RivuletClientError('CORRUPT_MESSAGE', detail, { topic, partition, offset: header.baseOffset, cause });
    }
  }
  return { rows, next, batchTimes };
}

/** A record without the needle is read too, so that a batch that is malformed fails whatever is looked for. */
function rowsOf(bytes: Uint8Array, at: number, { partition, from, to }: Range, needle: Needle | undefined): Row[] {
  const { header: batch, body } = openBatch(bytes, at);
  const holds = needle === undefined ? () => true : placesOf(needle, body);
  const make = makerOf(partition, batch);
  let isHeld = false;
  const isWanted = (offset: number, _timestampMs: number, start: number, end: number): boolean => {
    isHeld = holds(start, end);
    return offset >= from && offset < to;
  };
  const rows = readRecords<Row | null>(batch, body, isWanted, (...fields) => (isHeld ? make(...fields) : null));
  return rows.filter((row) => row !== null);
}

const makerOf =
  (partition: number, batch: BatchHeader) =>
  (offset: number, timestamp: number, key: Row['key'], value: Row['value'], headers: Row['headers']): Row => ({
    partition,
    offset,
    timestamp,
    key,
    value,
    headers,
    batch,
  });
