// Finds the offsets of a transaction's records by the names of its runs: the reply of a transaction of the table does not
// have them.
import type { CommittedPartition } from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import type { PlacedEntry } from '../partition/entry.ts';
import { pagesBetween } from '../partition/page.ts';
import type { TransactionItem } from './item.ts';
import type { HeadRuns } from './staged-runs.ts';

/** Leaves out a partition whose records were deleted or merged meanwhile. */
export async function committedOffsets(
  context: GroupContext,
  item: TransactionItem,
  heads: readonly HeadRuns[],
): Promise<CommittedPartition[]> {
  const found: CommittedPartition[] = [];
  for (const { address, records, ...runs } of heads) {
    const own = await ownEntries(context, item, { address, records, ...runs });
    const isWhole = own.reduce((sum, { entry }) => sum + entry.recordCount, 0) === records;
    if (isWhole) found.push({ ...address, baseOffset: Math.min(...own.map(({ baseOffset }) => baseOffset)), records });
  }
  return found;
}

/** A spill may have taken some of the entries to a page, and left the others in the tail: so they are counted. */
async function ownEntries(
  { log, table }: GroupContext,
  { xid, number }: TransactionItem,
  { address, records }: HeadRuns,
): Promise<PlacedEntry[]> {
  const isOwn = ({ entry }: PlacedEntry) => entry.transaction?.xid === xid && entry.transaction.number === number;
  const head = await log.heads.read(address);
  if (!head) return [];
  const own: PlacedEntry[] = head.tail.filter(isOwn);
  let missing = own.reduce((left, { entry }) => left - entry.recordCount, records);
  if (missing === 0) return own;
  for await (const page of pagesBetween(table, address, head.mergedTo, head.tailBase, { reverse: true, limit: 8 })) {
    for (const placed of page.entries.filter(isOwn)) {
      own.push(placed);
      missing -= placed.entry.recordCount;
    }
    if (missing === 0) break;
  }
  return own;
}
