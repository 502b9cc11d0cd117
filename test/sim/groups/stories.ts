// Chance seldom finds these races, so they are told step by step. Each story returns what went wrong, or nothing.
import type { createEngine } from '../../../lib/engine.ts';
import { createMemoryObjectStore } from '../../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../../lib/storage/memory/memory-table.ts';
import type { Table, Write } from '../../../lib/storage/table.ts';
import { createMember, errorCodeOf, groupId, settleAll, type TestMember } from '../../group/world.ts';
import { createTestClock } from '../../log/world.ts';
import { type Call, gate, holding, through } from '../core/through.ts';

export type GroupStory = (newEngine: typeof createEngine) => Promise<string | undefined>;

/** Two partitions of one topic. Another engine is another process over the same table. */
async function openStage(newEngine: typeof createEngine) {
  const clock = createTestClock();
  const objects = createMemoryObjectStore({ clock });
  const table = createMemoryTable();
  const process = (wrap: (table: Table) => Table = (same) => same) => newEngine({ objects, table: wrap(table), clock });
  const engine = process();
  await engine.createTopic({ topic: 't', partitions: 2 });
  return { clock, table, process, engine };
}

const ownedBySomebodyElse = (member: TestMember) =>
  member.owned.length > 0
    ? `${member.memberId} was told ${member.owned.join(' ')}, which another still reads`
    : undefined;

/** Two replies that revoke a partition are lost. Its member reads on, and no other member may read it. */
const lostRevocations: GroupStory = async (newEngine) => {
  const { engine } = await openStage(newEngine);
  const [a, b] = [createMember(engine, 'a'), createMember(engine, 'b')];
  await settleAll(a);
  await b.beat();
  await a.send();
  await a.send();
  await b.beat();
  return ownedBySomebodyElse(b);
};

/**
 * The reply that revokes a partition is lost. Then a copy of the member's join arrives, from when it owned nothing yet.
 */
const lateJoin: GroupStory = async (newEngine) => {
  const { engine } = await openStage(newEngine);
  const [a, b] = [createMember(engine, 'a'), createMember(engine, 'b')];
  await settleAll(a);
  await b.beat();
  await a.send();
  await a.send({ heartbeatSeq: 1, memberEpoch: 0, topicPartitions: [] }).catch(() => {});
  await b.beat();
  return ownedBySomebodyElse(b);
};

/**
 * A coordinator has claimed a partition for a member, and freezes before it writes the member. Meanwhile the target has
 * changed.
 */
const frozenClaimer: GroupStory = async (newEngine) => {
  const { engine, process } = await openStage(newEngine);
  const gate = gateAt(
    (write) => write.kind === 'put' && write.item.sk === 'm/a' && write.item.un === undefined && write.item.me !== 0,
  );
  const a = createMember(process(gate.wrap), 'a');
  const b = createMember(engine, 'b');
  const joining = a.beat();
  await gate.reached;
  await b.beat();
  await b.beat();
  const told = ownedBySomebodyElse(b);
  gate.open();
  await joining;
  return a.owned.length === 0 ? 'a was told nothing: the story has changed' : told;
};

/** A release is sent and held up. It lands when the member has begun another term of that partition. */
const thawedRelease: GroupStory = async (newEngine) => {
  const { engine, process, table } = await openStage(newEngine);
  const late: Write[] = [];
  const releases = (call: Call) =>
    call.kind === 'update' &&
    call.key.pk.endsWith('/o') &&
    call.update.remove?.some((path) => String(path).startsWith('w'));
  const noting = process((inner) =>
    through(inner, (call, act) => {
      if (releases(call)) late.push(call as Write);
      return act();
    }),
  );
  const [a, b] = [createMember(noting, 'a'), createMember(engine, 'b')];
  await settleAll(a);
  await settleAll(a, b);
  await b.leave();
  await settleAll(a);
  for (const write of late) await table.write(write);
  const codes = await Promise.all([0, 1].map((partition) => a.commit(partition, 5)));
  if (late.length === 0) return 'nothing was released: the story has changed';
  return codes.some((code) => code !== undefined) ? `a lost what it had just claimed: ${codes.join(' ')}` : undefined;
};

/**
 * A coordinator freezes before it writes the member. Others write the member meanwhile, and then the coordinator thaws.
 */
const thawedMember: GroupStory = async (newEngine) => {
  const { engine, process } = await openStage(newEngine);
  const [a, b] = [createMember(engine, 'a'), createMember(engine, 'b')];
  await settleAll(a);
  await b.beat();
  const gate = gateAt((write) => write.kind === 'put' && write.item.sk === 'm/a');
  const request = { groupId, memberId: 'a', memberEpoch: a.epoch, heartbeatSeq: 100 };
  const topicPartitions = [{ topic: 't', partitions: [0, 1] }];
  const frozen = process(gate.wrap).groups.heartbeat({ ...request, topicPartitions });
  await gate.reached;
  for (const heartbeatSeq of [101, 102, 103]) await a.beat({ heartbeatSeq });
  await settleAll(b);
  gate.open();
  await frozen.catch(() => {});
  const code = await errorCodeOf(a.beat({ heartbeatSeq: 104 }));
  return code && `a is refused, though it has done nothing wrong: ${code}`;
};

/** A coordinator freezes before it installs its target. Another installs a newer one, and then the first thaws. */
const thawedTarget: GroupStory = async (newEngine) => {
  const { engine, process } = await openStage(newEngine);
  await settleAll(createMember(engine, 'a'));
  const installs = (call: Call) => call.kind === 'update' && (call.update.set ?? []).some(([path]) => path === 'ae');
  const gate = gateAt(installs);
  const frozen = createMember(process(gate.wrap), 'b').beat();
  await gate.reached;
  await createMember(engine, 'c').beat();
  const { assignmentEpoch: before } = await engine.groups.describe(groupId);
  gate.open();
  await frozen.catch(() => {});
  const { assignmentEpoch: after } = await engine.groups.describe(groupId);
  return after < before ? `the assignment epoch fell from ${before} to ${after}` : undefined;
};

/** Makes a gate that holds up the writes that match. */
function gateAt(matches: (call: Call) => boolean) {
  const { pass, ...rest } = gate();
  return { ...rest, wrap: (table: Table): Table => holding(table, matches, pass) };
}

export const groupStories = { thawedMember, thawedTarget, lostRevocations, lateJoin, frozenClaimer, thawedRelease };
