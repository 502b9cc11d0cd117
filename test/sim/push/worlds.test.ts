// This runs some seeds of each random world of push, and a sample of the small ones. More are run by hand: npm run sim:push,
// npm run prove (docs/CHECKING.md).
import { expect, test } from 'vitest';
import { testSample } from '../core/sample.ts';
import { smallPushWorlds } from './small-worlds.ts';
import { runPushWorld } from './world.ts';
import { pushWorlds } from './worlds.ts';

const seeds = 3;

test.each(Object.entries(pushWorlds))(`%s: ${seeds} worlds`, async (name, world) => {
  for (let seed = 1; seed <= seeds; seed++) {
    const { complaints } = await runPushWorld({ ...world, seed });
    expect(complaints, `npm run sim:push -- --world '${name}' --seed ${seed}`).toEqual([]);
  }
});

testSample('sim:push', smallPushWorlds, { every: 31, pairs: 2 });
