// A random world of one group of the classic protocol. Members join, commit, leave, die and freeze; processes die between
// any two steps, and their clocks are wrong; every call may suffer a fault. In the end faults stop, and then all living
// members must come to one stable generation.
import type { Engine } from '../../../../lib/api/engine.ts';
import type { CaseVerdict } from '../../core/worlds.ts';
import type { Look } from '../history.ts';
import { simulatedGroup as groupId, sessionMs } from '../member.ts';
import { openStage, type StageOptions, startMs } from '../stage.ts';
import { type Beating, beatingMembers } from './beating.ts';
import { type ClassicWorldHistory, checkClassic } from './check.ts';
import {
  type ClassicHistory,
  type ClassicSimMember,
  type ClassicSurroundings,
  rebalanceMs,
  removeGroup,
  startClassicMember,
} from './member.ts';

export type ClassicWorldOptions = StageOptions & {
  readonly members: number;
  readonly durationMs: number;
  /** All members are static, and those that die are started again. */
  readonly areStatic: boolean;
  readonly isCooperative?: boolean;
  /** The partitions of topic `t`. */
  readonly partitions: number;
  /** A script runs instead of trouble at random. */
  readonly script?: ClassicScript;
};

/**
 * `members` are those that were started; `start` starts another one, `beat` one that joins by heartbeats (KIP-848), `pause` waits, and
 * `remove` deletes the group.
 */
export type ClassicScript = (stage: {
  readonly members: readonly ClassicSimMember[];
  start(instanceId?: string): ClassicSimMember;
  beat: Beating['start'];
  pause(ms: number): Promise<void>;
  remove(): Promise<void>;
}) => Promise<void>;

const usual: Omit<ClassicWorldOptions, 'seed'> = {
  ...{
    processes: 3,
    members: 3,
    durationMs: 120_000,
    faultRate: 0.02,
    mostSkewMs: 400,
    areStatic: false,
    partitions: 2,
  },
};

/** The worlds, sorted by how much goes wrong in them. */
export const classicWorlds = {
  'classic usual': usual,
  'classic faulty': { ...usual, members: 4, faultRate: 0.1 },
  'classic wrong clocks': { ...usual, faultRate: 0.05, mostSkewMs: 60_000 },
  'classic cooperative': { ...usual, isCooperative: true, partitions: 4, faultRate: 0.05 },
  'classic static': { ...usual, areStatic: true },
  'classic static faulty': { ...usual, areStatic: true, members: 4, faultRate: 0.1 },
} as const satisfies Record<string, Omit<ClassicWorldOptions, 'seed'>>;

/** A dead member is closed and the others join again, perhaps twice; then a round waits for the last of them. */
const settleMs = 3 * (sessionMs + rebalanceMs) + 10_000;
const mostSteps = 3_000_000;

export async function runClassicWorld(
  options: ClassicWorldOptions,
): Promise<CaseVerdict & { history: ClassicWorldHistory }> {
  const stage = openStage(options);
  const { scheduler, random, observer, processes, trace } = stage;
  const history: ClassicHistory & { looks: Look[] } = {
    tellings: [],
    commits: [],
    claims: [],
    removals: [],
    departures: new Map(),
    instances: new Map(),
    looks: [],
  };
  const partitions = new Map([
    ['t', options.partitions],
    ['u', 1],
  ]);
  const names = new Map<string, string>();
  for (const [topic, count] of partitions)
    names.set((await observer.createTopic({ topic, partitions: count })).topicId, topic);
  const firstCall = stage.calls();
  stage.disturb();
  const failures: unknown[] = [];
  const fail = (error: unknown) => void failures.push(error);
  const { isCooperative = false } = options;
  const world: ClassicSurroundings = { scheduler, random, processes, history, partitions, isCooperative, trace, fail };
  const nameOf = (index: number) => (options.areStatic ? `i${index}` : undefined);
  const members = Array.from({ length: options.members }, (_, index) => startClassicMember(world, nameOf(index)));
  const end = { isNear: false, isHere: false };
  const guard = (work: Promise<unknown>) => void work.catch(fail);
  const beating = beatingMembers(world);
  guard(options.script?.(sceneOf(world, members, beating)) ?? nuisance(world, members, end, stage.skew));
  guard(look(world, observer, history.looks, end));
  const until = (ms: number) => {
    scheduler.after(ms - scheduler.now(), () => {});
    return scheduler.run(() => scheduler.now() >= ms || failures.length > 0, mostSteps);
  };
  await until(startMs + options.durationMs);
  end.isNear = true;
  const endCall = stage.calls();
  stage.calm();
  for (const member of [...members, ...beating.members]) member.freeze(0);
  await until(scheduler.now() + settleMs);
  const living = members.filter(({ isAlive }) => isAlive);
  const readers = [...living, ...beating.members.filter(({ isAlive }) => isAlive)];
  const holders = (partition: string) => readers.filter(({ holds }) => holds.includes(partition)).length;
  const places = [...partitions].flatMap(([topic, count]) => Array.from({ length: count }, (_, p) => `${topic}-${p}`));
  const judged: ClassicWorldHistory = {
    ...history,
    tellings: [...history.tellings, ...beating.tellings()],
    commits: [...history.commits, ...beating.commits()],
    beating: new Set(beating.members.map(({ name }) => name)),
    terms: stage.terms.map((term) => ({ ...term, partition: named(term.partition, names) })),
    atRest: new Map(places.map((partition) => [partition, holders(partition)])),
    generations: living.map(({ generation }) => generation),
  };
  end.isHere = true;
  for (const member of [...members, ...beating.members]) member.crash();
  await until(scheduler.now() + 20_000);
  if (failures.length > 0) throw failures[0];
  const counts = { tellings: judged.tellings.length, commits: judged.commits.length };
  const calls = { firstCall, endCall, reads: stage.reads };
  return { history: judged, steps: scheduler.steps(), ...calls, complaints: checkClassic(judged), counts };
}

/** Terms are seen under the ids of topics, which may hold hyphens. */
function named(partition: string, names: ReadonlyMap<string, string>): string {
  const at = partition.lastIndexOf('-');
  return `${names.get(partition.slice(0, at))}${partition.slice(at)}`;
}

function sceneOf(
  world: ClassicSurroundings,
  members: ClassicSimMember[],
  beating: Beating,
): Parameters<ClassicScript>[0] {
  return {
    members,
    beat: beating.start,
    start(instanceId) {
      const member = startClassicMember(world, instanceId);
      members.push(member);
      return member;
    },
    pause: (ms) => new Promise((resolve) => world.scheduler.after(ms, resolve)),
    remove: () => removeGroup(world),
  };
}

/** Something happens every few seconds. */
async function nuisance(
  world: ClassicSurroundings,
  members: ClassicSimMember[],
  end: { readonly isNear: boolean },
  skew: () => number,
): Promise<void> {
  const { random, scheduler, processes } = world;
  while (!end.isNear) {
    await new Promise<void>((resolve) => scheduler.after(random.below(10_000), resolve));
    if (end.isNear) return;
    const member = random.pick(members.filter(({ isAlive }) => isAlive));
    const what = random.below(6);
    world.trace(`nuisance ${what}`);
    if (what <= 1) random.pick(processes).kill();
    if (what === 2) random.pick(processes).turnClock(skew());
    if (what === 3) member.freeze(random.below(sessionMs * 3));
    const isReplaced = what === 3 && member.instanceId !== undefined && random.below(2) === 0;
    if (what === 4) member.crash();
    if (what === 5) await Promise.race([member.leave(), new Promise<void>((go) => scheduler.after(6_000, go))]);
    if (what >= 4 || isReplaced) members.push(startClassicMember(world, member.instanceId));
  }
}

/** The observer looks at any time, without faults. */
async function look(
  { scheduler, random }: ClassicSurroundings,
  observer: Engine,
  looks: Look[],
  end: { readonly isHere: boolean },
): Promise<void> {
  while (!end.isHere) {
    await new Promise<void>((resolve) => scheduler.after(200 + random.below(2_000), resolve));
    const { topics } = await observer.groups.fetchOffsets({ groupId });
    const committed = new Map<string, number>();
    for (const { topic, partitions } of topics)
      for (const each of partitions) if ('offset' in each) committed.set(`${topic}-${each.partition}`, each.offset);
    looks.push({ atMs: scheduler.now(), committed });
  }
}
