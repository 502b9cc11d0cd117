// A random world of one subscription. Producers append, an operator makes, changes and deletes it, processes run the router and
// the dispatcher and die or freeze at any step, and events come late, twice or never. In the end all is quiet, and everything
// must have been delivered, or given up.
import type { Dispatcher, PushInvocation, PushPorts, Subscriptions } from '../../../lib/api/push.ts';
import { createLogContext, type Ports } from '../../../lib/log/context.ts';
import type { Appended } from '../../../lib/push/route.ts';
import { letterHeaders } from '../../../lib/push/run/dead-letters.ts';
import { type DecodedRecord, decodeBatch } from '../../../lib/record/batch.ts';
import { splitBatches } from '../../../lib/record/batch-header.ts';
import { createMemoryTable } from '../../../lib/storage/memory/memory-table.ts';
import type { Table } from '../../../lib/storage/table.ts';
import { type Lib, realLib } from '../core/lib-under-test.ts';
import type { Process } from '../core/process.ts';
import type { Scheduler } from '../core/scheduler.ts';
import type { CaseVerdict } from '../core/worlds.ts';
import { openStage, type Stage, type StageOptions } from '../groups/stage.ts';
import { check } from './check.ts';
import { groupId, type History, newHistory, placeOf, poison, topic } from './history.ts';
import {
  append,
  batchesOf,
  type Client,
  create,
  intrude,
  type Job,
  lettersTopic,
  limitOf,
  pause,
  remove,
  reset,
  resume,
  retryNow,
} from './jobs.ts';
import { commitOutside, deleteGroup, forget, join, joinClassic } from './members.ts';
import { offsetsOf, type TargetOptions, type TargetWorld, targetsOf } from './target.ts';
import { invokeOf, send, type TransportOptions, withStream } from './transport.ts';
import { type Rules, watchOffsets } from './watch.ts';

export type PushWorldOptions = Omit<StageOptions, 'newEngine'> &
  TargetOptions &
  TransportOptions & {
    readonly partitions: number;
    readonly appends: number;
    readonly poison: number;
    readonly jobs: number;
    readonly retries: number;
    readonly windowSeconds?: number;
    readonly deadLetters: Client['deadLetters'];
    /** A reset or a new creation delivers all again, and gives up again. */
    readonly mayRepeatLetters: boolean;
    /** The operator changes `maximumConcurrency`. */
    readonly changesLimit?: boolean;
    /** Members try to join, and the subscription is often deleted, so that some of them can. */
    readonly hasMembers?: boolean;
    /** Whether the hourly net runs. Without it every record must come by its own events. */
    readonly hasNet: boolean;
    /** The jobs of each client, one after the other, instead of jobs at random. */
    readonly script?: readonly (readonly Job[])[];
    readonly lib?: Lib;
  };

const hourMs = 3_600_000;
const requestTimeoutMs = 30_000;
const runTimeoutMs = 15 * 60_000;
const mostSteps = 5_000_000;
/** Longer than any late copy takes, and than any process sleeps. */
const quietMs = 34 * hourMs;

type World = Stage & {
  readonly options: PushWorldOptions;
  readonly history: History;
  readonly lib: Lib;
  partsOf(ports: Ports): Parts;
};
type Parts = {
  readonly subscriptions: Subscriptions;
  readonly dispatcher: Dispatcher;
  readonly ports: PushPorts;
  /** A dispatcher for one run, so that its target knows whose it is. */
  dispatcherOf(invocation: PushInvocation): Dispatcher;
};

export async function runPushWorld(options: PushWorldOptions): Promise<CaseVerdict> {
  const world = openWorld(options);
  const { scheduler, observer, history } = world;
  const failures: unknown[] = [];
  const guard = (work: Promise<unknown>) => work.catch((error: unknown) => void failures.push(error));
  const until = async (isOver: () => boolean) => {
    if (!(await scheduler.run(() => isOver() || failures.length > 0, mostSteps)))
      failures.push(new Error('too many steps'));
    if (failures.length > 0) throw failures[0];
  };
  const whole = async (work: () => Promise<unknown>) => {
    let isDone = false;
    void guard(work()).then(() => {
      isDone = true;
    });
    await until(() => isDone);
  };
  await observer.createTopic({ topic, partitions: options.partitions });
  await observer.createTopic({ topic: lettersTopic, partitions: 1 });
  world.disturb();
  const firstCall = world.calls();
  const end = { isHere: false };
  const { client, isBusy } = startClients(world, guard);
  if (!options.script) void guard(nuisance(world, end));
  if (options.hasNet) void guard(net(world, end));
  await until(() => !isBusy());
  await whole(() => settle(world, client));
  end.isHere = true;
  const endCall = world.calls();
  world.calm();
  const restMs = scheduler.now() + quietMs;
  scheduler.after(quietMs, () => {});
  await until(() => scheduler.now() >= restMs);
  let atRest: readonly string[] = [];
  await whole(async () => {
    const needsNet = options.hasNet || history.sleepingResets > 0;
    atRest = needsNet ? [] : await leftAtRest(world);
  });
  // A request without an answer may act whenever its process wakes up. So the subscription may be paused by now.
  await whole(() => settle(world, { ...client, ask: askObserver(world) }));
  // A subscription that has gone deaf is found only by an append that comes now.
  await whole(() => probe(world));
  const probeMs = scheduler.now() + 2 * hourMs;
  scheduler.after(2 * hourMs, () => {});
  await until(() => scheduler.now() >= probeMs);
  let complaints: readonly string[] = [];
  await whole(async () => {
    complaints = [...atRest, ...(await judge(world, client))];
  });
  return {
    steps: scheduler.steps(),
    firstCall,
    endCall,
    reads: world.reads,
    complaints,
    counts: { deliveries: history.deliveries.length, ...(history.claims > 0 && { claims: history.claims }) },
  };
}

function openWorld(options: PushWorldOptions): World {
  const history = newHistory();
  const invocations = new Map<string, PushInvocation>();
  const rules: Rules = {
    skewMs: options.mostSkewMs,
    seesAnswers: options.deadLetters !== 'topic' && options.retries < 0,
  };
  const onAppend: { hear(event: Appended): void } = { hear: () => {} };
  const around = (_table: Table, scheduler: Scheduler): Table =>
    withStream(
      watchOffsets(createMemoryTable({ clock: scheduler }), { scheduler, history, rules, invocations }),
      (event) => onAppend.hear(event),
    );
  const { lib = realLib } = options;
  const stage = openStage({ ...options, around, newEngine: lib.createEngine });
  let isCalm = false;
  const target: TargetWorld = { ...stage, history, options, isCalm: () => isCalm, runs: 0 };
  const road = { ...stage, options, isCalm: () => isCalm };
  const known = new WeakMap<Ports, Parts>();
  const pick = () => stage.random.pick(stage.processes);
  const take = (invocation: PushInvocation, whenMs?: number) => {
    invocations.set(invocation.id, invocation);
    stage.trace(`invoked: ${invocation.partition} ${invocation.id}${whenMs ? ` at ${whenMs}` : ''}`);
    send(road, invocation, (event) => bringRun(world, pick(), event), whenMs);
  };
  const world: World = {
    ...{ ...stage, options, history, lib },
    calm() {
      isCalm = true;
      stage.calm();
    },
    partsOf(ports) {
      const found = known.get(ports);
      if (found) return found;
      const log = createLogContext(ports);
      const push: PushPorts = { targets: targetsOf(target, ports.clock), invoke: invokeOf(road, ports.clock, take) };
      const parts: Parts = {
        ...{ subscriptions: lib.createSubscriptions(log, push), dispatcher: lib.createDispatcher(log, push) },
        ports: push,
        dispatcherOf: (invocation) =>
          lib.createDispatcher(log, { ...push, targets: targetsOf(target, ports.clock, invocation) }),
      };
      known.set(ports, parts);
      return parts;
    },
  };
  onAppend.hear = (event) => send(road, event, (appended) => bringAppended(world, pick(), appended));
  return world;
}

const isAnswer = (answer: Awaited<ReturnType<Process['request']>>): boolean => answer !== 'lost' && 'reply' in answer;

async function bringRun(world: World, process: Process, invocation: PushInvocation): Promise<boolean> {
  const endMs = world.scheduler.now() + runTimeoutMs;
  const answer = await process.request(
    (_engine, ports) =>
      world
        .partsOf(ports)
        .dispatcherOf(invocation)
        .run(invocation, { leftMs: () => endMs - world.scheduler.now() }),
    runTimeoutMs,
  );
  if (answer === 'lost') world.history.lostRuns++;
  world.trace(
    `run ${invocation.id} of ${invocation.partition}: ${answer === 'lost' ? 'lost' : Object.keys(answer)[0]}`,
  );
  return isAnswer(answer);
}

async function bringAppended({ lib, partsOf }: World, process: Process, appended: Appended): Promise<boolean> {
  const answer = await process.request(
    (_engine, { table, clock, ...ports }) =>
      lib.route({ table, clock, invoke: partsOf({ table, clock, ...ports }).ports.invoke }, appended),
    requestTimeoutMs,
  );
  return isAnswer(answer);
}

function startClients(world: World, guard: (work: Promise<unknown>) => Promise<unknown>) {
  const { options, scheduler, random, processes, history } = world;
  const lives: Client['lives'] = { count: 0, current: undefined };
  const client: Client = {
    ...{ history, lives, partitions: options.partitions, retries: options.retries, deadLetters: options.deadLetters },
    windowSeconds: options.windowSeconds ?? 0,
    ...(options.maximumConcurrency !== undefined && { maximumConcurrency: options.maximumConcurrency }),
    now: scheduler.now,
    newId: () => Buffer.from(Array.from({ length: 16 }, () => random.below(256))).toString('base64url'),
    pause: (ms) => new Promise((resolve) => scheduler.after(ms, resolve)),
    chance: random.chance,
    ask: (operation) =>
      random
        .pick(processes)
        .request(
          (engine, ports) => operation({ engine, subscriptions: world.partsOf(ports).subscriptions }),
          requestTimeoutMs,
        ),
  };
  const scripts = options.script ?? [
    Array.from({ length: options.appends }, () => drawAppend(world)),
    [create, ...Array.from({ length: options.jobs }, () => drawChange(world))],
    Array.from({ length: options.jobs }, () => (options.hasMembers ? drawMember(world) : intrude)),
  ];
  let busy = scripts.length;
  const live = async (jobs: readonly Job[]) => {
    for (const job of jobs) {
      if (!options.script) await client.pause(random.below(20_000));
      await job(client);
    }
  };
  for (const jobs of scripts) void guard(live(jobs)).then(() => void busy--);
  return { client, isBusy: () => busy > 0 };
}

function drawAppend({ random, options }: World): Job {
  const values = Array.from({ length: 1 + random.below(4) }, (_, i) =>
    random.chance(options.poison) ? poison : `v${i}`,
  );
  return append(random.below(options.partitions), ...values);
}

const ofMembers: readonly Job[] = [join, joinClassic, commitOutside, forget, deleteGroup, intrude];
const drawMember = ({ random }: World): Job => random.pick(ofMembers);

function drawChange({ random, options }: World): Job {
  if (options.hasMembers) return random.pick([create, remove, remove, resume, reset]);
  if (options.changesLimit && random.chance(0.6)) return limitOf(random.pick([1, 1, 2, null]));
  const what = random.below(100);
  if (what < 20) return pause;
  if (what < 45) return resume;
  if (what < 60) return reset;
  if (what < 70) return retryNow;
  if (what < 80) return batchesOf(1 + random.below(5));
  return what < 90 ? remove : create;
}

/** The world ends with a subscription that is active. Nothing else wakes it: a creation or resumption that was answered must do. */
async function settle({ observerPorts, partsOf }: World, client: Client): Promise<void> {
  const found = await partsOf(observerPorts).subscriptions.list({});
  const [summary] = found.subscriptions;
  if (!summary) await create(client);
  else if (summary.state !== 'Enabled') await resume(client);
}

async function probe(world: World): Promise<void> {
  const { partitions } = world.options;
  const ask = askObserver(world);
  for (let partition = 0; partition < partitions; partition++) await append(partition, 'last')({ ask });
}

const askObserver =
  ({ observer, observerPorts, partsOf }: World): Client['ask'] =>
  async (operation) => {
    try {
      return { reply: await operation({ engine: observer, subscriptions: partsOf(observerPorts).subscriptions }) };
    } catch (error) {
      return { error };
    }
  };

/** Everything that was appended has come by its own events, and not by what is appended next. */
async function leftAtRest({ observerPorts, partsOf }: World): Promise<string[]> {
  const { subscriptions } = partsOf(observerPorts);
  const [summary] = (await subscriptions.list({})).subscriptions;
  if (summary?.state !== 'Enabled') return [];
  const { partitions } = await subscriptions.get(summary);
  return partitions
    .filter(({ lag }) => lag > 0)
    .map(({ partition, lag }) => `${lag} records of partition ${partition} are left at rest`);
}

async function judge(world: World, { lives }: Client): Promise<string[]> {
  const { observerPorts, partsOf, history, options } = world;
  const { subscriptions } = partsOf(observerPorts);
  const found = await subscriptions.get({ topic, groupId });
  const { target } = found.settings;
  const life = (target as { readonly url: string }).url.split('/').at(-1)!;
  if (lives.current !== undefined && life !== lives.current)
    return [`the subscription is of ${life}, not of ${lives.current}`];
  const doubled = options.deadLetters === 'topic' ? await readLetters(world, life) : [];
  const ends = found.partitions.map(({ logEndOffset }) => logEndOffset);
  const committed = found.partitions.map(({ committedOffset }) => committedOffset);
  return [...doubled, ...check(history, { life, ends, committed, retries: options.retries })];
}

/** Letters name no life: one of an earlier life counts too. One that was written twice is a complaint. */
async function readLetters({ observer, history, options }: World, life: string): Promise<string[]> {
  const reply = await observer.fetch({
    topic: lettersTopic,
    partitions: [{ partition: 0, offset: 0 }],
    maxBytes: 4 << 20,
  });
  const [found] = reply.partitions;
  if (!found || 'error' in found) throw new Error('the dead letters cannot be read');
  const places = found.batches.flatMap((bytes) =>
    splitBatches(bytes).flatMap(({ from }) => decodeBatch(bytes, from).records.map(placeOfLetter)),
  );
  for (const { partition, offset, raw } of places)
    for (const each of offsetsOf(offset, raw)) history.lettered.add(placeOf(life, partition, each));
  // Bytes are those of a whole batch, of which some records may have become letters before.
  const names = places.flatMap(({ partition, offset, raw }) => (raw ? [] : [`${partition}/${offset}`]));
  const doubled = names.filter((name, at) => names.indexOf(name) < at);
  return options.mayRepeatLetters ? [] : doubled.map((name) => `the dead letter of ${name} was written twice`);
}

function placeOfLetter({ headers, value }: DecodedRecord) {
  const text = (key: string) => Buffer.from(headers.find((header) => header.key === key)!.value!).toString();
  const raw = text(letterHeaders.content) === 'batch' ? value! : undefined;
  return { partition: Number(text(letterHeaders.partition)), offset: Number(text(letterHeaders.offset)), raw };
}

/** Processes die and get other clocks. */
async function nuisance(
  { random, scheduler, processes, skew }: World,
  end: { readonly isHere: boolean },
): Promise<void> {
  while (!end.isHere) {
    await new Promise<void>((resolve) => scheduler.after(random.below(30_000), resolve));
    if (random.chance(0.5)) random.pick(processes).kill();
    else random.pick(processes).turnClock(skew());
  }
}

/** The hourly net. */
async function net(world: World, end: { readonly isHere: boolean }): Promise<void> {
  const { random, scheduler, processes, partsOf } = world;
  for (let rounds = 0; !end.isHere || rounds < 40; rounds++) {
    await new Promise<void>((resolve) => scheduler.after(hourMs, resolve));
    await random.pick(processes).request((_engine, ports) => partsOf(ports).dispatcher.lookAround(), runTimeoutMs);
  }
}
