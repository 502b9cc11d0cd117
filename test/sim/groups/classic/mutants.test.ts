// Every guard of the classic protocol is taken out in turn. A world or a story must notice, and the unchanged
// protocol must pass the very same one.
import { expect, test } from 'vitest';
import { createEngine } from '../../../../lib/engine.ts';
import { mutated } from '../../core/lib-under-test.ts';
import { type ClassicMutant, classicMutants } from './mutants.ts';
import { smallClassicWorlds } from './small-worlds.ts';
import { classicWorlds, runClassicWorld } from './world.ts';

/** The number of seeds tried from the known one on. A changed library gives another history, so the known seed may miss. */
const mostSeeds = 60;

async function noticed(mutant: ClassicMutant) {
  const { createEngine: newEngine } = await mutated(mutant);
  if ('story' in mutant) {
    const complaint = await mutant.story(newEngine);
    const passed = (await mutant.story(createEngine)) === undefined;
    return complaint === undefined ? undefined : { complaint, without: passed ? [] : ['the story'] };
  }
  if ('small' in mutant) {
    const run = await smallClassicWorlds.find(({ name }) => name === mutant.small)!.prepare();
    const { complaints } = await run(0, new Map(), { newEngine });
    const complaint = complaints.find((one) => mutant.caughtBy.some((anomaly) => one.startsWith(`${anomaly}:`)));
    return complaint && { complaint, without: (await run(0, new Map())).complaints };
  }
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
