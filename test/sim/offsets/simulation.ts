// The worlds of committed offsets: random ones, named by what is in them, and the small ones.
import type { Simulation } from '../core/worlds.ts';
import { smallOffsetsWorlds } from './small-worlds.ts';
import { offsetsWorlds, runOffsetsWorld } from './world.ts';

export const offsetsSimulation: Simulation = {
  script: 'sim:offsets',
  description:
    'Worlds of committed offsets: one order of all operations must explain every answer. One seed is one history.',
  randomWorlds: Object.entries(offsetsWorlds).map(([name, world]) => ({
    name,
    run: (seed, options) => runOffsetsWorld({ ...world, ...options, seed }),
  })),
  smallWorlds: smallOffsetsWorlds,
};
