// How a producer chooses the partition of a message that names none.
import { invalid, type RivuletClientError } from '../client-error.ts';
import type { Message, MessageBytes, OutgoingRecord } from '../message.ts';
import type { TopicMetadata } from './topic-metadata.ts';

export type PartitionerArgs<K = MessageBytes, V = MessageBytes> = {
  readonly topic: string;
  readonly partitionCount: number;
  /** The key and the value as they will be written. */
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** The message as it was given to send(). */
  readonly message: Message<K, V>;
};

/**
 * Returns a partition from 0 to `partitionCount` - 1. Anything else fails the send. It is not called for a message that names
 * its partition.
 */
export type CustomPartitioner<K = MessageBytes, V = MessageBytes> = (args: PartitionerArgs<K, V>) => number;

/**
 * `default`: the key chooses, by the hash that all of Kafka's clients use, and without a key each batch goes to one partition.
 * `round-robin`: the messages take turns, whatever their keys are.
 */
export type Partitioner<K = MessageBytes, V = MessageBytes> = 'default' | 'round-robin' | CustomPartitioner<K, V>;

/** @returns the partition of each record, or the error because of which none of them is sent. */
export function choose(
  partitioner: CustomPartitioner<unknown, unknown>,
  records: readonly OutgoingRecord[],
  messages: readonly Message<unknown, unknown>[],
  { topic, partitions: partitionCount }: TopicMetadata,
): number[] | RivuletClientError {
  const chosen: number[] = [];
  for (const [at, { partition, key, value }] of records.entries()) {
    const message = messages[at]!;
    const details = { topic, outcome: 'not-written' } as const;
    let answer: unknown;
    try {
      answer = partition ?? partitioner({ topic, partitionCount, key, value, message });
    } catch (cause) {
      return invalid(`partitioner: it has thrown for message ${at} of topic ${topic}: ${cause}`, { ...details, cause });
    }
    if (!(Number.isInteger(answer) && (answer as number) >= 0 && (answer as number) < partitionCount)) {
      const expected = `expected a partition of ${topic} from 0 to ${partitionCount - 1}`;
      return invalid(`partitioner: ${expected}, got ${String(answer)} for message ${at}`, details);
    }
    chosen.push(answer as number);
  }
  return chosen;
}
