// The partitions of a topic are 0 to one less than their count. A request that names another one is refused in the same
// words everywhere.
import { type Outcome, RivuletError } from '../api/errors.ts';
import type { Topic } from './topics.ts';

export const allPartitions = ({ partitions }: Topic): number[] => Array.from({ length: partitions }, (_, i) => i);

/** Undefined if the topic has the partition. `outcome` is for writes. */
export function unknownPartition(
  { topic, partitions }: Topic,
  partition: number,
  outcome?: Outcome,
): RivuletError | undefined {
  if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return undefined;
  const count = `${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`;
  return new RivuletError(
    'UNKNOWN_TOPIC_OR_PARTITION',
    `topic ${topic} has ${count}; there is no partition ${partition}`,
    outcome && { outcome },
  );
}
