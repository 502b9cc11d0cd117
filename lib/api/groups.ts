// Consumer groups as the engine's callers see them: `engine.groups`. The shape and the words are KIP-848's: one heartbeat
// joins, keeps alive, reports what is owned, receives the assignment, and leaves. Errors are RivuletError; those of one
// partition are values beside the others.
// https://cwiki.apache.org/confluence/display/KAFKA/KIP-848
import type { PartitionError } from './records.ts';
import type { TopicRef } from './topics.ts';

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

/** How a member names what it owns: without an id, the topic of that name that the group knows it by. */
export type OwnedPartitions = TopicRef & { readonly partitions: readonly number[] };

// --- heartbeat

export type HeartbeatRequest = {
  readonly groupId: string;
  /** Made by the client, once per member: 1..64 of [A-Za-z0-9._-]; 22 characters of random base64url are stored shortest. */
  readonly memberId: string;
  /** The last epoch the member was told; 0 joins, -1 leaves, -2 leaves to return. */
  readonly memberEpoch: number;
  /** Grows with every heartbeat of this member id, for ever; a repeat of a lost request carries the same one. */
  readonly heartbeatSeq: number;
  /** Static membership. The same with every heartbeat. */
  readonly instanceId?: string;
  readonly rackId?: string;
  readonly clientId?: string;
  /** Where the request came from, for people. */
  readonly host?: string;
  /** How long the member may take to let go of a partition. Default 300,000. */
  readonly rebalanceTimeoutMs?: number;
  /** Proposed; the group's bounds limit it. Default 45,000. */
  readonly sessionTimeoutMs?: number;
  /** Proposed; the group's bounds limit it. Default 5,000. */
  readonly heartbeatIntervalMs?: number;
  /** To join, this or a regex is needed; afterwards absent means unchanged. */
  readonly subscribedTopicNames?: readonly string[];
  /** RE2 syntax, matched against the whole name. */
  readonly subscribedTopicRegex?: string;
  /** The group takes the one that most of its members ask for. Default uniform. */
  readonly serverAssignor?: string;
  /** Everything the member owns now. Absent: it says nothing of it, and so lets go of nothing. */
  readonly topicPartitions?: readonly OwnedPartitions[];
  /** When the gateway took the request, by its clock: so the heartbeat is judged. A coordinator far from it answers COORDINATOR_NOT_AVAILABLE. */
  readonly receivedMs?: number;
};

// --- committed offsets

export type PartitionCommit = {
  readonly partition: number;
  /** The next offset to be read. Neither held against the log's start nor its end, as in Kafka. */
  readonly offset: number;
  readonly leaderEpoch?: number;
  /** A note of at most 4,096 bytes. */
  readonly metadata?: string;
};

export type CommitOffsetsRequest = {
  readonly groupId: string;
  /** With `memberEpoch` and `commitSeq`: a member commits what it owns. Without all three: only while the group has no members. */
  readonly memberId?: string;
  readonly memberEpoch?: number;
  /** Grows with every commit of this member id: one that comes late changes nothing. */
  readonly commitSeq?: number;
  readonly topics: readonly (TopicRef & { readonly partitions: readonly PartitionCommit[] })[];
};

export type PartitionResult = { readonly partition: number } | PartitionError;

/** In the order of the request. What is not refused is committed in one step (per 100 offsets items, up to 1,600 partitions; without membership 99). */
export type PerPartitionReply = {
  readonly topics: readonly {
    readonly topic: string;
    readonly topicId?: string;
    readonly partitions: readonly PartitionResult[];
  }[];
};

export type FetchOffsetsRequest = {
  readonly groupId: string;
  /** Absent: everything that is committed. Without partitions: all of the topic's that have an offset. */
  readonly topics?: readonly (TopicRef & { readonly partitions?: readonly number[] })[];
  /** Goes on behind it: what comes before, by topic id and partition, is left out. */
  readonly after?: OffsetPosition;
};

export type OffsetPosition = { readonly topicId: string; readonly partition: number };

export type CommittedOffset = {
  readonly partition: number;
  /** -1: nothing is committed. */
  readonly offset: number;
  /** -1 when it was not given. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** By the clock of whoever took the commit; -1 without one. */
  readonly committedMs: number;
};

export type FetchOffsetsReply = {
  readonly topics: readonly {
    readonly topic: string;
    readonly topicId?: string;
    readonly partitions: readonly (CommittedOffset | PartitionError)[];
  }[];
};

export type DeleteOffsetsRequest = {
  readonly groupId: string;
  /** Without partitions: all of the topic's. */
  readonly topics: readonly (TopicRef & { readonly partitions?: readonly number[] })[];
};

export type ResetTarget =
  | OffsetTarget
  /** The first record at or after it; the end when there is none. */
  | { readonly to: 'datetime'; readonly timestampMs: number };

export type ResetOffsetsRequest = {
  readonly groupId: string;
  /** Without partitions: all of the topic. */
  readonly topics: readonly (TopicRef & {
    readonly partitions?: readonly number[];
    readonly target: ResetTarget;
  })[];
  /** Only tells what would be set. */
  readonly dryRun: boolean;
};

export type ResetOffsetsReply = {
  readonly topics: readonly {
    readonly topic: string;
    readonly topicId: string;
    readonly partitions: readonly (
      | {
          readonly partition: number;
          /** -1: there was none. */
          readonly previousOffset: number;
          readonly offset: number;
        }
      | PartitionError
    )[];
  }[];
};

export type Groups = {
  heartbeat(request: HeartbeatRequest): Promise<HeartbeatReply>;
  commitOffsets(request: CommitOffsetsRequest): Promise<PerPartitionReply>;
  fetchOffsets(request: FetchOffsetsRequest): Promise<FetchOffsetsReply>;
  /** Refused per topic while a member subscribes to it. */
  deleteOffsets(request: DeleteOffsetsRequest): Promise<PerPartitionReply>;
  /** Refused while the group has members. */
  resetOffsets(request: ResetOffsetsRequest): Promise<ResetOffsetsReply>;
  /** By name; `after` is the last name of the page before. */
  list(request: {
    readonly limit?: number;
    readonly after?: string;
  }): Promise<{ groups: readonly GroupSummary[]; more: boolean }>;
  describe(groupId: string): Promise<GroupDescription>;
  /** Reads no member: cheap enough for a watch, and true while every consumer is dead. */
  lag(groupId: string): Promise<readonly PartitionLag[]>;
  /** Refused while the group has members. */
  delete(groupId: string): Promise<void>;
  /** All of them, those too that are being deleted; every hour begins with another. For maintenance. */
  inTurn(): Promise<readonly string[]>;
  /** Removes the offsets that `retentionMs` has passed over, and a group that has nothing left. For maintenance. */
  expire(request: {
    readonly groupId: string;
    readonly retentionMs: number;
  }): Promise<{ readonly offsets: number; readonly isGone: boolean }>;
};
