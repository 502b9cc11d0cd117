// This file has what programs give to KafkaJS's consumer, and says which of the SDK's options each setting becomes.
import type { ConsumerOptions, TopicPartition } from '../consumer/consumer-options.ts';
import type { Batch } from './batch.ts';
import type { KafkaMessage } from './messages.ts';
import type { Retry } from './retry.ts';

export type ConsumerConfig = {
  readonly groupId: string;
  readonly groupInstanceId?: string;
  readonly sessionTimeout?: number;
  readonly rebalanceTimeout?: number;
  readonly heartbeatInterval?: number;
  readonly maxBytes?: number;
  readonly maxBytesPerPartition?: number;
  readonly minBytes?: number;
  readonly maxWaitTimeInMs?: number;
  readonly retry?: Partial<Retry>;
  /** No effect: the service assigns, `uniform` by default. */
  readonly partitionAssigners?: readonly unknown[];
  /** No effect: no record of a transaction is readable before its commit. */
  readonly readUncommitted?: boolean;
  readonly allowAutoTopicCreation?: boolean;
  readonly metadataMaxAge?: number;
  readonly maxInFlightRequests?: number | null;
  readonly rackId?: string;
};

export type ConsumerSubscribeTopics = {
  readonly topics: readonly (string | RegExp)[];
  readonly fromBeginning?: boolean;
};
export type ConsumerSubscribeTopic = { readonly topic: string | RegExp; readonly fromBeginning?: boolean };

export type EachMessagePayload = TopicPartition & {
  readonly message: KafkaMessage;
  /** Heartbeats are sent by themselves. This lets other work of the process go on. */
  readonly heartbeat: () => Promise<void>;
  readonly pause: () => () => void;
};

export type EachBatchPayload = {
  readonly batch: Batch;
  readonly resolveOffset: (offset: string) => void;
  readonly heartbeat: () => Promise<void>;
  readonly pause: () => () => void;
  readonly commitOffsetsIfNecessary: (offsets?: OffsetsByTopic) => Promise<void>;
  readonly uncommittedOffsets: () => OffsetsByTopic;
  readonly isRunning: () => boolean;
  readonly isStale: () => boolean;
};

export type OffsetsByTopic = {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
  }[];
};

export type ConsumerRunConfig = {
  readonly autoCommit?: boolean;
  readonly autoCommitInterval?: number | null;
  readonly autoCommitThreshold?: number | null;
  readonly eachBatchAutoResolve?: boolean;
  readonly partitionsConsumedConcurrently?: number;
  readonly eachMessage?: (payload: EachMessagePayload) => Promise<void> | void;
  readonly eachBatch?: (payload: EachBatchPayload) => Promise<void> | void;
};

export type TopicPartitionOffsetAndMetadata = TopicPartition & {
  readonly offset: string;
  readonly metadata?: string | null;
};
export type TopicPartitions = { readonly topic: string; readonly partitions?: readonly number[] };

/** The largest answer that the service gives. KafkaJS's default is larger. */
const maxFetchBytes = 4 * 1024 * 1024;

export function sdkOptions(
  config: ConsumerConfig,
  { autoCommit = true, autoCommitInterval }: ConsumerRunConfig,
): ConsumerOptions {
  const { sessionTimeout = 30_000, heartbeatInterval = 3_000 } = config;
  const { groupInstanceId, rebalanceTimeout, maxBytes, maxBytesPerPartition, minBytes, maxWaitTimeInMs } = config;
  return {
    ...{ groupId: config.groupId, sessionTimeoutMs: sessionTimeout, autoCommit },
    // A third is the most that the SDK takes, so that one lost heartbeat ends no membership.
    heartbeatIntervalMs: Math.min(heartbeatInterval, Math.floor(sessionTimeout / 3)),
    ...(groupInstanceId !== undefined && { groupInstanceId }),
    ...(rebalanceTimeout !== undefined && { maxPollIntervalMs: rebalanceTimeout }),
    ...(maxBytes !== undefined && { maxBytes: Math.min(maxBytes, maxFetchBytes) }),
    ...(maxBytesPerPartition !== undefined && { maxBytesPerPartition: Math.min(maxBytesPerPartition, maxFetchBytes) }),
    ...(minBytes !== undefined && { minBytes }),
    ...(maxWaitTimeInMs !== undefined && { maxWaitMs: maxWaitTimeInMs }),
    ...(autoCommitInterval && { autoCommitIntervalMs: autoCommitInterval }),
  };
}
