// The part of the Table contract about items: an item comes back as it was put.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equals, exists, type Item } from '../../../lib/storage/table.ts';
import { anyScalar, bin, keyOf, put, type Subject, update } from './subject.ts';

export function items({ write, get, weakGet, ownKey, seed }: Subject): void {
  describe('an item', () => {
    test('comes back as it was put, whatever it holds', async () => {
      const map = fc.dictionary(fc.string({ unit: 'binary', minLength: 1, maxLength: 5 }), anyScalar, { maxKeys: 3 });
      const value = fc.oneof(anyScalar, fc.array(anyScalar, { maxLength: 4 }), map);
      const attributes = fc.dictionary(fc.string({ unit: 'binary', minLength: 1, maxLength: 5 }), value, {
        maxKeys: 4,
      });
      const property = fc.asyncProperty(attributes, async (given) => {
        const item = { ...given, ...ownKey() };
        expect(await write(put(item))).toEqual({ applied: true, item });
        expect(await get(keyOf(item))).toEqual(item);
      });
      await fc.assert(property, { numRuns: 30 });
    });

    test('holds empty strings, empty binary, empty lists and maps, the largest numbers', async () => {
      const item = await seed({
        text: '',
        binary: bin(),
        list: [],
        map: {},
        both: ['', bin()],
        entry: { text: '', binary: bin() },
        numbers: [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0, -1],
      });
      expect(await get(keyOf(item))).toEqual(item);
    });

    test('may have attribute names that are special in JavaScript or DynamoDB', async () => {
      const fine = await seed({ constructor: 1, 'a.b': 2, '#n': { 'x.y': 1, hasOwnProperty: 2 }, ':v': 3, size: 4 });
      const result = await write(
        update(keyOf(fine), { set: [[['#n', 'toString'], 3]], add: [['size', 1]] }, equals('constructor', 1)),
      );
      expect(result).toEqual({
        applied: true,
        item: { ...fine, size: 5, '#n': { 'x.y': 1, hasOwnProperty: 2, toString: 3 } },
      });
      expect(await write(update(keyOf(fine), { set: [['a', 1]] }, exists('valueOf')))).toMatchObject({
        applied: false,
      });
      expect(await write(update(keyOf(fine), { set: [['a', 1]] }, exists(['#n', 'valueOf'])))).toMatchObject({
        applied: false,
      });
    });

    test('is undefined when it is missing', async () => {
      expect(await get(ownKey())).toBeUndefined();
      expect(await weakGet(ownKey())).toBeUndefined();
    });

    test('is identified by both keys, however odd they are', async () => {
      const { pk } = ownKey();
      const sks = [
        'a',
        'A',
        'a ',
        ' a',
        'a/b',
        '%',
        '"',
        "'",
        'ü',
        'u\u0308',
        '\u{1f600}',
        'x'.repeat(1024),
        'é'.repeat(512),
      ];
      const pks = [pk, `${pk} `, `${pk}/`, pk.padEnd(2048, 'x')];
      const keys = [...sks.map((sk) => ({ pk, sk })), ...pks.slice(1).map((other) => ({ pk: other, sk: 'a' }))];
      for (const [n, key] of keys.entries()) await write(put({ ...key, n }));
      for (const [n, key] of keys.entries()) expect(await get(key)).toEqual({ ...key, n });
    });

    test('belongs to the table: callers may change their copies', async () => {
      const bytes = bin(1, 2, 3);
      const { item } = (await write(put({ ...ownKey(), bytes, list: [bytes] }))) as { item: Item };
      bytes.fill(0);
      (item.bytes as Uint8Array).fill(0);
      const found = (await get(keyOf(item)))!;
      expect(found).toMatchObject({ bytes: bin(1, 2, 3), list: [bin(1, 2, 3)] });
      (found.bytes as Uint8Array).fill(0);
      expect(await get(keyOf(item))).toMatchObject({ bytes: bin(1, 2, 3) });
    });
  });
}
