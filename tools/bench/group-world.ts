// A group on a clock of its own: the real engine over memory, the SDK's own membership, and requests that take no time. So
// what it measures are the rules: sessions, intervals and hand-overs, not this machine.
import { RivuletClientError } from '../../client/client-error.ts';
import {
  byTopic,
  decide,
  type Member,
  type MemberAction,
  type MemberEvent,
  newMember,
} from '../../client/group/membership.ts';
import type { Engine } from '../../lib/api/engine.ts';
import { RivuletError } from '../../lib/api/errors.ts';
import { createEngine } from '../../lib/engine.ts';
import { type Clock, systemClock } from '../../lib/runtime/clock.ts';
import { type Counters, countingTable, newCounters } from '../../lib/storage/count.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';

export type GroupPlan = {
  readonly members: number;
  readonly partitions: number;
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
};

/** How long partitions had no owner. */
export type Pauses = { readonly partitions: number; readonly meanMs: number; readonly longestMs: number };

export type GroupWorld = {
  readonly totals: Counters;
  /** Heartbeats sent so far. */
  heartbeats(): number;
  /** Until everything has its owner, and nobody has heard news for an interval. */
  settle(): Promise<void>;
  /** So much time passes. */
  pass(ms: number): Promise<void>;
  /** One member dies without a word, or leaves; how long its partitions, and any other that moves, are nobody's. */
  lose(how: 'crash' | 'leave'): Promise<Pauses>;
};

const topic = 'groups';
const groupId = 'bench';

type Simulated = { readonly memberId: string; member: Member };

export async function groupWorld(plan: GroupPlan): Promise<GroupWorld> {
  let nowMs = systemClock.now();
  const clock: Clock = {
    ...systemClock,
    now: () => Math.round(nowMs),
    monotonic: () => nowMs,
    sleep: async () => undefined,
  };
  const totals = newCounters();
  const table = countingTable(createMemoryTable(), totals);
  const engine = createEngine({ objects: createMemoryObjectStore({ clock }), table, clock });
  await engine.createTopic({ topic, partitions: plan.partitions });
  const settings = { ...plan, isStatic: false };
  const owner = new Map<number, Simulated>();
  const free = new Map<number, number>();
  let pauses: number[] = [];
  let sent = 0;
  let living = Array.from({ length: plan.members }, (_, i): Simulated => {
    // Their heartbeats fall anywhere in the interval.
    return { memberId: `member-${i}`, member: newMember(nowMs + Math.random() * plan.heartbeatIntervalMs) };
  });

  async function happened(one: Simulated, event: MemberEvent): Promise<void> {
    const { member, actions } = decide(one.member, settings, event);
    one.member = member;
    for (const action of actions) await perform(one, action);
  }

  async function perform(one: Simulated, action: MemberAction): Promise<void> {
    if (action.type === 'heartbeat' || action.type === 'leave') return beat(one, action);
    if (action.type === 'fail') throw action.error;
    for (const { partition } of action.partitions) {
      if (action.type === 'assign') taken(partition, one);
      else freed(partition, one);
    }
    await happened(one, { type: 'changed', number: action.number, nowMs });
  }

  function taken(partition: number, by: Simulated): void {
    const since = free.get(partition);
    if (since !== undefined) pauses.push(nowMs - since);
    free.delete(partition);
    owner.set(partition, by);
  }

  function freed(partition: number, by: Simulated): void {
    if (owner.get(partition) !== by) return;
    owner.delete(partition);
    free.set(partition, nowMs);
  }

  async function beat(one: Simulated, action: Extract<MemberAction, { type: 'heartbeat' | 'leave' }>): Promise<void> {
    const { seq } = action;
    sent++;
    try {
      const reply = await request(engine, plan, one.memberId, action);
      if (action.type === 'heartbeat') await happened(one, { type: 'answered', seq, reply, nowMs });
    } catch (error) {
      if (!(error instanceof RivuletError)) throw error;
      const refusal = new RivuletClientError(error.errorCode, error.message, { retriable: error.retriable });
      await happened(one, { type: 'refused', seq, error: refusal, backoffMs: 100, nowMs });
    }
  }

  /** The next heartbeat, if one is due before then. */
  async function step(untilMs: number): Promise<boolean> {
    const next = living.reduce((first, one) => (one.member.dueMs < first.member.dueMs ? one : first));
    if (next.member.dueMs > untilMs) {
      nowMs = untilMs;
      return false;
    }
    nowMs = Math.max(nowMs, next.member.dueMs);
    await happened(next, { type: 'due', nowMs });
    return true;
  }

  async function pass(ms: number): Promise<void> {
    const untilMs = nowMs + ms;
    while (await step(untilMs)) {
      // Step by step.
    }
  }

  async function settle(): Promise<void> {
    const deadlineMs = nowMs + 10 * plan.sessionTimeoutMs;
    while (owner.size < plan.partitions || free.size > 0) {
      if (!(await step(deadlineMs)))
        throw new Error(
          `${owner.size} of ${plan.partitions} partitions have an owner: ${living.map(({ member }) => `${member.phase} ${member.epoch} ${member.held.length}`)}`,
        );
    }
    await pass(2 * plan.heartbeatIntervalMs);
  }

  return {
    totals,
    heartbeats: () => sent,
    settle,
    pass,
    async lose(how) {
      await pass(Math.random() * plan.heartbeatIntervalMs);
      const [gone, ...rest] = living;
      living = rest;
      pauses = [];
      if (how === 'leave') await happened(gone!, { type: 'leave', nowMs });
      else for (const [partition, by] of [...owner]) if (by === gone) freed(partition, gone);
      await settle();
      const meanMs = pauses.reduce((sum, ms) => sum + ms, 0) / pauses.length;
      return { partitions: pauses.length, meanMs, longestMs: Math.max(...pauses) };
    },
  };
}

function request(
  engine: Engine,
  plan: GroupPlan,
  memberId: string,
  action: Extract<MemberAction, { type: 'heartbeat' | 'leave' }>,
) {
  const { seq: heartbeatSeq, epoch: memberEpoch } = action;
  const { sessionTimeoutMs, heartbeatIntervalMs } = plan;
  return engine.groups.heartbeat({
    ...{ groupId, memberId, memberEpoch, heartbeatSeq, sessionTimeoutMs, heartbeatIntervalMs },
    ...(action.type === 'heartbeat' && {
      subscribedTopicNames: [topic],
      topicPartitions: byTopic(action.owned),
    }),
  });
}
