// These eventual reads see the past. A get may show the item as an earlier get of the same process saw it. Where
// nothing is left to chance, it shows the item as it was when the world began. A query may show any item of its page in
// an earlier version, and may leave out a new item. It may also end early, as DynamoDB's queries do.
import { isDeepStrictEqual } from 'node:util';
import type { Item, Key, Table } from '../../../lib/storage/table.ts';
import type { Random } from './random.ts';

const nameOf = ({ pk, sk }: Key) => `${pk} ${sk}`;

/** Every eventual get shows the item as it was when the world began, however much was written since. */
export function withBeginning(table: Table, begin: readonly Item[]): Table {
  const old = new Map(begin.map((item) => [nameOf(item), item]));
  return {
    ...table,
    get: async (key, options) => (options?.strong ? table.get(key, options) : old.get(nameOf(key))),
    getMany: async (keys, options) =>
      options?.strong
        ? table.getMany(keys, options)
        : { items: keys.flatMap((key) => old.get(nameOf(key)) ?? []), left: [] },
  };
}

export type Staleness = {
  readonly random: Random;
  now(): number;
  /** The probability that a read is stale. */
  chance(): number;
  /** The greatest age of a state that a stale read shows. */
  readonly stalestMs: number;
};

/**
 * Chance decides which gets are remembered in `seen`, and when a remembered item is shown again. Items that are read together
 * never change, so an old read can only miss them.
 */
export function withStaleGets(table: Table, { random, now, chance, stalestMs }: Staleness): Table {
  const seen = new Map<string, { item: Item | undefined; atMs: number }>();
  return {
    ...table,
    async get(key, options) {
      const name = nameOf(key);
      const earlier = options?.strong || chance() === 0 ? undefined : seen.get(name);
      if (earlier && random.chance(chance()) && now() - earlier.atMs <= stalestMs) return earlier.item;
      const item = await table.get(key, options);
      if (random.chance(0.5)) seen.set(name, { item, atMs: now() });
      return item;
    },
    async getMany(keys, options) {
      const read = await table.getMany(keys, options);
      const isMissed = () => !options?.strong && chance() > 0 && random.chance(chance());
      return { ...read, items: read.items.filter(() => !isMissed()) };
    },
  };
}

type Version = { readonly item: Item | undefined; atMs: number };

/** The number of versions of an item that are remembered. */
const depth = 3;

/** No page has more than `mostItems` items. */
export function withStaleQueries(
  table: Table,
  { random, now, chance, stalestMs, mostItems }: Staleness & { readonly mostItems?: number },
): Table {
  const seen = new Map<string, Version[]>();
  const versionsOf = (item: Item): Version[] => {
    const name = nameOf(item);
    // The item may not have existed before it was first seen.
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
      const limit = mostItems && Math.min(query.limit ?? mostItems, 1 + random.below(mostItems));
      const page = await table.query({ ...query, ...(limit && { limit }) });
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
