// Small worlds of a group, told as scripts: every single fault at every call of each. What is fixed besides: a seed.
import { type FaultKind, faultKinds } from '../core/faults.ts';
import { createRandom } from '../core/random.ts';
import { defaultGroupWorld, type GroupWorldOptions, runGroupWorld, type Script } from './world.ts';

export type SmallGroupWorld = { readonly name: string; readonly script: Script };

const pauseOf =
  ({ scheduler }: Parameters<Script>[0]) =>
  (ms: number) =>
    new Promise<void>((resolve) => scheduler.after(ms, resolve));

/** The first member is there from the beginning, static as `i0`. */
export const smallGroupWorlds: readonly SmallGroupWorld[] = [
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

export const runSmall = (
  { script }: SmallGroupWorld,
  faults: ReadonlyMap<number, FaultKind>,
  trace?: (line: string) => void,
) => runGroupWorld({ ...small, seed: 1, script, faults, ...(trace && { trace }) });

export type SmallCase = { readonly world: SmallGroupWorld; readonly call: number; readonly kind: FaultKind };

export async function everySingleFault(world: SmallGroupWorld): Promise<SmallCase[]> {
  const { callsUntilRest, callsBefore } = await runSmall(world, new Map());
  return Array.from({ length: callsUntilRest - callsBefore }, (_, i) => callsBefore + i).flatMap((call) =>
    faultKinds.map((kind) => ({ world, call, kind })),
  );
}

/** So many pairs of faults, drawn by a fixed seed. */
export async function somePairs(
  world: SmallGroupWorld,
  count: number,
): Promise<readonly ReadonlyMap<number, FaultKind>[]> {
  const singles = await everySingleFault(world);
  const random = createRandom(singles.length + 1);
  return Array.from({ length: count }, () => {
    const [first, second] = [random.pick(singles), random.pick(singles)];
    return new Map([
      [first.call, first.kind],
      [second.call, second.kind],
    ]);
  });
}
