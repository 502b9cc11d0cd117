// Tells which transactions are over: no step of theirs can name a staged object any more. Their numbers decide that, and no
// clock: the item of a transactional id counts its transactions, and an id that has expired gives its xid to nobody.
//
// Invariant: the list of ids is read after the objects were listed. An object of an id that was made since would otherwise
// pass for one of an id that is gone.
import type { EntryTransaction } from '../partition/entry.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { transactionsPartition } from '../storage/keys.ts';
import { readAll } from '../storage/read-all.ts';
import type { Table } from '../storage/table.ts';
import { readTransaction } from '../transaction/item.ts';

const readsAtOnce = 16;

/** Returns a function that says of each of these transactions whether it is over. */
export async function endedTransactions(
  table: Table,
  transactions: readonly EntryTransaction[],
): Promise<(transaction: EntryTransaction) => boolean> {
  if (transactions.length === 0) return () => true;
  const wanted = new Set(transactions.map(({ xid }) => xid));
  const listed = await readAll(table, { pk: transactionsPartition, strong: true });
  const concerned = listed.filter(({ i }) => wanted.has(i as number));
  const present = new Map<number, number>();
  await inParallel(concerned, readsAtOnce, async ({ sk }) => {
    const item = await readTransaction(table, sk);
    if (item && item.state !== 'c') present.set(item.xid, item.number);
  });
  return ({ xid, number }) => {
    const current = present.get(xid);
    return current === undefined || current > number;
  };
}
