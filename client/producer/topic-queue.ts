// This queue holds one topic's partition queues, and decides which partitions share a request. Everything of a topic that
// may be sent goes into one request: a request costs the same however many partitions it carries. Each partition in it
// costs one more write.

import { limits } from '../../lib/api/limits.ts';
import { partitionForKey } from '../../lib/bytes/murmur2.ts';
import type { Clock } from '../../lib/runtime/clock.ts';
import type { OutgoingRecord } from '../message.ts';
import type { Delivery } from './delivery.ts';
import { type BatchLimits, type Part, PartitionQueue, type QueueSettings } from './partition-queue.ts';
import type { Partitioner } from './partitioner.ts';
import type { TopicMetadata } from './topic-metadata.ts';

export type TopicSettings = QueueSettings & {
  /** The bytes of one batch, before compression. */
  readonly batchBytes: number;
  /** The bytes of one request's body. */
  readonly maxRequestBytes: number;
  readonly partitioner: Partitioner<unknown, unknown>;
  /** Keys do not choose partitions. */
  readonly ignoresKeys: boolean;
  readonly clock: Clock;
};

/** Each partition's part in a request has this header: int32 partition, int32 length. */
const frameOverheadBytes = 8;

export class TopicQueue {
  readonly topic: string;
  readonly topicId: string;
  readonly #settings: TopicSettings;
  /** The partitions are in the order in which they were served, so the one that waits longest comes first. */
  readonly #partitions = new Map<number, PartitionQueue>();
  #sticky = 0;
  #turn: number;

  constructor(metadata: TopicMetadata, settings: TopicSettings) {
    this.topic = metadata.topic;
    this.topicId = metadata.topicId;
    this.#settings = settings;
    // Producers that live for one record must not all send it to partition 0.
    this.#turn = Math.floor(settings.clock.random() * metadata.partitions);
  }

  /** The partition must exist. @returns whether the record changed when this topic is due. */
  append(
    record: OutgoingRecord,
    partition: number,
    delivery: Delivery,
    index: number,
    metadata: TopicMetadata,
  ): boolean {
    const queue = this.#queueOf(partition);
    return queue.append(record, delivery, index, this.#batchLimits(metadata), this.#settings.clock.monotonic());
  }

  /** Chooses for the next record to be appended, unless the record names its partition. */
  partitionFor(record: OutgoingRecord, partitions: number): number {
    const { partitioner, ignoresKeys, clock } = this.#settings;
    if (record.partition !== undefined) return record.partition;
    if (partitioner === 'round-robin') return this.#turn++ % partitions;
    if (record.key !== null && !ignoresKeys) return partitionForKey(record.key, partitions);
    // Records without a key fill a batch of one partition and then one of another (KIP-480): larger and fewer batches.
    if (!this.#partitions.get(this.#sticky)?.joins(record)) {
      this.#sticky = Math.floor(clock.random() * partitions);
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
    // Data that does not compress grows a little, and a full batch must still be below the maximum.
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

  /** Takes the parts of one request: all that may be sent, due or not, in one body. Returns none if nothing fits. */
  take(nowMs: number): Part[] {
    const parts: Part[] = [];
    let room = this.#settings.maxRequestBytes;
    for (const queue of this.queues()) {
      if (parts.length === limits.fetchPartitions) break;
      const part = queue.take(nowMs, room - frameOverheadBytes);
      if (!part) continue;
      parts.push(part);
      room -= part.lengthBytes + frameOverheadBytes;
    }
    for (const { queue } of parts) this.#moveToEnd(queue);
    return parts;
  }

  #moveToEnd(queue: PartitionQueue): void {
    this.#partitions.delete(queue.partition);
    this.#partitions.set(queue.partition, queue);
  }
}
