// The part of the Table contract about transactions: all or none, which action failed, tokens, transactions in parallel.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { StorageError } from '../../../lib/storage/storage-error.ts';
import { above, absent, atLeast, atMost, equals, exists, type TransactionResult } from '../../../lib/storage/table.ts';
import { tokenReused } from '../../../lib/storage/table-rules.ts';
import { bin, check, keyOf, put, remove, type Subject, update } from './subject.ts';

export function transactions({ write, transact, query, get, ownKey, seed }: Subject): void {
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
      expect(await transact(actions, token())).toEqual({ applied: true });
      expect(await Promise.all([a, b, c, d].map((item) => get(item)))).toEqual([
        { ...a, n: 2 },
        undefined,
        c,
        { ...d, n: 5 },
      ]);
    });

    test('that is refused applies nothing and says which actions failed, with the old items', async () => {
      const [a, b, c, d] = [await seed({ n: 1 }), await seed({ n: 2, b: bin(7) }), await seed({ n: 3 }), ownKey()];
      const actions = [
        update(keyOf(a), { add: [['n', 1]] }, equals('n', 1)),
        remove(keyOf(b), equals('n', 7)),
        put({ ...keyOf(c), n: 9 }),
        check(d, exists('n')),
      ];
      expect(await transact(actions, token())).toEqual({
        applied: false,
        failures: [{ failed: false }, { failed: true, old: b }, { failed: false }, { failed: true }],
      });
      expect(await Promise.all([a, b, c, d].map((item) => get(item)))).toEqual([a, b, c, undefined]);
    });

    test('again with the same token does nothing more', async () => {
      const item = await seed({ n: 0 });
      const actions = [update(keyOf(item), { add: [['n', 1]] }, atMost('n', 5))];
      const id = token();
      for (let time = 0; time < 3; time++) expect(await transact(actions, id)).toEqual({ applied: true });
      expect(await get(item)).toMatchObject({ n: 1 });
      await transact(actions, token());
      expect(await get(item)).toMatchObject({ n: 2 });
    });

    test('with the same token succeeds after its own write made its condition false', async () => {
      const key = ownKey();
      const actions = [put({ ...key, n: 1, bytes: bin(1, 2) }, absent('n'))];
      const id = token();
      expect(await transact(actions, id)).toEqual({ applied: true });
      expect(await transact(actions, id)).toEqual({ applied: true });
    });

    test('with the token of a refused transaction is tried again', async () => {
      const item = await seed({ n: 0 });
      const actions = [update(keyOf(item), { add: [['n', 1]] }, equals('n', 1))];
      const id = token();
      expect((await transact(actions, id)).applied).toBe(false);
      await write(update(keyOf(item), { set: [['n', 1]] }));
      expect((await transact(actions, id)).applied).toBe(true);
      expect(await get(item)).toMatchObject({ n: 2 });
    });

    test('with the token of other actions is invalid', async () => {
      const item = await seed({ n: 0 });
      const id = token();
      await transact([update(keyOf(item), { add: [['n', 1]] })], id);
      await expect(transact([update(keyOf(item), { add: [['n', 2]] })], id)).rejects.toMatchObject({
        reason: 'invalid',
        message: tokenReused(id).message,
      });
      expect(await get(item)).toMatchObject({ n: 1 });
    });

    test('that does not fit one of its items applies nothing', async () => {
      const [a, b] = [await seed({ n: 1 }), await seed({ n: 1 })];
      const actions = [update(keyOf(a), { add: [['n', 1]] }), update(keyOf(b), { set: [[['m', 'e'], 1]] })];
      await expect(transact(actions, token())).rejects.toMatchObject({
        reason: 'invalid',
        mayHaveActed: false,
      });
      expect(await Promise.all([get(a), get(b)])).toEqual([a, b]);
    });

    test('takes a hundred actions', async () => {
      const { pk } = ownKey();
      const actions = Array.from({ length: 100 }, (_, index) => put({ pk, sk: `i${index}`, index }));
      expect(await transact(actions, token())).toEqual({ applied: true });
      expect((await query({ pk, strong: true })).items).toHaveLength(100);
    });

    test('by many callers in parallel: each applies all or none, and none twice', async () => {
      const [a, b] = [await seed({ n: 100 }), await seed({ n: 0 })];
      const move = async (id: string): Promise<TransactionResult> => {
        const actions = [update(keyOf(a), { add: [['n', -1]] }, above('n', 95)), update(keyOf(b), { add: [['n', 1]] })];
        try {
          return await transact(actions, id);
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
}
