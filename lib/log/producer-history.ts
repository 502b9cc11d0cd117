// The log is the producer state, and no side items exist. This file reads that state. The newest runs of every
// producer in a partition are learned from pages and tail, once per process, and kept current from each reply.
//
// Invariant: a history covers the offsets [its start, `to`) without a gap; its start is that of the pages, or a page so old
// that every producer in it has expired. So "not in the history" means: not in the log below `to`, or expired.
// Pages outlive the merge of their records for this: they are complete from the history floor on.
import { LRUCache } from 'lru-cache';
import { RivuletError } from '../api/errors.ts';
import type { EntryProducer, PlacedEntry } from '../partition/entry.ts';
import { type Head, segmentEpochAt } from '../partition/head.ts';
import { readMaintenanceItem } from '../partition/maintenance-item.ts';
import { type Page, type PageAddress, pageAtOrBelow, pagesBetween } from '../partition/page.ts';
import { type Known, sequenceAfter, sequenceDistance } from '../producer/decide.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Table } from '../storage/table.ts';

type Run = {
  readonly epoch: number;
  readonly firstSequence: number;
  readonly recordCount: number;
  readonly baseOffset: number;
};

export type History = {
  /** Exclusive end of what is covered. */
  to: number;
  /** The newest five runs of each producer, oldest first. */
  readonly runs: Map<number, Run[]>;
};

export type ProducerHistories = {
  /** The history that covers at least the log up to `head.next`. */
  upTo(address: PageAddress, head: Head): Promise<History>;
  /** Takes in what a reply showed, where that leaves no gap; never reads. */
  observe(address: PageAddress, head: Head): void;
};

/** Kafka remembers five batches of a producer (its `max.in.flight` bound), and so does the promise of a retry's answer. */
const runsKept = 5;
/** A day (Kafka's `producer.id.expiration.ms`), an hour for the grain of epochs and one for clocks that disagree. */
const expiryHours = 26;
/** About 300 bytes each, over all partitions, and in one. */
const producersKept = 200_000;
/** Forgetting single producers would make them look new: a history that grows beyond this is dropped whole, and read anew. */
const producersOfOne = 100_000;

export function createProducerHistories(table: Table, clock: Clock): ProducerHistories {
  const kept = new LRUCache<string, History>({
    maxSize: producersKept,
    maxEntrySize: producersOfOne,
    sizeCalculation: ({ runs }) => runs.size + 1,
  });
  const extending = new Map<string, Promise<History>>();

  async function extend(name: string, address: PageAddress, head: Head): Promise<History> {
    let history = kept.get(name);
    if (!history || !(await catchUp(table, address, history, head))) {
      history = await learn(table, clock, address, head);
    }
    kept.set(name, history);
    return history;
  }

  return {
    async upTo(address, head) {
      const name = `${address.topicId}/${address.partition}`;
      const before = extending.get(name) ?? Promise.resolve();
      const mine = before.then(
        () => extend(name, address, head),
        () => extend(name, address, head),
      );
      extending.set(name, mine);
      return mine.finally(() => {
        if (extending.get(name) === mine) extending.delete(name);
      });
    },
    observe(address, head) {
      const name = `${address.topicId}/${address.partition}`;
      const history = kept.get(name);
      if (!history || head.tailBase > history.to || history.to >= head.next) return;
      const before = history.runs.size;
      takeAll(history, head.tail);
      if (history.runs.size > before) kept.set(name, history);
    },
  };
}

/**
 * Reads backwards from the tail until every producer of a page has expired, or to the first page that there is. That page
 * must lie at or below the history floor. The floor is read after the pages, because it is raised before pages go.
 */
async function learn(table: Table, clock: Clock, address: PageAddress, head: Head): Promise<History> {
  const oldestEpoch = segmentEpochAt(clock.now()) - expiryHours;
  const pages: Page[] = [];
  let start = head.tailBase;
  let isExpired = false;
  for await (const page of pagesBetween(table, address, 0, head.tailBase, { reverse: true, limit: 100 })) {
    const isNext = page.endOffset === start;
    if (!isNext) break;
    pages.push(page);
    start = page.firstOffset;
    isExpired = page.entries.every(({ entry }) => entry.segmentEpoch < oldestEpoch);
    if (isExpired) break;
  }
  const isComplete = isExpired || start === 0 || start <= (await readMaintenanceItem(table, address)).historyFloor;
  if (!isComplete)
    throw new RivuletError('CORRUPT_LOG', `no index page ends at offset ${start} of partition ${address.partition}`);
  const history: History = { to: start, runs: new Map() };
  takePages(history, pages.reverse());
  takeAll(history, head.tail);
  return history;
}

function takePages(history: History, pages: readonly Page[]): void {
  for (const page of pages) takeAll(history, page.entries);
}

/** False when there is a gap that no page fills: the history must be learned anew. */
async function catchUp(table: Table, address: PageAddress, history: History, head: Head): Promise<boolean> {
  if (history.to < head.tailBase) {
    const straddling = await pageAtOrBelow(table, address, history.to);
    if (straddling) takeAll(history, straddling.entries);
    for await (const page of pagesBetween(table, address, history.to, head.tailBase)) takeAll(history, page.entries);
  }
  const hasGap = history.to < head.tailBase;
  if (hasGap) return false;
  takeAll(history, head.tail);
  return history.to >= head.next;
}

/** Only what continues the history: what it covers already is passed over, what lies beyond a gap is left. */
function takeAll(history: History, entries: readonly PlacedEntry[]): void {
  for (const placed of entries) if (continues(history, placed)) take(history, placed);
}

const continues = (history: History, { baseOffset }: PlacedEntry): boolean => baseOffset === history.to;

function take(history: History, { entry, baseOffset }: PlacedEntry): void {
  history.to += entry.recordCount;
  if (!entry.producer) return;
  const { id, epoch, firstSequence } = entry.producer;
  const runs = history.runs.get(id) ?? [];
  runs.push({ epoch, firstSequence, recordCount: entry.recordCount, baseOffset });
  if (runs.length > runsKept) runs.shift();
  history.runs.set(id, runs);
}

export function newestOf(history: History, producerId: number): Known | undefined {
  const newest = history.runs.get(producerId)?.at(-1);
  return newest && { epoch: newest.epoch, nextSequence: sequenceAfter(newest.firstSequence, newest.recordCount) };
}

/** Where these very records already lie: the offset of the first; undefined when no remembered run holds them all. */
export function offsetOfRepeat(history: History, producer: EntryProducer, recordCount: number): number | undefined {
  for (const run of history.runs.get(producer.id) ?? []) {
    const skipped = sequenceDistance(run.firstSequence, producer.firstSequence);
    const isSameEpoch = run.epoch === producer.epoch;
    const isWhole = skipped + recordCount <= run.recordCount;
    if (isSameEpoch && isWhole) return run.baseOffset + skipped;
  }
  return undefined;
}
