// The hourly care of the embedded backend also removes what DynamoDB would remove by itself.
import { afterEach, expect, test, vi } from 'vitest';
import { startHourlyCare } from '../../local/hourly-care.ts';
import { createWorld } from '../log/world.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('items whose time is over are removed a minute after the start, once an hour, and not after the end', async () => {
  vi.useFakeTimers();
  const { engine } = createWorld();
  const failures: unknown[] = [];
  let runs = 0;
  const end = startHourlyCare(engine, (error) => failures.push(error), {
    removeExpired: async () => {
      runs++;
      throw new Error('the disk');
    },
  });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(runs).toBe(1);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect([runs, failures.length]).toEqual([2, 2]);
  end();
  await vi.advanceTimersByTimeAsync(7_200_000);
  expect(runs).toBe(2);
});
