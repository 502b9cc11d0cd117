// All pages of a query, where what is asked for is bounded by what one group has.
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
