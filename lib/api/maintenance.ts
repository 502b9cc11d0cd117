// The results of maintenance, as callers see them.

/** Each number counts from the beginning of the pass. In a dry run it says what would be done. */
export type MaintenanceCounts = {
  /** Records and bytes that moved from the segments of single requests into log segments. */
  readonly mergedRecords: number;
  readonly mergedBytes: number;
  /** Bytes of small log segments that were joined to larger ones. */
  readonly joinedBytes: number;
  /** Records and bytes that were older, or more, than the topic's retention allows. */
  readonly expiredRecords: number;
  readonly expiredBytes: number;
  /** Records and bytes that compaction has removed, because a newer record has the key. */
  readonly compactedRecords: number;
  readonly compactedBytes: number;
  /** Log segments that were written. */
  readonly writtenObjects: number;
  /** Objects that the sweep has deleted, and their bytes. Nothing named them. */
  readonly sweptObjects: number;
  readonly sweptBytes: number;
};

/** The merge of this partition has stopped here, and moves nothing until the damage is mended or deleted. */
export type MaintenanceDamage = { readonly partition: number; readonly offset: number; readonly reason: string };
