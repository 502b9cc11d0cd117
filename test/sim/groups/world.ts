// A random world of one group: members that come, go, freeze and crash, processes that die and whose clocks are wrong,
// faults on every call, heartbeats that come twice or late, topics that grow. One seed, one history. In the end faults
// stop, and within the session, two heartbeats and the skew every partition must be one living member's.
import { createEngine } from '../../../lib/create-engine.ts';
import { createMemoryObjectStore } from '../../../lib/storage/memory-object-store.ts';
import { createMemoryTable } from '../../../lib/storage/memory-table.ts';
import { explicitFaults, type FaultKind, noFaults, randomFaults } from '../faults.ts';
import type { Network } from '../network.ts';
import { startProcess } from '../process.ts';
import { createRandom, type Random } from '../random.ts';
import { createScheduler } from '../scheduler.ts';
import { checkGroup } from './check.ts';
import { type GroupHistory, newGroupHistory } from './history.ts';
import {
  beatMs,
  type MemberOptions,
  type Membership,
  type SimMember,
  type Surroundings,
  sessionMs,
  simulatedGroup,
  skewMs,
  startMember,
} from './member.ts';
import { sdkMembership } from './sdk-membership.ts';
import { withStaleQueries } from './stale-queries.ts';
import { watchTerms } from './watch-terms.ts';

export type GroupWorldOptions = {
  readonly seed: number;
  readonly processes: number;
  readonly members: number;
  readonly partitions: number;
  readonly durationMs: number;
  readonly faultRate: number;
  readonly mischief: number;
  /** Of the processes' clocks. Beyond half of the assumed skew leases may be broken, but nothing else. */
  readonly mostSkewMs: number;
  readonly faults?: ReadonlyMap<number, FaultKind>;
  /** The members keep their membership as the SDK does. */
  readonly sdk?: boolean;
  /** Instead of trouble at random. */
  readonly script?: Script;
  readonly newEngine?: typeof createEngine;
  readonly trace?: (line: string) => void;
};

export const defaultGroupWorld: Omit<GroupWorldOptions, 'seed'> = {
  processes: 3,
  members: 4,
  partitions: 5,
  durationMs: 120_000,
  faultRate: 0.03,
  mischief: 0.05,
  mostSkewMs: 400,
};

/** By how bad they are. */
export const groupWorlds = {
  usual: defaultGroupWorld,
  /** Clocks are nearly right, so that leases must hold; all else goes wrong. */
  faulty: { ...defaultGroupWorld, members: 5, partitions: 3, faultRate: 0.15, mischief: 0.4 },
  'wrong clocks': {
    ...defaultGroupWorld,
    members: 6,
    partitions: 3,
    faultRate: 0.1,
    mischief: 0.3,
    mostSkewMs: 60_000,
  },
  'members of the SDK': { ...defaultGroupWorld, members: 5, partitions: 6, faultRate: 0.1, mischief: 0.2, sdk: true },
  'members of the SDK, wrong clocks': { ...defaultGroupWorld, faultRate: 0.1, mostSkewMs: 60_000, sdk: true },
} as const satisfies Record<string, Omit<GroupWorldOptions, 'seed'>>;

export type GroupWorldResult = {
  readonly history: GroupHistory;
  readonly steps: number;
  /** Of the ports: those before faults are possible, and those until they no longer are. */
  readonly callsBefore: number;
  readonly callsUntilRest: number;
  readonly complaints: readonly string[];
};

const startMs = Date.UTC(2026, 0, 1);
const mostSteps = 3_000_000;
const topics = ['t', 'u'];

export async function runGroupWorld(options: GroupWorldOptions): Promise<GroupWorldResult> {
  const random = createRandom(options.seed);
  const scheduler = createScheduler(startMs);
  const trace = (line: string) => options.trace?.(`${scheduler.now() - startMs} ms  ${line}`);
  const objects = createMemoryObjectStore({ clock: scheduler });
  const faults = options.faults
    ? explicitFaults(options.faults)
    : randomFaults(createRandom(options.seed + 0x10000), options.faultRate, () => {});
  const history = newGroupHistory(options.mostSkewMs * 2 <= skewMs);
  const table = watchTerms(createMemoryTable({ clock: scheduler }), history.terms, scheduler.now);
  let isCalm = options.faultRate === 0;
  const stale = withStaleQueries(table, createRandom(options.seed + 0x20000), () => (isCalm ? 0 : 0.2));
  const network: Network = {
    scheduler,
    random,
    faults: noFaults,
    objects,
    table: stale,
    calls: 0,
    trace,
    disturbed: () => {},
  };
  const skew = () => random.below(2 * options.mostSkewMs + 1) - options.mostSkewMs;
  const processes = Array.from({ length: options.processes }, (_, i) =>
    startProcess(network, `p${i}`, options.newEngine ?? createEngine, skew()),
  );
  const observer = createEngine({ objects, table, clock: stillClock(scheduler, random) });
  const partitions = new Map([
    ['t', options.partitions],
    ['u', 2],
  ]);
  for (const [topic, count] of partitions) await observer.createTopic({ topic, partitions: count });
  Object.assign(network, { faults });
  const callsBefore = network.calls;
  const world: Surroundings = { scheduler, random, processes, history, trace, mischief: options.mischief };
  const failures: unknown[] = [];
  const guard = (work: Promise<unknown>) => void work.catch((error: unknown) => failures.push(error));
  const crowd = createCrowd(world, options.members, options.sdk ? sdkMembership : undefined);
  const end = { isNear: false, isHere: false };
  // A new topic is noticed with a renewal, which may read the past: that takes longer than who dies may be missed.
  const isEarly = () => scheduler.now() < startMs + options.durationMs / 2;
  const trouble: Trouble = { crowd, end, skew, grow: async () => isEarly() && grow(partitions, observer) };
  guard((options.script ?? nuisance)(world, trouble));
  guard(look(world, observer, end));
  const until = (ms: number) => scheduler.run(() => scheduler.now() >= ms || failures.length > 0, mostSteps);
  scheduler.after(options.durationMs, () => {});
  await until(startMs + options.durationMs);
  end.isNear = true;
  const callsUntilRest = network.calls;
  isCalm = true;
  Object.assign(network, { faults: noFaults, isCalm });
  Object.assign(world, { mischief: 0 });
  for (const process of processes) process.turnClock(0);
  crowd.thaw();
  await until(scheduler.now() + settleMs);
  for (const [topic, count] of partitions)
    for (let p = 0; p < count; p++) history.atRest.set(`${topic}-${p}`, crowd.holdersOf(`${topic}-${p}`));
  history.restMs = scheduler.now();
  await until(scheduler.now() + 3_000);
  end.isHere = true;
  crowd.stop();
  await until(scheduler.now() + 10_000);
  if (failures.length > 0) throw failures[0];
  const complaints = checkGroup(history).map(({ name, detail }) => `${name}: ${detail}`);
  return { history, steps: scheduler.steps(), callsBefore, callsUntilRest, complaints };
}

/**
 * From the last fault: who died is noticed after the session, the skew and a heartbeat, and told with the next one; before
 * that a clock that was wrong is pulled back, and a successor is born; after it partitions are let go of and claimed.
 */
const settleMs = sessionMs / 2 + sessionMs + skewMs + 2 * beatMs + 4_000;

function stillClock(scheduler: { now(): number }, random: Random) {
  return {
    now: scheduler.now,
    monotonic: scheduler.now,
    sleep: async () => {},
    random: () => 0.5,
    randomBytes: (count: number) => Uint8Array.from({ length: count }, () => random.below(256)),
  };
}

type Crowd = ReturnType<typeof createCrowd>;

function createCrowd(world: Surroundings, size: number, membership: Membership | undefined) {
  let born = 0;
  const members: { options: MemberOptions; member: SimMember }[] = [];
  const begin = (options: MemberOptions) => {
    world.trace(`${options.name} begins`);
    members.push({ options, member: startMember(world, options, membership) });
  };
  const fresh = (instance?: string): MemberOptions => ({
    name: Buffer.from(Uint8Array.from({ length: 16 }, () => world.random.below(256))).toString('base64url'),
    topics: world.random.chance(0.8) ? topics : [world.random.pick(topics)],
    ...(instance !== undefined && { instance }),
  });
  // Somebody always reads both topics, so that no partition is nobody's.
  begin({ ...fresh('i0'), topics });
  for (born = 1; born < size; born++) begin(fresh(born % 3 === 0 ? `i${born}` : undefined));
  return {
    living: () => members.filter(({ member }) => member.isAlive),
    holdersOf: (partition: string) =>
      members
        .filter(({ member }) => member.isAlive && member.holds.includes(partition))
        .map(({ member }) => member.name),
    add: (instance?: string) => begin({ ...fresh(instance), topics }),
    /** Another in its place: of the same instance, or anybody. */
    replace: ({ instance, topics: read }: MemberOptions) =>
      begin(instance === undefined ? fresh() : { ...fresh(instance), topics: read }),
    /** Those that are frozen wake up. */
    thaw: () => {
      for (const { member } of members) member.freeze(0);
    },
    stop: () => {
      for (const { member } of members) member.crash();
    },
  };
}

export type Script = (world: Surroundings, trouble: Trouble) => Promise<void>;

type Trouble = {
  readonly crowd: Crowd;
  readonly end: { readonly isNear: boolean };
  skew(): number;
  grow(): Promise<unknown>;
};

/** Something happens every few seconds. */
async function nuisance(world: Surroundings, { crowd, end, skew, grow }: Trouble): Promise<void> {
  const { random, scheduler } = world;
  const pause = (ms: number) => new Promise<void>((resolve) => scheduler.after(ms, resolve));
  while (!end.isNear) {
    await pause(random.below(8_000));
    if (end.isNear) return;
    const living = crowd.living();
    const { member, options } = random.pick(living);
    const what = random.below(8);
    world.trace(`nuisance ${what} ${member.name}`);
    if (what <= 1) random.pick(world.processes).kill();
    if (what === 2) random.pick(world.processes).turnClock(skew());
    if (what === 3) member.freeze(random.below(sessionMs * 3));
    if (what === 4) {
      member.crash();
      scheduler.after(random.below(6_000), () => crowd.replace(options));
    }
    if (what === 5) {
      await Promise.race([member.leave(options.instance !== undefined && random.chance(0.7) ? -2 : -1), pause(6_000)]);
      scheduler.after(random.below(6_000), () => crowd.replace(options));
    }
    if (what === 6 && options.instance !== 'i0') member.subscribe(random.chance(0.5) ? topics : [random.pick(topics)]);
    if (what === 7 && random.chance(0.4)) await grow();
  }
}

async function grow(partitions: Map<string, number>, observer: ReturnType<typeof createEngine>): Promise<void> {
  const count = partitions.get('t')!;
  if (count >= 20) return;
  await observer.alterTopic({ topic: 't', partitions: count + 1 });
  partitions.set('t', count + 1);
}

/** Anybody may look at any time, without faults. */
async function look(
  world: Surroundings,
  observer: ReturnType<typeof createEngine>,
  end: { readonly isHere: boolean },
): Promise<void> {
  const { scheduler, random, history } = world;
  while (!end.isHere) {
    await new Promise<void>((resolve) => scheduler.after(200 + random.below(2_000), resolve));
    const { topics: found } = await observer.groups.fetchOffsets({ groupId: simulatedGroup });
    const committed = new Map<string, number>();
    for (const { topic, partitions } of found)
      for (const each of partitions) if ('offset' in each) committed.set(`${topic}-${each.partition}`, each.offset);
    history.looks.push({ atMs: scheduler.now(), committed });
  }
}
