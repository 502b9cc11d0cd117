// Stages records: they are durable in a staged segment and named in the item of the transactional id, and no head knows of
// them. So no reader can see them, none waits for them, and an abandoned transaction leaves nothing in any log.
//
// Batches of a transaction are numbered as those of any idempotent producer. `q` has the next sequence of each partition, so
// that a batch that is sent again is not staged twice.
import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import type { PartitionError } from '../api/records.ts';
import { invalid, refused } from '../api/refusal.ts';
import type {
  StagedPartition,
  StageOffsetsRequest,
  StageReply,
  StageRequest,
  TransactionRef,
} from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import { checkCommit } from '../group/offsets/commit.ts';
import { type AdmittedRun, admit } from '../log/admit.ts';
import type { Entry, EntryProducer } from '../partition/entry.ts';
import { segmentEpochAt } from '../partition/head.ts';
import { sequenceAfter, sequenceDistance } from '../producer/decide.ts';
import { packSegment } from '../record/segment.ts';
import { newUnpackBudget } from '../record/unpack.ts';
import { stagedSegmentKey, transactionKey } from '../storage/keys.ts';
import { storageFailure } from '../storage/outcome.ts';
import {
  absent,
  all,
  any,
  type Condition,
  equals,
  type Path,
  type Update,
  type Value,
  type WriteResult,
} from '../storage/table.ts';
import { topicWith } from '../topic/current.ts';
import type { Topic } from '../topic/topics.ts';
import { abort } from './commit.ts';
import {
  byNewestInstance,
  encodeStaged,
  hasToken,
  inTransaction,
  isInState,
  isInTime,
  mostTopics,
  parseTransactionItem,
  readTransaction,
  sequencePath,
  type TransactionItem,
} from './item.ts';
import { beingEnded, fencedBy, isOver, notBegun, timedOut, unknownId } from './refusals.ts';
import { spillStaged } from './spill-staged.ts';
import { encodeOffsets } from './staged-offsets.ts';

const tries = 12;
/** A batch that arrives before its predecessor waits so long between two looks. */
const lookMs = 120;

/** A run that this transaction may stage: its batches carry the producer of the transaction. */
type TransactionalRun = AdmittedRun & { readonly producer: EntryProducer };
type Admitted = { readonly run: TransactionalRun; readonly entry: Entry };

export async function stage(context: GroupContext, request: StageRequest): Promise<StageReply> {
  const item = await openItem(context, request.in);
  const topic = await topicWith(
    context.topics,
    request,
    request.partitions.map(({ partition }) => partition),
  );
  const { runs, results } = await admitAll(context, request, item, topic);
  if (runs.length > 0) {
    const staged = await upload(context, item, topic, runs);
    for (const [partition, result] of await nameAll(context, request.in, item, topic, staged))
      results.set(partition, result);
  }
  return { topicId: topic.topicId, partitions: request.partitions.map(({ partition }) => results.get(partition)!) };
}

/** Reads the item, and refuses what can no longer be staged. It costs 1 read unit. */
async function openItem(context: GroupContext, ref: TransactionRef): Promise<TransactionItem> {
  const item = await readTransaction(context.table, ref.transactionalId);
  if (!item || item.state === 'c') throw unknownId(ref.transactionalId);
  return checkedOpen(context, item, ref);
}

async function checkedOpen(
  context: GroupContext,
  item: TransactionItem,
  ref: TransactionRef,
): Promise<TransactionItem> {
  if (!hasToken(item, ref.token)) throw fencedBy(item);
  if (ref.transaction < item.number) throw isOver(item, ref.transaction);
  if (ref.transaction > item.number) throw notBegun(item, ref.transaction);
  if (item.state !== 'o') throw refused('INVALID_TXN_STATE', `transaction ${item.number} is being committed`);
  if (item.deadlineMs !== undefined && item.deadlineMs < context.clock.now()) {
    await abort(context, { in: ref });
    throw timedOut(item);
  }
  return item;
}

type Results = Map<number, StagedPartition | PartitionError>;

async function admitAll(context: GroupContext, request: StageRequest, item: TransactionItem, topic: Topic) {
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
  const { producer, expectedOffset } = run;
  if (expectedOffset !== undefined)
    throw invalid('expectedOffset: expected none in a transaction, whose records get their offsets at its commit');
  if (producer?.id === producerId && producer.epoch === producerEpoch) return { ...run, producer };
  throw refused(
    'INVALID_PRODUCER_EPOCH',
    `producer: expected id ${producerId} and epoch ${producerEpoch}, those of the transaction, got ${producer ? `id ${producer.id} and epoch ${producer.epoch}` : 'none'}`,
  );
}

/** One PUT for all partitions. */
async function upload(
  { clock, log }: GroupContext,
  { xid, number }: TransactionItem,
  { topicId }: Topic,
  runs: readonly TransactionalRun[],
): Promise<Admitted[]> {
  const segmentRandom = clock.randomBytes(8);
  const { chunks, positions } = packSegment(runs);
  try {
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

/** Names the runs in the item, all that are in order in one update. */
async function nameAll(
  context: GroupContext,
  ref: TransactionRef,
  first: TransactionItem,
  topic: Topic,
  staged: readonly Admitted[],
): Promise<Results> {
  const results: Results = new Map();
  let item = first;
  for (let attempt = 0; attempt < tries; attempt++) {
    const due = sortOut(item, topic, staged, results);
    if (due.length === 0 && results.size === staged.length) return results;
    if (due.length === 0) await context.clock.sleep(lookMs);
    else {
      checkRoom(item, topic, due);
      const result = await send(
        context,
        stagingUpdate(item, topic, due),
        stagingCondition(context, item, topic, due),
        item,
      );
      if (result.applied) {
        for (const one of due) results.set(one.run.partition, stagedResult(one, false));
        await spillStaged(context, parseTransactionItem(result.item!));
        if (results.size === staged.length) return results;
      }
    }
    item = await openItem(context, ref);
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

const stagedResult = ({ run }: Admitted, duplicate: boolean): StagedPartition => ({
  partition: run.partition,
  records: run.recordCount,
  duplicate,
});

const sequenceSpace = 2 ** 31;

/** Returns the runs whose turn it is. Those that are staged already are answered. */
function sortOut(item: TransactionItem, topic: Topic, staged: readonly Admitted[], results: Results): Admitted[] {
  const due: Admitted[] = [];
  for (const one of staged) {
    const { partition, producer } = one.run;
    if (results.has(partition)) continue;
    const ahead = sequenceDistance(nextSequenceOf(item, topic, partition), producer.firstSequence);
    if (ahead === 0) due.push(one);
    else if (ahead >= sequenceSpace / 2) results.set(partition, stagedResult(one, true));
  }
  return due;
}

function nextSequenceOf(item: TransactionItem, { topicId }: Topic, partition: number): number {
  const index = item.topicIds.indexOf(topicId);
  return index < 0 ? 0 : (item.nextSequences[`${index}/${partition}`] ?? 0);
}

function indexOf({ topicIds }: TransactionItem, { topicId }: Topic): number {
  const known = topicIds.indexOf(topicId);
  return known < 0 ? topicIds.length : known;
}

function checkRoom(item: TransactionItem, topic: Topic, due: readonly Admitted[]): void {
  const runs = item.spilled + item.staged.length + due.length;
  if (runs > limits.transactionRuns)
    throw invalid(`transaction: expected at most ${limits.transactionRuns} batches, got ${runs}`);
  if (indexOf(item, topic) >= mostTopics) throw invalid(`transaction: expected at most ${mostTopics} topics`);
  const partitions = new Set([
    ...Object.keys(item.nextSequences),
    ...due.map(({ run }) => `${indexOf(item, topic)}/${run.partition}`),
  ]);
  if (partitions.size > limits.transactionPartitions)
    throw invalid(`transaction: expected at most ${limits.transactionPartitions} partitions, got ${partitions.size}`);
}

function stagingUpdate(item: TransactionItem, topic: Topic, due: readonly Admitted[]): Update {
  const index = indexOf(item, topic);
  const sequences = due.map(({ run: { partition, producer, recordCount } }): [Path, Value] => [
    sequencePath(index, partition),
    sequenceAfter(producer.firstSequence, recordCount),
  ]);
  return {
    append: [['t', due.map(({ run, entry }) => encodeStaged(index, run.partition, entry))]],
    add: [['y', due.reduce((sum, { run }) => sum + run.bytes.length, 0)]],
    set: [[['ti', String(index)], topic.topicId], ...sequences],
  };
}

function stagingCondition(
  { clock }: GroupContext,
  item: TransactionItem,
  topic: Topic,
  due: readonly Admitted[],
): Condition {
  const index = indexOf(item, topic);
  const topicAt: Path = ['ti', String(index)];
  const hasIndex = any(absent(topicAt), equals(topicAt, topic.topicId));
  const areInOrder = due.map(({ run: { partition, producer } }) => {
    const next = sequencePath(index, partition);
    const isFirst = producer.firstSequence === 0;
    return isFirst ? any(absent(next), equals(next, 0)) : equals(next, producer.firstSequence);
  });
  return all(hasIndex, ...areInOrder, isInTime(clock.now()));
}

/** Every stage begins the time of the transaction, if it is the first. */
async function send(
  { table, clock }: GroupContext,
  update: Update,
  condition: Condition,
  item: TransactionItem,
): Promise<WriteResult> {
  try {
    return await table.write({
      kind: 'update',
      key: transactionKey(item.transactionalId),
      update: { ...update, setIfAbsent: [['dl', clock.now() + item.timeoutMs]] },
      if: all(inTransaction(item), byNewestInstance(item), isInState('o'), condition),
    });
  } catch (error) {
    throw storageFailure(error, false);
  }
}

/** Whether the offsets can be committed is decided at the commit of the transaction. Their form is checked here. */
export async function stageOffsets(context: GroupContext, { in: ref, ...request }: StageOffsetsRequest): Promise<void> {
  checkCommit(request);
  const text = encodeOffsets(request);
  for (let attempt = 0; attempt < tries; attempt++) {
    const item = await openItem(context, ref);
    // A repeat, or a copy whose reply was lost.
    const isStaged = item.offsets.includes(text);
    if (isStaged) return;
    const result = await send(context, { append: [['go', [text]]] }, isInTime(context.clock.now()), item);
    if (result.applied) return;
  }
  throw beingEnded(await openItem(context, ref));
}
