// The races of deleting a group, one by one: with delayed duplicates, with a process that freezes, and with a process
// that re-creates the group.
import { beforeEach, describe, expect, it, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import type { Check, Table, Write } from '../../lib/storage/table.ts';
import {
  commitOffset,
  committed,
  createMember,
  errorCodeOf,
  fill,
  type GroupWorld,
  groupId,
  worldOfTopic,
} from './world.ts';

let world: GroupWorld;
beforeEach(async () => {
  world = await worldOfTopic(2);
});
const groups = () => world.engine.groups;
const commit = (partition: number, offset: number, group?: string) => commitOffset(world, partition, offset, group);

it('a group takes nothing of a deleted group from delayed duplicates of writes', async () => {
  const { table, objects, clock } = world;
  const late: (() => Promise<unknown>)[] = [];
  const isOfOffsets = (one: Write | Check) => one.kind === 'update' && one.key.pk === `group/${groupId}/o`;
  const write: Table['write'] = (one) => {
    if (isOfOffsets(one)) late.push(() => table.write(one));
    return table.write(one);
  };
  const transact: Table['transact'] = (actions, token) => {
    // The table has forgotten its token by then.
    if (actions.some(isOfOffsets)) late.push(() => table.transact(actions, `late-${late.length}`));
    return table.transact(actions, token);
  };
  const recorded = createEngine({ objects, clock, table: { ...table, write, transact } }).groups;
  const topics = [{ topic: 't', partitions: [{ partition: 0, offset: 3 }] }];
  await fill(world, 1, 3);
  await recorded.commitOffsets({ groupId, topics });
  await recorded.resetOffsets({
    groupId,
    dryRun: false,
    topics: [{ topic: 't', partitions: [1], target: { to: 'latest' } }],
  });
  // These are a commit that makes an item, and a reset of another partition in it.
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
  // DynamoDB removes items in its own time. Here it removes the head first.
  await table.write({ kind: 'delete', key: { pk: `group/${groupId}`, sk: 'h' } });
  const a = createMember(world.engine, 'a');
  await a.settle();
  expect(a.owned).toEqual(['t-0', 't-1']);
});

it('a group claims its partitions in spite of delayed claims for a deleted group whose head is gone too', async () => {
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
  // Each claim requires that there is no item, which is so again.
  for (const one of late) await table.write(one);
  world.clock.advance(8 * 86_400_000);
  await table.write({ kind: 'delete', key: { pk: `group/${groupId}`, sk: 'h' } });
  const b = createMember(world.engine, 'b');
  await b.settle();
  expect(b.owned).toEqual(['t-0', 't-1']);
});

describe('a process that freezes before it reads the offsets', () => {
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

  it('and then creates the group takes no offset of the group that another has created', async () => {
    const topics = [{ topic: 't', partitions: [{ partition: 0, offset: 3 }] }];
    await frozen(() => commit(1, 4)).groups.commitOffsets({ groupId, topics });
    expect([await committed(world.engine, 0), await committed(world.engine, 1)]).toEqual([3, 4]);
  });

  it('and then deletes takes no offset of the re-created group', async () => {
    await commit(0, 3);
    await frozen(() => commit(1, 4)).groups.delete(groupId);
    expect([await committed(world.engine, 0), await committed(world.engine, 1)]).toEqual([-1, 4]);
    expect((await groups().list({})).groups).toHaveLength(1);
  });

  it('and then deletes leaves the static members of the re-created group their instance ids', async () => {
    const join = (id: string) => createMember(world.engine, id, { instanceId: 'i' }).beat();
    await commit(0, 3);
    await frozen(() => join('a')).groups.delete(groupId);
    expect(await errorCodeOf(join('b'))).toBe('UNRELEASED_INSTANCE_ID');
  });
});

test('the list goes on behind many groups whose deletion died midway', async () => {
  const dead = Array.from({ length: 120 }, (_, i) => `dead-${100 + i}`);
  for (const id of [...dead, 'living']) await commit(0, 0, id);
  for (const id of dead) {
    const update = { set: [['de', 1]], add: [['ge', 1]] } as const;
    await world.table.write({ kind: 'update', key: { pk: `group/${id}`, sk: 'h' }, update });
  }
  expect(await groups().list({})).toMatchObject({ groups: [{ groupId: 'living' }], more: false });
});

it('a group can be reset after a member has joined and died while the group was being deleted', async () => {
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
