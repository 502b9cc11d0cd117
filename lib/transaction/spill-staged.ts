// When the item of a transactional id grows, its staged runs move to a stage page by two conditional writes, as a full tail
// moves to an index page: the page first, then the trim. Any process may die between them, or do them twice, or much later.
import type { GroupContext } from '../group/context.ts';
import { itemVersion, stagePagesPartition, transactionKey } from '../storage/keys.ts';
import { StorageError } from '../storage/storage-error.ts';
import { absent, all, any, equals } from '../storage/table.ts';
import { inTransaction, parseTransactionItem, type TransactionItem } from './item.ts';
import { stagePageSortKey } from './staged-runs.ts';

/** The item is written at every stage, and billed by its size. */
const mostBytes = 880;
/** An update trims at most 100 elements. */
const mostMoved = 100;

/** A failure is harmless: the stage that caused it is done, and the next one spills. */
export async function spillStaged(context: GroupContext, item: TransactionItem): Promise<void> {
  try {
    for (let left: TransactionItem | undefined = item; left && isLarge(left); ) left = await spill(context, left);
  } catch (error) {
    const isHarmless = error instanceof StorageError;
    if (!isHarmless) throw error;
  }
}

const isLarge = ({ staged }: TransactionItem): boolean =>
  staged.reduce((sum, { length }) => sum + length + 1, 0) > mostBytes;

/** Returns the item after the trim, and nothing if another process trims. One request may stage more than one page holds. */
async function spill({ table }: GroupContext, item: TransactionItem): Promise<TransactionItem | undefined> {
  const { transactionalId, number, spilled, staged } = item;
  const key = { pk: stagePagesPartition(transactionalId), sk: stagePageSortKey(number, spilled) };
  const page = { ...key, v: itemVersion, i: item.xid, t: staged.slice(0, mostMoved) };
  // A page of an earlier life of the id, which had another xid, may lie under this key.
  const isFree = any(absent('v'), all(equals('v', itemVersion), { test: 'below', path: 'i', value: item.xid }));
  const put = await table.write({ kind: 'put', item: page, if: isFree });
  const count = put.applied ? page.t.length : (put.old!.t as Uint8Array[]).length;
  const isOurs = put.applied || put.old!.i === item.xid;
  if (!isOurs) return undefined;
  const notTrimmed = spilled === 0 ? absent('sb') : equals('sb', spilled);
  const trimmed = await table.write({
    kind: 'update',
    key: transactionKey(transactionalId),
    update: { trim: [['t', count]], set: [['sb', spilled + count]] },
    if: all(inTransaction(item), notTrimmed),
  });
  return trimmed.applied ? parseTransactionItem(trimmed.item!) : undefined;
}
