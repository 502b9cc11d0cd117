// What an application gives to run().
import type { TopicPartition } from './consumer-options.ts';
import type { ConsumedMessage } from './message.ts';

type MessageBatch = TopicPartition & {
  readonly messages: readonly ConsumedMessage[];
  /** The next offset to be written, when this was fetched. */
  readonly highWatermark: number;
};

export type Handlers = {
  /** Partitions that are worked on at the same time; the messages of one come in order, one after the other. Default 1. */
  readonly concurrency?: number;
} & (
  | { readonly eachMessage: (message: ConsumedMessage) => Promise<void> | void; readonly eachBatch?: never }
  | { readonly eachBatch: (batch: MessageBatch) => Promise<void> | void; readonly eachMessage?: never }
);
