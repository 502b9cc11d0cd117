// Removes what the table still holds of deleted topics: pages, log items and maintenance items, then the heads, then the
// tombstone. It waits until the topic was deleted two days ago and none of its objects is listed. Otherwise a late copy of
// a request could make a head again and open it.
//
// A pass may end, or its process may die, between any two steps. The tombstone goes last, so the next pass finds the topic
// again and removes the rest.
import { fenceOutputs } from '../partition/fence.ts';
import { deletedFence } from '../partition/head.ts';
import type { PageAddress } from '../partition/page.ts';
import { inParallel } from '../runtime/concurrency.ts';
import {
  checkVersion,
  headKey,
  logItemsPartition,
  maintenanceKey,
  pagesPartition,
  passKey,
  tombstoneKey,
  tombstonesPartition,
} from '../storage/keys.ts';
import type { Item, Key } from '../storage/table.ts';
import type { MaintenanceContext } from './context.ts';
import { eachPartition } from './living-topics.ts';
import { Unfinished } from './unfinished.ts';

/** Far above the age of any request that AWS accepts (a quarter of an hour), and above the error of any clock. */
const restMs = 2 * 24 * 3_600_000;
const tombstonesAtOnce = 100;
/** Pages and log items take up to some 2 KiB each. */
const itemsAtOnce = 100;
const deletesAtOnce = 16;

type DeletedTopic = { readonly topicId: string; readonly partitions: number; readonly deletedMs: number };

/** `listed` has the ids of the topics of which the store holds an object. @returns how many topics it has removed. */
export async function removeDeletedTopics(context: MaintenanceContext, listed: ReadonlySet<string>): Promise<number> {
  let removed = 0;
  for await (const topic of deletedTopics(context)) {
    const hasRested = topic.deletedMs + restMs <= context.clock.now();
    const isEmpty = !listed.has(topic.topicId);
    if (!hasRested || !isEmpty) continue;
    if (!context.isDryRun) await removeTopic(context, topic);
    removed += 1;
  }
  return removed;
}

async function* deletedTopics({ table }: MaintenanceContext): AsyncGenerator<DeletedTopic> {
  const tombstones = { pk: tombstonesPartition, limit: tombstonesAtOnce, strong: true };
  for (let after: string | undefined; ; ) {
    const { items, more } = await table.query({ ...tombstones, ...(after !== undefined && { after }) });
    for (const item of items) yield parseTombstone(item);
    after = items.at(-1)?.sk;
    if (!more || after === undefined) return;
  }
}

function parseTombstone(item: Item): DeletedTopic {
  checkVersion(item, 'tombstone');
  return { topicId: item.sk, partitions: item.partitions as number, deletedMs: item.deletedMs as number };
}

async function removeTopic(context: MaintenanceContext, topic: DeletedTopic): Promise<void> {
  await eachPartition(topic, (address) => removeIndex(context, address));
  await eachPartition(topic, ({ topicId, partition }) => remove(context, headKey(topicId, partition)));
  await remove(context, passKey(topic.topicId));
  await remove(context, tombstoneKey(topic.topicId));
}

/** The maintenance item is closed first, so that no merge that is under way puts a log item again. */
async function removeIndex(context: MaintenanceContext, address: PageAddress): Promise<void> {
  const { topicId, partition } = address;
  checkTime(context);
  await fenceOutputs(context.table, address, deletedFence);
  await removeBelow(context, pagesPartition(topicId, partition));
  const maintenance = maintenanceKey(topicId, partition);
  await removeBelow(context, logItemsPartition(topicId, partition), maintenance.sk);
  await remove(context, maintenance);
}

/** Removes the items of a table partition, but for the one at `end`, which has the last sort key. */
async function removeBelow(context: MaintenanceContext, pk: string, end?: string): Promise<void> {
  for (let after: string | undefined; ; ) {
    const { items, more } = await context.table.query({
      pk,
      limit: itemsAtOnce,
      strong: true,
      ...(after !== undefined && { after }),
    });
    await inParallel(items, deletesAtOnce, async ({ sk }) => {
      if (sk !== end) await remove(context, { pk, sk });
    });
    after = items.at(-1)?.sk;
    if (!more || after === undefined) return;
  }
}

async function remove(context: MaintenanceContext, key: Key): Promise<void> {
  checkTime(context);
  await context.table.write({ kind: 'delete', key });
}

function checkTime({ isOver }: MaintenanceContext): void {
  if (isOver()) throw new Unfinished('no time was left to remove the items of all deleted topics');
}
