// The partitioners that programs name: `kafka.producer({ createPartitioner: Partitioners.LegacyPartitioner })`.
import { partitionForKey } from '../../lib/bytes/murmur2.ts';
import type { KafkaJsMessage } from './messages.ts';

export type PartitionMetadata = {
  readonly partitionId: number;
  readonly leader: number;
  readonly partitionErrorCode: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
  readonly offlineReplicas: readonly number[];
};

export type PartitionerArgs = {
  readonly topic: string;
  readonly partitionMetadata: readonly PartitionMetadata[];
  readonly message: KafkaJsMessage;
};

export type CreatePartitioner = () => (args: PartitionerArgs) => number;

/** There are no brokers: the service answers for every partition, as node 1. */
export const partitionMetadata = (partitions: number): PartitionMetadata[] =>
  Array.from({ length: partitions }, (_, partitionId) => ({
    ...{ partitionId, leader: 1, partitionErrorCode: 0, replicas: [1], isr: [1], offlineReplicas: [] },
  }));

const bytesOf = (key: string | Uint8Array): Uint8Array => (typeof key === 'string' ? Buffer.from(key) : key);

/** A key chooses the partition. Messages without one take turns. */
const byKey =
  (choose: (key: Uint8Array, partitions: number) => number): CreatePartitioner =>
  () => {
    const turns = new Map<string, number>();
    return ({ topic, partitionMetadata: { length }, message: { key, partition } }) => {
      if (partition !== undefined && partition !== null) return partition;
      if (key !== undefined && key !== null) return choose(bytesOf(key), length);
      const turn = turns.get(topic) ?? Math.floor(Math.random() * length);
      turns.set(topic, turn + 1);
      return turn % length;
    };
  };

const multiplier = 0x5bd1e995;

/**
 * The hash of KafkaJS 1. It is murmur2 with products of doubles, which lose bits of long keys, and with a last round over
 * the bytes that are left. So it sends keys to other partitions than Kafka's clients do. Programs that began with it keep it.
 */
function legacyMurmur2(key: Uint8Array): number {
  const { length } = key;
  const byte = (at: number): number => key[at] ?? 0;
  let hash = 0x9747b28c ^ length;
  for (let at = 0; at < length; at += 4) {
    let word = byte(at) + (byte(at + 1) << 8) + (byte(at + 2) << 16) + (byte(at + 3) << 24);
    word *= multiplier;
    word ^= word >>> 24;
    word *= multiplier;
    hash *= multiplier;
    hash ^= word;
  }
  const tail = length & ~3;
  if (length % 4 > 2) hash ^= byte(tail + 2) << 16;
  if (length % 4 > 1) hash ^= byte(tail + 1) << 8;
  if (length % 4 > 0) {
    hash ^= byte(tail);
    hash *= multiplier;
  }
  hash ^= hash >>> 13;
  hash *= multiplier;
  return hash ^ (hash >>> 15);
}

const DefaultPartitioner = byKey(partitionForKey);

export const Partitioners = {
  /** Chooses as Kafka's own clients do. */
  DefaultPartitioner,
  JavaCompatiblePartitioner: DefaultPartitioner,
  LegacyPartitioner: byKey((key, partitions) => (legacyMurmur2(key) & 0x7fffffff) % partitions),
} as const;
