// The first and the next offset of many partitions, for metrics: half a read unit each, and at most a moment old.
import type { PartitionEnds } from '../api/topics.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { translated } from '../storage/outcome.ts';
import { allPartitions } from '../topic/partitions.ts';
import type { LogContext } from './context.ts';
import { liveHead } from './live-head.ts';

const headsAtOnce = 16;

/** Reads the first `limit` partitions of the topic. Throws UNKNOWN_TOPIC_OR_PARTITION. */
export function partitionEnds(context: LogContext, name: string, limit: number): Promise<PartitionEnds[]> {
  const read = async () => {
    const topic = await context.topics.resolve({ topic: name });
    return inParallel(allPartitions(topic).slice(0, limit), headsAtOnce, async (partition) => {
      const { logStart, next } = await liveHead(context, topic, partition, { strong: false });
      return { partition, earliest: logStart, latest: next };
    });
  };
  return translated(read(), 'read');
}
