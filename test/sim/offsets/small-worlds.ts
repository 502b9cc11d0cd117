// Small worlds of committed offsets: what each client does is fixed, and every single fault is put to every call, and every
// pair of faults to every pair of calls.
import { type FaultKind, faultKinds } from '../core/faults.ts';
import { createRandom } from '../core/random.ts';
import {
  beMember,
  commit,
  deleteGroup,
  deleteOffsets,
  expire,
  freezeAsMember,
  type Job,
  later,
  readAll,
  reset,
} from './jobs.ts';
import { defaultOffsetsWorld, type OffsetsWorldOptions, runOffsetsWorld } from './world.ts';

export type SmallOffsetsWorld = { readonly name: string; readonly script: readonly (readonly Job[])[] };

const { retentionMs } = defaultOffsetsWorld;
const old = later(retentionMs + 60_000);

export const smallOffsetsWorlds: readonly SmallOffsetsWorld[] = [
  {
    name: 'two commit to one partition',
    script: [
      [commit(0), commit(0), readAll],
      [commit(0), readAll],
    ],
  },
  { name: 'a reset between commits', script: [[commit(0), reset(0, 1), readAll, commit(1), readAll]] },
  {
    name: 'a reset beside commits',
    script: [
      [commit(0), readAll, readAll, reset(0), readAll],
      [commit(0, 1), commit(0, 1), readAll],
    ],
  },
  { name: 'deleted offsets', script: [[commit(0, 1), deleteOffsets(0), readAll, commit(0), readAll]] },
  { name: 'a group deleted and made anew', script: [[commit(0), commit(1), deleteGroup, readAll, commit(0), readAll]] },
  {
    name: 'a group deleted beside commits',
    script: [
      [commit(0), deleteGroup, readAll],
      [commit(1), commit(1), readAll],
    ],
  },
  {
    name: 'a group expires beside a commit',
    script: [
      [commit(0), old, expire(retentionMs), readAll],
      [old, later(210), commit(1), readAll],
    ],
  },
  {
    name: 'a member freezes, and its offsets are reset',
    script: [[freezeAsMember, later(14_000), reset(0), readAll, later(14_000), readAll]],
  },
  { name: 'a member, then a reset', script: [[beMember, reset(0), readAll, commit(1), readAll]] },
  { name: 'a member, then the group is deleted', script: [[beMember, deleteGroup, readAll, beMember, readAll]] },
];

const small: Omit<OffsetsWorldOptions, 'seed' | 'clients'> = {
  ...defaultOffsetsWorld,
  processes: 2,
  partitions: 2,
  faultRate: 0,
  mischief: 0,
  mostSkewMs: 0,
};

export type Faults = ReadonlyMap<number, FaultKind>;

export const runSmall = (
  { script }: SmallOffsetsWorld,
  faults: Faults,
  more: Pick<OffsetsWorldOptions, 'trace' | 'newEngine'> = {},
) => runOffsetsWorld({ ...small, seed: 1, clients: script.length, script, faults, ...more });

export type SmallCase = { readonly call: number; readonly kind: FaultKind };

/** After these faults: of a call that comes later than theirs. */
async function furtherFaults(world: SmallOffsetsWorld, faults: Faults): Promise<SmallCase[]> {
  const { callsBefore, callsUntilRest } = await runSmall(world, faults);
  const from = Math.max(callsBefore, ...[...faults.keys()].map((call) => call + 1));
  const calls = Array.from({ length: Math.max(0, callsUntilRest - from) }, (_, i) => from + i);
  return calls.flatMap((call) => faultKinds.map((kind) => ({ call, kind })));
}

export async function* everySingle(world: SmallOffsetsWorld): AsyncGenerator<Faults> {
  for (const { call, kind } of await furtherFaults(world, new Map())) yield new Map([[call, kind]]);
}

export async function* everyPair(world: SmallOffsetsWorld): AsyncGenerator<Faults> {
  for await (const first of everySingle(world))
    for (const { call, kind } of await furtherFaults(world, first)) yield new Map([...first, [call, kind]]);
}

/** So many of them, drawn by a fixed seed. */
export async function somePairs(world: SmallOffsetsWorld, count: number): Promise<Faults[]> {
  const singles = await furtherFaults(world, new Map());
  const random = createRandom(singles.length);
  return Array.from({ length: count }, () => {
    const [first, second] = [random.pick(singles), random.pick(singles)];
    return new Map([
      [first.call, first.kind],
      [second.call, second.kind],
    ]);
  });
}
