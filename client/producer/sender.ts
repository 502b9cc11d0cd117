// The sending half of a producer, as its transactions use it.
import type { Clock } from '../../lib/runtime/clock.ts';
import type { Message, MessageBytes } from '../message.ts';
import type { RecordMetadata } from '../record-metadata.ts';
import type { Connection } from '../transport/connection.ts';
import type { RetryPolicy } from '../transport/retry.ts';
import type { TopicMetadataCache } from './topic-metadata.ts';

export type ProducerContext = {
  readonly connection: Connection;
  readonly metadata: TopicMetadataCache;
  readonly clock: Clock;
  readonly retry: RetryPolicy;
};

export type TopicMessages<K = MessageBytes, V = MessageBytes> = {
  readonly topic: string;
  readonly messages: readonly Message<K, V>[];
};

export type Sender<K = MessageBytes, V = MessageBytes> = {
  send(request: TopicMessages<K, V>): Promise<RecordMetadata[]>;
  sendBatch(request: { readonly topicMessages: readonly TopicMessages<K, V>[] }): Promise<RecordMetadata[]>;
  /** Resolves when every send so far has settled, successfully or not. */
  flush(): Promise<void>;
};
