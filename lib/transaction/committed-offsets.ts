// Finds the offsets of a transaction's records by the names of its runs: the reply of a transaction of the table does not
// have them, and a repeat of a commit has only what the item says of the last one.
import type { CommittedPartition } from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import type { PlacedEntry } from '../partition/entry.ts';
import { readMaintenanceItem } from '../partition/maintenance-item.ts';
import { pagesBetween } from '../partition/page.ts';
import { inParallel } from '../runtime/concurrency.ts';
import type { TransactionItem, WrittenPartition } from './item.ts';

const partitionsAtOnce = 32;
const pagesAtOnce = 32;
/** A repeat comes soon. Some 25,000 appends later it is not worth the search. */
const mostPages = 1_024;

type Name = Pick<TransactionItem, 'xid' | 'number'>;

/** Leaves out a partition whose records were deleted, or lie further back than the search goes. */
export async function committedOffsets(
  context: GroupContext,
  name: Name,
  written: readonly WrittenPartition[],
): Promise<CommittedPartition[]> {
  const found = await inParallel(written, partitionsAtOnce, async (part) => {
    const own = await ownEntries(context, name, part);
    const isWhole = own.reduce((sum, { entry }) => sum + entry.recordCount, 0) === part.records;
    const baseOffset = Math.min(...own.map((placed) => placed.baseOffset));
    return isWhole ? [{ ...part.address, baseOffset, records: part.records }] : [];
  });
  return found.flat();
}

/** A spill may have taken some of the entries to a page, and left the others in the tail: so they are counted. */
async function ownEntries(
  { log, table }: GroupContext,
  { xid, number }: Name,
  { address, records }: WrittenPartition,
): Promise<PlacedEntry[]> {
  const isOwn = ({ entry }: PlacedEntry) => entry.transaction?.xid === xid && entry.transaction.number === number;
  const head = await log.heads.read(address);
  if (!head) return [];
  const own: PlacedEntry[] = head.tail.filter(isOwn);
  let missing = own.reduce((left, { entry }) => left - entry.recordCount, records);
  if (missing === 0) return own;
  const { historyFloor } = await readMaintenanceItem(table, address);
  let pages = 0;
  for await (const page of pagesBetween(table, address, historyFloor, head.tailBase, {
    reverse: true,
    limit: pagesAtOnce,
  })) {
    for (const placed of page.entries.filter(isOwn)) {
      own.push(placed);
      missing -= placed.entry.recordCount;
    }
    if (missing === 0 || ++pages === mostPages) break;
  }
  return own;
}
