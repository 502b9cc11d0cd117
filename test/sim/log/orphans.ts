// This compares the objects of the store with the names in the index, after everything came to rest. Each object that
// is named exists. Each other object (an orphan) could be swept: its name gives its topic and its epoch, and once the
// fence g of the topic's heads stands above that epoch, no late copy of any append can name it. The last is proved by
// doing it: the fence is raised as a sweep raises it, and then every append that was ever sent acts once more. This
// ends a world, so read the log first.

import { namedObjects } from '../../../lib/maintenance/named.ts';
import { fenceHead, fenceOutputs } from '../../../lib/partition/fence.ts';
import { deletedFence } from '../../../lib/partition/head.ts';
import { parseSegmentKey, topicsPartition } from '../../../lib/storage/keys.ts';
import type { ObjectStore } from '../../../lib/storage/object-store.ts';
import type { Item, Table } from '../../../lib/storage/table.ts';
import { checkIndex, type IndexComplaint } from './index-rules.ts';
import type { Sent } from './observer.ts';

type Complaint =
  | {
      readonly name: 'index names a missing object' | 'not to be swept' | 'named after the sweep';
      readonly detail: string;
    }
  | IndexComplaint;

type KnownTopic = { readonly topicId: string; readonly partitions: number; readonly isDeleted: boolean };

export async function findOrphanTrouble(stores: {
  objects: ObjectStore;
  table: Table;
  sent: readonly Sent[];
}): Promise<Complaint[]> {
  const topics = await topicsOf(stores.table);
  const before = await namesOf(stores, topics);
  const present = await objectsIn(stores.objects);
  const unnamed = [...present].filter((key) => !before.named.has(key));
  const missing = [...before.named].filter((key) => !present.has(key));
  return [
    ...missing.map((key): Complaint => ({ name: 'index names a missing object', detail: key })),
    ...before.complaints,
    ...unnamed.flatMap((key) => whyNotSwept(key, topics)),
    ...(await nameAfterSweep(stores, topics, unnamed)),
  ];
}

async function topicsOf(table: Table): Promise<KnownTopic[]> {
  const living = await table.query({ pk: topicsPartition, strong: true });
  const deleted = await table.query({ pk: 'deleted', strong: true });
  const known = (item: Item, isDeleted: boolean): KnownTopic => ({
    topicId: (isDeleted ? item.sk : item.id) as string,
    partitions: item.partitions as number,
    isDeleted,
  });
  return [...living.items.map((item) => known(item, false)), ...deleted.items.map((item) => known(item, true))];
}

async function namesOf(stores: { objects: ObjectStore; table: Table }, topics: readonly KnownTopic[]) {
  const named = new Set<string>();
  const complaints: Complaint[] = [];
  for (const { topicId, partitions } of topics) {
    for (let partition = 0; partition < partitions; partition++) {
      for await (const name of namedObjects(stores.table, { topicId, partition })) named.add(name);
      complaints.push(...(await checkIndex(stores, { topicId, partition })));
    }
  }
  return { named, complaints };
}

async function objectsIn(objects: ObjectStore): Promise<Set<string>> {
  const keys: string[] = [];
  for (let more = true; more; ) {
    const after = keys.at(-1);
    const page = await objects.list(after === undefined ? {} : { after });
    keys.push(...page.objects.map(({ key }) => key));
    more = page.more;
  }
  return new Set(keys);
}

const epochOf = (key: string): number => parseSegmentKey(key)?.epoch ?? Number.NaN;

/** A sweep uses the name alone. It takes an unknown topic as deleted, so no object may have one. */
function whyNotSwept(key: string, topics: readonly KnownTopic[]): Complaint[] {
  const topicId = parseSegmentKey(key)?.topicId;
  if (topicId === undefined) return [{ name: 'not to be swept', detail: `${key} does not tell its topic and epoch` }];
  if (topics.some((topic) => topic.topicId === topicId)) return [];
  return [{ name: 'not to be swept', detail: `${key} is of a topic that never was` }];
}

/** Raises the fences, lets every late copy act, and returns the orphans that are named now. */
async function nameAfterSweep(
  { objects, table, sent }: { objects: ObjectStore; table: Table; sent: readonly Sent[] },
  topics: readonly KnownTopic[],
  unnamed: readonly string[],
): Promise<Complaint[]> {
  if (unnamed.length === 0) return [];
  const fence = Math.max(...unnamed.map(epochOf).filter(Number.isFinite)) + 1;
  for (const { topicId, partitions, isDeleted } of topics)
    for (let partition = 0; partition < partitions; partition++)
      for (const raise of [fenceHead, fenceOutputs])
        await raise(table, { topicId, partition }, isDeleted ? deletedFence : fence);
  const swept = new Set(unnamed);
  for (const { names, again } of sent) if (names.some((name) => swept.has(name))) await again(table);
  const { named } = await namesOf({ objects, table }, topics);
  return unnamed.filter((key) => named.has(key)).map((key) => ({ name: 'named after the sweep', detail: key }));
}
