// The worlds of push: random ones, named by what is in them, and the small ones.
import type { Simulation } from '../core/worlds.ts';
import { smallPushWorlds } from './small-worlds.ts';
import { runPushWorld } from './world.ts';
import { pushWorlds } from './worlds.ts';

export const pushSimulation: Simulation = {
  script: 'sim:push',
  description:
    'Worlds of subscriptions: each record is delivered or given up, in order, whatever dies. One seed is one history.',
  randomWorlds: Object.entries(pushWorlds).map(([name, world]) => ({
    name,
    run: (seed, { trace } = {}) => runPushWorld({ ...world, ...(trace && { trace }), seed }),
  })),
  smallWorlds: smallPushWorlds,
};
