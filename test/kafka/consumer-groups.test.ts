// Groups of the consumer protocol (KIP-848) over the wire, and what tools do with the offsets of groups.
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Service, startService } from './service.ts';
import { key, type Wire } from './wire.ts';

let service: Service;
let wire: Wire;
let topicId: string;
beforeAll(async () => {
  service = await startService();
  wire = await service.connect();
  ({ topicId } = await service.engine.createTopic({ topic: 'orders', partitions: 2 }));
  await service.engine.createTopic({ topic: 'others', partitions: 1 });
});

const beat = (groupId: string, memberId: string, memberEpoch: number, options: object = {}) =>
  wire.ask(key.consumerGroupHeartbeat, 1, { groupId, memberId, memberEpoch, ...options });

const joining = { rebalanceTimeoutMs: 60_000, subscribedTopicNames: ['orders'], topicPartitions: [] };

const committing = (groupId: string, memberId: string, epoch: number, committedOffset: number) =>
  wire.ask(key.offsetCommit, 9, {
    ...{ groupId, memberId, generationIdOrMemberEpoch: epoch },
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: '' }] }],
  });

async function commit(...terms: Parameters<typeof committing>): Promise<number> {
  return (await committing(...terms)).topics[0].partitions[0].errorCode;
}

const fetching = async (groupId: string, memberId: string | null, memberEpoch: number) => {
  const topics = [{ name: 'orders', partitionIndexes: [0] }];
  const reply = await wire.ask(key.offsetFetch, 9, { groups: [{ groupId, memberId, memberEpoch, topics }] });
  return reply.groups[0];
};

const state = async (groupId: string) =>
  (await wire.ask(key.consumerGroupDescribe, 1, { groupIds: [groupId] })).groups[0];

describe('a member of the consumer protocol', () => {
  test('joins, is assigned, commits with its epoch, and leaves', async () => {
    const joined = await beat('g', 'a', 0, joining);
    expect(joined).toMatchObject({ errorCode: 0, memberId: 'a', heartbeatIntervalMs: expect.any(Number) });
    expect(joined.assignment.topicPartitions).toEqual([{ topicId, partitions: [0, 1] }]);
    const epoch = joined.memberEpoch;
    const owned = { topicPartitions: [{ topicId, partitions: [0, 1] }] };
    expect(await beat('g', 'a', epoch, owned)).toMatchObject({ errorCode: 0, memberEpoch: epoch });
    expect(await commit('g', 'a', epoch, 5)).toBe(0);
    expect(await commit('g', 'a', epoch - 1, 6)).toBe(113);
    expect(await commit('g', 'nobody', epoch, 6)).toBe(25);
    expect(await fetching('g', 'a', epoch)).toMatchObject({
      errorCode: 0,
      topics: [{ partitions: [{ committedOffset: 5 }] }],
    });
    expect(await fetching('g', 'a', epoch + 1)).toMatchObject({ errorCode: 113, topics: [] });
    expect(await fetching('g', 'nobody', epoch)).toMatchObject({ errorCode: 25, topics: [] });
    expect(await fetching('g', null, -1)).toMatchObject({ errorCode: 0 });
    const topicPartitions = [{ topicId, topicName: 'orders', partitions: [0, 1] }];
    expect(await state('g')).toMatchObject({
      ...{ errorCode: 0, groupState: 'Stable', assignorName: 'uniform', groupEpoch: epoch, assignmentEpoch: epoch },
      members: [{ memberId: 'a', memberEpoch: epoch, assignment: { topicPartitions }, memberType: 1 }],
    });
    const listed = await wire.ask(key.listGroups, 5, { statesFilter: ['stable'], typesFilter: ['consumer'] });
    expect(listed.groups).toMatchObject([{ groupId: 'g', groupState: 'Stable', groupType: 'Consumer' }]);
    expect(await beat('g', 'a', -1)).toMatchObject({ errorCode: 0, memberEpoch: -1 });
    expect(await beat('g', 'a', epoch)).toMatchObject({ errorCode: 25 });
  });

  test('hands a partition over when another joins', async () => {
    const both = { topicPartitions: [{ topicId, partitions: [0, 1] }] };
    const { memberEpoch } = await beat('pair', 'a', 0, joining);
    await beat('pair', 'a', memberEpoch, both);
    const second = await beat('pair', 'b', 0, joining);
    expect(second.assignment.topicPartitions).toEqual([]);
    const [kept] = (await beat('pair', 'a', memberEpoch, both)).assignment.topicPartitions;
    expect(kept.partitions).toHaveLength(1);
    await beat('pair', 'a', memberEpoch, { topicPartitions: [kept] });
    const taken = await beat('pair', 'b', second.memberEpoch, { topicPartitions: [] });
    expect(taken.assignment.topicPartitions[0].partitions).toEqual([1 - kept.partitions[0]]);
  });

  test('may subscribe by an expression, and choose an assignor', async () => {
    const joined = await beat('by expression', 'a', 0, {
      ...{ rebalanceTimeoutMs: 60_000, topicPartitions: [], subscribedTopicRegex: 'ord.*', serverAssignor: 'range' },
    });
    expect(joined.assignment.topicPartitions).toEqual([{ topicId, partitions: [0, 1] }]);
    expect(await state('by expression')).toMatchObject({
      assignorName: 'range',
      members: [{ subscribedTopicRegex: 'ord.*', subscribedTopicNames: [] }],
    });
  });

  test.each([
    ['an assignor that does not exist', { serverAssignor: 'sticky' }, 112],
    ['an expression that is none', { subscribedTopicRegex: '(' }, 128],
    ['no subscription', { subscribedTopicNames: null }, 42],
  ])('is refused with a reason: %s', async (_, options, errorCode) => {
    const reply = await beat('refused', 'a', 0, { ...joining, ...options });
    expect(reply).toMatchObject({ errorCode, errorMessage: expect.any(String), assignment: null });
  });

  test('gets its id from the server in version 0, and must bring one later', async () => {
    const old = await wire.ask(key.consumerGroupHeartbeat, 0, {
      ...{ groupId: 'made', memberId: '', memberEpoch: 0 },
      ...joining,
    });
    expect(old).toMatchObject({ errorCode: 0, memberId: expect.stringMatching(/^[\w.-]{23,64}$/) });
    expect(await beat('made', '', 0, joining)).toMatchObject({ errorCode: 42 });
  });

  // A client that gets no answer in time sends its heartbeat again on a new connection, while the first one may still wait.
  describe('whose earlier heartbeat has waited behind another request', () => {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }];
    /** Joins behind a fetch that waits. */
    async function joinSlowly(groupId: string) {
      const other = await service.connect();
      const topics = [{ topicId, partitions }];
      const waited = other.ask(key.fetch, 13, { maxWaitMs: 500, minBytes: 1, maxBytes: 1_000, topics });
      const hello = { groupId, memberId: 'a', memberEpoch: 0, ...joining };
      const joined = other.ask(key.consumerGroupHeartbeat, 1, hello);
      const ended = Promise.allSettled([waited, joined]);
      // The listener has both requests by the time when it has read one that was sent after them.
      await wire.ask(key.findCoordinator, 2, { key: groupId, keyType: 0 });
      return { other, joined, ended };
    }

    test('is not put back by it', async () => {
      const { joined, ended } = await joinSlowly('overtaken');
      const { memberEpoch } = await beat('overtaken', 'a', 0, joining);
      await ended;
      expect(await joined).toMatchObject({ errorCode: 15 });
      const owned = { topicPartitions: [{ topicId, partitions: [0, 1] }] };
      expect(await beat('overtaken', 'a', memberEpoch, owned)).toMatchObject({ errorCode: 0, memberEpoch });
    });

    test('does not join by it when the client has gone', async () => {
      const { other, ended } = await joinSlowly('gone');
      other.close();
      await ended;
      await setTimeout(700);
      expect(await state('gone')).toMatchObject({ errorCode: 69, members: [] });
    });
  });

  describe('whose leave has waited in one gateway until it has joined again by another', () => {
    const gateOf = () => {
      let open = (): void => undefined;
      const opened = new Promise<void>((resolve) => {
        open = resolve;
      });
      return { open, opened };
    };
    /** The leave waits behind a request that the storage answers late, in a gateway over the same table. */
    async function leaveSlowly(groupId: string) {
      const gate = gateOf();
      const asked = gateOf();
      const slow = await startService({
        wrap: () => ({
          ...service.engine,
          groups: {
            ...service.engine.groups,
            fetchOffsets: async (request) => {
              asked.open();
              await gate.opened;
              return service.engine.groups.fetchOffsets(request);
            },
          },
        }),
      });
      const { memberEpoch } = await beat(groupId, 'a', 0, joining);
      const other = await slow.connect();
      const groups = [{ groupId, memberId: null, memberEpoch: -1, topics: null }];
      const waited = other.ask(key.offsetFetch, 9, { groups });
      await asked.opened;
      const left = other.ask(key.consumerGroupHeartbeat, 1, { groupId, memberId: 'a', memberEpoch: -1 });
      const ended = Promise.allSettled([waited, left]);
      // The other gateway has the leave by the time when it has read what was sent after it on another connection.
      const probe = await slow.connect();
      await probe.ask(key.findCoordinator, 2, { key: groupId, keyType: 0 });
      await setTimeout(20);
      expect(memberEpoch).toBeGreaterThan(0);
      return { other, gate, left, ended };
    }
    const staysIn = async (groupId: string) => {
      const owned = { topicPartitions: [{ topicId, partitions: [0, 1] }] };
      const { memberEpoch } = (await state(groupId)).members[0];
      expect(await beat(groupId, 'a', memberEpoch, owned)).toMatchObject({ errorCode: 0, memberEpoch });
    };

    test('stays, though the connection of the leave is still open', async () => {
      const { gate, left, ended } = await leaveSlowly('half open');
      expect(await beat('half open', 'a', 0, joining)).toMatchObject({ errorCode: 0 });
      gate.open();
      await ended;
      expect(await left).toMatchObject({ errorCode: 15, errorMessage: expect.stringMatching('a newer heartbeat of') });
      await staysIn('half open');
    });

    test('stays when the client has closed that connection', async () => {
      const { other, gate, ended } = await leaveSlowly('closed');
      other.close();
      await ended;
      expect(await beat('closed', 'a', 0, joining)).toMatchObject({ errorCode: 0 });
      gate.open();
      await setTimeout(300);
      await staysIn('closed');
    });
  });

  test('goes on behind a process whose clock was ahead', async () => {
    const heartbeatSeq = Date.now() + 3_600_000;
    const hello = { groupId: 'ahead', memberId: 'a', memberEpoch: 0, heartbeatSeq, subscribedTopicNames: ['orders'] };
    const { memberEpoch } = await service.engine.groups.heartbeat(hello);
    const owned = { topicPartitions: [{ topicId, partitions: [0, 1] }] };
    expect(await beat('ahead', 'a', memberEpoch, owned)).toMatchObject({ errorCode: 0, memberEpoch });
    expect(await beat('ahead', 'a', -1)).toMatchObject({ errorCode: 0 });
    expect(await state('ahead')).toMatchObject({ groupState: 'Empty', members: [] });
  });

  test('may have an id of base64, and names its instance only when it joins', async () => {
    const memberId = 'nnf4qxksRHe8+wsDpIpY/A';
    const { memberEpoch } = await beat('static', memberId, 0, { ...joining, instanceId: 'one' });
    const owned = { topicPartitions: [{ topicId, partitions: [0, 1] }] };
    expect(await beat('static', memberId, memberEpoch, owned)).toMatchObject({ errorCode: 0, memberEpoch });
    expect(await commit('static', memberId, memberEpoch, 1)).toBe(0);
    expect(await state('static')).toMatchObject({ members: [{ memberId, instanceId: 'one' }] });
    const other = { ...joining, instanceId: 'one' };
    expect(await beat('static', 'b', 0, other)).toMatchObject({ errorCode: 111 });
    expect(await beat('static', memberId, -2, { instanceId: 'one' })).toMatchObject({ errorCode: 0, memberEpoch: -2 });
    const taken = await beat('static', 'b', 0, other);
    expect(taken.assignment.topicPartitions).toEqual([{ topicId, partitions: [0, 1] }]);
  });

  test('does not share a group with members of the classic protocol', async () => {
    const classic = service.engine.classicGroups;
    const member = { groupId: 'classic', memberId: classic.newMemberId('test') };
    const protocols = [{ name: 'range', metadata: new Uint8Array() }];
    const terms = { protocolType: 'consumer', protocols, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000 };
    await classic.join({ ...member, ...terms });
    expect(await beat('classic', 'a', 0, joining)).toMatchObject({ errorCode: 69 });
    expect(await state('classic')).toMatchObject({ errorCode: 69 });
    await classic.leave(member);
    expect(await beat('classic', 'a', 0, joining)).toMatchObject({ errorCode: 0 });
    const joined = await wire.ask(key.joinGroup, 9, {
      ...{ groupId: 'classic', memberId: classic.newMemberId('test') },
      ...terms,
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    });
    expect(joined.errorCode).toBe(23);
  });
});

test('offsets are deleted, unless a member reads the topic', async () => {
  const topics = ['orders', 'others'].map((name) => ({ name, partitions: [{ partitionIndex: 0 }] }));
  const remove = (groupId: string) => wire.ask(key.offsetDelete, 0, { groupId, topics });
  const commits = ['orders', 'others'].map((topic) => ({ topic, partitions: [{ partition: 0, offset: 3 }] }));
  await service.engine.groups.commitOffsets({ groupId: 'forgetful', topics: commits });
  const { memberEpoch } = await beat('forgetful', 'a', 0, joining);
  const reply = await remove('forgetful');
  expect(reply.errorCode).toBe(0);
  expect(reply.topics.map(({ partitions }: typeof reply) => partitions[0].errorCode)).toEqual([86, 0]);
  expect(memberEpoch).toBeGreaterThan(0);
  const { topics: left } = await service.engine.groups.fetchOffsets({ groupId: 'forgetful' });
  expect(left).toMatchObject([{ topic: 'orders' }]);
  expect(await remove('unknown')).toMatchObject({ errorCode: 69, topics: [] });
});

test('features are told to clients that understand them', async () => {
  const { supportedFeatures, finalizedFeatures } = await wire.ask(key.apiVersions, 4);
  expect(supportedFeatures).toContainEqual({ name: 'group.version', minVersion: 0, maxVersion: 1 });
  expect(finalizedFeatures).toContainEqual({ name: 'group.version', maxVersionLevel: 1, minVersionLevel: 1 });
  expect((await wire.ask(key.apiVersions, 3)).supportedFeatures).toEqual([]);
});
