// This runs some seeds of each kind of random world of groups. More are run by hand: npm run sim:groups, npm run prove
// (docs/CHECKING.md).
import { expect, test } from 'vitest';
import { defaultGroupWorld, groupWorlds, runGroupWorld } from './world.ts';

test('the same seed gives the same history, to the last step', async () => {
  const traceOf = async () => {
    const lines: string[] = [];
    await runGroupWorld({ ...defaultGroupWorld, seed: 4, trace: (line) => lines.push(line) });
    return lines;
  };
  const first = await traceOf();
  expect(first.length).toBeGreaterThan(500);
  expect(await traceOf()).toEqual(first);
});

test.each([
  ['usual', 3],
  ['one trouble at a time', 1],
  ['faulty', 3],
  ['wrong clocks', 3],
  ['clocks ahead of the gateway', 3],
  ['members of the SDK', 3],
  ['members of the SDK with wrong clocks', 2],
] as const)('%s: %i worlds', { timeout: 180_000 }, async (name, seeds) => {
  for (let seed = 1; seed <= seeds; seed++) {
    const { complaints, history } = await runGroupWorld({ ...groupWorlds[name], seed });
    expect(complaints, `npm run sim:groups -- --world '${name}' --seed ${seed}`).toEqual([]);
    expect(history.commits.filter(({ result }) => result === 'accepted').length).toBeGreaterThan(20);
  }
});
