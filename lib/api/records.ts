// Records as the engine's callers see them: append, fetch and the offsets between. The errors of one partition are values in
// its result, so that one bad partition does not fail the others.
import type { RivuletError } from './errors.ts';
import type { TopicRef } from './topics.ts';

export type PartitionError = { readonly partition: number; readonly error: RivuletError };

// --- append

export type PartitionAppend = {
  readonly partition: number;
  /** One or more whole RecordBatch v2, one after the other; of one producer, in sequence order. */
  readonly batches: Uint8Array;
  /** Append only if the partition's next offset is this one; else UNEXPECTED_OFFSET with `extra.nextOffset`. */
  readonly expectedOffset?: number;
};

export type AppendRequest = TopicRef & { readonly partitions: readonly PartitionAppend[] };

export type AppendAck = {
  readonly partition: number;
  readonly baseOffset: number;
  /** Of the last record: baseOffset + records - 1. */
  readonly lastOffset: number;
  readonly logStartOffset: number;
  /** The topic's LogAppendTime if that is its timestamp type, else -1 (as Kafka). */
  readonly logAppendTimeMs: number;
  /** True when this was a repeat, answered with the first append's offsets. */
  readonly duplicate: boolean;
};

export type AppendReply = { readonly topicId: string; readonly partitions: readonly (AppendAck | PartitionError)[] };

/** One record as JSON producers give it; it becomes part of a batch at the edge. */
export type NewRecord = {
  /** Absent: by murmur2 of the key as Kafka does; without a key, one partition for the whole request. */
  readonly partition?: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];
  /** Absent: now. */
  readonly timestampMs?: number;
};

export type AppendRecordsRequest = TopicRef & {
  readonly records: readonly NewRecord[];
  /** 1..255 characters: the same key with the same records within a day is one append; with others IDEMPOTENCY_KEY_REUSED. */
  readonly idempotencyKey?: string;
  /** Only where all records name one partition. */
  readonly expectedOffset?: number;
};

/** One result per record, in the order of the request. */
export type AppendRecordsReply = {
  readonly topicId: string;
  readonly records: readonly (
    | { readonly partition: number; readonly offset: number; readonly timestampMs: number; readonly duplicate: boolean }
    | PartitionError
  )[];
};

// --- fetch

export type PartitionFetch = { readonly partition: number; readonly offset: number; readonly maxBytes?: number };

export type FetchRequest = TopicRef & {
  /** 1..256, each partition once. Served in this order. */
  readonly partitions: readonly PartitionFetch[];
  /** Bound of the whole reply; but at least one batch if there is one. Default 1 MiB. */
  readonly maxBytes?: number;
  /** Wait until there are this many, or `waitMs` is over. Default 1. */
  readonly minBytes?: number;
  /** 0..20,000. Default 0. */
  readonly waitMs?: number;
  /** Ends a wait early: the caller has gone. */
  readonly signal?: AbortSignal;
};

export type PartitionRecords = {
  readonly partition: number;
  /** The next offset to be written; what lies below is readable. */
  readonly highWatermark: number;
  readonly logStartOffset: number;
  /** Whole batches with their real base offsets, in order. The first may begin below the offset asked for. */
  readonly batches: readonly Uint8Array[];
};

export type FetchReply = {
  readonly topicId: string;
  /** One per partition asked for, in that order. `error.extra` of OFFSET_OUT_OF_RANGE: logStartOffset, highWatermark. */
  readonly partitions: readonly (PartitionRecords | PartitionError)[];
};

// --- offsets

/** Milliseconds: the first offset whose record's timestamp is at or after it. maxTimestamp: the first of the greatest timestamp. */
export type OffsetQuery = 'earliest' | 'latest' | 'maxTimestamp' | number;

export type PartitionOffset = {
  readonly partition: number;
  /** -1 when no record is at or after the time asked for, or none has a greatest timestamp (as Kafka). */
  readonly offset: number;
  /** Of the record found by time, or what its batch claims; -1 otherwise. */
  readonly timestampMs: number;
};
