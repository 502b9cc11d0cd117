// An inline item holds a small run of batches that is not worth an object. It is put once and never changed, and exactly one
// entry of kind 3 names it. The merge that has moved its records deletes it; a sweep deletes what nothing names. It never has
// a time to live, because a merge may be late.
//
//   v version   d the batches
import { inParallel } from '../runtime/concurrency.ts';
import { checkVersion, inlineKey, inlineKeysBelow, inlineName, itemVersion, parseInlineName } from '../storage/keys.ts';
import { readMany } from '../storage/read-many.ts';
import type { Item, Table } from '../storage/table.ts';

/**
 * Yields the items of epochs below `epoch` whose random parts begin with two digits, in pages that are not empty. The
 * reads are eventual.
 */
export async function* oldInlineItems(table: Table, twoHex: string, epoch: number): AsyncGenerator<readonly Item[]> {
  const range = { ...inlineKeysBelow(twoHex, epoch), limit: itemsAtOnce };
  for (let after: string | undefined; ; ) {
    const { items, more } = await table.query({ ...range, ...(after !== undefined && { after }) });
    if (items.length > 0) yield items;
    after = items.at(-1)?.sk;
    const isLast = !more || after === undefined;
    if (isLast) return;
  }
}

/** An item may have 64 KiB. */
const itemsAtOnce = 100;

export type InlineRun = {
  readonly topicId: string;
  readonly partition: number;
  readonly segmentEpoch: number;
  readonly segmentRandom: Uint8Array;
  readonly bytes: Uint8Array;
};

export const inlineItem = ({ topicId, partition, segmentEpoch, segmentRandom, bytes }: InlineRun): Item => ({
  ...inlineKey(topicId, partition, segmentEpoch, segmentRandom),
  v: itemVersion,
  d: bytes,
});

function batchesOfItem(item: Item): Uint8Array {
  checkVersion(item, 'inline item');
  return item.d as Uint8Array;
}

/**
 * Reads the batches of items by the items' names. An eventual read costs half, but it may miss an item that was put a
 * moment ago. So what it misses is read again strongly. `onBatches` learns what is there.
 */
export async function readInlineItems(
  table: Table,
  names: readonly string[],
  onBatches: (name: string, batches: Uint8Array) => void,
): Promise<void> {
  const missing = new Set(names);
  const take = (item: Item) => {
    const name = inlineName(item);
    missing.delete(name);
    onBatches(name, batchesOfItem(item));
  };
  await readMany(table, keysOf(missing), { strong: false }, take);
  await readMany(table, keysOf(missing), { strong: true }, take);
}

const deletesAtOnce = 16;

/** A repeat finds nothing, and names are never used again. */
export async function deleteInlineItems(table: Table, names: readonly string[]): Promise<void> {
  await inParallel(keysOf(names), deletesAtOnce, (key) => table.write({ kind: 'delete', key }));
}

const keysOf = (names: Iterable<string>) => Array.from(names, (name) => parseInlineName(name)!.key);
