// Worlds of committed offsets in CI: some seeds of each kind, the single faults of the small worlds' calls, and a sample of
// the pairs. More by hand: npm run sim:offsets (docs/CHECKING.md).
import { expect, test } from 'vitest';
import { everySingle, runSmall, smallOffsetsWorlds, somePairs } from './small-worlds.ts';
import { type OffsetsWorldOptions, offsetsWorlds, runOffsetsWorld } from './world.ts';

test.each([
  ['simple clients', 40],
  ['over days', 8],
  ['wrong clocks', 8],
  ['with members', 40],
] as const)('%s: %i worlds', { timeout: 120_000 }, async (name, seeds) => {
  const world: Omit<OffsetsWorldOptions, 'seed'> = offsetsWorlds[name];
  for (let seed = 1; seed <= seeds; seed++) {
    const { complaints, operations } = await runOffsetsWorld({ ...world, seed });
    expect(complaints, `npm run sim:offsets -- --world '${name}' --seed ${seed}`).toEqual([]);
    expect(operations.length).toBeGreaterThan(50);
  }
});

test.each(smallOffsetsWorlds)('$name: single faults', { timeout: 120_000 }, async (world) => {
  // Members take many calls. Of every kind of fault there is a seventh, for there are fifteen kinds.
  const stride = world.name.startsWith('a member') ? 7 : 1;
  let count = 0;
  for await (const faults of everySingle(world)) {
    if (count++ % stride !== 0) continue;
    const { complaints } = await runSmall(world, faults);
    expect(complaints, `${world.name}: ${JSON.stringify([...faults])}`).toEqual([]);
  }
  expect(count).toBeGreaterThan(300);
});

test.each(smallOffsetsWorlds)('$name: a sample of pairs of faults', { timeout: 120_000 }, async (world) => {
  for (const faults of await somePairs(world, 40)) {
    const { complaints } = await runSmall(world, faults);
    expect(complaints, `${world.name}: ${JSON.stringify([...faults])}`).toEqual([]);
  }
});
