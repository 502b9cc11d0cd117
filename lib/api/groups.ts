// Consumer groups as the engine's callers see them: `engine.groups`. The shape and the words are KIP-848's: one
// heartbeat joins, keeps alive, reports what is owned, receives the assignment, and leaves. All errors are
// RivuletErrors; the error of one partition is a value beside the results of the others.
// https://cwiki.apache.org/confluence/display/KAFKA/KIP-848
import type { FailureNote, SubscriptionState } from './push.ts';
import type { PartitionError } from './records.ts';
import type { TopicRef } from './topics.ts';

/** A member begins with epoch 0. */
export const joinEpoch = 0;
/** The member leaves for good, and its partitions are given to others immediately. */
export const leaveEpoch = -1;
/** A static member leaves and will be back within its session, so nothing moves. */
export const leaveStaticEpoch = -2;

export type Assignor = 'uniform' | 'range';

/** The partitions of one topic, ascending. The id says which topic of that name is meant. */
export type TopicPartitions = {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: readonly number[];
};

export type HeartbeatReply = {
  readonly memberId: string;
  /** The member sends this epoch with its next heartbeat. It is -1 or -2 after leaving. */
  readonly memberEpoch: number;
  /** The time until the next heartbeat. It is short while partitions are on their way. */
  readonly heartbeatIntervalMs: number;
  readonly sessionTimeoutMs: number;
  /**
   * How long the member may believe that it owns the assignment, counted from the moment when the request was *sent*.
   */
  readonly leaseMs: number;
  /**
   * The assignment is always complete. The member must let go of what it owns beyond this, and then say so by a
   * heartbeat.
   */
  readonly assignment: readonly TopicPartitions[];
};

/**
 * Empty means that there are no members. In Assigning, a target is to be computed. In Reconciling, partitions are on
 * their way.
 */
export type GroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable';

export type GroupSummary = {
  readonly groupId: string;
  readonly state: GroupState;
  readonly members: number;
  /** Present if the members speak Kafka's classic protocol; `consumer` for consumers. */
  readonly protocolType?: string;
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
  /**
   * How long ago its lease was last renewed. The last heartbeat may be younger by a third of the session, because a
   * lease is renewed no more often.
   */
  readonly renewedAgoMs: number;
  /** The partitions that it may read now. */
  readonly assignment: readonly TopicPartitions[];
  /** The partitions that it is to have. */
  readonly targetAssignment: readonly TopicPartitions[];
  /** The partitions that it still has to let go of. */
  readonly revoking: readonly TopicPartitions[];
};

/** The lag of a partition that is assigned, or has a committed offset. -1 stands where there is nothing to tell. */
export type PartitionLag = {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly currentOffset: number;
  /** The time since that offset was committed. Absent if nothing is committed. */
  readonly committedAgoMs?: number;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  /** The number of records from the committed offset, or from the log's start if that is greater, to the end. */
  readonly lag: number;
  /** The age of the batch that holds the oldest unread record; 0 if there is none. */
  readonly timeLagMs: number;
  /** The number of records that were removed before this group read them. */
  readonly lostRecords: number;
  /**
   * The time that is left, at least, until retention by time removes the oldest unread record. Absent if it never does, or
   * if nothing is unread.
   */
  readonly expiresInMs?: number;
  readonly metadata: string;
  /** The member that owns the partition. */
  readonly memberId?: string;
  /** A delivery of the group's subscription has the partition until then. */
  readonly leaseUntilMs?: number;
  /** The batch that the group's subscription delivers again and again. */
  readonly failing?: FailureNote;
};

export type GroupDescription = GroupSummary & {
  readonly assignor: Assignor;
  readonly groupEpoch: number;
  readonly assignmentEpoch: number;
  readonly memberDetails: readonly MemberDescription[];
  /** These are sorted by topic and partition. */
  readonly partitionDetails: readonly PartitionLag[];
  /** Present if a subscription does the work of the members. The group is Stable then, and Empty while nothing is delivered. */
  readonly subscription?: { readonly state: SubscriptionState; readonly pausedReason?: string };
};

/** Says where to set an offset. An offset that lies beyond the log is brought to its start or end. */
export type OffsetTarget =
  | { readonly to: 'earliest' | 'latest' | 'current' }
  | { readonly to: 'offset'; readonly offset: number }
  /** Each partition has its own offset; `partitions` is then left out. */
  | { readonly to: 'offsets'; readonly offsets: readonly { readonly partition: number; readonly offset: number }[] }
  /** Counts from the committed offset; refused where nothing is committed. */
  | { readonly to: 'shift'; readonly by: number };

/** How a member names what it owns. Without an id, it means the topic of that name that the group knows it by. */
export type OwnedPartitions = TopicRef & { readonly partitions: readonly number[] };

// --- heartbeat

export type HeartbeatRequest = {
  readonly groupId: string;
  /**
   * The client makes it, once per member: 1..64 of [A-Za-z0-9._+/=-]. An id of 22 characters of random base64url is stored
   * shortest.
   */
  readonly memberId: string;
  /** The last epoch that the member received; 0 joins, -1 leaves, -2 leaves to return. */
  readonly memberEpoch: number;
  /** It grows with every heartbeat of this member id, for ever. A repeat of a lost request carries the same number. */
  readonly heartbeatSeq: number;
  /** The id makes the member static. Absent in a later heartbeat means unchanged. */
  readonly instanceId?: string;
  readonly rackId?: string;
  readonly clientId?: string;
  /** The address that the request came from, for people. */
  readonly host?: string;
  /** How long the member may take to let go of a partition. Default 300,000. */
  readonly rebalanceTimeoutMs?: number;
  /** The member proposes it, and the group's bounds limit it. Default 45,000. */
  readonly sessionTimeoutMs?: number;
  /** The member proposes it, and the group's bounds limit it. Default 5,000. */
  readonly heartbeatIntervalMs?: number;
  /** To join, this or a regex is needed. Afterwards, absent means unchanged. */
  readonly subscribedTopicNames?: readonly string[];
  /** The expression has RE2 syntax, and must match the whole name. */
  readonly subscribedTopicRegex?: string;
  /** The group takes the one that most of its members ask for. Default uniform. */
  readonly serverAssignor?: string;
  /**
   * Everything that the member owns now. If this is absent, the member says nothing about it, and so lets go of
   * nothing.
   */
  readonly topicPartitions?: readonly OwnedPartitions[];
  /**
   * The time when the gateway took the request, by the gateway's clock. The heartbeat is judged by it. A coordinator
   * whose clock is far from it answers COORDINATOR_NOT_AVAILABLE.
   */
  readonly receivedMs?: number;
};

// --- committed offsets

export type PartitionCommit = {
  readonly partition: number;
  /** The next offset to be read. It is checked neither against the log's start nor against its end, as in Kafka. */
  readonly offset: number;
  readonly leaderEpoch?: number;
  /** A note of at most 4,096 bytes. */
  readonly metadata?: string;
};

export type CommitOffsetsRequest = {
  readonly groupId: string;
  /**
   * With `memberEpoch` and `commitSeq`, a member commits what it owns. Without all three, a caller may commit only
   * while the group has no members.
   */
  readonly memberId?: string;
  readonly memberEpoch?: number;
  /** It grows with every commit of this member id, so that a commit that arrives late changes nothing. */
  readonly commitSeq?: number;
  readonly topics: readonly (TopicRef & { readonly partitions: readonly PartitionCommit[] })[];
};

export type PartitionResult = { readonly partition: number } | PartitionError;

/**
 * The results are in the order of the request. The partitions that are not refused are committed in one step (per 100
 * offsets items, up to 1,600 partitions; without membership 99).
 */
export type PerPartitionReply = {
  readonly topics: readonly {
    readonly topic: string;
    readonly topicId?: string;
    readonly partitions: readonly PartitionResult[];
  }[];
};

export type FetchOffsetsRequest = {
  readonly groupId: string;
  /**
   * If this is absent, everything that is committed is returned. Without partitions, all those of the topic that have
   * an offset are.
   */
  readonly topics?: readonly (TopicRef & { readonly partitions?: readonly number[] })[];
  /** The reply goes on behind this position: what comes before it, by topic id and partition, is left out. */
  readonly after?: OffsetPosition;
};

export type OffsetPosition = { readonly topicId: string; readonly partition: number };

export type CommittedOffset = {
  readonly partition: number;
  /** -1 if nothing is committed. */
  readonly offset: number;
  /** -1 if it was not given. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** The time of the commit, by the clock of the process that took it; -1 if nothing is committed. */
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
  /** Without partitions, this means all those of the topic. */
  readonly topics: readonly (TopicRef & { readonly partitions?: readonly number[] })[];
};

export type ResetTarget =
  | OffsetTarget
  /** The first record at or after this time; the end of the log if there is none. */
  | { readonly to: 'datetime'; readonly timestampMs: number };

export type ResetOffsetsRequest = {
  readonly groupId: string;
  /** Without partitions, this means all those of the topic. */
  readonly topics: readonly (TopicRef & {
    readonly partitions?: readonly number[];
    readonly target: ResetTarget;
  })[];
  /** If true, the request only tells what would be set. */
  readonly dryRun: boolean;
};

export type ResetOffsetsReply = {
  readonly topics: readonly {
    readonly topic: string;
    readonly topicId: string;
    readonly partitions: readonly (
      | {
          readonly partition: number;
          /** -1 if there was none. */
          readonly previousOffset: number;
          readonly offset: number;
        }
      | PartitionError
    )[];
  }[];
};

export type Groups = {
  heartbeat(request: HeartbeatRequest): Promise<HeartbeatReply>;
  /** Throws UNKNOWN_MEMBER_ID or STALE_MEMBER_EPOCH if the member may not read offsets at this epoch. */
  checkMember(request: {
    readonly groupId: string;
    readonly memberId: string;
    readonly memberEpoch: number;
  }): Promise<void>;
  commitOffsets(request: CommitOffsetsRequest): Promise<PerPartitionReply>;
  fetchOffsets(request: FetchOffsetsRequest): Promise<FetchOffsetsReply>;
  /** Refused for a topic while a member subscribes to it. */
  deleteOffsets(request: DeleteOffsetsRequest): Promise<PerPartitionReply>;
  /** Refused while the group has members. */
  resetOffsets(request: ResetOffsetsRequest): Promise<ResetOffsetsReply>;
  /** The groups are sorted by name; `after` is the last name of the page before. */
  list(request: {
    readonly limit?: number;
    readonly after?: string;
  }): Promise<{ groups: readonly GroupSummary[]; more: boolean }>;
  describe(groupId: string): Promise<GroupDescription>;
  /** It reads no member, so it is cheap enough to be watched, and true while every consumer is dead. */
  lag(groupId: string): Promise<readonly PartitionLag[]>;
  /** Refused while the group has members. */
  delete(groupId: string): Promise<void>;
  /**
   * Returns all groups, including those that are being deleted. The list begins with another one every hour. It is for
   * maintenance.
   */
  inTurn(): Promise<readonly string[]>;
  /**
   * Removes the offsets that are older than `retentionMs`, and a group that has nothing left. It is for maintenance.
   */
  expire(request: {
    readonly groupId: string;
    readonly retentionMs: number;
  }): Promise<{ readonly offsets: number; readonly isGone: boolean }>;
};
