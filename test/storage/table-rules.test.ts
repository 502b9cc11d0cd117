// The contract cannot ask these rules of every adapter.
import { expect, test } from 'vitest';
import type { Item, Update } from '../../lib/storage/table.ts';
import { checkTransaction, checkWrite, type Rows, runTransaction, runWrite } from '../../lib/storage/table-rules.ts';

const key = { pk: 'p', sk: 's' };

function rowsWith(...items: Item[]): Rows & { readonly items: Item[] } {
  return {
    items,
    get: ({ pk, sk }) => items.find((item) => item.pk === pk && item.sk === sk),
    put: (item) => void items.push(item),
    delete: ({ pk, sk }) =>
      void items.splice(0, items.length, ...items.filter((item) => item.pk !== pk || item.sk !== sk)),
  };
}

test('an update that only removes attributes makes no item, as in DynamoDB (DynamoDB Local makes one)', () => {
  const rows = rowsWith();
  const result = runWrite(rows, { kind: 'update', key, update: { remove: ['a'] } });
  expect(result).toEqual({ applied: true, item: undefined });
  expect(rows.items).toEqual([]);
});

test('a sum that is not a safe integer is refused and changes nothing', () => {
  const item = { ...key, n: Number.MAX_SAFE_INTEGER, m: 0 };
  const rows = rowsWith(item);
  const update: Update = {
    add: [
      ['m', 1],
      ['n', 1],
    ],
  };
  expect(() => runWrite(rows, { kind: 'update', key, update })).toThrow(
    'n: expected a safe integer, got 9007199254740992',
  );
  expect(rows.items).toEqual([{ ...key, n: Number.MAX_SAFE_INTEGER, m: 0 }]);
});

test('an update does not change the stored item object in place', () => {
  const old = Object.freeze({ ...key, n: 1, list: Object.freeze(['a']), map: Object.freeze({ a: 1 }) });
  const update: Update = { add: [['n', 1]], append: [['list', ['b']]], set: [[['map', 'b'], 2]] };
  const result = runWrite(rowsWith(old), { kind: 'update', key, update });
  expect(result).toEqual({ applied: true, item: { ...key, n: 2, list: ['a', 'b'], map: { a: 1, b: 2 } } });
  expect(old).toEqual({ ...key, n: 1, list: ['a'], map: { a: 1 } });
});

test('an update that is given a whole item as its key uses only the key', () => {
  const wide: Item = { ...key, other: 1 };
  const result = runWrite(rowsWith(), { kind: 'update', key: wide, update: { set: [['a', 1]] } });
  expect(result).toEqual({ applied: true, item: { ...key, a: 1 } });
});

test('a transaction with one action that does not fit changes no row', () => {
  const rows = rowsWith({ ...key, n: 1 });
  const actions = [
    { kind: 'delete', key } as const,
    { kind: 'update', key: { pk: 'p', sk: 'other' }, update: { trim: [['list', 1]] } } as const,
  ];
  expect(() => runTransaction(rows, actions)).toThrow('does not fit the item "p" "other"');
  expect(rows.items).toEqual([{ ...key, n: 1 }]);
});

test.each([
  [() => checkWrite({ kind: 'delete', key: { pk: '', sk: 's' } }), 'pk: expected 1..2048 bytes of UTF-8, got 0'],
  [() => checkWrite({ kind: 'put', item: { ...key, a: { b: 0.5 } } }), 'a.b: expected a safe integer, got 0.5'],
  [
    () => checkWrite({ kind: 'put', item: { ...key, a: null as never } }),
    'a: expected a string, a number or binary, got null',
  ],
  [
    () => checkWrite({ kind: 'update', key, update: { trim: [['t', 101]] } }),
    'the trim of t: expected 1..100, got 101',
  ],
  [
    () => checkWrite({ kind: 'update', key, update: { remove: ['a', ['a', 'b']] } }),
    'two parts of an update touch ["a","b"]',
  ],
  [() => checkTransaction([{ kind: 'delete', key }], ''), 'the length of the token: expected 1..36, got 0'],
  [
    () =>
      checkTransaction(
        [
          { kind: 'delete', key },
          { kind: 'delete', key },
        ],
        't',
      ),
    'a transaction has two actions on the item "p" "s"',
  ],
])('a refusal names the field, the limit and the value', (refused, words) => {
  expect(refused).toThrow(words);
});
