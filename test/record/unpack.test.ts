import { afterEach, expect, test } from 'vitest';
import { limits } from '../../lib/api/limits.ts';
import { decodeBatch, encodeBatch } from '../../lib/record/batch.ts';
import type { Compression } from '../../lib/record/compression.ts';
import { newUnpackBudget, repacked, withOpenBatch } from '../../lib/record/unpack.ts';

const batchOf = (bytes: number, compression: Compression = 'lz4') =>
  encodeBatch([{ key: null, value: new Uint8Array(bytes), headers: [], timestampMs: 1 }], { compression });
const large = batchOf(4 * 2 ** 20);
const small = batchOf(70);

const leaving: (() => void)[] = [];
afterEach(() => {
  for (const leave of leaving.splice(0)) leave();
});

/** Two requests that are at work on large batches until the test ends: nobody else gets in. */
async function keepTwoAtWork(): Promise<void> {
  for (const _ of [1, 2]) {
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    leaving.push(leave);
    await new Promise<void>((resolve) => {
      void withOpenBatch(large, newUnpackBudget(), () => {
        resolve();
        return left;
      });
    });
  }
}

const countRecords = (bytes: Uint8Array, signal?: AbortSignal) =>
  withOpenBatch(bytes, newUnpackBudget(signal), async (batch) => [...batch.records()].length);

test('a client that leaves while it waits gives up its place, and the others go on', async () => {
  await keepTwoAtWork();
  const left = new AbortController();
  const abandoned = Array.from({ length: limits.waitingUnpacks }, () => countRecords(large, left.signal));
  left.abort();
  expect(new Set(await Promise.all(abandoned))).toEqual(new Set(['spent']));
  const waiting = countRecords(large);
  leaving.pop()?.();
  expect(await waiting).toBe(1);
});

test('for a client that has left, nothing is unpacked', async () => {
  expect(await countRecords(large, AbortSignal.abort())).toBe('spent');
  expect(await countRecords(small, AbortSignal.abort())).toBe('spent');
});

test.each(['lz4', 'snappy'] as const)('a client that leaves ends %s between two steps', async (codec) => {
  const left = new AbortController();
  let isUsed = false;
  const work = withOpenBatch(batchOf(16 * 2 ** 20, codec), newUnpackBudget(left.signal), async () => {
    isUsed = true;
  });
  setImmediate(() => left.abort());
  expect(await work).toBe('spent');
  expect(isUsed).toBe(false);
});

test('more than so many do not wait: they are told to come back', async () => {
  await keepTwoAtWork();
  const left = new AbortController();
  const waiting = Array.from({ length: limits.waitingUnpacks }, () => countRecords(large, left.signal));
  await expect(countRecords(large)).rejects.toMatchObject({
    errorCode: 'THROTTLED',
    message: '32 requests wait to unpack a large batch already (waitingUnpacks): come back later',
  });
  await expect(repacked(large, 0, 'zstd', large.length, newUnpackBudget())).rejects.toMatchObject({
    errorCode: 'THROTTLED',
  });
  expect(await countRecords(small)).toBe(1);
  left.abort();
  await Promise.all(waiting);
});

test('a small batch is packed by another codec without waiting for the large ones', async () => {
  await keepTwoAtWork();
  const budget = newUnpackBudget();
  const packed = await repacked(small, 0, 'zstd', 1_000, budget);
  expect(decodeBatch(packed)).toMatchObject({ header: { compression: 'zstd' }, records: [{ offset: 0 }] });
  expect(limits.unpackedBytes - budget.leftBytes).toBeLessThan(100);
});

test('a large batch that is packed by another codec takes its size of the budget, once', async () => {
  const budget = newUnpackBudget();
  await repacked(large, 0, 'zstd', large.length, budget);
  expect(Math.floor((limits.unpackedBytes - budget.leftBytes) / 2 ** 20)).toBe(4);
});
