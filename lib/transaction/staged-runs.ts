// Reads what a transaction has staged: the runs in its item, and those that were spilled to stage pages when the item grew.
// A commit writes them to the heads as few entries: up to four of a partition as they are, and more as one entry that names
// a list of them in an index object.
import { RivuletError } from '../api/errors.ts';
import { dataBytesOf, type Entry, encodeEntry } from '../partition/entry.ts';
import type { PageAddress } from '../partition/page.ts';
import { createPace, type Pace } from '../record/steps.ts';
import type { Clock } from '../runtime/clock.ts';
import { offsetSortKey, stagedSegmentKey, stagePagesPartition } from '../storage/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { readAll } from '../storage/read-all.ts';
import type { Item, Table } from '../storage/table.ts';
import { decodeStaged, type StagedRun, type TransactionItem } from './item.ts';

/** An append of so many entries keeps a head below two write units. */
const mostEntriesOfAPartition = 4;
/** To decode a run, to sort it in, or to list it costs so many units of the pace. A transaction has up to 10,000 runs. */
const unitsPerRun = 40;

export const stagePageSortKey = (number: number, index: number): string =>
  `${offsetSortKey(number)}/${String(index).padStart(6, '0')}`;

/** Returns all runs in the order in which they were staged. */
export async function stagedRuns(table: Table, item: TransactionItem): Promise<StagedRun[]> {
  const raws = [...(await spilledRuns(table, item)), ...item.staged];
  const runs: StagedRun[] = [];
  const pace = createPace();
  for (const raw of raws) {
    runs.push(decodeStaged(raw, item.topicIds));
    if (pace.isDue(unitsPerRun)) await pace.rest();
  }
  return runs;
}

async function spilledRuns(table: Table, { transactionalId, number, spilled }: TransactionItem): Promise<Uint8Array[]> {
  if (spilled === 0) return [];
  const pages = await readAll(table, {
    pk: stagePagesPartition(transactionalId),
    from: stagePageSortKey(number, 0),
    through: stagePageSortKey(number, spilled - 1),
    strong: true,
  });
  const runs = inOrder(pages).slice(0, spilled);
  if (runs.length === spilled) return runs;
  throw new RivuletError(
    'CORRUPT_LOG',
    `transaction ${number} of ${transactionalId} has ${runs.length} of its ${spilled} spilled runs`,
  );
}

/** A page begins at the index of its first run. A page that a slower process put beyond a gap is not of this list. */
function inOrder(pages: readonly Item[]): Uint8Array[] {
  const runs: Uint8Array[] = [];
  for (const page of pages) if (Number(page.sk.slice(-6)) === runs.length) runs.push(...(page.t as Uint8Array[]));
  return runs;
}

/** The entries of each partition, in the order of topic id and partition. */
export const stagedByPartition = async (table: Table, item: TransactionItem) =>
  byPartition(await stagedRuns(table, item), createPace());

/** The entries that one head gets. */
export type HeadRuns = {
  readonly address: PageAddress;
  readonly entries: readonly Entry[];
  readonly records: number;
  readonly bytes: number;
};

/** `indexRandoms` has the random part of the index object of each topic, by the topic's index. */
export async function headRunsOf(
  item: TransactionItem,
  runs: readonly StagedRun[],
  indexRandoms: Readonly<Record<string, Uint8Array>>,
): Promise<{ heads: HeadRuns[]; indexes: IndexObject[] }> {
  const heads: HeadRuns[] = [];
  const indexes = new Map<string, IndexObject>();
  const pace = createPace();
  for (const { address, entries } of await byPartition(runs, pace)) {
    if (pace.isDue(entries.length * unitsPerRun)) await pace.rest();
    const records = entries.reduce((sum, { recordCount }) => sum + recordCount, 0);
    const bytes = entries.reduce((sum, entry) => sum + dataBytesOf(entry), 0);
    const listed = entries.length > mostEntriesOfAPartition && listIn(item, address, entries, indexRandoms, indexes);
    heads.push({ address, entries: listed ? [listed] : entries, records, bytes });
  }
  return { heads, indexes: [...indexes.values()] };
}

export type IndexObject = { readonly objectKey: string; readonly chunks: Uint8Array[] };

function listIn(
  item: TransactionItem,
  { topicId }: PageAddress,
  entries: readonly Entry[],
  indexRandoms: Readonly<Record<string, Uint8Array>>,
  indexes: Map<string, IndexObject>,
): Entry {
  const segmentRandom = indexRandoms[item.topicIds.indexOf(topicId)]!;
  const transaction = { xid: item.xid, number: item.number };
  const index = indexes.get(topicId) ?? {
    objectKey: stagedSegmentKey(topicId, transaction.xid, transaction.number, segmentRandom),
    chunks: [],
  };
  indexes.set(topicId, index);
  const position = lengthOf(index.chunks);
  const list = Buffer.concat(entries.map(encodeEntry));
  index.chunks.push(list);
  return {
    segmentEpoch: Math.max(...entries.map(({ segmentEpoch }) => segmentEpoch)),
    segmentRandom,
    position,
    lengthBytes: list.length,
    recordCount: entries.reduce((sum, { recordCount }) => sum + recordCount, 0),
    maxTimestampMs: Math.max(...entries.map(({ maxTimestampMs }) => maxTimestampMs)),
    transaction,
    listedBytes: entries.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0),
  };
}

const lengthOf = (chunks: readonly Uint8Array[]) => chunks.reduce((sum, { length }) => sum + length, 0);

/** The order of the partitions is fixed, because every process that applies the transaction must find the same lists. */
async function byPartition(
  runs: readonly StagedRun[],
  pace: Pace,
): Promise<{ address: PageAddress; entries: Entry[] }[]> {
  const groups = new Map<string, { address: PageAddress; entries: Entry[] }>();
  for (const { address, entry } of runs) {
    const name = `${address.topicId}/${offsetSortKey(address.partition)}`;
    const group = groups.get(name) ?? { address, entries: [] };
    groups.set(name, group);
    group.entries.push(entry);
    if (pace.isDue(unitsPerRun)) await pace.rest();
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

export const newIndexRandoms = (item: TransactionItem, clock: Clock): Record<string, Uint8Array> =>
  Object.fromEntries(item.topicIds.map((_, index) => [String(index), clock.randomBytes(8)]));

export async function putIndexes(objects: ObjectStore, indexes: readonly IndexObject[]): Promise<void> {
  for (const { objectKey, chunks } of indexes) await objects.putOnce(objectKey, chunks);
}
