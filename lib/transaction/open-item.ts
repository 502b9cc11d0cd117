// Reads the item of a transaction to which something is to be added, and refuses what can no longer be added.
import { RivuletError } from '../api/errors.ts';
import { refused } from '../api/refusal.ts';
import type { TransactionRef } from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import { endPlainly } from './end-plainly.ts';
import { hasToken, readTransaction, type TransactionItem } from './item.ts';
import { expiredId, fencedBy, isOver, notBegun, timedOut } from './refusals.ts';

/**
 * Reads the item, and refuses what can no longer be staged. It costs 1 read unit. `mayBeDone`: an earlier try of the same
 * request may have acted, so a refusal does not say that nothing was staged.
 */
export async function openItem(
  context: GroupContext,
  ref: TransactionRef,
  { mayBeDone }: { readonly mayBeDone: boolean } = { mayBeDone: false },
): Promise<TransactionItem> {
  const item = await readTransaction(context.table, ref.transactionalId);
  try {
    if (!item || !hasToken(item, ref.token)) throw fencedBy(ref);
    return await checkedOpen(context, item, ref);
  } catch (error) {
    if (!mayBeDone || !(error instanceof RivuletError)) throw error;
    throw new RivuletError(error.errorCode, error.message, { outcome: 'unknown' });
  }
}

async function checkedOpen(
  context: GroupContext,
  item: TransactionItem,
  ref: TransactionRef,
): Promise<TransactionItem> {
  if (item.state === 'c') throw expiredId(ref.transactionalId);
  if (ref.transaction < item.number) throw isOver(item, ref.transaction);
  if (ref.transaction > item.number) throw notBegun(item, ref.transaction);
  if (item.state !== 'o') throw refused('INVALID_TXN_STATE', `transaction ${item.number} is being committed`);
  if (item.deadlineMs !== undefined && item.deadlineMs < context.clock.now()) {
    await endPlainly(context, item, 'aborted');
    throw timedOut(item);
  }
  return item;
}
