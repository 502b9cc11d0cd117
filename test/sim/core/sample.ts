// `npm test` runs a sample of the small worlds, which the unchanged engine must pass. `npm run prove` runs the whole
// sets.
import { expect, test } from 'vitest';
import { samplePart } from './exhaustive.ts';
import { runCases } from './run.ts';
import type { Simulation, SmallWorld } from './worlds.ts';

export type SampleSize = {
  /**
   * One in this many single faults is run. It must have no factor in common with the number of kinds, fifteen, nor with that of
   * reads, seven, or some kinds would never be run.
   */
  readonly every: number;
  readonly pairs: number;
};

export function testSample(
  script: Simulation['script'],
  worlds: readonly SmallWorld[],
  { every, pairs }: SampleSize,
): void {
  const share = every === 1 ? 'every single fault' : `one in ${every} single faults`;
  test.each(worlds)(`$name: ${share}, and ${pairs} pairs`, async (world) => {
    const { cases, failures } = await runCases(script, world, { part: samplePart(world, every), pairs });
    expect(failures).toEqual([]);
    expect(cases.pairs).toBe(pairs);
    expect(cases['single faults']).toBeGreaterThan(5);
  });
}
