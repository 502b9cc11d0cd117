// The topics that a request names, each found or refused for itself.
import { inParallel } from '../concurrency.ts';
import type { TopicRef } from '../engine.ts';
import { RivuletError } from '../errors.ts';
import type { Topic, Topics } from '../topic/topics.ts';

export type ResolvedTopic = Topic | RivuletError;

export function resolveEach(topics: Topics, refs: readonly TopicRef[]): Promise<ResolvedTopic[]> {
  return inParallel(refs, 16, async (ref) => {
    try {
      return await topics.resolve(ref);
    } catch (error) {
      if (error instanceof RivuletError) return error;
      throw error;
    }
  });
}

export function unknownPartition({ topic, partitions }: Topic, partition: number): RivuletError | undefined {
  if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return undefined;
  return new RivuletError(
    'UNKNOWN_TOPIC_OR_PARTITION',
    `topic ${topic} has ${partitions} partitions; there is no partition ${partition}`,
    { outcome: 'not-written' },
  );
}

export const allPartitions = ({ partitions }: Topic): number[] => Array.from({ length: partitions }, (_, i) => i);

/** Two changes of one partition in one step would have no order. */
export function checkNamedOnce(refs: readonly TopicRef[]): void {
  const twice = refs.find(({ topic }, index) => refs.findIndex((other) => other.topic === topic) < index);
  if (twice)
    throw new RivuletError('INVALID_REQUEST', `topics: ${twice.topic} is named twice`, { outcome: 'not-written' });
}
