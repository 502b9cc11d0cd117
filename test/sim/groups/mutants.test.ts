// Every guard of the group coordinator is taken out in turn. A world or a story must notice, and name what it sees. The
// unchanged coordinator passes every story.
import { expect, test } from 'vitest';
import { createEngine } from '../../../lib/engine.ts';
import { mutated } from '../core/lib-under-test.ts';
import { type GroupMutant, groupMutants } from './mutants.ts';
import { groupStories } from './stories.ts';
import { groupWorlds, runGroupWorld } from './world.ts';

/**
 * The number of seeds tried after the known one. A changed library gives another history, so the known seed may miss.
 */
const mostSeeds = 40;

type Noticed = { readonly complaint: string; readonly without: readonly string[] };

/** The anomalies that were seen, and those that the unchanged coordinator shows in the very same case. */
async function noticed(mutant: GroupMutant): Promise<Noticed | undefined> {
  const { createEngine: newEngine } = await mutated(mutant);
  if ('story' in mutant) {
    const [complaint, without] = [await mutant.story(newEngine), await mutant.story(createEngine)];
    return complaint === undefined ? undefined : { complaint, without: without === undefined ? [] : [without] };
  }
  for (let seed = mutant.seed; seed < mutant.seed + mostSeeds; seed++) {
    const world = { ...groupWorlds[mutant.world], seed };
    const { complaints } = await runGroupWorld({ ...world, newEngine });
    const found = complaints.find((complaint) =>
      mutant.caughtBy.some((anomaly) => complaint.startsWith(`${anomaly}:`)),
    );
    if (found) return { complaint: found, without: (await runGroupWorld(world)).complaints };
  }
  return undefined;
}

test.each(groupMutants)('a world or story notices the mutant $name', async (mutant) => {
  expect(await noticed(mutant)).toMatchObject({ without: [] });
});

test.each(Object.entries(groupStories))('the unchanged coordinator passes the story of %s', async (_name, story) => {
  expect(await story(createEngine)).toBeUndefined();
});
