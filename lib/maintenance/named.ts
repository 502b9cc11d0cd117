// Finds the objects and inline items that the index of a partition names: they must be there, and a sweep has to leave
// them.

import { RivuletError } from '../api/errors.ts';
import { nameOfEntry, type PlacedEntry } from '../partition/entry.ts';
import { parseHead } from '../partition/head.ts';
import { expanded } from '../partition/locate.ts';
import { logItemsBetween, logSegmentKeyOf } from '../partition/log-item.ts';
import { type PageAddress, pagesBetween } from '../partition/page.ts';
import { headKey } from '../storage/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Table } from '../storage/table.ts';
import { Unfinished } from './unfinished.ts';

type Stores = { readonly table: Table; readonly objects: ObjectStore };

/** How many log items a query reads: they take up to 2 KiB each. */
const logItemsAtOnce = 100;

/**
 * Yields the keys of the objects and the names of the items, some more than once. It reads the head first, then the pages,
 * then the log items: what a spill or a merge moves meanwhile from one to the next has been seen, or will be. Pages below
 * the merged offset stay for their producers' sake, and name nothing.
 */
export async function* namesOf({ table, objects }: Stores, address: PageAddress): AsyncGenerator<string> {
  const item = await table.get(headKey(address.topicId, address.partition), { strong: true });
  if (!item) return;
  const head = parseHead(item);
  for (const placed of head.tail) yield* namesIn(objects, address, placed);
  for await (const page of pagesBetween(table, address, head.mergedTo, head.tailBase))
    for (const placed of page.entries) yield* namesIn(objects, address, placed);
  for await (const log of logItemsBetween(table, address, 0, Number.MAX_SAFE_INTEGER, logItemsAtOnce))
    yield logSegmentKeyOf(address, log);
}

/** An index object is named by its entry, and names others. If it cannot be read, nothing may be deleted. */
async function* namesIn(objects: ObjectStore, address: PageAddress, placed: PlacedEntry): AsyncGenerator<string> {
  yield nameOfEntry(address, placed.entry);
  if (placed.entry.listedBytes === undefined) return;
  try {
    for await (const { entry } of expanded(objects, address, placed)) yield nameOfEntry(address, entry);
  } catch (error) {
    if (error instanceof RivuletError) throw new Unfinished(error.message);
    throw error;
  }
}
