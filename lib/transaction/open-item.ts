// Reads the item of a transaction to which something is to be added, and refuses what can no longer be added.
import { RivuletError } from '../api/errors.ts';
import { refused } from '../api/refusal.ts';
import type { GroupContext } from '../group/context.ts';
import { timeOut } from './end-plainly.ts';
import { readTransaction, type TransactionItem } from './item.ts';
import { checkNewest, type Ref } from './newest-instance.ts';
import { expiredId, isOver, notBegun, timedOut } from './refusals.ts';

/**
 * Reads the item, and refuses what can no longer be staged. It costs 1 read unit. `mayBeDone`: an earlier try of the same
 * request may have acted, so a refusal does not say that nothing was staged.
 */
export async function openItem(
  context: GroupContext,
  ref: Ref,
  { mayBeDone }: { readonly mayBeDone: boolean } = { mayBeDone: false },
): Promise<TransactionItem> {
  const item = await readTransaction(context.table, ref.transactionalId);
  try {
    checkNewest(item, ref);
    await checkOpen(context, item, ref.transaction ?? item.number);
    if ('token' in ref || item.deadlineMs !== undefined) return item;
    if (!ref.opens) checkBegun(item);
    return { ...item, raisesEpoch: true };
  } catch (error) {
    if (!mayBeDone || !(error instanceof RivuletError)) throw error;
    throw new RivuletError(error.errorCode, error.message, { outcome: 'unknown' });
  }
}

/** Aborts the transaction if its time is over. */
export async function checkOpen(context: GroupContext, item: TransactionItem, transaction: number): Promise<void> {
  if (item.state === 'c') throw expiredId(item.transactionalId);
  if (transaction < item.number) throw isOver(item, transaction);
  if (transaction > item.number) throw notBegun(item, transaction);
  if (item.state !== 'o') throw refused('INVALID_TXN_STATE', `transaction ${item.number} is being committed`);
  if (item.deadlineMs !== undefined && item.deadlineMs < context.clock.now()) {
    await timeOut(context, item);
    throw timedOut(item);
  }
}

/**
 * Clients of Kafka's protocol whose epoch stays open a transaction before they add to it. A batch that was under way when a
 * transaction ended must not begin the next one. Where the epoch rises at each end, the epoch says so.
 */
function checkBegun({ transactionalId }: TransactionItem): never {
  throw refused('INVALID_TXN_STATE', `no transaction of ${transactionalId} is open: add the partition to it first`);
}
