// Eventual queries that see the past: any item of the page may be as somebody saw it before, or be missing if it is new.
// (Eventual gets are stale in the network of all worlds.)
import { isDeepStrictEqual } from 'node:util';
import type { Item, Table } from '../../../lib/storage/table.ts';
import type { Random } from './random.ts';

/** How many versions of an item are remembered. */
const depth = 3;

export type Staleness = {
  readonly random: Random;
  now(): number;
  /** Of an item to be stale. */
  chance(): number;
  /** How old may be what is seen. */
  readonly stalestMs: number;
};

type Version = { readonly item: Item | undefined; atMs: number };

export function withStaleQueries(table: Table, { random, now, chance, stalestMs }: Staleness): Table {
  const seen = new Map<string, Version[]>();
  const versionsOf = (item: Item): Version[] => {
    const name = `${item.pk} ${item.sk}`;
    // Before it was seen first it may not have been there.
    const versions = seen.get(name) ?? [{ item: undefined, atMs: now() }];
    const newest = versions.at(-1)!;
    if (isDeepStrictEqual(newest.item, item)) newest.atMs = now();
    else versions.push({ item, atMs: now() });
    seen.set(name, versions.slice(-depth));
    return seen.get(name)!;
  };
  return {
    ...table,
    async query(query) {
      const page = await table.query(query);
      const versions = page.items.map(versionsOf);
      if (query.strong) return page;
      const items = versions.flatMap((all) => {
        const past = all.filter(({ atMs }) => now() - atMs <= stalestMs);
        const { item } = random.chance(chance()) ? random.pick(past) : all.at(-1)!;
        return item ? [item] : [];
      });
      return { ...page, items };
    },
  };
}
