// This runs some seeds of each kind of random world of committed offsets. More are run by hand: npm run sim:offsets,
// npm run prove (docs/CHECKING.md).
import { expect, test } from 'vitest';
import { type OffsetsWorldOptions, offsetsWorlds, runOffsetsWorld } from './world.ts';

test.each([
  ['simple clients', 10],
  ['over days', 2],
  ['wrong clocks', 2],
  ['with members', 10],
] as const)('%s: %i worlds', async (name, seeds) => {
  const world: Omit<OffsetsWorldOptions, 'seed'> = offsetsWorlds[name];
  for (let seed = 1; seed <= seeds; seed++) {
    const { complaints, operations } = await runOffsetsWorld({ ...world, seed });
    expect(complaints, `npm run sim:offsets -- --world '${name}' --seed ${seed}`).toEqual([]);
    expect(operations.length).toBeGreaterThan(50);
  }
});
