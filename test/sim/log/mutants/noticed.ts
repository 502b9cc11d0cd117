// Every guard of the append path is taken out in turn: a world must notice, and name what it sees; and the library as it
// is must pass that very world. A guard whose removal nothing notices is needless, or untested.
import { expect, test } from 'vitest';
import { type Lib, mutated, realLib } from '../../core/lib-under-test.ts';
import { check } from '../check/check.ts';
import type { Mutant } from './mutant.ts';
import type { MutantWorld } from './small-world.ts';

/** Seeds tried after the known one: another library is another history. */
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
  test.each(mutants)('$name: noticed in $world.name', async (mutant) => {
    const seed = await caught(mutant, await mutated(mutant));
    const name = `${mutant.world.name} ${seed}`;
    if (!passed.has(name)) expect(await anomalies(realLib, mutant.world, seed)).toEqual([]);
    passed.add(name);
  });
}
