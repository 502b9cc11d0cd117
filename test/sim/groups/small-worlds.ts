// The small worlds of a group are scripts, and every single fault is put to every call of each. The seed is fixed too.
import type { SmallWorld } from '../core/worlds.ts';
import { defaultGroupWorld, type GroupWorldOptions, runGroupWorld, type Script } from './world.ts';

const pauseOf =
  ({ scheduler }: Parameters<Script>[0]) =>
  (ms: number) =>
    new Promise<void>((resolve) => scheduler.after(ms, resolve));

/** The first member is there from the beginning, and is static with the instance id `i0`. */
const scripts: readonly { readonly name: string; readonly script: Script }[] = [
  {
    name: 'one joins, the first leaves',
    async script(world, { crowd }) {
      const pause = pauseOf(world);
      await pause(2_000);
      crowd.add();
      await pause(6_000);
      await Promise.race([crowd.living()[0]!.member.leave(-1), pause(3_000)]);
    },
  },
  {
    name: 'one joins, the first dies',
    async script(world, { crowd }) {
      const pause = pauseOf(world);
      await pause(2_000);
      crowd.add();
      await pause(5_000);
      crowd.living()[0]!.member.crash();
    },
  },
  {
    name: 'a static member is replaced',
    async script(world, { crowd }) {
      const pause = pauseOf(world);
      await pause(1_000);
      crowd.add();
      await pause(5_000);
      const first = crowd.living()[0]!;
      await Promise.race([first.member.leave(-2), pause(2_000)]);
      crowd.add('i0');
    },
  },
  {
    name: 'one freezes while another joins',
    async script(world, { crowd }) {
      const pause = pauseOf(world);
      await pause(3_000);
      crowd.living()[0]!.member.freeze(14_000);
      crowd.add();
    },
  },
  {
    name: 'the topic grows',
    async script(world, { grow }) {
      await pauseOf(world)(4_000);
      await grow();
    },
  },
];

const small: Omit<GroupWorldOptions, 'seed'> = {
  ...defaultGroupWorld,
  processes: 2,
  members: 1,
  partitions: 2,
  durationMs: 20_000,
  faultRate: 0,
  mischief: 0,
  mostSkewMs: 0,
};

export const smallGroupWorlds: readonly SmallWorld[] = scripts.map(({ name, script }) => ({
  name,
  orders: 1,
  prepare: async () => (_order, faults, options) => runGroupWorld({ ...small, ...options, seed: 1, script, faults }),
}));
