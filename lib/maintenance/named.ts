// Which objects the index of a partition names: what must be there, and what a sweep has to leave.

import type { PlacedEntry } from '../partition/entry.ts';
import { parseHead } from '../partition/head.ts';
import { type PageAddress, pagesBetween } from '../partition/page.ts';
import { headKey, ingestSegmentKey } from '../storage/keys.ts';
import type { Table } from '../storage/table.ts';

/**
 * The keys of the objects, some more than once. Head first, then pages: what a spill moves meanwhile from one to the other
 * has been seen in the head.
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
