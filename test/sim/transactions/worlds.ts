// The random worlds of transactions, by their names.
import type { TransactionsWorldOptions } from './world.ts';

type World = Omit<TransactionsWorldOptions, 'seed'>;

export const defaultTransactionsWorld: World = {
  processes: 3,
  partitions: 3,
  ids: ['a', 'b', 'c', 'c'],
  others: 3,
  jobs: 8,
  conflicts: 0.3,
  longPauses: 0,
  timeoutMs: 60_000,
  filled: 10,
  faultRate: 0.03,
  mostSkewMs: 400,
};

export const transactionsWorlds = {
  'mixed clients': defaultTransactionsWorld,
  'in one step': { ...defaultTransactionsWorld, conflicts: 0 },
  'decided, then applied': { ...defaultTransactionsWorld, conflicts: 1 },
  'rivals of one id': { ...defaultTransactionsWorld, ids: ['a', 'a', 'a'], others: 1, conflicts: 0.5 },
  'over days': { ...defaultTransactionsWorld, longPauses: 0.25, conflicts: 0.6 },
  'wrong clocks': { ...defaultTransactionsWorld, mostSkewMs: 60_000, timeoutMs: 20_000, longPauses: 0.1 },
  'a topic is deleted': { ...defaultTransactionsWorld, hasDoomed: true, conflicts: 0.5, jobs: 10 },
  'with members': { ...defaultTransactionsWorld, hasMembers: true, conflicts: 0.5, others: 1, jobs: 10 },
  "Kafka's clients": { ...defaultTransactionsWorld, kafka: 'all' },
  "rivals, some of them Kafka's clients": {
    ...defaultTransactionsWorld,
    ...{ ids: ['a', 'a', 'a', 'a'], others: 1, conflicts: 0.5, kafka: 'some' },
  },
  "Kafka's clients, over days": { ...defaultTransactionsWorld, longPauses: 0.25, conflicts: 0.6, kafka: 'all' },
  "Kafka's clients with members": { ...defaultTransactionsWorld, hasMembers: true, others: 1, jobs: 10, kafka: 'all' },
  "rivals, some of them Kafka's newer clients": {
    ...defaultTransactionsWorld,
    ...{ ids: ['a', 'a', 'a', 'a'], others: 1, conflicts: 0.5, kafka: 'some', isNewer: true },
  },
  "Kafka's newer clients, over days": {
    ...defaultTransactionsWorld,
    ...{ longPauses: 0.25, conflicts: 0.6, kafka: 'all', isNewer: true },
  },
  'half of all calls suffer': { ...defaultTransactionsWorld, faultRate: 0.3, jobs: 4 },
} as const satisfies Record<string, World>;
