// Index pages outlive the merge of their records, because they say what each producer wrote last. The cleaner deletes them
// once all their producers have expired. It raises the history floor first: the pages from the floor on are complete. The
// other way round, a crash would leave a hole above the floor, and a lookup of producers would call it damage.

import { parseHead, segmentEpochAt } from '../partition/head.ts';
import { readMaintenanceItem } from '../partition/maintenance-item.ts';
import { type Page, type PageAddress, pagesBetween } from '../partition/page.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { headKey, itemVersion, maintenanceKey, offsetSortKey, pagesPartition } from '../storage/keys.ts';
import { absent, any, below, type Table } from '../storage/table.ts';
import { hasEnded, type OpenTransactions, openTransactions } from '../transaction/open-transactions.ts';
import type { MaintenanceContext } from './context.ts';

/** A producer expires after 26 hours (lib/log/producer-history.ts). The rest is for clocks that are slow. */
const keptEpochs = 30;
const pagesAtOnce = 100;
const deletesAtOnce = 16;

/** Deletes the merged pages whose producers have expired. */
export async function cleanPages(context: MaintenanceContext, address: PageAddress): Promise<void> {
  const { historyFloor } = await readMaintenanceItem(context.table, address);
  const floor = await newFloor(context, address, historyFloor);
  if (context.isDryRun) return;
  if (floor > historyFloor) await raiseFloor(context, address, floor);
  await deleteBelow(context, address, floor);
}

/** The pages are looked at upwards, up to the first that has to stay. */
async function newFloor(
  { table, clock, isOver }: MaintenanceContext,
  address: PageAddress,
  historyFloor: number,
): Promise<number> {
  const mergedTo = await readMergedTo(table, address);
  const oldestKept = segmentEpochAt(clock.now()) - keptEpochs;
  let floor = historyFloor;
  const openOf = openTransactionsOf(table);
  for await (const page of pagesBetween(table, address, historyFloor, mergedTo, { limit: pagesAtOnce })) {
    const isNext = page.firstOffset === floor;
    const isMerged = page.endOffset <= mergedTo;
    if (isOver() || !isNext || !isMerged || !hasExpired(page, oldestKept)) break;
    if (isOfOpenTransaction(page, await openOf(page))) break;
    floor = page.endOffset;
  }
  return floor;
}

async function readMergedTo(table: Table, { topicId, partition }: PageAddress): Promise<number> {
  const item = await table.get(headKey(topicId, partition), { strong: true });
  return item ? parseHead(item).mergedTo : 0;
}

const hasExpired = ({ entries }: Page, oldestKept: number): boolean =>
  entries.every(({ entry }) => entry.segmentEpoch < oldestKept);

/** Looks up each transactional id once, and only those of pages: a table may have many others. */
function openTransactionsOf(table: Table): (page: Page) => Promise<OpenTransactions> {
  const open = new Map<number, number>();
  const known = new Set<number>();
  return async ({ entries }) => {
    const xids = entries.flatMap(({ entry: { transaction } }) => (transaction ? [transaction.xid] : []));
    const unknown = new Set(xids.filter((xid) => !known.has(xid)));
    if (unknown.size === 0) return open;
    for (const [xid, number] of await openTransactions(table, unknown)) open.set(xid, number);
    for (const xid of unknown) known.add(xid);
    return open;
  };
}

/**
 * A transaction that is decided may still be on its way to other heads, and a process that brings it there again looks for it in
 * the pages. Without its page it would be appended once more.
 */
const isOfOpenTransaction = ({ entries }: Page, open: OpenTransactions): boolean =>
  entries.some(({ entry: { transaction } }) => transaction && !hasEnded(transaction, open));

async function raiseFloor({ table }: MaintenanceContext, address: PageAddress, floor: number): Promise<void> {
  const isHigher = any(absent('h'), below('h', floor));
  await table.write({
    kind: 'update',
    key: maintenanceKey(address.topicId, address.partition),
    update: { set: [['h', floor]], setIfAbsent: [['v', itemVersion]] },
    if: isHigher,
  });
}

/** Also deletes what an earlier cleaner left behind when it died. A page below the floor is never read again. */
async function deleteBelow(
  { table, isOver }: MaintenanceContext,
  address: PageAddress,
  historyFloor: number,
): Promise<void> {
  if (historyFloor === 0) return;
  const pk = pagesPartition(address.topicId, address.partition);
  const through = offsetSortKey(historyFloor - 1);
  for (let isDone = false; !isDone && !isOver(); ) {
    const { items, more } = await table.query({ pk, through, limit: pagesAtOnce, strong: true });
    await inParallel(items, deletesAtOnce, ({ sk }) => table.write({ kind: 'delete', key: { pk, sk } }));
    isDone = !more;
  }
}
