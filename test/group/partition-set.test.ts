import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  countOf,
  covers,
  decodePartitions,
  encodePartitions,
  intersection,
  minus,
  recognised,
  setOf,
  union,
} from '../../lib/group/partition-set.ts';

const ids = ['AAAAAAAAAAAAAAAAAAAAAA', 'gAAAAAAAAAAAAAAAAAAAAA'];
const anySet = fc
  .array(fc.record({ topicId: fc.constantFrom(...ids), partitions: fc.array(fc.integer({ min: 0, max: 9_999 })) }))
  .map((list) => setOf(list.map((each) => ({ ...each, topic: `name of ${each.topicId[0]}` }))));

describe('sets of partitions', () => {
  it('are decoded as they were encoded', () => {
    fc.assert(
      fc.property(anySet, (set) => {
        expect(decodePartitions(encodePartitions(set))).toEqual(set);
      }),
    );
  });

  it('obey the laws of sets', () => {
    fc.assert(
      fc.property(anySet, anySet, (a, b) => {
        expect(union(minus(a, b), intersection(a, b))).toEqual(a);
        expect(countOf(union(a, b))).toBe(countOf(a) + countOf(b) - countOf(intersection(a, b)));
        expect(covers(union(a, b), a)).toBe(true);
        expect(intersection(minus(a, b), b)).toEqual([]);
      }),
    );
  });

  it('take four bytes for a thousand partitions in a row', () => {
    const partitions = Array.from({ length: 1_000 }, (_, p) => p);
    expect(encodePartitions([{ topic: 't', topicId: ids[0]!, partitions }])).toHaveLength(16 + 2 + 4);
  });

  it('are recognised by name alone, even while two topics of that name are known', () => {
    const known = setOf(ids.map((topicId) => ({ topic: 't', topicId, partitions: [1, 2] })));
    expect(recognised([{ topic: 't', partitions: [2] }], known)).toEqual(
      setOf(ids.map((topicId) => ({ topic: 't', topicId, partitions: [2] }))),
    );
    expect(recognised([{ topic: 't', topicId: ids[1]!, partitions: [1] }], known)).toEqual([
      { topic: 't', topicId: ids[1], partitions: [1] },
    ]);
    expect(recognised([{ topic: 't', partitions: [3] }], known)).toBeUndefined();
  });
});
