import { beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../lib/api/engine.ts';
import { createEngine } from '../../lib/engine.ts';
import { startMs } from '../log/world.ts';
import { commitOffset, committed, createMember, fill, type GroupWorld, groupId, worldOfTopic } from './world.ts';

let world: GroupWorld;
beforeEach(async () => {
  world = await worldOfTopic(2);
});
const groups = () => world.engine.groups;
const commit = (partition: number, offset: number, group?: string) => commitOffset(world, partition, offset, group);

describe('the expiry of groups', () => {
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

  it('removes offsets that are old, and then the group', async () => {
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

  it('removes the offsets of a re-created or reset group no later', async () => {
    await commit(0, 3);
    await groups().delete(groupId);
    await fill(world, 0, 5);
    await commit(0, 4);
    await groups().resetOffsets({ groupId, dryRun: false, topics: [{ topic: 't', target: { to: 'earliest' } }] });
    world.clock.advance(7 * day + 1);
    expect(await expire()).toEqual({ offsets: 2, groups: 1 });
  });

  it('counts from when the last member left', async () => {
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

  it('removes the tombstones of members, however many there are', async () => {
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

  it('keeps a commit without membership, whenever it comes', async () => {
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
          getMany: table.getMany,
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

  it('closes members that no other member watches', async () => {
    await createMember(world.engine, 'a').settle();
    world.clock.advance(day);
    await expire();
    expect((await groups().describe(groupId)).state).toBe('Empty');
  });

  it('removes targets that a crash left behind', async () => {
    const a = createMember(world.engine, 'a');
    await a.settle();
    const targets = async () => (await world.table.query({ pk: `group/${groupId}/t`, strong: true })).items;
    const [installed] = await targets();
    await world.table.write({ kind: 'put', item: { ...installed!, sk: '0000000000000001/left' } });
    await expire();
    expect(await targets()).toEqual([installed]);
  });

  it('removes offsets of topics that were deleted', async () => {
    await commit(0, 3);
    await world.engine.deleteTopic('t');
    await expire();
    await world.engine.createTopic({ topic: 't', partitions: 2 });
    expect(await committed(world.engine, 0)).toBe(-1);
    expect(await groups().lag(groupId)).toEqual([]);
  });
});
