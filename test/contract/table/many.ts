// The part of the Table contract about reading many items by their keys.
import { describe, expect, test } from 'vitest';
import type { Item } from '../../../lib/storage/table.ts';
import { byUtf8, keyOf, put, remove, type Subject } from './subject.ts';

const inOrder = (items: readonly Item[]) => items.toSorted((a, b) => byUtf8(a.pk + a.sk, b.pk + b.sk));

export function many({ write, getMany, readMany, ownKey, seed }: Subject): void {
  describe('many items read by their keys', () => {
    test('are those that there are, each as it was put, from any partitions', async () => {
      const items = await Promise.all(Array.from({ length: 99 }, (_, n) => seed({ n, d: Uint8Array.of(n) })));
      for (const strong of [true, false]) {
        const read = await getMany([...items.map(keyOf), ownKey()], { strong });
        expect(inOrder(read.items)).toEqual(inOrder(items));
        expect(read.left).toEqual([]);
      }
      const [first, ...others] = items;
      await write(remove(keyOf(first!)));
      const { items: kept } = await getMany(items.map(keyOf), { strong: true });
      expect(inOrder(kept)).toEqual(inOrder(others));
      expect(await getMany([ownKey()])).toEqual({ items: [], left: [] });
    });

    test('come in several requests if there are more than 100, or more than one reply holds', async () => {
      const { pk } = ownKey();
      const small = Array.from({ length: 101 }, (_, n) => ({ pk, sk: `small ${n}`, n }));
      // A reply of DynamoDB holds 16 MB.
      const large = Array.from({ length: 44 }, (_, n) => ({
        pk,
        sk: `large ${n}`,
        d: new Uint8Array(400_000).fill(n),
      }));
      await Promise.all([...small, ...large].map((item) => write(put(item))));
      const found: Item[] = [];
      await readMany([...large, ...small].map(keyOf), (item) => found.push(item));
      expect(inOrder(found)).toEqual(inOrder([...small, ...large]));
    });

    test('are refused if there are none, too many, one twice, or a bad key', async () => {
      const invalid = { name: 'StorageError', reason: 'invalid', mayHaveActed: false };
      const keys = Array.from({ length: 101 }, (_, n) => ownKey(`${n}`));
      for (const bad of [[], keys, [keys[0]!, { ...keys[0]! }], [{ pk: '', sk: 'a' }]])
        await expect(getMany(bad)).rejects.toMatchObject(invalid);
    });
  });
}
