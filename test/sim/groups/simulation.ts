// The worlds of groups: random ones, sorted by how much goes wrong in them, and the small ones.
import type { Simulation } from '../core/worlds.ts';
import { smallGroupWorlds } from './small-worlds.ts';
import { groupWorlds, runGroupWorld } from './world.ts';

export const groupSimulation: Simulation = {
  script: 'sim:groups',
  description: 'Worlds of groups, judged by what members and readers saw. One seed is one history.',
  randomWorlds: Object.entries(groupWorlds).map(([name, world]) => ({
    name,
    run: (seed, options) => runGroupWorld({ ...world, ...options, seed }),
  })),
  smallWorlds: smallGroupWorlds,
};
