// Reads all pages of a query. Callers use it only for queries whose result is bounded by the size of one group.
import type { Item, Query, Table } from './table.ts';

export async function readAll(table: Table, query: Omit<Query, 'after' | 'limit'>): Promise<Item[]> {
  const items: Item[] = [];
  for (let after: string | undefined; ; ) {
    const page = await table.query({ ...query, ...(after !== undefined && { after }) });
    items.push(...page.items);
    if (!page.more) return items;
    after = page.items.at(-1)!.sk;
  }
}
