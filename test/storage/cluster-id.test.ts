import { expect, test } from 'vitest';
import { systemClock } from '../../lib/runtime/clock.ts';
import { clusterIdOf } from '../../lib/storage/cluster-id.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';

test('all processes that ask at the same time get one id, and so does one that asks later', async () => {
  const table = createMemoryTable();
  const ids = await Promise.all(Array.from({ length: 5 }, () => clusterIdOf(table, systemClock)));
  expect(new Set([...ids, await clusterIdOf(table, systemClock)]).size).toBe(1);
  expect(ids[0]).toMatch(/^[\w-]{22}$/);
  expect(await clusterIdOf(createMemoryTable(), systemClock)).not.toBe(ids[0]);
});
