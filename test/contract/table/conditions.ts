// The part of the Table contract about conditions: which of them hold, on items and attributes that exist or are missing.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  above,
  absent,
  all,
  any,
  atLeast,
  atMost,
  below,
  type Condition,
  contains,
  equals,
  exists,
  type Key,
  lacks,
  type Scalar,
} from '../../../lib/storage/table.ts';
import { anyScalar, bin, keyOf, type Subject, update } from './subject.ts';

export function conditions({ write, ownKey, seed }: Subject): void {
  describe('a condition', () => {
    /** Tries the condition with an update that changes nothing of meaning. */
    const holdsFor = async (key: Key, condition: Condition) =>
      (await write(update(key, { set: [['touched', 1]] }, condition))).applied;
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

    test('may be a group of one part, also within another group', async () => {
      const key = keyOf(await seed({ a: 1, l: ['x'] }));
      await expectAll(key, [
        all(equals('a', 1)),
        any(all(equals('a', 1))),
        all(any(lacks('l', 'y'))),
        all(any(absent('z'), exists('a'))),
      ]);
      await expectNone(key, [all(any(equals('a', 2))), any(all(all(lacks('l', 'x'))))]);
    });

    test('compares strings by UTF-8 and binary as unsigned bytes', async () => {
      const key = keyOf(await seed({ s: '\uff5e', b: bin(0x80), short: bin(1), n: -5 }));
      await expectAll(key, [
        all(below('s', '\u{1f600}'), above('s', '\ud7ff'), above('b', bin(0x7f)), below('b', bin(0xff))),
        all(below('short', bin(1, 0)), above('short', bin()), above('short', bin(0, 255)), atLeast('n', -5)),
        all(below('n', -4), below('n', 10), above('n', -10)),
      ]);
    });

    test('is false for a missing path or another type, whatever the comparison', async () => {
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

    test('contains and lacks see elements of lists, and only those of the same type', async () => {
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

    test('may nest', async () => {
      const key = keyOf(await seed({ a: 1, b: 2 }));
      const [yes, no] = [equals('a', 1), equals('a', 2)];
      await expectAll(key, [any(no, all(yes, any(no, yes))), all(any(no, yes), any(yes, no)), all(yes), any(yes)]);
      await expectNone(key, [all(yes, any(no, all(yes, no))), any(all(no, yes), no), all(no), any(no)]);
      await expectAll(key, [all(all(yes, yes)), any(all(any(no, yes)))]);
    });

    test('on a missing item: only absent and lacks hold', async () => {
      await expectAll(ownKey(), [all(absent('a'), absent(['a', 'b']), lacks('a', 1))]);
      await expectNone(ownKey(), [any(exists('a'), contains('a', 1), ...comparisons('a', 0))]);
    });
  });
}

/** The expected results of equals, below, atMost, above and atLeast. */
function oracle(stored: Scalar, value: Scalar): boolean[] {
  if (typeof stored !== typeof value) return [false, false, false, false, false];
  const order =
    typeof stored === 'number'
      ? stored - (value as number)
      : Buffer.compare(Buffer.from(stored), Buffer.from(value as string));
  return [order === 0, order < 0, order <= 0, order > 0, order >= 0];
}
