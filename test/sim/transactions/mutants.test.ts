// Each rule of transactions is taken out in turn, and a small world, a random one or a story must notice.
import { expect, test } from 'vitest';
import { cleanPages } from '../../../lib/maintenance/pages.ts';
import { changedModule } from '../core/change-plugin.ts';
import { tryCases } from '../core/exhaustive.ts';
import { mutated, realLib } from '../core/lib-under-test.ts';
import { mutants, type TransactionsMutant } from './mutants.ts';
import { smallTransactionsWorlds } from './small-worlds.ts';
import { runTransactionsWorld, type TransactionsWorldOptions } from './world.ts';
import { transactionsWorlds } from './worlds.ts';

const mostSeeds = 100;

type Noticed = { readonly complaints: readonly string[]; readonly without: readonly string[] };

/** The anomalies that were seen, and those that the unchanged engine shows in the very same case. */
async function noticed({ world: where, seed: first = 1, ...mutant }: TransactionsMutant): Promise<Noticed | undefined> {
  const lib = 'cleaning' in Object(where) ? realLib : await mutated(mutant);
  const newEngine = lib.createEngine;
  if (typeof where === 'string') {
    const world: Omit<TransactionsWorldOptions, 'seed'> = transactionsWorlds[where];
    for (let seed = first; seed < first + mostSeeds; seed++) {
      const complaints = await complaintsOf(() => runTransactionsWorld({ ...world, seed, newEngine }));
      if (complaints.length > 0)
        return { complaints, without: (await runTransactionsWorld({ ...world, seed })).complaints };
    }
    return undefined;
  }
  if ('cleaning' in where) {
    const changed = (await import(changedModule(mutant.file, mutant))) as { cleanPages: typeof cleanPages };
    return {
      complaints: await where.cleaning(changed.cleanPages)(realLib),
      without: await where.cleaning(cleanPages)(realLib),
    };
  }
  if ('story' in where) return { complaints: await where.story(lib), without: await where.story(realLib) };
  const world = smallTransactionsWorlds.find(({ name }) => name === where.small)!;
  for await (const { order, faults, verdict } of tryCases(world, {}, { newEngine })) {
    if (verdict.complaints.length === 0) continue;
    const run = await world.prepare();
    return { complaints: verdict.complaints, without: (await run(order, faults)).complaints };
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
});
