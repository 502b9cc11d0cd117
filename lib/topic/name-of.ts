// Finds the name of a topic by its id, for a process that has not met the topic yet. It costs a look at all topics.
import { topicsPartition } from '../storage/keys.ts';
import { readAll } from '../storage/read-all.ts';
import type { Table } from '../storage/table.ts';

export async function nameOf(table: Table, topicId: string): Promise<string | undefined> {
  const items = await readAll(table, { pk: topicsPartition, strong: true });
  return items.find(({ id }) => id === topicId)?.name as string | undefined;
}
