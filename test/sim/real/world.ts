// A real world has many clients of one topic, over sockets, while requests are lost and processes die. The clocks are
// real. A finding cannot be replayed, so the history is all there is.
import { setTimeout as sleep } from 'node:timers/promises';
import { Rivulet } from '../../../client/rivulet.ts';
import { type History, newHistory } from '../log/history.ts';
import { newHistory as newTransactionsHistory, type History as TransactionsHistory } from '../transactions/history.ts';
import type { RealHome } from './backend.ts';
import { logReader, readOnce, sdkReader } from './readers.ts';
import { realTopic, type Surroundings } from './surroundings.ts';
import {
  countCommitted,
  openTransactionsWorld,
  plainProducer,
  restOfTransactions,
  type TransactionsWorld,
  transactor,
} from './transactors.ts';
import { anonymousProducer, conditionalProducer, keyedProducer, oneShotProducer, steadyProducer } from './writers.ts';

export type RealOptions = {
  readonly partitions: number;
  /**
   * The numbers of clients by kind: producers of the SDK, clients without an id, producers that write once, clients
   * with an Idempotency-Key, and clients that append at an offset.
   */
  readonly steady: number;
  readonly anonymous: number;
  readonly oneShot: number;
  readonly keyed: number;
  readonly conditional: number;
  /** Clients of the SDK that work in transactions, in a topic of their own. Half as many plain producers write beside them. */
  readonly transactional: number;
  /** The topics' rivulet.inline.max.bytes: smaller appends become items of the table, and larger ones objects. */
  readonly inlineMaxBytes: number;
  /** Half of them are the SDK's consumers. */
  readonly readers: number;
  /**
   * The world lasts at least this long, and until there were `kills` kills and `faults` faults on the wire, a reader had an
   * answer, and a transaction was committed.
   */
  readonly seconds: number;
  readonly kills: number;
  readonly faults: number;
  /** The share of requests that suffer a fault. */
  readonly faultShare: number;
  /** The longest time between two kills. */
  readonly killEveryMs: number;
};

export const defaultRealWorld: RealOptions = {
  partitions: 3,
  steady: 3,
  anonymous: 1,
  oneShot: 3,
  keyed: 1,
  conditional: 1,
  transactional: 4,
  inlineMaxBytes: 0,
  readers: 2,
  seconds: 20,
  kills: 4,
  faults: 0,
  faultShare: 0.05,
  killEveryMs: 2_000,
};

export type RealResult = {
  readonly history: History;
  readonly transactions: TransactionsHistory;
  /** Transactions that were open, or ids that could not commit, when all was quiet. */
  readonly wrongAtRest: readonly string[];
  readonly kills: number;
  readonly faults: number;
};

/** A request that a proxy or a process still holds lands within this time. */
const restMs = 3_000;

export async function runRealWorld(backend: RealHome, options: RealOptions): Promise<RealResult> {
  const config = { 'rivulet.inline.max.bytes': `${options.inlineMaxBytes}` };
  const topics = [{ topic: realTopic, partitions: options.partitions, config }];
  await new Rivulet({ url: backend.quietUrl }).admin().createTopics({ topics });
  let isOver = false;
  const world = { backend, partitions: options.partitions, history: newHistory(), isOver: () => isOver };
  const transactions =
    options.transactional > 0 ? await openTransactionsWorld(backend, config, world.isOver) : undefined;
  backend.faults.share = options.faultShare;
  const clients = Promise.all([
    ...startClients(world, options),
    ...(transactions ? startTransactors(transactions, options) : []),
  ]);
  // The error is reported below.
  clients.catch(() => undefined);
  const kills = await killNowAndThen(world, transactions?.history, options);
  isOver = true;
  backend.faults.share = 0;
  await clients;
  await sleep(restMs);
  await readFinalLog(world);
  return {
    history: world.history,
    transactions: transactions?.history ?? newTransactionsHistory(),
    wrongAtRest: transactions ? await restOfTransactions(transactions) : [],
    kills,
    faults: backend.faults.met,
  };
}

/** @returns how many kills there were. */
async function killNowAndThen(
  { backend, history }: Surroundings,
  transactions: TransactionsHistory | undefined,
  options: RealOptions,
): Promise<number> {
  const endMs = performance.now() + options.seconds * 1_000;
  let kills = 0;
  const hasRead = () => options.readers === 0 || history.polls.length > 0;
  const hasCommitted = () => !transactions || countCommitted(transactions) > 0;
  const hasMet = () => kills >= options.kills && backend.faults.met >= options.faults && hasRead() && hasCommitted();
  const isDone = () => performance.now() >= endMs && hasMet();
  while (!isDone()) {
    await sleep(options.killEveryMs * Math.random());
    if (options.kills === 0) continue;
    await backend.killOne();
    kills++;
  }
  return kills;
}

type Life = (world: Surroundings, client: string) => Promise<void>;

function startClients(world: Surroundings, options: RealOptions): Promise<void>[] {
  const begin = (name: string, count: number, life: Life) =>
    Array.from({ length: count }, (_, i) => life(world, `${name}${i}`));
  return [
    ...begin('steady', options.steady, steadyProducer),
    ...begin('anonymous', options.anonymous, anonymousProducer),
    ...begin('once', options.oneShot, oneShotProducer),
    ...begin('keyed', options.keyed, keyedProducer),
    ...begin('conditional', options.conditional, conditionalProducer),
    ...begin('reader', Math.floor(options.readers / 2), logReader),
    ...begin('consumer', Math.ceil(options.readers / 2), sdkReader),
  ];
}

const startTransactors = (world: TransactionsWorld, { transactional }: RealOptions): Promise<void>[] => [
  ...Array.from({ length: transactional }, (_, i) => transactor(world, i)),
  ...Array.from({ length: Math.floor(transactional / 2) }, (_, i) => plainProducer(world, `plain${i}`)),
];

async function readFinalLog({ backend, partitions, history }: Surroundings): Promise<void> {
  for (let partition = 0; partition < partitions; partition++) {
    const log: { offset: number; value: string }[] = [];
    for (;;) {
      const read = await readOnce(backend.quietUrl, partition, log.length, 0);
      if (!read) throw new Error(`partition ${partition} cannot be read at ${log.length}`);
      if (read.records.length === 0) break;
      log.push(...read.records);
    }
    history.finalLog.set(partition, log);
  }
}
