// This compares the objects of the store with the names in the index, after everything came to rest. Each object that
// is named exists. Each other object (an orphan) could be swept: its name gives its topic and its epoch, and once the
// fence g of the topic's heads stands above that epoch, no late copy of any append can name it. The last is proved by
// doing it: the fence is raised as a sweep raises it, and then every append that was ever sent acts once more. This
// ends a world, so read the log first.

import { namedObjects } from '../../../lib/maintenance/named.ts';
import { decodeEntry, type Entry } from '../../../lib/partition/entry.ts';
import { deletedFence, emptyHeadItem, type Head, parseHead } from '../../../lib/partition/head.ts';
import { type Page, parsePage } from '../../../lib/partition/page.ts';
import { headKey, pagesPartition, parseSegmentKey, segmentKey, topicsPartition } from '../../../lib/storage/keys.ts';
import type { ObjectStore } from '../../../lib/storage/object-store.ts';
import { absent, any, below, type Item, type Table, type Write } from '../../../lib/storage/table.ts';
import { type Call, through } from '../core/through.ts';

type Complaint = {
  readonly name: 'named but missing' | 'index with a gap' | 'not to be swept' | 'named after the sweep';
  readonly detail: string;
};

/** An append as it was sent. A late copy of it is the same write. */
type SentAppend = {
  readonly write: Extract<Write, { kind: 'update' }>;
  readonly entry: Entry;
  readonly topicId: string;
};

/** Keeps every append that is sent, for the proof. */
export function watchAppends(table: Table): { table: Table; appends: SentAppend[] } {
  const appends: SentAppend[] = [];
  const note = (call: Call) => {
    const raw = call.kind === 'update' && call.update.append?.find(([attribute]) => attribute === 't')?.[1][0];
    if (!raw || call.kind !== 'update') return;
    const topicId = call.key.pk.slice(0, call.key.pk.lastIndexOf('/'));
    appends.push({ write: call, entry: decodeEntry(raw as Uint8Array).entry, topicId });
  };
  const watched = through(table, (call, act) => {
    note(call);
    return act();
  });
  return { table: watched, appends };
}

type KnownTopic = { readonly topicId: string; readonly partitions: number; readonly isDeleted: boolean };

export async function findOrphanTrouble(stores: {
  objects: ObjectStore;
  table: Table;
  appends: readonly SentAppend[];
}): Promise<Complaint[]> {
  const topics = await topicsOf(stores.table);
  const before = await namesOf(stores.table, topics);
  const present = await objectsIn(stores.objects);
  const unnamed = [...present].filter((key) => !before.named.has(key));
  const missing = [...before.named].filter((key) => !present.has(key));
  return [
    ...missing.map((key): Complaint => ({ name: 'named but missing', detail: key })),
    ...before.gaps,
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

/** Reads in the order in which a sweep reads: the head, then the pages. */
async function namesOf(table: Table, topics: readonly KnownTopic[]) {
  const named = new Set<string>();
  const gaps: Complaint[] = [];
  for (const { topicId, partitions } of topics) {
    for (let partition = 0; partition < partitions; partition++) {
      const item = await table.get(headKey(topicId, partition), { strong: true });
      if (!item) continue;
      const head = parseHead(item);
      const pages = (await table.query({ pk: pagesPartition(topicId, partition), strong: true })).items.map(parsePage);
      const within = pages.filter((page) => page.firstOffset >= head.mergedTo && page.firstOffset < head.tailBase);
      for await (const name of namedObjects(table, { topicId, partition })) named.add(name);
      gaps.push(...gapsIn(`${topicId}/${partition}`, head, within));
    }
  }
  return { named, gaps };
}

/** The zones have no gaps: the pages lead from m to b, the tail from b to n. */
function gapsIn(where: string, head: Head, pages: readonly Page[]): Complaint[] {
  const gaps: Complaint[] = [];
  let next = head.mergedTo;
  for (const { firstOffset, endOffset } of pages) {
    if (firstOffset !== next)
      gaps.push({ name: 'index with a gap', detail: `${where}: page ${firstOffset} follows ${next}` });
    next = endOffset;
  }
  if (next !== head.tailBase)
    gaps.push({ name: 'index with a gap', detail: `${where}: pages end at ${next}, b is ${head.tailBase}` });
  const tailEnd = head.tail.reduce((sum, { entry }) => sum + entry.recordCount, head.tailBase);
  if (tailEnd !== head.next)
    gaps.push({ name: 'index with a gap', detail: `${where}: the tail ends at ${tailEnd}, n is ${head.next}` });
  return gaps;
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
  { table, appends }: { table: Table; appends: readonly SentAppend[] },
  topics: readonly KnownTopic[],
  unnamed: readonly string[],
): Promise<Complaint[]> {
  if (unnamed.length === 0) return [];
  const fence = Math.max(...unnamed.map(epochOf).filter(Number.isFinite)) + 1;
  for (const { topicId, partitions, isDeleted } of topics)
    for (let partition = 0; partition < partitions; partition++)
      await raiseFence(table, topicId, partition, isDeleted ? deletedFence : fence);
  const swept = new Set(unnamed);
  // This iterates over a copy of the list, because a watched table adds these appends too.
  for (const { write, entry, topicId } of [...appends])
    if (swept.has(segmentKey('ingest', topicId, entry.segmentEpoch, entry.segmentRandom))) await table.write(write);
  const { named } = await namesOf(table, topics);
  return unnamed.filter((key) => named.has(key)).map((key) => ({ name: 'named after the sweep', detail: key }));
}

/** Raises the fence as a sweep does: of every partition, also where the head was never made. */
async function raiseFence(table: Table, topicId: string, partition: number, fence: number): Promise<void> {
  const key = headKey(topicId, partition);
  const { pk: _pk, sk: _sk, g: _g, ...rest } = emptyHeadItem(key, fence);
  await table.write({
    kind: 'update',
    key,
    update: { set: [['g', fence]], setIfAbsent: Object.entries(rest) },
    if: any(absent('g'), below('g', fence)),
  });
}
