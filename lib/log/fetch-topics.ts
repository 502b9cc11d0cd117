// A fetch over several topics, for callers in the same process: Kafka's protocol asks so. It plans and reads as fetch.ts
// does, and takes the heads from the watch that all such fetches share.
//
// Invariant: every partition that was asked for has a result, in the order of the request. All topics share one budget of
// bytes; if there is a batch, one at least is in the reply.
import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import type {
  PartitionError,
  PartitionFetch,
  PartitionRecords,
  TopicFetch,
  TopicsFetchRequest,
} from '../api/records.ts';
import { createPace, type Pace } from '../record/steps.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { longestPollMs } from '../runtime/poll-schedule.ts';
import { storageFailure } from '../storage/outcome.ts';
import { topicWith } from '../topic/current.ts';
import { unknownPartition } from '../topic/partitions.ts';
import type { Topic } from '../topic/topics.ts';
import { type LogContext, partitionName } from './context.ts';
import {
  type Budget,
  bytesOf,
  isNoOlder,
  mostSlices,
  type Planned,
  planOne,
  readAhead,
  replyOf,
  take,
} from './fetch.ts';
import { createHeadWatches, type HeadWatch, type HeadWatches, type SeenHead } from './head-watch.ts';

type Result = PartitionRecords | PartitionError;
/** A partition that was asked for, and exists. */
type Asked = TopicFetch['partitions'][number];
type Part = { readonly topic: Topic; readonly asked: Asked; readonly name: string; readonly watch: HeadWatch };
type Refused = { readonly asked: Asked; readonly error: RivuletError };
type Wanted = Part | Refused;

const topicsAtOnce = 16;
const headsAtOnce = 64;
/** The work of planning one partition, in the units of a pace. */
const unitsOfPlan = 50;

/** All fetches share the watches of this context. */
type FetchContext = LogContext & { readonly watches: HeadWatches };

export function createTopicsFetch(log: LogContext): (request: TopicsFetchRequest) => Promise<Result[][]> {
  const context = { ...log, watches: createHeadWatches(log) };
  return (request) => fetchTopics(context, request);
}

async function fetchTopics(context: FetchContext, request: TopicsFetchRequest): Promise<Result[][]> {
  const deadline = context.clock.monotonic() + Math.min(request.waitMs ?? 0, limits.waitMs);
  const topics = await inParallel(request.topics, topicsAtOnce, (topic) => partsOf(context, topic));
  const wanted = topics.flat();
  const { plans, isFull } = await planUntil(deadline, context, request, wanted);
  await request.roomFor?.(bytesOf(plans));
  const results = await readAll(context, wanted, plans);
  const replies = topics.map(({ length }) => results.splice(0, length));
  if (context.readsAhead && isFull) readOn(context, request, topics, replies);
  return replies;
}

/** A reader that got a full reply mostly asks for what follows. A failure does no harm: the reader meets it itself. */
function readOn(
  context: LogContext,
  request: TopicsFetchRequest,
  topics: readonly Wanted[][],
  replies: readonly Result[][],
) {
  const maxBytes = Math.ceil((request.maxBytes ?? limits.defaultFetchBytes) / topics.length);
  for (const [i, [first]] of topics.entries()) {
    const got = replies[i]!;
    const hasBatches = got.some((result) => 'batches' in result && result.batches.length > 0);
    if (!first || 'error' in first || !hasBatches) continue;
    void readAhead(context, first.topic, { ...request.topics[i]!, maxBytes }, got).catch(() => undefined);
  }
}

/** An error of the topic is one of each partition. */
async function partsOf(context: FetchContext, asked: TopicFetch): Promise<Wanted[]> {
  const { partitions } = asked;
  try {
    const topic = await topicWith(
      context.topics,
      asked,
      partitions.map(({ partition }) => partition),
    );
    return partitions.map((part) => partOf(context, topic, part));
  } catch (thrown) {
    const error = storageFailure(thrown, false, false);
    if (!(error instanceof RivuletError)) throw error;
    return partitions.map((part) => ({ asked: part, error }));
  }
}

function partOf(context: FetchContext, topic: Topic, asked: Asked): Wanted {
  const { partition } = asked;
  const error = unknownPartition(topic, partition);
  if (error) return { asked, error };
  const name = partitionName({ topicId: topic.topicId, partition });
  return { topic, asked, name, watch: context.watches.of(topic, partition) };
}

/** Resolves when there are bytes enough, when no more fit, when a partition has an error, or when the time is over. */
async function planUntil(
  deadline: number,
  context: FetchContext,
  request: TopicsFetchRequest,
  wanted: readonly Wanted[],
): Promise<Look> {
  const parts = wanted.filter((part) => 'watch' in part);
  const grown = context.notifications.watch(request.waitMs ? parts.map(({ name }) => name) : []);
  let leave: (() => void) | undefined;
  try {
    await inParallel(parts, headsAtOnce, ({ asked, watch }) => (asked.strong ? watch.look() : watch.lookIfDue()));
    grown.take();
    let look = await planAll(context, request, wanted);
    for (;;) {
      const leftMs = deadline - context.clock.monotonic();
      const isOver = leftMs <= 0 || request.signal?.aborted === true;
      if (isOver || look.isFull || bytesOf(look.plans) >= (request.minBytes ?? 1) || look.plans.some(hasError))
        return look;
      leave ??= context.watches.enterAll(parts.map(({ watch }) => watch));
      // The timer outlives a fetch that is woken, and the process that ends.
      await grown.wait(Math.min(leftMs, longestPollMs), request.signal);
      const names = grown.take();
      if (names.size > 0) look = await planAll(context, request, wanted, { plans: look.plans, grown: names });
    }
  } finally {
    leave?.();
    grown.close();
  }
}

const hasError = (plan: Planned): boolean => 'error' in plan;

type Look = { readonly plans: readonly Planned[]; readonly isFull: boolean };
type Before = { readonly plans: readonly Planned[]; readonly grown: ReadonlySet<string> };

async function planAll(
  context: LogContext,
  request: TopicsFetchRequest,
  wanted: readonly Wanted[],
  before?: Before,
): Promise<Look> {
  const bytes = Math.min(request.maxBytes ?? limits.defaultFetchBytes, limits.topicsFetchBytes);
  const budget: Budget = { bytes, slices: mostSlices, isEmpty: true, isFull: false };
  const pace = createPace();
  const plans: Planned[] = [];
  for (const [i, part] of wanted.entries()) {
    plans.push(await planPart(context, part, budget, before?.plans[i], before?.grown));
    if (pace.isDue(unitsOfPlan)) await pace.rest();
  }
  return { plans, isFull: budget.isFull };
}

async function planPart(
  context: LogContext,
  part: Wanted,
  budget: Budget,
  before?: Planned,
  grown?: ReadonlySet<string>,
): Promise<Planned> {
  if ('error' in part) return { partition: part.asked.partition, error: part.error };
  const { topic, asked, name, watch } = part;
  const hasPlan = before !== undefined && 'slices' in before;
  let head = watch.seen();
  // Retention moves a start, and does not say to where.
  if (hasPlan && grown?.has(name) && isNoOlder(before, head)) head = await watch.lookIfDue();
  if (hasPlan && isNoOlder(before, head) && take(before, budget)) return before;
  return planOne(context, topic, asked, await covering(watch, head, asked), budget);
}

/** A head that is known may be late: an offset beyond it is refused only after a strong look. */
async function covering(watch: HeadWatch, head: SeenHead, { offset }: PartitionFetch): Promise<SeenHead> {
  const isCovered = head instanceof RivuletError || (offset >= head.logStart && offset <= head.next);
  return isCovered ? head : watch.look();
}

async function readAll(context: LogContext, wanted: readonly Wanted[], plans: readonly Planned[]): Promise<Result[]> {
  const slices = plans.flatMap((plan) => ('slices' in plan ? plan.slices : []));
  const read = await context.slices.read(slices);
  const readOf = new Map(slices.map((slice, i) => [slice, read[i]]));
  const results: Result[] = [];
  let hasBatch = false;
  const pace: Pace = createPace();
  for (const [i, part] of wanted.entries()) {
    const plan = plans[i]!;
    const isRefused = 'error' in part || 'error' in plan;
    const result: Result = isRefused
      ? (plan as PartitionError)
      : await replyOf(context, part.topic, plan, readOf, !hasBatch);
    hasBatch ||= 'batches' in result && result.batches.length > 0;
    results.push(result);
    if (pace.isDue(unitsOfPlan)) await pace.rest();
  }
  return results;
}
