// The oldest that an eventual read may show: every item as it was when the world began, however much was written since.
// (The network's own stale reads show what an earlier read saw, by chance.)
import type { Item, Key, Table } from '../../../lib/storage/table.ts';

const nameOf = ({ pk, sk }: Key) => `${pk} ${sk}`;

export function withStaleReads(table: Table, begin: readonly Item[]): Table {
  const old = new Map(begin.map((item) => [nameOf(item), item]));
  return {
    ...table,
    get: async (key, options) => (options?.strong ? table.get(key, options) : old.get(nameOf(key))),
  };
}
