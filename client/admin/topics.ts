// Topics as the administration describes them.
import type { ConfigEntry, PartitionDescription, PartitionStorage } from '../../lib/api/topics.ts';

export type TopicSummary = {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: number;
  /** Epoch milliseconds. */
  readonly createdAt: number;
};

export type TopicDescription = TopicSummary & {
  readonly config: readonly ConfigEntry[];
  readonly warnings: readonly string[];
};

export type PartitionDetails = Omit<PartitionDescription, 'storage'> & {
  /** Present if it was asked for. */
  readonly storage?: Omit<PartitionStorage, 'maintainedMs'> & {
    /** When maintenance last went through the partition, in epoch milliseconds; absent if it never did. */
    readonly maintainedAt?: number;
  };
};

export type TopicOffsets = { readonly partition: number; readonly earliest: number; readonly latest: number };

/** `offset` is -1 when no record has a timestamp at or after the requested time. */
export type TimestampOffset = { readonly partition: number; readonly offset: number; readonly timestamp: number };
