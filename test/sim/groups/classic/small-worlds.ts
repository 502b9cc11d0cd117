// The small worlds of a group of the classic protocol are scripts, and every single fault is put to every call of each.
import type { SmallWorld } from '../../core/worlds.ts';
import { type ClassicScript, type ClassicWorldOptions, classicWorlds, runClassicWorld } from './world.ts';

type Small = {
  readonly name: string;
  readonly script: ClassicScript;
  readonly options?: Partial<
    Pick<ClassicWorldOptions, 'areStatic' | 'partitions' | 'isCooperative' | 'members' | 'durationMs'>
  >;
};

const cooperative = { isCooperative: true, partitions: 2 };

/** The first member is there from the beginning. If it is static, its instance id is `i0`. */
const scripts: readonly Small[] = [
  {
    name: 'classic: one joins, the first leaves',
    async script({ members: [first], start, pause }) {
      await pause(2_000);
      start();
      await pause(4_000);
      await Promise.race([first!.leave(), pause(3_000)]);
    },
  },
  {
    name: 'classic: one joins, the first dies',
    async script({ members: [first], start, pause }) {
      await pause(2_000);
      start();
      await pause(4_000);
      first!.crash();
    },
  },
  {
    name: 'classic: one joins again',
    async script({ members: [first], start, pause }) {
      await pause(1_000);
      const other = start();
      await pause(3_000);
      other.rejoin();
      await pause(3_000);
      first!.rejoin();
    },
  },
  {
    name: 'classic: one freezes while another joins',
    async script({ members: [first], start, pause }) {
      await pause(3_000);
      first!.freeze(14_000);
      start();
    },
  },
  {
    name: 'classic: a static member is started again',
    options: { areStatic: true },
    async script({ members: [first], start, pause }) {
      await pause(1_000);
      start('i1');
      await pause(4_000);
      first!.crash();
      start('i0');
    },
  },
  {
    name: 'classic: a static member is replaced while it is frozen',
    options: { areStatic: true },
    async script({ members: [first], start, pause }) {
      await pause(3_000);
      first!.freeze(6_000);
      start('i0');
      await pause(3_000);
      start('i0');
    },
  },
  {
    name: 'classic: the group is deleted while one joins',
    async script({ members: [first], start, pause, remove }) {
      await pause(4_000);
      await Promise.race([first!.leave(), pause(3_000)]);
      const removed = remove();
      start();
      await Promise.race([removed, pause(3_000)]);
    },
  },
  {
    name: 'classic: several offsets items',
    options: { partitions: 18 },
    async script({ start, pause }) {
      await pause(2_000);
      start();
    },
  },
  {
    name: 'classic: a cooperative one joins',
    options: cooperative,
    async script({ start, pause }) {
      await pause(2_000);
      start();
    },
  },
  {
    name: 'classic: a cooperative one joins, the first leaves',
    options: cooperative,
    async script({ members: [first], start, pause }) {
      await pause(2_000);
      start();
      await pause(5_000);
      await Promise.race([first!.leave(), pause(3_000)]);
    },
  },
  {
    name: 'classic: a cooperative one freezes while another joins',
    options: cooperative,
    async script({ members: [first], start, pause }) {
      await pause(3_000);
      first!.freeze(14_000);
      start();
    },
  },
  {
    name: 'classic: the group goes over to heartbeats',
    async script({ members: [first], beat, pause }) {
      await pause(2_000);
      beat();
      await pause(2_000);
      await Promise.race([first!.leave(), pause(3_000)]);
    },
  },
  {
    name: 'classic: the group goes over to heartbeats while its member is frozen',
    options: { durationMs: 20_000 },
    async script({ members: [first], beat, pause }) {
      await pause(2_000);
      first!.freeze(15_000);
      beat();
    },
  },
  {
    name: 'classic: the group comes back from heartbeats',
    options: { members: 0, durationMs: 16_000 },
    async script({ beat, start, pause }) {
      const before = beat();
      await pause(3_000);
      start();
      await pause(2_000);
      await Promise.race([before.leave(-1), pause(3_000)]);
    },
  },
  {
    name: 'classic: the group comes back from heartbeats while its member is frozen',
    options: { members: 0, durationMs: 20_000 },
    async script({ beat, start, pause }) {
      const before = beat();
      await pause(3_000);
      before.freeze(15_000);
      start();
    },
  },
];

const small = { ...classicWorlds['classic usual'], ...{ processes: 2, members: 1, partitions: 1, durationMs: 12_000 } };
const quiet = { faultRate: 0, mostSkewMs: 0 };

export const smallClassicWorlds: readonly SmallWorld[] = scripts.map(({ name, script, options: own }) => ({
  name,
  orders: 1,
  prepare: async () => (_order, faults, options) =>
    runClassicWorld({ ...small, ...quiet, ...own, ...options, seed: 1, script, faults }),
}));
