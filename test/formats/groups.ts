// The groups of a store. One has members (one of them static, one with a rack), commits with and without a note, and
// partitions that a member still has to give up. One belongs to a simple consumer, and one was deleted.
import { expect } from 'vitest';
import type { Engine } from '../../lib/api/engine.ts';
import type { HeartbeatReply, HeartbeatRequest, TopicPartitions } from '../../lib/api/groups.ts';
import type { TestClock } from '../log/world.ts';

export type StoredMember = {
  readonly memberId: string;
  readonly instanceId?: string;
  readonly memberEpoch: number;
  readonly nextSeq: number;
  readonly owned: readonly TopicPartitions[];
};
type StoredOffset = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly metadata: string;
};
export type StoredGroup = {
  readonly groupId: string;
  readonly members: readonly StoredMember[];
  readonly committed: readonly StoredOffset[];
};

const withMembers = 'billing';
const simple = 'reports';
const deletedGroup = 'former';

type Member = Pick<HeartbeatRequest, 'memberId' | 'instanceId' | 'rackId' | 'serverAssignor'> & {
  seq: number;
  epoch: number;
  owned: readonly TopicPartitions[];
};

export async function populateGroups(engine: Engine, clock: TestClock): Promise<StoredGroup[]> {
  const first: Member = {
    memberId: 'q83vASNFZ4mrze8BI0VniQ',
    rackId: 'rack',
    serverAssignor: 'uniform',
    seq: 0,
    epoch: 0,
    owned: [],
  };
  const second: Member = { memberId: 'printer-1', instanceId: 'printer', seq: 0, epoch: 0, owned: [] };
  for (const member of [first, second, first, first, second, second]) {
    clock.advance(500);
    await beat(engine, member);
  }
  let commitSeq = 0;
  for (const member of [first, second]) {
    const topics = member.owned.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map((partition) => ({
        partition,
        offset: partition + 5,
        ...(partition === 0 && { metadata: 'a note' }),
      })),
    }));
    const { memberId, epoch: memberEpoch } = member;
    await engine.groups.commitOffsets({ groupId: withMembers, memberId, memberEpoch, commitSeq: ++commitSeq, topics });
  }
  for (const groupId of [simple, deletedGroup])
    await engine.groups.commitOffsets({
      groupId,
      topics: [{ topic: 'events', partitions: [{ partition: 1, offset: 3, leaderEpoch: 0 }] }],
    });
  await engine.groups.delete(deletedGroup);
  // A third member joins, and the first receives the partitions that it has to give up.
  await beat(engine, { memberId: 'third', seq: 0, epoch: 0, owned: [] });
  await beat(engine, first);
  const members = [first, second].map(({ memberId, instanceId, epoch, seq, owned }) => ({
    memberId,
    ...(instanceId !== undefined && { instanceId }),
    memberEpoch: epoch,
    nextSeq: seq + 1,
    owned,
  }));
  return [
    { groupId: withMembers, members, committed: await committedOf(engine, withMembers) },
    { groupId: simple, members: [], committed: await committedOf(engine, simple) },
  ];
}

async function beat(engine: Engine, member: Member): Promise<HeartbeatReply> {
  const { seq: _seq, epoch, owned, ...identity } = member;
  const reply = await engine.groups.heartbeat({
    ...identity,
    groupId: withMembers,
    memberEpoch: epoch,
    heartbeatSeq: ++member.seq,
    clientId: 'fixture',
    host: '127.0.0.1',
    subscribedTopicNames: ['events'],
    topicPartitions: owned,
  });
  Object.assign(member, { epoch: reply.memberEpoch, owned: reply.assignment });
  return reply;
}

async function committedOf(engine: Engine, groupId: string): Promise<StoredOffset[]> {
  const { topics } = await engine.groups.fetchOffsets({ groupId });
  return topics.flatMap(({ topic, partitions }) =>
    partitions.flatMap((each) =>
      'offset' in each ? [{ topic, partition: each.partition, offset: each.offset, metadata: each.metadata }] : [],
    ),
  );
}

/**
 * Expects the stored offsets and members, and that the group continues: the first member goes on as it was, until it is the
 * only one and owns all partitions.
 */
export async function expectGroups(
  engine: Engine,
  groups: readonly StoredGroup[],
  /** Its clock shows the time at which the store was closed, so sessions have not ended. */
  atClosing: Engine,
): Promise<void> {
  for (const { groupId, members, committed } of groups) {
    expect(await committedOf(engine, groupId), groupId).toEqual(committed);
    const described = await atClosing.groups.describe(groupId);
    for (const { memberId, memberEpoch } of members)
      expect(described.memberDetails).toContainEqual(expect.objectContaining({ memberId, memberEpoch }));
    const [first] = members;
    if (first) await expectGoesOn(engine, groupId, first);
  }
  await expect(engine.groups.describe(deletedGroup)).rejects.toMatchObject({ errorCode: 'GROUP_ID_NOT_FOUND' });
}

async function expectGoesOn(engine: Engine, groupId: string, stored: StoredMember): Promise<void> {
  const { memberId, nextSeq } = stored;
  let { memberEpoch, owned } = stored;
  const [{ topic, partitions }] = [owned[0]!];
  const commit = {
    groupId,
    memberId,
    memberEpoch,
    commitSeq: 1_000,
    topics: [{ topic, partitions: [{ partition: partitions[0]!, offset: 77 }] }],
  };
  const { topics } = await engine.groups.commitOffsets(commit);
  expect(topics[0]!.partitions).toEqual([{ partition: partitions[0] }]);
  const { partitions: all } = await engine.describeTopic(topic);
  for (let beats = 0; beats < 12; beats++) {
    const reply = await engine.groups.heartbeat({
      groupId,
      memberId,
      memberEpoch,
      heartbeatSeq: nextSeq + beats,
      topicPartitions: owned,
    });
    ({ memberEpoch, assignment: owned } = reply);
  }
  expect(owned.map((each) => each.partitions)).toEqual([Array.from({ length: all }, (_, partition) => partition)]);
}
