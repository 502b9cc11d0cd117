// What the engine takes and gives, HTTP carries, and the SDK gives and takes, all in the same words: written once. Where they
// differ, in how a time is named for instance, each has its own (engine.ts, groups.ts, client/).

// --- topics

export type CreateTopicRequest = {
  readonly topic: string;
  /** 1..10,000. Default 1. */
  readonly partitions?: number;
  readonly config?: Readonly<Record<string, string>>;
};

export type AlterTopicRequest = {
  readonly topic: string;
  /** The new total; only greater than today's. */
  readonly partitions?: number;
  /** A null value goes back to the default. */
  readonly config?: Readonly<Record<string, string | null>>;
};

export type ConfigEntry = {
  readonly name: string;
  readonly value: string;
  readonly isDefault: boolean;
  /** Where a value has no meaning here: why it was accepted. */
  readonly note?: string;
};

export type PartitionDescription = {
  readonly partition: number;
  readonly earliest: number;
  /** The next offset to be written. */
  readonly latest: number;
  /** Of the batches that are readable. */
  readonly bytes: number;
};

// --- groups

/** A member begins with epoch 0. */
export const joinEpoch = 0;
/** Leaves for good: its partitions are given to others at once. */
export const leaveEpoch = -1;
/** A static member goes and will be back within its session: nothing moves. */
export const leaveStaticEpoch = -2;

export type Assignor = 'uniform' | 'range';

/** Partitions of one topic, ascending. The id says which topic of that name is meant. */
export type TopicPartitions = {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: readonly number[];
};

export type HeartbeatReply = {
  readonly memberId: string;
  /** To be sent with the next heartbeat. -1 or -2 after leaving. */
  readonly memberEpoch: number;
  /** When to send the next one; short while partitions are on their way. */
  readonly heartbeatIntervalMs: number;
  readonly sessionTimeoutMs: number;
  /** From the moment the request was *sent*: so long may the member believe that it owns what it was told. */
  readonly leaseMs: number;
  /** Always all of it. What the member owns beyond this it must let go of; then say so by a heartbeat. */
  readonly assignment: readonly TopicPartitions[];
};

/** Empty: no members. Assigning, Reconciling: partitions are on their way. */
export type GroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable';

export type GroupSummary = {
  readonly groupId: string;
  readonly state: GroupState;
  readonly members: number;
};

export type MemberDescription = {
  readonly memberId: string;
  readonly instanceId?: string;
  readonly rackId?: string;
  readonly clientId: string;
  readonly host: string;
  readonly memberEpoch: number;
  readonly subscribedTopicNames: readonly string[];
  readonly subscribedTopicRegex?: string;
  readonly sessionTimeoutMs: number;
  /** How long ago its lease was last renewed, at least a third of the session behind its last heartbeat. */
  readonly renewedAgoMs: number;
  /** What it may read now. */
  readonly assignment: readonly TopicPartitions[];
  /** What it is to have. */
  readonly targetAssignment: readonly TopicPartitions[];
  /** What it still has to let go of. */
  readonly revoking: readonly TopicPartitions[];
};

/** Of a partition that is assigned, or has a committed offset. -1 where there is nothing to tell. */
export type PartitionLag = {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly currentOffset: number;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  /** Records from the committed offset, or from the log's start if that is greater, to the end. */
  readonly lag: number;
  /** Age of the batch that holds the oldest unread record; 0 when there is none. */
  readonly timeLagMs: number;
  /** Records that were removed before this group read them. */
  readonly lostRecords: number;
  readonly metadata: string;
  /** Whose the partition is. */
  readonly memberId?: string;
};

export type GroupDescription = GroupSummary & {
  readonly assignor: Assignor;
  readonly groupEpoch: number;
  readonly assignmentEpoch: number;
  readonly memberDetails: readonly MemberDescription[];
  /** By topic and partition. */
  readonly partitionDetails: readonly PartitionLag[];
};

/** Of where to set an offset. What lies beyond the log is brought to its start or end. */
export type OffsetTarget =
  | { readonly to: 'earliest' | 'latest' | 'current' }
  | { readonly to: 'offset'; readonly offset: number }
  /** Of each partition its own; `partitions` is then left out. */
  | { readonly to: 'offsets'; readonly offsets: readonly { readonly partition: number; readonly offset: number }[] }
  /** From what is committed; refused where nothing is. */
  | { readonly to: 'shift'; readonly by: number };
