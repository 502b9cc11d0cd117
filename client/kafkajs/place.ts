// A partition as a program of KafkaJS sees it while it reads.
import type { Consumer as SdkConsumer } from '../consumer/consumer.ts';
import type { TopicPartition } from '../consumer/consumer-options.ts';
import type { ConsumedMessage } from '../message.ts';

/** The rest of a batch is stale after a seek. */
export type Place = TopicPartition & { seeks: number; isPaused: boolean };

/** The next message to be handed over is this one, and what lies before it may be committed. */
export function goOnAt(consumer: SdkConsumer, { topic, partition, offset }: ConsumedMessage): void {
  if (!isLeft(consumer, { topic, partition })) consumer.seek({ topic, partition, offset });
}

/** Asked for each message, so it must not walk through the whole assignment. */
export function isLeft(consumer: SdkConsumer, place: TopicPartition): boolean {
  try {
    consumer.position(place);
    return false;
  } catch {
    return true;
  }
}
