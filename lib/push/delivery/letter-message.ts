// The message about a record that was given up: where the record is and why it was given up, and not the record itself.
// Lambda's own Kafka source sends the same to a queue. The record can be read from the topic as long as its retention lasts.
//
// Invariant: the message is within SQS's limit, however large the record is.
import type { DeadLetter } from '../../api/push.ts';

/** The port to SQS. An adapter is in functions/. */
export type Queues = {
  /** Throws INVALID_REQUEST if dead letters must not go to the queue. */
  check(arn: string): Promise<void>;
  /** Rejects unless the queue has taken all messages. */
  send(arn: string, messages: readonly string[]): Promise<void>;
};

export function messageOf({ groupId, topic, topicId, partition, offset, attempts, error, record }: DeadLetter): string {
  const timestamp = record?.timestampMs;
  return JSON.stringify({
    groupId,
    topic,
    topicId,
    partition,
    offset,
    attempts,
    error,
    ...(timestamp !== undefined && { timestamp }),
  });
}
