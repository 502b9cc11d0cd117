// Every guard of the classic protocol is taken out in turn. A world must notice, and the unchanged protocol must pass the
// very same world.
import { expect, test } from 'vitest';
import { mutated } from '../../core/lib-under-test.ts';
import { type ClassicMutant, classicMutants } from './mutants.ts';
import { classicWorlds, runClassicWorld } from './world.ts';

/** The number of seeds tried from the known one on. A changed library gives another history, so the known seed may miss. */
const mostSeeds = 60;

async function noticed(mutant: ClassicMutant) {
  const { createEngine: newEngine } = await mutated(mutant);
  for (let seed = mutant.seed; seed < mutant.seed + mostSeeds; seed++) {
    const world = { ...classicWorlds[mutant.world], seed };
    const { complaints } = await runClassicWorld({ ...world, newEngine });
    const found = complaints.find((one) => mutant.caughtBy.some((anomaly) => one.startsWith(`${anomaly}:`)));
    if (found) return { seed, complaint: found, without: (await runClassicWorld(world)).complaints };
  }
  return undefined;
}

test.each(classicMutants)('a world notices the mutant $name', { timeout: 300_000 }, async (mutant) => {
  expect(await noticed(mutant)).toMatchObject({ without: [] });
});
