// Describes what a partition holds: its ends, its bytes, and, if that is asked for, what maintenance has made of it.
//
// A description costs one read unit per partition, and mostly one more if its log no longer begins at offset 0. What
// maintenance has made is in the log items, one for each log segment, and all of them are read: about a unit for two, so
// some 8,000 for a TiB. The index of what is not merged yet is read too, for the appends that are items of the table. So
// nobody gets that without asking.

import type { PartitionDescription, PartitionStorage, TopicRef } from '../api/topics.ts';
import type { Head } from '../partition/head.ts';
import { entriesFrom, slicesFrom } from '../partition/locate.ts';
import { type LogItem, logItemAt, logItemsBetween } from '../partition/log-item.ts';
import { readMaintenanceItem } from '../partition/maintenance-item.ts';
import type { PageAddress } from '../partition/page.ts';
import { logSegmentHeaderBytes } from '../record/log-segment.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { withCurrentTopic } from '../topic/current.ts';
import { allPartitions } from '../topic/partitions.ts';
import { isCompacted } from '../topic/retention.ts';
import type { Topic } from '../topic/topics.ts';
import type { LogContext } from './context.ts';
import { liveHead } from './live-head.ts';

const headsAtOnce = 64;
const storagesAtOnce = 16;
const itemsAtOnce = 100;
/** So many entries of pages are added up. Beyond, their bytes are estimated: only a log that nobody merges has more. */
const mostAdded = 4_000;

type DescribeRequest = TopicRef & { from?: number; limit?: number; storage?: boolean };
type Described = { partitions: PartitionDescription[]; more: boolean };

export function describePartitions(context: LogContext, request: DescribeRequest): Promise<Described> {
  return withCurrentTopic(context.topics, request, () => describeOnce(context, request));
}

async function describeOnce(context: LogContext, request: DescribeRequest): Promise<Described> {
  const { from = 0, limit = 100, storage = false } = request;
  const topic = await context.topics.resolve(request);
  const wanted = allPartitions(topic).slice(from, from + limit);
  const partitions = await inParallel(wanted, storage ? storagesAtOnce : headsAtOnce, async (partition) => {
    const head = await liveHead(context, topic, partition);
    const address = { topicId: topic.topicId, partition };
    const bytes = await readableBytes(context, address, head);
    const description = { partition, earliest: head.logStart, latest: head.next, bytes };
    return storage ? { ...description, storage: await storageOf(context, topic, address, head) } : description;
  });
  return { partitions, more: from + wanted.length < topic.partitions };
}

/** The bytes that were appended from the log start on. */
async function readableBytes(context: LogContext, address: PageAddress, head: Head): Promise<number> {
  const { logStart, mergedTo, next } = head;
  if (logStart === 0) return head.bytes;
  if (logStart === next) return 0;
  const estimate = Math.round(head.bytes * ((next - logStart) / next));
  if (logStart < mergedTo) {
    const item = await logItemAt(context.table, address, logStart);
    return item ? head.bytes - item.bytesAppended + bytesFrom(item, logStart) : estimate;
  }
  return (await addedBytes(context, address, head)) ?? estimate;
}

/** The bytes of the item from the row on that has the offset. */
function bytesFrom({ rows, bytes }: LogItem, offset: number): number {
  const row = rows.findLast((each) => each.offset <= offset);
  return row ? bytes - (row.position - logSegmentHeaderBytes) : bytes;
}

/** Undefined if there are too many entries, or if the index has moved meanwhile. */
async function addedBytes(context: LogContext, address: PageAddress, head: Head): Promise<number | undefined> {
  const { logStart, next } = head;
  let [bytes, added, end] = [0, 0, logStart];
  for await (const { baseOffset, endOffset, lengthBytes } of slicesFrom(context, address, head, logStart)) {
    if (++added > mostAdded) return undefined;
    const isCut = baseOffset < logStart;
    bytes += isCut ? Math.round(lengthBytes * ((endOffset - logStart) / (endOffset - baseOffset))) : lengthBytes;
    end = endOffset;
  }
  return end === next ? bytes : undefined;
}

/** The log items are added up as they come: those of a TiB take 30 MB. */
async function storageOf(
  context: LogContext,
  topic: Topic,
  address: PageAddress,
  head: Head,
): Promise<PartitionStorage> {
  const { table } = context;
  const { logStart } = head;
  const { cleanPoint, cleanBytes, lastPassMs, damagedAt } = await readMaintenanceItem(table, address);
  let [logSegments, logSegmentBytes, dirtyBytes] = [0, 0, 0];
  for await (const item of logItemsBetween(table, address, 0, Number.MAX_SAFE_INTEGER, itemsAtOnce)) {
    const isReadable = item.endOffset > logStart;
    if (!isReadable) continue;
    logSegments += 1;
    logSegmentBytes += item.bytes;
    if (item.firstOffset >= cleanPoint) dirtyBytes += item.bytes;
  }
  return {
    logSegments,
    logSegmentBytes,
    ...(await inlineOf(context, address, head)),
    ...(isCompacted(topic.overrides) && { dirtyRatio: dirtyBytes === 0 ? 0 : dirtyBytes / (dirtyBytes + cleanBytes) }),
    ...(lastPassMs > 0 && { maintainedMs: lastPassMs }),
    ...(damagedAt !== undefined && { damagedOffset: damagedAt }),
  };
}

/** The records behind the log segments may be inline. Undefined if too many entries are there, or the index has moved meanwhile. */
async function inlineOf(
  context: LogContext,
  address: PageAddress,
  head: Head,
): Promise<Pick<PartitionStorage, 'inlineItems' | 'inlineBytes'> | undefined> {
  let [entries, inlineItems, inlineBytes] = [0, 0, 0];
  let end = Math.max(head.logStart, head.mergedTo);
  for await (const { entry, baseOffset } of entriesFrom(context.table, address, head, end)) {
    if (++entries > mostAdded) return undefined;
    end = baseOffset + entry.recordCount;
    if (!entry.isInline) continue;
    inlineItems += 1;
    inlineBytes += entry.lengthBytes;
  }
  return end === head.next ? { inlineItems, inlineBytes } : undefined;
}
