import { beforeEach, describe, expect, it, test } from 'vitest';
import { createEngine } from '../../lib/create-engine.ts';
import type { Engine } from '../../lib/engine.ts';
import type { ResetTarget } from '../../lib/groups.ts';
import type { Check, Table, Write } from '../../lib/storage/table.ts';
import { appendOne, batchOf, startMs } from '../log/world.ts';
import {
  commitOffset,
  committed,
  createMember,
  errorCodeOf,
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
const fill = async (partition: number, records: number) => {
  for (let i = 0; i < records; i++) {
    await appendOne(world.engine, partition, batchOf(['v'], { timestampMs: startMs + i * 1000 }));
  }
};

describe('reset', () => {
  const reset = async (target: ResetTarget, dryRun = false) => {
    const reply = await groups().resetOffsets({ groupId, dryRun, topics: [{ topic: 't', partitions: [0], target }] });
    return reply.topics[0]!.partitions[0]!;
  };

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
  ])('%j gives %i', async (target, offset) => {
    await fill(0, 5);
    await commit(0, 3);
    expect(await reset(target, true)).toEqual({ partition: 0, previousOffset: 3, offset });
    expect(await committed(world.engine, 0)).toBe(3);
    expect(await reset(target)).toEqual({ partition: 0, previousOffset: 3, offset });
    expect(await committed(world.engine, 0)).toBe(offset);
  });

  it('by a shift is refused where there is nothing to shift from, and goes to the end if it says "current"', async () => {
    await fill(0, 5);
    expect(await errorCodeOf(reset({ to: 'shift', by: -2 }))).toBe('INVALID_REQUEST');
    expect(await reset({ to: 'current' })).toEqual({ partition: 0, previousOffset: -1, offset: 5 });
  });

  it('is refused while the group has members', async () => {
    await createMember(world.engine, 'a').settle();
    expect(await errorCodeOf(reset({ to: 'earliest' }))).toBe('NON_EMPTY_GROUP');
  });

  it('is not undone by a member that thaws, and who joins afterwards begins there', async () => {
    await fill(0, 5);
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

  it('is refused for what a member subscribes to, and for nothing else', async () => {
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

describe('members that died, whom nobody has noticed yet', () => {
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
  ])('are in the way of no %s', async (_what, change) => {
    expect(await change()).not.toMatchObject({ topics: [{ partitions: [{ error: expect.anything() }] }] });
    expect(await committed(world.engine, 0)).not.toBe(3);
  });

  it('are not told to people', async () => {
    expect(await groups().list({})).toMatchObject({ groups: [{ state: 'Empty', members: 0 }] });
    expect(await groups().describe(groupId)).toMatchObject({ state: 'Empty', members: 0, memberDetails: [] });
  });
});

describe('a group', () => {
  it('is deleted with its offsets, and one of the same name begins anew', async () => {
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
    await fill(0, 5);
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
  });

  it('tells its lag while every consumer is dead', async () => {
    await fill(1, 3);
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

it('takes nothing of a deleted group from copies of writes that come late', async () => {
  const { table, objects, clock } = world;
  const late: (() => Promise<unknown>)[] = [];
  const isOfOffsets = (one: Write | Check) => one.kind === 'update' && one.key.pk === `group/${groupId}/o`;
  const write: Table['write'] = (one) => {
    if (isOfOffsets(one)) late.push(() => table.write(one));
    return table.write(one);
  };
  const transact: Table['transact'] = (actions, token) => {
    // Its token is forgotten by then.
    if (actions.some(isOfOffsets)) late.push(() => table.transact(actions, `late-${late.length}`));
    return table.transact(actions, token);
  };
  const recorded = createEngine({ objects, clock, table: { ...table, write, transact } }).groups;
  const topics = [{ topic: 't', partitions: [{ partition: 0, offset: 3 }] }];
  await fill(1, 3);
  await recorded.commitOffsets({ groupId, topics });
  await recorded.resetOffsets({
    groupId,
    dryRun: false,
    topics: [{ topic: 't', partitions: [1], target: { to: 'latest' } }],
  });
  // A commit that makes an item, a reset of another partition in it.
  expect(late).toHaveLength(2);
  await recorded.delete(groupId);
  const wakeUp = async () => {
    for (const copy of late) await copy();
    return [await committed(world.engine, 0), await committed(world.engine, 1)];
  };
  expect(await wakeUp()).toEqual([-1, -1]);
  await commit(1, 2);
  expect(await wakeUp()).toEqual([-1, 2]);
  await groups().delete(groupId);
  world.clock.advance(8 * 86_400_000);
  // As DynamoDB does, in its own time: the head first.
  await table.write({ kind: 'delete', key: { pk: `group/${groupId}`, sk: 'h' } });
  const a = createMember(world.engine, 'a');
  await a.settle();
  expect(a.owned).toEqual(['t-0', 't-1']);
});

it('is not kept from a partition by what came late for a deleted group, once its head is gone too', async () => {
  const { table, objects, clock } = world;
  const late: Write[] = [];
  const write: Table['write'] = async (one) => {
    const claims = one.kind === 'update' && one.key.pk === `group/${groupId}/o`;
    if (claims) late.push(one);
    return claims ? { applied: false, old: undefined } : table.write(one);
  };
  const recorded = createEngine({ objects, clock, table: { ...table, write } });
  await world.engine.createTopic({ topic: 'u' });
  for (const id of ['x', 'y', 'z']) {
    const before = createMember(world.engine, id, { topics: ['u'] });
    await before.settle();
    await before.leave();
  }
  const a = createMember(recorded, 'a');
  for (let beats = 0; beats < 3; beats++) await a.beat();
  await a.leave();
  await groups().delete(groupId);
  // It asks for an item that is not there, and that is so again.
  for (const one of late) await table.write(one);
  world.clock.advance(8 * 86_400_000);
  await table.write({ kind: 'delete', key: { pk: `group/${groupId}`, sk: 'h' } });
  const b = createMember(world.engine, 'b');
  await b.settle();
  expect(b.owned).toEqual(['t-0', 't-1']);
});

describe('somebody who freezes before it looks at what there is', () => {
  /** `meanwhile` happens before the table is first asked for offsets. */
  const frozen = (meanwhile: () => Promise<unknown>) => {
    let isAwake = false;
    const { table, objects, clock } = world;
    const query: Table['query'] = async (request) => {
      if (request.pk === `group/${groupId}/o` && !isAwake) {
        isAwake = true;
        await meanwhile();
      }
      return table.query(request);
    };
    return createEngine({ objects, clock, table: { ...table, query } });
  };

  it('and was to make the group takes no offset of what another has made', async () => {
    const topics = [{ topic: 't', partitions: [{ partition: 0, offset: 3 }] }];
    await frozen(() => commit(1, 4)).groups.commitOffsets({ groupId, topics });
    expect([await committed(world.engine, 0), await committed(world.engine, 1)]).toEqual([3, 4]);
  });

  it('and deletes takes no offset of the group that was made anew', async () => {
    await commit(0, 3);
    await frozen(() => commit(1, 4)).groups.delete(groupId);
    expect([await committed(world.engine, 0), await committed(world.engine, 1)]).toEqual([-1, 4]);
    expect((await groups().list({})).groups).toHaveLength(1);
  });

  it('and deletes leaves its static members their instance ids', async () => {
    const join = (id: string) => createMember(world.engine, id, { instanceId: 'i' }).beat();
    await commit(0, 3);
    await frozen(() => join('a')).groups.delete(groupId);
    expect(await errorCodeOf(join('b'))).toBe('UNRELEASED_INSTANCE_ID');
  });
});

test('the list goes on behind many groups whose deletion died half-way', async () => {
  const dead = Array.from({ length: 120 }, (_, i) => `dead-${100 + i}`);
  for (const id of [...dead, 'living']) await commit(0, 0, id);
  for (const id of dead) {
    const update = { set: [['de', 1]], add: [['ge', 1]] } as const;
    await world.table.write({ kind: 'update', key: { pk: `group/${id}`, sk: 'h' }, update });
  }
  expect(await groups().list({})).toMatchObject({ groups: [{ groupId: 'living' }], more: false });
});

it('is reset though its joiner died between the look at its members and its deletion', async () => {
  await commit(0, 3);
  const { table, objects, clock } = world;
  const isOfHead = (one: Write) => one.kind === 'update' && one.key.sk === 'h';
  const dying = createEngine({
    ...{ objects, clock },
    table: { ...table, write: async (one) => (isOfHead(one) ? Promise.reject(new Error('died')) : table.write(one)) },
  });
  const deleting = createEngine({
    ...{ objects, clock },
    table: {
      ...table,
      async write(one) {
        if (isOfHead(one)) await expect(createMember(dying, 'a').beat()).rejects.toThrow('died');
        return table.write(one);
      },
    },
  });
  await deleting.groups.delete(groupId);
  const reset = () =>
    groups().resetOffsets({ groupId, dryRun: false, topics: [{ topic: 't', target: { to: 'earliest' } }] });
  expect(await errorCodeOf(reset())).toBe('NON_EMPTY_GROUP');
  clock.advance(60_000);
  expect(await errorCodeOf(reset())).toBeUndefined();
});

describe('time', () => {
  const day = 86_400_000;
  const expire = async ({ groups }: Engine = world.engine) => {
    const total = { offsets: 0, groups: 0 };
    for (const id of await groups.inTurn()) {
      const { offsets, isGone } = await groups.expire({ groupId: id, retentionMs: 7 * day });
      total.offsets += offsets;
      total.groups += isGone ? 1 : 0;
    }
    return total;
  };

  it('takes offsets that are old, and then the group', async () => {
    await commit(0, 3);
    world.clock.advance(6 * day);
    await commit(1, 4);
    expect(await expire()).toEqual({ offsets: 0, groups: 0 });
    world.clock.advance(2 * day);
    expect(await expire()).toEqual({ offsets: 1, groups: 0 });
    expect([await committed(world.engine, 0), await committed(world.engine, 1)]).toEqual([-1, 4]);
    world.clock.advance(6 * day);
    expect(await expire()).toEqual({ offsets: 1, groups: 1 });
    expect((await groups().list({})).groups).toEqual([]);
  });

  it('takes those of a group that was made anew, or reset, no later', async () => {
    await commit(0, 3);
    await groups().delete(groupId);
    await fill(0, 5);
    await commit(0, 4);
    await groups().resetOffsets({ groupId, dryRun: false, topics: [{ topic: 't', target: { to: 'earliest' } }] });
    world.clock.advance(7 * day + 1);
    expect(await expire()).toEqual({ offsets: 2, groups: 1 });
  });

  it('runs from when the last member left', async () => {
    const a = createMember(world.engine, 'a');
    await a.settle();
    await a.commit(0, 3);
    for (let days = 0; days < 20; days++) {
      world.clock.advance(day / 3_000);
      await a.beat();
    }
    world.clock.advance(8 * day);
    expect(await expire()).toEqual({ offsets: 0, groups: 0 });
    expect(await committed(world.engine, 0)).toBe(3);
    world.clock.advance(8 * day);
    expect(await expire()).toEqual({ offsets: 1, groups: 1 });
  });

  it('takes the tombstones of members, however many', async () => {
    const a = createMember(world.engine, 'a');
    await a.settle();
    const tombstone = { pk: `group/${groupId}`, v: 1, st: 'r', r: 1, sq: 1, me: 1, ttl: startMs / 1000 - 1 };
    for (let i = 0; i < 2_500; i++) await world.table.write({ kind: 'put', item: { ...tombstone, sk: `m/gone-${i}` } });
    await a.beat();
    await expire();
    const { items } = await world.table.query({ pk: `group/${groupId}`, from: 'm/', through: 'm/~' });
    expect(items.map(({ sk }) => sk)).toEqual(['m/a']);
  });

  it('passes over a group that is being changed, and comes to the others', async () => {
    await createMember(world.engine, 'a').settle();
    await commit(0, 3, 'other');
    world.clock.advance(8 * day);
    const { table, objects, clock } = world;
    const write: typeof table.write = async (one) => {
      const installs = one.kind === 'update' && one.key.pk === `group/${groupId}` && one.update.set?.[0]?.[0] === 'ae';
      return installs ? { applied: false, old: undefined } : table.write(one);
    };
    const busy = createEngine({ objects, clock, table: { ...table, write } });
    expect(await expire(busy)).toEqual({ offsets: 1, groups: 1 });
  });

  it('keeps the commit of somebody who is no member, whenever it comes', async () => {
    for (let step = 1; step <= 12; step++) {
      const group = `step-${step}`;
      await commit(0, 3, group);
      world.clock.advance(8 * day);
      const { table, objects, clock } = world;
      let steps = 0;
      const stepBefore = async <T>(key: string, ask: () => Promise<T>): Promise<T> => {
        if (key.startsWith(`group/${group}`) && ++steps === step) await commit(1, 4, group);
        return ask();
      };
      const expiring = createEngine({
        ...{ objects, clock },
        table: {
          get: (key, options) => stepBefore(key.pk, () => table.get(key, options)),
          query: (query) => stepBefore(query.pk, () => table.query(query)),
          write: (one) => stepBefore(one.kind === 'put' ? one.item.pk : one.key.pk, () => table.write(one)),
          transact: (...all) => table.transact(...all),
        },
      });
      await expire(expiring);
      expect(steps, 'there is such a step').toBeGreaterThanOrEqual(step);
      const topics = [{ topic: 't', partitions: [1] }];
      const kept = await groups().fetchOffsets({ groupId: group, topics });
      expect(kept.topics[0]!.partitions, `step ${step}`).toMatchObject([{ partition: 1, offset: 4 }]);
      expect((await groups().list({})).groups, `step ${step}`).toContainEqual(
        expect.objectContaining({ groupId: group }),
      );
    }
  });

  it('closes members that nobody watches', async () => {
    await createMember(world.engine, 'a').settle();
    world.clock.advance(day);
    await expire();
    expect((await groups().describe(groupId)).state).toBe('Empty');
  });

  it('takes targets that somebody left behind', async () => {
    const a = createMember(world.engine, 'a');
    await a.settle();
    const targets = async () => (await world.table.query({ pk: `group/${groupId}/t`, strong: true })).items;
    const [installed] = await targets();
    await world.table.write({ kind: 'put', item: { ...installed!, sk: '0000000000000001/left' } });
    await expire();
    expect(await targets()).toEqual([installed]);
  });

  it('takes offsets of topics that were deleted', async () => {
    await commit(0, 3);
    await world.engine.deleteTopic('t');
    await expire();
    await world.engine.createTopic({ topic: 't', partitions: 2 });
    expect(await committed(world.engine, 0)).toBe(-1);
    expect(await groups().lag(groupId)).toEqual([]);
  });
});
