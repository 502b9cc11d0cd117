// This file shows how a record gets out: locate (one read of the head), read (ranged GETs), rebase (the slice reader stamps
// the offsets), reply. If there is nothing, the fetch waits until there is something. Readers see what is sequenced, in
// order and without holes. No writer waits for them. They write nothing, so a head that does not exist yet is read as an
// empty partition.

import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import type { FetchReply, FetchRequest, PartitionError, PartitionFetch, PartitionRecords } from '../api/records.ts';
import type { Head } from '../partition/head.ts';
import { type Slice, slicesFrom } from '../partition/locate.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { pollAfterMs } from '../runtime/poll-schedule.ts';
import { topicWith, withCurrentTopic } from '../topic/current.ts';
import { unknownPartition } from '../topic/partitions.ts';
import type { Topic } from '../topic/topics.ts';
import type { Watch } from './append-notifications.ts';
import { type LogContext, partitionName } from './context.ts';
import type { SeenHead } from './head-watch.ts';
import { liveHead } from './live-head.ts';
import { afterReply } from './read-ahead.ts';
import type { ReadSlice, StampedBatch } from './read-slices.ts';

/** This limits the slices per fetch, because each may be in an object of its own. */
export const mostSlices = 256;
const headsAtOnce = 64;

/** A plan is small, because a waiting poll holds one for each partition. It holds no head, and nothing that a head holds. */
type Plan = {
  readonly partition: number;
  readonly offset: number;
  readonly highWatermark: number;
  readonly logStart: number;
  readonly slices: readonly Slice[];
  readonly maxBytes: number;
};
export type Planned = Plan | PartitionError;
/** `isFull` means that something was left out although it is there. */
export type Budget = { bytes: number; slices: number; isEmpty: boolean; isFull: boolean };
type Look = { readonly plans: readonly Planned[]; readonly isFull: boolean };

export function fetch(context: LogContext, request: FetchRequest): Promise<FetchReply> {
  return withCurrentTopic(context.topics, request, () => fetchOnce(context, request));
}

async function fetchOnce(context: LogContext, request: FetchRequest): Promise<FetchReply> {
  const deadline = context.clock.monotonic() + Math.min(request.waitMs ?? 0, limits.waitMs);
  const topic = await topicWith(context.topics, request, numbersOf(request));
  // The watch begins before the first look, so that it notes every partition that grows after the look.
  const watch = context.notifications.watch(
    request.waitMs ? request.partitions.map((part) => nameOf(topic, part)) : [],
  );
  try {
    return await lookUntil(deadline, context, topic, request, watch);
  } finally {
    watch.close();
  }
}

async function lookUntil(
  deadline: number,
  context: LogContext,
  topic: Topic,
  request: FetchRequest,
  watch: Watch,
): Promise<FetchReply> {
  const minBytes = request.minBytes ?? 1;
  let look = await inTurn(context, request, () => lookAt(context, topic, request));
  for (let count = 0; ; count++) {
    const leftMs = deadline - context.clock.monotonic();
    const isOver = leftMs <= 0 || request.signal?.aborted === true;
    if (isOver || look.isFull || bytesOf(look.plans) >= minBytes || look.plans.some((plan) => 'error' in plan)) {
      const partitions = await readAll(context, topic, look.plans);
      if (context.readsAhead && look.isFull) void readAhead(context, topic, request, partitions).catch(() => undefined);
      return { topicId: topic.topicId, partitions };
    }
    // Appends of this very process wake the fetch immediately.
    await watch.wait(Math.min(leftMs, pollAfterMs(count)), request.signal);
    const now = await topicWith(context.topics, request, numbersOf(request));
    // The topic was re-created: what was read before concerns the deleted one.
    if (now.topicId !== topic.topicId) return fetchOnce(context, { ...request, waitMs: Math.max(0, leftMs) });
    const before = look;
    look = await inTurn(context, request, () => lookAgain(context, now, request, before, watch.take()));
  }
}

/**
 * A reader that got a full reply mostly asks for what follows. Only the cache learns what is read, so a wrong guess does no
 * harm, and neither does a failure: the reader meets it itself.
 */
export async function readAhead(
  context: LogContext,
  topic: Topic,
  request: FetchRequest,
  got: FetchReply['partitions'],
) {
  const next = afterReply(request, got);
  const { topicId } = topic;
  const seen = next.partitions.flatMap(({ partition }) => {
    const head = context.heads.seen({ topicId, partition });
    return head ? [[partition, head] as const] : [];
  });
  if (seen.length < next.partitions.length) return;
  const { plans } = await planAll(context, topic, next, new Map(seen));
  await context.slices.readAhead(plans.flatMap((plan) => ('slices' in plan ? plan.slices : [])));
}

/**
 * The heads of a wide look are garbage once it is planned. If hundreds of wide looks ran at a time, all their heads would be
 * in memory together.
 */
function inTurn(context: LogContext, { partitions }: FetchRequest, look: () => Promise<Look>): Promise<Look> {
  return partitions.length > headsAtOnce ? context.wideLooks.run(look) : look();
}

const numbersOf = ({ partitions }: FetchRequest) => partitions.map(({ partition }) => partition);

const nameOf = ({ topicId }: Topic, { partition }: PartitionFetch) => partitionName({ topicId, partition });

/** Serves the partitions in the order of the request, until the budget is spent. */
async function lookAt(context: LogContext, topic: Topic, request: FetchRequest): Promise<Look> {
  const seesEveryAcknowledgedWrite = true;
  return planAll(
    context,
    topic,
    request,
    await headsOf(context, topic, request.partitions, seesEveryAcknowledgedWrite),
  );
}

/**
 * If only this process writes, a partition that has not grown is unchanged, and its head is not read again. Otherwise every
 * head is read again, at half the price.
 */
async function lookAgain(
  context: LogContext,
  topic: Topic,
  request: FetchRequest,
  before: Look,
  grown: ReadonlySet<string>,
): Promise<Look> {
  const isOld = (part: PartitionFetch) => !context.isOnlyWriter || grown.has(nameOf(topic, part));
  if (context.isOnlyWriter && grown.size === 0) return before;
  const heads = await headsOf(context, topic, request.partitions.filter(isOld), false);
  return planAll(context, topic, request, heads, before.plans);
}

async function headsOf(
  context: LogContext,
  topic: Topic,
  wanted: readonly PartitionFetch[],
  strong: boolean,
): Promise<Map<number, SeenHead>> {
  const heads = await inParallel(wanted, headsAtOnce, ({ partition }) => headOf(context, topic, partition, strong));
  return new Map(wanted.map(({ partition }, i) => [partition, heads[i]!]));
}

/** The first look sees every acknowledged write. Later looks may see a write late, at half the price. */
async function headOf(context: LogContext, topic: Topic, partition: number, strong: boolean): Promise<SeenHead> {
  return unknownPartition(topic, partition) ?? liveHead(context, topic, partition, { strong });
}

/** An earlier plan is kept if no newer head was read and the budget still has room for it. */
async function planAll(
  context: LogContext,
  topic: Topic,
  request: FetchRequest,
  heads: ReadonlyMap<number, SeenHead>,
  before: readonly Planned[] = [],
): Promise<Look> {
  const bytes = Math.min(request.maxBytes ?? limits.defaultFetchBytes, limits.fetchBytes);
  const budget: Budget = { bytes, slices: mostSlices, isEmpty: true, isFull: false };
  const plans: Planned[] = [];
  for (const [i, part] of request.partitions.entries()) {
    const head = heads.get(part.partition);
    const kept = before[i];
    const isKnown = kept !== undefined && 'slices' in kept && isNoOlder(kept, head);
    const stands = isKnown && take(kept, budget);
    // A plan that does not fit is made again, but not from a head that is older than the plan: the end would go back.
    const seen = isKnown ? undefined : head;
    plans.push(
      stands
        ? kept
        : await planOne(context, topic, part, seen ?? (await headOf(context, topic, part.partition, isKnown)), budget),
    );
  }
  // A full reply would hold no more however long the fetch waited: minBytes may be more than maxBytes.
  return { plans, isFull: budget.isFull };
}

/** A head that was read may be late, but neither end of the log goes back. */
export const isNoOlder = ({ highWatermark, logStart }: Plan, head: SeenHead | undefined): boolean =>
  head === undefined || ('next' in head && head.next <= highWatermark && head.logStart <= logStart);

export function take(plan: Plan, budget: Budget): boolean {
  const { slices } = plan;
  if (slices.length === 0) return true;
  const bytes = bytesIn(plan);
  if (bytes > budget.bytes || slices.length > budget.slices) return false;
  budget.bytes -= bytes;
  budget.slices -= slices.length;
  budget.isEmpty = false;
  return true;
}

export async function planOne(
  context: LogContext,
  topic: Topic,
  part: PartitionFetch,
  head: SeenHead,
  budget: Budget,
  plans = 1,
): Promise<Planned> {
  const { partition, offset } = part;
  if (head instanceof RivuletError) return { partition, error: head };
  if (offset < head.logStart || offset > head.next) return { partition, error: outOfRange(part, head) };
  const maxBytes = Math.min(part.maxBytes ?? Number.POSITIVE_INFINITY, budget.bytes);
  try {
    const slices = offset === head.next ? noSlices : await planSlices(context, topic, part, head, budget);
    // Retention has removed the log item that the head led to. The records went with it, or have another item by now.
    const hasMoved = slices.length === 0 && offset < head.next && !budget.isFull;
    if (hasMoved && plans < mostPlans)
      return planOne(context, topic, part, await headOf(context, topic, partition, true), budget, plans + 1);
    return { partition, offset, highWatermark: head.next, logStart: head.logStart, slices, maxBytes };
  } catch (error) {
    // The list of a transaction's batches cannot be read.
    if (error instanceof RivuletError) return { partition, error };
    throw error;
  }
}

async function planSlices(
  context: LogContext,
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
  for await (const slice of slicesFrom(context, address, head, part.offset)) {
    const wantedBytes = bytesFrom(slice, part.offset);
    // A slice that comes first is read even if it is larger than the room, because its first batches may fit.
    if (slices.length > 0 && (wantedBytes > room || budget.slices <= 0)) {
      budget.isFull = true;
      break;
    }
    slices.push(slice);
    room -= wantedBytes;
    budget.bytes -= wantedBytes;
    budget.slices--;
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

const noSlices: readonly Slice[] = [];

/** About so many of a slice's bytes lie at or above the offset. The first slice of a plan mostly begins below it. */
function bytesFrom({ lengthBytes, baseOffset, endOffset }: Slice, offset: number): number {
  if (offset <= baseOffset) return lengthBytes;
  return Math.ceil(lengthBytes * ((endOffset - offset) / (endOffset - baseOffset)));
}

const bytesIn = ({ slices, offset }: Plan) => slices.reduce((sum, slice) => sum + bytesFrom(slice, offset), 0);

export const bytesOf = (plans: readonly Planned[]) =>
  plans.reduce((sum, plan) => sum + ('slices' in plan ? bytesIn(plan) : 0), 0);

async function readAll(
  context: LogContext,
  topic: Topic,
  plans: readonly Planned[],
): Promise<(PartitionRecords | PartitionError)[]> {
  const slices = plans.flatMap((plan) => ('slices' in plan ? plan.slices : []));
  const read = await context.slices.read(slices);
  const readOf = new Map(slices.map((slice, i) => [slice, read[i]]));
  let hasBatch = false;
  const results: (PartitionRecords | PartitionError)[] = [];
  for (const plan of plans) {
    const result: PartitionRecords | PartitionError =
      'error' in plan ? plan : await replyOf(context, topic, plan, readOf, !hasBatch);
    hasBatch ||= 'batches' in result && result.batches.length > 0;
    results.push(result);
  }
  return results;
}

export async function replyOf(
  context: LogContext,
  topic: Topic,
  plan: Plan,
  readOf: ReadonlyMap<Slice, ReadSlice>,
  atLeastOne: boolean,
): Promise<PartitionRecords | PartitionError> {
  const { partition } = plan;
  const planned = plan.slices.map((slice) => readOf.get(slice));
  const answer = planned.includes(undefined) ? await readAgain(context, topic, plan) : { plan, read: planned };
  if (answer instanceof RivuletError) return { partition, error: answer };
  const { highWatermark, logStart: logStartOffset } = answer.plan;
  const { batches, error } = soundBatches(answer.read, plan);
  // The batches before the damage are delivered first. A reader meets the error where the damage begins.
  if (error && batches.length === 0) return { partition, error };
  return { partition, highWatermark, logStartOffset, batches: fitting(batches, plan, atLeastOne) };
}

/** So often is a fetch planned again because objects that it names are gone. Maintenance replaces an object after hours. */
const mostPlans = 4;

type Answer = { readonly plan: Plan; readonly read: readonly ReadSlice[] };

/**
 * An object that is gone was replaced after we planned, so a fresh plan names another object, or the records were deleted.
 * It is damage only if a fresh plan names the same object again.
 */
async function readAgain(context: LogContext, topic: Topic, stale: Plan): Promise<Answer | RivuletError> {
  let plan = stale;
  let gone = new Set(plan.slices.map(({ objectKey }) => objectKey));
  for (let plans = 1; ; plans++) {
    const head = await liveHead(context, topic, plan.partition);
    if (plan.offset < head.logStart) return outOfRange(plan, head);
    const budget: Budget = { bytes: plan.maxBytes, slices: mostSlices, isEmpty: true, isFull: false };
    const slices = await planSlices(context, topic, plan, head, budget);
    plan = { ...plan, slices, highWatermark: head.next, logStart: head.logStart };
    const read = await context.slices.read(slices);
    const missing = slices.filter((_, i) => read[i] === undefined).map(({ objectKey }) => objectKey);
    const isDamage = missing.some((objectKey) => gone.has(objectKey));
    if (missing.length === 0 || isDamage || plans === mostPlans) return { plan, read };
    gone = new Set(missing);
  }
}

/** Returns the batches up to the first slice that is damaged, or that a fresh plan still names although it is gone. */
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

/**
 * Returns as many whole batches as fit, beginning with the batch that holds the offset. A batch too large for the room is
 * returned only if it comes first and the reply must hold at least one batch.
 */
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
