// A merge moves the oldest records of a partition from the segments of single requests into log segments, and their index
// from pages to log items. Any number of processes may merge a partition at a time, and each may die between any two steps:
//   1. read the maintenance item, then the head
//   2. skip whole pages below the log start: only the end of the log items moves
//   3. take whole pages, read their batches, check every one
//   4. put the log segments
//   5. in one transaction, name them in log items and move their end in the maintenance item
//   6. move the head's `m`, so that readers find them
//   7. delete the inline items of the pages, once the head leads no reader to them any more
// Step 5 is the commit point. A process that dies after 4 leaves orphans; after 5, the next merge does 6 first. The sweep
// deletes what step 7 leaves.
// The head is in no transaction: a partition with many appends would conflict with every try.

import { RivuletError } from '../api/errors.ts';
import { dataBytesOf, nameOfEntry } from '../partition/entry.ts';
import { deletedFence, type Head, mergedHeadVersion, parseHead, segmentEpochAt } from '../partition/head.ts';
import { deleteInlineItems } from '../partition/inline-item.ts';
import { type LogItem, logItem } from '../partition/log-item.ts';
import { type MaintenanceItem, notFenced, readMaintenanceItem } from '../partition/maintenance-item.ts';
import { type Page, type PageAddress, pagesBetween } from '../partition/page.ts';
import { headKey, itemVersion, maintenanceKey } from '../storage/keys.ts';
import { absent, all, any, below, type Condition, equals, type Write } from '../storage/table.ts';
import { newToken } from '../storage/transaction-tokens.ts';
import type { MaintenanceContext } from './context.ts';
import { logSegmentLimits, writeLogSegments } from './log-segment-writer.ts';
import { batchesOfPages } from './source-batches.ts';

/** Fewer pages than this, with fewer bytes, and none of them old, are left for later. */
const fewPages = 16;
const fewBytes = 8 * 1024 * 1024;
/** The hours of an epoch count from their beginning: the entry is a day old for certain. */
const oldEpochs = 25;
/** A merge reads so many entries at a time: each is a request, and takes some 300 bytes of memory. */
const mostEntries = 16_384;
const pagesAtOnce = 100;
/** So often in a row is a merge refused, before it leaves the partition to the process that is faster. */
const mostRefusals = 3;

type State = { readonly upkeep: MaintenanceItem; readonly head: Head };

/** The next transaction moves the end of the log items to `to`. If there are no pages, all of it is below the log start. */
type Move = {
  readonly from: number;
  to: number;
  bytes: number;
  recordCount: number;
  entryCount: number;
  oldestEpoch: number;
  readonly pages: Page[];
  /** The inline items of all pages up to `to`, also of those below the log start. */
  readonly inlineNames: string[];
};

/** Merges until there is no more, or the time is over. Damage ends it: the partition then moves nothing. */
export async function merge(context: MaintenanceContext, address: PageAddress): Promise<void> {
  for (let refusals = 0; refusals < mostRefusals && !context.isOver(); ) {
    const state = await readState(context, address);
    if (!state) return;
    const step = context.isDryRun ? countAll : mergeNext;
    const result = await stoppedByDamage(context, address, state, () => step(context, address, state));
    if (result === 'done') return;
    refusals = result === 'refused' ? refusals + 1 : 0;
  }
}

async function countAll(context: MaintenanceContext, address: PageAddress, state: State): Promise<Result> {
  for (let { upkeep } = state; !context.isOver(); ) {
    const move = await nextMove(context, address, { ...state, upkeep });
    if (!move) return 'done';
    count(context, move);
    upkeep = { ...upkeep, logEnd: move.to };
  }
  return 'done';
}

/** Undefined if there is nothing to merge, because the partition is closed or has no head. */
async function readState({ table }: MaintenanceContext, address: PageAddress): Promise<State | undefined> {
  const upkeep = await readMaintenanceItem(table, address);
  const item = await table.get(headKey(address.topicId, address.partition), { strong: true });
  const head = item && parseHead(item);
  const isClosed = upkeep.fence === deletedFence || head?.fence === deletedFence;
  return head && !isClosed ? { upkeep, head } : undefined;
}

/** Step 6. It comes after the transaction: before it, readers would look for log items that are not there. */
async function publish({ table }: MaintenanceContext, address: PageAddress, { upkeep, head }: State): Promise<void> {
  const { logEnd } = upkeep;
  if (head.mergedTo >= logEnd) return;
  const isNewer = below('m', logEnd);
  await table.write({
    kind: 'update',
    key: headKey(address.topicId, address.partition),
    update: {
      set: [
        ['m', logEnd],
        ['v', mergedHeadVersion],
      ],
    },
    if: isNewer,
  });
}

/**
 * Step 7. Until the head has moved, readers are led to the items, also when the log items are there already. This saves
 * money only: a sweep would find the items unnamed.
 */
async function removeInline(
  { table }: MaintenanceContext,
  { topicId, partition }: PageAddress,
  { to, inlineNames }: Move,
): Promise<void> {
  if (inlineNames.length === 0) return;
  const item = await table.get(headKey(topicId, partition), { strong: true });
  const areReadElsewhere = item !== undefined && parseHead(item).mergedTo >= to;
  if (areReadElsewhere) await deleteInlineItems(table, inlineNames);
}

/** A refusal means that another process has moved the log's end, or that a sweep has raised the fence. */
type Result = 'moved' | 'refused' | 'done';

async function mergeNext(context: MaintenanceContext, address: PageAddress, state: State): Promise<Result> {
  await publish(context, address, state);
  const move = await nextMove(context, address, state);
  if (!move) return 'done';
  const items = move.pages.length > 0 ? await write(context, address, state, move) : [];
  const isCommitted = await commit(context, address, state, move, items);
  if (!isCommitted) return 'refused';
  count(context, move);
  await publish(context, address, { ...state, upkeep: { ...state.upkeep, logEnd: move.to } });
  await removeInline(context, address, move);
  return 'moved';
}

// --- what to move: steps 2 and 3

async function nextMove(context: MaintenanceContext, address: PageAddress, state: State): Promise<Move | undefined> {
  const { upkeep, head } = state;
  const move = newMove(upkeep.logEnd);
  for await (const page of pagesBetween(context.table, address, move.from, head.tailBase, { limit: pagesAtOnce })) {
    const isNext = page.firstOffset === move.to;
    if (!isNext) throw missingPage(move.to);
    const isBelowStart = page.endOffset <= head.logStart;
    if (!hasRoom(move, page, isBelowStart)) return move;
    take(move, page, isBelowStart);
    move.inlineNames.push(...inlineNamesOf(address, page));
  }
  const reachesTail = move.to === head.tailBase;
  if (!reachesTail) throw missingPage(move.to);
  return isWorthIt(context, move) ? move : undefined;
}

const newMove = (from: number): Move => ({
  from,
  to: from,
  bytes: 0,
  recordCount: 0,
  entryCount: 0,
  oldestEpoch: deletedFence,
  pages: [],
  inlineNames: [],
});

function hasRoom(move: Move, page: Page, isBelowStart: boolean): boolean {
  if (isBelowStart) return move.inlineNames.length < mostEntries;
  const isAfterDeleted = move.pages.length === 0 && move.to > move.from;
  if (isAfterDeleted) return false;
  if (move.pages.length === 0) return true;
  return move.bytes + bytesOf(page) <= logSegmentLimits.bytes && move.entryCount + page.entries.length <= mostEntries;
}

function take(move: Move, page: Page, isBelowStart: boolean): void {
  move.to = page.endOffset;
  move.bytes += bytesOf(page);
  if (isBelowStart) return;
  move.recordCount += page.endOffset - page.firstOffset;
  move.entryCount += page.entries.length;
  move.oldestEpoch = page.entries.reduce((oldest, { entry }) => Math.min(oldest, entry.segmentEpoch), move.oldestEpoch);
  move.pages.push(page);
}

const inlineNamesOf = (address: PageAddress, { entries }: Page): string[] =>
  entries.flatMap(({ entry }) => (entry.isInline ? [nameOfEntry(address, entry)] : []));

const bytesOf = ({ entries }: Page): number => entries.reduce((sum, { entry }) => sum + dataBytesOf(entry), 0);

function isWorthIt({ isFull, clock }: MaintenanceContext, { pages, bytes, oldestEpoch, from, to }: Move): boolean {
  if (to === from) return false;
  const isDeleted = pages.length === 0;
  const isOld = oldestEpoch <= segmentEpochAt(clock.now()) - oldEpochs;
  return isDeleted || isFull || pages.length >= fewPages || bytes >= fewBytes || isOld;
}

// --- steps 4 and 5

function write(
  context: MaintenanceContext,
  address: PageAddress,
  { upkeep }: State,
  { from, to, bytes, pages }: Move,
): Promise<LogItem[]> {
  const bytesAppended = upkeep.bytesAppended + bytes;
  const { runningMaxTimestampMs, entries } = pages.at(-1)!;
  const totals = { newestEpoch: entries.at(-1)!.entry.segmentEpoch, bytesAppended, runningMaxTimestampMs };
  const range = { address, firstOffset: from, endOffset: to, totals, fence: upkeep.fence };
  return writeLogSegments(context, range, batchesOfPages(context, address, pages, upkeep.bytesAppended));
}

/**
 * Moves the end of the log items only from where it was read, because a merge that slept would revive an item that a
 * rewrite has removed.
 */
async function commit(
  { table, clock }: MaintenanceContext,
  { topicId, partition }: PageAddress,
  { upkeep }: State,
  { from, to, bytes }: Move,
  items: readonly LogItem[],
): Promise<boolean> {
  const isNotFenced = notFenced(Math.min(deletedFence, ...items.map(({ segmentEpoch }) => segmentEpoch)));
  const moveEnd: Write = {
    kind: 'update',
    key: maintenanceKey(topicId, partition),
    update: {
      set: [
        ['lm', to],
        ['lz', upkeep.bytesAppended + bytes],
      ],
      setIfAbsent: [['v', itemVersion]],
      remove: ['bad'],
    },
    if: all(endsAt(from), isNotFenced),
  };
  const isFree = absent('v');
  const puts = items.map((item): Write => ({ kind: 'put', item: logItem({ topicId, partition }, item), if: isFree }));
  const result = await table.transact([moveEnd, ...puts], newToken(clock));
  return result.applied;
}

/** The log items end where they did when they were read. A missing item counts as 0. */
const endsAt = (logEnd: number): Condition =>
  logEnd === 0 ? any(absent('lm'), equals('lm', 0)) : equals('lm', logEnd);

function count({ counts }: MaintenanceContext, { pages, recordCount, bytes }: Move): void {
  if (pages.length === 0) return;
  counts.mergedRecords += recordCount;
  counts.mergedBytes += bytes;
}

// --- damage

/**
 * Another process may have merged and deleted what is missing, since we read the state. It is damage only
 * if the log's end has not moved.
 */
async function stoppedByDamage(
  context: MaintenanceContext,
  address: PageAddress,
  { upkeep }: State,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const isDamage = error instanceof RivuletError && error.errorCode === 'CORRUPT_LOG';
    if (!isDamage) throw error;
    const { logEnd } = await readMaintenanceItem(context.table, address);
    if (logEnd !== upkeep.logEnd) return 'refused';
    await markDamage(context, address, logEnd, error);
    return 'done';
  }
}

async function markDamage(
  { table, isDryRun, onDamage }: MaintenanceContext,
  address: PageAddress,
  logEnd: number,
  { extra, message }: RivuletError,
): Promise<void> {
  const offset = Number(extra.offset);
  onDamage(address, { offset, reason: message });
  if (isDryRun) return;
  await table.write({
    kind: 'update',
    key: maintenanceKey(address.topicId, address.partition),
    update: { set: [['bad', offset]], setIfAbsent: [['v', itemVersion]] },
    if: endsAt(logEnd),
  });
}

const missingPage = (offset: number) =>
  new RivuletError('CORRUPT_LOG', `the index page at offset ${offset} is missing`, { extra: { offset } });
