// In the small worlds of committed offsets the actions of each client are fixed. Every single fault is put to every
// call, and every pair of faults to every pair of calls.
import type { SmallWorld } from '../core/worlds.ts';
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

const { retentionMs } = defaultOffsetsWorld;
const old = later(retentionMs + 60_000);

const scripts: readonly { readonly name: string; readonly script: readonly (readonly Job[])[] }[] = [
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

export const smallOffsetsWorlds: readonly SmallWorld[] = scripts.map(({ name, script }) => ({
  name,
  orders: 1,
  prepare: async () => (_order, faults, options) =>
    runOffsetsWorld({ ...small, ...options, seed: 1, clients: script.length, script, faults }),
}));
