// The part of the Table contract about single puts and deletes, with conditions and in a race.
import { describe, expect, test } from 'vitest';
import { absent, equals, exists } from '../../../lib/storage/table.ts';
import { bin, keyOf, put, remove, type Subject } from './subject.ts';

export function writes({ write, get, ownKey, seed }: Subject): void {
  describe('put', () => {
    test('replaces the whole item', async () => {
      const item = await seed({ a: 1, b: 2 });
      const next = { ...keyOf(item), b: 3 };
      expect(await write(put(next))).toEqual({ applied: true, item: next });
      expect(await get(item)).toEqual(next);
    });

    test('that is refused changes nothing and gives the old item', async () => {
      const item = await seed({ a: 1, bytes: bin(255) });
      expect(await write(put({ ...keyOf(item), a: 2 }, absent('a')))).toEqual({ applied: false, old: item });
      expect(await get(item)).toEqual(item);
      const key = ownKey();
      expect(await write(put({ ...key, a: 2 }, exists('a')))).toEqual({ applied: false, old: undefined });
      expect(await get(key)).toBeUndefined();
    });

    test('if absent by many writers in parallel: exactly one wins', async () => {
      const key = ownKey();
      const items = Array.from({ length: 10 }, (_, writer) => ({ ...key, writer }));
      const results = await Promise.all(items.map((item) => write(put(item, absent('writer')))));
      const winners = items.filter((_, index) => results[index]!.applied);
      expect(winners).toHaveLength(1);
      expect(await get(key)).toEqual(winners[0]);
      for (const result of results) if (!result.applied) expect(result.old).toEqual(winners[0]);
    });
  });

  describe('delete', () => {
    test('removes the item, and a missing item is no error', async () => {
      const item = await seed({ a: 1 });
      const gone = await write(remove(keyOf(item)));
      expect([gone.applied, gone.applied && gone.item]).toEqual([true, undefined]);
      expect(await get(item)).toBeUndefined();
      expect((await write(remove(keyOf(item)))).applied).toBe(true);
    });

    test('that is refused gives the old item', async () => {
      const item = await seed({ a: 1 });
      expect(await write(remove(keyOf(item), equals('a', 2)))).toEqual({ applied: false, old: item });
      expect(await write(remove(ownKey(), equals('a', 2)))).toEqual({ applied: false, old: undefined });
      expect(await get(item)).toEqual(item);
      expect((await write(remove(keyOf(item), equals('a', 1)))).applied).toBe(true);
    });
  });
}
