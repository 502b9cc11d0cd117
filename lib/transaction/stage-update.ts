// The update that names staged runs in the item of their transaction. Its conditions keep the sequence of each partition, so
// that a batch that is sent again is not staged twice.
import { limits } from '../api/limits.ts';
import { invalid } from '../api/refusal.ts';
import type { GroupContext } from '../group/context.ts';
import type { AdmittedRun } from '../log/admit.ts';
import type { Entry, EntryProducer } from '../partition/entry.ts';
import { sequenceAfter } from '../producer/decide.ts';
import { transactionKey } from '../storage/keys.ts';
import { storageFailure } from '../storage/outcome.ts';
import {
  absent,
  all,
  any,
  type Condition,
  equals,
  type Path,
  type Update,
  type WriteResult,
} from '../storage/table.ts';
import type { Topic } from '../topic/topics.ts';
import {
  byNewestInstance,
  encodeStaged,
  inTransaction,
  isInState,
  isInTime,
  isStagedAsRead,
  sequencePath,
  type TransactionItem,
} from './item.ts';

/** A run that this transaction may stage: its batches carry the producer of the transaction. */
export type TransactionalRun = AdmittedRun & { readonly producer: EntryProducer };
export type UploadedRun = { readonly run: TransactionalRun; readonly entry: Entry };

export function nextSequenceOf(item: TransactionItem, { topicId }: Topic, partition: number): number {
  const index = item.topicIds.indexOf(topicId);
  return index < 0 ? 0 : (item.nextSequences[`${index}/${partition}`] ?? 0);
}

function indexOf({ topicIds }: TransactionItem, { topicId }: Topic): number {
  const known = topicIds.indexOf(topicId);
  return known < 0 ? topicIds.length : known;
}

function checkRoom(item: TransactionItem, topic: Topic, due: readonly UploadedRun[]): void {
  const runs = item.spilled + item.staged.length + due.length;
  if (runs > limits.transactionRuns)
    throw invalid(`transaction: expected at most ${limits.transactionRuns} batches, got ${runs}`);
  const bytes = due.reduce((sum, { run }) => sum + run.bytes.length, item.stagedBytes);
  if (bytes > limits.transactionBytes)
    throw invalid(`transaction: expected at most ${limits.transactionBytes} bytes, got ${bytes}`);
  const topics = indexOf(item, topic) + 1;
  if (topics > limits.transactionTopics)
    throw invalid(`transaction: expected at most ${limits.transactionTopics} topics, got ${topics}`);
  const partitions = new Set([
    ...Object.keys(item.nextSequences),
    ...due.map(({ run }) => `${indexOf(item, topic)}/${run.partition}`),
  ]);
  if (partitions.size > limits.transactionPartitions)
    throw invalid(`transaction: expected at most ${limits.transactionPartitions} partitions, got ${partitions.size}`);
}

/** DynamoDB takes 300 operators and 4 KB of text in an expression, and each sequence of its own needs four and 50 bytes. */
const mostOwnSequences = 40;

/** Names the runs, all or none. Refused if one of them is not the next of its partition. */
export function nameRuns(
  context: GroupContext,
  item: TransactionItem,
  topic: Topic,
  due: readonly UploadedRun[],
): Promise<WriteResult> {
  checkRoom(item, topic, due);
  return addTo(context, item, stagingUpdate(item, topic, due), stagingCondition(item, topic, due));
}

function stagingUpdate(item: TransactionItem, topic: Topic, due: readonly UploadedRun[]): Update {
  const index = indexOf(item, topic);
  const next = due.map(({ run: { partition, producer, recordCount } }) => ({
    path: sequencePath(index, partition),
    sequence: sequenceAfter(producer.firstSequence, recordCount),
  }));
  const all = { ...item.nextSequences, ...Object.fromEntries(next.map(({ path, sequence }) => [path[1], sequence])) };
  const sequences = isWide(due) ? [['q', all] as const] : next.map(({ path, sequence }) => [path, sequence] as const);
  return {
    append: [['t', due.map(({ run, entry }) => encodeStaged(index, run.partition, entry))]],
    add: [['y', due.reduce((sum, { run }) => sum + run.bytes.length, 0)]],
    set: [[['ti', String(index)], topic.topicId], ...sequences],
  };
}

/** So many sequences are set as a whole, if nothing at all was staged since the item was read. */
const isWide = (due: readonly UploadedRun[]): boolean => due.length > mostOwnSequences;

function stagingCondition(item: TransactionItem, topic: Topic, due: readonly UploadedRun[]): Condition {
  const index = indexOf(item, topic);
  const topicAt: Path = ['ti', String(index)];
  const hasIndex = any(absent(topicAt), equals(topicAt, topic.topicId));
  if (isWide(due)) return all(hasIndex, isStagedAsRead(item));
  const areInOrder = due.map(({ run: { partition, producer } }) => {
    const next = sequencePath(index, partition);
    const isFirst = producer.firstSequence === 0;
    return isFirst ? any(absent(next), equals(next, 0)) : equals(next, producer.firstSequence);
  });
  return all(hasIndex, ...areInOrder);
}

const raising = [['ev', 1]] as const;

/** The first addition begins the time of the transaction. */
export async function addTo(
  { table, clock }: GroupContext,
  item: TransactionItem,
  update: Update,
  condition?: Condition,
): Promise<WriteResult> {
  const ofNewestInstance = all(inTransaction(item), byNewestInstance(item));
  const isOpen = all(isInState('o'), isInTime(clock.now()));
  try {
    return await table.write({
      kind: 'update',
      key: transactionKey(item.transactionalId),
      update: { ...update, setIfAbsent: [['dl', clock.now() + item.timeoutMs], ...(item.raisesEpoch ? raising : [])] },
      if: all(ofNewestInstance, isOpen, ...(condition ? [condition] : [])),
    });
  } catch (error) {
    throw storageFailure(error, false);
  }
}
