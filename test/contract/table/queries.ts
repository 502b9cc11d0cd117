// The part of the Table contract about queries: order, ranges, directions, pages.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Item, Query, Table } from '../../../lib/storage/table.ts';
import { byUtf8, put, type Subject } from './subject.ts';

export function queries({ write, query, ownKey }: Subject): void {
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
      await Promise.all(sks.map((sk) => write(put({ pk, sk, n: 1 }))));
      return pk;
    };
    const sksOf = async (request: Query) =>
      (await queryAll(query, { strong: true, ...request })).map((item) => item.sk);

    test('of nothing is empty', async () => {
      expect(await query({ pk: ownKey().pk })).toEqual({ items: [], more: false });
    });

    test('gives whole items in the order of UTF-8 bytes, in both directions', async () => {
      const pk = await fill(texts);
      const sorted = [...texts].sort(byUtf8);
      expect(await queryAll(query, { pk, strong: true })).toEqual(sorted.map((sk) => ({ pk, sk, n: 1 })));
      expect(await sksOf({ pk, reverse: true })).toEqual(sorted.toReversed());
      expect(await sksOf({ pk, reverse: true, limit: 3 })).toEqual(sorted.toReversed());
    });

    test('takes any range, from any point, in pages of any size', async () => {
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

    test('is empty if `from` is after `through`', async () => {
      const pk = await fill(['a', 'b', 'c']);
      expect(await query({ pk, from: 'c', through: 'a' })).toEqual({ items: [], more: false });
      expect(await query({ pk, from: 'a', through: 'b', after: 'c' })).toEqual({ items: [], more: false });
      expect(await query({ pk, from: 'b', after: 'a', reverse: true })).toEqual({ items: [], more: false });
    });

    test('says that more follows, page by page', async () => {
      const pk = await fill(['a', 'b', 'c']);
      const first = await query({ pk, limit: 2, strong: true });
      expect([first.items.map((item) => item.sk), first.more]).toEqual([['a', 'b'], true]);
      const second = await query({ pk, limit: 2, after: 'b', strong: true });
      expect([second.items.map((item) => item.sk), second.more]).toEqual([['c'], false]);
    });

    test('pages through more than one reply of DynamoDB can hold', async () => {
      const { pk } = ownKey();
      const large = 'x'.repeat(300_000);
      for (let index = 0; index < 5; index++) await write(put({ pk, sk: `${index}`, large }));
      expect(await sksOf({ pk })).toEqual(['0', '1', '2', '3', '4']);
      expect(await sksOf({ pk, reverse: true, from: '1' })).toEqual(['4', '3', '2', '1']);
    });
  });
}

async function queryAll(query: Table['query'], request: Query): Promise<Item[]> {
  const found: Item[] = [];
  for (let after = request.after; ; ) {
    const page = await query(after === undefined ? request : { ...request, after });
    expect(page.items.length).toBeLessThanOrEqual(request.limit ?? 1000);
    found.push(...page.items);
    after = page.items.at(-1)?.sk ?? after;
    if (!page.more) return found;
  }
}
