import { expect, test } from 'vitest';
import { createKeyMap } from '../../../lib/maintenance/compaction/key-map.ts';
import { text } from '../../log/world.ts';

const salt = new Uint8Array(16).fill(7);

test('a full map has the greatest offset of every key, also of keys of any length', () => {
  const map = createKeyMap(5_000, salt);
  const keyOf = (i: number) => text(`${i}`.repeat(1 + (i % 900)));
  for (let i = 0; i < 5_000; i++) map.put(keyOf(i), i);
  for (let i = 0; i < 5_000; i += 2) map.put(keyOf(i), 2 ** 52 + i);
  map.put(keyOf(2), 1);
  expect(map.size).toBe(5_000);
  for (let i = 0; i < 5_000; i++) expect(map.newestOf(keyOf(i))).toBe(i % 2 ? i : 2 ** 52 + i);
  expect(map.newestOf(text('another'))).toBe(-1);
  expect(() => map.put(text('another'), 1)).toThrow('at most 5000');
});

test('offset 0 and the empty key count', () => {
  const map = createKeyMap(1, salt);
  expect(map.newestOf(text(''))).toBe(-1);
  map.put(text(''), 0);
  expect(map.newestOf(text(''))).toBe(0);
});
