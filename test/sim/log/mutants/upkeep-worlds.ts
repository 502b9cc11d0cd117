// These worlds are full of maintenance. In each, passes of every kind go on beside each other and beside the clients.
import { cleaningPages, compacting, joining, merging, retaining, spillingEarly, sweeping } from '../upkeep.ts';
import { anonymous, oneShots, reader, steady } from './actors.ts';
import { type Actor, type MutantWorld, runSmallWorld, type SmallWorldOptions } from './small-world.ts';
import { deleter, keyWriter, maintainer } from './upkeep-actors.ts';

const times = (count: number, actor: Actor): Actor[] => Array.from({ length: count }, () => actor);

const world = (name: string, options: Omit<SmallWorldOptions, 'partitions' | 'processes'>): MutantWorld => ({
  name,
  run: async (lib, seed) => [
    (await runSmallWorld(lib, seed, { partitions: 1, processes: 3, removal: {}, ...options })).history,
  ],
});

const spilling = maintainer(60, 80, [spillingEarly()]);
const writers = [...times(2, anonymous(25, 80)), oneShots(25, 60, 6_000), steady(20, 150)];
const readers = times(2, reader(40, 80, 100));

export const upkeepWorlds = {
  tended: world('merges, joins and deleted records', {
    faultRate: 0.05,
    actors: [
      ...writers,
      ...readers,
      spilling,
      ...times(3, maintainer(12, 200, [merging(), merging(), joining(), retaining()])),
      deleter(8, 400),
    ],
  }),
  cleaned: world('merges, joins and sweeps', {
    faultRate: 0.05,
    actors: [
      ...writers,
      ...readers,
      spilling,
      ...times(2, maintainer(12, 200, [merging(), merging(), joining(), retaining()])),
      ...times(2, maintainer(6, 500, [sweeping(1), sweeping(2)])),
      deleter(4, 800),
    ],
  }),
  compacted: world('compaction', {
    faultRate: 0.04,
    config: { 'cleanup.policy': 'compact', 'delete.retention.ms': '1000' },
    removal: { deleteRetentionMs: 1_000 },
    actors: [
      ...times(3, keyWriter(25, 150, ['a', 'b', 'c', 'd', 'e', 'f'])),
      ...times(3, reader(40, 100, 100)),
      spilling,
      maintainer(16, 200, [merging()]),
      ...times(3, maintainer(10, 400, [compacting(), compacting(), joining()])),
    ],
  }),
  expiring: world('retention by age', {
    faultRate: 0.05,
    config: { 'retention.ms': '1500' },
    removal: { retentionMs: 1_500 },
    actors: [
      ...times(2, anonymous(30, 120)),
      ...readers,
      spilling,
      ...times(2, maintainer(15, 250, [merging(), joining()])),
      ...times(2, maintainer(15, 250, [retaining()])),
    ],
  }),
  firstMerge: world('first merges and sweeps', {
    faultRate: 0.1,
    actors: [
      ...times(2, anonymous(8, 60)),
      maintainer(8, 80, [spillingEarly()]),
      ...times(3, maintainer(3, 300, [merging()])),
      ...times(2, maintainer(2, 500, [sweeping(1), sweeping(2)])),
      reader(10, 100, 100),
    ],
  }),
  aged: world('pages whose producers have expired', {
    faultRate: 0.05,
    actors: [
      ...times(2, oneShots(12, 4 * 3_600_000, 12 * 3_600_000)),
      ...times(2, anonymous(25, 3 * 3_600_000)),
      maintainer(60, 3_600_000, [spillingEarly()]),
      ...times(2, maintainer(25, 4 * 3_600_000, [merging(), cleaningPages()])),
      reader(30, 2 * 3_600_000, 100),
    ],
  }),
} as const;
