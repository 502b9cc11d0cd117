import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inParallel } from '../lib/concurrency.ts';

const items = Array.from({ length: 100 }, (_, i) => i);

test('results come in the order of the items, with no more than the limit at work', async () => {
  let working = 0;
  let most = 0;
  const results = await inParallel(items, 7, async (item) => {
    most = Math.max(most, ++working);
    await pause(item % 3);
    working--;
    return item * 2;
  });
  expect(results).toEqual(items.map((item) => item * 2));
  expect(most).toBe(7);
});

test('after an error nothing more is begun', async () => {
  let begun = 0;
  const failing = inParallel(items, 4, async (item) => {
    begun++;
    await pause(1);
    if (item === 2) throw new Error('the third');
  });
  await expect(failing).rejects.toThrow('the third');
  await pause(20);
  expect(begun).toBeLessThanOrEqual(8);
});
