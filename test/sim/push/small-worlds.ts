// In the small worlds of push the jobs of each client are fixed. Every single fault is put to every call, and every pair of faults
// to every pair of calls.
import { type Lib, realLib } from '../core/lib-under-test.ts';
import type { SmallWorld } from '../core/worlds.ts';
import { append, create, type Job, later, pause, remove, reset, resume } from './jobs.ts';
import { commitOutside, deleteGroup, forget, join, joinClassic } from './members.ts';
import { type PushWorldOptions, runPushWorld } from './world.ts';
import { defaultPushWorld } from './worlds.ts';

type Scripted = Partial<PushWorldOptions> & { readonly name: string; readonly script: readonly (readonly Job[])[] };

const scripts: readonly Scripted[] = [
  { name: 'created, then a record', script: [[create, append(0, 'a'), later(3_000)]] },
  { name: 'a record beside the creation', script: [[create], [append(0, 'a'), append(0, 'b')]] },
  {
    name: 'a record beside a resumption',
    script: [
      [create, pause, resume],
      [later(120), append(0, 'a')],
    ],
  },
  {
    name: 'records one after the other',
    script: [[create], [later(200), append(0, 'a'), append(0, 'b'), append(0, 'c')]],
  },
  { name: 'deleted and made again', script: [[append(0, 'a'), create, remove, create]] },
  {
    name: 'the flag, between two creations',
    script: [
      [create, remove, create, append(0, 'a')],
      [later(300), append(0, 'b')],
    ],
  },
  { name: 'a reset', script: [[append(0, 'a'), create, later(2_000), reset]] },
  {
    name: 'poison',
    ...{ retries: 1, deadLetters: 'queue' },
    script: [[append(0, 'a', 'poison', 'b'), create, later(8_000)]],
  },
  {
    name: 'poison, and letters in a topic',
    ...{ retries: 0, deadLetters: 'topic', mayRepeatLetters: false },
    script: [[append(0, 'poison', 'b'), create, later(8_000)]],
  },
  {
    name: 'two partitions, one at a time',
    ...{ partitions: 2, maximumConcurrency: 1, mostMs: 2_000 },
    script: [
      [create, append(0, 'a'), append(0, 'b')],
      [later(250), append(1, 'a'), append(1, 'b')],
    ],
  },
  {
    name: 'a wait for a full batch, and each event twice',
    ...{ windowSeconds: 60, doubled: 1, retries: 0, deadLetters: 'queue' },
    script: [[create, append(0, 'a'), append(0, 'b'), later(100_000), append(0, 'c'), later(100_000)]],
  },
  {
    name: 'a member joins around a deletion',
    script: [
      [append(0, 'a'), create, remove, later(500), create],
      [later(150), join],
    ],
  },
  {
    name: 'a classic member joins around a deletion',
    script: [
      [append(0, 'a'), create, remove, later(500), create],
      [later(150), joinClassic, joinClassic],
    ],
  },
  {
    name: 'commits, and the deletion of the group',
    script: [
      [append(0, 'a'), create, remove, later(100), create],
      [commitOutside, forget, deleteGroup, commitOutside, deleteGroup, commitOutside],
    ],
  },
];

const small: Omit<PushWorldOptions, 'seed'> = {
  ...defaultPushWorld,
  ...{
    processes: 2,
    partitions: 1,
    faultRate: 0,
    mostSkewMs: 0,
    failures: 0,
    slow: 0,
    doubled: 0,
    late: 0,
    refused: 0,
    mostMs: 100,
  },
};

/** `lib` may be the library with one thing changed. */
export const smallPushWorldsOf = (lib: Lib): readonly SmallWorld[] =>
  scripts.map(({ name, ...world }) => ({
    name,
    orders: 1,
    prepare: async () => (_order, faults, options) =>
      runPushWorld({ ...small, ...world, ...(options?.trace && { trace: options.trace }), seed: 1, faults, lib }),
  }));

export const smallPushWorlds = smallPushWorldsOf(realLib);
