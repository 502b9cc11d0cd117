import { beforeEach, describe, expect, it } from 'vitest';
import type { CommitOffsetsRequest } from '../../../lib/api/groups.ts';
import type { Write } from '../../../lib/storage/table.ts';
import {
  commitOffset,
  committed,
  createGroupWorld,
  createMember,
  errorCodeOf,
  type GroupWorld,
  groupId,
  settleAll,
  worldOfTopic,
} from '../world.ts';

let world: GroupWorld;
beforeEach(async () => {
  world = await worldOfTopic(40);
});
const member = (id: string, options?: Parameters<typeof createMember>[2]) => createMember(world.engine, id, options);
const commit = (request: Omit<CommitOffsetsRequest, 'groupId'>) =>
  world.engine.groups.commitOffsets({ groupId, ...request });
const codes = async (reply: ReturnType<typeof commit>) =>
  (await reply).topics.flatMap(({ partitions }) =>
    partitions.map((each) => ('error' in each ? each.error.errorCode : undefined)),
  );

describe('a member', () => {
  it('commits what it owns, with a note', async () => {
    const a = member('a');
    await a.settle();
    const reply = await commit({
      memberId: 'a',
      memberEpoch: a.epoch,
      commitSeq: 1,
      topics: [{ topic: 't', partitions: [{ partition: 3, offset: 42, leaderEpoch: 5, metadata: 'note' }] }],
    });
    expect(reply.topics).toEqual([{ topic: 't', topicId: expect.any(String), partitions: [{ partition: 3 }] }]);
    const { topics } = await world.engine.groups.fetchOffsets({ groupId });
    expect(topics[0]!.partitions).toEqual([
      { partition: 3, offset: 42, leaderEpoch: 5, metadata: 'note', committedMs: world.clock.now() },
    ]);
  });

  it('commits as many partitions as a commit may have in one step', async () => {
    const steps: number[] = [];
    world = createGroupWorld((table) => ({
      ...table,
      transact(actions, token) {
        steps.push(actions.length);
        return table.transact(actions, token);
      },
    }));
    await world.engine.createTopic({ topic: 't', partitions: 1_600 });
    const a = member('a');
    await a.settle();
    steps.length = 0;
    const partitions = Array.from({ length: 1_600 }, (_, partition) => ({ partition, offset: partition + 1 }));
    const reply = commit({ memberId: 'a', memberEpoch: a.epoch, commitSeq: 1, topics: [{ topic: 't', partitions }] });
    expect(new Set(await codes(reply))).toEqual(new Set([undefined]));
    expect(await committed(world.engine, 1_599)).toBe(1_600);
    expect(steps).toEqual([100]);
  });

  it('may commit a lower offset, but a delayed commit changes nothing', async () => {
    const a = member('a');
    await a.settle();
    await a.commit(0, 600, { commitSeq: 10 });
    expect(await a.commit(0, 500, { commitSeq: 9 })).toBeUndefined();
    expect(await committed(world.engine, 0)).toBe(600);
    expect(await a.commit(0, 500, { commitSeq: 11 })).toBeUndefined();
    expect(await committed(world.engine, 0)).toBe(500);
  });

  it('cannot commit what it has let go of, but its other partitions are committed', async () => {
    const [a, b] = [member('a'), member('b')];
    await settleAll(a, b);
    const [mine, others] = [a.owned, b.owned].map((owned) => Number(owned[0]!.split('-')[1]));
    const partitions = [mine!, others!].map((partition) => ({ partition, offset: 7 }));
    const reply = commit({ memberId: 'a', memberEpoch: a.epoch, commitSeq: 5, topics: [{ topic: 't', partitions }] });
    expect(await codes(reply)).toEqual([undefined, 'STALE_MEMBER_EPOCH']);
    expect([await committed(world.engine, mine!), await committed(world.engine, others!)]).toEqual([7, -1]);
  });

  it('commits what it has to let go of, until it has done so', async () => {
    const [a, b] = [member('a'), member('b')];
    await a.settle();
    await b.beat();
    const told = await a.send();
    const kept = new Set(told.assignment.flatMap(({ partitions }) => partitions));
    const revoked = Array.from({ length: 40 }, (_, p) => p).find((p) => !kept.has(p))!;
    expect(await a.commit(revoked, 9)).toBeUndefined();
    await settleAll(a, b);
    expect(b.owned).toContain(`t-${revoked}`);
    expect(await a.commit(revoked, 10)).toBe('STALE_MEMBER_EPOCH');
    expect(await committed(world.engine, revoked)).toBe(9);
  });

  it('that was closed cannot commit after another has claimed', async () => {
    const [a, b] = [member('a'), member('b')];
    await a.settle();
    world.clock.advance(60_000);
    await b.settle();
    expect(b.owned).toHaveLength(40);
    expect(await a.commit(0, 5)).toBe('UNKNOWN_MEMBER_ID');
    expect(await committed(world.engine, 0)).toBe(-1);
  });

  it('that commits with an epoch from before its claim is refused', async () => {
    const a = member('a');
    await a.settle();
    expect(await a.commit(0, 5, { memberEpoch: a.epoch - 1 })).toBe('STALE_MEMBER_EPOCH');
  });

  it('commits below the start and beyond the end of the log, as in Kafka', async () => {
    const a = member('a');
    await a.settle();
    expect(await a.commit(0, Number.MAX_SAFE_INTEGER)).toBeUndefined();
    expect(await a.commit(0, 0)).toBeUndefined();
  });
});

describe('a simple consumer', () => {
  it('commits to a group without members, and so creates it', async () => {
    expect(await codes(commitOffset(world, 1, 5))).toEqual([undefined]);
    expect(await committed(world.engine, 1)).toBe(5);
    expect((await world.engine.groups.list({})).groups).toEqual([{ groupId, state: 'Empty', members: 0 }]);
  });

  it('cannot commit to a group with members', async () => {
    await member('a').settle();
    expect(await errorCodeOf(commitOffset(world, 1, 5))).toBe('UNKNOWN_MEMBER_ID');
  });

  it('is not undone by a delayed duplicate of an earlier commit', async () => {
    const sent: Write[] = [];
    const recording = createGroupWorld((table) => ({
      ...table,
      write(write) {
        if (write.kind === 'update' && write.key.pk.endsWith('/o')) sent.push(write);
        return table.write(write);
      },
    }));
    await recording.engine.createTopic({ topic: 't' });
    // The first one makes the item, in a transaction with the head.
    for (const offset of [400, 500, 600])
      await recording.engine.groups.commitOffsets({
        groupId,
        topics: [{ topic: 't', partitions: [{ partition: 0, offset }] }],
      });
    expect(sent).toHaveLength(2);
    await recording.table.write(sent[0]!);
    expect(await committed(recording.engine, 0)).toBe(600);
  });

  it('is not undone by a member that has left and does not know it', async () => {
    const a = member('a');
    await a.settle();
    const { epoch } = a;
    await a.commit(1, 3);
    await a.send({ memberEpoch: -1 });
    await commitOffset(world, 1, 8);
    expect(await a.commit(1, 4, { memberEpoch: epoch })).toBe('UNKNOWN_MEMBER_ID');
    expect(await committed(world.engine, 1)).toBe(8);
  });
});

describe('a wrong commit is refused', () => {
  it('and creates no group', async () => {
    const topics = [{ topic: 'none', partitions: [{ partition: 0, offset: 1 }] }];
    expect(await codes(commit({ topics }))).toEqual(['UNKNOWN_TOPIC_OR_PARTITION']);
    expect(await world.engine.groups.list({})).toEqual({ groups: [], more: false });
  });

  it('partition by partition', async () => {
    const reply = commit({
      topics: [
        {
          topic: 't',
          partitions: [
            { partition: 40, offset: 1 },
            { partition: 0, offset: 1, metadata: 'x'.repeat(4097) },
            { partition: 1, offset: 1 },
          ],
        },
        { topic: 'nowhere', partitions: [{ partition: 0, offset: 1 }] },
      ],
    });
    expect(await codes(reply)).toEqual([
      'UNKNOWN_TOPIC_OR_PARTITION',
      'OFFSET_METADATA_TOO_LARGE',
      undefined,
      'UNKNOWN_TOPIC_OR_PARTITION',
    ]);
  });

  it('for a topic that was re-created', async () => {
    const { topicId } = await world.engine.describeTopic('t');
    await world.engine.deleteTopic('t');
    await world.engine.createTopic({ topic: 't' });
    expect(
      await codes(commit({ topics: [{ topic: 't', topicId, partitions: [{ partition: 0, offset: 1 }] }] })),
    ).toEqual(['INCONSISTENT_TOPIC_ID']);
  });

  it.each<[string, Omit<CommitOffsetsRequest, 'groupId'>]>([
    ['a negative offset', { topics: [{ topic: 't', partitions: [{ partition: 0, offset: -1 }] }] }],
    [
      'a partition twice',
      { topics: [{ topic: 't', partitions: [0, 0].map((partition) => ({ partition, offset: 1 })) }] },
    ],
    ['a topic twice', { topics: ['t', 't'].map((topic) => ({ topic, partitions: [{ partition: 0, offset: 1 }] })) }],
    ['a member without a number', { memberId: 'a', memberEpoch: 3, topics: [] }],
    [
      'too many',
      {
        topics: [
          { topic: 't', partitions: Array.from({ length: 1601 }, (_, partition) => ({ partition, offset: 1 })) },
        ],
      },
    ],
  ])('%s', async (_name, request) => {
    expect(await errorCodeOf(commit(request))).toBe('INVALID_REQUEST');
  });
});
