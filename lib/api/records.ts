// Records as the engine's callers see them: append, fetch, and the offsets in between. The error of one partition is a
// value in its result, so that one bad partition does not fail the others.
import type { RivuletError } from './errors.ts';
import type { TopicRef } from './topics.ts';

export type PartitionError = { readonly partition: number; readonly error: RivuletError };

// --- delete

export type DeleteRecordsRequest = TopicRef & {
  /** Every record below the offset is deleted. -1 stands for the high watermark, so that all records are. */
  readonly partitions: readonly { readonly partition: number; readonly offset: number }[];
};

/** The earliest offset of the partition. It is above the one that was asked for if the records had gone before. */
export type DeletedRecords = { readonly partition: number; readonly logStartOffset: number };

export type DeleteRecordsReply = {
  readonly topicId: string;
  /** One for each partition of the request, in its order. */
  readonly partitions: readonly (DeletedRecords | PartitionError)[];
};

// --- append

export type PartitionAppend = {
  readonly partition: number;
  /** One or more whole RecordBatch v2, one after the other. They are of one producer, and in sequence order. */
  readonly batches: Uint8Array;
  /**
   * The append happens only if the partition's next offset is this one; else it is UNEXPECTED_OFFSET with
   * `extra.nextOffset`.
   */
  readonly expectedOffset?: number;
  /**
   * For callers in the same process: the batches are uploaded immediately, and get their offsets after this. If it rejects,
   * they are not written, and its RivuletError is their error. The caller handles the rejection too.
   */
  readonly after?: Promise<void>;
};

export type AppendRequest = TopicRef & { readonly partitions: readonly PartitionAppend[] };

export type AppendAck = {
  readonly partition: number;
  readonly baseOffset: number;
  /** The offset of the last record: baseOffset + records - 1. */
  readonly lastOffset: number;
  readonly logStartOffset: number;
  /** The topic's LogAppendTime if that is its timestamp type, else -1 (as in Kafka). */
  readonly logAppendTimeMs: number;
  /** True if this was a repeat, which is answered with the offsets of the first append. */
  readonly duplicate: boolean;
};

export type AppendReply = { readonly topicId: string; readonly partitions: readonly (AppendAck | PartitionError)[] };

/** One record as JSON producers give it. It becomes part of a batch at the edge. */
export type NewRecord = {
  /**
   * If this is absent, murmur2 of the key decides, as in Kafka. Records without a key go to one partition for the whole
   * request.
   */
  readonly partition?: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];
  /** If this is absent, it is now. */
  readonly timestampMs?: number;
};

export type AppendRecordsRequest = TopicRef & {
  readonly records: readonly NewRecord[];
  /**
   * 1..255 characters. The same key with the same records within a day is one append; with other records it is
   * IDEMPOTENCY_KEY_REUSED.
   */
  readonly idempotencyKey?: string;
  /** Allowed only if all records name one partition. */
  readonly expectedOffset?: number;
};

/** There is one result per record, in the order of the request. */
export type AppendRecordsReply = {
  readonly topicId: string;
  readonly records: readonly (
    | { readonly partition: number; readonly offset: number; readonly timestampMs: number; readonly duplicate: boolean }
    | PartitionError
  )[];
};

// --- producers

/** An idempotent producer that a partition remembers. */
export type ActiveProducer = {
  readonly producerId: number;
  readonly producerEpoch: number;
  /** The sequence of its last record. */
  readonly lastSequence: number;
};

export type ProducersOfPartition = { readonly partition: number; readonly producers: readonly ActiveProducer[] };

// --- fetch

export type PartitionFetch = { readonly partition: number; readonly offset: number; readonly maxBytes?: number };

export type FetchRequest = TopicRef & {
  /** 1..256, each partition once. They are served in this order. */
  readonly partitions: readonly PartitionFetch[];
  /** Bounds the whole reply, but at least one batch is sent if there is one. Default 1 MiB. */
  readonly maxBytes?: number;
  /** The fetch waits until there are this many bytes, or `waitMs` is over. Default 1. */
  readonly minBytes?: number;
  /** 0..20,000. Default 0. */
  readonly waitMs?: number;
  /** Ends a wait early, when the caller has gone. */
  readonly signal?: AbortSignal;
};

/** Callers in the same process may fetch from several topics at a time. */
export type TopicFetch = TopicRef & {
  /**
   * Each partition once. A fetch that is `strong` sees every acknowledged write. Others may be two seconds late with what
   * other processes write, and cost less.
   */
  readonly partitions: readonly (PartitionFetch & { readonly strong?: boolean })[];
};

export type TopicsFetchRequest = Omit<FetchRequest, 'topic' | 'topicId' | 'partitions'> & {
  /** Each topic once, with 1..4,096 partitions in all. `maxBytes` may be up to 16 MiB. */
  readonly topics: readonly TopicFetch[];
  /** Resolves when the caller has memory for about so many bytes of records. They are read after that. */
  readonly roomFor?: (bytes: number) => Promise<void>;
};

export type PartitionRecords = {
  readonly partition: number;
  /** The next offset to be written. Records below it are readable. */
  readonly highWatermark: number;
  readonly logStartOffset: number;
  /** Whole batches with their real base offsets, in order. The first may begin below the offset asked for. */
  readonly batches: readonly Uint8Array[];
};

export type FetchReply = {
  readonly topicId: string;
  /**
   * There is one result per partition asked for, in that order. OFFSET_OUT_OF_RANGE has logStartOffset and
   * highWatermark in `error.extra`.
   */
  readonly partitions: readonly (PartitionRecords | PartitionError)[];
};

// --- offsets

/**
 * Milliseconds stand for the first offset whose record's timestamp is at or after that time, `maxTimestamp` for the first
 * offset that has the greatest timestamp.
 */
export type OffsetQuery = 'earliest' | 'latest' | 'maxTimestamp' | number;

export type PartitionOffset = {
  readonly partition: number;
  /** -1 if no record is at or after the time asked for (as in Kafka). */
  readonly offset: number;
  /** The timestamp of the record that was found, or what its batch claims; -1 otherwise. */
  readonly timestampMs: number;
};
