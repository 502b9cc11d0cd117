// The worlds of transactions: random ones, named by what is in them, and the small ones.
import type { Simulation } from '../core/worlds.ts';
import { smallTransactionsWorlds } from './small-worlds.ts';
import { runTransactionsWorld } from './world.ts';
import { transactionsWorlds } from './worlds.ts';

export const transactionsSimulation: Simulation = {
  script: 'sim:transactions',
  description: 'Worlds of transactions: all or nothing, once, by the newest instance. One seed is one history.',
  randomWorlds: Object.entries(transactionsWorlds).map(([name, world]) => ({
    name,
    run: (seed, options) => runTransactionsWorld({ ...world, ...options, seed }),
  })),
  smallWorlds: smallTransactionsWorlds,
};
