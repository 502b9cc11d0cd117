// The worlds of small appends: every run becomes an item of the table.
import { merging, retaining, spillingEarly } from '../upkeep.ts';
import { anonymous, impatient, reader, steady } from './actors.ts';
import { type Actor, type MutantWorld, runSmallWorld, type SmallWorldOptions } from './small-world.ts';
import { sweeper } from './sweeper.ts';
import { deleter, maintainer } from './upkeep-actors.ts';

const times = (count: number, actor: Actor): Actor[] => Array.from({ length: count }, () => actor);

const world = (name: string, options: Omit<SmallWorldOptions, 'partitions' | 'config'>): MutantWorld => ({
  name,
  run: async (lib, seed) => {
    const config = { 'rivulet.inline.max.bytes': '65536' };
    return [(await runSmallWorld(lib, seed, { partitions: 1, config, ...options })).history];
  },
});

export const inlineWorlds = {
  swept: world('sweeps of items that fence all that is on its way', {
    processes: 2,
    faultRate: 0.1,
    faultKinds: ['reply lost', 'acts late', 'acts hours late', 'acts again late', 'killed after'],
    removal: {},
    actors: [
      sweeper(15, 1_500),
      ...times(4, anonymous(15, 300)),
      ...times(2, steady(12, 200)),
      ...times(2, impatient(12, 200)),
      reader(20, 200, 100),
    ],
  }),
  calmlySwept: world('sweeps of items, and no faults', {
    processes: 2,
    faultRate: 0,
    removal: {},
    actors: [sweeper(12, 600), ...times(3, anonymous(15, 100)), ...times(2, steady(12, 200))],
  }),
  merged: world('merges of items, and deleted records', {
    processes: 3,
    faultRate: 0.05,
    removal: {},
    actors: [
      ...times(2, anonymous(25, 80)),
      steady(20, 150),
      ...times(3, reader(60, 60, 100)),
      maintainer(60, 80, [spillingEarly()]),
      ...times(3, maintainer(12, 200, [merging(), merging(), retaining()])),
      deleter(8, 400),
    ],
  }),
} as const;
