// Maintenance asks which transactions have ended: no step of theirs can name anything any more. Their numbers decide that,
// and no clock. The numbers of a transactional id never fall, so an answer that was true stays true.
//
// Invariant for a sweep: the list of ids is read after the objects were listed. Otherwise an object of an id that was made
// since would pass for one of an id that is gone.
import type { EntryTransaction } from '../partition/entry.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { listedTransactionalId, transactionsPartition } from '../storage/keys.ts';
import { readAll } from '../storage/read-all.ts';
import type { Table } from '../storage/table.ts';
import { readTransaction } from './item.ts';

/**
 * Gives the number of the transaction at which each id is, by its xid. One that was asked for and is not here has
 * expired: all its transactions have ended.
 */
export type OpenTransactions = ReadonlyMap<number, number>;

const readsAtOnce = 16;

/** Reads the ids of these xids. */
export async function openTransactions(table: Table, xids: ReadonlySet<number>): Promise<OpenTransactions> {
  const listed = await readAll(table, { pk: transactionsPartition, strong: true });
  const wanted = listed.filter(({ i }) => xids.has(i as number));
  // An item may have hundreds of kilobytes, so no more than its two numbers are kept.
  const living = await inParallel(wanted, readsAtOnce, async (listing) => {
    const item = await readTransaction(table, listedTransactionalId(listing));
    return item && item.state !== 'c' ? [[item.xid, item.number] as const] : [];
  });
  return new Map(living.flat());
}

export function hasEnded({ xid, number }: EntryTransaction, open: OpenTransactions): boolean {
  const present = open.get(xid);
  return present === undefined || number < present;
}
