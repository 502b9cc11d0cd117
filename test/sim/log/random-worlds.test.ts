// This runs some seeds of each kind of random world of the log. More are run by hand: npm run sim, npm run prove
// (docs/CHECKING.md).
import { expect, test } from 'vitest';
import { logWorlds } from './simulation.ts';
import { defaultWorld, runWorld } from './world.ts';

test('the same seed gives the same history, to the last step', async () => {
  const traceOf = async () => {
    const lines: string[] = [];
    await runWorld({ ...defaultWorld, seed: 4, trace: (line) => lines.push(line) });
    return lines;
  };
  const first = await traceOf();
  expect(first.length).toBeGreaterThan(500);
  expect(await traceOf()).toEqual(first);
});

test.each([
  ['mixed clients', 20],
  ['maintenance', 4],
  ['hedged requests', 3],
  ['small appends', 4],
  ['group commit, small appends and hedging', 2],
  ['half of all calls suffer', 4],
  ['hundreds of producers that live for one batch', 1],
  ['group commit', 4],
  ['many partitions and processes', 2],
] as const)('%s: %i worlds', async (name, seeds) => {
  for (let seed = 1; seed <= seeds; seed++) {
    const { complaints } = await runWorld({ ...logWorlds[name], seed });
    expect(complaints, `npm run sim -- --world '${name}' --seed ${seed}`).toEqual([]);
  }
});
