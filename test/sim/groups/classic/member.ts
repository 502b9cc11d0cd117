// A member of the classic protocol begins a partition at the committed offset, and commits what it has processed. An eager one
// lets go of everything before it joins again. A cooperative one says what it holds, goes on with it while it joins, lets go of
// what it is not told again, and then joins once more. Any may freeze for a while, and then it continues as if nothing had
// happened: it commits under the generation that it knows.

import type { Engine } from '../../../../lib/api/engine.ts';
import { RivuletError } from '../../../../lib/api/errors.ts';
import type { PartitionResult } from '../../../../lib/api/groups.ts';
import { assignedPartitions } from '../../../../lib/group/classic/consumer-protocol.ts';
import type { Answer, Process } from '../../core/process.ts';
import type { Random } from '../../core/random.ts';
import type { Scheduler } from '../../core/scheduler.ts';
import { simulatedGroup as groupId, sessionMs } from '../member.ts';
import { type Places, subscriptionBytes } from './consumer-bytes.ts';
import { sharesOf } from './shares.ts';

export type Told = {
  readonly memberId: string;
  readonly generation: number;
  readonly partitions: readonly string[];
  readonly atMs: number;
};

export type ClassicCommitSeen = {
  readonly memberId: string;
  readonly generation: number;
  readonly partition: string;
  readonly offset: number;
  readonly begunMs: number;
  endedMs: number;
  result: 'accepted' | 'refused' | 'unknown';
};

/** A cooperative member held these partitions when it joined this generation, and was told them in the generation `since`. */
export type Claim = {
  readonly memberId: string;
  readonly generation: number;
  readonly since: number;
  readonly partitions: readonly string[];
};

/** The group was deleted, or was perhaps. */
export type RemovalSeen = { readonly begunMs: number; endedMs: number };

export type ClassicHistory = {
  readonly tellings: Told[];
  readonly commits: ClassicCommitSeen[];
  readonly claims: Claim[];
  readonly removals: RemovalSeen[];
  /** When a member left, died or froze for the first time. */
  readonly departures: Map<string, number>;
  /** The instance ids of static members. */
  readonly instances: Map<string, string>;
};

export type ClassicSurroundings = {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly processes: readonly Process[];
  readonly history: ClassicHistory;
  readonly partitions: ReadonlyMap<string, number>;
  readonly isCooperative: boolean;
  trace(line: string): void;
  /** Takes what should not happen. */
  fail(error: unknown): void;
};

export type ClassicSimMember = {
  readonly isAlive: boolean;
  readonly instanceId: string | undefined;
  /** The partitions that it reads now, and under which generation. */
  readonly holds: readonly string[];
  readonly generation: number;
  freeze(forMs: number): void;
  /** It joins again of its own accord. */
  rejoin(): void;
  crash(): void;
  leave(): Promise<void>;
};

export const rebalanceMs = 8_000;
const beatMs = 3_000;
const commitMs = 1_500;
const requestTimeoutMs = 5_000;

type State = {
  trace(line: string): void;
  memberId: string;
  readonly instanceId: string | undefined;
  generation: number;
  readonly held: Map<string, number>;
  frozenUntilMs: number;
  isAlive: boolean;
  wantsToJoin: boolean;
};

export function startClassicMember(world: ClassicSurroundings, instanceId?: string): ClassicSimMember {
  const { trace } = world;
  const held = new Map<string, number>();
  const state: State = {
    ...{ trace, memberId: '', instanceId, generation: -1, held, frozenUntilMs: 0, isAlive: true },
    wantsToJoin: false,
  };
  void live(world, state).catch(world.fail);
  const departs = () => noteDeparture(world, state.memberId);
  return {
    instanceId,
    get isAlive() {
      return state.isAlive;
    },
    get holds() {
      return [...state.held.keys()];
    },
    get generation() {
      return state.generation;
    },
    freeze: (forMs) => {
      departs();
      state.frozenUntilMs = world.scheduler.now() + forMs;
    },
    rejoin: () => {
      state.wantsToJoin = true;
    },
    crash: () => {
      departs();
      state.isAlive = false;
    },
    async leave() {
      departs();
      state.isAlive = false;
      const { memberId, instanceId } = state;
      const leaver = instanceId === undefined ? { memberId } : { memberId: '', instanceId };
      await ask(world, requestTimeoutMs, ({ classicGroups: classic }) => classic.leave({ groupId, ...leaver }));
    },
  };
}

export function noteDeparture({ history, scheduler }: ClassicSurroundings, memberId: string): void {
  const { departures } = history;
  if (!departures.has(memberId)) departures.set(memberId, scheduler.now());
}

/** A client that gives up closes its connection. */
async function ask<T>(
  { processes, random }: ClassicSurroundings,
  timeoutMs: number,
  operation: (engine: Engine, signal: AbortSignal) => Promise<T>,
): Promise<Answer<T>> {
  const connection = new AbortController();
  const { signal } = connection;
  const answer = await random.pick(processes).request((engine) => operation(engine, signal), timeoutMs);
  connection.abort();
  return answer;
}

/** Deletes the group, if it has no members. A request whose answer is lost may still act. */
export async function removeGroup(world: ClassicSurroundings): Promise<void> {
  const { scheduler, history, trace } = world;
  const removal: RemovalSeen = { begunMs: scheduler.now(), endedMs: Number.POSITIVE_INFINITY };
  history.removals.push(removal);
  const answer = await ask(world, requestTimeoutMs, ({ groups }) => groups.delete(groupId));
  const isTold =
    answer !== 'lost' &&
    !('error' in answer && answer.error instanceof RivuletError && answer.error.outcome === 'unknown');
  if (isTold) removal.endedMs = scheduler.now();
  trace(`the group is deleted: ${answer === 'lost' ? 'lost' : 'error' in answer ? String(answer.error) : 'done'}`);
  const isRefused = isTold && 'error' in answer;
  if (isRefused) history.removals.splice(history.removals.indexOf(removal), 1);
}

async function pause({ scheduler }: ClassicSurroundings, state: State, ms: number): Promise<void> {
  await new Promise<void>((resolve) => scheduler.after(ms, resolve));
  while (state.isAlive && state.frozenUntilMs > scheduler.now())
    await new Promise<void>((resolve) => scheduler.after(state.frozenUntilMs - scheduler.now(), resolve));
}

/** The answer, unless the member must try again; then it has forgotten what it must forget. */
function taken<T>(answer: Answer<T>, state: State): T | undefined {
  if (answer !== 'lost' && 'reply' in answer) return answer.reply;
  if (answer === 'lost') return undefined;
  if (!(answer.error instanceof RivuletError)) throw answer.error;
  state.trace(answer.error.message);
  if (answer.error.errorCode === 'UNKNOWN_MEMBER_ID') {
    state.memberId = '';
    // Others may have got what it held.
    state.held.clear();
  }
  if (answer.error.errorCode === 'FENCED_INSTANCE_ID') state.isAlive = false;
  return undefined;
}

async function live(world: ClassicSurroundings, state: State): Promise<void> {
  while (state.isAlive) {
    if (await enter(world, state)) await stay(world, state);
    else await pause(world, state, 100 + world.random.below(300));
  }
}

/** Joins and syncs. True if the member was told its assignment. */
async function enter(world: ClassicSurroundings, state: State): Promise<boolean> {
  const { random, processes, isCooperative } = world;
  if (!isCooperative) state.held.clear();
  if (state.memberId === '') {
    const id = await random
      .pick(processes)
      .request(async ({ classicGroups: classic }) => classic.newMemberId('client'), 1_000);
    state.memberId = taken(id, state) ?? '';
    if (state.memberId === '') return false;
  }
  const { memberId, instanceId } = state;
  if (instanceId !== undefined) world.history.instances.set(memberId, instanceId);
  const claim = { memberId, since: state.generation, partitions: [...state.held.keys()] };
  const metadata = subscriptionBytes([...world.partitions.keys()], heldBy(world, state), claim.since);
  const name = isCooperative ? 'cooperative-sticky' : 'range';
  const request = {
    ...{ groupId, memberId, protocolType: 'consumer', protocols: [{ name, metadata }] },
    ...{ sessionTimeoutMs: sessionMs, rebalanceTimeoutMs: rebalanceMs },
    ...(instanceId !== undefined && { instanceId }),
  };
  const joining = { isOver: false };
  const asked = ask(world, rebalanceMs + 5_000, ({ classicGroups: classic }, signal) =>
    classic.join({ ...request, signal }),
  ).finally(() => (joining.isOver = true));
  const [joined] = await Promise.all([asked.then((answer) => taken(answer, state)), goOn(world, state, joining)]);
  await pause(world, state, random.below(50));
  // A static member learns its id from the answer, so that it joins as another one if there is none.
  if (!joined && instanceId !== undefined && state.generation === -1) state.memberId = '';
  if (!joined || !state.isAlive) return false;
  const { generation, members } = joined;
  world.history.claims.push({ ...claim, generation });
  const sync = { groupId, memberId, generation, ...(instanceId !== undefined && { instanceId }) };
  const synced = taken(
    await ask(world, sessionMs, ({ classicGroups: classic }) =>
      classic.sync({ ...sync, assignments: sharesOf(world, members) }),
    ),
    state,
  );
  await pause(world, state, random.below(20));
  return synced !== undefined && state.isAlive && begin(world, state, generation, synced.assignment);
}

const heldBy = ({ partitions }: ClassicSurroundings, { held }: State): Places =>
  [...partitions].map(([topic, count]) => ({
    topic,
    partitions: Array.from({ length: count }, (_, partition) => partition).filter((each) =>
      held.has(`${topic}-${each}`),
    ),
  }));

/** A cooperative member works while it joins. */
async function goOn(world: ClassicSurroundings, state: State, joining: { readonly isOver: boolean }): Promise<void> {
  while (world.isCooperative && state.held.size > 0 && state.isAlive && !joining.isOver) {
    await pause(world, state, commitMs / 2);
    if (!joining.isOver) await commitAll(world, state);
  }
}

async function begin(
  world: ClassicSurroundings,
  state: State,
  generation: number,
  assignment: Uint8Array,
): Promise<boolean> {
  const { memberId } = state;
  const topics = assignedPartitions(assignment);
  const partitions = topics.flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`));
  world.history.tellings.push({ memberId, generation, partitions, atMs: world.scheduler.now() });
  world.trace(`${memberId.slice(0, 12)} is told ${partitions.join(' ')} in ${generation}`);
  const revoked = [...state.held.keys()].filter((partition) => !partitions.includes(partition));
  if (revoked.length > 0) {
    state.generation = generation;
    await commitAll(world, state, revoked);
    for (const partition of revoked) state.held.delete(partition);
    // Another member may get it in the next round.
    state.wantsToJoin = true;
  }
  const found = taken(
    await ask(world, requestTimeoutMs, ({ groups }) => groups.fetchOffsets({ groupId, topics })),
    state,
  );
  if (!found) return false;
  state.generation = generation;
  for (const { topic, partitions } of found.topics)
    for (const each of partitions)
      if ('offset' in each && !state.held.has(`${topic}-${each.partition}`))
        state.held.set(`${topic}-${each.partition}`, Math.max(0, each.offset));
  return true;
}

/** Sends heartbeats and commits until it must join again. */
async function stay(world: ClassicSurroundings, state: State): Promise<void> {
  const { scheduler, random } = world;
  let beatAtMs = scheduler.now() + beatMs;
  while (state.isAlive) {
    await pause(world, state, commitMs / 2 + random.below(commitMs));
    if (!state.isAlive) return;
    await commitAll(world, state);
    if (state.wantsToJoin) {
      state.wantsToJoin = false;
      return;
    }
    if (scheduler.now() < beatAtMs) continue;
    beatAtMs = scheduler.now() + beatMs;
    const { memberId, instanceId, generation } = state;
    const beat = { groupId, memberId, generation, ...(instanceId !== undefined && { instanceId }) };
    const answer = await ask(world, requestTimeoutMs, ({ classicGroups: classic }) => classic.heartbeat(beat));
    const mustJoin = answer !== 'lost' && 'error' in answer && isOver(answer.error);
    if (mustJoin) {
      taken(answer, state);
      // A client commits what it has processed before it lets go.
      await commitAll(world, state);
      return;
    }
  }
}

const over: readonly string[] = [
  'UNKNOWN_MEMBER_ID',
  'FENCED_INSTANCE_ID',
  'ILLEGAL_GENERATION',
  'REBALANCE_IN_PROGRESS',
];
const isOver = (error: unknown): boolean => error instanceof RivuletError && over.includes(error.errorCode);

async function commitAll(
  world: ClassicSurroundings,
  state: State,
  partitions: readonly string[] = [...state.held.keys()],
): Promise<void> {
  const { scheduler, random, history } = world;
  const { memberId, generation } = state;
  const seen = partitions.map((partition): ClassicCommitSeen => {
    const offset = state.held.get(partition)! + random.below(3);
    state.held.set(partition, offset);
    const begunMs = scheduler.now();
    return { memberId, generation, partition, offset, begunMs, endedMs: begunMs, result: 'unknown' };
  });
  if (seen.length === 0) return;
  history.commits.push(...seen);
  const topics = [...world.partitions.keys()].flatMap((topic) => {
    const partitions = seen
      .filter(({ partition }) => partition.startsWith(`${topic}-`))
      .map(({ partition, offset }) => ({ partition: Number(partition.slice(topic.length + 1)), offset }));
    return partitions.length > 0 ? [{ topic, partitions }] : [];
  });
  const request = { groupId, memberId, generation, topics };
  const answer = await ask(world, requestTimeoutMs, ({ classicGroups: classic }, signal) =>
    classic.commit({ ...request, signal }),
  );
  const results = answer !== 'lost' && 'reply' in answer ? answer.reply.topics : [];
  const errors = new Map<string, PartitionResult>(
    results.flatMap(({ topic, partitions }) => partitions.map((each) => [`${topic}-${each.partition}`, each] as const)),
  );
  for (const commit of seen) {
    const result = errors.get(commit.partition);
    commit.endedMs = scheduler.now();
    if (result)
      commit.result = !('error' in result) ? 'accepted' : result.error.outcome === 'unknown' ? 'unknown' : 'refused';
  }
}
