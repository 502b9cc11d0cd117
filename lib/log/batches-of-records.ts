// Makes batches of records that come one by one (JSON): places them in partitions, and encodes them.
import type { AppendRecordsRequest, NewRecord } from '../api/records.ts';
import { partitionForKey } from '../bytes/murmur2.ts';
import { type EncodeOptions, encodeBatch, type RecordInput } from '../record/batch.ts';
import { configNumber } from '../topic/config.ts';
import type { Topic } from '../topic/topics.ts';
import { topicCompression } from './admit.ts';

/** `index` is the place of the record in its request. */
export type PlacedRecord = { readonly index: number; readonly record: RecordInput };

export type Placement = {
  readonly partitions: number;
  /** 0 to 1, exclusive. It chooses the partition of the records that have no key. */
  readonly chance: number;
  /** The time of records that have none. */
  readonly nowMs: number;
};

/** Keyed records go where Kafka's producers place them. The keyless records of a request go together to one partition. */
export function place(
  { records }: Pick<AppendRecordsRequest, 'records'>,
  { partitions, chance, nowMs }: Placement,
): Map<number, PlacedRecord[]> {
  const keyless = Math.floor(chance * partitions) % partitions;
  const placed = new Map<number, PlacedRecord[]>();
  for (const [index, record] of records.entries()) {
    const byKey = record.key ? partitionForKey(record.key, partitions) : keyless;
    const partition = record.partition ?? byKey;
    const list = placed.get(partition) ?? [];
    list.push({ index, record: asInput(record, nowMs) });
    placed.set(partition, list);
  }
  return placed;
}

const asInput = ({ key, value, headers, timestampMs }: NewRecord, nowMs: number): RecordInput => ({
  key,
  value,
  headers,
  timestampMs: timestampMs ?? nowMs,
});

/** Encodes one batch, or as many as `max.message.bytes` requires, in sequence from the `baseSequence` on, if it is given. */
export function encodeAll(records: readonly PlacedRecord[], topic: Topic, options: EncodeOptions): Uint8Array {
  const maxBytes = configNumber(topic.overrides, 'max.message.bytes');
  const compression = topicCompression(topic) ?? 'none';
  let written = 0;
  const batches = inBatches(records, maxBytes).map((batch) => {
    const sequence = options.baseSequence !== undefined && { baseSequence: options.baseSequence + written };
    written += batch.length;
    return encodeBatch(batch, { ...options, compression, ...sequence });
  });
  return Buffer.concat(batches);
}

/** These are upper bounds: the header of a batch, and the varints of each record and of each header. */
const batchOverheadBytes = 61;
const recordOverheadBytes = 32;
const headerOverheadBytes = 10;

function inBatches(records: readonly PlacedRecord[], maxBytes: number): RecordInput[][] {
  const batches: RecordInput[][] = [];
  let room = 0;
  for (const { record } of records) {
    const bytes = sizeOf(record);
    if (batches.length === 0 || bytes > room) {
      batches.push([]);
      room = maxBytes - batchOverheadBytes;
    }
    batches.at(-1)!.push(record);
    room -= bytes;
  }
  return batches;
}

function sizeOf({ key, value, headers }: RecordInput): number {
  const inHeaders = headers.reduce(
    (sum, header) => sum + Buffer.byteLength(header.key) + (header.value?.length ?? 0) + headerOverheadBytes,
    0,
  );
  return (key?.length ?? 0) + (value?.length ?? 0) + inHeaders + recordOverheadBytes;
}
