// The part of the Table contract about refusals: every adapter refuses the same requests in the same words.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  all,
  any,
  contains,
  equals,
  exists,
  type Key,
  type Scalar,
  type Update,
  type Value,
} from '../../../lib/storage/table.ts';
import { tooLarge } from '../../../lib/storage/table-rules.ts';
import { check, keyOf, put, remove, type Subject, update } from './subject.ts';

export function refusals({ write, transact, query, get, weakGet, ownKey, seed }: Subject): void {
  describe('an item above 409,600 bytes', () => {
    const room = (key: Key) => 409_600 - Buffer.byteLength(`pk${key.pk}sk${key.sk}`) - 'a'.length;

    test('cannot be put, but an item of exactly that size can', async () => {
      const key = ownKey();
      const words = { reason: 'too-large', message: tooLarge(key).message, mayHaveActed: false };
      await expect(write(put({ ...key, a: 'x'.repeat(room(key) + 1) }))).rejects.toMatchObject(words);
      await expect(write(put({ ...key, a: new Uint8Array(room(key) + 1) }))).rejects.toMatchObject(words);
      expect(await get(key)).toBeUndefined();
      expect((await write(put({ ...key, a: 'x'.repeat(room(key)) }))).applied).toBe(true);
    });

    test('cannot result from an update', async () => {
      const key = ownKey();
      const item = { ...key, a: new Uint8Array(room(key) - 10), b: 'x' };
      await write(put(item));
      const words = { reason: 'too-large', message: tooLarge(key).message, mayHaveActed: false };
      await expect(write(update(key, { append: [['tail', ['some', 'more', 'bytes']]] }))).rejects.toMatchObject(words);
      expect(await get(key)).toEqual(item);
      expect(await write(update(key, { append: [['tail', ['some']]] }, equals('b', 'y')))).toMatchObject({
        applied: false,
      });
    });

    test('cannot result from a transaction, which then applies nothing', async () => {
      const [key, other] = [ownKey(), await seed({ n: 1 })];
      await write(put({ ...key, a: 'x'.repeat(room(key)) }));
      const actions = [update(keyOf(other), { add: [['n', 1]] }), update(key, { set: [['b', 'more']] })];
      await expect(transact(actions, randomUUID())).rejects.toMatchObject({
        reason: 'too-large',
        mayHaveActed: false,
      });
      expect(await get(other)).toEqual(other);
    });
  });

  describe('a request that can never succeed is refused as invalid', () => {
    const invalid = { name: 'StorageError', reason: 'invalid', mayHaveActed: false };
    const key = ownKey();

    test.each([
      ['an empty pk', { pk: '', sk: 'a' }],
      ['an empty sk', { pk: 'a', sk: '' }],
      ['a long pk', { pk: 'x'.repeat(2049), sk: 'a' }],
      ['a long sk', { pk: 'a', sk: 'é'.repeat(513) }],
      ['half a character', { pk: 'a', sk: '\ud83d' }],
    ])('a key with %s', async (_, bad) => {
      await expect(weakGet(bad)).rejects.toMatchObject(invalid);
      await expect(write(put(bad))).rejects.toMatchObject(invalid);
      await expect(write(remove(bad))).rejects.toMatchObject(invalid);
      await expect(write(update(bad, { set: [['a', 1]] }))).rejects.toMatchObject(invalid);
      await expect(transact([check(bad, exists('a'))], 'token')).rejects.toMatchObject(invalid);
    });

    const badValues: [string, unknown][] = [
      ['a fraction', 1.5],
      ['a number above 2^53 - 1', 2 ** 53],
      ['NaN', Number.NaN],
      ['infinity', Number.POSITIVE_INFINITY],
      ['half a character', 'x\ud83d'],
      ['a boolean', true],
      ['null', null],
      ['undefined', undefined],
      ['a bigint', 1n],
    ];
    test.each(badValues)('%s as a value', async (_, value) => {
      const bad = value as Scalar;
      const hopeless = [
        put({ ...key, a: bad }),
        put({ ...key, a: [bad] }),
        put({ ...key, a: { e: bad } }),
        update(key, { set: [['a', bad]] }),
        update(key, { set: [[['a', 'e'], bad]] }),
        update(key, { setIfAbsent: [['a', [bad]]] }),
        update(key, { add: [['a', bad as number]] }),
        update(key, { append: [['a', [bad]]] }),
        put({ ...key }, equals('a', bad)),
        put({ ...key }, any(exists('b'), contains('a', bad))),
      ];
      for (const request of hopeless) await expect(write(request)).rejects.toMatchObject(invalid);
    });

    test('values that nest', async () => {
      const nested = [[[1]], [{ e: 1 }], { e: [1] }, { e: { f: 1 } }] as unknown as Value[];
      for (const a of nested) await expect(write(put({ ...key, a }))).rejects.toMatchObject(invalid);
      await expect(write(update(key, { set: [[['m', 'e'], [1]]] }))).rejects.toMatchObject(invalid);
    });

    test('names that no attribute can have', async () => {
      for (const bad of ['', '__proto__', '\ud83d']) {
        await expect(write(update(key, { set: [[bad, 1]] }))).rejects.toMatchObject(invalid);
        await expect(write(update(key, { remove: [['m', bad]] }))).rejects.toMatchObject(invalid);
        const map = Object.fromEntries([[bad, 1]]);
        await expect(write(put({ ...key, map }))).rejects.toMatchObject(invalid);
      }
    });

    test('paths to the key', async () => {
      for (const name of ['pk', 'sk']) {
        await expect(write(update(key, { set: [[name, 'x']] }))).rejects.toMatchObject(invalid);
        await expect(write(update(key, { remove: [name] }))).rejects.toMatchObject(invalid);
        await expect(write(put({ ...key }, exists(name)))).rejects.toMatchObject(invalid);
      }
    });

    const overlaps: [string, Update][] = [
      [
        'an attribute set twice',
        {
          set: [
            ['a', 1],
            ['a', 2],
          ],
        },
      ],
      ['an attribute set and removed', { set: [['a', 1]], remove: ['a'] }],
      ['a list appended to and trimmed', { append: [['a', [1]]], trim: [['a', 1]] }],
      [
        'a map set and an entry of it',
        {
          set: [
            ['a', {}],
            [['a', 'e'], 1],
          ],
        },
      ],
      ['an entry and then its map', { set: [[['a', 'e'], 1]], setIfAbsent: [['a', {}]] }],
      ['an entry set and removed', { set: [[['a', 'e'], 1]], remove: [['a', 'e']] }],
      ['a number added to and set if absent', { setIfAbsent: [['a', 1]], add: [['a', 1]] }],
    ];
    test.each(overlaps)('an update with %s', async (_, change) => {
      await expect(write(update(key, change))).rejects.toMatchObject(invalid);
    });

    test('updates and conditions without parts, trims out of bounds', async () => {
      for (const change of [
        {},
        { set: [] },
        { trim: [['a', 0]] },
        { trim: [['a', 101]] },
        { trim: [['a', 1.5]] },
      ] as Update[]) {
        await expect(write(update(key, change))).rejects.toMatchObject(invalid);
      }
      for (const empty of [all(), any(), all(exists('a'), any())]) {
        await expect(write(put({ ...key }, empty))).rejects.toMatchObject(invalid);
      }
    });

    test('transactions of none, of too many, of two actions on one item, and bad tokens', async () => {
      const puts = Array.from({ length: 101 }, (_, index) => put({ pk: key.pk, sk: `i${index}` }));
      await expect(transact([], 'token')).rejects.toMatchObject(invalid);
      await expect(transact(puts, 'token')).rejects.toMatchObject(invalid);
      await expect(transact([put({ ...key }), check(key, exists('a'))], 'token')).rejects.toMatchObject(invalid);
      for (const bad of ['', 'x'.repeat(37)])
        await expect(transact(puts.slice(0, 1), bad)).rejects.toMatchObject(invalid);
      expect(await query({ pk: key.pk, strong: true })).toEqual({ items: [], more: false });
    });

    test('queries with bad bounds and limits', async () => {
      for (const limit of [0, 1001, 1.5]) await expect(query({ pk: 'a', limit })).rejects.toMatchObject(invalid);
      for (const bound of ['from', 'through', 'after']) {
        for (const bad of ['', 'x'.repeat(1025)])
          await expect(query({ pk: 'a', [bound]: bad })).rejects.toMatchObject(invalid);
      }
      await expect(query({ pk: '' })).rejects.toMatchObject(invalid);
    });
  });
}
