// Finds the objects that the index of a partition names: they must be in the store, and a sweep has to leave them.

import { parseHead } from '../partition/head.ts';
import { sliceOf } from '../partition/locate.ts';
import { logItemsBetween, logSegmentKeyOf } from '../partition/log-item.ts';
import { type PageAddress, pagesBetween } from '../partition/page.ts';
import { headKey } from '../storage/keys.ts';
import type { Table } from '../storage/table.ts';

/** How many log items a query reads: they take up to 2 KiB each. */
const logItemsAtOnce = 100;

/**
 * Yields the keys of the objects, some more than once. It reads the head first, then the pages, then the log items: what
 * a spill or a merge moves meanwhile from one to the next has been seen, or will be. Pages below the merged offset stay
 * for their producers' sake, and name nothing.
 */
export async function* namedObjects(table: Table, address: PageAddress): AsyncGenerator<string> {
  const item = await table.get(headKey(address.topicId, address.partition), { strong: true });
  if (!item) return;
  const head = parseHead(item);
  for (const placed of head.tail) yield sliceOf(address, placed).objectKey;
  for await (const page of pagesBetween(table, address, head.mergedTo, head.tailBase))
    for (const placed of page.entries) yield sliceOf(address, placed).objectKey;
  for await (const log of logItemsBetween(table, address, 0, Number.MAX_SAFE_INTEGER, logItemsAtOnce))
    yield logSegmentKeyOf(address, log);
}
