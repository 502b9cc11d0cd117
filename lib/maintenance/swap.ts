// A rewrite replaces neighbouring log items by new ones for the same offsets, in one transaction. Joining and compaction
// use it. Other rewrites of the same items, merges, retention and the sweep may run beside it:
//   - an item that is not as it was read was rewritten or deleted meanwhile: a slow rewrite must not undo a fast one;
//   - the fence says which objects a sweep may have deleted: an object of an older epoch must not be named any more.

import { isNamedBy, type LogItem, logItem, logItemKey, namesAsRead } from '../partition/log-item.ts';
import { notFenced } from '../partition/maintenance-item.ts';
import type { PageAddress } from '../partition/page.ts';
import { maintenanceKey } from '../storage/keys.ts';
import { absent, type Check, type Write } from '../storage/table.ts';
import { newToken } from '../storage/transaction-tokens.ts';
import type { MaintenanceContext } from './context.ts';

/** A transaction of the table has at most 100 actions: one checks the fence, and the new items may be several. */
export const mostSwapped = 64;

/**
 * Replaces the items, if they are as they were read. `by` covers the same offsets, from the same first one on. Returns
 * true if this is done, also by an earlier copy of this request whose reply was lost. False means that something has
 * changed meanwhile: the caller reads again what covers these offsets.
 */
export async function swap(
  { table, clock }: Pick<MaintenanceContext, 'table' | 'clock'>,
  address: PageAddress,
  replaced: readonly LogItem[],
  by: readonly LogItem[],
): Promise<boolean> {
  const isNotFenced = notFenced(Math.min(...by.map(({ segmentEpoch }) => segmentEpoch)));
  const result = await table.transact(
    [
      ...puts(address, replaced, by),
      ...deletes(address, replaced, by),
      { kind: 'check', key: maintenanceKey(address.topicId, address.partition), if: isNotFenced },
    ],
    newToken(clock),
  );
  if (result.applied) return true;
  const inPlace = result.failures[0]?.old;
  return inPlace !== undefined && isNamedBy(inPlace, by[0]!);
}

/** The new items come first. A key in their range that no replaced item has is free, because log items lie disjoint. */
function puts(address: PageAddress, replaced: readonly LogItem[], by: readonly LogItem[]): Write[] {
  const asRead = new Map(replaced.map((item) => [item.firstOffset, namesAsRead(item)]));
  return by.map((item) => ({
    kind: 'put',
    item: logItem(address, item),
    if: asRead.get(item.firstOffset) ?? absent('v'),
  }));
}

function deletes(address: PageAddress, replaced: readonly LogItem[], by: readonly LogItem[]): (Write | Check)[] {
  const overwritten = new Set(by.map(({ firstOffset }) => firstOffset));
  return replaced
    .filter(({ firstOffset }) => !overwritten.has(firstOffset))
    .map((item) => ({ kind: 'delete', key: logItemKey(address, item.firstOffset), if: namesAsRead(item) }));
}
