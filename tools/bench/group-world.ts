// A group on a simulated clock: the real engine over memory, the SDK's own membership, and requests that take no time. So it
// measures the rules (sessions, intervals and hand-overs) and not this machine.
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
import { countingTable, newCounters } from '../../lib/storage/count.ts';
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

const topic = 'groups';
const groupId = 'bench';

type Simulated = { readonly memberId: string; member: Member };

export async function groupWorld(plan: GroupPlan): Promise<GroupWorld> {
  const world = new GroupWorld(plan);
  await world.engine.createTopic({ topic, partitions: plan.partitions });
  return world;
}

export class GroupWorld {
  readonly totals = newCounters();
  readonly engine: Engine;
  /** The number of heartbeats sent so far. */
  heartbeats = 0;
  readonly #plan: GroupPlan;
  readonly #owner = new Map<number, Simulated>();
  /** The time since which a partition has had no owner. */
  readonly #free = new Map<number, number>();
  #living: Simulated[];
  #pauses: number[] = [];
  #nowMs = systemClock.now();

  constructor(plan: GroupPlan) {
    const clock: Clock = {
      ...systemClock,
      now: () => Math.round(this.#nowMs),
      monotonic: () => this.#nowMs,
      sleep: async () => undefined,
    };
    const table = countingTable(createMemoryTable(), this.totals);
    this.engine = createEngine({ objects: createMemoryObjectStore({ clock }), table, clock });
    this.#plan = plan;
    // The heartbeats of the members are spread over the interval at random.
    const firstDueMs = () => this.#nowMs + Math.random() * plan.heartbeatIntervalMs;
    this.#living = Array.from({ length: plan.members }, (_, i) => ({
      memberId: `member-${i}`,
      member: newMember(firstDueMs()),
    }));
  }

  /** Runs until every partition has an owner, and then for two more intervals so that every member has its final assignment. */
  async settle(): Promise<void> {
    const deadlineMs = this.#nowMs + 10 * this.#plan.sessionTimeoutMs;
    while (this.#owner.size < this.#plan.partitions || this.#free.size > 0) {
      if (!(await this.#step(deadlineMs)))
        throw new Error(
          `${this.#owner.size} of ${this.#plan.partitions} partitions have an owner: ${this.#living.map(({ member }) => `${member.phase} ${member.epoch} ${member.held.length}`)}`,
        );
    }
    await this.pass(2 * this.#plan.heartbeatIntervalMs);
  }

  /** Lets this much time pass. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    while (await this.#step(untilMs)) {
      // Each step handles the next due heartbeat.
    }
  }

  /** One member crashes or leaves. @returns how long its partitions, and any others that move, have no owner. */
  async lose(how: 'crash' | 'leave'): Promise<Pauses> {
    await this.pass(Math.random() * this.#plan.heartbeatIntervalMs);
    const [gone, ...rest] = this.#living;
    this.#living = rest;
    this.#pauses = [];
    if (how === 'leave') await this.#happened(gone!, { type: 'leave', nowMs: this.#nowMs });
    else for (const [partition, by] of [...this.#owner]) if (by === gone) this.#freed(partition, gone);
    await this.settle();
    const pauses = this.#pauses;
    const meanMs = pauses.reduce((sum, ms) => sum + ms, 0) / pauses.length;
    return { partitions: pauses.length, meanMs, longestMs: Math.max(...pauses) };
  }

  /** Handles the next heartbeat if one is due before `untilMs`. */
  async #step(untilMs: number): Promise<boolean> {
    const next = this.#living.reduce((first, one) => (one.member.dueMs < first.member.dueMs ? one : first));
    if (next.member.dueMs > untilMs) {
      this.#nowMs = untilMs;
      return false;
    }
    this.#nowMs = Math.max(this.#nowMs, next.member.dueMs);
    await this.#happened(next, { type: 'due', nowMs: this.#nowMs });
    return true;
  }

  async #happened(one: Simulated, event: MemberEvent): Promise<void> {
    const { member, actions } = decide(one.member, { ...this.#plan, isStatic: false }, event);
    one.member = member;
    for (const action of actions) await this.#perform(one, action);
  }

  async #perform(one: Simulated, action: MemberAction): Promise<void> {
    if (action.type === 'heartbeat' || action.type === 'leave') return this.#send(one, action);
    if (action.type === 'fail') throw action.error;
    for (const { partition } of action.partitions) {
      if (action.type === 'assign') this.#taken(partition, one);
      else this.#freed(partition, one);
    }
    await this.#happened(one, { type: 'changed', number: action.number, nowMs: this.#nowMs });
  }

  async #send(one: Simulated, action: Extract<MemberAction, { type: 'heartbeat' | 'leave' }>): Promise<void> {
    const { seq } = action;
    this.heartbeats++;
    try {
      const reply = await request(this.engine, this.#plan, one.memberId, action);
      if (action.type === 'heartbeat') await this.#happened(one, { type: 'answered', seq, reply, nowMs: this.#nowMs });
    } catch (error) {
      if (!(error instanceof RivuletError)) throw error;
      const refusal = new RivuletClientError(error.errorCode, error.message, { retriable: error.retriable });
      await this.#happened(one, { type: 'refused', seq, error: refusal, backoffMs: 100, nowMs: this.#nowMs });
    }
  }

  #taken(partition: number, by: Simulated): void {
    const since = this.#free.get(partition);
    if (since !== undefined) this.#pauses.push(this.#nowMs - since);
    this.#free.delete(partition);
    this.#owner.set(partition, by);
  }

  #freed(partition: number, by: Simulated): void {
    if (this.#owner.get(partition) !== by) return;
    this.#owner.delete(partition);
    this.#free.set(partition, this.#nowMs);
  }
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
