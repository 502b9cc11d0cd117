// Finds the objects that the index of a partition names: they must be in the store, and a sweep has to leave them.

import type { PlacedEntry } from '../partition/entry.ts';
import { parseHead } from '../partition/head.ts';
import { type PageAddress, pagesBetween } from '../partition/page.ts';
import { headKey, ingestSegmentKey } from '../storage/keys.ts';
import type { Table } from '../storage/table.ts';

/**
 * Yields the keys of the objects, some more than once. It reads the head first, and then the pages: an entry that a
 * spill moves meanwhile from one to the other has been seen in the head.
 */
export async function* namedObjects(table: Table, address: PageAddress): AsyncGenerator<string> {
  const item = await table.get(headKey(address.topicId, address.partition), { strong: true });
  if (!item) return;
  const head = parseHead(item);
  for (const placed of head.tail) yield keyOf(address, placed);
  for await (const page of pagesBetween(table, address, head.mergedTo, head.tailBase))
    for (const placed of page.entries) yield keyOf(address, placed);
}

const keyOf = ({ topicId }: PageAddress, { entry }: PlacedEntry) =>
  ingestSegmentKey(topicId, entry.segmentEpoch, entry.segmentRandom);
