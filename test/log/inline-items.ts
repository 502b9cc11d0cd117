// All items of small appends that a table holds.
import type { Item, Table } from '../../lib/storage/table.ts';

export async function inlineItemsOf(table: Table): Promise<Item[]> {
  const pks = Array.from({ length: 256 }, (_, i) => `inline/${i.toString(16).padStart(2, '0')}`);
  const pages = await Promise.all(pks.map((pk) => table.query({ pk, strong: true })));
  return pages.flatMap(({ items }) => items);
}
