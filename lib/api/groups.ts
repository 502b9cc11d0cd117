// Consumer groups as the engine's callers see them: `engine.groups`. The shape and the words are KIP-848's: one heartbeat
// joins, keeps alive, reports what is owned, receives the assignment, and leaves. Errors are RivuletError; those of one
// partition are values beside the others.
// https://cwiki.apache.org/confluence/display/KAFKA/KIP-848
import type { PartitionError, TopicRef } from './engine.ts';
import type { GroupDescription, GroupSummary, HeartbeatReply, OffsetTarget, PartitionLag } from './shapes.ts';

export type {
  Assignor,
  GroupDescription,
  GroupState,
  GroupSummary,
  HeartbeatReply,
  MemberDescription,
  PartitionLag,
  TopicPartitions,
} from './shapes.ts';
export { joinEpoch, leaveEpoch, leaveStaticEpoch } from './shapes.ts';

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
  /** All of them, those too that are being deleted; every hour begins with another. For upkeep. */
  inTurn(): Promise<readonly string[]>;
  /** Removes the offsets that `retentionMs` has passed over, and a group that has nothing left. For upkeep. */
  expire(request: {
    readonly groupId: string;
    readonly retentionMs: number;
  }): Promise<{ readonly offsets: number; readonly isGone: boolean }>;
};
