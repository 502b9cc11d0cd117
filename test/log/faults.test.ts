// Every port call of an append fails or loses its reply, one at a time, and the client retries as real clients do.
// After each case: every acknowledged record is readable once at its offset; there are no holes and no duplicates of an
// idempotent producer; and each error told the truth about the data.
import { describe, expect, test } from 'vitest';
import { RivuletError } from '../../lib/api/errors.ts';
import { createEngine } from '../../lib/engine.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import { retryingObjectStore, retryingTable } from '../../lib/storage/retry.ts';
import { breakOne, type Fault, faults } from './break-one.ts';
import { batchOf, createTestClock, readAll, tryAppend, valuesOf } from './world.ts';

type Scenario = { name: string; before: number; idempotent: boolean; expectedOffset?: true; evicted?: true };

const scenarios: Scenario[] = [
  { name: 'first append of a producer', before: 0, idempotent: true },
  { name: 'append that spills', before: 23, idempotent: true },
  { name: 'append of a producer that was evicted', before: 60, idempotent: true, evicted: true },
  { name: 'append without a producer id', before: 3, idempotent: false },
  { name: 'append without a producer id that spills', before: 26, idempotent: false },
  { name: 'append with expectedOffset', before: 5, idempotent: true, expectedOffset: true },
];

/** With `mostTries` 1 the client does not repeat, so the one error can be compared with the log. */
async function run(
  scenario: Scenario,
  fault: Fault,
  at: number,
  retries: boolean,
  mostTries: number,
): Promise<boolean> {
  const clock = createTestClock();
  const broken = breakOne(fault, at, 2);
  const bare = { objects: createMemoryObjectStore({ clock }), table: createMemoryTable() };
  const objects = broken.objects(bare.objects);
  const table = broken.table(bare.table);
  const ports = retries
    ? { objects: retryingObjectStore(objects, clock), table: retryingTable(table, clock) }
    : { objects, table };
  const engine = createEngine({ ...ports, clock });
  await engine.createTopic({ topic: 't' });
  const { producerId } = await engine.newProducer();
  const identity = (baseSequence: number) =>
    scenario.idempotent ? { producerId, producerEpoch: 0, baseSequence } : {};
  let sequence = 0;
  const isOwn = (i: number) => !scenario.evicted || i < 2;
  for (let i = 0; i < scenario.before; i++) {
    const options = isOwn(i)
      ? identity(sequence++)
      : { producerId: (await engine.newProducer()).producerId, producerEpoch: 0, baseSequence: 0 };
    await tryAppend(engine, 0, batchOf([`before${i}`], options));
  }

  // A process that starts now knows nothing, as is usual in a fleet.
  const fresh = createEngine({ ...ports, clock });
  const batch = batchOf(['x', 'y'], identity(sequence));
  const expectedOffset = scenario.expectedOffset ? scenario.before : undefined;
  broken.arm();
  const acks: number[] = [];
  const outcomes: string[] = [];
  for (let tries = 0; tries < mostTries && acks.length === 0; tries++) {
    const result = await tryAppend(fresh, 0, batch, expectedOffset).catch((error: unknown) => ({
      error: error as RivuletError,
    }));
    if (!('error' in result)) acks.push(result.baseOffset);
    else outcomes.push(outcomeOf(result.error));
    // Other writers continue meanwhile, so that a delayed duplicate lands among spills.
    if (acks.length === 0 && !scenario.expectedOffset)
      for (let i = 0; i < 3; i++) await tryAppend(fresh, 0, batchOf([`other${tries}.${i}`]));
  }
  const fired = broken.fired();
  await broken.settle();

  const records = await readAll(createEngine({ ...bare, clock }), 0);
  expect(records.map(({ offset }) => offset)).toEqual(records.map((_, i) => i));
  const copies = valuesOf(records).filter((value) => value === 'x').length;
  if (acks.length === 0) {
    expect(mostTries).toBe(1);
    if (outcomes[0] === 'not-written') expect(copies).toBe(0);
    if (outcomes[0] === 'written') expect(copies).toBe(1);
    return fired;
  }
  expect(valuesOf(records.slice(acks[0], acks[0]! + 2))).toEqual(['x', 'y']);
  if (scenario.idempotent) expect(copies).toBe(1);
  // For each copy beyond the acknowledged one there must be an error that said the outcome was unknown.
  expect(copies - 1).toBeLessThanOrEqual(outcomes.filter((outcome) => outcome === 'unknown').length);
  return fired;
}

function outcomeOf(error: unknown): string {
  expect(error).toBeInstanceOf(RivuletError);
  const { outcome } = error as RivuletError;
  expect(outcome, String(error)).toBeDefined();
  return outcome!;
}

describe.each([false, true])('retries in the adapter: %s', (retries) => {
  describe.each(scenarios)('$name', (scenario) => {
    test.each(faults)('%s at every step leaves the log and every answer right', async (fault) => {
      let steps = 0;
      while (await run(scenario, fault, steps, retries, 4)) steps++;
      for (let step = 0; step < steps; step++) await run(scenario, fault, step, retries, 1);
      expect(steps).toBeGreaterThanOrEqual(3);
    });
  });
});
