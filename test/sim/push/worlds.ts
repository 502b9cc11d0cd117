// The random worlds of push, named by what is in them.
import type { PushWorldOptions } from './world.ts';

export const defaultPushWorld: Omit<PushWorldOptions, 'seed'> = {
  processes: 3,
  partitions: 2,
  appends: 14,
  jobs: 6,
  poison: 0,
  retries: -1,
  deadLetters: 'none',
  mayRepeatLetters: true,
  faultRate: 0.02,
  mostSkewMs: 400,
  failures: 0.2,
  mostMs: 3_000,
  slow: 0.03,
  doubled: 0.05,
  late: 0.03,
  lost: 0,
  refused: 0.03,
  repeats: Number.POSITIVE_INFINITY,
  hasNet: false,
};

export const pushWorlds = {
  /** No event is lost for good, so nothing may need the hourly net. */
  'no event lost': defaultPushWorld,
  /** As in AWS: an event is brought three times at most, and the hourly net helps. */
  'lost events': { ...defaultPushWorld, lost: 0.1, repeats: 2, hasNet: true },
  poison: { ...defaultPushWorld, poison: 0.1, retries: 2, deadLetters: 'queue' },
  /** Nothing is delivered twice here but by faults, so that no letter may come twice. */
  'letters in a topic': {
    ...defaultPushWorld,
    ...{ poison: 0.15, retries: 1, deadLetters: 'topic', mayRepeatLetters: false, jobs: 0 },
  },
  'wrong clocks': { ...defaultPushWorld, mostSkewMs: 60_000, poison: 0.05, retries: 3, deadLetters: 'queue' },
  'many faults': { ...defaultPushWorld, faultRate: 0.1, jobs: 4, appends: 8 },
  /** Consumers join, commit and leave, and others forget offsets and delete the group, before, beside and after subscriptions. */
  members: { ...defaultPushWorld, hasMembers: true, jobs: 10 },
  'one at a time': { ...defaultPushWorld, partitions: 3, maximumConcurrency: 1 },
  /** No number of deliveries at a time is wrong here, and nobody may wait for ever. */
  'a limit that changes': { ...defaultPushWorld, partitions: 3, changesLimit: true, jobs: 12, mostMs: 10_000 },
  /** The window is longer than a run waits, so that most deliveries come by a schedule. */
  'one at a time, windows, wrong clocks': {
    ...defaultPushWorld,
    ...{ partitions: 3, maximumConcurrency: 1, windowSeconds: 30, mostSkewMs: 60_000 },
  },
  'two at a time': {
    ...defaultPushWorld,
    ...{ partitions: 3, maximumConcurrency: 2, poison: 0.05, retries: 3, deadLetters: 'queue' },
  },
} as const satisfies Record<string, Omit<PushWorldOptions, 'seed'>>;
