// The topics that are not deleted, and their partitions. The reads are strong: a topic that was created before the list
// began is in it.
import type { Clock } from '../runtime/clock.ts';
import { inParallel } from '../runtime/concurrency.ts';
import type { Table } from '../storage/table.ts';
import { createTopics } from '../topic/topics.ts';
import { allTopics } from './all-topics.ts';

export type LivingTopic = { readonly topic: string; readonly topicId: string; readonly partitions: number };

const partitionsAtOnce = 16;

export const livingTopics = ({ table, clock }: { table: Table; clock: Clock }): Promise<LivingTopic[]> =>
  allTopics(createTopics(table, clock));

/** Runs `work` for each partition of a topic, some of them at a time. */
export async function eachPartition(
  { topicId, partitions }: Pick<LivingTopic, 'topicId' | 'partitions'>,
  work: (address: { readonly topicId: string; readonly partition: number }) => Promise<void>,
): Promise<void> {
  const numbers = Array.from({ length: partitions }, (_, partition) => partition);
  await inParallel(numbers, partitionsAtOnce, (partition) => work({ topicId, partition }));
}
