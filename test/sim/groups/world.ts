// A random world of one group. Members come, go, freeze and crash; processes die and their clocks are wrong; every call
// may suffer a fault; heartbeats arrive twice or late; topics grow. One seed gives one history. In the end faults stop,
// and within the session, two heartbeats and the skew every partition must belong to exactly one living member.
import type { Engine } from '../../../lib/api/engine.ts';
import type { CaseVerdict } from '../core/worlds.ts';
import { checkGroup } from './check.ts';
import { type GroupHistory, newGroupHistory } from './history.ts';
import {
  beatMs,
  type MemberOptions,
  type Membership,
  newMemberName,
  type SimMember,
  type Surroundings,
  sessionMs,
  simulatedGroup,
  skewMs,
  startMember,
} from './member.ts';
import { sdkMembership } from './sdk-membership.ts';
import { openStage, type StageOptions, startMs } from './stage.ts';

export type GroupWorldOptions = StageOptions & {
  readonly members: number;
  readonly partitions: number;
  readonly durationMs: number;
  readonly mischief: number;
  /**
   * The greatest error of the processes' clocks. Beyond half of the assumed skew leases may be broken, but nothing
   * else.
   */
  readonly mostSkewMs: number;
  /** When it is set, a gateway adds the right time to each heartbeat. */
  readonly gateway?: boolean;
  /** The least time between two troubles. */
  readonly calmMs: number;
  /** A partition may be without an owner for at most this long while nothing more goes wrong. */
  readonly mostUnownedMs: number;
  /** When it is set, the members keep their membership as the SDK does. */
  readonly sdk?: boolean;
  /** A script runs instead of trouble at random. */
  readonly script?: Script;
};

/**
 * The time from the last fault until all has settled. A dead member is noticed after the session, the skew and a
 * heartbeat, and the others learn of it with the next heartbeat. Before that, a wrong clock is corrected and a
 * successor starts. After that, partitions are let go of and claimed.
 */
const settleMs = sessionMs / 2 + sessionMs + skewMs + 2 * beatMs + 4_000;

export const defaultGroupWorld: Omit<GroupWorldOptions, 'seed'> = {
  processes: 3,
  members: 4,
  partitions: 5,
  durationMs: 120_000,
  faultRate: 0.03,
  mischief: 0.05,
  mostSkewMs: 400,
  calmMs: 0,
  mostUnownedMs: settleMs,
};

/** The worlds, sorted by how much goes wrong in them. */
export const groupWorlds = {
  usual: defaultGroupWorld,
  /**
   * Nothing else goes wrong until all has settled, so that the time without an owner can be compared with the promise.
   */
  'one trouble at a time': {
    ...defaultGroupWorld,
    durationMs: 600_000,
    faultRate: 0,
    mischief: 0,
    stalestMs: 1_000,
    calmMs: sessionMs + 2 * beatMs + skewMs,
    mostUnownedMs: sessionMs + 2 * beatMs + skewMs,
  },
  /** Clocks are nearly right, so leases must hold. Everything else goes wrong. */
  faulty: { ...defaultGroupWorld, members: 5, partitions: 3, faultRate: 0.15, mischief: 0.4 },
  'wrong clocks': {
    ...defaultGroupWorld,
    members: 6,
    partitions: 3,
    faultRate: 0.1,
    mischief: 0.3,
    mostSkewMs: 60_000,
  },
  /**
   * This world is as faulty, and nearly all clocks are wrong. The clocks are not used for leases, so leases must hold.
   */
  'clocks ahead of the gateway': {
    ...defaultGroupWorld,
    members: 5,
    partitions: 3,
    faultRate: 0.15,
    mischief: 0.4,
    leastSkewMs: 0,
    mostSkewMs: 25_000,
    gateway: true,
  },
  'members of the SDK': { ...defaultGroupWorld, members: 5, partitions: 6, faultRate: 0.1, mischief: 0.2, sdk: true },
  'members of the SDK with wrong clocks': { ...defaultGroupWorld, faultRate: 0.1, mostSkewMs: 60_000, sdk: true },
} as const satisfies Record<string, Omit<GroupWorldOptions, 'seed'>>;

export type GroupWorldResult = CaseVerdict & { readonly history: GroupHistory };

const mostSteps = 3_000_000;
const withoutOwner = 'ms without an owner';
const topics = ['t', 'u'];

export async function runGroupWorld(options: GroupWorldOptions): Promise<GroupWorldResult> {
  const stage = openStage(options);
  const { scheduler, random, observer, processes, trace } = stage;
  const { mostSkewMs, mostUnownedMs, gateway = false } = options;
  const history = newGroupHistory({ keepsLeases: gateway || mostSkewMs * 2 <= skewMs, mostUnownedMs }, stage);
  const partitions = new Map([
    ['t', options.partitions],
    ['u', 2],
  ]);
  for (const [topic, count] of partitions) await observer.createTopic({ topic, partitions: count });
  stage.disturb();
  const firstCall = stage.calls();
  const { mischief } = options;
  const world: Surroundings = { scheduler, random, processes, history, trace, mischief, gateway };
  const failures: unknown[] = [];
  const guard = (work: Promise<unknown>) => void work.catch((error: unknown) => failures.push(error));
  const crowd = createCrowd(world, options.members, options.sdk ? sdkMembership : undefined);
  const end = { isNear: false, isHere: false };
  // A new topic is noticed with a renewal, which may read the past. That takes longer than the detection of a dead
  // member may take.
  const isEarly = () => scheduler.now() < startMs + options.durationMs / 2;
  const trouble: Trouble = { crowd, end, skew: stage.skew, grow: async () => isEarly() && grow(partitions, observer) };
  guard(options.script?.(world, trouble) ?? nuisance(world, trouble, options.calmMs));
  guard(look(world, observer, end));
  guard(watchOwners(world, crowd, partitions, end));
  const until = (ms: number) => scheduler.run(() => scheduler.now() >= ms || failures.length > 0, mostSteps);
  scheduler.after(options.durationMs, () => {});
  await until(startMs + options.durationMs);
  end.isNear = true;
  const endCall = stage.calls();
  stage.calm();
  Object.assign(world, { mischief: 0 });
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
  const most = { [withoutOwner]: Math.max(0, ...history.unowned.map(({ fromMs, toMs }) => toMs - fromMs)) };
  return { history, steps: scheduler.steps(), firstCall, endCall, complaints, most };
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
    name: newMemberName(world.random),
    topics: world.random.chance(0.8) ? topics : [world.random.pick(topics)],
    ...(instance !== undefined && { instance }),
  });
  // One member always reads both topics, so that no partition stays without an owner.
  begin({ ...fresh('i0'), topics });
  for (born = 1; born < size; born++) begin(fresh(born % 3 === 0 ? `i${born}` : undefined));
  return {
    living: () => members.filter(({ member }) => member.isAlive),
    awake: () => members.map(({ member }) => member).filter(({ isAwake }) => isAwake),
    holdersOf: (partition: string) =>
      members
        .filter(({ member }) => member.isAlive && member.holds.includes(partition))
        .map(({ member }) => member.name),
    add: (instance?: string) => begin({ ...fresh(instance), topics }),
    /** Starts a member in the place of this one, with the same instance id if it has one. */
    replace: ({ instance, topics: read }: MemberOptions) =>
      begin(instance === undefined ? fresh() : { ...fresh(instance), topics: read }),
    /** Wakes up the frozen members. */
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

/** Something happens every few seconds, after a time of calm. */
async function nuisance(world: Surroundings, { crowd, end, skew, grow }: Trouble, calmMs: number): Promise<void> {
  const { random, scheduler } = world;
  const pause = (ms: number) => new Promise<void>((resolve) => scheduler.after(ms, resolve));
  while (!end.isNear) {
    await pause(calmMs + random.below(8_000));
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

async function grow(partitions: Map<string, number>, observer: Engine): Promise<void> {
  const count = partitions.get('t')!;
  if (count >= 20) return;
  await observer.alterTopic({ topic: 't', partitions: count + 1 });
  partitions.set('t', count + 1);
}

/** The observer looks at any time, without faults. */
async function look(world: Surroundings, observer: Engine, end: { readonly isHere: boolean }): Promise<void> {
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

/** Samples ten times a second since when each partition has been without an owner. */
async function watchOwners(
  { scheduler, history }: Surroundings,
  crowd: Crowd,
  partitions: ReadonlyMap<string, number>,
  end: { readonly isNear: boolean },
): Promise<void> {
  const since = new Map<string, number>();
  let before = '';
  while (!end.isNear) {
    await new Promise<void>((resolve) => scheduler.after(100, resolve));
    const atMs = scheduler.now();
    const awake = crowd.awake();
    const readers = awake.map(({ name, topics }) => `${name} ${topics}`).join(', ');
    if (readers !== before) history.troublesMs.push(atMs);
    before = readers;
    for (const [topic, count] of partitions) {
      const hasReader = awake.some(({ topics }) => topics.includes(topic));
      for (let p = 0; p < count; p++) {
        const partition = `${topic}-${p}`;
        const fromMs = since.get(partition);
        const isOwned = !hasReader || awake.some(({ holds }) => holds.includes(partition));
        if (!isOwned && fromMs === undefined) since.set(partition, atMs);
        if (!isOwned || fromMs === undefined) continue;
        since.delete(partition);
        history.unowned.push({ partition, fromMs, toMs: atMs });
      }
    }
  }
  for (const [partition, fromMs] of since) history.unowned.push({ partition, fromMs, toMs: scheduler.now() });
}
