// START HERE: this file shows how a record gets in. append() reads like the list in docs/ARCHITECTURE.md: admit, pack,
// upload, sequence, ack. The segment is durable before the sequencing names it. A process that dies between the two leaves
// an orphan object, which is invisible and harmless. fetch.ts shows the way out.

import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import type { AppendAck, AppendReply, AppendRequest, PartitionAppend, PartitionError } from '../api/records.ts';
import { invalid } from '../api/refusal.ts';
import { emptyHead, type Head } from '../partition/head.ts';
import { decide } from '../producer/decide.ts';
import { newUnpackBudget } from '../record/unpack.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { storageFailure } from '../storage/outcome.ts';
import { readTopicAgain, topicWith } from '../topic/current.ts';
import type { Topic } from '../topic/topics.ts';
import { type AdmittedRun, admit, checkCountedId } from './admit.ts';
import type { UploadedRun } from './attempt.ts';
import type { LogContext } from './context.ts';
import { sequence } from './sequence.ts';
import { upload } from './upload.ts';

/** Appends what a client sent. The reply gives each partition's offsets, or its error. */
export function append(context: LogContext, request: AppendRequest): Promise<AppendReply> {
  return appendAs(context, request, { check: checkCountedId, firstViews: noViews, begunMs: context.clock.now() });
}

/** The engine knows this about the caller of an append. */
export type Caller = {
  /** Each admitted part must also pass this check. It throws if the part fails. */
  readonly check: (admitted: AdmittedRun) => void;
  readonly firstViews: FirstViews;
  /** The time when the request came in, by our clock. It is taken before the request waits for anything. */
  readonly begunMs: number;
};

/** Holds, for each partition, a copy of the head from before any copy of these batches could be in the log. */
export type FirstViews = ReadonlyMap<number, Head>;
export const noViews: FirstViews = new Map();

export async function viewsOf(context: LogContext, topic: Topic, partitions: readonly number[]): Promise<FirstViews> {
  const read = async (partition: number) => {
    const head = await context.heads.read({ topicId: topic.topicId, partition }, { strong: false });
    return [partition, head ?? emptyHead] as const;
  };
  return new Map(await inParallel(partitions, limits.appendPartitions, read));
}

export async function appendAs(context: LogContext, request: AppendRequest, caller: Caller): Promise<AppendReply> {
  checkRequest(request);
  const numbers = request.partitions.map(({ partition }) => partition);
  const topic = await topicWith(context.topics, request, numbers);
  const reply = await appendTo(context, topic, request, caller);
  const isDeleted = reply.partitions.some(
    (part) => 'error' in part && part.error.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION',
  );
  if (!isDeleted) return reply;
  // Our copy of the topic was old. Nothing is written to a deleted topic, and another topic may have its name by now.
  const renewed = await readTopicAgain(context.topics, request);
  return renewed.topicId === topic.topicId ? reply : appendTo(context, renewed, request, caller);
}

async function appendTo(
  context: LogContext,
  topic: Topic,
  request: AppendRequest,
  caller: Caller,
): Promise<AppendReply> {
  const { admitted, refused } = await admitAll(request.partitions, topic, context.clock.now(), caller);
  if (admitted.length === 0) return { topicId: topic.topicId, partitions: refused };
  const [uploads, heads] = await Promise.all([
    upload(context, topic, admitted, 0),
    Promise.all(admitted.map((part) => caller.firstViews.get(part.partition) ?? headBeside(context, topic, part))),
  ]).catch((error) => {
    throw storageFailure(error, false, false);
  });
  const results = await Promise.all(
    admitted.map((part, i) =>
      sequenceOne(context, topic, part, {
        ...uploads[i]!,
        head: heads[i],
        begunMs: caller.begunMs,
        isFirstEver: caller.firstViews.has(part.partition),
      }),
    ),
  );
  return { topicId: topic.topicId, partitions: inOrderOf(request.partitions, [...results, ...refused]) };
}

async function admitAll(partitions: readonly PartitionAppend[], topic: Topic, nowMs: number, caller: Caller) {
  const admitted: AdmittedRun[] = [];
  const refused: PartitionError[] = [];
  const budget = newUnpackBudget();
  for (const part of partitions) {
    try {
      const next = await admit(part, topic, nowMs, budget);
      caller.check(next);
      admitted.push(next);
    } catch (error) {
      refused.push({ partition: part.partition, error: asRivuletError(error) });
    }
  }
  return { admitted, refused };
}

/** Returns a copy of the head, which may be stale. It is read during the upload, unless a copy that we have is enough. */
async function headBeside(context: LogContext, topic: Topic, part: AdmittedRun): Promise<Head | undefined> {
  const address = { topicId: topic.topicId, partition: part.partition };
  const seen = context.heads.seen(address);
  if (seen && !part.producer) return seen;
  const known = part.producer && seen?.producer(part.producer.id);
  if (seen && known && decide(known, { ...part.producer!, recordCount: part.recordCount }) === 'append') return seen;
  return context.heads.read(address, { strong: false });
}

async function sequenceOne(
  context: LogContext,
  topic: Topic,
  part: AdmittedRun,
  known: Pick<UploadedRun, 'entry' | 'unstored' | 'begunMs' | 'isFirstEver'> & { readonly head: Head | undefined },
): Promise<AppendAck | PartitionError> {
  const { partition, recordCount, expectedOffset, logAppendTimeMs } = part;
  const run: UploadedRun = {
    ...known,
    address: { topicId: topic.topicId, partition },
    ...(expectedOffset !== undefined && { expectedOffset }),
    upload: async (minEpoch: number) => (await upload(context, topic, [part], minEpoch))[0]!,
  };
  try {
    await part.after;
    const { baseOffset, logStartOffset, duplicate } = await sequence(context, run, known.head);
    return {
      partition,
      baseOffset,
      lastOffset: baseOffset + recordCount - 1,
      logStartOffset,
      logAppendTimeMs,
      duplicate,
    };
  } catch (error) {
    return { partition, error: asRivuletError(error) };
  }
}

function checkRequest({ partitions }: AppendRequest): void {
  const numbers = new Set(partitions.map(({ partition }) => partition));
  if (partitions.length > limits.appendPartitions) {
    throw invalid(`partitions: ${partitions.length} in one request, above the limit of ${limits.appendPartitions}`);
  }
  if (numbers.size < partitions.length) throw invalid('partitions: each may be named once in a request');
}

/** An error that is not ours is a bug. The reply says so, and says truthfully that the outcome for the data is unknown. */
function asRivuletError(error: unknown): RivuletError {
  if (error instanceof RivuletError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new RivuletError('REQUEST_TIMED_OUT', `unexpected: ${detail}`, { outcome: 'unknown', cause: error });
}

function inOrderOf<T extends { readonly partition: number }>(
  asked: readonly PartitionAppend[],
  results: readonly T[],
): T[] {
  const byPartition = new Map(results.map((result) => [result.partition, result]));
  return asked.map(({ partition }) => byPartition.get(partition)!);
}
