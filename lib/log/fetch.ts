// How a record gets out: locate (one read of the head), read (ranged GETs), rebase (stamped by the slice reader), reply;
// or wait until there is something. Readers see what is sequenced, in order, without holes; nothing waits for them, and
// they write nothing: a head that nobody has made yet is an empty partition.

import { inParallel } from '../concurrency.ts';
import type { FetchReply, FetchRequest, PartitionError, PartitionFetch, PartitionRecords } from '../engine.ts';
import { RivuletError } from '../errors.ts';
import { limits } from '../limits.ts';
import { unknownPartition } from '../topic/partitions.ts';
import type { Topic } from '../topic/topics.ts';
import { deletedFence, emptyHead, type Head } from './head.ts';
import { entriesFrom } from './locate.ts';
import { type LogParts, partitionName, withCurrentTopic } from './log.ts';
import { lookAfterMs } from './looks.ts';
import type { ReadSlice, Slice, StampedBatch } from './read-slices.ts';

/** Entries per fetch: each may be an object of its own. */
const mostEntries = 256;
const headsAtOnce = 64;

type Plan = {
  readonly partition: number;
  readonly offset: number;
  readonly head: Head;
  readonly slices: readonly Slice[];
  readonly maxBytes: number;
};
type Planned = Plan | PartitionError;
/** `isFull`: something that is there was left out. */
type Budget = { bytes: number; entries: number; isEmpty: boolean; isFull: boolean };

export function fetch(parts: LogParts, request: FetchRequest): Promise<FetchReply> {
  return withCurrentTopic(parts, request, () => fetchOnce(parts, request));
}

async function fetchOnce(parts: LogParts, request: FetchRequest): Promise<FetchReply> {
  const { clock } = parts;
  const deadline = clock.monotonic() + Math.min(request.waitMs ?? 0, limits.waitMs);
  const minBytes = request.minBytes ?? 1;
  const newest = new Map<string, Head>();
  for (let look = 0; ; look++) {
    const topic = await currentTopic(parts, request);
    const isFirstLook = look === 0;
    const { plans, isFull } = await planAll(parts, topic, request, newest, isFirstLook);
    const leftMs = deadline - clock.monotonic();
    const isOver = leftMs <= 0 || request.signal?.aborted === true;
    if (isOver || isFull || bytesOf(plans) >= minBytes || plans.some((plan) => 'error' in plan)) {
      return { topicId: topic.topicId, partitions: await readAll(parts, topic, plans) };
    }
    const names = request.partitions.map(({ partition }) => partitionName({ topicId: topic.topicId, partition }));
    // Appends of this very process wake at once.
    await parts.arrivals.wait(names, Math.min(leftMs, lookAfterMs(look)), request.signal);
  }
}

async function currentTopic(parts: LogParts, request: FetchRequest): Promise<Topic> {
  const topic = await parts.topics.resolve(request);
  if (request.partitions.every(({ partition }) => partition < topic.partitions)) return topic;
  parts.topics.forget(request.topic);
  return parts.topics.resolve(request);
}

/** Serves the partitions in the order asked for, until the budget is spent. */
async function planAll(
  parts: LogParts,
  topic: Topic,
  request: FetchRequest,
  newest: Map<string, Head>,
  isFirstLook: boolean,
): Promise<{ plans: Planned[]; isFull: boolean }> {
  const heads = await inParallel(request.partitions, headsAtOnce, ({ partition }) =>
    headOf(parts, topic, partition, newest, isFirstLook),
  );
  const bytes = Math.min(request.maxBytes ?? limits.defaultFetchBytes, limits.fetchBytes);
  const budget: Budget = { bytes, entries: mostEntries, isEmpty: true, isFull: false };
  const plans: Planned[] = [];
  for (const [i, part] of request.partitions.entries())
    plans.push(await planOne(parts, topic, part, heads[i]!, budget));
  // However long it waited, a full reply would hold no more: minBytes may be more than maxBytes.
  return { plans, isFull: budget.isFull };
}

/** Or why there is none. */
type SeenHead = Head | RivuletError;

/** The first look sees every acknowledged write; later ones may be late, at half the price, but never go back. */
async function headOf(
  parts: LogParts,
  topic: Topic,
  partition: number,
  newest: Map<string, Head>,
  strong: boolean,
): Promise<SeenHead> {
  const unknown = unknownPartition(topic, partition);
  if (unknown) return unknown;
  const address = { topicId: topic.topicId, partition };
  const name = partitionName(address);
  const read = (await parts.heads.read(address, { strong })) ?? emptyHead;
  const isDeleted = read.fence === deletedFence;
  if (isDeleted) throw topicGone(parts, topic);
  const before = newest.get(name);
  const wentBack = before && before.next > read.next;
  if (wentBack) return before;
  newest.set(name, read);
  return read;
}

function topicGone(parts: LogParts, topic: Topic): RivuletError {
  parts.topics.forget(topic.topic);
  return new RivuletError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic.topic} was deleted`);
}

async function planOne(
  parts: LogParts,
  topic: Topic,
  part: PartitionFetch,
  head: SeenHead,
  budget: Budget,
): Promise<Planned> {
  const { partition, offset } = part;
  if (head instanceof RivuletError) return { partition, error: head };
  if (offset < head.logStart || offset > head.next) return { partition, error: outOfRange(part, head) };
  const maxBytes = Math.min(part.maxBytes ?? Number.POSITIVE_INFINITY, budget.bytes);
  const slices = offset === head.next ? [] : await slicesFrom(parts, topic, part, head, budget);
  return { partition, offset, head, slices, maxBytes };
}

async function slicesFrom(
  parts: LogParts,
  topic: Topic,
  part: PartitionFetch,
  head: Head,
  budget: Budget,
): Promise<Slice[]> {
  const slices: Slice[] = [];
  const address = { topicId: topic.topicId, partition: part.partition };
  let room = Math.min(part.maxBytes ?? Number.POSITIVE_INFINITY, budget.bytes);
  if (room <= 0 && !budget.isEmpty) {
    budget.isFull = true;
    return slices;
  }
  for await (const placed of entriesFrom(parts, address, head, part.offset)) {
    const { lengthBytes } = placed.entry;
    // An entry larger than the room is read all the same when it comes first: its first batches may fit.
    if (slices.length > 0 && (lengthBytes > room || budget.entries <= 0)) {
      budget.isFull = true;
      break;
    }
    slices.push({ ...placed, topicId: topic.topicId });
    room -= lengthBytes;
    budget.bytes -= lengthBytes;
    budget.entries--;
    budget.isEmpty = false;
  }
  return slices;
}

const outOfRange = ({ partition, offset }: PartitionFetch, { logStart, next }: Head) =>
  new RivuletError(
    'OFFSET_OUT_OF_RANGE',
    `offset ${offset} of partition ${partition} is outside ${logStart} to ${next}`,
    {
      extra: { logStartOffset: logStart, highWatermark: next },
    },
  );

const bytesOf = (plans: readonly Planned[]) =>
  plans.reduce(
    (sum, plan) => sum + ('slices' in plan ? plan.slices.reduce((all, { entry }) => all + entry.lengthBytes, 0) : 0),
    0,
  );

async function readAll(
  parts: LogParts,
  topic: Topic,
  plans: readonly Planned[],
): Promise<(PartitionRecords | PartitionError)[]> {
  const slices = plans.flatMap((plan) => ('slices' in plan ? plan.slices : []));
  const read = await parts.slices.read(slices);
  const readOf = new Map(slices.map((slice, i) => [slice, read[i]]));
  let hasBatch = false;
  const results: (PartitionRecords | PartitionError)[] = [];
  for (const plan of plans) {
    const result: PartitionRecords | PartitionError =
      'error' in plan ? plan : await replyOf(parts, topic, plan, readOf, !hasBatch);
    hasBatch ||= 'batches' in result && result.batches.length > 0;
    results.push(result);
  }
  return results;
}

async function replyOf(
  parts: LogParts,
  topic: Topic,
  plan: Plan,
  readOf: ReadonlyMap<Slice, ReadSlice>,
  atLeastOne: boolean,
): Promise<PartitionRecords | PartitionError> {
  const { partition, head } = plan;
  const planned = plan.slices.map((slice) => readOf.get(slice));
  const read = planned.includes(undefined) ? await readAgain(parts, topic, plan) : planned;
  const { batches, error } = soundBatches(read, plan);
  // What lies before the damage is delivered first; a reader meets the error where the damage begins.
  if (error && batches.length === 0) return { partition, error };
  const { next: highWatermark, logStart: logStartOffset } = head;
  return { partition, highWatermark, logStartOffset, batches: fitting(batches, plan, atLeastOne) };
}

/** An object that is gone was replaced since we planned: a fresh plan names another. */
async function readAgain(parts: LogParts, topic: Topic, plan: Plan): Promise<ReadSlice[]> {
  const head = await parts.heads.read({ topicId: topic.topicId, partition: plan.partition });
  if (!head || head.fence === deletedFence) throw topicGone(parts, topic);
  const budget: Budget = { bytes: plan.maxBytes, entries: mostEntries, isEmpty: true, isFull: false };
  return parts.slices.read(await slicesFrom(parts, topic, plan, head, budget));
}

/** Up to the first slice that is damaged, or that a fresh plan still names though it is gone. */
function soundBatches(
  read: readonly ReadSlice[],
  { offset, partition }: Plan,
): { batches: StampedBatch[]; error?: RivuletError } {
  const batches: StampedBatch[] = [];
  for (const one of read) {
    if (one instanceof RivuletError) return { batches, error: one };
    if (!one) return { batches, error: missing(partition, offset) };
    batches.push(...one);
  }
  return { batches };
}

const missing = (partition: number, offset: number) =>
  new RivuletError(
    'CORRUPT_LOG',
    `the segment at offset ${offset} of partition ${partition} is missing, or may not be read`,
    {
      extra: { offset },
    },
  );

/** From the batch that holds the offset on, as many whole batches as fit; one too large for the room only if it must be. */
function fitting(batches: readonly StampedBatch[], { offset, maxBytes }: Plan, atLeastOne: boolean): Uint8Array[] {
  const chosen: Uint8Array[] = [];
  let room = maxBytes;
  for (const { header, baseOffset, bytes } of batches) {
    const isBelow = baseOffset + header.lastOffsetDelta < offset;
    const mustGoOut = atLeastOne && chosen.length === 0;
    if (isBelow) continue;
    if (bytes.length > room && !mustGoOut) break;
    chosen.push(bytes);
    room -= bytes.length;
  }
  return chosen;
}
