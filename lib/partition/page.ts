// Index pages hold the entries that have left the head, in immutable items of their own. The sort key is the first
// offset, so one reverse query finds the page of any offset. `w`, the running maximum of timestamps, makes the pages
// searchable by time.
//
//   v version   e entries, one after the other   c records   o greatest timestamp of the page   w of it and all below

import { checkVersion, itemVersion, offsetSortKey, pagesPartition } from '../storage/keys.ts';
import type { Item, Table } from '../storage/table.ts';
import { decodeEntries, type PlacedEntry } from './entry.ts';

export type Page = {
  readonly firstOffset: number;
  /** This offset is exclusive. */
  readonly endOffset: number;
  readonly maxTimestampMs: number;
  /** The maximum of this page and of all pages before it. */
  readonly runningMaxTimestampMs: number;
  readonly entries: readonly PlacedEntry[];
};

export type PageAddress = { readonly topicId: string; readonly partition: number };

export function pageItem(
  address: PageAddress,
  firstOffset: number,
  rawEntries: readonly Uint8Array[],
  runningMaxBelow: number,
): Item {
  const bytes = Buffer.concat(rawEntries);
  const entries = decodeEntries(bytes, firstOffset);
  const maxTimestampMs = Math.max(...entries.map(({ entry }) => entry.maxTimestampMs));
  return {
    pk: pagesPartition(address.topicId, address.partition),
    sk: offsetSortKey(firstOffset),
    v: itemVersion,
    e: bytes,
    c: entries.reduce((sum, { entry }) => sum + entry.recordCount, 0),
    o: maxTimestampMs,
    w: Math.max(maxTimestampMs, runningMaxBelow),
  };
}

export function parsePage(item: Item): Page {
  checkVersion(item, 'page');
  const firstOffset = Number(item.sk);
  return {
    firstOffset,
    endOffset: firstOffset + (item.c as number),
    maxTimestampMs: item.o as number,
    runningMaxTimestampMs: item.w as number,
    entries: decodeEntries(item.e as Uint8Array, firstOffset),
  };
}

/** Returns the page with the greatest first offset at or below `offset`. The page need not reach that offset. */
export async function pageAtOrBelow(table: Table, address: PageAddress, offset: number): Promise<Page | undefined> {
  const pk = pagesPartition(address.topicId, address.partition);
  const { items } = await table.query({ pk, through: offsetSortKey(offset), reverse: true, limit: 1, strong: true });
  return items[0] && parsePage(items[0]);
}

/**
 * Yields the pages whose first offset lies in [from, to), in offset order, or greatest first with `reverse`. The reads
 * are strong: what a head says is in the pages must be found there. They go in steps of `limit` as the caller goes on.
 */
export async function* pagesBetween(
  table: Table,
  address: PageAddress,
  from: number,
  to: number,
  options: { reverse?: boolean; limit?: number } = {},
): AsyncGenerator<Page> {
  if (from >= to) return;
  const pk = pagesPartition(address.topicId, address.partition);
  const range = { pk, from: offsetSortKey(from), through: offsetSortKey(to - 1), strong: true, ...options };
  for (let after: string | undefined; ; ) {
    const { items, more } = await table.query({ ...range, ...(after !== undefined && { after }) });
    for (const item of items) yield parsePage(item);
    after = items.at(-1)?.sk;
    const isLast = !more || after === undefined;
    if (isLast) return;
  }
}
