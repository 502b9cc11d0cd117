// These types say what maintenance did, as callers see it.

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

export type MaintenanceOptions = {
  /** Also merges ranges that the rules of size and age would leave for later. */
  readonly full?: boolean;
  /** Changes nothing in the log, and counts what would be changed. */
  readonly dryRun?: boolean;
  /** Lets retention remove records of topics that are older than the first version with retention. */
  readonly confirmRetention?: boolean;
};

/** The storage requests of a pass, as AWS bills them. */
export type MaintenanceRequests = {
  readonly s3Put: number;
  readonly s3Get: number;
  readonly s3List: number;
  readonly s3Delete: number;
  readonly readUnits: number;
  readonly writeUnits: number;
};

export type MaintenanceReport = {
  readonly counts: MaintenanceCounts;
  /** The number of partitions that were looked after. */
  readonly partitions: number;
  /** The number of places where damage has stopped a merge. The first of them are listed. */
  readonly damaged: number;
  readonly damage: readonly (MaintenanceDamage & { readonly topic: string })[];
  /** Objects that the index names and the store lacks. Only a pass over all topics looks for them. */
  readonly missingObjects: number;
  /** Says what the pass left undone, and why. */
  readonly notes: readonly string[];
  readonly requests: MaintenanceRequests;
  /** The list price of the requests, in dollars. */
  readonly usd: number;
  /** The time at work. A pass that goes on in another process does not count the time between. */
  readonly durationMs: number;
};

/** A pass that makes no progress for a quarter of an hour has failed, and may be started again. */
export type PassState = 'requested' | 'running' | 'done' | 'failed';

export type MaintenancePass = Required<MaintenanceOptions> & {
  readonly passId: string;
  readonly state: PassState;
  readonly requestedMs: number;
  readonly progressMs: number;
  readonly donePartitions: number;
  readonly partitions: number;
  /** The reason of a failure. */
  readonly reason?: string;
  /** The report of this pass so far, or of the last one while this one has not begun. */
  readonly report?: MaintenanceReport;
};

export type Maintenance = {
  /**
   * Starts a pass over a topic, or over all topics and the objects that nothing names. It returns before the pass ends. If
   * a pass is at work already, it returns that one.
   */
  start(request: MaintenanceOptions & { readonly topic?: string }): Promise<MaintenancePass>;
  /** Returns the last pass. Throws NOT_FOUND if none was ever requested. */
  last(request: { readonly topic?: string }): Promise<MaintenancePass>;
};
