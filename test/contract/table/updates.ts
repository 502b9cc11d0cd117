// The part of the Table contract about updates: every part of one, updates that do not fit the item, updates in parallel.
import { describe, expect, test } from 'vitest';
import { equals, exists, type Update, type Value } from '../../../lib/storage/table.ts';
import { doesNotFit } from '../../../lib/storage/table-rules.ts';
import { bin, keyOf, type Subject, update } from './subject.ts';

export function updates({ write, get, ownKey, seed }: Subject): void {
  describe('update', () => {
    /** Seeds an item, updates it, and compares the reply and the stored item. */
    const expectUpdate = async (before: Record<string, Value>, change: Update, expected: Record<string, Value>) => {
      const item = await seed(before);
      const after = { ...keyOf(item), ...expected };
      expect(await write(update(keyOf(item), change))).toEqual({ applied: true, item: after });
      expect(await get(item)).toEqual(after);
    };
    const expectMisfit = async (before: Record<string, Value>, change: Update) => {
      const item = await seed(before);
      const words = {
        name: 'StorageError',
        reason: 'invalid',
        message: doesNotFit(keyOf(item)).message,
        mayHaveActed: false,
      };
      await expect(write(update(keyOf(item), change))).rejects.toMatchObject(words);
      expect(await get(item)).toEqual(item);
    };

    test('creates a missing item', async () => {
      const key = ownKey();
      const change: Update = { set: [['s', 'x']], setIfAbsent: [['i', 1]], add: [['n', 2]], append: [['l', [3]]] };
      const item = { ...key, s: 'x', i: 1, n: 2, l: [3] };
      expect(await write(update(key, change))).toEqual({ applied: true, item });
      expect(await get(key)).toEqual(item);
    });

    test('does all its parts in one step', async () => {
      const before = {
        n: 1,
        tail: [bin(1)],
        p: { old: bin(1), gone: bin(2) },
        s: 'x',
        r: 1,
        cut: [1, 2, 3],
        keep: 'k',
      };
      const change: Update = {
        set: [
          ['s', { now: 'a map' }],
          [['p', 'old'], bin(9)],
          [['p', 'new'], bin(8)],
        ],
        setIfAbsent: [
          ['keep', 'other'],
          ['fresh', [1]],
        ],
        add: [['n', -3]],
        append: [['tail', [bin(2), bin(3)]]],
        trim: [['cut', 2]],
        remove: ['r', ['p', 'gone'], 'missing', ['p', 'missing']],
      };
      const expected = {
        n: -2,
        tail: [bin(1), bin(2), bin(3)],
        p: { old: bin(9), new: bin(8) },
        s: { now: 'a map' },
        cut: [3],
        keep: 'k',
        fresh: [1],
      };
      await expectUpdate(before, change, expected);
    });

    test('that is refused changes nothing and gives the old item', async () => {
      const item = await seed({ n: 1, tail: ['a'] });
      const change: Update = { add: [['n', 1]], append: [['tail', ['b']]] };
      expect(await write(update(keyOf(item), change, equals('n', 2)))).toEqual({ applied: false, old: item });
      expect(await get(item)).toEqual(item);
      const key = ownKey();
      expect(await write(update(key, change, exists('n')))).toEqual({ applied: false, old: undefined });
      expect(await get(key)).toBeUndefined();
    });

    test('sets an entry with setIfAbsent only if it is absent', async () => {
      await expectUpdate(
        { m: { a: 1 } },
        {
          setIfAbsent: [
            [['m', 'a'], 2],
            [['m', 'b'], 3],
          ],
        },
        { m: { a: 1, b: 3 } },
      );
    });

    test('appends to a missing list and to an empty one, no elements, and elements of every type', async () => {
      await expectUpdate(
        { e: [] },
        {
          append: [
            ['l', ['x']],
            ['e', [1, bin(2), '']],
          ],
        },
        { l: ['x'], e: [1, bin(2), ''] },
      );
      await expectUpdate(
        { e: [7] },
        {
          append: [
            ['e', []],
            ['none', []],
          ],
        },
        { e: [7], none: [] },
      );
    });

    test('trims many elements from the front, and may ask for more than there are', async () => {
      const list = Array.from({ length: 130 }, (_, index) => index);
      await expectUpdate({ list }, { trim: [['list', 100]] }, { list: list.slice(100) });
      await expectUpdate({ list }, { trim: [['list', 11]] }, { list: list.slice(11) });
      await expectUpdate(
        { a: [1, 2, 3], b: [1], c: [] },
        {
          trim: [
            ['a', 2],
            ['b', 100],
            ['c', 1],
          ],
        },
        { a: [3], b: [], c: [] },
      );
    });

    test('removes the last entry and leaves the map', async () => {
      await expectUpdate({ m: { a: 1 } }, { remove: [['m', 'a']] }, { m: {} });
    });

    test('sets an entry of a map with hundreds', async () => {
      const p = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`k${index}`, bin(index & 255)]));
      await expectUpdate(
        { p },
        { set: [[['p', 'k7'], 'new']], remove: [['p', 'k8']] },
        { p: omit({ ...p, k7: 'new' }, 'k8') },
      );
    });

    const misfits: [string, Record<string, Value>, Update][] = [
      ['an entry of a missing map', { x: 1 }, { set: [[['m', 'e'], 1]] }],
      ['an entry of a missing map, if absent', { x: 1 }, { setIfAbsent: [[['m', 'e'], 1]] }],
      ['an entry of a string', { m: 's' }, { set: [[['m', 'e'], 1]] }],
      ['an entry of a list', { m: [] }, { set: [[['m', 'e'], 1]] }],
      ['the removal of an entry of a missing map', { x: 1 }, { remove: [['m', 'e']] }],
      ['the removal of an entry of a list', { m: [1] }, { remove: [['m', 'e']] }],
      ['an addition to a string', { n: '1' }, { add: [['n', 1]] }],
      ['an addition to a list', { n: [1] }, { add: [['n', 1]] }],
      ['an append to a string', { l: 's' }, { append: [['l', ['x']]] }],
      ['an append to a map', { l: {} }, { append: [['l', ['x']]] }],
      ['a trim of a missing list', { x: 1 }, { trim: [['l', 1]] }],
      ['a trim of a string', { l: 's' }, { trim: [['l', 1]] }],
      ['a trim of a map', { l: {} }, { trim: [['l', 1]] }],
    ];
    test.each(misfits)('of %s is refused as a whole', async (_, before, change) => {
      await expectMisfit(before, { ...change, append: [...(change.append ?? []), ['other', [1]]] });
    });

    test('of an entry of a missing item is refused and creates nothing', async () => {
      const key = ownKey();
      const change: Update = {
        set: [
          ['a', 1],
          [['m', 'e'], 1],
        ],
      };
      await expect(write(update(key, change))).rejects.toMatchObject({
        reason: 'invalid',
        message: doesNotFit(key).message,
      });
      expect(await get(key)).toBeUndefined();
    });

    test('checks its condition before it checks whether it fits the item', async () => {
      const item = await seed({ x: 1 });
      const result = await write(update(keyOf(item), { set: [[['m', 'e'], 1]] }, equals('x', 2)));
      expect(result).toEqual({ applied: false, old: item });
    });

    test('by many writers in parallel: every increment and every element counts once', async () => {
      const key = keyOf(await seed({ n: 0, tail: [], p: {} }));
      const writers = Array.from({ length: 25 }, (_, index) => index);
      const results = await Promise.all(
        writers.map((writer) =>
          write(update(key, { add: [['n', 1]], append: [['tail', [writer]]], set: [[['p', `w${writer}`], writer]] })),
        ),
      );
      const item = (await get(key))!;
      expect(item.n).toBe(25);
      expect([...(item.tail as number[])].sort((a, b) => a - b)).toEqual(writers);
      expect(Object.keys(item.p!)).toHaveLength(25);
      const counts = results.map((result) => (result.applied ? (result.item!.n as number) : -1)).sort((a, b) => a - b);
      expect(counts).toEqual(writers.map((writer) => writer + 1));
    });

    test('by many writers in parallel under one condition: exactly one takes each step', async () => {
      const key = keyOf(await seed({ n: 0 }));
      for (let step = 0; step < 4; step++) {
        const attempts = Array.from({ length: 5 }, () => write(update(key, { add: [['n', 1]] }, equals('n', step))));
        const applied = (await Promise.all(attempts)).filter((result) => result.applied);
        expect(applied).toHaveLength(1);
      }
      expect(await get(key)).toMatchObject({ n: 4 });
    });
  });
}

function omit<V>(map: Record<string, V>, name: string): Record<string, V> {
  return Object.fromEntries(Object.entries(map).filter(([entry]) => entry !== name));
}
