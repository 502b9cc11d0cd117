// Knows from which partitions a connection has fetched. A client that comes from elsewhere must see what it was told there,
// so that the first fetch of each looks strongly; later ones may be told a little late.
//
// Invariant: it holds a bounded number of numbers, however many partitions a client names. Where two partitions have one
// number, the second is taken as seen, and what it holds is noticed within the longest pause of the head watch.
import { murmur2 } from '../../lib/bytes/murmur2.ts';
import { mostPartitions } from '../each-partition.ts';

export type PartitionsSeen = {
  /** `topic` is the name or the id, whichever the client uses. */
  has(topic: string, partition: number): boolean;
  add(topic: string, partition: number): void;
};

export function createPartitionsSeen(): PartitionsSeen {
  const seen = new Set<number>();
  return {
    has: (topic, partition) => seen.has(hashOf(topic, partition)),
    add(topic, partition) {
      const hash = hashOf(topic, partition);
      if (seen.size >= mostPartitions && !seen.has(hash)) seen.clear();
      seen.add(hash);
    },
  };
}

const hashOf = (topic: string, partition: number): number => murmur2(Buffer.from(`${topic}/${partition}`));
