import { expect, test } from 'vitest';
import { itemSize } from '../../lib/storage/item-size.ts';
import type { Value } from '../../lib/storage/table.ts';

const key = { pk: 'p', sk: 's' };
const KEY_BYTES = 6;
const sizeOf = (value: Value) => itemSize({ ...key, n: value }) - KEY_BYTES - 1;

test('names and keys count with their UTF-8 bytes', () => {
  expect(itemSize(key)).toBe(KEY_BYTES);
  expect(itemSize({ pk: 'é', sk: '\u{1f600}', ключ: '' })).toBe(2 + 2 + 2 + 4 + 8);
});

// DynamoDB Local 3.1.0 charged these sizes. We found them by filling an item up to the limit beside each value.
test.each([
  [0, 1],
  [1, 2],
  [10, 2],
  [12, 2],
  [100, 2],
  [123, 3],
  [1234, 3],
  [12_345, 4],
  [1_000_000, 2],
  [10_203, 4],
  [102_030, 4],
  [-1, 3],
  [-12, 3],
  [-123, 4],
  [Number.MAX_SAFE_INTEGER, 9],
  [Number.MIN_SAFE_INTEGER, 10],
])('the number %d has %d bytes', (value, bytes) => {
  expect(sizeOf(value)).toBe(bytes);
});

test.each([
  ['a string', 'abc', 3],
  ['a wide string', 'é\u{1f600}', 6],
  ['binary', new Uint8Array(5), 5],
  ['an empty list', [], 3],
  ['a list of one', ['abc'], 7],
  ['a list of two', ['abc', 'abc'], 11],
  ['an empty map', {}, 3],
  ['a map of one', { ab: 'abc' }, 9],
  ['a map of two', { ab: 'abc', cd: 1 }, 14],
] as [string, Value, number][])('%s', (_, value, bytes) => {
  expect(sizeOf(value)).toBe(bytes);
});
