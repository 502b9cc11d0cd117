// The worlds of groups, of both protocols: random ones, sorted by how much goes wrong in them, and the small ones.
import type { RandomWorld, Simulation } from '../core/worlds.ts';
import { smallClassicWorlds } from './classic/small-worlds.ts';
import { classicWorlds, runClassicWorld } from './classic/world.ts';
import { smallGroupWorlds } from './small-worlds.ts';
import { groupWorlds, runGroupWorld } from './world.ts';

export const groupSimulation: Simulation = {
  script: 'sim:groups',
  description: 'Worlds of groups, judged by what members and readers saw. One seed is one history.',
  randomWorlds: [
    ...Object.entries(groupWorlds).map(
      ([name, world]): RandomWorld => ({ name, run: (seed, options) => runGroupWorld({ ...world, ...options, seed }) }),
    ),
    ...Object.entries(classicWorlds).map(
      ([name, world]): RandomWorld => ({
        name,
        run: (seed, options) => runClassicWorld({ ...world, ...options, seed }),
      }),
    ),
  ],
  smallWorlds: [...smallGroupWorlds, ...smallClassicWorlds],
};
