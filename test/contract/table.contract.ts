// What every Table must do. Each test writes partitions of its own, so that one table serves the whole suite.
// DynamoDB Local creates an item for an update that only removes; DynamoDB does not: that case is tested with the rules.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { StorageError } from '../../lib/storage/storage-error.ts';
import {
  above,
  absent,
  all,
  any,
  atLeast,
  atMost,
  below,
  type Check,
  type Condition,
  contains,
  equals,
  exists,
  type Item,
  type Key,
  lacks,
  type Query,
  type Scalar,
  type Table,
  type TransactionResult,
  type Update,
  type Value,
  type Write,
} from '../../lib/storage/table.ts';
import { doesNotFit, tokenReused, tooLarge } from '../../lib/storage/table-rules.ts';

const bin = (...bytes: number[]) => Uint8Array.from(bytes);
const byUtf8 = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const update = (key: Key, change: Update, condition?: Condition): Write => ({
  kind: 'update',
  key,
  update: change,
  ...(condition && { if: condition }),
});
const put = (item: Item, condition?: Condition): Write => ({ kind: 'put', item, ...(condition && { if: condition }) });
const remove = (key: Key, condition?: Condition): Write => ({
  kind: 'delete',
  key,
  ...(condition && { if: condition }),
});
const check = (key: Key, condition: Condition): Check => ({ kind: 'check', key, if: condition });
const anyScalar = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.maxSafeInteger().map((number) => number || 0),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Uint8Array.from(bytes)),
);

export function tableContract(name: string, make: () => Table | Promise<Table>): void {
  describe(`${name} keeps the Table contract`, () => {
    let table: Table;
    let tests = 0;
    const run = randomUUID().slice(0, 8);
    const ownKey = (sk = 'item'): Key => ({ pk: `${run}-${tests++}`, sk });
    const get = (key: Key) => table.get(key, { strong: true });
    const seed = async (attributes: Record<string, Value>): Promise<Item> => {
      const item = { ...ownKey(), ...attributes };
      await table.write(put(item));
      return item;
    };
    const keyOf = ({ pk, sk }: Item): Key => ({ pk, sk });

    beforeAll(async () => {
      table = await make();
    });

    describe('an item', () => {
      test('comes back as it was put, whatever it holds', async () => {
        const map = fc.dictionary(fc.string({ unit: 'binary', minLength: 1, maxLength: 5 }), anyScalar, { maxKeys: 3 });
        const value = fc.oneof(anyScalar, fc.array(anyScalar, { maxLength: 4 }), map);
        const attributes = fc.dictionary(fc.string({ unit: 'binary', minLength: 1, maxLength: 5 }), value, {
          maxKeys: 4,
        });
        const property = fc.asyncProperty(attributes, async (given) => {
          const item = { ...given, ...ownKey() };
          expect(await table.write(put(item))).toEqual({ applied: true, item });
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

      test('has names that a program might trip over', async () => {
        const fine = await seed({ constructor: 1, 'a.b': 2, '#n': { 'x.y': 1, hasOwnProperty: 2 }, ':v': 3, size: 4 });
        const result = await table.write(
          update(keyOf(fine), { set: [[['#n', 'toString'], 3]], add: [['size', 1]] }, equals('constructor', 1)),
        );
        expect(result).toEqual({
          applied: true,
          item: { ...fine, size: 5, '#n': { 'x.y': 1, hasOwnProperty: 2, toString: 3 } },
        });
        expect(await table.write(update(keyOf(fine), { set: [['a', 1]] }, exists('valueOf')))).toMatchObject({
          applied: false,
        });
        expect(await table.write(update(keyOf(fine), { set: [['a', 1]] }, exists(['#n', 'valueOf'])))).toMatchObject({
          applied: false,
        });
      });

      test('is undefined when it is missing', async () => {
        expect(await get(ownKey())).toBeUndefined();
        expect(await table.get(ownKey())).toBeUndefined();
      });

      test('is told apart by both keys, odd as they are', async () => {
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
        for (const [n, key] of keys.entries()) await table.write(put({ ...key, n }));
        for (const [n, key] of keys.entries()) expect(await get(key)).toEqual({ ...key, n });
      });

      test('belongs to the table: what callers hold may change', async () => {
        const bytes = bin(1, 2, 3);
        const { item } = (await table.write(put({ ...ownKey(), bytes, list: [bytes] }))) as { item: Item };
        bytes.fill(0);
        (item.bytes as Uint8Array).fill(0);
        const found = (await get(keyOf(item)))!;
        expect(found).toMatchObject({ bytes: bin(1, 2, 3), list: [bin(1, 2, 3)] });
        (found.bytes as Uint8Array).fill(0);
        expect(await get(keyOf(item))).toMatchObject({ bytes: bin(1, 2, 3) });
      });
    });

    describe('a condition', () => {
      /** By an update that changes nothing of meaning. */
      const holdsFor = async (key: Key, condition: Condition) =>
        (await table.write(update(key, { set: [['touched', 1]] }, condition))).applied;
      const expectAll = async (key: Key, conditions: Condition[]) => {
        for (const condition of conditions)
          expect([condition, await holdsFor(key, condition)]).toEqual([condition, true]);
      };
      const expectNone = async (key: Key, conditions: Condition[]) => {
        for (const condition of conditions)
          expect([condition, await holdsFor(key, condition)]).toEqual([condition, false]);
      };
      const comparisons = (path: string | [string, string], value: Scalar) =>
        [equals, below, atMost, above, atLeast].map((compare) => compare(path, value));

      test('compares scalars of one type, and no others', async () => {
        const pair = fc.tuple(anyScalar, anyScalar);
        const property = fc.asyncProperty(pair, fc.boolean(), async ([stored, other], same) => {
          const value = same ? stored : other;
          const { pk, sk } = await seed({ a: stored, m: { e: stored } });
          const expected = oracle(stored, value);
          const conditions = [...comparisons('a', value), ...comparisons(['m', 'e'], value)];
          const truths = conditions.filter((_, index) => expected[index % 5]);
          const lies = conditions.filter((_, index) => !expected[index % 5]);
          if (truths.length > 0) expect(await holdsFor({ pk, sk }, all(...truths))).toBe(true);
          if (lies.length > 0) expect(await holdsFor({ pk, sk }, any(...lies))).toBe(false);
        });
        await fc.assert(property, { numRuns: 50 });
      });

      test('compares strings by UTF-8 and binary as unsigned bytes', async () => {
        const key = keyOf(await seed({ s: '\uff5e', b: bin(0x80), short: bin(1), n: -5 }));
        await expectAll(key, [
          all(below('s', '\u{1f600}'), above('s', '\ud7ff'), above('b', bin(0x7f)), below('b', bin(0xff))),
          all(below('short', bin(1, 0)), above('short', bin()), above('short', bin(0, 255)), atLeast('n', -5)),
          all(below('n', -4), below('n', 10), above('n', -10)),
        ]);
      });

      test('on something missing or of another type is false, whatever it asks', async () => {
        const key = keyOf(await seed({ s: 'x', n: 1, list: ['x'], map: { e: 'x' } }));
        const paths = ['missing', ['missing', 'e'], ['map', 'missing'], ['s', 'e'], ['list', 'e'], 'list', 'map'] as (
          | string
          | [string, string]
        )[];
        await expectNone(key, [any(...paths.flatMap((path) => [...comparisons(path, 'x'), ...comparisons(path, 0)]))]);
        await expectNone(key, [
          any(
            ...comparisons('s', 1),
            ...comparisons('s', bin(120)),
            ...comparisons('n', '1'),
            ...comparisons('n', bin(49)),
          ),
        ]);
      });

      test('exists and absent see attributes and entries', async () => {
        const key = keyOf(await seed({ empty: '', map: { e: 0 }, list: [] }));
        const there: (string | [string, string])[] = ['empty', 'map', 'list', ['map', 'e']];
        const away: (string | [string, string])[] = [
          'other',
          ['map', 'x'],
          ['other', 'x'],
          ['empty', 'x'],
          ['list', 'x'],
        ];
        await expectAll(key, [all(...there.map(exists), ...away.map(absent))]);
        await expectNone(key, [any(...there.map(absent), ...away.map(exists))]);
      });

      test('contains and lacks see elements of lists, of the same type', async () => {
        const key = keyOf(
          await seed({ list: ['x', 7, bin(1, 2)], none: [], text: 'axb', map: { x: 'x' }, bytes: bin(0, 1, 2) }),
        );
        const inside: [string, Scalar][] = [
          ['list', 'x'],
          ['list', 7],
          ['list', bin(1, 2)],
        ];
        const outside: [string, Scalar][] = [
          ['list', '7'],
          ['list', bin(1)],
          ['list', 'X'],
          ['list', ''],
          ['none', 'x'],
          ['missing', 'x'],
          ['text', 'x'],
          ['map', 'x'],
          ['bytes', bin(1)],
        ];
        await expectAll(key, [all(...inside.map(([path, value]) => contains(path, value)))]);
        await expectAll(key, [all(...outside.map(([path, value]) => lacks(path, value)))]);
        await expectNone(key, [any(...inside.map(([path, value]) => lacks(path, value)))]);
        await expectNone(key, [any(...outside.map(([path, value]) => contains(path, value)))]);
        await expectAll(key, [lacks(['map', 'x'], 'x'), lacks(['missing', 'x'], 'x')]);
      });

      test('nests', async () => {
        const key = keyOf(await seed({ a: 1, b: 2 }));
        const [yes, no] = [equals('a', 1), equals('a', 2)];
        await expectAll(key, [any(no, all(yes, any(no, yes))), all(any(no, yes), any(yes, no)), all(yes), any(yes)]);
        await expectNone(key, [all(yes, any(no, all(yes, no))), any(all(no, yes), no), all(no), any(no)]);
      });

      test('on a missing item: only absent and lacks hold', async () => {
        await expectAll(ownKey(), [all(absent('a'), absent(['a', 'b']), lacks('a', 1))]);
        await expectNone(ownKey(), [any(exists('a'), contains('a', 1), ...comparisons('a', 0))]);
      });
    });

    describe('put', () => {
      test('replaces the whole item', async () => {
        const item = await seed({ a: 1, b: 2 });
        const next = { ...keyOf(item), b: 3 };
        expect(await table.write(put(next))).toEqual({ applied: true, item: next });
        expect(await get(item)).toEqual(next);
      });

      test('that is refused changes nothing and gives the old item', async () => {
        const item = await seed({ a: 1, bytes: bin(255) });
        expect(await table.write(put({ ...keyOf(item), a: 2 }, absent('a')))).toEqual({ applied: false, old: item });
        expect(await get(item)).toEqual(item);
        const key = ownKey();
        expect(await table.write(put({ ...key, a: 2 }, exists('a')))).toEqual({ applied: false, old: undefined });
        expect(await get(key)).toBeUndefined();
      });

      test('if absent by many at once: exactly one wins', async () => {
        const key = ownKey();
        const items = Array.from({ length: 10 }, (_, who) => ({ ...key, who }));
        const results = await Promise.all(items.map((item) => table.write(put(item, absent('who')))));
        const winners = items.filter((_, index) => results[index]!.applied);
        expect(winners).toHaveLength(1);
        expect(await get(key)).toEqual(winners[0]);
        for (const result of results) if (!result.applied) expect(result.old).toEqual(winners[0]);
      });
    });

    describe('delete', () => {
      test('removes the item; of a missing one it is no error', async () => {
        const item = await seed({ a: 1 });
        const gone = await table.write(remove(keyOf(item)));
        expect([gone.applied, gone.applied && gone.item]).toEqual([true, undefined]);
        expect(await get(item)).toBeUndefined();
        expect((await table.write(remove(keyOf(item)))).applied).toBe(true);
      });

      test('that is refused gives the old item', async () => {
        const item = await seed({ a: 1 });
        expect(await table.write(remove(keyOf(item), equals('a', 2)))).toEqual({ applied: false, old: item });
        expect(await table.write(remove(ownKey(), equals('a', 2)))).toEqual({ applied: false, old: undefined });
        expect(await get(item)).toEqual(item);
        expect((await table.write(remove(keyOf(item), equals('a', 1)))).applied).toBe(true);
      });
    });

    describe('update', () => {
      /** Seeds, updates, and compares the reply and what is stored. */
      const expectUpdate = async (before: Record<string, Value>, change: Update, expected: Record<string, Value>) => {
        const item = await seed(before);
        const after = { ...keyOf(item), ...expected };
        expect(await table.write(update(keyOf(item), change))).toEqual({ applied: true, item: after });
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
        await expect(table.write(update(keyOf(item), change))).rejects.toMatchObject(words);
        expect(await get(item)).toEqual(item);
      };

      test('creates a missing item', async () => {
        const key = ownKey();
        const change: Update = { set: [['s', 'x']], setIfAbsent: [['i', 1]], add: [['n', 2]], append: [['l', [3]]] };
        const item = { ...key, s: 'x', i: 1, n: 2, l: [3] };
        expect(await table.write(update(key, change))).toEqual({ applied: true, item });
        expect(await get(key)).toEqual(item);
      });

      test('does all its parts at once', async () => {
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
        expect(await table.write(update(keyOf(item), change, equals('n', 2)))).toEqual({ applied: false, old: item });
        expect(await get(item)).toEqual(item);
        const key = ownKey();
        expect(await table.write(update(key, change, exists('n')))).toEqual({ applied: false, old: undefined });
        expect(await get(key)).toBeUndefined();
      });

      test('sets if absent an entry, and only then', async () => {
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

      test('appends to a missing list, to an empty one, nothing, and of every type', async () => {
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

      test('trims many from the front, and forgives more than there are', async () => {
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
        await expect(table.write(update(key, change))).rejects.toMatchObject({
          reason: 'invalid',
          message: doesNotFit(key).message,
        });
        expect(await get(key)).toBeUndefined();
      });

      test('looks at its condition before it looks whether it fits', async () => {
        const item = await seed({ x: 1 });
        const result = await table.write(update(keyOf(item), { set: [[['m', 'e'], 1]] }, equals('x', 2)));
        expect(result).toEqual({ applied: false, old: item });
      });

      test('by many at once: every increment and every element counts once', async () => {
        const key = keyOf(await seed({ n: 0, tail: [], p: {} }));
        const writers = Array.from({ length: 25 }, (_, index) => index);
        const results = await Promise.all(
          writers.map((who) =>
            table.write(update(key, { add: [['n', 1]], append: [['tail', [who]]], set: [[['p', `w${who}`], who]] })),
          ),
        );
        const item = (await get(key))!;
        expect(item.n).toBe(25);
        expect([...(item.tail as number[])].sort((a, b) => a - b)).toEqual(writers);
        expect(Object.keys(item.p!)).toHaveLength(25);
        const counts = results
          .map((result) => (result.applied ? (result.item!.n as number) : -1))
          .sort((a, b) => a - b);
        expect(counts).toEqual(writers.map((who) => who + 1));
      });

      test('by many at once under one condition: each step is taken by one', async () => {
        const key = keyOf(await seed({ n: 0 }));
        for (let step = 0; step < 4; step++) {
          const attempts = Array.from({ length: 5 }, () =>
            table.write(update(key, { add: [['n', 1]] }, equals('n', step))),
          );
          const applied = (await Promise.all(attempts)).filter((result) => result.applied);
          expect(applied).toHaveLength(1);
        }
        expect(await get(key)).toMatchObject({ n: 4 });
      });
    });

    describe('transact', () => {
      const token = () => randomUUID();

      test('applies every kind of action', async () => {
        const [a, b, c, d] = [await seed({ n: 1 }), await seed({ n: 1 }), await seed({ n: 1 }), ownKey()];
        const actions = [
          update(keyOf(a), { add: [['n', 1]] }, equals('n', 1)),
          remove(keyOf(b), exists('n')),
          check(keyOf(c), atLeast('n', 1)),
          put({ ...d, n: 5 }, absent('n')),
        ];
        expect(await table.transact(actions, token())).toEqual({ applied: true });
        expect(await Promise.all([a, b, c, d].map((item) => get(item)))).toEqual([
          { ...a, n: 2 },
          undefined,
          c,
          { ...d, n: 5 },
        ]);
      });

      test('that is refused applies nothing and tells which failed, with the old items', async () => {
        const [a, b, c, d] = [await seed({ n: 1 }), await seed({ n: 2, b: bin(7) }), await seed({ n: 3 }), ownKey()];
        const actions = [
          update(keyOf(a), { add: [['n', 1]] }, equals('n', 1)),
          remove(keyOf(b), equals('n', 7)),
          put({ ...keyOf(c), n: 9 }),
          check(d, exists('n')),
        ];
        expect(await table.transact(actions, token())).toEqual({
          applied: false,
          failures: [{ failed: false }, { failed: true, old: b }, { failed: false }, { failed: true }],
        });
        expect(await Promise.all([a, b, c, d].map((item) => get(item)))).toEqual([a, b, c, undefined]);
      });

      test('again with the same token does nothing more', async () => {
        const item = await seed({ n: 0 });
        const actions = [update(keyOf(item), { add: [['n', 1]] }, atMost('n', 5))];
        const id = token();
        for (let time = 0; time < 3; time++) expect(await table.transact(actions, id)).toEqual({ applied: true });
        expect(await get(item)).toMatchObject({ n: 1 });
        await table.transact(actions, token());
        expect(await get(item)).toMatchObject({ n: 2 });
      });

      test('with the same token succeeds after its own write made its condition false', async () => {
        const key = ownKey();
        const actions = [put({ ...key, n: 1, bytes: bin(1, 2) }, absent('n'))];
        const id = token();
        expect(await table.transact(actions, id)).toEqual({ applied: true });
        expect(await table.transact(actions, id)).toEqual({ applied: true });
      });

      test('with the token of a refused one is tried anew', async () => {
        const item = await seed({ n: 0 });
        const actions = [update(keyOf(item), { add: [['n', 1]] }, equals('n', 1))];
        const id = token();
        expect((await table.transact(actions, id)).applied).toBe(false);
        await table.write(update(keyOf(item), { set: [['n', 1]] }));
        expect((await table.transact(actions, id)).applied).toBe(true);
        expect(await get(item)).toMatchObject({ n: 2 });
      });

      test('with the token of other actions is invalid', async () => {
        const item = await seed({ n: 0 });
        const id = token();
        await table.transact([update(keyOf(item), { add: [['n', 1]] })], id);
        await expect(table.transact([update(keyOf(item), { add: [['n', 2]] })], id)).rejects.toMatchObject({
          reason: 'invalid',
          message: tokenReused(id).message,
        });
        expect(await get(item)).toMatchObject({ n: 1 });
      });

      test('that does not fit one of its items applies nothing', async () => {
        const [a, b] = [await seed({ n: 1 }), await seed({ n: 1 })];
        const actions = [update(keyOf(a), { add: [['n', 1]] }), update(keyOf(b), { set: [[['m', 'e'], 1]] })];
        await expect(table.transact(actions, token())).rejects.toMatchObject({
          reason: 'invalid',
          mayHaveActed: false,
        });
        expect(await Promise.all([get(a), get(b)])).toEqual([a, b]);
      });

      test('takes a hundred actions', async () => {
        const { pk } = ownKey();
        const actions = Array.from({ length: 100 }, (_, index) => put({ pk, sk: `i${index}`, index }));
        expect(await table.transact(actions, token())).toEqual({ applied: true });
        expect((await table.query({ pk, strong: true })).items).toHaveLength(100);
      });

      test('by many at once: all or none each, and none twice', async () => {
        const [a, b] = [await seed({ n: 100 }), await seed({ n: 0 })];
        const move = async (id: string): Promise<TransactionResult> => {
          const actions = [
            update(keyOf(a), { add: [['n', -1]] }, above('n', 95)),
            update(keyOf(b), { add: [['n', 1]] }),
          ];
          try {
            return await table.transact(actions, id);
          } catch (error) {
            if (error instanceof StorageError && error.reason === 'conflict') return move(id);
            throw error;
          }
        };
        const results = await Promise.all(Array.from({ length: 8 }, () => move(token())));
        expect(results.filter((result) => result.applied)).toHaveLength(5);
        expect(await Promise.all([get(a), get(b)])).toEqual([
          { ...a, n: 95 },
          { ...b, n: 5 },
        ]);
      });
    });

    describe('query', () => {
      const texts = [
        'a',
        'a!',
        'aa',
        'ab',
        'b',
        'B',
        'ba',
        'é',
        '\ud7ff',
        '\ue000',
        '\uff5e',
        '\u{1f600}',
        '0',
        '00',
        '10',
        '9',
      ];
      const fill = async (sks: readonly string[]) => {
        const { pk } = ownKey();
        await Promise.all(sks.map((sk) => table.write(put({ pk, sk, n: 1 }))));
        return pk;
      };
      const sksOf = async (query: Query) => (await queryAll(table, { strong: true, ...query })).map((item) => item.sk);

      test('of nothing is empty', async () => {
        expect(await table.query({ pk: ownKey().pk })).toEqual({ items: [], more: false });
      });

      test('gives whole items in the order of UTF-8 bytes, both ways', async () => {
        const pk = await fill(texts);
        const sorted = [...texts].sort(byUtf8);
        expect(await queryAll(table, { pk, strong: true })).toEqual(sorted.map((sk) => ({ pk, sk, n: 1 })));
        expect(await sksOf({ pk, reverse: true })).toEqual(sorted.toReversed());
        expect(await sksOf({ pk, reverse: true, limit: 3 })).toEqual(sorted.toReversed());
      });

      test('of any range, from any point, in pages of any size', async () => {
        const pk = await fill(texts);
        const bound = fc.option(fc.constantFrom(...texts, 'a\0', 'zz', '!', '\u{10ffff}'), { nil: undefined, freq: 2 });
        const shape = fc.record({
          from: bound,
          through: bound,
          after: bound,
          reverse: fc.boolean(),
          limit: fc.constantFrom(2, 5, 1000),
        });
        const property = fc.asyncProperty(shape, async ({ from, through, after, reverse, limit }) => {
          const expected = texts
            .filter((sk) => from === undefined || byUtf8(sk, from) >= 0)
            .filter((sk) => through === undefined || byUtf8(sk, through) <= 0)
            .filter((sk) => after === undefined || (reverse ? byUtf8(sk, after) < 0 : byUtf8(sk, after) > 0))
            .sort((a, b) => (reverse ? byUtf8(b, a) : byUtf8(a, b)));
          const bounds = {
            ...(from !== undefined && { from }),
            ...(through !== undefined && { through }),
            ...(after !== undefined && { after }),
          };
          expect(await sksOf({ pk, reverse, limit, ...bounds })).toEqual(expected);
        });
        await fc.assert(property, { numRuns: 60 });
      });

      test('from behind through is empty', async () => {
        const pk = await fill(['a', 'b', 'c']);
        expect(await table.query({ pk, from: 'c', through: 'a' })).toEqual({ items: [], more: false });
        expect(await table.query({ pk, from: 'a', through: 'b', after: 'c' })).toEqual({ items: [], more: false });
        expect(await table.query({ pk, from: 'b', after: 'a', reverse: true })).toEqual({ items: [], more: false });
      });

      test('says that more follows, page by page', async () => {
        const pk = await fill(['a', 'b', 'c']);
        const first = await table.query({ pk, limit: 2, strong: true });
        expect([first.items.map((item) => item.sk), first.more]).toEqual([['a', 'b'], true]);
        const second = await table.query({ pk, limit: 2, after: 'b', strong: true });
        expect([second.items.map((item) => item.sk), second.more]).toEqual([['c'], false]);
      });

      test('pages through more than one reply of DynamoDB can hold', async () => {
        const { pk } = ownKey();
        const large = 'x'.repeat(300_000);
        for (let index = 0; index < 5; index++) await table.write(put({ pk, sk: `${index}`, large }));
        expect(await sksOf({ pk })).toEqual(['0', '1', '2', '3', '4']);
        expect(await sksOf({ pk, reverse: true, from: '1' })).toEqual(['4', '3', '2', '1']);
      });
    });

    describe('an item above 409,600 bytes', () => {
      const room = (key: Key) => 409_600 - Buffer.byteLength(`pk${key.pk}sk${key.sk}`) - 'a'.length;

      test('cannot be put, one of just that can', async () => {
        const key = ownKey();
        const words = { reason: 'too-large', message: tooLarge(key).message, mayHaveActed: false };
        await expect(table.write(put({ ...key, a: 'x'.repeat(room(key) + 1) }))).rejects.toMatchObject(words);
        await expect(table.write(put({ ...key, a: new Uint8Array(room(key) + 1) }))).rejects.toMatchObject(words);
        expect(await get(key)).toBeUndefined();
        expect((await table.write(put({ ...key, a: 'x'.repeat(room(key)) }))).applied).toBe(true);
      });

      test('cannot come of an update', async () => {
        const key = ownKey();
        const item = { ...key, a: new Uint8Array(room(key) - 10), b: 'x' };
        await table.write(put(item));
        const words = { reason: 'too-large', message: tooLarge(key).message, mayHaveActed: false };
        await expect(table.write(update(key, { append: [['tail', ['some', 'more', 'bytes']]] }))).rejects.toMatchObject(
          words,
        );
        expect(await get(key)).toEqual(item);
        expect(await table.write(update(key, { append: [['tail', ['some']]] }, equals('b', 'y')))).toMatchObject({
          applied: false,
        });
      });

      test('cannot come of a transaction, which then applies nothing', async () => {
        const [key, other] = [ownKey(), await seed({ n: 1 })];
        await table.write(put({ ...key, a: 'x'.repeat(room(key)) }));
        const actions = [update(keyOf(other), { add: [['n', 1]] }), update(key, { set: [['b', 'more']] })];
        await expect(table.transact(actions, randomUUID())).rejects.toMatchObject({
          reason: 'too-large',
          mayHaveActed: false,
        });
        expect(await get(other)).toEqual(other);
      });
    });

    describe('a request that can never succeed is refused as invalid', () => {
      const invalid = { name: 'StorageError', reason: 'invalid', mayHaveActed: false };
      const key: Key = { pk: `${run}-invalid`, sk: 'item' };

      test.each([
        ['an empty pk', { pk: '', sk: 'a' }],
        ['an empty sk', { pk: 'a', sk: '' }],
        ['a long pk', { pk: 'x'.repeat(2049), sk: 'a' }],
        ['a long sk', { pk: 'a', sk: 'é'.repeat(513) }],
        ['half a character', { pk: 'a', sk: '\ud83d' }],
      ])('a key with %s', async (_, bad) => {
        await expect(table.get(bad)).rejects.toMatchObject(invalid);
        await expect(table.write(put(bad))).rejects.toMatchObject(invalid);
        await expect(table.write(remove(bad))).rejects.toMatchObject(invalid);
        await expect(table.write(update(bad, { set: [['a', 1]] }))).rejects.toMatchObject(invalid);
        await expect(table.transact([check(bad, exists('a'))], 'token')).rejects.toMatchObject(invalid);
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
        const writes = [
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
        for (const write of writes) await expect(table.write(write)).rejects.toMatchObject(invalid);
      });

      test('values that nest', async () => {
        const nested = [[[1]], [{ e: 1 }], { e: [1] }, { e: { f: 1 } }] as unknown as Value[];
        for (const a of nested) await expect(table.write(put({ ...key, a }))).rejects.toMatchObject(invalid);
        await expect(table.write(update(key, { set: [[['m', 'e'], [1]]] }))).rejects.toMatchObject(invalid);
      });

      test('names that cannot be', async () => {
        for (const bad of ['', '__proto__', '\ud83d']) {
          await expect(table.write(update(key, { set: [[bad, 1]] }))).rejects.toMatchObject(invalid);
          await expect(table.write(update(key, { remove: [['m', bad]] }))).rejects.toMatchObject(invalid);
          const map = Object.fromEntries([[bad, 1]]);
          await expect(table.write(put({ ...key, map }))).rejects.toMatchObject(invalid);
        }
      });

      test('paths to the key', async () => {
        for (const name of ['pk', 'sk']) {
          await expect(table.write(update(key, { set: [[name, 'x']] }))).rejects.toMatchObject(invalid);
          await expect(table.write(update(key, { remove: [name] }))).rejects.toMatchObject(invalid);
          await expect(table.write(put({ ...key }, exists(name)))).rejects.toMatchObject(invalid);
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
        await expect(table.write(update(key, change))).rejects.toMatchObject(invalid);
      });

      test('updates and conditions without parts, trims out of bounds', async () => {
        for (const change of [
          {},
          { set: [] },
          { trim: [['a', 0]] },
          { trim: [['a', 101]] },
          { trim: [['a', 1.5]] },
        ] as Update[]) {
          await expect(table.write(update(key, change))).rejects.toMatchObject(invalid);
        }
        for (const empty of [all(), any(), all(exists('a'), any())]) {
          await expect(table.write(put({ ...key }, empty))).rejects.toMatchObject(invalid);
        }
      });

      test('transactions of none, of too many, of two actions on one item, and bad tokens', async () => {
        const puts = Array.from({ length: 101 }, (_, index) => put({ pk: key.pk, sk: `i${index}` }));
        await expect(table.transact([], 'token')).rejects.toMatchObject(invalid);
        await expect(table.transact(puts, 'token')).rejects.toMatchObject(invalid);
        await expect(table.transact([put({ ...key }), check(key, exists('a'))], 'token')).rejects.toMatchObject(
          invalid,
        );
        for (const bad of ['', 'x'.repeat(37)])
          await expect(table.transact(puts.slice(0, 1), bad)).rejects.toMatchObject(invalid);
        expect(await table.query({ pk: key.pk, strong: true })).toEqual({ items: [], more: false });
      });

      test('queries with bad bounds and limits', async () => {
        for (const limit of [0, 1001, 1.5])
          await expect(table.query({ pk: 'a', limit })).rejects.toMatchObject(invalid);
        for (const bound of ['from', 'through', 'after']) {
          for (const bad of ['', 'x'.repeat(1025)])
            await expect(table.query({ pk: 'a', [bound]: bad })).rejects.toMatchObject(invalid);
        }
        await expect(table.query({ pk: '' })).rejects.toMatchObject(invalid);
      });
    });
  });
}

/** equals, below, atMost, above, atLeast. */
function oracle(stored: Scalar, value: Scalar): boolean[] {
  if (typeof stored !== typeof value) return [false, false, false, false, false];
  const order =
    typeof stored === 'number'
      ? stored - (value as number)
      : Buffer.compare(Buffer.from(stored), Buffer.from(value as string));
  return [order === 0, order < 0, order <= 0, order > 0, order >= 0];
}

async function queryAll(table: Table, query: Query): Promise<Item[]> {
  const found: Item[] = [];
  for (let after = query.after; ; ) {
    const page = await table.query(after === undefined ? query : { ...query, after });
    expect(page.items.length).toBeLessThanOrEqual(query.limit ?? 1000);
    found.push(...page.items);
    after = page.items.at(-1)?.sk ?? after;
    if (!page.more) return found;
  }
}

function omit<V>(map: Record<string, V>, name: string): Record<string, V> {
  return Object.fromEntries(Object.entries(map).filter(([entry]) => entry !== name));
}
