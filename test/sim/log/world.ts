// A random large world has many clients, several processes that die and whose clocks are wrong, and faults at a rate.
// One seed gives one history. After the clients are done, everything comes to rest. Then a process without faults reads
// the log, and every object must be named or provably sweepable.
import { createEngine } from '../../../lib/engine.ts';
import { createMemoryObjectStore } from '../../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../../lib/storage/memory/memory-table.ts';
import { explicitFaults, type FaultKind, noFaults, randomFaults } from '../core/faults.ts';
import { realLib, withGroupCommit } from '../core/lib-under-test.ts';
import type { Network } from '../core/network.ts';
import { startProcess } from '../core/process.ts';
import { createRandom, type Random } from '../core/random.ts';
import { createScheduler } from '../core/scheduler.ts';
import { check } from './check/check.ts';
import {
  type ProducerState,
  pauseFor,
  poll,
  readLog,
  register,
  type Surroundings,
  send,
  sendByKey,
  simulatedTopic,
} from './clients.ts';
import { disturbedHistory, type History, type Send } from './history.ts';
import { observe } from './observer.ts';
import { findOrphanTrouble } from './orphans.ts';
import type { Stores } from './small/stage.ts';
import { cleaningPages, joining, merging, retaining, spillingEarly, sweeping, tending } from './upkeep.ts';
import { askFor, deleteSome } from './upkeep-clients.ts';

export type WorldOptions = {
  readonly seed: number;
  readonly processes: number;
  readonly partitions: number;
  /**
   * The numbers of clients by kind: idempotent producers that keep writing, clients without an id, clients with a key
   * for each send, and producers that write once.
   */
  readonly steady: number;
  readonly anonymous: number;
  readonly keyed: number;
  readonly oneShot: number;
  readonly conditional: number;
  readonly readers: number;
  /** Each runs passes of maintenance, one after the other, and now and then deletes records. */
  readonly maintainers: number;
  /** The topic's `rivulet.inline.max.bytes`. Unless it is 0, somebody turns it off and on. */
  readonly inlineBytes: number;
  /** The number of sends of each long-lived client. */
  readonly sends: number;
  /**
   * Clients that keep writing pause up to this long after each send. Clients that write once begin within `spreadMs`.
   */
  readonly pauseMs: number;
  readonly spreadMs: number;
  /** The share of calls that suffer a fault. */
  readonly faultRate: number;
  /** With group commit, the number of uploads of a topic that do not wait for each other. 0: no group commit. */
  readonly uploadsAtOnce: number;
  /** The share of puts and gets that are hedged. */
  readonly hedgeRate: number;
  /** Exactly these faults, instead of a rate. */
  readonly faults?: ReadonlyMap<number, FaultKind>;
  /** An engine to use instead of the real one. */
  readonly newEngine?: typeof createEngine;
  /** Wraps the stores, and so sees every call of the processes that reaches them. */
  readonly watch?: (stores: Stores) => Stores;
  readonly trace?: (line: string) => void;
  /** Called for each fault that a call meets. */
  readonly met?: (call: number, fault: FaultKind) => void;
};

export const defaultWorld: Omit<WorldOptions, 'seed'> = {
  processes: 3,
  partitions: 2,
  steady: 3,
  anonymous: 2,
  keyed: 1,
  oneShot: 25,
  conditional: 1,
  readers: 2,
  maintainers: 0,
  inlineBytes: 0,
  sends: 15,
  pauseMs: 100,
  spreadMs: 8_000,
  faultRate: 0.03,
  uploadsAtOnce: 0,
  hedgeRate: 0,
};

export type WorldResult = {
  readonly history: History;
  readonly steps: number;
  /** Empty when all went well. */
  readonly complaints: readonly string[];
};

const startMs = Date.UTC(2026, 0, 1);
/**
 * Two clocks differ by less than an hour, because a timestamp may be at most an hour ahead of the clock that admits it.
 */
const mostSkewMs = 29 * 60_000;
const skewMs = (random: Random) => random.below(2 * mostSkewMs) - mostSkewMs;
const mostSteps = 2_000_000;

export async function runWorld(options: WorldOptions): Promise<WorldResult> {
  const random = createRandom(options.seed);
  const scheduler = createScheduler(startMs);
  const trace = (line: string) => options.trace?.(`${scheduler.now() - startMs} ms  ${line}`);
  const stores = {
    objects: createMemoryObjectStore({ clock: scheduler }),
    table: createMemoryTable({ clock: scheduler }),
  };
  const watched = options.watch?.(stores) ?? stores;
  const { objects } = watched;
  const { table, sent, falls, committed } = observe(watched);
  const faults = options.faults
    ? explicitFaults(options.faults)
    : // This random stream is separate, because a shrunk plan must not change what else is drawn.
      randomFaults(createRandom(options.seed + 0x10000), options.faultRate, options.met ?? (() => {}));
  const { history: disturbances, disturbed } = disturbedHistory(scheduler.now);
  const removal = { committed, requests: [], skewMs: 2 * mostSkewMs };
  const history: History = { ...disturbances, damage: [], ...(options.maintainers > 0 && { removal }) };
  const newEngine = withGroupCommit(options.newEngine ?? createEngine, groupCommitOf(options));
  const { hedgeRate } = options;
  const network: Network = {
    scheduler,
    random,
    faults: noFaults,
    objects,
    table,
    hedgeRate,
    calls: 0,
    trace,
    disturbed,
  };
  const processes = Array.from({ length: options.processes }, (_, i) =>
    startProcess(network, `p${i}`, newEngine, random.chance(0.3) ? 0 : skewMs(random)),
  );

  await createTopic(network, options);
  Object.assign(network, { faults });
  const world: Surroundings = { scheduler, random, processes, history, trace };
  const isOver = await runClients(world, options);
  Object.assign(network, { faults: noFaults });
  await scheduler.run(() => false, mostSteps);
  await readFinalLog(network, history, options.partitions);
  const found = [...check(history), ...falls, ...(await findOrphanTrouble({ ...stores, sent }))];
  const complaints = found.map(({ name, detail }) => `${name}: ${detail}`);
  if (!isOver) complaints.unshift('the clients did not come to an end');
  return { history, steps: scheduler.steps(), complaints };
}

/** In every other world no group leaves before an upload has ended. */
const groupCommitOf = ({ uploadsAtOnce, seed }: WorldOptions) =>
  uploadsAtOnce === 0 ? undefined : { uploadsAtOnce, lingerMs: seed % 2 === 0 ? 0 : 15 };

async function createTopic(network: Network, { partitions, inlineBytes }: WorldOptions): Promise<void> {
  const { objects, table } = network;
  const clock = {
    now: network.scheduler.now,
    monotonic: network.scheduler.now,
    sleep: async () => {},
    random: network.random.next,
    randomBytes: (n: number) => Uint8Array.from({ length: n }, () => network.random.below(256)),
  };
  await createEngine({ objects, table, clock }).createTopic({
    ...{ topic: simulatedTopic, partitions },
    config: inlineConfig(inlineBytes),
  });
}

const inlineConfig = (bytes: number) => ({ 'rivulet.inline.max.bytes': `${bytes}` });

async function runClients(world: Surroundings, options: WorldOptions): Promise<boolean> {
  let ended = 0;
  const stopped = { value: false };
  const begin = (count: number, name: string, life: (client: string) => Promise<void>) =>
    Array.from({ length: count }, (_, i) => life(`${name}${i}`).then(() => ended++));
  const writers = [
    ...begin(options.steady, 'steady', (client) => steadyProducer(world, options, client)),
    ...begin(options.anonymous, 'anonymous', (client) => anonymousProducer(world, options, client)),
    ...begin(options.keyed, 'keyed', (client) => keyedProducer(world, options, client)),
    ...begin(options.oneShot, 'once', (client) => oneShotProducer(world, options, client)),
    ...begin(options.conditional, 'conditional', (client) => conditionalProducer(world, options, client)),
  ];
  const failure: unknown[] = [];
  for (const writer of writers) writer.catch((error: unknown) => failure.push(error));
  begin(options.readers, 'reader', (client) => reader(world, options, client, stopped));
  begin(options.maintainers, 'maintainer', () => maintainer(world, options, stopped));
  if (options.inlineBytes > 0) begin(1, 'setter', () => setter(world, options, stopped));
  void nuisance(world, stopped);
  const isOver = await world.scheduler.run(() => ended >= writers.length || failure.length > 0, mostSteps);
  stopped.value = true;
  if (failure.length > 0) throw failure[0];
  return isOver;
}

function newSend(
  world: Surroundings,
  client: string,
  order: number,
  partition: number,
  idempotent: boolean,
  expectedOffset?: number,
): Send {
  const size = 1 + world.random.below(3);
  const values = Array.from({ length: size }, (_, i) => `${client}/${partition}/${order}.${i}`);
  const nowMs = world.scheduler.now();
  return {
    client,
    order,
    partition,
    values,
    idempotent,
    ...(expectedOffset !== undefined && { expectedOffset }),
    begunMs: nowMs,
    triedMs: [],
    answeredMs: [],
    tries: [],
    gapsMs: [],
    endedMs: nowMs,
  };
}

/** Writes to every partition, one send at a time to each. */
async function steadyProducer(world: Surroundings, options: WorldOptions, client: string): Promise<void> {
  const registered = await register(world);
  if (!registered) return;
  const perPartition = Array.from({ length: options.partitions }, async (_, partition) => {
    const producer: ProducerState = { ...registered };
    await pauseFor(world, world.random.below(options.pauseMs));
    for (let order = 0; order < options.sends; order++) {
      const next = newSend(world, client, order, partition, true);
      await send(world, next, producer);
      // A producer that gave up on a send cannot continue: the SDK takes a new id.
      if (typeof next.tries.at(-1) !== 'number') return;
      await pauseFor(world, world.random.below(options.pauseMs));
    }
  });
  await Promise.all(perPartition);
}

async function anonymousProducer(world: Surroundings, options: WorldOptions, client: string): Promise<void> {
  for (let order = 0; order < options.sends; order++) {
    await send(world, newSend(world, client, order, world.random.below(options.partitions), false), undefined);
    await pauseFor(world, world.random.below(2 * options.pauseMs));
  }
}

/** Lives for one batch, begins at a random time, and sometimes repeats the batch long after it was acknowledged. */
async function oneShotProducer(world: Surroundings, options: WorldOptions, client: string): Promise<void> {
  await pauseFor(world, world.random.below(options.spreadMs));
  const producer = await register(world);
  if (!producer) return;
  await pauseFor(world, world.random.chance(0.3) ? world.random.below(20_000) : 0);
  const only = newSend(world, client, 0, world.random.below(options.partitions), true);
  await send(world, only, { ...producer });
  await maybeAgain(world, only, (again) => send(world, again, { ...producer }));
}

/** Sends an Idempotency-Key with each request, and sometimes repeats one long after it was acknowledged. */
async function keyedProducer(world: Surroundings, options: WorldOptions, client: string): Promise<void> {
  const repeats: Promise<void>[] = [];
  for (let order = 0; order < options.sends; order++) {
    const next = newSend(world, client, order, world.random.below(options.partitions), true);
    // Each key is a producer of its own.
    const only: Send = { ...next, order: 0, producer: { id: order, epoch: 0 } };
    await sendByKey(world, only);
    repeats.push(maybeAgain(world, only, (again) => sendByKey(world, again)));
    await pauseFor(world, world.random.below(2 * options.pauseMs));
  }
  await Promise.all(repeats);
}

async function maybeAgain(world: Surroundings, only: Send, repeat: (again: Send) => Promise<void>): Promise<void> {
  if (!world.random.chance(0.3)) return;
  await pauseFor(world, world.random.below(30_000));
  world.history.sends.splice(world.history.sends.indexOf(only), 1);
  await repeat({ ...only });
}

/** Appends at the offset that it believes to be next, as an optimistic writer does. */
async function conditionalProducer(world: Surroundings, options: WorldOptions, client: string): Promise<void> {
  const registered = await register(world);
  if (!registered) return;
  for (let order = 0; order < options.sends; order++) {
    const process = world.random.pick(world.processes);
    const partition = world.random.below(options.partitions);
    const ends = await process.request(
      (engine) => engine.offsets({ topic: simulatedTopic, at: 'latest', partitions: [partition] }),
      30_000,
    );
    if (ends === 'lost' || 'error' in ends) continue;
    const next = newSend(world, client, order, partition, true, ends.reply.partitions[0]!.offset);
    // Each send has a producer of its own, because a refused batch leaves a gap in the sequence.
    const producer = await register(world);
    if (producer) await send(world, next, producer);
  }
}

async function reader(
  world: Surroundings,
  options: WorldOptions,
  client: string,
  stopped: { value: boolean },
): Promise<void> {
  const positions = Array.from({ length: options.partitions }, () => 0);
  while (!stopped.value) {
    const partition = world.random.below(options.partitions);
    const from = world.random.chance(0.05) ? 0 : positions[partition]!;
    positions[partition] = await poll(world, client, partition, from, world.random.below(2_000));
    await pauseFor(world, 20 + world.random.below(400));
  }
}

const passes = [tending, tending, merging, spillingEarly, spillingEarly, joining, retaining, cleaningPages];

async function maintainer(world: Surroundings, options: WorldOptions, stopped: { value: boolean }): Promise<void> {
  const { random } = world;
  while (!stopped.value) {
    await pauseFor(world, random.below(5 * options.pauseMs));
    const partition = random.below(options.partitions);
    if (random.chance(0.1)) await deleteSome(world, partition);
    else if (random.chance(0.15)) await askFor(world, realLib, sweeping(1 + random.below(2)));
    else await askFor(world, realLib, random.pick(passes)(partition));
  }
}

/** Turns small appends off and on. Processes learn of it late. */
async function setter(world: Surroundings, { inlineBytes }: WorldOptions, stopped: { value: boolean }): Promise<void> {
  while (!stopped.value) {
    await pauseFor(world, world.random.below(4_000));
    const config = inlineConfig(world.random.chance(0.3) ? 0 : inlineBytes);
    await world.random
      .pick(world.processes)
      .request((engine) => engine.alterTopic({ topic: simulatedTopic, config }), 30_000);
  }
}

/** Kills processes and turns their clocks, now and then. */
async function nuisance(world: Surroundings, stopped: { value: boolean }): Promise<void> {
  while (!stopped.value) {
    await pauseFor(world, world.random.below(6_000));
    const process = world.random.pick(world.processes);
    if (world.random.chance(0.5)) process.kill();
    else process.turnClock(skewMs(world.random));
  }
}

async function readFinalLog(network: Network, history: History, partitions: number): Promise<void> {
  const { objects, table, scheduler } = network;
  const clock = {
    now: scheduler.now,
    monotonic: scheduler.now,
    sleep: async () => {},
    random: () => 0,
    randomBytes: (n: number) => new Uint8Array(n),
  };
  const engine = createEngine({ objects, table, clock });
  if (history.removal) history.removal.finalMs = scheduler.now();
  for (let partition = 0; partition < partitions; partition++)
    history.finalLog.set(partition, await readLog(engine, partition));
}
