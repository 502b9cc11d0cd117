// Some seeds of each world of the classic protocol. More are run by hand: npm run sim:groups -- --world 'classic faulty'
import { expect, test } from 'vitest';
import { classicWorlds, runClassicWorld } from './world.ts';

test.each([
  ['classic usual', 2],
  ['classic faulty', 2],
  ['classic wrong clocks', 2],
  ['classic cooperative', 1],
  ['classic static faulty', 2],
] as const)('%s: %i worlds', { timeout: 180_000 }, async (name, seeds) => {
  for (let seed = 1; seed <= seeds; seed++) {
    const { complaints, history } = await runClassicWorld({ ...classicWorlds[name], seed });
    expect(complaints, `npm run sim:groups -- --world '${name}' --seed ${seed}`).toEqual([]);
    expect(history.commits.filter(({ result }) => result === 'accepted').length).toBeGreaterThan(20);
    expect(new Set(history.tellings.map(({ generation }) => generation)).size).toBeGreaterThan(3);
  }
});
