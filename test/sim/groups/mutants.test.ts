// Every guard of the group coordinator is taken out in turn: a world or a story must notice, and name what it sees; and the
// coordinator as it is passes every story.
import { expect, test } from 'vitest';
import { createEngine } from '../../../lib/create-engine.ts';
import { mutated } from '../core/lib-under-test.ts';
import { type GroupMutant, groupMutants } from './mutants.ts';
import { groupStories } from './stories.ts';
import { groupWorlds, runGroupWorld } from './world.ts';

/** Seeds tried after the known one: another library is another history. */
const mostSeeds = 40;

async function noticed(mutant: GroupMutant): Promise<string | undefined> {
  const { createEngine: newEngine } = await mutated(mutant);
  if ('story' in mutant) return mutant.story(newEngine);
  for (let seed = mutant.seed; seed < mutant.seed + mostSeeds; seed++) {
    const { complaints } = await runGroupWorld({ ...groupWorlds[mutant.world], seed, newEngine });
    const found = complaints.find((complaint) =>
      mutant.caughtBy.some((anomaly) => complaint.startsWith(`${anomaly}:`)),
    );
    if (found) return found;
  }
  return undefined;
}

test.each(groupMutants)('$name: noticed', { timeout: 120_000 }, async (mutant) => {
  expect(await noticed(mutant)).toBeDefined();
});

test.each(Object.entries(groupStories))('nothing to notice in the story of %s', async (_name, story) => {
  expect(await story(createEngine)).toBeUndefined();
});
