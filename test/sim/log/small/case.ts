// One case of a small world has a copy of its stage, its actors in one order of steps, and exactly these faults.
// Everything that is not a fault is fixed. So a case is known by its world, its order of steps and its faults, and is
// the same every time.
import { createEngine } from '../../../../lib/engine.ts';
import type { GroupCommitOptions } from '../../../../lib/log/group-commit.ts';
import { explicitFaults, type FaultPlan, noFaults } from '../../core/faults.ts';
import { withGroupCommit } from '../../core/lib-under-test.ts';
import type { Network } from '../../core/network.ts';
import { withBeginning } from '../../core/past.ts';
import { startProcess } from '../../core/process.ts';
import { createRandom, type Random } from '../../core/random.ts';
import { createScheduler } from '../../core/scheduler.ts';
import type { CaseVerdict, Faults, RunOptions, SmallWorld } from '../../core/worlds.ts';
import { check } from '../check/check.ts';
import { readLog, simulatedTopic } from '../clients.ts';
import { disturbedHistory, type History, newHistory, type Removal } from '../history.ts';
import { type Observer, observe } from '../observer.ts';
import { findOrphanTrouble } from '../orphans.ts';
import type { Actor, Cast } from './actors.ts';
import { openStage, type Prepared, restore, type Stage, type Stores, startMs, stillClock } from './stage.ts';

/** The time at which each actor begins, and the speed of each process. */
export type Order = {
  readonly name: string;
  readonly beginMs: readonly number[];
  /** Each process takes this share (0 to 1) of the range of every delay. */
  readonly paces: readonly number[];
  readonly skewsMs?: readonly number[];
  /** Eventual reads show the state in which the world began. */
  readonly isStale?: boolean;
};

export type Story = {
  readonly actors: readonly Actor[];
  /** The processes do this beforehand, without faults, so that they know something. */
  readonly warmUp?: Actor;
  /** This runs without any fault when everything has come to rest. */
  readonly atRest?: Actor;
  /** Judges the case instead of the checker on the whole history. */
  readonly judge?: (scene: Scene) => readonly { readonly name: string; readonly detail: string }[];
};

export type Scene = { readonly cast: Cast; readonly stage: Prepared; readonly topicId: string };

export type LogWorld = {
  readonly name: string;
  /** The numbers of processes, partitions, batches, and batches in flight. */
  readonly about: string;
  readonly processes: number;
  readonly partitions: number;
  readonly orders: readonly Order[];
  prepare(stage: Stage): Promise<Story>;
  /** False where a write may be refused though nothing went wrong. The default is true. */
  readonly needsCauses?: boolean;
  /** Records may be removed: by requests, and as this says. */
  readonly removal?: Pick<Removal, 'retentionMs' | 'deleteRetentionMs'>;
  /** The default is that every request has a segment of its own. */
  readonly groupCommit?: GroupCommitOptions;
};

type PreparedWorld = LogWorld & { readonly prepared: Prepared; readonly story: Story };

async function prepareWorld(world: LogWorld): Promise<PreparedWorld> {
  const { stage, prepared } = await openStage(world.partitions);
  const story = await world.prepare(stage);
  return { ...world, story, prepared: await prepared() };
}

const mostSteps = 100_000;

export const smallLogWorld = (world: LogWorld): SmallWorld => ({
  name: world.name,
  about: world.about,
  orders: world.orders.length,
  async prepare() {
    const prepared = await prepareWorld(world);
    return (order, faults, options) => runCase(prepared, world.orders[order]!, faults, options);
  },
});

async function runCase(
  world: PreparedWorld,
  order: Order,
  faults: Faults,
  { trace, newEngine = createEngine }: RunOptions = {},
): Promise<CaseVerdict> {
  const scheduler = createScheduler(startMs);
  const bare = await restore(world.prepared, scheduler.now);
  const observer = observe(bare, world.prepared.sends);
  const table = order.isStale ? withBeginning(observer.table, world.prepared.items) : observer.table;
  const stage = openNetwork({ objects: bare.objects, table }, scheduler, trace);
  const cast = castOf(world, order, {
    network: stage,
    stores: bare,
    newEngine: withGroupCommit(newEngine, world.groupCommit),
    observer,
  });
  const failures: unknown[] = [];
  if (world.story.warmUp) await perform(cast, {}, [world.story.warmUp], failures);
  stage.arm(explicitFaults(faults));
  await perform(cast, order, world.story.actors, failures);
  // The actors may leave copies of requests that act hours later.
  await scheduler.run(() => failures.length > 0, mostSteps);
  const calls = stage.calls();
  if (world.story.atRest) await world.story.atRest(cast).catch((error: unknown) => failures.push(error));
  const complaints = failures.map((failure) => `threw: ${failure instanceof Error ? failure.stack : failure}`);
  if (failures.length === 0) complaints.push(...(await verdict(world, cast, bare, observer)));
  return { firstCall: 0, endCall: calls, steps: scheduler.steps(), complaints };
}

/** All processes share one counter of calls and one plan of faults. Each process has a pace of its own. */
function openNetwork(stores: Stores, scheduler: Network['scheduler'], trace?: (line: string) => void) {
  let calls = 0;
  let plan: FaultPlan = noFaults;
  const bytes = createRandom(100);
  const { history, disturbed } = disturbedHistory(scheduler.now);
  const say = (line: string) => trace?.(`${scheduler.now() - startMs} ms  ${line}`);
  return {
    scheduler,
    history,
    say,
    calls: () => calls,
    arm(faults: FaultPlan) {
      calls = 0;
      plan = faults;
    },
    for: (random: Random): Network => ({
      ...stores,
      scheduler,
      random,
      randomBytes: (count) => Uint8Array.from({ length: count }, () => bytes.below(256)),
      faults: { faultOf: (call) => plan.faultOf(call) },
      trace: say,
      disturbed,
      get calls() {
        return calls;
      },
      set calls(count: number) {
        calls = count;
      },
    }),
  };
}

type Means = {
  readonly network: ReturnType<typeof openNetwork>;
  readonly stores: Stores;
  readonly newEngine: typeof createEngine;
  readonly observer: Observer;
};

/** Clocks of small worlds differ by less than this. */
const skewMs = 3_600_000;

function castOf(world: PreparedWorld, order: Order, { network, stores, newEngine, observer }: Means): Cast {
  const { scheduler, say } = network;
  const processes = Array.from({ length: world.processes }, (_, i) =>
    startProcess(network.for(steadyPace(order.paces[i] ?? 0.5)), `p${i}`, newEngine, order.skewsMs?.[i] ?? 0),
  );
  const sends = world.prepared.sends.map((send) => ({ ...send, tries: [...send.tries] }));
  const removal = world.removal && { committed: observer.committed, requests: [], skewMs, ...world.removal };
  const known = world.needsCauses === false ? newHistory() : network.history;
  const history: History = { ...known, sends, damage: [], ...(removal && { removal }) };
  return { scheduler, processes, history, stores, topicOf: new Map(), deletedMs: new Map(), trace: say };
}

/** Nothing is random: every delay takes the same share of its range. */
const steadyPace = (pace: number): Random => ({
  next: () => pace,
  below: (limit) => Math.floor(limit * pace),
  chance: () => false,
  pick: (from) => from[0]!,
});

async function perform(
  cast: Cast,
  { beginMs }: Partial<Order>,
  actors: readonly Actor[],
  failures: unknown[],
): Promise<void> {
  let ended = 0;
  for (const [i, actor] of actors.entries()) {
    cast.scheduler.after(beginMs?.[i] ?? 0, () => {
      actor(cast).then(
        () => ended++,
        (error: unknown) => failures.push(error),
      );
    });
  }
  await cast.scheduler.run(() => ended === actors.length || failures.length > 0, mostSteps);
  if (failures.length === 0 && ended < actors.length) failures.push(new Error('an actor did not come to an end'));
}

async function verdict(world: PreparedWorld, cast: Cast, stores: Stores, { sent, falls }: Observer): Promise<string[]> {
  const topicId = await readFinalLog(stores, cast);
  const anomalies = world.story.judge?.({ cast, stage: world.prepared, topicId }) ?? check(cast.history);
  const orphans = await findOrphanTrouble({ ...stores, sent });
  return [...anomalies, ...falls, ...orphans].map(({ name, detail }) => `${name}: ${detail}`);
}

async function readFinalLog({ objects, table }: Stores, { scheduler, history }: Cast): Promise<string> {
  if (history.removal) history.removal.finalMs = scheduler.now();
  const engine = createEngine({ objects, table, clock: stillClock(scheduler.now(), 2) });
  const { topicId, partitions } = await engine.describeTopic(simulatedTopic);
  for (let partition = 0; partition < partitions; partition++)
    history.finalLog.set(partition, await readLog(engine, partition));
  return topicId;
}
