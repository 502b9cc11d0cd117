// The partitions in which a transaction has staged records, for people and tools that look at it.
import type { PartitionInTransaction } from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import { topicsPartition } from '../storage/keys.ts';
import { readAll } from '../storage/read-all.ts';
import type { TransactionItem } from './item.ts';
import { stagedByPartition } from './staged-runs.ts';

/** Sorted by topic id and partition. A topic that was deleted since has no name. */
export async function stagedPartitions(
  context: GroupContext,
  item: TransactionItem,
): Promise<PartitionInTransaction[]> {
  const partitions = await stagedByPartition(context.table, item);
  const names = await namesOf(context, new Set(partitions.map(({ address }) => address.topicId)));
  return partitions.map(({ address: { topicId, partition }, entries }) => {
    const topic = names.get(topicId);
    const records = entries.reduce((sum, { recordCount }) => sum + recordCount, 0);
    return { ...(topic !== undefined && { topic }), topicId, partition, batches: entries.length, records };
  });
}

/** A process that has not met all of the topics looks at all topics that there are. */
async function namesOf({ table, topics }: GroupContext, topicIds: ReadonlySet<string>): Promise<Map<string, string>> {
  const known = [...topicIds].map((topicId) => [topicId, topics.nameOf(topicId)] as const);
  if (known.every(([, name]) => name !== undefined)) return new Map(known as [string, string][]);
  const items = await readAll(table, { pk: topicsPartition, strong: true });
  return new Map(items.map(({ id, name }) => [id as string, name as string]));
}
