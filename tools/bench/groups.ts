// Measures consumer groups: how long partitions wait for a new owner when a member dies or leaves, how many units of DynamoDB
// membership and commits use, and how many heartbeats the embedded backend answers.
import { join } from 'node:path';
import { Rivulet } from '../../client/rivulet.ts';
import { createEngine } from '../../lib/engine.ts';
import { type Clock, systemClock } from '../../lib/runtime/clock.ts';
import { countingTable, newCounters, usdOf } from '../../lib/storage/count.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import { benchAssignments } from './assignments.ts';
import { startChild } from './child.ts';
import { beatsPerSecond } from './group-load.ts';
import { type GroupPlan, groupWorld, type Pauses } from './group-world.ts';
import { median } from './statistics.ts';
import { decimal, percent, printTable, whole } from './table.ts';

export type GroupBenchPlan = { readonly rounds: number; readonly forMs: number };

const monthMs = 30 * 24 * 3_600_000;

export async function benchGroups(directory: string, plan: GroupBenchPlan): Promise<void> {
  await printHandOvers(plan.rounds);
  await printMembership();
  await printCommits();
  benchAssignments(plan.rounds);
  const backend = await startChild('backend', join(directory, 'groups'));
  try {
    await printRealHandOvers(backend.url);
    await printRates(backend.url, plan);
  } finally {
    await backend.stop();
  }
}

const sizes = [
  { members: 5, partitions: 50 },
  { members: 50, partitions: 1_000 },
];
const sessions = [
  { heartbeatIntervalMs: 3_000, sessionTimeoutMs: 10_000 },
  { heartbeatIntervalMs: 5_000, sessionTimeoutMs: 45_000 },
];

const unitNames = ['readUnits', 'writeUnits'] as const;

const nameOf = ({ heartbeatIntervalMs, sessionTimeoutMs }: Omit<GroupPlan, 'members' | 'partitions'>): string =>
  `${heartbeatIntervalMs / 1000}/${sessionTimeoutMs / 1000} s`;

async function printHandOvers(rounds: number): Promise<void> {
  const rows: (string | number)[][] = [];
  for (const size of sizes)
    for (const session of sessions)
      for (const how of ['crash', 'leave'] as const) {
        const all: Pauses[] = [];
        const units = { readUnits: 0, writeUnits: 0 };
        for (let round = 0; round < rounds; round++) {
          const world = await groupWorld({ ...size, ...session });
          await world.settle();
          Object.assign(world.totals, newCounters());
          all.push(await world.lose(how));
          for (const name of unitNames) units[name] += world.totals[name] / rounds;
        }
        const name = `${whole(size.partitions)}/${size.members}, ${how}, ${nameOf(session)}`;
        const mean = all.reduce((sum, { meanMs }) => sum + meanMs, 0) / rounds;
        const longest = Math.max(...all.map(({ longestMs }) => longestMs));
        const partitions = Math.max(...all.map((one) => one.partitions));
        const times = [mean, longest].map((ms) => decimal(ms / 1000, 1));
        rows.push([name, partitions, ...times, whole(units.readUnits), whole(units.writeUnits)]);
      }
  printTable(
    `Partitions/members: the partitions that pause when a member is gone, and for how long (simulated clock, ${rounds} rounds)`,
    ['', 'paused', 'mean s', 'longest s', 'read units', 'write units'],
    rows,
  );
}

async function printMembership(): Promise<void> {
  const rows: (string | number)[][] = [];
  for (const size of sizes)
    for (const session of sessions) {
      const world = await groupWorld({ ...size, ...session });
      await world.settle();
      Object.assign(world.totals, newCounters());
      const before = world.heartbeats;
      await world.pass(30 * session.sessionTimeoutMs);
      const beats = world.heartbeats - before;
      const usd = (usdOf(world.totals) / beats) * (monthMs / session.heartbeatIntervalMs);
      const { readUnits, writeUnits } = world.totals;
      const each = [readUnits, writeUnits].map((units) => decimal(units / beats, 3));
      rows.push([`${whole(size.partitions)}/${size.members}, ${nameOf(session)}`, ...each, decimal(usd, 3)]);
    }
  printTable('A steady heartbeat', ['', 'read units', 'write units', '$ a member-month'], rows);
}

/** The commits are those of a member that owns the partitions. */
async function printCommits(): Promise<void> {
  const totals = newCounters();
  const table = countingTable(createMemoryTable(), totals);
  let nowMs = systemClock.now();
  const clock: Clock = { ...systemClock, now: () => nowMs, monotonic: () => nowMs };
  const engine = createEngine({ objects: createMemoryObjectStore({ clock }), table, clock });
  const { topicId } = await engine.createTopic({ topic: 't', partitions: 160 });
  const member = { groupId: 'g', memberId: 'm' };
  const join = { ...member, memberEpoch: 0, heartbeatSeq: 1, subscribedTopicNames: ['t'] };
  const { memberEpoch } = await engine.groups.heartbeat(join);
  let commitSeq = 0;
  const commit = (apart: number) => {
    const partitions = Array.from({ length: 10 }, (_, i) => ({ partition: i * apart, offset: commitSeq }));
    nowMs += commitEveryMs;
    const topics = [{ topic: 't', topicId, partitions }];
    return engine.groups.commitOffsets({ ...member, memberEpoch, commitSeq: ++commitSeq, topics });
  };
  const rows: (string | number)[][] = [];
  for (const [name, apart] of placements) {
    Object.assign(totals, newCounters());
    for (let time = 0; time < commits; time++) await commit(apart);
    const usd = (usdOf(totals) / commits) * (monthMs / commitEveryMs);
    rows.push([name, decimal(totals.readUnits / commits, 2), decimal(totals.writeUnits / commits, 2), decimal(usd, 2)]);
  }
  printTable('A commit of 10 partitions, every 5 s', ['', 'read units', 'write units', '$ a month'], rows);
}

const commits = 100;
const commitEveryMs = 5_000;
const placements = [
  ['next to each other, in one item', 1],
  ['each in an item of its own', 16],
] as const;

async function printRealHandOvers(url: string): Promise<void> {
  const rows: (string | number)[][] = [];
  for (const how of ['crash', 'leave'] as const) {
    const { partitions, longestMs } = await realHandOver(url, how);
    rows.push([`50/5, ${how}, 2/6 s`, partitions, decimal(longestMs / 1000, 1)]);
  }
  printTable('The same with the SDK against the embedded backend, once', ['', 'paused', 'longest s'], rows);
}

/** Measures until the last partition of the lost member is assigned to another one. */
async function realHandOver(url: string, how: 'crash' | 'leave'): Promise<{ partitions: number; longestMs: number }> {
  const topic = `real-${how}`;
  const admin = new Rivulet({ url }).admin();
  await admin.createTopics({ topics: [{ topic, partitions: 50 }] });
  const moved: number[] = [];
  let startedMs = Number.POSITIVE_INFINITY;
  const silence = Promise.withResolvers<void>();
  let dead = false;
  const members = Array.from({ length: 5 }, (_, i) => {
    // A dead member sends no more requests: its credentials do not resolve until the measurement is over.
    const credentials = async () => {
      if (i === 0 && dead) await silence.promise;
      return { accessKeyId: 'local', secretAccessKey: 'local' };
    };
    const consumer = new Rivulet({ url, credentials }).consumer({
      groupId: topic,
      sessionTimeoutMs: 6_000,
      heartbeatIntervalMs: 2_000,
      onPartitionsAssigned: (partitions) => {
        const tookMs = performance.now() - startedMs;
        if (tookMs >= 0) moved.push(...partitions.map(() => tookMs));
      },
    });
    consumer.subscribe({ topics: [topic] });
    return { consumer, run: consumer.run({ eachMessage: () => undefined }) };
  });
  const shares = () => members.map(({ consumer }) => consumer.assignment().length);
  while (shares().some((share) => share !== 10)) await systemClock.sleep(50);
  startedMs = performance.now();
  if (how === 'leave') await members[0]!.consumer.stop();
  else dead = true;
  while (moved.length < 10) await systemClock.sleep(20);
  silence.resolve();
  await Promise.all(members.map(({ consumer }) => consumer.stop()));
  await Promise.all(members.map(({ run }) => run));
  return { partitions: moved.length, longestMs: Math.max(...moved) };
}

async function printRates(url: string, { rounds, forMs }: GroupBenchPlan): Promise<void> {
  const rates = await beatsPerSecond(url, rounds, forMs);
  const ratio = median(rates.map(({ heartbeats, healths }) => heartbeats / healths));
  printTable(
    'Requests a second of the embedded backend, 32 at a time',
    ['', 'a second', 'of the floor'],
    [
      ['steady heartbeats', whole(median(rates.map(({ heartbeats }) => heartbeats))), percent(ratio)],
      ['floor: GET /v1/health', whole(median(rates.map(({ healths }) => healths))), percent(1)],
    ],
  );
}
