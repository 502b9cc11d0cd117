// A small random world has one topic, few clients written for one purpose, and many faults. A seed takes some
// milliseconds. Unlike the large world it gives the checker everything that it can use: when each try began, and when
// anything went wrong.
import { createEngine } from '../../../../lib/engine.ts';
import type { GroupCommitOptions } from '../../../../lib/log/group-commit.ts';
import { createMemoryObjectStore } from '../../../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../../../lib/storage/memory/memory-table.ts';
import { type FaultKind, type FaultPlan, faultKinds, noFaults } from '../../core/faults.ts';
import { type Lib, withGroupCommit } from '../../core/lib-under-test.ts';
import type { Network } from '../../core/network.ts';
import { withStaleQueries } from '../../core/past.ts';
import { startProcess } from '../../core/process.ts';
import { createRandom, type Random } from '../../core/random.ts';
import { createScheduler } from '../../core/scheduler.ts';
import type { StoreAnomaly } from '../check/anomaly.ts';
import { readAsFarAsPossible, type Surroundings, simulatedTopic } from '../clients.ts';
import { disturbedHistory, type History, newHistory, type Removal } from '../history.ts';
import { type Observer, observe } from '../observer.ts';
import { findOrphanTrouble } from '../orphans.ts';
import type { Stores } from '../small/stage.ts';

/** Runs one history of the library from a seed. A topic that was deleted has a history of its own. */
export type MutantWorld = { readonly name: string; run(lib: Lib, seed: number): Promise<readonly History[]> };

export type SmallWorld = Surroundings & {
  readonly network: Network;
  readonly lib: Lib;
  readonly observer: Observer;
  readonly stores: Stores;
};
export type Actor = (world: SmallWorld, name: string) => Promise<void>;

export type SmallWorldOptions = {
  readonly partitions: number;
  readonly processes: number;
  readonly faultRate: number;
  /**
   * Set this where clients ask for what may not exist, so that a refusal needs no other cause. The default is false.
   */
  readonly asksTooMuch?: boolean;
  /** Records may be removed: by requests, and as this says. The default is that none are. */
  readonly removal?: Pick<Removal, 'retentionMs' | 'deleteRetentionMs'>;
  readonly config?: Readonly<Record<string, string>>;
  /** The default is all kinds. */
  readonly faultKinds?: readonly FaultKind[];
  /** The default is that every request has a segment of its own. */
  readonly groupCommit?: GroupCommitOptions;
  readonly actors: readonly Actor[];
};

const startMs = Date.UTC(2026, 0, 1);
const mostSteps = 200_000;

/** The processes, their stores and the network between them, without a topic and without clients. */
export function prepare(lib: Lib, seed: number, options: Omit<SmallWorldOptions, 'partitions' | 'actors'>): SmallWorld {
  const random = createRandom(seed);
  const scheduler = createScheduler(startMs);
  const { history, disturbed } = disturbedHistory(scheduler.now);
  const objects = createMemoryObjectStore({ clock: scheduler });
  const stores = { objects, table: createMemoryTable({ clock: scheduler }) };
  const observer = observe(stores);
  const network: Network = {
    scheduler,
    random,
    faults: drawnFaults(random, options),
    objects,
    table: withStaleQueries(observer.table, {
      random,
      now: scheduler.now,
      chance: () => 0.5,
      stalestMs: 3_000,
      mostItems: 4,
    }),
    calls: 0,
    trace: () => {},
    disturbed,
  };
  const processes = Array.from({ length: options.processes }, (_, i) =>
    startProcess(network, `p${i}`, withGroupCommit(lib.createEngine, options.groupCommit)),
  );
  const { committed } = observer;
  const removal = options.removal && { committed, requests: [], skewMs: 0, ...options.removal };
  const known = options.asksTooMuch ? newHistory() : history;
  const judged = { ...known, damage: [], ...(removal && { removal }) };
  return { scheduler, random, processes, history: judged, trace: () => {}, network, lib, observer, stores };
}

export async function runSmallWorld(lib: Lib, seed: number, options: SmallWorldOptions): Promise<SmallWorld> {
  const world = prepare(lib, seed, options);
  const engine = bareEngine(world.network);
  const { partitions: made, config = {} } = options;
  await engine.createTopic({ topic: simulatedTopic, partitions: made, config });
  await runActors(world, options.actors);
  if (world.history.removal) world.history.removal.finalMs = world.scheduler.now();
  const { partitions } = await engine.describeTopic(simulatedTopic);
  for (let partition = 0; partition < partitions; partition++)
    world.history.finalLog.set(partition, (await readAsFarAsPossible(engine, partition)).log);
  if (options.removal) world.history.stores = await storesOf(world);
  return world;
}

const storesOf = async ({ stores, observer: { sent, falls } }: SmallWorld): Promise<StoreAnomaly[]> => [
  ...falls,
  ...(await findOrphanTrouble({ ...stores, sent })),
];

/** Lets the clients run, and then everything come to rest. */
export async function runActors(world: SmallWorld, actors: readonly Actor[]): Promise<void> {
  let ended = 0;
  const failures: unknown[] = [];
  for (const [i, actor] of actors.entries()) {
    actor(world, `c${i}`).then(
      () => ended++,
      (error: unknown) => failures.push(error),
    );
  }
  await world.scheduler.run(() => ended === actors.length || failures.length > 0, mostSteps);
  if (failures.length > 0) throw failures[0];
  if (ended < actors.length) throw new Error(`${actors.length - ended} clients did not come to an end`);
  Object.assign(world.network, { faults: noFaults });
  await world.scheduler.run(() => false, mostSteps);
}

const drawnFaults = (
  random: Random,
  { faultRate, faultKinds: kinds = faultKinds }: Pick<SmallWorldOptions, 'faultRate' | 'faultKinds'>,
): FaultPlan => ({
  faultOf: () => (random.chance(faultRate) ? random.pick(kinds) : undefined),
});

/** A clock for work outside of the simulated processes. Its pauses take no time. */
export const clockOf = ({ scheduler, random }: Network) => ({
  now: scheduler.now,
  monotonic: scheduler.now,
  sleep: async () => {},
  random: random.next,
  randomBytes: (count: number) => Uint8Array.from({ length: count }, () => random.below(256)),
});

/** The real engine without any fault. It prepares a world, and reads the log in the end. */
export function bareEngine(network: Network) {
  const { objects, table } = network;
  return createEngine({ objects, table, clock: clockOf(network) });
}
