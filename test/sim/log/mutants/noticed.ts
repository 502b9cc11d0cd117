// Every guard of the append path is taken out in turn. A world must notice and name what it sees, and the unchanged
// library must pass that same world. If no world notices that a guard is gone, the guard is needless or untested.
import { expect, test } from 'vitest';
import { type Lib, mutated, realLib } from '../../core/lib-under-test.ts';
import { check } from '../check/check.ts';
import type { Mutant } from './mutant.ts';
import type { MutantWorld } from './small-world.ts';

/**
 * The number of seeds tried after the known one. A changed library gives another history, so the known seed may miss.
 */
const mostSeeds = 40;

export const anomalies = async (lib: Lib, world: MutantWorld, seed: number) =>
  (await world.run(lib, seed)).flatMap((history) => check(history));

async function caught({ world, seed = 1, caughtBy }: Mutant, lib: Lib): Promise<number> {
  for (let at = seed; at < seed + mostSeeds; at++) {
    const found = await anomalies(lib, world, at);
    if (found.some(({ name }) => caughtBy.includes(name))) return at;
  }
  throw new Error(`not noticed in ${world.name}, seeds ${seed} to ${seed + mostSeeds - 1}`);
}

export function testMutants(mutants: readonly Mutant[]): void {
  const passed = new Set<string>();
  test.each(mutants)('the mutant $name is noticed in $world.name', async (mutant) => {
    const seed = await caught(mutant, await mutated(mutant));
    const name = `${mutant.world.name} ${seed}`;
    if (!passed.has(name)) expect(await anomalies(realLib, mutant.world, seed)).toEqual([]);
    passed.add(name);
  });
}
