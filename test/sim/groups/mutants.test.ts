// Every guard of the group coordinator is taken out in turn: a world must notice, and name what it sees.
import { expect, test } from 'vitest';
import { mutated } from '../mutants/lib-under-test.ts';
import { type GroupMutant, groupMutants } from './mutants.ts';
import { groupWorlds, runGroupWorld } from './world.ts';

/** Seeds tried after the known one: another library is another history. */
const mostSeeds = 40;

async function seedThatNotices({
  name,
  file,
  find,
  replace,
  world,
  seed,
  caughtBy,
}: GroupMutant): Promise<number | undefined> {
  const { createEngine: newEngine } = await mutated({ name: `group ${name}`, file, find, replace });
  for (let at = seed; at < seed + mostSeeds; at++) {
    const { complaints } = await runGroupWorld({ ...groupWorlds[world], seed: at, newEngine });
    if (complaints.some((complaint) => caughtBy.some((anomaly) => complaint.startsWith(`${anomaly}:`)))) return at;
  }
  return undefined;
}

test.each(groupMutants)('$name: noticed', { timeout: 120_000 }, async (mutant) => {
  expect(await seedThatNotices(mutant), `in ${mostSeeds} seeds of "${mutant.world}"`).toBeDefined();
});
