// Transactions of clients that speak Kafka's protocol. They name a transaction by their producer id and epoch, not by its
// number, and keep both, and their sequences, across transactions. So they say when they open one, and a request that has
// read the item names the number from then on. From version 2 of the transaction protocol on (`opens`) what they stage opens
// it, and the epoch rises at each end, so that a late request of an earlier transaction is refused by its epoch.
//
// Invariant: an epoch adds to no transaction after one that ended without its asking. It would be told that all is committed,
// though the part before the end is not.
import { refused } from '../api/refusal.ts';
import type { ProducerRef, TransactionOutcome } from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import { abort, commit } from './commit.ts';
import type { TransactionContext } from './context.ts';
import { endAndRaise } from './end-plainly.ts';
import { readTransaction, type TransactionItem } from './item.ts';
import { checkNewest, hasGoneOn } from './newest-instance.ts';
import { checkOpen } from './open-item.ts';
import { beingEnded, isOver } from './refusals.ts';
import { addTo } from './stage-update.ts';

const tries = 8;

/** Opens the transaction, if it is not open. Its time begins. */
export async function openTransaction(context: GroupContext, ref: ProducerRef): Promise<void> {
  for (let attempt = 0; attempt < tries; attempt++) {
    const item = await readTransaction(context.table, ref.transactionalId);
    checkNewest(item, ref);
    const isDecided = item.state === 'd';
    if (isDecided) throw beingEnded(item);
    await checkOpen(context, item, item.number);
    if (item.deadlineMs !== undefined) return;
    const { applied } = await addTo(context, item, {});
    if (applied) return;
  }
  throw refused('CONCURRENT_TRANSACTIONS', `${ref.transactionalId} is being changed: send the same request again`);
}

/** Ends the transaction that is open. If none is, this is a repeat, and the last end answers. */
export async function endOfProducer(
  context: TransactionContext,
  ref: ProducerRef,
  wanted: TransactionOutcome,
): Promise<NextEpoch> {
  const item = await readTransaction(context.table, ref.transactionalId);
  const isEndedSo = item !== undefined && item.last?.outcome === wanted && hasGoneOn(item, ref);
  if (isEndedSo) return item;
  checkNewest(item, ref);
  const isOpen = item.state !== 'o' || item.deadlineMs !== undefined;
  if (!isOpen) return ref.opens ? endNothing(context, item, wanted) : answerRepeat(item, wanted);
  const named = { in: { ...ref, transaction: item.number } };
  return wanted === 'committed' ? commit(context, named) : abort(context, named);
}

type NextEpoch = Pick<TransactionItem, 'producerId' | 'producerEpoch'>;

/** A batch of the old epoch may still be under way, and would open a transaction. */
async function endNothing(
  context: TransactionContext,
  item: TransactionItem,
  wanted: TransactionOutcome,
): Promise<NextEpoch> {
  const ended = await endAndRaise(context, item, wanted);
  if (!ended) throw beingEnded(item);
  return ended;
}

function answerRepeat(item: TransactionItem, wanted: TransactionOutcome): TransactionItem {
  const isAsWanted = item.last === undefined || item.last.outcome === wanted;
  if (!isAsWanted) throw isOver(item, item.last!.number);
  return item;
}
