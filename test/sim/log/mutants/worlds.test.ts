// The worlds of the mutants pass without a mutant.
import { expect, test } from 'vitest';
import { realLib } from '../../core/lib-under-test.ts';
import { anomalies } from './noticed.ts';
import type { MutantWorld } from './small-world.ts';
import { upkeepStories } from './upkeep-stories.ts';
import { upkeepWorlds } from './upkeep-worlds.ts';
import { worlds } from './worlds.ts';

const all = [worlds, upkeepWorlds, upkeepStories].flatMap((each): readonly MutantWorld[] => Object.values(each));

test.each(all)('the unchanged library shows no anomaly in $name', async (world) => {
  expect(await anomalies(realLib, world, 1)).toEqual([]);
});
