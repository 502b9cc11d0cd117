import { beforeEach, describe, expect, it } from 'vitest';
import type { ResetTarget } from '../../lib/api/groups.ts';
import { appendOne, batchOf, startMs } from '../log/world.ts';
import {
  commitOffset,
  committed,
  createMember,
  errorCodeOf,
  fill,
  type GroupWorld,
  groupId,
  settleAll,
  worldOfTopic,
} from './world.ts';

let world: GroupWorld;
beforeEach(async () => {
  world = await worldOfTopic(2);
});
const groups = () => world.engine.groups;
const commit = (partition: number, offset: number, group?: string) => commitOffset(world, partition, offset, group);

describe('reset', () => {
  const reset = async (target: ResetTarget, dryRun = false) => {
    const reply = await groups().resetOffsets({ groupId, dryRun, topics: [{ topic: 't', partitions: [0], target }] });
    return reply.topics[0]!.partitions[0]!;
  };

  it('is bounded by its partitions', async () => {
    const names = Array.from({ length: 6 }, (_, i) => `wide-${i}`);
    for (const topic of names) await world.engine.createTopic({ topic });
    const partitions = Array.from({ length: 10_000 }, (_, partition) => partition);
    const topics = names.map((topic) => ({ topic, partitions, target: { to: 'latest' } as const }));
    await expect(groups().resetOffsets({ groupId, dryRun: true, topics })).rejects.toMatchObject({
      errorCode: 'INVALID_REQUEST',
      message: 'topics: 60000 partitions in one reset, above the limit of 50000 (groupPartitions)',
    });
  });

  it.each<[ResetTarget, number]>([
    [{ to: 'earliest' }, 0],
    [{ to: 'latest' }, 5],
    [{ to: 'current' }, 3],
    [{ to: 'offset', offset: 4 }, 4],
    [{ to: 'offset', offset: 99 }, 5],
    [{ to: 'shift', by: -2 }, 1],
    [{ to: 'shift', by: -9 }, 0],
    [{ to: 'datetime', timestampMs: startMs + 1_500 }, 2],
    [{ to: 'datetime', timestampMs: startMs + 99_000 }, 5],
  ])('to %j sets offset %i', async (target, offset) => {
    await fill(world, 0, 5);
    await commit(0, 3);
    expect(await reset(target, true)).toEqual({ partition: 0, previousOffset: 3, offset });
    expect(await committed(world.engine, 0)).toBe(3);
    expect(await reset(target)).toEqual({ partition: 0, previousOffset: 3, offset });
    expect(await committed(world.engine, 0)).toBe(offset);
  });

  it('by a shift is refused where nothing is committed, and a reset to "current" goes to the end', async () => {
    await fill(world, 0, 5);
    expect(await errorCodeOf(reset({ to: 'shift', by: -2 }))).toBe('INVALID_REQUEST');
    expect(await reset({ to: 'current' })).toEqual({ partition: 0, previousOffset: -1, offset: 5 });
  });

  it('is refused while the group has members', async () => {
    await createMember(world.engine, 'a').settle();
    expect(await errorCodeOf(reset({ to: 'earliest' }))).toBe('NON_EMPTY_GROUP');
  });

  it('is not undone by a member that thaws, and a member that joins afterwards begins there', async () => {
    await fill(world, 0, 5);
    const a = createMember(world.engine, 'a');
    await a.settle();
    const { epoch } = a;
    await a.commit(0, 3);
    await a.send({ memberEpoch: -1 });
    await reset({ to: 'earliest' });
    expect(await a.commit(0, 4, { memberEpoch: epoch })).toBe('UNKNOWN_MEMBER_ID');
    const b = createMember(world.engine, 'b');
    await b.settle();
    expect(b.owned).toEqual(['t-0', 't-1']);
    expect(await committed(world.engine, 0)).toBe(0);
  });
});

describe('delete', () => {
  it('removes offsets of an empty group', async () => {
    await commit(0, 3);
    await commit(1, 4);
    await groups().deleteOffsets({ groupId, topics: [{ topic: 't', partitions: [0] }] });
    expect([await committed(world.engine, 0), await committed(world.engine, 1)]).toEqual([-1, 4]);
    await groups().deleteOffsets({ groupId, topics: [{ topic: 't' }] });
    expect(await groups().fetchOffsets({ groupId })).toEqual({ topics: [] });
  });

  it('is refused for a topic that a member subscribes to, and for no other', async () => {
    await world.engine.createTopic({ topic: 'u' });
    await groups().commitOffsets({ groupId, topics: [{ topic: 'u', partitions: [{ partition: 0, offset: 3 }] }] });
    await createMember(world.engine, 'a').settle();
    const both = ['t', 'u'].map((topic) => ({ topic, partitions: [0] }));
    const reply = await groups().deleteOffsets({ groupId, topics: both });
    expect(reply.topics.map(({ partitions }) => partitions[0])).toEqual([
      { partition: 0, error: expect.objectContaining({ errorCode: 'GROUP_SUBSCRIBED_TO_TOPIC' }) },
      { partition: 0 },
    ]);
    expect(await committed(world.engine, 0, 'u')).toBe(-1);
  });
});

describe('members that died and that no process has closed yet', () => {
  const topics = [{ topic: 't', partitions: [0] }];
  beforeEach(async () => {
    const a = createMember(world.engine, 'a');
    await a.settle();
    await a.commit(0, 3);
    world.clock.advance(60_000);
  });

  it.each<[string, () => Promise<unknown>]>([
    [
      'reset',
      () => groups().resetOffsets({ groupId, dryRun: false, topics: [{ ...topics[0]!, target: { to: 'earliest' } }] }),
    ],
    ['deletion of offsets', () => groups().deleteOffsets({ groupId, topics })],
    ['deletion', () => groups().delete(groupId)],
    ['commit without membership', () => commit(0, 9)],
  ])('do not prevent a %s', async (_what, change) => {
    expect(await change()).not.toMatchObject({ topics: [{ partitions: [{ error: expect.anything() }] }] });
    expect(await committed(world.engine, 0)).not.toBe(3);
  });

  it('are not shown to people', async () => {
    expect(await groups().list({})).toMatchObject({ groups: [{ state: 'Empty', members: 0 }] });
    expect(await groups().describe(groupId)).toMatchObject({ state: 'Empty', members: 0, memberDetails: [] });
  });
});

describe('a group', () => {
  it('is deleted with its offsets, and a group of the same name begins without them', async () => {
    await commit(0, 3);
    const a = createMember(world.engine, 'a');
    await a.settle();
    expect(await errorCodeOf(groups().delete(groupId))).toBe('NON_EMPTY_GROUP');
    await a.leave();
    await groups().delete(groupId);
    expect(await errorCodeOf(groups().describe(groupId))).toBe('GROUP_ID_NOT_FOUND');
    expect(await errorCodeOf(groups().delete(groupId))).toBe('GROUP_ID_NOT_FOUND');
    expect((await groups().list({})).groups).toEqual([]);
    const b = createMember(world.engine, 'b');
    await b.settle();
    expect(b.owned).toEqual(['t-0', 't-1']);
    expect(b.epoch).toBeGreaterThan(3);
    expect(await committed(world.engine, 0)).toBe(-1);
  });

  it('is described with its members and its lag', async () => {
    await fill(world, 0, 5);
    const [a, b] = [
      createMember(world.engine, 'a', { clientId: 'app', host: '10.0.0.1' }),
      createMember(world.engine, 'b'),
    ];
    await settleAll(a, b);
    const reader = a.owned.includes('t-0') ? a : b;
    await reader.commit(0, 2);
    world.clock.advance(4_000);
    const group = await groups().describe(groupId);
    expect(group).toMatchObject({ groupId, state: 'Stable', members: 2, assignor: 'uniform' });
    expect(group.memberDetails.find(({ memberId }) => memberId === 'a')).toMatchObject({
      clientId: 'app',
      host: '10.0.0.1',
    });
    expect(group.partitionDetails).toEqual([
      expect.objectContaining({
        partition: 0,
        currentOffset: 2,
        logEndOffset: 5,
        lag: 3,
        lostRecords: 0,
        memberId: reader.memberId,
      }),
      expect.objectContaining({ partition: 1, currentOffset: -1, logEndOffset: 0, lag: -1 }),
    ]);
    expect(group.partitionDetails[0]!.timeLagMs).toBe(world.clock.now() - (startMs + 2_000));
    expect(group.partitionDetails.map(({ committedAgoMs }) => committedAgoMs)).toEqual([4_000, undefined]);
  });

  it('is behind by the age of the admission where records have no timestamp', async () => {
    await appendOne(world.engine, 0, batchOf(['timeless'], { timestampMs: -1 }));
    await commit(0, 0);
    world.clock.advance(3 * 3_600_000);
    expect(await groups().lag(groupId)).toEqual([expect.objectContaining({ lag: 1, timeLagMs: 2 * 3_600_000 })]);
  });

  it('reports its lag while every consumer is dead', async () => {
    await fill(world, 1, 3);
    await commit(1, 1);
    expect(await groups().lag(groupId)).toEqual([expect.objectContaining({ partition: 1, lag: 2 })]);
  });

  it('passes through the states that Kafka has', async () => {
    const [a, b] = [createMember(world.engine, 'a'), createMember(world.engine, 'b')];
    const state = async () => (await groups().describe(groupId)).state;
    await a.settle();
    expect(await state()).toBe('Stable');
    await b.beat();
    expect(await state()).toBe('Reconciling');
    await settleAll(a, b);
    expect(await state()).toBe('Stable');
    await a.leave();
    await b.leave();
    expect(await state()).toBe('Empty');
  });
});
