// The offsets of a commit, as OffsetCommit and TxnOffsetCommit send them, and as the engine takes them. The types of the two stand in
// their own files, where a test holds them to Kafka's definitions.
import type { PartitionCommit } from '../lib/api/groups.ts';

type TopicOffsets = {
  readonly name: string;
  readonly partitions: readonly {
    readonly partitionIndex: number;
    readonly committedOffset: number;
    /** Absent in early versions. */
    readonly committedLeaderEpoch?: number;
    readonly committedMetadata: string | null;
  }[];
};

/** One code for each partition. */
type TopicCodes = {
  readonly name: string;
  readonly partitions: readonly { readonly partitionIndex: number; readonly errorCode: number }[];
};

export const commitsOf = ({ partitions }: TopicOffsets): PartitionCommit[] =>
  partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch = -1, committedMetadata }) => ({
    ...{ partition: partitionIndex, offset: committedOffset, leaderEpoch: committedLeaderEpoch },
    metadata: committedMetadata ?? '',
  }));

export const codesOf = (
  topics: readonly TopicOffsets[],
  codeOf: (topic: string, partition: number) => number,
): TopicCodes[] =>
  topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: codeOf(name, partitionIndex) })),
  }));
