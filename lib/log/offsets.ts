// This file finds offsets by name or by time. A search by time is a binary search over the running
// maximum that each log item and each index page carries. It then looks at the maxima of slices and at the headers of
// batches, and opens a batch only if its header leaves the answer open. A search that ends early answers with its position,
// at or before the true offset, so that a reader that begins there misses nothing.

import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import type { OffsetQuery, PartitionOffset } from '../api/records.ts';
import type { TopicRef } from '../api/topics.ts';
import type { Head } from '../partition/head.ts';
import { type Slice, slicesFrom } from '../partition/locate.ts';
import { logItemAt } from '../partition/log-item.ts';
import { type PageAddress, pageAtOrBelow } from '../partition/page.ts';
import type { OpenBatch } from '../record/batch.ts';
import type { BatchHeader } from '../record/batch-header.ts';
import { CorruptBatchError } from '../record/corrupt-batch-error.ts';
import { newUnpackBudget, type UnpackBudget, withOpenBatch } from '../record/unpack.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { withCurrentTopic } from '../topic/current.ts';
import { allPartitions, unknownPartition } from '../topic/partitions.ts';
import type { Topic } from '../topic/topics.ts';
import type { LogContext } from './context.ts';
import { liveHead } from './live-head.ts';

const headsAtOnce = 64;

/** A search by time reads pages and batches of each partition. */
const mostTimedPartitions = limits.fetchPartitions;
/** Entries whose producers claimed greater timestamps than their records have: so many are opened in one search. */
const mostOpened = 64;

type OffsetsRequest = TopicRef & {
  at: OffsetQuery;
  partitions?: readonly number[];
  signal?: AbortSignal;
  /** Default: one of its own, for the signal. */
  budget?: UnpackBudget;
};

export function offsets(
  context: LogContext,
  request: OffsetsRequest,
): Promise<{ topicId: string; partitions: PartitionOffset[] }> {
  return withCurrentTopic(context.topics, request, () => offsetsOnce(context, request));
}

async function offsetsOnce(context: LogContext, request: OffsetsRequest) {
  const topic = await context.topics.resolve(request);
  const wanted = request.partitions ?? allPartitions(topic);
  const isTimed = request.at !== 'earliest' && request.at !== 'latest';
  if (isTimed && wanted.length > mostTimedPartitions) {
    const detail = `partitions: ${wanted.length} searched by time in one request, above the limit of ${mostTimedPartitions}; name a range`;
    throw new RivuletError('INVALID_REQUEST', detail);
  }
  const budget = request.budget ?? newUnpackBudget(request.signal);
  const partitions = await inParallel(wanted, headsAtOnce, (partition) =>
    offsetAt(context, topic, partition, request.at, { budget, gone: new Set() }),
  );
  return { topicId: topic.topicId, partitions };
}

/** `gone`: the objects and inline items of the partition that were named and not found. */
type Search = { readonly budget: UnpackBudget; readonly gone: Set<string> };

/**
 * An object or item that is gone may have been replaced since the head was read, so the search begins again from a fresh
 * head. If that leads to the same name, its answer stands.
 */
async function offsetAt(
  context: LogContext,
  topic: Topic,
  partition: number,
  at: OffsetQuery,
  search: Search,
): Promise<PartitionOffset> {
  const unknown = unknownPartition(topic, partition);
  if (unknown) throw unknown;
  const head = await liveHead(context, topic, partition);
  if (at === 'earliest') return { partition, offset: head.logStart, timestampMs: -1 };
  if (at === 'latest') return { partition, offset: head.next, timestampMs: -1 };
  const address = { topicId: topic.topicId, partition };
  const goneBefore = search.gone.size;
  const found =
    at === 'maxTimestamp'
      ? await firstOfGreatest(context, address, head, search)
      : (await firstAtOrAfter(context, address, head, at, search)).found;
  const mayBeElsewhere = search.gone.size > goneBefore;
  if (mayBeElsewhere) return offsetAt(context, topic, partition, at, search);
  return { partition, offset: found?.offset ?? -1, timestampMs: found?.timestampMs ?? -1 };
}

type TimedOffset = { readonly offset: number; readonly timestampMs: number };

/** The first offset and the claim of an entry whose records do not bear out its producer's claim. */
async function firstOfGreatest(
  context: LogContext,
  address: PageAddress,
  head: Head,
  search: Search,
): Promise<TimedOffset | undefined> {
  if (head.next === head.logStart) return undefined;
  const greatestMs = head.tail.reduce(
    (most, { entry }) => Math.max(most, entry.maxTimestampMs),
    head.logStart < head.tailBase ? head.maxTimestampBelowTail : -1,
  );
  const { found, claimed } = await firstAtOrAfter(context, address, head, greatestMs, search);
  if (found ?? claimed) return found ?? claimed;
  const left = await firstAtOrAfter(context, address, head, await greatestLeft(context, address, head), search);
  return left.found ?? left.claimed;
}

/** Where the head's greatest time is that of a record which compaction or delete-records has removed: the next one. */
async function greatestLeft(context: LogContext, address: PageAddress, head: Head): Promise<number> {
  let greatestMs = -1;
  for await (const slice of slicesFrom(context, address, head, head.logStart))
    greatestMs = Math.max(greatestMs, slice.maxTimestampMs);
  return greatestMs;
}

/** `claimed`: the first entry that says it has such a record, though none was found. */
async function firstAtOrAfter(
  context: LogContext,
  address: PageAddress,
  head: Head,
  timestampMs: number,
  search: Search,
): Promise<{ readonly found?: TimedOffset | undefined; readonly claimed?: TimedOffset | undefined }> {
  const start = await firstOffsetWorthReading(context, address, head, timestampMs);
  let opened = 0;
  let claimed: TimedOffset | undefined;
  for await (const slice of slicesFrom(context, address, head, start)) {
    const { maxTimestampMs } = slice;
    const here = { offset: Math.max(slice.baseOffset, head.logStart), timestampMs: maxTimestampMs };
    if (search.budget.signal?.aborted) return { found: here };
    if (maxTimestampMs < timestampMs) continue;
    if (opened++ === mostOpened) return { found: here };
    claimed ??= here;
    const found = await firstRecordIn(context, slice, { logStart: head.logStart, timestampMs }, search);
    if (found) return { found };
  }
  return { claimed };
}

/**
 * The start of the first log item or page whose running maximum reaches the time; nothing before it can. It takes
 * O(log items) and O(log pages) queries.
 */
async function firstOffsetWorthReading(
  context: LogContext,
  address: PageAddress,
  head: Head,
  timestampMs: number,
): Promise<number> {
  const { logStart, mergedTo, tailBase } = head;
  if (head.maxTimestampBelowTail < timestampMs) return Math.max(logStart, mergedTo, tailBase);
  const inLog = await bisect(logStart, mergedTo, timestampMs, (offset) => logItemAt(context.table, address, offset));
  if (inLog < mergedTo) return inLog;
  return bisect(Math.max(logStart, mergedTo), tailBase, timestampMs, async (offset) => {
    const page = await pageAtOrBelow(context.table, address, offset);
    return page && offset < page.endOffset ? page : undefined;
  });
}

type Stretch = { readonly firstOffset: number; readonly endOffset: number; readonly runningMaxTimestampMs: number };

/** Where the index has moved meanwhile, the search goes on from what it knows. */
async function bisect(
  from: number,
  to: number,
  timestampMs: number,
  at: (offset: number) => Promise<Stretch | undefined>,
): Promise<number> {
  let low = from;
  let high = to;
  while (low < high) {
    const found = await at(low + Math.floor((high - low) / 2));
    if (!found) break;
    if (found.runningMaxTimestampMs < timestampMs) low = found.endOffset;
    else high = Math.max(low, found.firstOffset);
  }
  return low;
}

type Wanted = { readonly logStart: number; readonly timestampMs: number };

/** The entry's maximum is only what its producer claimed: undefined when no record bears it out. */
async function firstRecordIn(
  context: LogContext,
  slice: Slice,
  wanted: Wanted,
  { budget, gone }: Search,
): Promise<TimedOffset | undefined> {
  const [batches] = await context.slices.read([slice]);
  if (batches instanceof RivuletError) throw batches;
  if (!batches) gone.add(slice.objectKey);
  // Its object is gone or may not be read: a reader who begins here is told so, and misses nothing.
  if (!batches) return { offset: Math.max(slice.baseOffset, wanted.logStart), timestampMs: slice.maxTimestampMs };
  for (const { header, baseOffset, bytes } of batches) {
    if (header.maxTimestampMs < wanted.timestampMs || baseOffset + header.lastOffsetDelta < wanted.logStart) continue;
    const found = byHeader(header, baseOffset, wanted) ?? (await firstRecordOf(bytes, wanted, budget));
    if (found === 'spent') return { offset: Math.max(baseOffset, wanted.logStart), timestampMs: header.maxTimestampMs };
    if (found) return found;
  }
  return undefined;
}

/**
 * The first record's offset and time stand in the header, unless compaction has removed it; with LogAppendTime every record
 * has the same.
 */
function byHeader(header: BatchHeader, baseOffset: number, { logStart, timestampMs }: Wanted): TimedOffset | undefined {
  const hasGaps = header.recordCount <= header.lastOffsetDelta;
  const firstMs = header.timestampType === 'LogAppendTime' ? header.maxTimestampMs : header.baseTimestampMs;
  const isFirst = firstMs >= timestampMs && baseOffset >= logStart && !header.hasDeleteHorizon && !hasGaps;
  return isFirst ? { offset: baseOffset, timestampMs: firstMs } : undefined;
}

/** Record by record, for a small batch may hold millions. One that cannot be unpacked has no records for anyone. */
async function firstRecordOf(
  bytes: Uint8Array,
  wanted: Wanted,
  budget: UnpackBudget,
): Promise<TimedOffset | 'spent' | undefined> {
  try {
    return await withOpenBatch(bytes, budget, (batch) => firstRecordOfOpen(batch, wanted, budget));
  } catch (error) {
    if (error instanceof CorruptBatchError) return undefined;
    throw error;
  }
}

async function firstRecordOfOpen(
  batch: OpenBatch,
  { logStart, timestampMs }: Wanted,
  budget: UnpackBudget,
): Promise<TimedOffset | 'spent' | undefined> {
  for (const record of batch.scan((offset, recordMs) => recordMs >= timestampMs && offset >= logStart)) {
    if (record) return { offset: record.offset, timestampMs: record.timestampMs };
    if (budget.pace.isDue(1)) await budget.pace.rest();
    if (budget.signal?.aborted) return 'spent';
  }
  return undefined;
}
