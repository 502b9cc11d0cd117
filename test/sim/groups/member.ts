// A member behaves as a correct client. It takes only the answer to its newest heartbeat, begins a partition at the
// group's committed offset, and commits after it processed. It stops delivering when its lease is over, and reports
// immediately what it has let go of. It may freeze for a while, and then continues as if nothing had happened.
import type { Engine } from '../../../lib/api/engine.ts';
import { RivuletError } from '../../../lib/api/errors.ts';
import type { HeartbeatReply, HeartbeatRequest, TopicPartitions } from '../../../lib/api/groups.ts';
import type { Answer, Process } from '../core/process.ts';
import type { Random } from '../core/random.ts';
import type { Scheduler } from '../core/scheduler.ts';
import type { GroupHistory } from './history.ts';

export const simulatedGroup = 'g';
export const sessionMs = 10_000;
export const beatMs = 3_000;
export const skewMs = 1_000;

export type Surroundings = {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly processes: readonly Process[];
  readonly history: GroupHistory;
  trace(line: string): void;
  /** The probability that a heartbeat is doubled or held up on its way. */
  readonly mischief: number;
  /** When it is set, heartbeats come through a gateway that stamps them with the time. */
  readonly gateway: boolean;
};

export type SimMember = {
  readonly name: string;
  /** The member does nothing for this long. */
  freeze(forMs: number): void;
  /** The member never acts again. */
  crash(): void;
  /** Returns true when the answer came. */
  leave(epoch: -1 | -2): Promise<boolean>;
  subscribe(topics: readonly string[]): void;
  readonly isAlive: boolean;
  /** The member is alive and not frozen. */
  readonly isAwake: boolean;
  readonly topics: readonly string[];
  /** The partitions that the member reads. */
  readonly holds: readonly string[];
};

export type MemberOptions = { readonly name: string; readonly topics: readonly string[]; readonly instance?: string };

export type Held = {
  readonly topic: string;
  readonly partition: number;
  position: number | undefined;
  committed: number;
  isStopped: boolean;
};

export type State = {
  readonly options: MemberOptions;
  topics: readonly string[];
  epoch: number;
  seq: number;
  commitSeq: number;
  assignment: readonly TopicPartitions[];
  readonly held: Map<string, Held>;
  leaseEndsMs: number;
  frozenUntilMs: number;
  isAlive: boolean;
};

export const newMemberName = (random: Random): string =>
  Buffer.from(Uint8Array.from({ length: 16 }, () => random.below(256))).toString('base64url');

const requestTimeoutMs = 5_000;
const deliverMs = 400;
const commitMs = 1_500;

/** Joins, stays, takes partitions and lets them go, until its member is no longer alive. */
export type Membership = (world: Surroundings, state: State) => Promise<void>;

export function startMember(
  world: Surroundings,
  options: MemberOptions,
  membership: Membership = plainMembership,
): SimMember {
  const state: State = {
    options,
    topics: options.topics,
    epoch: 0,
    seq: 0,
    commitSeq: 0,
    assignment: [],
    held: new Map(),
    leaseEndsMs: 0,
    frozenUntilMs: 0,
    isAlive: true,
  };
  void membership(world, state);
  void deliverFor(world, state);
  void commitFor(world, state);
  return {
    name: options.name,
    freeze: (forMs) => {
      state.frozenUntilMs = world.scheduler.now() + forMs;
    },
    crash: () => {
      state.isAlive = false;
    },
    async leave(epoch) {
      await commitAll(world, state, [...state.held.values()]);
      state.isAlive = false;
      const answer = await beat(world, requestOf(state, ++state.seq, epoch));
      return answer !== 'lost' && 'reply' in answer;
    },
    subscribe: (topics) => {
      state.topics = topics;
    },
    get isAlive() {
      return state.isAlive;
    },
    get isAwake() {
      return state.isAlive && state.frozenUntilMs <= world.scheduler.now();
    },
    get topics() {
      return state.topics;
    },
    get holds() {
      return [...state.held].filter(([, held]) => held.position !== undefined && !held.isStopped).map(([name]) => name);
    },
  };
}

export const pause = ({ scheduler }: Surroundings, ms: number) =>
  new Promise<void>((resolve) => scheduler.after(ms, resolve));

/** A frozen process continues only after it has thawed. */
export async function thawed(world: Surroundings, state: State): Promise<void> {
  while (state.frozenUntilMs > world.scheduler.now()) await pause(world, 100);
}

function ask<T>(world: Surroundings, operation: (engine: Engine) => Promise<T>): Promise<Answer<T>> {
  return world.random.pick(world.processes).request(operation, requestTimeoutMs);
}

export function requestOf(state: State, seq: number, epoch = state.epoch): HeartbeatRequest {
  const { name, instance } = state.options;
  return {
    groupId: simulatedGroup,
    memberId: name,
    memberEpoch: epoch,
    heartbeatSeq: seq,
    subscribedTopicNames: state.topics,
    topicPartitions: state.assignment,
    sessionTimeoutMs: sessionMs,
    heartbeatIntervalMs: beatMs,
    rebalanceTimeoutMs: 4 * sessionMs,
    ...(instance !== undefined && { instanceId: instance }),
  };
}

/** This membership follows the rules, and does nothing else. A heartbeat that was lost may be sent again unchanged. */
async function plainMembership(world: Surroundings, state: State): Promise<void> {
  let repeat: HeartbeatRequest | undefined;
  while (state.isAlive) {
    await thawed(world, state);
    const request: HeartbeatRequest = repeat ?? requestOf(state, ++state.seq);
    const sentMs = world.scheduler.now();
    const answer = await sendBeat(world, request);
    await thawed(world, state);
    if (!state.isAlive) return;
    repeat = answer === 'lost' && world.random.chance(0.5) ? request : undefined;
    // Meanwhile a newer heartbeat may have been sent. Then this answer is dropped.
    const waitMs = answer === 'lost' ? world.random.below(500) : await take(world, state, answer, sentMs);
    await pause(world, waitMs);
  }
}

function beat(world: Surroundings, request: HeartbeatRequest): Promise<Answer<HeartbeatReply>> {
  const stamped = { ...request, ...(world.gateway && { receivedMs: world.scheduler.now() }) };
  return ask(world, (engine) => engine.groups.heartbeat(stamped));
}

/** A heartbeat may arrive twice, and may arrive long after its sender gave up. */
export function sendBeat(world: Surroundings, request: HeartbeatRequest): Promise<Answer<HeartbeatReply>> {
  const { random, scheduler, mischief, history } = world;
  const send = () => beat(world, request);
  // At rest no request is on its way any more. A join that arrives late would create a member that no client keeps
  // alive.
  const sendLate = (withinMs: number) => {
    history.troublesMs.push(scheduler.now());
    scheduler.after(random.below(withinMs), () => {
      history.troublesMs.push(scheduler.now());
      if (world.mischief > 0) void send();
    });
  };
  if (random.chance(mischief)) sendLate(3 * sessionMs);
  if (!random.chance(mischief)) return send();
  sendLate(2 * sessionMs);
  return pause(world, requestTimeoutMs).then(() => 'lost');
}

/** Takes an answer, and returns how long to wait for the next heartbeat. */
async function take(
  world: Surroundings,
  state: State,
  answer: { reply: HeartbeatReply } | { error: unknown },
  sentMs: number,
): Promise<number> {
  if ('error' in answer) return refused(world, state, answer.error);
  const { reply } = answer;
  // The lease was over before the reply arrived, so its partitions may belong to another member by now.
  if (world.scheduler.now() >= sentMs + reply.leaseMs - skewMs) return 0;
  const told = reply.assignment.flatMap(({ topic, partitions }) =>
    partitions.map((p) => ({ topic, partition: p, name: `${topic}-${p}` })),
  );
  const { name, instance } = state.options;
  world.trace(`${name} is at epoch ${reply.memberEpoch}: ${told.map((each) => each.name).join(' ')}`);
  world.history.tellings.push({
    member: name,
    epoch: reply.memberEpoch,
    partitions: told.map((each) => each.name),
    atMs: world.scheduler.now(),
    ...(instance !== undefined && { instance }),
  });
  state.epoch = reply.memberEpoch;
  state.leaseEndsMs = sentMs + reply.leaseMs - skewMs;
  const names = new Set(told.map((each) => each.name));
  const revoked = [...state.held].filter(([held]) => !names.has(held));
  for (const [, held] of revoked) held.isStopped = true;
  for (const { topic, partition, name: key } of told) {
    if (state.held.has(key)) continue;
    const held: Held = { topic, partition, position: undefined, committed: -1, isStopped: false };
    state.held.set(key, held);
    void begin(world, state, key, held);
  }
  await commitAll(
    world,
    state,
    revoked.map(([, held]) => held),
  );
  for (const [key] of revoked) state.held.delete(key);
  state.assignment = reply.assignment;
  return revoked.length > 0 ? 0 : Math.min(reply.heartbeatIntervalMs, beatMs);
}

function refused(world: Surroundings, state: State, error: unknown): number {
  if (!(error instanceof RivuletError)) throw error;
  world.trace(`${state.options.name} is refused: ${error.errorCode}`);
  if (error.errorCode === 'FENCED_INSTANCE_ID') state.isAlive = false;
  if (['UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH'].includes(error.errorCode)) {
    state.held.clear();
    state.assignment = [];
    state.epoch = 0;
    return 0;
  }
  return 300 + world.random.below(700);
}

/**
 * Reads the group's committed offset. It is read after the reply, so after the claim: no commit of another member comes
 * later.
 */
export async function begin(world: Surroundings, state: State, key: string, held: Held): Promise<void> {
  const { topic, partition } = held;
  while (state.isAlive && state.held.get(key) === held) {
    const answer = await ask(world, (engine) =>
      engine.groups.fetchOffsets({ groupId: simulatedGroup, topics: [{ topic, partitions: [partition] }] }),
    );
    await thawed(world, state);
    const found = answer !== 'lost' && 'reply' in answer ? answer.reply.topics[0]!.partitions[0]! : undefined;
    if (found && 'offset' in found) {
      held.committed = found.offset;
      held.position = Math.max(0, found.offset);
      return;
    }
    await pause(world, 200);
  }
}

async function deliverFor(world: Surroundings, state: State): Promise<void> {
  while (state.isAlive) {
    await pause(world, deliverMs / 2 + world.random.below(deliverMs));
    await thawed(world, state);
    // A process that has just thawed may be in the middle of a record.
    if (!state.isAlive || (world.history.keepsLeases && world.scheduler.now() >= state.leaseEndsMs)) continue;
    for (const [partition, held] of state.held) {
      if (held.position === undefined || held.isStopped) continue;
      const delivery = { member: state.options.name, partition, offset: held.position++, atMs: world.scheduler.now() };
      world.history.deliveries.push(delivery);
    }
  }
}

async function commitFor(world: Surroundings, state: State): Promise<void> {
  while (state.isAlive) {
    await pause(world, commitMs / 2 + world.random.below(commitMs));
    await thawed(world, state);
    if (state.isAlive) await commitAll(world, state, [...state.held.values()]);
  }
}

/** Commits everything in one request, over both topics. */
export async function commitAll(world: Surroundings, state: State, all: readonly Held[]): Promise<void> {
  const due = all.filter(({ position, committed }) => position !== undefined && position > committed && position > 0);
  if (due.length === 0 || state.epoch === 0) return;
  const { name: member } = state.options;
  const [epoch, commitSeq] = [state.epoch, ++state.commitSeq];
  const begunMs = world.scheduler.now();
  const note = `${member} ${commitSeq}`;
  const commits = due.map(({ topic, partition, position }) => ({
    topic,
    number: partition,
    member,
    epoch,
    partition: `${topic}-${partition}`,
    offset: position!,
    note,
    begunMs,
    endedMs: begunMs,
    result: 'unknown' as 'accepted' | 'refused' | 'unknown',
  }));
  world.history.commits.push(...commits);
  const topics = [...new Set(due.map(({ topic }) => topic))].map((topic) => ({
    topic,
    partitions: commits
      .filter((commit) => commit.topic === topic)
      .map(({ number, offset }) => ({ partition: number, offset, metadata: note })),
  }));
  const answer = await ask(world, (engine) =>
    engine.groups.commitOffsets({ groupId: simulatedGroup, memberId: member, memberEpoch: epoch, commitSeq, topics }),
  );
  for (const commit of commits) commit.endedMs = world.scheduler.now();
  if (answer === 'lost' || 'error' in answer) {
    if (answer !== 'lost' && !(answer.error instanceof RivuletError)) throw answer.error;
    return;
  }
  for (const { topic, partitions } of answer.reply.topics) {
    for (const result of partitions) {
      const commit = commits.find((each) => each.topic === topic && each.number === result.partition)!;
      commit.result = 'error' in result ? 'refused' : 'accepted';
      const held = due.find((each) => each.topic === topic && each.partition === result.partition)!;
      if (!('error' in result)) held.committed = Math.max(held.committed, commit.offset);
    }
  }
}
