// Groups over the wire, request by request, and beside the same groups over HTTP.
import { beforeAll, describe, expect, test } from 'vitest';
import { assignmentBytes, subscriptionBytes } from '../sim/groups/classic/consumer-bytes.ts';
import { type Service, startService } from './service.ts';
import { key, type Wire } from './wire.ts';

let service: Service;
let wire: Wire;
beforeAll(async () => {
  service = await startService();
  wire = await service.connect();
  await service.engine.createTopic({ topic: 'orders', partitions: 2 });
});

const joining = (groupId: string, memberId: string, options: object = {}) => ({
  ...{ groupId, memberId, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, protocolType: 'consumer' },
  protocols: [{ name: 'range', metadata: Buffer.from(subscriptionBytes(['orders'])) }],
  ...options,
});

async function newMember(groupId: string): Promise<string> {
  const { errorCode, memberId } = await wire.ask(key.joinGroup, 9, joining(groupId, ''));
  expect(errorCode).toBe(79);
  expect(memberId).toMatch(/^test-[\w-]{22}$/);
  return memberId;
}

/** Joins alone, and takes both partitions, or those that are given. */
async function enter(groupId: string, partitions = [0, 1]) {
  const memberId = await newMember(groupId);
  const joined = await wire.ask(key.joinGroup, 9, joining(groupId, memberId));
  expect(joined).toMatchObject({ errorCode: 0, leader: memberId, protocolName: 'range', members: [{ memberId }] });
  const { generationId } = joined;
  const assignment = Buffer.from(assignmentBytes([{ topic: 'orders', partitions }]));
  const sync = { groupId, generationId, memberId, protocolType: 'consumer', protocolName: 'range' };
  const synced = await wire.ask(key.syncGroup, 5, { ...sync, assignments: [{ memberId, assignment }] });
  expect(synced).toMatchObject({ errorCode: 0 });
  expect(Buffer.compare(synced.assignment, assignment)).toBe(0);
  return { groupId, memberId, generationId };
}

type Entered = Awaited<ReturnType<typeof enter>>;

async function commit({ groupId, memberId, generationId }: Entered, committedOffset: number): Promise<number> {
  const partitions = [{ partitionIndex: 1, committedOffset, committedMetadata: 'note' }];
  const member = { memberId, generationIdOrMemberEpoch: generationId };
  const reply = await wire.ask(key.offsetCommit, 8, { groupId, ...member, topics: [{ name: 'orders', partitions }] });
  return reply.topics[0].partitions[0].errorCode;
}

const committed = async (groupId: string) => {
  const reply = await wire.ask(key.offsetFetch, 7, { groupId, topics: null, requireStable: true });
  return reply.topics.flatMap((topic: { partitions: { committedOffset: number }[] }) =>
    topic.partitions.map((each) => each.committedOffset),
  );
};

const beat = async ({ groupId, memberId, generationId }: Entered) =>
  (await wire.ask(key.heartbeat, 4, { groupId, memberId, generationId })).errorCode;

const http = (groupId: string) => ({
  groupId,
  memberId: 'h',
  memberEpoch: 0,
  heartbeatSeq: 1,
  subscribedTopicNames: ['orders'],
});

describe('a member', () => {
  test('joins, commits, and leaves', async () => {
    const member = await enter('a/b: c');
    expect(await beat(member)).toBe(0);
    expect(await beat({ ...member, generationId: member.generationId + 1 })).toBe(22);
    expect(await commit(member, 7)).toBe(0);
    expect(await commit(member, 7)).toBe(0);
    expect(await committed('a/b: c')).toEqual([7]);
    const { groupId, memberId } = member;
    const left = await wire.ask(key.leaveGroup, 5, { groupId, members: [{ memberId }, { memberId: 'unknown' }] });
    expect(left.members).toMatchObject([{ errorCode: 0 }, { errorCode: 25 }]);
    expect(await beat(member)).toBe(25);
    expect((await wire.ask(key.joinGroup, 9, joining(groupId, memberId))).errorCode).toBe(25);
  });

  test('makes the others join again when it joins', async () => {
    const first = await enter('two');
    const other = await service.connect();
    const memberId = await newMember('two');
    const joined = other.ask(key.joinGroup, 9, joining('two', memberId));
    await expect.poll(() => beat(first)).toBe(27);
    expect(await commit(first, 3)).toBe(0);
    const again = await wire.ask(key.joinGroup, 9, joining('two', first.memberId));
    expect(again).toMatchObject({ errorCode: 0, leader: first.memberId });
    expect(again.members).toHaveLength(2);
    const { generationId } = again;
    expect(await joined).toMatchObject({ errorCode: 0, generationId, leader: first.memberId, members: [] });
    const assignments = [
      { memberId, assignment: Buffer.from(assignmentBytes([{ topic: 'orders', partitions: [1] }])) },
    ];
    const sync = { groupId: 'two', generationId, protocolType: null, protocolName: null };
    const waiting = other.ask(key.syncGroup, 5, { ...sync, memberId, assignments: [] });
    await wire.ask(key.syncGroup, 5, { ...sync, memberId: first.memberId, assignments });
    expect(await waiting).toMatchObject({ errorCode: 0 });
    expect(await commit(first, 4)).toBe(22);
    expect(await commit({ groupId: 'two', memberId, generationId }, 5)).toBe(0);
    expect(await committed('two')).toEqual([5]);
  });

  test('commits what it has let go of, while another one joins again', async () => {
    const member = await enter('let go', []);
    const other = await service.connect();
    const joined = other.ask(key.joinGroup, 9, joining('let go', await newMember('let go')));
    await expect.poll(() => beat(member)).toBe(27);
    expect(await commit(member, 3)).toBe(0);
    expect(await committed('let go')).toEqual([3]);
    expect(await commit({ ...member, generationId: member.generationId - 1 }, 4)).toBe(22);
    await wire.ask(key.joinGroup, 9, joining('let go', member.memberId));
    const { generationId } = await joined;
    expect(generationId).toBeGreaterThan(member.generationId);
    expect(await commit(member, 5)).toBe(22);
    expect(await commit({ ...member, generationId }, 6)).toBe(27);
  });

  test.each([
    ['a session that is too short', { sessionTimeoutMs: 10 }, 26],
    ['no protocol', { protocols: [] }, 23],
    ['no group id', { groupId: '' }, 24],
    ['an id that nobody made', { memberId: 'x' }, 25],
  ])('is refused: %s', async (_, options, errorCode) => {
    const memberId = await newMember('refused');
    expect((await wire.ask(key.joinGroup, 9, joining('refused', memberId, options))).errorCode).toBe(errorCode);
  });
});

describe('a static member', () => {
  const instance = { groupInstanceId: 'one' };
  const assignment = Buffer.from(assignmentBytes([{ topic: 'orders', partitions: [0, 1] }]));
  const joinStatic = (groupId: string, version = 9, options: object = {}) =>
    wire.ask(key.joinGroup, version, joining(groupId, '', { ...instance, ...options }));
  const syncStatic = (groupId: string, { memberId, generationId }: Entered, assignments: object[] = []) =>
    wire.ask(key.syncGroup, 5, { groupId, memberId, generationId, ...instance, assignments });
  const enterStatic = async (groupId: string) => {
    const joined = await joinStatic(groupId);
    expect(joined).toMatchObject({ errorCode: 0, skipAssignment: false, members: [{ groupInstanceId: 'one' }] });
    const { memberId, generationId } = joined;
    const entered = { groupId, memberId, generationId };
    expect(await syncStatic(groupId, entered, [{ memberId, assignment }])).toMatchObject({ errorCode: 0 });
    return entered;
  };

  test('takes the place of the last one without a round, and that one is fenced', async () => {
    const first = await enterStatic('restarted');
    const again = await joinStatic('restarted');
    const { generationId, memberId } = again;
    expect(again).toMatchObject({ errorCode: 0, skipAssignment: true, leader: memberId, members: [{ memberId }] });
    expect(generationId).toBe(first.generationId);
    expect(memberId).not.toBe(first.memberId);
    const second = { groupId: 'restarted', memberId, generationId };
    const synced = await syncStatic('restarted', second);
    expect(Buffer.compare(synced.assignment, assignment)).toBe(0);
    expect(await commit(second, 4)).toBe(0);
    expect(await commit(first, 9)).toBe(82);
    expect(await beat(first)).toBe(82);
    expect((await syncStatic('restarted', first)).errorCode).toBe(82);
    expect((await wire.ask(key.joinGroup, 9, joining('restarted', first.memberId, instance))).errorCode).toBe(82);
    expect(await beat(second)).toBe(0);
    expect(await committed('restarted')).toEqual([4]);
    const { groups } = await wire.ask(key.describeGroups, 5, { groups: ['restarted'] });
    expect(groups[0].members).toMatchObject([{ memberId, groupInstanceId: 'one' }]);
  });

  test('that is fenced cannot commit in a transaction, nor can one in the name of an instance that is not its own', async () => {
    const groupId = 'in a transaction';
    const first = await enterStatic(groupId);
    const { memberId, generationId } = await joinStatic(groupId);
    await syncStatic(groupId, { groupId, memberId, generationId });
    const asked = { transactionalId: 'static', transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 };
    const { producerId, producerEpoch } = await wire.ask(key.initProducerId, 4, asked);
    const ref = { transactionalId: 'static', producerId, producerEpoch, groupId };
    await wire.ask(key.addOffsetsToTxn, 3, ref);
    const stage = async (member: object) => {
      const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: '' }];
      const message = { ...ref, generationId, ...instance, ...member, topics: [{ name: 'orders', partitions }] };
      return (await wire.ask(key.txnOffsetCommit, 3, message)).topics[0].partitions[0].errorCode;
    };
    expect(await stage({ memberId: first.memberId })).toBe(82);
    expect(await stage({ memberId: 'gone-long-ago' })).toBe(82);
    expect(await stage({ memberId: 'gone-long-ago', groupInstanceId: null })).toBe(25);
    expect(await stage({ memberId })).toBe(0);
  });

  test('is told of no leader by a version that cannot tell it to keep the assignment', async () => {
    const first = await enterStatic('old client');
    expect(await joinStatic('old client', 8)).toMatchObject({
      ...{ errorCode: 0, leader: '', members: [], generationId: first.generationId },
    });
  });

  test('begins a round if its subscription has changed', async () => {
    const first = await enterStatic('changed');
    const protocols = [{ name: 'range', metadata: Buffer.from(subscriptionBytes(['other'])) }];
    const again = await joinStatic('changed', 9, { protocols });
    expect(again).toMatchObject({ errorCode: 0, skipAssignment: false, leader: again.memberId });
    expect(again.generationId).toBeGreaterThan(first.generationId);
    expect(again.members).toHaveLength(1);
    expect(await beat(first)).toBe(82);
  });

  test('leaves by its instance id', async () => {
    const groupId = 'left by instance';
    const { memberId } = await enterStatic(groupId);
    const leave = (...members: object[]) => wire.ask(key.leaveGroup, 5, { groupId, members });
    const left = await leave(
      { memberId: '', groupInstanceId: 'nobody' },
      { memberId: 'wrong', ...instance },
      { memberId: '', ...instance },
    );
    expect(left.members).toMatchObject([
      { errorCode: 25 },
      { errorCode: 82 },
      { errorCode: 0, groupInstanceId: 'one' },
    ]);
    expect((await wire.ask(key.describeGroups, 5, { groups: [groupId] })).groups[0].groupState).toBe('Empty');
    expect((await wire.ask(key.joinGroup, 9, joining(groupId, memberId, instance))).errorCode).toBe(25);
    await enterStatic(groupId);
  });
});

describe('a group', () => {
  test('of either protocol refuses members of the other', async () => {
    const { groups } = service.engine;
    const member = await enter('mixed');
    await expect(groups.heartbeat(http('mixed'))).rejects.toMatchObject({ errorCode: 'GROUP_ID_NOT_FOUND' });
    await wire.ask(key.leaveGroup, 0, member);
    expect(await groups.heartbeat({ ...http('mixed'), heartbeatSeq: 3 })).toMatchObject({ memberId: 'h' });
    const reply = await wire.ask(key.joinGroup, 9, joining('mixed', await newMember('mixed')));
    expect(reply.errorCode).toBe(23);
    await groups.heartbeat({ groupId: 'mixed', memberId: 'h', memberEpoch: -1, heartbeatSeq: 4 });
    await enter('mixed');
  });

  test('is described, reset and deleted as others are', async () => {
    const { groups } = service.engine;
    const member = await enter('cared for');
    const { groupId, memberId } = member;
    expect(await commit(member, 1)).toBe(0);
    expect(await groups.describe(groupId)).toMatchObject({
      ...{ state: 'Stable', protocolType: 'consumer' },
      memberDetails: [{ memberId, assignment: [{ topic: 'orders', partitions: [0, 1] }] }],
    });
    const reset = { groupId, dryRun: false, topics: [{ topic: 'orders', target: { to: 'earliest' } as const }] };
    await expect(groups.resetOffsets(reset)).rejects.toMatchObject({ errorCode: 'NON_EMPTY_GROUP' });
    expect((await wire.ask(key.deleteGroups, 2, { groupsNames: [groupId] })).results).toMatchObject([
      { errorCode: 68 },
    ]);
    await wire.ask(key.leaveGroup, 0, member);
    await groups.resetOffsets(reset);
    expect(await commit(member, 9)).toBe(25);
    expect(await committed(groupId)).toEqual([0, 0]);
    const listed = await wire.ask(key.listGroups, 5, { statesFilter: ['Empty'], typesFilter: ['classic'] });
    expect(listed.groups).toContainEqual({
      ...{ groupId, protocolType: 'consumer', groupState: 'Empty', groupType: 'Classic' },
    });
    expect((await wire.ask(key.deleteGroups, 2, { groupsNames: [groupId] })).results).toMatchObject([{ errorCode: 0 }]);
    const { groups: described } = await wire.ask(key.describeGroups, 5, { groups: [groupId] });
    expect(described).toMatchObject([{ errorCode: 0, groupState: 'Dead' }]);
    await enter(groupId);
  });
});
