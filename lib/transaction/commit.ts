// Ends a transaction. A commit takes one step where it can: one transaction of the table appends the runs to all heads,
// commits the offsets, and says so in the item. Where that is too much for one step, or the heads are too busy, the decision
// is one write, and the runs are applied after it (apply.ts). Either way there is one item that says what was decided.
import { type Outcome, RivuletError } from '../api/errors.ts';
import { refused } from '../api/refusal.ts';
import type { EndedTransaction } from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import { partitionName } from '../log/context.ts';
import { spillIfLarge } from '../log/spill.ts';
import { deletedFence } from '../partition/head.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { headKey, transactionKey } from '../storage/keys.ts';
import { storageFailure } from '../storage/outcome.ts';
import { StorageError } from '../storage/storage-error.ts';
import { all, below, type Check, exists, type Item, type Update, type Write } from '../storage/table.ts';
import { newToken } from '../storage/transaction-tokens.ts';
import { appendingUpdate, type HeadsBefore, headsAtOnce, rollForward } from './apply.ts';
import { committedOffsets } from './committed-offsets.ts';
import type { TransactionContext } from './context.ts';
import { endPlainly, timeOut } from './end-plainly.ts';
import {
  byNewestInstance,
  endUpdate,
  inTransaction,
  isEmpty,
  isInState,
  isInTime,
  isStagedAsRead,
  readTransaction,
  type TransactionItem,
} from './item.ts';
import { checkNewest, type Ref } from './newest-instance.ts';
import { offsetWrites } from './offset-writes.ts';
import { producerGoingOn } from './producer-after.ts';
import { beingEnded, expiredId, isOver, notBegun, timedOut } from './refusals.ts';
import { stagedCommits } from './staged-offsets.ts';
import { type HeadRuns, headRunsOf, newIndexRandoms, putIndexes, stagedRuns } from './staged-runs.ts';

/** DynamoDB's bound for one transaction. */
const mostActions = 100;
const tries = 4;
/** Other writes of a head are in the way for some ten milliseconds each. Where there are many, only plain writes get through. */
const triesInOneStep = 2;
const leastPauseMs = 10;
const mostPauseMs = 40;

type Named = Ref & { readonly transaction: number };
type Asked = { readonly in: Named; readonly offsets?: boolean };

export async function commit(
  context: TransactionContext,
  { in: ref, offsets = false }: Asked,
): Promise<EndedTransaction> {
  for (let attempt = 0; attempt < tries; attempt++) {
    const isFirst = attempt === 0;
    const done = await (isFirst
      ? commitOnce(context, ref, offsets, isFirst)
      : inDoubt(commitOnce(context, ref, offsets, isFirst)));
    if (done) return done;
  }
  throw new RivuletError('CONCURRENT_TRANSACTIONS', `transaction ${ref.transaction} is being ended: commit it again`, {
    outcome: 'unknown',
  });
}

/** Returns undefined if something else was faster, or if the answer did not come. */
async function commitOnce(
  context: TransactionContext,
  ref: Named,
  offsets: boolean,
  isFirst: boolean,
): Promise<EndedTransaction | undefined> {
  const item = await ownItem(context, ref, !isFirst);
  const ended = endedAs(item, ref, 'committed');
  if (ended) return offsets ? inDoubt(withOffsets(context, item, ended)) : ended;
  const isDecided = item.state === 'd';
  if (!isDecided) return tryCommit(context, item, offsets);
  await inDoubt(rollForward(context, item));
  return undefined;
}

/** The decisive step was sent before: a failure after it does not say what becomes of the transaction. */
async function inDoubt<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw storageFailure(error, true);
  }
}

export async function abort(context: GroupContext, { in: ref }: Asked): Promise<EndedTransaction> {
  for (let attempt = 0; attempt < tries; attempt++) {
    const item = await ownItem(context, ref, attempt > 0);
    const ended = endedAs(item, ref, 'aborted');
    if (ended) return ended;
    const isDecided = item.state === 'd';
    if (isDecided) throw refused('INVALID_TXN_STATE', `transaction ${ref.transaction} is committed already`);
    const now = await endPlainly(context, item, 'aborted');
    if (now) return replyOf(now, 'aborted');
  }
  throw beingEnded(await ownItem(context, ref, true));
}

/** Reads the item, and refuses an instance that is not the newest one. `mayBeDone`: an earlier try may have acted. */
async function ownItem({ table }: GroupContext, ref: Named, mayBeDone: boolean): Promise<TransactionItem> {
  const outcome: Outcome = mayBeDone ? 'unknown' : 'not-written';
  const { transactionalId, transaction } = ref;
  const item = await readTransaction(table, transactionalId);
  checkNewest(item, ref, outcome);
  if (item.state === 'c') throw expiredId(transactionalId);
  if (transaction > item.number) throw notBegun(item, transaction);
  if (transaction < item.number && item.last?.number !== transaction) throw isOver(item, transaction, outcome);
  return item;
}

/** The answer to a repeat: the transaction has ended as was asked for. */
function endedAs(
  item: TransactionItem,
  { transaction }: Named,
  wanted: 'committed' | 'aborted',
): EndedTransaction | undefined {
  if (item.number === transaction) return undefined;
  if (item.last!.outcome === wanted) return replyOf(item, wanted);
  throw isOver(item, transaction);
}

const replyOf = (
  { number, producerId, producerEpoch }: TransactionItem,
  outcome: 'committed' | 'aborted',
): EndedTransaction => ({ outcome, next: number, producerId, producerEpoch });

/** The item is one after the commit. */
async function withOffsets(
  context: GroupContext,
  { xid, last, lastWritten }: TransactionItem,
  reply: EndedTransaction,
): Promise<EndedTransaction> {
  if (!lastWritten) return reply;
  return { ...reply, offsets: await committedOffsets(context, { xid, number: last!.number }, lastWritten) };
}

async function tryCommit(
  context: TransactionContext,
  item: TransactionItem,
  wantsOffsets: boolean,
): Promise<EndedTransaction | undefined> {
  const nowMs = context.clock.now();
  if (item.deadlineMs !== undefined && item.deadlineMs < nowMs)
    throw (await timeOut(context, item)) ? timedOut(item) : beingEnded(item);
  if (isEmpty(item)) {
    const now = await endPlainly(context, item, 'committed');
    return now && { ...replyOf(now, 'committed'), ...(wantsOffsets && { offsets: [] }) };
  }
  const plan = await planOf(context, item);
  await putIndexes(context.log.objects, plan.indexes);
  const isSmall = 1 + plan.heads.length + plan.offsets.length <= mostActions;
  const isCalm = isSmall && !context.hotHeads.hasAny(plan.heads);
  const outcome = isCalm ? await inOneStep(context, item, plan) : 'conflict';
  const before = outcome === 'conflict' ? await decide(context, item, plan) : undefined;
  return inDoubt(concluded(context, item, plan, before, wantsOffsets));
}

async function concluded(
  context: GroupContext,
  item: TransactionItem,
  plan: Plan,
  before: HeadsBefore | undefined,
  wantsOffsets: boolean,
): Promise<EndedTransaction | undefined> {
  const now = await readTransaction(context.table, item.transactionalId);
  const isDecided = now?.state === 'd' && now.xid === item.xid && now.number === item.number;
  if (isDecided) await rollForward(context, now, before);
  for (const { address } of plan.heads) context.log.notifications.announce(partitionName(address));
  const after = await readTransaction(context.table, item.transactionalId);
  const isCommitted = after?.last?.number === item.number && after.last.outcome === 'committed';
  if (!isCommitted || after.xid !== item.xid) return undefined;
  const reply = replyOf(after, 'committed');
  return wantsOffsets ? withOffsets(context, after, reply) : reply;
}

type Plan = Awaited<ReturnType<typeof headRunsOf>> & {
  readonly offsets: readonly (Write | Check)[];
  readonly indexRandoms: Readonly<Record<string, Uint8Array>>;
};

async function planOf(context: GroupContext, item: TransactionItem): Promise<Plan> {
  const indexRandoms = newIndexRandoms(item, context.clock);
  const runs = await stagedRuns(context.table, item);
  const headRuns = await headRunsOf(item, runs, indexRandoms);
  return { ...headRuns, offsets: await writesOfOffsets(context, item), indexRandoms };
}

/** An offset that can no longer be committed aborts the whole transaction. */
async function writesOfOffsets(context: GroupContext, item: TransactionItem): Promise<(Write | Check)[]> {
  const writes: (Write | Check)[] = [];
  try {
    for (const staged of stagedCommits(item)) writes.push(...(await offsetWrites(context, staged)));
  } catch (error) {
    if (error instanceof RivuletError && !error.retriable)
      throw await aborted(context, item, lostOffsets(item, error.message));
    throw error;
  }
  return writes;
}

const lostOffsets = ({ number }: TransactionItem, why: string) =>
  refused(
    'INVALID_PRODUCER_EPOCH',
    `transaction ${number} was aborted, because its offsets cannot be committed: ${why}`,
  );

const topicDeleted = ({ number }: TransactionItem) =>
  refused(
    'UNKNOWN_TOPIC_OR_PARTITION',
    `transaction ${number} was aborted, because a topic of its records was deleted`,
  );

async function aborted(context: GroupContext, item: TransactionItem, error: RivuletError): Promise<RivuletError> {
  const isOurs = await endPlainly(context, item, 'aborted');
  return isOurs ? error : beingEnded(item);
}

/** Everything in one step. `conflict`: other writes of a head were in the way, and nothing was done. */
async function inOneStep(context: TransactionContext, item: TransactionItem, plan: Plan): Promise<'sent' | 'conflict'> {
  const { table, clock, hotHeads } = context;
  const end = endUpdate(item, 'committed', await producerGoingOn(context, item), clock.now(), plan.heads);
  const actions = [itemWrite(context, item, end), ...plan.heads.map(headWrite), ...plan.offsets];
  const token = newToken(clock);
  for (let left = triesInOneStep - 1; ; left--) {
    try {
      const result = await table.transact(actions, token, { onConflict: 'throw' });
      if (!result.applied) await explain(context, item, plan, result.failures);
      else await spillLarge(context, plan.heads);
      return 'sent';
    } catch (error) {
      const isConflict = error instanceof StorageError && error.reason === 'conflict';
      if (!isConflict) throw storageFailure(error, false);
      if (error.mayHaveActed || left === 0) {
        hotHeads.add(plan.heads);
        return error.mayHaveActed ? 'sent' : 'conflict';
      }
      await clock.sleep(leastPauseMs + clock.random() * (mostPauseMs - leastPauseMs));
    }
  }
}

function headWrite({ address, ...runs }: HeadRuns): Write {
  const isMade = exists('v');
  const isOpen = below('g', deletedFence);
  return {
    kind: 'update',
    key: headKey(address.topicId, address.partition),
    update: appendingUpdate({ address, ...runs }),
    if: all(isMade, isOpen),
  };
}

function itemWrite({ clock }: GroupContext, item: TransactionItem, update: Update): Write {
  const isOpen = isInState('o');
  const notTimedOut = isInTime(clock.now());
  // The plan has only what was staged when the item was read. Its index objects would not fit what was staged later.
  const isPlanned = isStagedAsRead(item);
  return {
    kind: 'update',
    key: transactionKey(item.transactionalId),
    update,
    if: all(inTransaction(item), byNewestInstance(item), isOpen, notTimedOut, isPlanned),
  };
}

/**
 * After the decision the outcome is fixed, and any process can apply it. Returns the heads as they were before this very
 * write decided: nothing of the transaction is below their ends. Returns none if another process may have decided.
 */
async function decide(context: GroupContext, item: TransactionItem, plan: Plan): Promise<HeadsBefore> {
  const before = await headsBefore(context, item, plan.heads);
  const update: Update = {
    set: [
      ['st', 'd'],
      ['ix', plan.indexRandoms],
    ],
  };
  const write = itemWrite(context, item, update);
  try {
    if (plan.offsets.length === 0) {
      const { applied } = await context.table.write(write);
      return applied ? before : new Map();
    }
    const result = await context.table.transact([write, ...plan.offsets], newToken(context.clock));
    if (result.applied) return before;
    await explain(context, item, { ...plan, heads: [] }, result.failures);
    return new Map();
  } catch (error) {
    throw storageFailure(error, false);
  }
}

/** A head that is missing is made: after the decision, a missing head would pass for one of a deleted topic. */
async function headsBefore(
  context: GroupContext,
  item: TransactionItem,
  runs: readonly HeadRuns[],
): Promise<HeadsBefore> {
  const { heads } = context.log;
  const entries = await inParallel(runs, headsAtOnce, async ({ address }) => {
    let head = await heads.read(address);
    if (!head) {
      await context.topics.makeHead(address.topicId, address.partition);
      head = await heads.read(address);
    }
    if (!head || head.fence === deletedFence) throw await aborted(context, item, topicDeleted(item));
    return [partitionName(address), head] as const;
  });
  return new Map(entries);
}

type Failure = { readonly failed: boolean; readonly old?: Item };

/**
 * Says what a refused step means. The item itself is judged by the caller, which reads it again: this step, or another one,
 * may have ended the transaction.
 */
async function explain(
  context: GroupContext,
  item: TransactionItem,
  { heads }: Pick<Plan, 'heads'>,
  [own, ...others]: readonly Failure[],
): Promise<void> {
  if (own!.failed) return;
  for (const [i, { address }] of heads.entries()) {
    const { failed, old } = others[i]!;
    if (!failed) continue;
    const isMissing = old === undefined;
    if (isMissing) await context.topics.makeHead(address.topicId, address.partition);
    const head = await context.log.heads.read(address);
    const isGone = !head || head.fence === deletedFence;
    if (isGone) throw await aborted(context, item, topicDeleted(item));
  }
  const lost = others.slice(heads.length).some(({ failed }) => failed);
  if (lost) throw await aborted(context, item, lostOffsets(item, 'another member owns a partition by now'));
}

async function spillLarge(context: GroupContext, heads: readonly HeadRuns[]): Promise<void> {
  for (const { address } of heads) await spillIfLarge(context.log, address);
}
