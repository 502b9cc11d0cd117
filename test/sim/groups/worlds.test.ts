// Worlds of groups in CI: some seeds of each kind, and of the small worlds a sample of all single faults. More by hand:
// npm run sim:groups -- --seeds 1000, --small all (docs/CHECKING.md).
import { expect, test } from 'vitest';
import { createRandom } from '../core/random.ts';
import { everySingleFault, runSmall, smallGroupWorlds, somePairs } from './small-worlds.ts';
import { defaultGroupWorld, groupWorlds, runGroupWorld } from './world.ts';

test('the same seed is the same history, to the last step', async () => {
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
  ['usual', 30],
  ['one trouble at a time', 6],
  ['faulty', 15],
  ['wrong clocks', 15],
  ['clocks ahead of the gateway', 15],
  ['members of the SDK', 15],
  ['members of the SDK with wrong clocks', 10],
] as const)('%s: %i worlds', { timeout: 180_000 }, async (name, seeds) => {
  for (let seed = 1; seed <= seeds; seed++) {
    const { complaints, history } = await runGroupWorld({ ...groupWorlds[name], seed });
    expect(complaints, `npm run sim:groups -- --world '${name}' --seed ${seed}`).toEqual([]);
    expect(history.commits.filter(({ result }) => result === 'accepted').length).toBeGreaterThan(20);
  }
});

const sample = 40;

test.each(smallGroupWorlds)('$name: a sample of single faults', { timeout: 120_000 }, async (world) => {
  const cases = await everySingleFault(world);
  const random = createRandom(cases.length);
  for (let i = 0; i < sample; i++) {
    const { call, kind } = random.pick(cases);
    const { complaints } = await runSmall(world, new Map([[call, kind]]));
    expect(complaints, `${world.name}: call ${call}, ${kind}`).toEqual([]);
  }
});

test.each(smallGroupWorlds)('$name: a sample of pairs of faults', { timeout: 120_000 }, async (world) => {
  for (const faults of await somePairs(world, sample)) {
    const { complaints } = await runSmall(world, faults);
    expect(complaints, `${world.name}: ${JSON.stringify([...faults])}`).toEqual([]);
  }
});
