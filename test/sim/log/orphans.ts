// This compares the objects and inline items of the stores with the names in the index, after everything came to rest. Each object that
// is named exists. Each other object (an orphan) can be swept: its name gives its topic and its epoch, and once the
// fences of the topic's heads and maintenance items stand above that epoch, no late copy of any request can name it. The
// last is proved by doing it: a sweep goes by, and then every request that could name an orphan acts once more. This ends
// a world, so read the log first.

import { namesOf as namesInIndex } from '../../../lib/maintenance/named.ts';
import { sweep } from '../../../lib/maintenance/sweep.ts';
import {
  inlineName,
  isTableName,
  parseInlineName,
  parseSegmentKey,
  topicsPartition,
} from '../../../lib/storage/keys.ts';
import type { Item, Table } from '../../../lib/storage/table.ts';
import { inlineItemsOf } from '../../log/inline-items.ts';
import type { StoreAnomaly } from './check/anomaly.ts';
import { checkIndex } from './index-rules.ts';
import type { Sent } from './observer.ts';
import { type Stores, stillClock } from './small/stage.ts';
import { sweepContextOf } from './upkeep.ts';

type KnownTopic = { readonly topicId: string; readonly partitions: number; readonly isDeleted: boolean };

export async function findOrphanTrouble(stores: Stores & { sent: readonly Sent[] }): Promise<StoreAnomaly[]> {
  const topics = await topicsOf(stores.table);
  const before = await namesOf(stores, topics);
  const present = await allIn(stores);
  const unnamed = [...present].filter((key) => !before.named.has(key));
  const missing = [...before.named].filter((key) => !present.has(key));
  return [
    ...missing.map((key): StoreAnomaly => ({ name: 'index names a missing object', detail: key })),
    ...before.complaints,
    ...unnamed.flatMap((key) => whyNotSwept(key, topics)),
    ...(await sweepAll(stores, topics, unnamed)),
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

async function namesOf(stores: Stores, topics: readonly KnownTopic[]) {
  const named = new Set<string>();
  const complaints: StoreAnomaly[] = [];
  for (const { topicId, partitions, isDeleted } of topics) {
    // The objects of a deleted topic go before its index does.
    for (let partition = 0; partition < partitions && !isDeleted; partition++) {
      for await (const name of namesInIndex(stores, { topicId, partition })) named.add(name);
      complaints.push(...(await checkIndex(stores, { topicId, partition })));
    }
  }
  return { named, complaints };
}

/** The names of all objects, but for those that name the table of the bucket, and of all inline items. */
async function allIn({ objects, table }: Stores): Promise<Set<string>> {
  const keys: string[] = [];
  for (let more = true; more; ) {
    const after = keys.at(-1);
    const page = await objects.list(after === undefined ? {} : { after });
    keys.push(...page.objects.map(({ key }) => key));
    more = page.more;
  }
  const items = await inlineItemsOf(table);
  return new Set([...keys.filter((key) => !isTableName(key)), ...items.map(inlineName)]);
}

function epochOf(name: string): number {
  const inline = parseInlineName(name);
  return inline ? Number.parseInt(inline.key.sk.slice(0, 6), 16) : (parseSegmentKey(name)?.epoch ?? Number.NaN);
}

/** A sweep uses the name alone. It takes an unknown topic as deleted, so no object may have one. */
function whyNotSwept(key: string, topics: readonly KnownTopic[]): StoreAnomaly[] {
  const topicId = (parseSegmentKey(key) ?? parseInlineName(key))?.topicId;
  if (topicId === undefined) return [{ name: 'not to be swept', detail: `${key} does not tell its topic and epoch` }];
  if (topics.some((topic) => topic.topicId === topicId)) return [];
  return [{ name: 'not to be swept', detail: `${key} is of a topic that never was` }];
}

/**
 * Sweeps, and then lets every late copy act that could name what was swept. No object without a name is left, and none
 * that has a name is missing.
 */
async function sweepAll(
  { objects, table, sent }: Stores & { sent: readonly Sent[] },
  topics: readonly KnownTopic[],
  unnamed: readonly string[],
): Promise<StoreAnomaly[]> {
  if (unnamed.length === 0) return [];
  const epoch = Math.max(...unnamed.map(epochOf).filter(Number.isFinite)) + 1;
  const { incomplete, refusal } = await sweep(sweepContextOf({ objects, table, clock: stillClock(0, 5) }), { epoch });
  if (incomplete ?? refusal) throw new Error(incomplete ?? refusal);
  const swept = new Set(unnamed);
  // This iterates over a copy of the list, because a watched table adds these requests too.
  for (const { names, again } of [...sent]) if (names.some((name) => swept.has(name))) await again(table);
  const { named } = await namesOf({ objects, table }, topics);
  const present = await allIn({ objects, table });
  const left = [...present].filter((key) => !named.has(key));
  return [
    ...left.map((key): StoreAnomaly => ({ name: 'left after a sweep', detail: key })),
    ...[...named]
      .filter((key) => swept.has(key))
      .map((key): StoreAnomaly => ({ name: 'named after the sweep', detail: key })),
  ];
}
