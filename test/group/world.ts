// A small world for tests of groups: an engine over memory, topics, and members that behave as a client should. A
// member takes what a reply assigns to it, lets go of what the reply no longer assigns, and says so.

import type { Engine } from '../../lib/api/engine.ts';
import { RivuletError } from '../../lib/api/errors.ts';
import type { HeartbeatReply, HeartbeatRequest, TopicPartitions } from '../../lib/api/groups.ts';
import { createEngine } from '../../lib/engine.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import type { Table } from '../../lib/storage/table.ts';
import { appendOne, batchOf, createTestClock, startMs, type TestClock } from '../log/world.ts';

export type GroupWorld = { engine: Engine; table: Table; objects: ObjectStore; clock: TestClock };

export function createGroupWorld(
  wrap: (table: Table) => Table = (table) => table,
  table = createMemoryTable(),
): GroupWorld {
  const clock = createTestClock();
  const objects = createMemoryObjectStore({ clock });
  const wrapped = wrap(table);
  return { engine: createEngine({ objects, table: wrapped, clock }), table: wrapped, objects, clock };
}

export const groupId = 'billing';

/** Creates a world with the topic `t`. */
export async function worldOfTopic(partitions: number): Promise<GroupWorld> {
  const world = createGroupWorld();
  await world.engine.createTopic({ topic: 't', partitions });
  return world;
}

/** Commits without being a member. */
export function commitOffset({ engine }: GroupWorld, partition: number, offset: number, group = groupId) {
  const topics = [{ topic: 't', partitions: [{ partition, offset }] }];
  return engine.groups.commitOffsets({ groupId: group, topics });
}

/** Appends so many records, a second apart. */
export async function fill({ engine }: GroupWorld, partition: number, records: number): Promise<void> {
  for (let i = 0; i < records; i++) {
    await appendOne(engine, partition, batchOf(['v'], { timestampMs: startMs + i * 1000 }));
  }
}

export type TestMember = {
  readonly memberId: string;
  /** Sends one heartbeat and does what the reply says. */
  beat(more?: Partial<HeartbeatRequest>): Promise<HeartbeatReply>;
  /** Sends a few heartbeats, until nothing is on its way; false if it still waits. */
  settle(): Promise<boolean>;
  /** Sends one heartbeat without doing what the reply says, as if the reply were lost. */
  send(more?: Partial<HeartbeatRequest>): Promise<HeartbeatReply>;
  leave(): Promise<HeartbeatReply>;
  commit(
    partition: number,
    offset: number,
    more?: { memberEpoch?: number; commitSeq?: number; topic?: string },
  ): Promise<string | undefined>;
  /** The partitions as `topic-partition`, sorted. */
  readonly owned: string[];
  readonly epoch: number;
};

export type MemberOptions = Partial<HeartbeatRequest> & { topics?: string[] };

export function createMember(
  engine: Engine,
  memberId: string,
  { topics = ['t'], ...options }: MemberOptions = {},
): TestMember {
  let epoch = 0;
  let seq = 0;
  let commitSeq = 0;
  let assignment: readonly TopicPartitions[] = [];
  const request = (more: Partial<HeartbeatRequest>): HeartbeatRequest => ({
    groupId,
    memberId,
    memberEpoch: epoch,
    heartbeatSeq: ++seq,
    ...(options.subscribedTopicRegex === undefined && { subscribedTopicNames: topics }),
    topicPartitions: assignment,
    ...options,
    ...more,
  });
  const send = (more: Partial<HeartbeatRequest> = {}) => engine.groups.heartbeat(request(more));
  const take = (reply: HeartbeatReply) => {
    epoch = reply.memberEpoch;
    assignment = reply.assignment;
    return reply;
  };
  const knownTopic = (topic: string) => {
    const topicId = assignment.find((each) => each.topic === topic)?.topicId;
    return { topic, ...(topicId !== undefined && { topicId }) };
  };
  const member: TestMember = {
    memberId,
    send,
    beat: async (more) => take(await send(more)),
    async settle() {
      for (let beats = 0; beats < 6; beats++) {
        const before = member.owned.join();
        const { heartbeatIntervalMs } = await member.beat();
        if (heartbeatIntervalMs > 500 && before === member.owned.join()) return true;
      }
      return false;
    },
    leave: async () => take(await send({ memberEpoch: -1 })),
    async commit(partition, offset, more = {}) {
      const { topic = 't', ...rest } = more;
      const reply = await engine.groups.commitOffsets({
        groupId,
        memberId,
        memberEpoch: epoch,
        commitSeq: ++commitSeq,
        topics: [{ ...knownTopic(topic), partitions: [{ partition, offset }] }],
        ...rest,
      });
      const [result] = reply.topics[0]!.partitions;
      return 'error' in result! ? result.error.errorCode : undefined;
    },
    get owned() {
      return namesOf(assignment);
    },
    get epoch() {
      return epoch;
    },
  };
  return member;
}

const namesOf = (assignment: readonly TopicPartitions[]): string[] =>
  assignment.flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`)).sort();

/** Lets every member send heartbeats in turn, until nothing is on its way between them. */
export async function settleAll(...members: TestMember[]): Promise<void> {
  for (let round = 0; round < 8; round++) {
    const settled: boolean[] = [];
    for (const member of members) settled.push(await member.settle());
    if (settled.every(Boolean)) return;
  }
  throw new Error('the group does not settle');
}

export async function committed(engine: Engine, partition: number, topic = 't'): Promise<number> {
  const { topics } = await engine.groups.fetchOffsets({ groupId, topics: [{ topic, partitions: [partition] }] });
  const found = topics[0]!.partitions[0]!;
  if ('error' in found) throw found.error;
  return found.offset;
}

export async function errorCodeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof RivuletError) return error.errorCode;
    throw error;
  }
}
