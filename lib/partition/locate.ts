// Finds the entries that hold the records from an offset on. The head decides the zone. A page is found by one query,
// however deep the log is. A plan that was made from an old head stays right, because entries never change, and names
// are never used again.

import type { Table } from '../storage/table.ts';
import type { PlacedEntry } from './entry.ts';
import type { Head } from './head.ts';
import { type PageAddress, pageAtOrBelow, pagesBetween } from './page.ts';

/** How many index pages a query reads. A page has about 25 entries, and is below 1 KiB. */
const pagesAtOnce = 32;

/**
 * Yields the entries from the one that holds `offset` on, in order, without a hole, up to the head's high watermark. It
 * ends early if the index has moved meanwhile: the caller starts again from a fresh head.
 */
export async function* entriesFrom(
  { table }: { readonly table: Table },
  address: PageAddress,
  head: Head,
  offset: number,
): AsyncGenerator<PlacedEntry> {
  let next = offset;
  if (offset < head.tailBase) {
    const first = await pageAtOrBelow(table, address, offset);
    // A page that ends before the offset leads to no other page: those in between are missing.
    if (!first) return;
    yield* from(first.entries, offset);
    next = first.endOffset;
    for await (const page of pagesBetween(table, address, next, head.tailBase, { limit: pagesAtOnce })) {
      const isNext = page.firstOffset === next;
      if (!isNext) return;
      yield* page.entries;
      next = page.endOffset;
    }
    const reachesTail = next === head.tailBase;
    if (!reachesTail) return;
  }
  yield* from(head.tail, next);
}

function* from(entries: readonly PlacedEntry[], offset: number): Generator<PlacedEntry> {
  for (const placed of entries) if (placed.baseOffset + placed.entry.recordCount > offset) yield placed;
}
