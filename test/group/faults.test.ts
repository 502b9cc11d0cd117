// One at a time, each await of a heartbeat, a commit and an operator's request fails or loses its reply. Then the
// caller sends the request again, as clients do. After each fault the group settles, every partition belongs to one
// member, and what was acknowledged is there. (The simulation does the same in worlds of many requests; here it is one
// request, call by call.)
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import { retryingTable } from '../../lib/storage/retry.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Table } from '../../lib/storage/table.ts';
import { assignmentBytes, subscriptionBytes } from '../sim/groups/classic/consumer-bytes.ts';
import {
  committed,
  createGroupWorld,
  createMember,
  errorCodeOf,
  groupId,
  settleAll,
  type TestMember,
} from './world.ts';

const faults = ['request lost', 'reply lost', 'acts later', 'acts twice', 'dies before', 'dies after'] as const;
type Fault = (typeof faults)[number];

/** Breaks call number `at` of the table, counted from `arm`. A call that acts later does so three calls after. */
function breaker(fault: Fault, at: number) {
  let calls = Number.NEGATIVE_INFINITY;
  let isDead = false;
  const late: { due: number; act: () => Promise<unknown> }[] = [];
  async function call<T>(act: () => Promise<T>): Promise<T> {
    if (isDead) return new Promise(() => {});
    const number = calls++;
    for (const each of late.splice(0)) await (each.due <= number ? each.act() : late.push(each));
    if (number !== at) return act();
    if (fault === 'acts twice') await act();
    if (fault === 'reply lost' || fault === 'dies after') await act();
    if (fault === 'acts later') late.push({ due: number + 3, act });
    if (fault.startsWith('dies')) {
      isDead = true;
      return new Promise(() => {});
    }
    if (fault === 'acts twice') return act();
    throw new StorageError('no-answer', 'injected');
  }
  return {
    arm: () => {
      calls = 0;
    },
    calls: () => calls,
    died: () => isDead,
    wrap: (table: Table): Table => ({
      get: (...args) => call(() => table.get(...args)),
      getMany: (...args) => call(() => table.getMany(...args)),
      query: (...args) => call(() => table.query(...args)),
      write: (...args) => call(() => table.write(...args)),
      transact: (...args) => call(() => table.transact(...args)),
    }),
  };
}

type Scene = {
  a: TestMember;
  b: TestMember;
  broken: ReturnType<typeof createEngine>;
  engine: ReturnType<typeof createEngine>;
};
type Scenario = {
  name: string;
  /** Sends the request to the process that breaks; it is sent again to a healthy one if it was not answered. */
  act(scene: Scene, engine: Scene['engine']): Promise<unknown>;
  after?(scene: Scene): Promise<void>;
  isEmptied?: true;
  /** The group's only member is one of Kafka's classic protocol, whose session is over. */
  isClassic?: true;
};

const partitions = [0, 17, 35].map((partition) => ({ partition, offset: 9 }));
const scenarios: Scenario[] = [
  { name: 'a member joins', act: (_, engine) => createMember(engine, 'c').send({ heartbeatSeq: 1 }) },
  {
    name: 'a member joins a group whose member of the classic protocol has died',
    isClassic: true,
    act: (_, engine) => createMember(engine, 'c').send({ heartbeatSeq: 1 }),
  },
  { name: 'a member leaves', act: ({ b }, engine) => sendBy(b, engine, { memberEpoch: -1, heartbeatSeq: 1000 }) },
  {
    name: 'a static member is replaced',
    act: (_, engine) => createMember(engine, 'a2', { instanceId: 'A' }).send({ heartbeatSeq: 1 }),
  },
  {
    name: 'a member commits over three items',
    act: async ({ b }, engine) => {
      const owned = partitions.filter(({ partition }) => b.owned.includes(`t-${partition}`));
      await engine.groups.commitOffsets({
        groupId,
        memberId: 'b',
        memberEpoch: b.epoch,
        commitSeq: 50,
        topics: [{ topic: 't', partitions: owned }],
      });
    },
    after: async ({ b, engine }) => {
      for (const { partition } of partitions.filter((each) => b.owned.includes(`t-${each.partition}`)))
        expect(await committed(engine, partition)).toBe(9);
    },
  },
  {
    name: 'offsets are reset',
    isEmptied: true,
    act: (_, engine) =>
      engine.groups.resetOffsets({ groupId, dryRun: false, topics: [{ topic: 't', target: { to: 'earliest' } }] }),
    after: async ({ engine }) => expect(await committed(engine, 35)).toBe(0),
  },
  {
    name: 'the group is deleted',
    isEmptied: true,
    act: async (_, engine) => {
      const code = await errorCodeOf(engine.groups.delete(groupId));
      if (code !== undefined && code !== 'GROUP_ID_NOT_FOUND') throw new Error(code);
    },
    after: async ({ engine }) => expect(await committed(engine, 35)).toBe(-1),
  },
];

function sendBy(member: TestMember, engine: Scene['engine'], more: object) {
  return engine.groups.heartbeat({
    groupId,
    memberId: member.memberId,
    memberEpoch: member.epoch,
    heartbeatSeq: 900,
    ...more,
  });
}

async function prepare(scenario: Scenario, fault: Fault, at: number) {
  const broken = breaker(fault, at);
  const table = createMemoryTable();
  const { engine, clock, objects } = createGroupWorld((each) => each, table);
  await engine.createTopic({ topic: 't', partitions: 40 });
  const [a, b] = [createMember(engine, 'a', { instanceId: 'A' }), createMember(engine, 'b')];
  await settleAll(a, b);
  for (const member of [a, b]) for (const each of member.owned) await member.commit(Number(each.slice(2)), 5);
  if (scenario.name.startsWith('a static')) await a.send({ memberEpoch: -2 });
  if (scenario.isEmptied || scenario.isClassic) for (const member of [a, b]) await member.leave();
  if (scenario.isClassic) {
    await joinByClassic(engine);
    clock.advance(46_000);
  }
  const scene: Scene = {
    a,
    b,
    engine,
    broken: createEngine({ objects, clock, table: retryingTable(broken.wrap(table), clock) }),
  };
  broken.arm();
  return { scene, broken, clock };
}

/** A member of the classic protocol joins alone, and takes all partitions. */
async function joinByClassic({ classicGroups }: Scene['engine']): Promise<void> {
  const member = { groupId, memberId: classicGroups.newMemberId('client') };
  const protocols = [{ name: 'range', metadata: subscriptionBytes(['t']) }];
  const terms = { protocolType: 'consumer', protocols, sessionTimeoutMs: 45_000, rebalanceTimeoutMs: 60_000 };
  const { generation } = await classicGroups.join({ ...member, ...terms });
  const assignment = assignmentBytes([{ topic: 't', partitions: Array.from({ length: 40 }, (_, i) => i) }]);
  const assignments = [{ memberId: member.memberId, assignment }];
  await classicGroups.sync({ ...member, generation, assignments });
}

/** @returns the number of calls until the request was answered, or its process died. */
async function runCase(scenario: Scenario, fault: Fault, at: number): Promise<number> {
  const { scene, broken, clock } = await prepare(scenario, fault, at);
  const answered = scenario.act(scene, scene.broken).then(
    () => true,
    () => false,
  );
  const isAnswered = await Promise.race([answered, untilDead(broken.died)]);
  const calls = broken.calls();
  if (!isAnswered) await scenario.act(scene, scene.engine).catch(() => {});
  await scenario.after?.(scene);
  if (!scenario.isEmptied) await settlesToOne(scene, clock);
  return calls;
}

async function untilDead(died: () => boolean): Promise<false> {
  while (!died()) await new Promise((resolve) => setImmediate(resolve));
  return false;
}

/**
 * Members that send no heartbeats any more expire. A member that joins then has everything, and what was committed is
 * kept.
 */
async function settlesToOne({ engine }: Scene, clock: { advance(ms: number): void }): Promise<void> {
  const heir = createMember(engine, 'heir');
  clock.advance(46_000);
  await settleAll(heir);
  expect(heir.owned).toHaveLength(40);
  for (const partition of [0, 17, 35]) expect(await committed(engine, partition)).toBeGreaterThanOrEqual(5);
  expect(await heir.commit(35, 99)).toBeUndefined();
}

/**
 * Every call at either end of a request, and one in seven of those in between, where each partition is like the others. With
 * GROUP_FAULTS=all every call.
 */
const isTried = (at: number, calls: number) =>
  process.env.GROUP_FAULTS === 'all' || at < 12 || at >= calls - 12 || at % 7 === 0;

describe.each(scenarios)('$name', (scenario) => {
  it.each(faults)('%s at any call leaves the group in order', async (fault) => {
    const calls = await runCase(scenario, fault, Number.POSITIVE_INFINITY);
    expect(calls).toBeGreaterThan(0);
    const tried = Array.from({ length: calls }, (_, at) => at).filter((at) => isTried(at, calls));
    for (const at of tried) expect(await runCase(scenario, fault, at)).toBeGreaterThan(at);
  });
});
