// Eventual queries that see the past: any item of the page may be as somebody saw it before, or be missing if it is new.
// (Eventual gets are stale in the network of all worlds.)
import type { Item, Table } from '../../../lib/storage/table.ts';
import type { Random } from '../random.ts';

/** How many versions of an item are remembered. */
const depth = 3;

export function withStaleQueries(table: Table, random: Random, chance: () => number): Table {
  const seen = new Map<string, Item[]>();
  const remember = (item: Item) => {
    const name = `${item.pk} ${item.sk}`;
    const versions = seen.get(name) ?? [];
    if (versions.at(-1)?.r !== item.r) versions.push(item);
    seen.set(name, versions.slice(-depth));
  };
  return {
    ...table,
    async query(query) {
      const page = await table.query(query);
      for (const item of page.items) remember(item);
      if (query.strong) return page;
      const items = page.items.flatMap((item) => {
        if (!random.chance(chance())) return [item];
        const versions = seen.get(`${item.pk} ${item.sk}`)!;
        return versions.length === 1 ? [] : [random.pick(versions)];
      });
      return { ...page, items };
    },
  };
}
