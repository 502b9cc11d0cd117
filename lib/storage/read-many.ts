// Reads any number of items by their keys, in as few requests as the port allows.
import { inParallel } from '../runtime/concurrency.ts';
import type { Item, Key, Table } from './table.ts';
import { tableLimits } from './table-rules.ts';

const requestsAtOnce = 4;

/** The keys are distinct. `onItem` gets each item that was found, in any order. */
export async function readMany(
  table: Table,
  keys: readonly Key[],
  options: { readonly strong: boolean },
  onItem: (item: Item) => void,
): Promise<void> {
  const most = tableLimits.keysAtOnce;
  const starts = Array.from({ length: Math.ceil(keys.length / most) }, (_, i) => i * most);
  await inParallel(starts, requestsAtOnce, async (start) => {
    // Each request reads at least one of its keys, so this ends.
    for (let left: readonly Key[] = keys.slice(start, start + most); left.length > 0; ) {
      const read = await table.getMany(left, options);
      for (const item of read.items) onItem(item);
      left = read.left;
    }
  });
}
