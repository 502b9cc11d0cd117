// Retention removes the oldest records of a partition: what is older, or more, than the topic's settings keep. It goes
// from the log start on piece by piece (a log item, an index page, an entry of the tail), up to the first that stays.
//
//   step                     condition              without it
//   1 raise the log start    it lies below           a late copy brings deleted records back
//   2 delete the log items   as they were read       a longer item that has taken the key goes, with records that stay
//
// Step 2 after step 1: otherwise a reader finds no item for an offset that its head still has. A process that dies between
// them leaves items below the log start, and the next pass deletes them. Their objects go with the sweep.

import { dataBytesOf } from '../partition/entry.ts';
import { deletedFence, type Head, parseHead } from '../partition/head.ts';
import { type LogItem, logItemAt, logItemKey, logItemsBetween, namesAsRead } from '../partition/log-item.ts';
import { raiseLogStart } from '../partition/log-start.ts';
import { type Page, type PageAddress, pageAtOrBelow, pagesBetween } from '../partition/page.ts';
import { headKey } from '../storage/keys.ts';
import type { Table } from '../storage/table.ts';
import { maintenanceBegunMs } from '../topic/maintenance-begun.ts';
import {
  type Dated,
  expiryMs,
  isCompacted,
  mayRemove,
  noRetention,
  type Retention,
  retentionOf,
} from '../topic/retention.ts';
import { createTopics, type Topic } from '../topic/topics.ts';
import type { MaintenanceContext } from './context.ts';

const itemsAtOnce = 100;
const pagesAtOnce = 32;

/** `isForecast`: a dry run that takes the pages for merged, because a pass merges them before retention. */
export async function retain(
  context: MaintenanceContext,
  topic: Topic,
  partition: number,
  isForecast = false,
): Promise<void> {
  const address = { topicId: topic.topicId, partition };
  const item = await context.table.get(headKey(topic.topicId, partition), { strong: true });
  const head = item && parseHead(item);
  const isLive = head !== undefined && head.fence !== deletedFence;
  if (!isLive) return;
  const retention = await retentionNow(context, topic);
  const expired = await expiredOf(context, address, head, { retention, topic, isForecast });
  const changed = expired.to > head.logStart ? await changedTopic(context, topic) : undefined;
  if (changed) return retain(context, changed, partition, isForecast);
  const logStart = await expire(context, address, head, expired);
  if (!context.isDryRun) await deleteItemsBelow(context, address, logStart);
}

/** An operator may have kept the records longer since the pass began, because a group had not read them. */
async function changedTopic(
  { table, clock }: MaintenanceContext,
  { topic, topicId, revision }: Topic,
): Promise<Topic | undefined> {
  const now = await createTopics(table, clock).resolve({ topic, topicId });
  return now.revision === revision ? undefined : now;
}

/** A dry run tells what goes once the topic is confirmed. */
async function retentionNow({ table, clock, isDryRun }: MaintenanceContext, topic: Topic): Promise<Retention> {
  const retention = retentionOf(topic.overrides);
  if (retention.ms === noRetention.ms && retention.bytes === noRetention.bytes) return noRetention;
  if (isDryRun || topic.isRetentionConfirmed) return retention;
  return mayRemove(topic, await maintenanceBegunMs(table), clock.now()) ? retention : noRetention;
}

// --- what has expired

/** A piece goes as a whole, or stays. */
type Piece = Dated & {
  readonly firstOffset: number;
  /** This offset is exclusive. */
  readonly endOffset: number;
  readonly recordCount: number;
  readonly bytes: number;
  /** The bytes of the log above the piece. Undefined where its size is no reason to go. */
  readonly bytesAbove?: number;
};

type Wanted = { readonly retention: Retention; readonly topic: Topic; readonly isForecast: boolean };
type Expired = { readonly to: number; readonly records: number; readonly bytes: number };

async function expiredOf(
  context: MaintenanceContext,
  address: PageAddress,
  head: Head,
  { retention, topic: { overrides }, isForecast }: Wanted,
): Promise<Expired> {
  const nowMs = context.clock.now();
  const expired = { to: head.logStart, records: 0, bytes: 0 };
  if (retention === noRetention) return expired;
  const bytesAboveOf = await bytesAbove(context, address, head, isCompacted(overrides) && retention.bytes);
  const isSized = isForecast && retention.bytes !== noRetention.bytes;
  for await (const piece of piecesOf(context, address, head, bytesAboveOf, isSized)) {
    const isNext = piece.firstOffset <= expired.to && piece.endOffset > expired.to;
    const isTooOld = expiryMs(piece, retention) < nowMs;
    const isTooMuch = piece.bytesAbove !== undefined && piece.bytesAbove >= retention.bytes;
    const goes = isNext && (isTooOld || isTooMuch);
    if (!goes || context.isOver()) break;
    const share = (piece.endOffset - expired.to) / (piece.endOffset - piece.firstOffset);
    expired.records += Math.round(piece.recordCount * share);
    expired.bytes += Math.round(piece.bytes * share);
    expired.to = piece.endOffset;
  }
  return expired;
}

/** The pieces from the log start on, in order. Where the index has moved meanwhile, they end early. */
async function* piecesOf(
  { table }: MaintenanceContext,
  address: PageAddress,
  head: Head,
  bytesAboveOf: (item: LogItem) => number,
  isSized: boolean,
): AsyncGenerator<Piece> {
  const { logStart, mergedTo, tailBase, tail } = head;
  for await (const item of itemsFrom(table, address, logStart, mergedTo))
    yield { ...item, bytesAbove: bytesAboveOf(item) };
  if (isSized) yield* sizedPages(table, address, head);
  else
    for await (const page of pagesFrom(table, address, Math.max(logStart, mergedTo), tailBase)) yield pieceOfPage(page);
  for (const { entry, baseOffset } of tail) {
    const endOffset = baseOffset + entry.recordCount;
    if (endOffset <= logStart) continue;
    yield {
      ...{ firstOffset: baseOffset, endOffset, recordCount: entry.recordCount, bytes: dataBytesOf(entry) },
      ...{ maxTimestampMs: entry.maxTimestampMs, newestEpoch: entry.segmentEpoch },
    };
  }
}

/** Unlike readers, this goes on behind a hole: all bytes above an item count, also while a rewrite changes the items between. */
async function* itemsFrom(table: Table, address: PageAddress, from: number, to: number): AsyncGenerator<LogItem> {
  const first = from < to ? await logItemAt(table, address, from) : undefined;
  if (!first) return;
  yield first;
  yield* logItemsBetween(table, address, first.endOffset, to, itemsAtOnce);
}

async function* pagesFrom(table: Table, address: PageAddress, from: number, to: number): AsyncGenerator<Page> {
  const first = from < to ? await pageAtOrBelow(table, address, from) : undefined;
  if (!first) return;
  yield first;
  yield* pagesBetween(table, address, first.endOffset, to, { limit: pagesAtOnce });
}

/** A page does not tell the bytes above it. They are counted from the first page on, also below the log start. */
async function* sizedPages(
  table: Table,
  address: PageAddress,
  { logStart, mergedTo, tailBase, bytes }: Head,
): AsyncGenerator<Piece> {
  const last = mergedTo > 0 ? await logItemAt(table, address, mergedTo - 1) : undefined;
  let bytesAbove = bytes - (last?.bytesAppended ?? 0);
  for await (const page of pagesFrom(table, address, mergedTo, tailBase)) {
    const piece = pieceOfPage(page);
    bytesAbove -= piece.bytes;
    if (piece.endOffset > logStart) yield { ...piece, bytesAbove };
  }
}

function pieceOfPage({ firstOffset, endOffset, maxTimestampMs, entries }: Page): Piece {
  return {
    ...{ firstOffset, endOffset, maxTimestampMs, recordCount: endOffset - firstOffset },
    newestEpoch: Math.max(...entries.map(({ entry }) => entry.segmentEpoch)),
    bytes: entries.reduce((sum, { entry }) => sum + dataBytesOf(entry), 0),
  };
}

/**
 * Counts what was appended above an item. Compaction makes that less on a compacted topic, where the bytes of all later
 * items are added up. That reads every item, so it is done only if the bytes matter.
 */
async function bytesAbove(
  { table }: MaintenanceContext,
  address: PageAddress,
  head: Head,
  compactedTo: number | false,
): Promise<(item: LogItem) => number> {
  const isAddedUp = compactedTo !== false && compactedTo !== Number.POSITIVE_INFINITY;
  if (!isAddedUp) return (item) => head.bytes - item.bytesAppended;
  const ends: { readonly endOffset: number; readonly bytes: number }[] = [];
  let appended = 0;
  for await (const { endOffset, bytes, bytesAppended } of itemsFrom(table, address, head.logStart, head.mergedTo)) {
    ends.push({ endOffset, bytes });
    appended = bytesAppended;
  }
  const above = new Map<number, number>();
  let sum = head.bytes - appended;
  for (const { endOffset, bytes } of ends.toReversed()) {
    above.set(endOffset, sum);
    sum += bytes;
  }
  // An item that a rewrite has made since then waits for the next pass.
  return ({ endOffset }) => above.get(endOffset) ?? 0;
}

// --- the two steps

/** Returns the log start that readers see from now on. */
async function expire(
  context: MaintenanceContext,
  address: PageAddress,
  { logStart }: Head,
  { to, records, bytes }: Expired,
): Promise<number> {
  if (to === logStart) return logStart;
  const raised = context.isDryRun ? undefined : await raiseLogStart(context.table, address, to);
  const counts = raised?.isOurs ?? true;
  if (counts) {
    context.counts.expiredRecords += records;
    context.counts.expiredBytes += bytes;
  }
  if (raised?.isOurs) context.onLogStart?.(address);
  return raised?.head?.logStart ?? logStart;
}

async function deleteItemsBelow(context: MaintenanceContext, address: PageAddress, logStart: number): Promise<void> {
  for await (const item of logItemsBetween(context.table, address, 0, logStart, itemsAtOnce)) {
    const isBelow = item.endOffset <= logStart;
    if (!isBelow || context.isOver()) return;
    const key = logItemKey(address, item.firstOffset);
    const isAsRead = namesAsRead(item);
    await context.table.write({ kind: 'delete', key, if: isAsRead });
  }
}
