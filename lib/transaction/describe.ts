// Lists transactional ids and says what becomes of their transactions.
import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import type { TransactionDescription, TransactionDetails, TransactionPage } from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import { inParallel } from '../runtime/concurrency.ts';
import {
  listedTransactionalId,
  transactionKey,
  transactionListingKey,
  transactionsPartition,
} from '../storage/keys.ts';
import { all, type Table } from '../storage/table.ts';
import { rollForward } from './apply.ts';
import { checkAnyText } from './init.ts';
import { endUpdate, inTransaction, isInState, readTransaction, type TransactionItem } from './item.ts';
import { producerAfter } from './producer-after.ts';
import { beingEnded, unknownId } from './refusals.ts';
import { groupsOf } from './staged-offsets.ts';
import { stagedPartitions } from './staged-partitions.ts';

const readsAtOnce = 16;
const tries = 4;

export async function describeTransaction(context: GroupContext, transactionalId: string): Promise<TransactionDetails> {
  checkAnyText(transactionalId);
  for (let attempt = 0; ; attempt++) {
    const item = await livingItem(context, transactionalId);
    try {
      return { ...descriptionOf(item), partitions: await stagedPartitions(context, item) };
    } catch (error) {
      // The pages of spilled runs go when the transaction has ended. Then the next one is described.
      const { xid, number } = await livingItem(context, transactionalId);
      const hasEnded = xid !== item.xid || number !== item.number;
      if (!hasEnded || attempt === tries) throw error;
    }
  }
}

async function livingItem({ table }: GroupContext, transactionalId: string): Promise<LivingItem> {
  const item = await readTransaction(table, transactionalId);
  if (!isLiving(item)) throw unknownId(transactionalId);
  return item;
}

export async function listTransactions(
  { table }: GroupContext,
  { limit = 100, after }: { readonly limit?: number; readonly after?: string },
): Promise<TransactionPage> {
  const page = await table.query({
    pk: transactionsPartition,
    limit,
    strong: true,
    ...(after !== undefined && { after: transactionListingKey(after).sk }),
  });
  const transactions: TransactionDescription[] = [];
  let bytes = 0;
  for (let at = 0; at < page.items.length; at += readsAtOnce) {
    const ids = page.items.slice(at, at + readsAtOnce).map(listedTransactionalId);
    for (const one of (await inParallel(ids, readsAtOnce, (id) => livingOf(table, id))).flat()) {
      bytes += Buffer.byteLength(JSON.stringify(one));
      const isFull = bytes > limits.transactionListBytes && transactions.length > 0;
      if (isFull) return { transactions, nextAfter: transactions.at(-1)!.transactionalId };
      transactions.push(one);
    }
  }
  return { transactions, ...(page.more && { nextAfter: listedTransactionalId(page.items.at(-1)!) }) };
}

/** An id is listed before its item is made, and the item may be gone again since the page was read. */
async function livingOf(table: Table, transactionalId: string): Promise<TransactionDescription[]> {
  const item = await readTransaction(table, transactionalId);
  return isLiving(item) ? [descriptionOf(item)] : [];
}

/** Ends what is open, and fences the instance that began it. A transaction that is decided is applied. */
export async function forceAbort(context: GroupContext, transactionalId: string): Promise<TransactionDetails> {
  checkAnyText(transactionalId);
  let number: number | undefined;
  for (let attempt = 0; ; attempt++) {
    const item = await readTransaction(context.table, transactionalId);
    if (!item || item.state === 'c') throw unknownId(transactionalId);
    number ??= item.number;
    // A copy of our own write whose reply was lost, or a newer instance, has ended it. The operator did not mean later ones.
    const isOver = item.number > number;
    if (isOver) return describeTransaction(context, transactionalId);
    if (item.state === 'd') {
      await rollForward(context, item);
      number = item.number + 1;
    } else if (await fence(context, item)) return describeTransaction(context, transactionalId);
    if (attempt === tries)
      throw new RivuletError('CONCURRENT_TRANSACTIONS', beingEnded(item).message, { outcome: 'unknown' });
  }
}

async function fence(context: GroupContext, item: TransactionItem): Promise<boolean> {
  const end = endUpdate(item, 'aborted', await producerAfter(context, item), context.clock.now());
  const noToken = context.clock.randomBytes(16);
  const result = await context.table.write({
    kind: 'update',
    key: transactionKey(item.transactionalId),
    update: { ...end, set: [...end.set!, ['tk', noToken]] },
    if: all(inTransaction(item), isInState('o')),
  });
  return result.applied;
}

const states = { o: 'open', p: 'prepared', d: 'decided' } as const;

type LivingItem = TransactionItem & { readonly state: keyof typeof states };

const isLiving = (item: TransactionItem | undefined): item is LivingItem => item !== undefined && item.state !== 'c';

function descriptionOf(item: LivingItem): TransactionDescription {
  const { transactionalId, number, producerId, producerEpoch, timeoutMs, last } = item;
  return {
    transactionalId,
    state: item.state === 'o' && item.deadlineMs === undefined ? 'empty' : states[item.state],
    transaction: number,
    producerId,
    producerEpoch,
    timeoutMs,
    deadlineMs: item.deadlineMs ?? -1,
    lastUsedMs: item.usedMs,
    batches: item.spilled + item.staged.length,
    groups: groupsOf(item),
    ...(last && { last: { transaction: last.number, outcome: last.outcome } }),
  };
}
