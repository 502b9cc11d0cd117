// Each rule of push is taken out in turn, and a small world or a random one must notice.
import { expect, test } from 'vitest';
import { tryCases } from '../core/exhaustive.ts';
import { mutated } from '../core/lib-under-test.ts';
import { mutants, type PushMutant } from './mutants.ts';
import { smallPushWorlds, smallPushWorldsOf } from './small-worlds.ts';
import { type PushWorldOptions, runPushWorld } from './world.ts';
import { pushWorlds } from './worlds.ts';

const mostSeeds = 150;

type Noticed = { readonly where: string; readonly complaints: readonly string[]; readonly without: readonly string[] };

/** The anomalies that were seen, and those that the unchanged engine shows in the very same case. */
async function noticed({ world: where, seed: first = 1, ...mutant }: PushMutant): Promise<Noticed | undefined> {
  const lib = await mutated(mutant);
  if (typeof where === 'string') {
    const world: Omit<PushWorldOptions, 'seed'> = pushWorlds[where];
    for (let seed = first; seed < first + mostSeeds; seed++) {
      const complaints = await complaintsOf(() => runPushWorld({ ...world, seed, lib }));
      if (complaints.length > 0)
        return { where: `seed ${seed}`, complaints, without: (await runPushWorld({ ...world, seed })).complaints };
    }
    return undefined;
  }
  const at = smallPushWorlds.findIndex(({ name }) => name === where.small);
  for await (const { order, faults, verdict } of tryCases(smallPushWorldsOf(lib)[at]!)) {
    if (verdict.complaints.length === 0) continue;
    const run = await smallPushWorlds[at]!.prepare();
    return { where: 'a case', complaints: verdict.complaints, without: (await run(order, faults)).complaints };
  }
  return undefined;
}

/** A world that breaks has noticed too. */
async function complaintsOf(
  run: () => Promise<{ readonly complaints: readonly string[] }>,
): Promise<readonly string[]> {
  try {
    return (await run()).complaints;
  } catch (error) {
    return [String(error)];
  }
}

test.each(mutants)('a world notices the mutant $name', { timeout: 120_000 }, async (mutant) => {
  const found = await noticed(mutant);
  expect(found).toMatchObject({ without: [] });
  expect(found!.complaints.length).toBeGreaterThan(0);
  if (process.env.SHOW_SEEDS) console.log(`${mutant.name}: ${found!.where}: ${found!.complaints[0]}`);
});
