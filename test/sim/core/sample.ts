// What `npm test` runs of the small worlds: a sample, which the unchanged engine passes. The whole sets: npm run prove.
import { expect, test } from 'vitest';
import { samplePart } from './exhaustive.ts';
import { runCases } from './run.ts';
import type { Simulation, SmallWorld } from './worlds.ts';

export type SampleSize = {
  /** Of the single faults: every so many-th. No divisor of fifteen, which is how many kinds there are. */
  readonly every: number;
  readonly pairs: number;
};

export function testSample(
  script: Simulation['script'],
  worlds: readonly SmallWorld[],
  { every, pairs }: SampleSize,
): void {
  test.each(worlds)(`$name: one in ${every} single faults, and ${pairs} pairs`, { timeout: 120_000 }, async (world) => {
    const { cases, failures } = await runCases(script, world, { part: samplePart(world, every), pairs });
    expect(failures).toEqual([]);
    expect(cases.pairs).toBe(pairs);
    expect(cases['single faults']).toBeGreaterThan(5);
  });
}
