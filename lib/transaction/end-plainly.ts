// Ends a transaction of which no head needs to know: one that is aborted, or that has nothing staged.
import type { TransactionOutcome } from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import { transactionKey } from '../storage/keys.ts';
import { all } from '../storage/table.ts';
import {
  byNewestInstance,
  endUpdate,
  inTransaction,
  isInState,
  isStagedAsRead,
  type NextProducer,
  parseTransactionItem,
  type TransactionItem,
} from './item.ts';
import { producerAfterTimeout, producerGoingOn, producerRaised } from './producer-after.ts';

/** Returns the item after the end; undefined if something else has changed it. */
export const endPlainly = async (
  context: GroupContext,
  item: TransactionItem,
  outcome: TransactionOutcome,
): Promise<TransactionItem | undefined> => end(context, item, outcome, await producerGoingOn(context, item));

/** The same, and the epoch rises. */
export const endAndRaise = async (
  context: GroupContext,
  item: TransactionItem,
  outcome: TransactionOutcome,
): Promise<TransactionItem | undefined> => end(context, item, outcome, await producerRaised(context, item));

/** Aborts a transaction whose time is over. */
export const timeOut = async (context: GroupContext, item: TransactionItem): Promise<TransactionItem | undefined> =>
  end(context, item, 'aborted', await producerAfterTimeout(context, item));

async function end(
  context: GroupContext,
  item: TransactionItem,
  outcome: TransactionOutcome,
  next: NextProducer,
): Promise<TransactionItem | undefined> {
  // A stage that landed since the item was read is no part of an empty commit, and must not be swept away by it.
  const isPlanned = outcome === 'committed' ? [isStagedAsRead(item)] : [];
  const result = await context.table.write({
    kind: 'update',
    key: transactionKey(item.transactionalId),
    update: endUpdate(item, outcome, next, context.clock.now()),
    if: all(inTransaction(item), byNewestInstance(item), isInState('o'), ...isPlanned),
  });
  return result.applied ? parseTransactionItem(result.item!) : undefined;
}
