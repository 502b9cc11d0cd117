// Stages records: they are durable in a staged segment and named in the item of the transactional id, and no head knows of
// them. So no reader can see them, none waits for them, and an abandoned transaction leaves nothing in any log.
//
// Batches of a transaction are numbered as those of any idempotent producer. `q` has the next sequence of each partition, so
// that a batch that is sent again is not staged twice.
import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import type { AppendRequest, PartitionError } from '../api/records.ts';
import { invalid, refused } from '../api/refusal.ts';
import type { StagedPartition, StageReply } from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import { type AdmittedRun, admit } from '../log/admit.ts';
import { segmentEpochAt } from '../partition/head.ts';
import type { PageAddress } from '../partition/page.ts';
import { sequenceDistance } from '../producer/decide.ts';
import { packSegment } from '../record/segment.ts';
import { newUnpackBudget } from '../record/unpack.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { stagedSegmentKey } from '../storage/keys.ts';
import { storageFailure } from '../storage/outcome.ts';
import { topicWith } from '../topic/current.ts';
import type { Topic } from '../topic/topics.ts';
import { parseTransactionItem, type TransactionItem } from './item.ts';
import type { Ref } from './newest-instance.ts';
import { openItem } from './open-item.ts';
import { spillStaged } from './spill-staged.ts';
import { nameRuns, nextSequenceOf, type TransactionalRun, type UploadedRun } from './stage-update.ts';

const tries = 12;
const headsAtOnce = 32;
/** A batch that arrives before its predecessor waits so long between two looks. */
const lookMs = 120;

type StageRequest = AppendRequest & { readonly in: Ref };

export async function stage(context: GroupContext, request: StageRequest): Promise<StageReply> {
  request.partitions.forEach(refuseExpectedOffset);
  const item = await openItem(context, request.in);
  const topic = await topicWith(
    context.topics,
    request,
    request.partitions.map(({ partition }) => partition),
  );
  const { runs, results } = await admitAll(context, request, item, topic);
  if (runs.length > 0) {
    const staged = await upload(context, item, topic, runs);
    for (const [partition, result] of await nameAll(
      context,
      { ...request.in, transaction: item.number },
      item,
      topic,
      staged,
    ))
      results.set(partition, result);
  }
  return { topicId: topic.topicId, partitions: request.partitions.map(({ partition }) => results.get(partition)!) };
}

export function refuseExpectedOffset({ expectedOffset }: { readonly expectedOffset?: number }): void {
  if (expectedOffset !== undefined)
    throw invalid(
      `expectedOffset: expected none in a transaction, whose records get their offsets at its commit, got ${expectedOffset}`,
    );
}

type Results = Map<number, StagedPartition | PartitionError>;

export async function admitAll(context: GroupContext, request: AppendRequest, item: TransactionItem, topic: Topic) {
  const numbers = request.partitions.map(({ partition }) => partition);
  if (new Set(numbers).size < numbers.length) throw invalid('partitions: each may be named once in a request');
  if (numbers.length > limits.appendPartitions)
    throw invalid(`partitions: ${numbers.length} in one request, above the limit of ${limits.appendPartitions}`);
  const results: Results = new Map();
  const runs: TransactionalRun[] = [];
  const budget = newUnpackBudget();
  for (const part of request.partitions) {
    try {
      const run = await admit(part, topic, context.clock.now(), budget, { isTransactional: true });
      runs.push(ofTransaction(run, item));
    } catch (error) {
      if (!(error instanceof RivuletError)) throw error;
      results.set(part.partition, { partition: part.partition, error });
    }
  }
  return { runs, results };
}

function ofTransaction(run: AdmittedRun, { producerId, producerEpoch }: TransactionItem): TransactionalRun {
  const { producer } = run;
  if (producer?.id === producerId && producer.epoch === producerEpoch) return { ...run, producer };
  throw refused(
    'INVALID_PRODUCER_EPOCH',
    `producer: expected id ${producerId} and epoch ${producerEpoch}, those of the transaction, got ${producer ? `id ${producer.id} and epoch ${producer.epoch}` : 'none'}`,
  );
}

/** One PUT for all partitions. */
export async function upload(
  context: GroupContext,
  { xid, number }: TransactionItem,
  { topicId }: Topic,
  runs: readonly TransactionalRun[],
): Promise<UploadedRun[]> {
  const { clock, log } = context;
  const segmentRandom = clock.randomBytes(8);
  const { chunks, positions } = packSegment(runs);
  try {
    await inParallel(runs, headsAtOnce, ({ partition }) => makeSureOfHead(context, { topicId, partition }));
    await log.objects.putOnce(stagedSegmentKey(topicId, xid, number, segmentRandom), chunks);
  } catch (error) {
    throw storageFailure(error, false, false);
  }
  return runs.map((run, i) => ({
    run,
    entry: {
      segmentEpoch: segmentEpochAt(clock.now()),
      segmentRandom,
      position: positions[i]!,
      lengthBytes: run.bytes.length,
      recordCount: run.recordCount,
      maxTimestampMs: run.maxTimestampMs,
      transaction: { xid, number },
    },
  }));
}

/**
 * The process that created the topic may have died before it made this head. Only now is the name of the topic known: the
 * process that commits has no more than its id, and would take a missing head for that of a deleted topic.
 */
async function makeSureOfHead({ log, topics }: GroupContext, address: PageAddress): Promise<void> {
  const isKnown = log.heads.seen(address) ?? (await log.heads.read(address, { strong: false }));
  if (!isKnown) await topics.makeHead(address.topicId, address.partition);
}

/** Returns whether there was anything to wait for: then the item has changed. A run whose turn does not come gets the error. */
async function waitForTurns(staged: readonly UploadedRun[], results: Results): Promise<boolean> {
  const turns = staged.flatMap(({ run: { after, partition } }) => (after ? [{ after, partition }] : []));
  for (const { after, partition } of turns)
    await after.catch((error: unknown) => {
      if (!(error instanceof RivuletError)) throw error;
      results.set(partition, { partition, error });
    });
  return turns.length > 0;
}

/** Names the runs in the item, all that are in order in one update. */
async function nameAll(
  context: GroupContext,
  ref: Ref,
  first: TransactionItem,
  topic: Topic,
  staged: readonly UploadedRun[],
): Promise<Results> {
  const results: Results = new Map();
  const hasWaited = await waitForTurns(staged, results);
  let item = hasWaited ? await openItem(context, ref) : first;
  for (let attempt = 0; attempt < tries; attempt++) {
    const due = sortOut(item, topic, staged, results);
    if (due.length === 0 && results.size === staged.length) return results;
    if (due.length === 0) await context.clock.sleep(lookMs);
    else {
      const result = await nameRuns(context, item, topic, due);
      if (result.applied) {
        for (const one of due) results.set(one.run.partition, stagedResult(one, false));
        await spillStaged(context, parseTransactionItem(result.item!));
        if (results.size === staged.length) return results;
      }
    }
    item = await openItem(context, ref, { mayBeDone: true });
  }
  for (const { run } of staged) if (!results.has(run.partition)) results.set(run.partition, gap(run, item));
  return results;
}

const gap = ({ partition, producer }: TransactionalRun, { number }: TransactionItem): PartitionError => ({
  partition,
  error: refused(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    `sequence ${producer.firstSequence} of partition ${partition} has no predecessor in transaction ${number}`,
  ),
});

export const stagedResult = ({ run }: UploadedRun, duplicate: boolean): StagedPartition => ({
  partition: run.partition,
  records: run.recordCount,
  duplicate,
});

const sequenceSpace = 2 ** 31;

/** Returns the runs whose turn it is. Those that are staged already are answered. */
function sortOut(item: TransactionItem, topic: Topic, staged: readonly UploadedRun[], results: Results): UploadedRun[] {
  const due: UploadedRun[] = [];
  for (const one of staged) {
    const { partition, producer } = one.run;
    if (results.has(partition)) continue;
    const ahead = sequenceDistance(nextSequenceOf(item, topic, partition), producer.firstSequence);
    if (ahead === 0) due.push(one);
    else if (ahead >= sequenceSpace / 2) results.set(partition, stagedResult(one, true));
  }
  return due;
}
