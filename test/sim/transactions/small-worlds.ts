// In the small worlds of transactions the jobs of each client are fixed. Every single fault is put to every call, and every
// pair of faults to every pair of calls.
import type { SmallWorld } from '../core/worlds.ts';
import { firstDoomed, type Job } from './client.ts';
import { begin, clean, crowd, later, read, remove, tend, transact } from './jobs.ts';
import { joinCalmly } from './members.ts';
import { runTransactionsWorld, type TransactionsWorldOptions } from './world.ts';
import { defaultTransactionsWorld } from './worlds.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const commit = (...batches: number[]): Job => transact({ batches, end: 'commit' });
const withOffsets = (...batches: number[]): Job => transact({ batches, hasOffsets: true, end: 'commit' });
const abort = (...batches: number[]): Job => transact({ batches, end: 'abort' });
const leave = (...batches: number[]): Job => transact({ batches, end: 'leave' });
const asMember = (...batches: number[]): Job => transact({ batches, hasOffsets: true, isMember: true, end: 'commit' });
/** A transaction of a member that is away for longer than its session before it commits. */
const away = transact({ batches: [0], hasOffsets: true, isMember: true, interlude: later(15_000), end: 'commit' });
const takesOver: readonly (readonly Job[])[] = [
  [joinCalmly, asMember(0), away],
  [later(12_000), joinCalmly, asMember(1)],
];
const many = Array.from({ length: 5 }, () => 0);

type Scripted = {
  readonly name: string;
  readonly ids: readonly string[];
  readonly script: readonly (readonly Job[])[];
  readonly conflicts?: number;
  readonly filled?: number;
  readonly partitions?: number;
  readonly hasDoomed?: boolean;
  readonly hasMembers?: boolean;
  readonly kafka?: 'all' | 'some';
  readonly isNewer?: boolean;
};

const scripts: readonly Scripted[] = [
  { name: 'in one step', ids: ['a'], script: [[withOffsets(0, 1), commit(0)]] },
  { name: 'decided', ids: ['a'], conflicts: 1, script: [[withOffsets(0, 1), commit(0)]] },
  { name: 'an abort', ids: ['a'], script: [[abort(0, 1), commit(0)]] },
  { name: 'a rival', ids: ['a', 'a'], script: [[commit(0, 1)], [later(60), begin, commit(0)]] },
  {
    name: 'a rival, decided',
    ids: ['a', 'a'],
    conflicts: 1,
    script: [[withOffsets(0, 1)], [later(120), begin, withOffsets(1)]],
  },
  { name: 'many batches', ids: ['a'], conflicts: 1, script: [[commit(...many), read(0)]] },
  {
    name: 'the head spills',
    ids: ['a'],
    conflicts: 1,
    filled: 22,
    partitions: 1,
    script: [
      [commit(0), commit(0)],
      [later(60), crowd(0, 3)],
    ],
  },
  { name: 'abandoned', ids: ['a'], script: [[leave(0, 1), later(70_000), tend, commit(0)]] },
  { name: 'expired', ids: ['a'], partitions: 1, script: [[commit(0), later(8 * dayMs), tend, commit(0)]] },
  {
    name: 'the pages are cleaned',
    ids: ['a'],
    conflicts: 1,
    filled: 22,
    partitions: 1,
    script: [
      [transact({ batches: [0], end: 'commit', mostEnds: 1 })],
      [later(150), crowd(0, 4), later(40 * hourMs), clean(0), tend],
    ],
  },
  {
    name: 'a stage beside the commit',
    ids: ['a'],
    conflicts: 1,
    script: [[transact({ batches: [0, 0, 0, 0, 0, 0], isHasty: true, end: 'commit' })]],
  },
  {
    name: 'a topic is deleted',
    ids: ['a'],
    hasDoomed: true,
    script: [[transact({ batches: [0, firstDoomed], interlude: remove(true), end: 'commit' }), commit(firstDoomed)]],
  },
  {
    name: 'a topic is deleted beside the decision',
    ids: ['a'],
    hasDoomed: true,
    conflicts: 1,
    script: [[commit(0, firstDoomed)], [later(425), remove(true)]],
  },
  { name: 'another member takes over', ids: ['a', 'b'], hasMembers: true, script: takesOver },
  { name: 'another member takes over, decided', ids: ['a', 'b'], hasMembers: true, conflicts: 1, script: takesOver },
  {
    name: "a client of Kafka's protocol",
    ids: ['a'],
    kafka: 'all',
    script: [[withOffsets(0, 1), abort(0), commit(0)]],
  },
  {
    name: "a client of Kafka's protocol, decided",
    ids: ['a'],
    kafka: 'all',
    conflicts: 1,
    script: [[withOffsets(0), withOffsets(0)]],
  },
  {
    name: "rivals, of which one speaks Kafka's protocol",
    ids: ['a', 'a', 'a'],
    kafka: 'some',
    partitions: 1,
    script: [[later(150), begin, commit(0)], [commit(0)], [later(350), begin, commit(0), commit(0)]],
  },
  {
    name: "the time of a client of Kafka's protocol is over between two batches",
    ids: ['a'],
    kafka: 'all',
    script: [
      [transact({ batches: [0, 1], between: later(70_000), end: 'commit' }), commit(0)],
      [later(65_000), tend],
    ],
  },
  {
    name: "a newer client of Kafka's protocol",
    ids: ['a'],
    ...{ kafka: 'all', isNewer: true },
    script: [[withOffsets(0, 1), abort(0), commit(0)]],
  },
  {
    name: "a newer client of Kafka's protocol, decided",
    ids: ['a'],
    ...{ kafka: 'all', isNewer: true, conflicts: 1 },
    script: [[withOffsets(0), withOffsets(0)]],
  },
  {
    name: "rivals, of which one is a newer client of Kafka's protocol",
    ids: ['a', 'a', 'a'],
    ...{ kafka: 'some', isNewer: true, partitions: 1 },
    script: [[later(150), begin, commit(0)], [commit(0)], [later(350), begin, commit(0), commit(0)]],
  },
  {
    name: "a batch of a newer client of Kafka's protocol is under way at the abort",
    ids: ['a'],
    ...{ kafka: 'all', isNewer: true },
    script: [[transact({ batches: [0], end: 'abort', isHasty: true }), commit(0)]],
  },
  {
    name: 'the item spills',
    ids: ['a'],
    partitions: 1,
    script: [[transact({ batches: Array.from({ length: 26 }, () => 0), calmBatches: 22, end: 'commit' })]],
  },
];

const small: Omit<TransactionsWorldOptions, 'seed' | 'ids'> = {
  ...defaultTransactionsWorld,
  processes: 2,
  partitions: 2,
  conflicts: 0,
  filled: 0,
  faultRate: 0,
  mostSkewMs: 0,
};

export const smallTransactionsWorlds: readonly SmallWorld[] = scripts.map(({ name, ids, script, ...more }) => ({
  name,
  orders: 1,
  prepare: async () => (_order, faults, options) =>
    runTransactionsWorld({
      ...small,
      ...more,
      ...options,
      seed: 1,
      ids,
      others: script.length - ids.length,
      script,
      faults,
    }),
}));
