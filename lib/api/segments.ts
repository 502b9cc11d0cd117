// The stored pieces of a partition, as operators see them: which objects and items of the table hold which offsets.

import type { TopicRef } from './topics.ts';

/**
 * A piece is a run of batches of one partition:
 * - `log`: a log segment, an object that maintenance has made and that holds this partition alone;
 * - `ingest`: a stretch of the object of one upload, which may hold other partitions too;
 * - `staged`: the same, of a transaction that was committed;
 * - `inline`: an item of the table;
 * - `list`: a list of staged pieces that cannot be read. Its bytes are those of the list, not of batches.
 */
export type SegmentKind = 'log' | 'ingest' | 'staged' | 'inline' | 'list';

export type PartitionSegment = {
  readonly kind: SegmentKind;
  /** Says where the index names it: in a log item, in an index page, or in the tail of the head. */
  readonly indexedIn: 'log' | 'page' | 'tail';
  /** The first offset of that index page. */
  readonly pageOffset?: number;
  readonly baseOffset: number;
  /** This offset is exclusive. */
  readonly endOffset: number;
  /** The records in it: fewer than its offsets after a compaction. */
  readonly records: number;
  /** The key of the object, or the name of the item of the table. */
  readonly object: string;
  /** Where it begins in the object, and how many bytes it has there. */
  readonly position: number;
  readonly bytes: number;
  /** The greatest timestamp of its records, as their producers claimed it. */
  readonly maxTimestampMs: number;
  /** The hour in which the object or item was written. */
  readonly createdMs: number;
};

export type SegmentsReply = {
  readonly topicId: string;
  readonly partition: number;
  readonly logStartOffset: number;
  /** Log segments hold the offsets below this one. */
  readonly mergedOffset: number;
  /** Index pages name what lies between that offset and this one, and the tail what lies behind. */
  readonly tailOffset: number;
  readonly highWatermark: number;
  readonly segments: readonly PartitionSegment[];
  /** The offset at which the next page begins. Absent at the end. */
  readonly nextOffset?: number;
};

export type SegmentBytes = {
  readonly topicId: string;
  readonly segment: PartitionSegment;
  /** The bytes from `fromByte` on, counted from the beginning of the piece. They are as stored, and not checked. */
  readonly bytes: Uint8Array;
};

export type Segments = {
  /**
   * Returns the pieces from the one that holds `from` on, at most `limit` (default 100). An offset below the log start begins
   * there. Throws UNKNOWN_TOPIC_OR_PARTITION.
   */
  list(
    request: TopicRef & { readonly partition: number; readonly from?: number; readonly limit?: number },
  ): Promise<SegmentsReply>;
  /**
   * Returns at most 4 MiB of the piece that holds `offset`, and never a byte of another partition. Throws
   * OFFSET_OUT_OF_RANGE; NOT_FOUND if `object` is given and another object or item has the offset by now; CORRUPT_LOG if the
   * object or item is gone or too short.
   */
  read(
    request: TopicRef & {
      readonly partition: number;
      readonly offset: number;
      readonly object?: string;
      readonly fromByte?: number;
    },
  ): Promise<SegmentBytes>;
};
