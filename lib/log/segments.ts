// Lists the stored pieces of a partition, and reads the bytes of one. It follows the same index as a fetch, so what it shows
// is what readers get.
//
// Invariant: no byte of another partition leaves here, because only the stretch of an object that this partition's index
// names is read. A page holds at most `limit` pieces in memory, however many the partition has.

import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import type { PartitionSegment, SegmentBytes, Segments, SegmentsReply } from '../api/segments.ts';
import type { TopicRef } from '../api/topics.ts';
import type { Entry, PlacedEntry } from '../partition/entry.ts';
import { nameOfEntry } from '../partition/entry.ts';
import type { Head } from '../partition/head.ts';
import { readInlineItems } from '../partition/inline-item.ts';
import { expanded, logItemsFrom, pagesFrom } from '../partition/locate.ts';
import { type LogItem, logSegmentKeyOf } from '../partition/log-item.ts';
import type { PageAddress } from '../partition/page.ts';
import { logSegmentHeaderBytes } from '../record/log-segment.ts';
import { translated } from '../storage/outcome.ts';
import { withCurrentTopic } from '../topic/current.ts';
import { unknownPartition } from '../topic/partitions.ts';
import type { LogContext } from './context.ts';
import { liveHead } from './live-head.ts';

const itemsAtOnce = 100;
/** So often is a fresh head read because maintenance has moved what the head led to. */
const mostLooks = 3;
const hourMs = 3_600_000;

type ListRequest = Parameters<Segments['list']>[0];
type ReadRequest = Parameters<Segments['read']>[0];

export function createSegments(context: LogContext): Segments {
  const current = <T>(request: TopicRef, work: () => Promise<T>): Promise<T> =>
    translated(withCurrentTopic(context.topics, request, work), 'read');
  return {
    list: (request) => current(request, () => list(context, request)),
    read: (request) => current(request, () => read(context, request)),
  };
}

async function list(context: LogContext, request: ListRequest): Promise<SegmentsReply> {
  const { partition, from = 0, limit = 100 } = request;
  const { address, head, segments } = await look(context, request, from, limit);
  const { logStart, mergedTo, tailBase, next } = head;
  const end = segments.at(-1)?.endOffset ?? next;
  return {
    ...{ topicId: address.topicId, partition, logStartOffset: logStart, highWatermark: next, segments },
    mergedOffset: Math.max(logStart, mergedTo),
    tailOffset: Math.max(logStart, tailBase),
    ...(end < next && { nextOffset: end }),
  };
}

type Look = { readonly address: PageAddress; readonly head: Head; readonly segments: readonly PartitionSegment[] };

/** Finds at least one piece if the partition has a record at or behind `from`. */
async function look(context: LogContext, request: ListRequest, from: number, limit: number, looks = 1): Promise<Look> {
  const topic = await context.topics.resolve(request);
  const { partition } = request;
  const unknown = unknownPartition(topic, partition);
  if (unknown) throw unknown;
  const head = await liveHead(context, topic, partition);
  const address = { topicId: topic.topicId, partition };
  const begin = Math.max(from, head.logStart);
  const segments = await firstOf(segmentsFrom(context, address, head, begin), limit);
  const hasMoved = segments.length === 0 && begin < head.next;
  if (!hasMoved) return { address, head, segments };
  if (looks < mostLooks) return look(context, request, from, limit, looks + 1);
  throw corrupt(begin, 'the index names nothing there');
}

async function firstOf<T>(all: AsyncIterable<T>, limit: number): Promise<T[]> {
  const first: T[] = [];
  for await (const one of all) {
    first.push(one);
    if (first.length === limit) break;
  }
  return first;
}

/** Yields the pieces from the one that holds `offset` on. It ends early if the index has moved meanwhile. */
async function* segmentsFrom(
  { table, objects }: LogContext,
  address: PageAddress,
  head: Head,
  offset: number,
): AsyncGenerator<PartitionSegment> {
  let next = offset;
  for await (const item of logItemsFrom(table, address, next, head.mergedTo, itemsAtOnce)) {
    yield logSegment(address, item);
    next = item.endOffset;
  }
  if (next < head.mergedTo) return;
  for await (const { entries, firstOffset, endOffset } of pagesFrom(table, address, head, next)) {
    for (const placed of entries)
      yield* piecesOf(objects, address, placed, next, { indexedIn: 'page', pageOffset: firstOffset });
    next = endOffset;
  }
  if (next < head.tailBase) return;
  for (const placed of head.tail) yield* piecesOf(objects, address, placed, next, { indexedIn: 'tail' });
}

const logSegment = (address: PageAddress, item: LogItem): PartitionSegment => ({
  ...{ kind: 'log', indexedIn: 'log', baseOffset: item.firstOffset, endOffset: item.endOffset },
  ...{ records: item.recordCount, object: logSegmentKeyOf(address, item) },
  ...{ position: logSegmentHeaderBytes, bytes: item.bytes },
  ...{ maxTimestampMs: item.maxTimestampMs, createdMs: item.segmentEpoch * hourMs },
});

type IndexedIn = Pick<PartitionSegment, 'indexedIn' | 'pageOffset'>;

/** Yields the pieces of an entry that end behind `offset`. A list that cannot be read is shown itself: its damage is of interest. */
async function* piecesOf(
  objects: LogContext['objects'],
  address: PageAddress,
  placed: PlacedEntry,
  offset: number,
  indexedIn: IndexedIn,
): AsyncGenerator<PartitionSegment> {
  if (endOf(placed) <= offset) return;
  try {
    for await (const one of expanded(objects, address, placed))
      if (endOf(one) > offset) yield segmentOf(address, one, kindOf(one.entry), indexedIn);
  } catch (error) {
    if (!(error instanceof RivuletError && error.errorCode === 'CORRUPT_LOG')) throw error;
    yield segmentOf(address, placed, 'list', indexedIn);
  }
}

const endOf = ({ entry, baseOffset }: PlacedEntry): number => baseOffset + entry.recordCount;

function kindOf({ isInline, transaction }: Entry): PartitionSegment['kind'] {
  if (isInline) return 'inline';
  return transaction ? 'staged' : 'ingest';
}

const segmentOf = (
  address: PageAddress,
  placed: PlacedEntry,
  kind: PartitionSegment['kind'],
  indexedIn: IndexedIn,
): PartitionSegment => ({
  ...{ kind, ...indexedIn, baseOffset: placed.baseOffset, endOffset: endOf(placed) },
  ...{ records: placed.entry.recordCount, object: nameOfEntry(address, placed.entry) },
  ...{ position: placed.entry.position, bytes: placed.entry.lengthBytes },
  ...{ maxTimestampMs: placed.entry.maxTimestampMs, createdMs: placed.entry.segmentEpoch * hourMs },
});

// --- bytes

async function read(context: LogContext, request: ReadRequest): Promise<SegmentBytes> {
  const { offset, object, fromByte = 0 } = request;
  const { address, head, segments } = await look(context, request, offset, 1);
  const [segment] = segments;
  if (!segment || offset < head.logStart) throw outOfRange(offset, head);
  if (object !== undefined && object !== segment.object)
    throw new RivuletError(
      'NOT_FOUND',
      `the records at offset ${offset} are in ${segment.object} by now: list the segments again`,
    );
  const begin = Math.min(fromByte, segment.bytes);
  const length = Math.min(limits.binaryBodyBytes, segment.bytes - begin);
  const bytes = length === 0 ? new Uint8Array() : await bytesOf(context, segment, begin, length);
  if (bytes.length < length) throw corrupt(segment.baseOffset, `${segment.object} is missing or too short`);
  return { topicId: address.topicId, segment, bytes };
}

async function bytesOf(
  { objects, table }: LogContext,
  { kind, object, position }: PartitionSegment,
  begin: number,
  length: number,
): Promise<Uint8Array> {
  if (kind !== 'inline') {
    const from = position + begin;
    return (await objects.get(object, { from, to: from + length })) ?? new Uint8Array();
  }
  let found = new Uint8Array();
  await readInlineItems(table, [object], (_, batches) => {
    found = new Uint8Array(batches.subarray(begin, begin + length));
  });
  return found;
}

const corrupt = (offset: number, why: string): RivuletError =>
  new RivuletError('CORRUPT_LOG', `the segment at offset ${offset} cannot be read: ${why}`, { extra: { offset } });

function outOfRange(offset: number, { logStart, next }: Head): RivuletError {
  return new RivuletError(
    'OFFSET_OUT_OF_RANGE',
    `offset: expected at least ${logStart} and less than ${next}, got ${offset}`,
    {
      extra: { logStartOffset: logStart, highWatermark: next },
    },
  );
}
