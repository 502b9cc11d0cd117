// The care for transactions that no request asks for: those that were abandoned are aborted, those that were decided and not
// applied are applied, and ids that were not used for a week are forgotten. Clocks decide when this happens, never what.
//
// Invariant: an id leaves with its listing, in one step. If the listing went later, a new instance would find it without the
// item, and the xid would come again with its numbers.
import type { TransactionsReport } from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import { inParallel } from '../runtime/concurrency.ts';
import {
  listedTransactionalId,
  stagePagesPartition,
  transactionKey,
  transactionListingKey,
  transactionsPartition,
} from '../storage/keys.ts';
import { storageFailure } from '../storage/outcome.ts';
import { readAll } from '../storage/read-all.ts';
import { absent, all, atMost, equals, type Item, type ItemPage } from '../storage/table.ts';
import { newToken } from '../storage/transaction-tokens.ts';
import { rollForward } from './apply.ts';
import { endUpdate, inTransaction, isInState, readTransaction, type TransactionItem } from './item.ts';
import { producerAfterTimeout } from './producer-after.ts';
import { removeListing } from './remove-listing.ts';

/** Kafka's transactional.id.expiration.ms has the same value. */
const expiryMs = 7 * 24 * 3_600_000;
/** A late copy of the write that made the item must find it closed for longer than any copy is on its way. */
const closedSeconds = 3 * 24 * 3_600;
const listedAtOnce = 100;
/** One id takes two reads. One after the other, a run of some minutes would not reach the last of many thousands. */
const idsAtOnce = 16;

/** If the care for some ids fails, the others have theirs, and the report has the first error. */
export async function tendTransactions(
  context: GroupContext,
  isOver: () => boolean = () => false,
): Promise<TransactionsReport> {
  const report: Report = { transactions: 0, aborted: 0, applied: 0, expired: 0, stuck: [], fenced: [] };
  const keepFirst = (error: unknown) => {
    report.failure ??= storageFailure(error, false) as Error;
  };
  for (let after: string | undefined; !isOver(); ) {
    const page = await listed(context, after).catch(keepFirst);
    if (!page) break;
    await inParallel(page.items, idsAtOnce, async (listing) => {
      if (!isOver()) await tend(context, listing, report).catch(keepFirst);
    });
    after = page.items.at(-1)?.sk;
    if (!page.more || after === undefined) break;
  }
  return report;
}

const listed = ({ table }: GroupContext, after: string | undefined): Promise<ItemPage> =>
  table.query({ pk: transactionsPartition, limit: listedAtOnce, ...(after !== undefined && { after }) });

type Report = { -readonly [Name in keyof TransactionsReport]: TransactionsReport[Name] } & {
  stuck: TransactionsReport['stuck'][number][];
  fenced: TransactionsReport['fenced'][number][];
};

/** So many times in a row: two instances with one id take turns, and neither gets anything done. */
const oftenFenced = 3;
/** The report lists so many of each kind. */
const mostListed = 100;

async function tend(context: GroupContext, listing: Item, report: Report): Promise<void> {
  const transactionalId = listedTransactionalId(listing);
  const item = await readTransaction(context.table, transactionalId);
  const hasNoItem = !item || item.state === 'c';
  if (hasNoItem) {
    await removeListing(context, transactionalId, listing.i as number);
    return;
  }
  report.transactions += 1;
  if (item.fences >= oftenFenced && report.fenced.length < mostListed)
    report.fenced.push({ transactionalId, times: item.fences });
  await removeOldPages(context, item);
  if (item.state === 'd') await applyDecided(context, item, report);
  else await endUnused(context, item, report);
}

/** One transaction that cannot be applied must not keep the others from their care. */
async function applyDecided(context: GroupContext, item: TransactionItem, report: Report): Promise<void> {
  try {
    await rollForward(context, item);
    report.applied += 1;
  } catch (error) {
    if (report.stuck.length === mostListed) return;
    const { transactionalId, number: transaction } = item;
    report.stuck.push({ transactionalId, transaction, reason: error instanceof Error ? error.message : String(error) });
  }
}

async function endUnused(context: GroupContext, item: TransactionItem, report: Report): Promise<void> {
  const nowMs = context.clock.now();
  const isAbandoned = item.deadlineMs !== undefined && item.deadlineMs < nowMs;
  const isUnused = item.deadlineMs === undefined && item.usedMs < nowMs - expiryMs;
  // A sum that is read before an await would leave out what the others have added meanwhile.
  if (isAbandoned) {
    if (await abortAbandoned(context, item)) report.aborted += 1;
  } else if (isUnused && (await close(context, item))) report.expired += 1;
}

async function abortAbandoned(context: GroupContext, item: TransactionItem): Promise<boolean> {
  const result = await context.table.write({
    kind: 'update',
    key: transactionKey(item.transactionalId),
    update: endUpdate(item, 'aborted', await producerAfterTimeout(context, item), context.clock.now()),
    if: all(inTransaction(item), isInState('o'), equals('dl', item.deadlineMs!)),
  });
  return result.applied;
}

async function close({ table, clock }: GroupContext, item: TransactionItem): Promise<boolean> {
  const isUnchanged = all(inTransaction(item), isInState('o'), equals('u', item.usedMs));
  // A client of Kafka's protocol may have opened a transaction, with nothing in it yet.
  const nothingOpen = all(absent('t'), absent('sb'), absent('go'), absent('dl'));
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
        if: all(isUnchanged, nothingOpen),
      },
      { kind: 'delete', key: transactionListingKey(item.transactionalId), if: isListed },
    ],
    newToken(clock),
  );
  return result.applied;
}

/** The stage pages of transactions that have ended, also of an earlier life of the id. */
async function removeOldPages({ table }: GroupContext, item: TransactionItem): Promise<void> {
  const pages = await readAll(table, { pk: stagePagesPartition(item.transactionalId) });
  for (const { pk, sk, i } of pages) {
    const isOld = (i as number) < item.xid || Number(sk.slice(0, sk.indexOf('/'))) < item.number;
    const isOfNoNewerLife = atMost('i', item.xid);
    if (isOld) await table.write({ kind: 'delete', key: { pk, sk }, if: isOfNoNewerLife });
  }
}
