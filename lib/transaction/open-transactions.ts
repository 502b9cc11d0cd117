// What maintenance asks: has a transaction ended that a page names? The numbers of a transactional id never fall, so an
// answer that was true stays true.
import { inParallel } from '../runtime/concurrency.ts';
import { transactionsPartition } from '../storage/keys.ts';
import { readAll } from '../storage/read-all.ts';
import type { Table } from '../storage/table.ts';
import { readTransaction } from './item.ts';

/** The number of the transaction at which each id is, by its xid. An id that is not here has expired: all its transactions have ended. */
export type OpenTransactions = ReadonlyMap<number, number>;

const readsAtOnce = 16;

export async function openTransactions(table: Table): Promise<OpenTransactions> {
  const listed = await readAll(table, { pk: transactionsPartition, strong: true });
  const items = await inParallel(listed, readsAtOnce, ({ sk }) => readTransaction(table, sk));
  return new Map(items.flatMap((item) => (item && item.state !== 'c' ? [[item.xid, item.number]] : [])));
}
