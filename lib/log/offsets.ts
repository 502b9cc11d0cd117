// Offsets by name or by time, and what a partition holds. By time: a binary search over the running maximum that each
// index page carries, then the entries' own maxima, then the records of one batch.
import { inParallel } from '../concurrency.ts';
import type { OffsetQuery, PartitionDescription, PartitionOffset, TopicRef } from '../engine.ts';
import { RivuletError } from '../errors.ts';
import { limits } from '../limits.ts';
import { openBatch } from '../record/batch.ts';
import { CorruptBatchError } from '../record/corrupt-batch-error.ts';
import type { PlacedEntry } from '../record/entry.ts';
import { allPartitions, unknownPartition } from '../topic/partitions.ts';
import type { Topic } from '../topic/topics.ts';
import { deletedFence, emptyHead, type Head } from './head.ts';
import { entriesFrom } from './locate.ts';
import { type LogParts, withCurrentTopic } from './log.ts';
import { type PageAddress, pageAtOrBelow } from './page.ts';

const headsAtOnce = 64;

/** A search by time reads pages and batches of each partition. */
const mostTimedPartitions = limits.fetchPartitions;
/** Entries whose producers claimed greater timestamps than their records have: so many are opened in one search. */
const mostOpened = 64;

type OffsetsRequest = TopicRef & { at: OffsetQuery; partitions?: readonly number[] };

export function offsets(
  parts: LogParts,
  request: OffsetsRequest,
): Promise<{ topicId: string; partitions: PartitionOffset[] }> {
  return withCurrentTopic(parts, request, () => offsetsOnce(parts, request));
}

async function offsetsOnce(parts: LogParts, request: OffsetsRequest) {
  const topic = await parts.topics.resolve(request);
  const wanted = request.partitions ?? allPartitions(topic);
  if (typeof request.at === 'number' && wanted.length > mostTimedPartitions) {
    const detail = `partitions: ${wanted.length} searched by time in one request, above the limit of ${mostTimedPartitions}; name a range`;
    throw new RivuletError('INVALID_REQUEST', detail);
  }
  const partitions = await inParallel(wanted, headsAtOnce, (partition) =>
    offsetAt(parts, topic, partition, request.at),
  );
  return { topicId: topic.topicId, partitions };
}

type DescribeRequest = TopicRef & { from?: number; limit?: number };
type Described = { partitions: PartitionDescription[]; more: boolean };

export function describePartitions(parts: LogParts, request: DescribeRequest): Promise<Described> {
  return withCurrentTopic(parts, request, () => describeOnce(parts, request));
}

async function describeOnce(parts: LogParts, request: DescribeRequest): Promise<Described> {
  const topic = await parts.topics.resolve(request);
  const from = request.from ?? 0;
  const wanted = allPartitions(topic).slice(from, from + (request.limit ?? 100));
  const partitions = await inParallel(wanted, headsAtOnce, async (partition) => {
    const head = await headOf(parts, topic, partition);
    return { partition, earliest: head.logStart, latest: head.next, bytes: head.bytes };
  });
  return { partitions, more: from + wanted.length < topic.partitions };
}

async function headOf(parts: LogParts, topic: Topic, partition: number): Promise<Head> {
  const head = (await parts.heads.read({ topicId: topic.topicId, partition })) ?? emptyHead;
  if (head.fence !== deletedFence) return head;
  parts.topics.forget(topic.topic);
  throw new RivuletError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic.topic} was deleted`);
}

async function offsetAt(parts: LogParts, topic: Topic, partition: number, at: OffsetQuery): Promise<PartitionOffset> {
  const unknown = unknownPartition(topic, partition);
  if (unknown) throw unknown;
  const head = await headOf(parts, topic, partition);
  if (at === 'earliest') return { partition, offset: head.logStart, timestampMs: -1 };
  if (at === 'latest') return { partition, offset: head.next, timestampMs: -1 };
  const found = await firstAtOrAfter(parts, { topicId: topic.topicId, partition }, head, at);
  return { partition, offset: found?.offset ?? -1, timestampMs: found?.timestampMs ?? -1 };
}

type TimedOffset = { readonly offset: number; readonly timestampMs: number };

async function firstAtOrAfter(
  parts: LogParts,
  address: PageAddress,
  head: Head,
  timestampMs: number,
): Promise<TimedOffset | undefined> {
  const start = await firstOffsetWorthReading(parts, address, head, timestampMs);
  let opened = 0;
  for await (const placed of entriesFrom(parts, address, head, start)) {
    const { maxTimestampMs } = placed.entry;
    if (maxTimestampMs < timestampMs) continue;
    // At or before the true one, so that a reader who begins here misses nothing.
    if (opened++ === mostOpened) return { offset: placed.baseOffset, timestampMs: maxTimestampMs };
    const found = await firstRecordIn(parts, address, placed, head.logStart, timestampMs);
    if (found) return found;
  }
  return undefined;
}

/** The start of the first page whose running maximum reaches the time; nothing before it can. O(log pages) queries. */
async function firstOffsetWorthReading(
  parts: LogParts,
  address: PageAddress,
  head: Head,
  timestampMs: number,
): Promise<number> {
  let low = Math.max(head.logStart, head.mergedTo);
  if (head.maxTimestampBelowTail < timestampMs) return Math.max(low, head.tailBase);
  let high = head.tailBase;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    const page = await pageAtOrBelow(parts.table, address, middle);
    if (!page || page.endOffset <= middle) break;
    if (page.runningMaxTimestampMs < timestampMs) low = page.endOffset;
    else high = Math.max(low, page.firstOffset);
  }
  return low;
}

/** The entry's maximum is only what its producer claimed: undefined when no record bears it out. */
async function firstRecordIn(
  parts: LogParts,
  address: PageAddress,
  placed: PlacedEntry,
  logStart: number,
  timestampMs: number,
): Promise<TimedOffset | undefined> {
  const [batches] = await parts.slices.read([{ ...placed, topicId: address.topicId }]);
  if (batches instanceof RivuletError) throw batches;
  // Its object is gone or may not be read: a reader who begins here is told so, and misses nothing.
  if (!batches) return { offset: Math.max(placed.baseOffset, logStart), timestampMs: placed.entry.maxTimestampMs };
  for (const { header, bytes } of batches) {
    if (header.maxTimestampMs < timestampMs) continue;
    const found = firstRecordOf(bytes, logStart, timestampMs);
    if (found) return found;
  }
  return undefined;
}

/** Record by record, for a small batch may hold millions. One that cannot be unpacked has no records for anyone. */
function firstRecordOf(bytes: Uint8Array, logStart: number, timestampMs: number): TimedOffset | undefined {
  try {
    for (const record of openBatch(bytes).records())
      if (record.timestampMs >= timestampMs && record.offset >= logStart)
        return { offset: record.offset, timestampMs: record.timestampMs };
    return undefined;
  } catch (error) {
    if (error instanceof CorruptBatchError) return undefined;
    throw error;
  }
}
