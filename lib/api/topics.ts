// Topics as the engine's callers see them. HTTP carries these shapes, and the SDK gives and takes them.

/** Names a topic. If `topicId` (22 characters of base64url) is given too, another topic of that name is refused. */
export type TopicRef = { readonly topic: string; readonly topicId?: string };

export type CreateTopicRequest = {
  readonly topic: string;
  /** 1..10,000. Default 1. */
  readonly partitions?: number;
  readonly config?: Readonly<Record<string, string>>;
  /** Nothing is created: the reply, or the error, is the one that a creation would have now. */
  readonly validateOnly?: boolean;
};

export type AlterTopicRequest = {
  readonly topic: string;
  /** The new total. It can only be greater than today's. */
  readonly partitions?: number;
  /** A null value goes back to the default. */
  readonly config?: Readonly<Record<string, string | null>>;
};

type ConfigChanges = NonNullable<AlterTopicRequest['config']>;

/** A change that is asked for within the process of the engine. */
export type TopicChange = Omit<AlterTopicRequest, 'config'> & {
  /** A function computes the changes from the values that were set, and from no older ones than the change replaces. */
  readonly config?: ConfigChanges | ((set: Readonly<Record<string, string>>) => ConfigChanges);
  /** Nothing is changed; the reply, or the error, is the one that a change would have now. */
  readonly validateOnly?: boolean;
};

export type ConfigEntry = {
  readonly name: string;
  readonly value: string;
  readonly isDefault: boolean;
  /** If a value has no meaning here, this says why it was accepted. */
  readonly note?: string;
};

export type PartitionDescription = {
  readonly partition: number;
  readonly earliest: number;
  /** The next offset to be written. */
  readonly latest: number;
  /**
   * The size of the batches from the earliest offset on, as they were appended: compaction does not reduce it. It is
   * exact, but for half a MiB if the earliest offset lies within a log segment.
   */
  readonly bytes: number;
  /** Maintenance has made this of the partition. It is present if it was asked for. */
  readonly storage?: PartitionStorage;
};

/** `latest` is the next offset to be written. */
export type PartitionEnds = Pick<PartitionDescription, 'partition' | 'earliest' | 'latest'>;

export type PartitionStorage = {
  readonly logSegments: number;
  /** The size of the batches in log segments. */
  readonly logSegmentBytes: number;
  /** The appends that are items of the table, until a merge takes them. Absent if thousands of appends wait for the merge. */
  readonly inlineItems?: number;
  /** The size of the batches in these items. */
  readonly inlineBytes?: number;
  /** For compacted topics: which part of those bytes no pass of compaction has read yet, from 0 to 1. */
  readonly dirtyRatio?: number;
  /** When maintenance last went through the partition; absent if it never did. */
  readonly maintainedMs?: number;
  /** Merging stands still at this offset, because what is stored there is damaged. */
  readonly damagedOffset?: number;
};

export type TopicSummary = {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: number;
  readonly createdMs: number;
};

export type TopicDescription = TopicSummary & {
  /** Every known configuration, with the defaults marked. */
  readonly config: readonly ConfigEntry[];
  /** Sentences that a person should read, about many partitions or configurations without meaning here. */
  readonly warnings: readonly string[];
};
