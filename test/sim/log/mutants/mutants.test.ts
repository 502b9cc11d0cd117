// Every guard of the append path is taken out in turn: a world must notice, and name what it sees; and the library as it
// is must pass that very world. A guard whose removal nothing notices is needless, or untested.
import { expect, test } from 'vitest';
import { check } from '../check/check.ts';
import { type Lib, mutated, realLib } from '../../core/lib-under-test.ts';
import { answerMutants } from './answer-mutants.ts';
import { conditionMutants } from './condition-mutants.ts';
import { indexMutants } from './index-mutants.ts';
import type { Mutant } from './mutant.ts';
import type { MutantWorld } from './small-world.ts';
import { topicMutants } from './topic-mutants.ts';
import { worlds } from './worlds.ts';

/** Of each world, without a mutant. */
const cleanSeeds = 2;
/** Seeds tried after the known one: another library is another history. */
const mostSeeds = 40;

const anomalies = async (lib: Lib, world: MutantWorld, seed: number) =>
  (await world.run(lib, seed)).flatMap((history) => check(history));

async function caught({ world, seed = 1, caughtBy }: Mutant, lib: Lib): Promise<number> {
  for (let at = seed; at < seed + mostSeeds; at++) {
    const found = await anomalies(lib, world, at);
    if (found.some(({ name }) => caughtBy.includes(name))) return at;
  }
  throw new Error(`not noticed in ${world.name}, seeds ${seed} to ${seed + mostSeeds - 1}`);
}

const passed = new Set<string>();

test.each([...conditionMutants, ...answerMutants, ...indexMutants, ...topicMutants])(
  '$name: noticed in $world.name',
  async (mutant) => {
    const seed = await caught(mutant, await mutated(mutant));
    const name = `${mutant.world.name} ${seed}`;
    if (!passed.has(name)) expect(await anomalies(realLib, mutant.world, seed)).toEqual([]);
    passed.add(name);
  },
);

test.each(Object.values(worlds))('nothing to notice in $name', async (world) => {
  for (let seed = 1; seed <= cleanSeeds; seed++)
    expect(await anomalies(realLib, world, seed), `seed ${seed}`).toEqual([]);
});
