// The care for transactions that no request asks for: those that were abandoned are aborted, those that were decided and not
// applied are applied, and ids that were not used for a week are forgotten. Clocks decide when this happens, never what.
//
// Invariant: an id leaves with its listing, in one step. If the listing went later, a new instance would find it without the
// item, and the xid would come again with its numbers.
import type { TransactionsReport } from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import { stagePagesPartition, transactionKey, transactionListingKey, transactionsPartition } from '../storage/keys.ts';
import { readAll } from '../storage/read-all.ts';
import { absent, all, equals } from '../storage/table.ts';
import { newToken } from '../storage/transaction-tokens.ts';
import { rollForward } from './apply.ts';
import { endUpdate, inTransaction, isEmpty, isInState, readTransaction, type TransactionItem } from './item.ts';
import { producerAfter } from './producer-after.ts';

/** Kafka's transactional.id.expiration.ms has the same value. */
const expiryMs = 7 * 24 * 3_600_000;
/** A late copy of the write that made the item must find it closed for longer than any copy is on its way. */
const closedSeconds = 3 * 24 * 3_600;
const listedAtOnce = 100;

export async function tendTransactions(
  context: GroupContext,
  isOver: () => boolean = () => false,
): Promise<TransactionsReport> {
  const report = { transactions: 0, aborted: 0, applied: 0, expired: 0 };
  // One id whose transaction cannot be ended must not keep the others from their care.
  const failures: unknown[] = [];
  for (let after: string | undefined; !isOver(); ) {
    const page = await context.table.query({
      pk: transactionsPartition,
      limit: listedAtOnce,
      ...(after !== undefined && { after }),
    });
    for (const { sk } of page.items) {
      report.transactions += 1;
      try {
        const done = await tend(context, sk);
        if (done) report[done] += 1;
      } catch (error) {
        failures.push(error);
      }
    }
    after = page.items.at(-1)?.sk;
    if (!page.more || after === undefined) break;
  }
  if (failures.length > 0) throw failures[0];
  return report;
}

async function tend(
  context: GroupContext,
  transactionalId: string,
): Promise<'aborted' | 'applied' | 'expired' | undefined> {
  const item = await readTransaction(context.table, transactionalId);
  if (!item || item.state === 'c') return undefined;
  await removeOldPages(context, item);
  if (item.state === 'd') {
    await rollForward(context, item);
    return 'applied';
  }
  const nowMs = context.clock.now();
  const isAbandoned = item.state === 'o' && item.deadlineMs !== undefined && item.deadlineMs < nowMs;
  if (isAbandoned) return (await abortAbandoned(context, item)) ? 'aborted' : undefined;
  const isUnused = item.state === 'o' && isEmpty(item) && item.usedMs < nowMs - expiryMs;
  return isUnused && (await close(context, item)) ? 'expired' : undefined;
}

async function abortAbandoned(context: GroupContext, item: TransactionItem): Promise<boolean> {
  const result = await context.table.write({
    kind: 'update',
    key: transactionKey(item.transactionalId),
    update: endUpdate(item, 'aborted', await producerAfter(context, item), context.clock.now()),
    if: all(inTransaction(item), isInState('o'), equals('dl', item.deadlineMs!)),
  });
  return result.applied;
}

async function close({ table, clock }: GroupContext, item: TransactionItem): Promise<boolean> {
  const isUnchanged = all(inTransaction(item), isInState('o'), equals('u', item.usedMs));
  const nothingStaged = all(absent('t'), absent('sb'), absent('go'));
  const ttl = Math.ceil(clock.now() / 1000) + closedSeconds;
  const isListed = equals('i', item.xid);
  const result = await table.transact(
    [
      {
        kind: 'update',
        key: transactionKey(item.transactionalId),
        update: {
          set: [
            ['st', 'c'],
            ['k', item.number + 1],
            ['ttl', ttl],
          ],
        },
        if: all(isUnchanged, nothingStaged),
      },
      { kind: 'delete', key: transactionListingKey(item.transactionalId), if: isListed },
    ],
    newToken(clock),
  );
  return result.applied;
}

/** The stage pages of transactions that have ended. */
async function removeOldPages({ table }: GroupContext, item: TransactionItem): Promise<void> {
  const pages = await readAll(table, { pk: stagePagesPartition(item.transactionalId) });
  for (const { pk, sk } of pages) {
    const isOld = Number(sk.slice(0, sk.indexOf('/'))) < item.number;
    if (isOld) await table.write({ kind: 'delete', key: { pk, sk }, if: equals('i', item.xid) });
  }
}
