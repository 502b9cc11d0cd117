// One topic's partitions on their way, and which of them ride together: whatever may be sent of a topic goes in one
// request, for a request costs the same however many partitions it carries, and each partition in it one write more.

import { limits } from '../../lib/api/limits.ts';
import { partitionForKey } from '../../lib/bytes/murmur2.ts';
import type { Clock } from '../../lib/runtime/clock.ts';
import type { OutgoingRecord } from '../message.ts';
import type { Delivery } from './delivery.ts';
import { type BatchLimits, type Part, PartitionQueue, type QueueSettings } from './partition-queue.ts';
import type { TopicMetadata } from './topic-metadata.ts';

export type TopicSettings = QueueSettings & {
  /** Of one batch, before compression. */
  readonly batchBytes: number;
  /** Of one request's body. */
  readonly maxRequestBytes: number;
  readonly clock: Clock;
};

/** Of a partition's part in a request: int32 partition, int32 length. */
const frameOverheadBytes = 8;

export class TopicQueue {
  readonly topic: string;
  readonly topicId: string;
  readonly #settings: TopicSettings;
  /** In the order in which they were served: who waits longest comes first. */
  readonly #partitions = new Map<number, PartitionQueue>();
  #sticky = 0;

  constructor(metadata: TopicMetadata, settings: TopicSettings) {
    this.topic = metadata.topic;
    this.topicId = metadata.topicId;
    this.#settings = settings;
  }

  /** A record's own partition must exist. @returns whether that changed when this topic is due. */
  append(record: OutgoingRecord, delivery: Delivery, index: number, metadata: TopicMetadata): boolean {
    const queue = this.#queueOf(this.#partitionFor(record, metadata.partitions));
    return queue.append(record, delivery, index, this.#batchLimits(metadata), this.#settings.clock.monotonic());
  }

  #partitionFor(record: OutgoingRecord, partitions: number): number {
    if (record.partition !== undefined) return record.partition;
    if (record.key !== null) return partitionForKey(record.key, partitions);
    // Without a key: one partition for a whole batch, then another (KIP-480), for larger and fewer batches.
    if (!this.#partitions.get(this.#sticky)?.joins(record)) {
      this.#sticky = Math.floor(this.#settings.clock.random() * partitions);
    }
    return this.#sticky;
  }

  #queueOf(partition: number): PartitionQueue {
    const known = this.#partitions.get(partition);
    if (known) return known;
    const queue = new PartitionQueue(this.topic, partition, this.#settings);
    this.#partitions.set(partition, queue);
    return queue;
  }

  #batchLimits({ maxMessageBytes }: TopicMetadata): BatchLimits {
    const { batchBytes, maxRequestBytes } = this.#settings;
    const maxBytes = Math.min(maxMessageBytes, maxRequestBytes - frameOverheadBytes);
    // What does not compress grows a little: a full batch must still be below the maximum.
    return { maxBytes, targetBytes: Math.min(batchBytes, maxBytes - Math.ceil(maxBytes / 128)) };
  }

  get isEmpty(): boolean {
    return this.queues().every((queue) => queue.isEmpty);
  }

  queues(): PartitionQueue[] {
    return [...this.#partitions.values()];
  }

  dueAtMs(hurry: boolean): number {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const queue of this.#partitions.values()) dueMs = Math.min(dueMs, queue.dueAtMs(hurry));
    return dueMs;
  }

  /** The parts of one request: all that may be sent, due or not, in one body. Empty when nothing fits or nothing may. */
  take(nowMs: number): Part[] {
    const parts: Part[] = [];
    let room = this.#settings.maxRequestBytes;
    for (const queue of this.queues()) {
      if (parts.length === limits.fetchPartitions) break;
      const part = queue.take(nowMs, room - frameOverheadBytes);
      if (!part) continue;
      parts.push(part);
      room -= part.bytes.length + frameOverheadBytes;
    }
    for (const { queue } of parts) this.#moveToEnd(queue);
    return parts;
  }

  #moveToEnd(queue: PartitionQueue): void {
    this.#partitions.delete(queue.partition);
    this.#partitions.set(queue.partition, queue);
  }
}
