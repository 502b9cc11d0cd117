// A failing seed is made small. An engine without the condition of its appends fails in a large world, and the shrunk
// world has only a handful of clients and the faults that it needs.
import { expect, test } from 'vitest';
import { createEngine } from '../../../lib/engine.ts';
import type { Write } from '../../../lib/storage/table.ts';
import { shrink } from './shrink.ts';
import { defaultWorld, runWorld } from './world.ts';

function careless(write: Write): Write {
  if (write.kind !== 'update' || !write.update.append) return write;
  const { if: _condition, ...rest } = write;
  return rest;
}

const carelessEngine: typeof createEngine = ({ table, ...ports }) =>
  createEngine({ ...ports, table: { ...table, write: (write) => table.write(careless(write)) } });

test('a failing world is shrunk to the faults that it needs', async () => {
  const failing = { ...defaultWorld, seed: 1, newEngine: carelessEngine };
  let met = 0;
  const { complaints } = await runWorld({ ...failing, met: () => met++ });
  expect(complaints.join()).toMatch(/duplicate from an idempotent producer/);
  const smallest = await shrink(failing);
  expect((await runWorld(smallest)).complaints).not.toEqual([]);
  expect(smallest.partitions).toBe(1);
  const faults = [...smallest.faults!];
  expect(faults.length).toBeGreaterThan(0);
  expect(faults.length).toBeLessThan(met / 5);
  for (const [call] of faults) {
    const without = new Map(faults.filter(([other]) => other !== call));
    expect((await runWorld({ ...smallest, faults: without })).complaints, `without ${call}`).toEqual([]);
  }
});
