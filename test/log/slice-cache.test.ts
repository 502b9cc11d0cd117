import { expect, test } from 'vitest';
import { createSliceCache } from '../../lib/log/slice-cache.ts';

const some = (...names: string[]) => new Map(names.map((name) => [name, []]));

test('what was read together is dropped together, the least used first', () => {
  const cache = createSliceCache(100);
  cache.keep(some('a', 'b'), 40, false);
  cache.keep(some('c'), 40, false);
  cache.get('a');
  cache.keep(some('d'), 40, false);
  expect(['a', 'b', 'c', 'd'].map(cache.has)).toEqual([true, true, false, true]);
});

test('memory that is larger than the cache is not kept, and nothing leads to it', () => {
  const cache = createSliceCache(100);
  cache.keep(some('a'), 101, true);
  expect(cache.has('a')).toBe(false);
  expect(cache.hasRoomAhead(50)).toBe(true);
});

test('what was read ahead takes at most half, until somebody asks for it or it is dropped', () => {
  const cache = createSliceCache(100);
  cache.keep(some('a'), 30, true);
  expect(cache.hasRoomAhead(21)).toBe(false);
  expect(cache.hasRoomAhead(20)).toBe(true);
  cache.get('a');
  cache.get('a');
  expect(cache.hasRoomAhead(50)).toBe(true);
  expect(cache.hasRoomAhead(51)).toBe(false);
  cache.keep(some('b'), 50, true);
  cache.keep(some('c'), 100, false);
  expect(cache.has('b')).toBe(false);
  expect(cache.hasRoomAhead(50)).toBe(true);
  expect(cache.hasRoomAhead(51)).toBe(false);
});
