import { beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../lib/api/engine.ts';
import { createEngine } from '../../lib/engine.ts';
import { tendGroups } from '../../lib/maintenance/groups.ts';
import { retain } from '../../lib/maintenance/retain.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import { batchOf } from '../log/world.ts';
import { passOver, topicOf } from './pass.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
let engine: Engine;
let aheadMs: number;

beforeEach(async () => {
  aheadMs = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
  engine = createEngine({ objects: createMemoryObjectStore({ clock }), table: createMemoryTable(), clock });
  await engine.createTopic({ topic: 't', partitions: 2 });
});

const append = (partition: number, records: number) =>
  engine.append({ topic: 't', partitions: [{ partition, batches: batchOf(Array(records).fill('v')) }] });

const commit = (groupId: string, ...offsets: readonly [partition: number, offset: number][]) =>
  engine.groups.commitOffsets({
    groupId,
    topics: [{ topic: 't', partitions: offsets.map(([partition, offset]) => ({ partition, offset })) }],
  });

const join = (groupId: string) =>
  engine.groups.heartbeat({
    ...{ groupId, memberId: 'm', memberEpoch: 0, heartbeatSeq: 1 },
    subscribedTopicNames: ['t'],
  });

describe('the maintenance of groups', () => {
  it('reports nothing if there are no groups', async () => {
    expect(await tendGroups(engine.groups)).toEqual({
      ...{ groups: 0, expiredGroups: 0, expiredOffsets: 0, behind: [], lag: 0, timeLagMs: 0, lostRecords: 0 },
      expiringGroups: 0,
    });
  });

  it('reports which groups are behind, by how many records and since when, while no consumer reads', async () => {
    await append(0, 10);
    await append(1, 5);
    await commit('far', [0, 2], [1, 5]);
    await commit('near', [0, 10], [1, 4]);
    await commit('done', [0, 10], [1, 5]);
    aheadMs = 2 * hourMs;
    const report = await tendGroups(engine.groups);
    expect(report).toMatchObject({ groups: 3, lag: 8 });
    expect(report.behind.map(({ groupId, lag, partition }) => [groupId, lag, partition]).sort()).toEqual([
      ['far', 8, 0],
      ['near', 1, 1],
    ]);
    expect(report.timeLagMs).toBeGreaterThan(hourMs);
  });

  it('counts every group, however many pages they take', async () => {
    // A page of the table has 1,000 items.
    for (let i = 0; i < 1_030; i++) await commit(`g${i}`, [0, 0]);
    expect(await tendGroups(engine.groups)).toMatchObject({ groups: 1_030, behind: [] });
  });

  it('ends early when it must, and says so', async () => {
    for (const groupId of ['a', 'b', 'c']) await commit(groupId, [0, 0]);
    let asked = 0;
    const report = await tendGroups(engine.groups, { isOver: () => ++asked > 2 });
    expect(report).toMatchObject({ groups: 2, incomplete: 'no time was left after 2 of 3 groups' });
  });

  it('looks at as many groups as its time allows, and at all of them within a few hours', async () => {
    const groupIds = Array.from({ length: 60 }, (_, i) => `g${i}`);
    for (const groupId of groupIds) await commit(groupId, [0, 0]);
    const [expired, told] = [new Set<string>(), new Set<string>()];
    const watched = {
      ...engine.groups,
      expire: (request: { groupId: string; retentionMs: number }) => {
        expired.add(request.groupId);
        return engine.groups.expire(request);
      },
      lag: (groupId: string) => {
        told.add(groupId);
        return engine.groups.lag(groupId);
      },
    };
    // There is time for a tenth of them each hour.
    for (let hour = 0; hour < 20; hour++) {
      aheadMs = hour * hourMs;
      let asked = 0;
      const { groups } = await tendGroups(watched, { isOver: () => ++asked > 6 });
      expect(groups).toBe(6);
    }
    expect([expired.size, told.size]).toEqual([60, 60]);
  });

  it('forgets an offset seven days after its commit, and the group with it', async () => {
    await commit('old', [0, 1]);
    aheadMs = 6 * dayMs;
    expect(await tendGroups(engine.groups)).toMatchObject({ groups: 1, expiredOffsets: 0 });
    aheadMs = 8 * dayMs;
    expect(await tendGroups(engine.groups)).toMatchObject({ expiredOffsets: 1 });
    await tendGroups(engine.groups);
    expect((await engine.groups.list({})).groups).toEqual([]);
  });

  it('forgets it after another time if the deployment says so', async () => {
    await commit('old', [0, 1]);
    aheadMs = 3 * dayMs;
    expect(await tendGroups(engine.groups, { offsetsRetentionMinutes: 5 * 1_440 })).toMatchObject({
      expiredOffsets: 0,
    });
    expect(await tendGroups(engine.groups, { offsetsRetentionMinutes: 2_880 })).toMatchObject({ expiredOffsets: 1 });
  });

  it('closes a member that died, so that its group is empty and can be reset', async () => {
    await join('g');
    const reset = () =>
      engine.groups.resetOffsets({
        ...{ groupId: 'g', dryRun: false },
        topics: [{ topic: 't', target: { to: 'earliest' } }],
      });
    await expect(reset()).rejects.toMatchObject({ errorCode: 'NON_EMPTY_GROUP' });
    aheadMs = hourMs;
    await tendGroups(engine.groups);
    expect(await engine.groups.describe('g')).toMatchObject({ state: 'Empty', members: 0 });
    expect((await reset()).topics[0]!.partitions).toHaveLength(2);
  });

  it('warns of unread records a day before retention removes them, and counts what is lost', async () => {
    const table = createMemoryTable();
    const clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
    const objects = createMemoryObjectStore({ clock });
    engine = createEngine({ objects, table, clock });
    await engine.createTopic({ topic: 't', partitions: 2, config: { 'retention.ms': String(20 * dayMs) } });
    const batches = (values: number) => batchOf(Array(values).fill('v'), { timestampMs: clock.now() });
    await engine.append({ topic: 't', partitions: [{ partition: 0, batches: batches(5) }] });
    await commit('late', [0, 2]);
    await commit('done', [0, 5]);
    const looked = () => tendGroups(engine.groups, { offsetsRetentionMinutes: 100 * 1_440 });
    aheadMs = 18 * dayMs;
    await engine.append({ topic: 't', partitions: [{ partition: 0, batches: batches(1) }] });
    expect((await looked()).expiringGroups).toBe(0);
    aheadMs = 19 * dayMs + hourMs;
    const warned = await looked();
    // The group `done` has not read the record of the day before, which stays for nineteen days.
    expect(warned).toMatchObject({ expiringGroups: 1, lostRecords: 0 });
    const { expiring } = warned.behind.find(({ groupId }) => groupId === 'late')!;
    expect(expiring).toMatchObject({ topic: 't', partition: 0 });
    expect(expiring!.expiresInMs).toBeGreaterThan(22 * hourMs);
    expect(expiring!.expiresInMs).toBeLessThanOrEqual(23 * hourMs);

    aheadMs = 20 * dayMs + hourMs;
    await retain(passOver({ objects, table, clock }), await topicOf({ table, clock }), 0);
    const lost = await looked();
    expect(lost).toMatchObject({ expiringGroups: 0, lostRecords: 3 });
    expect(lost.behind.map(({ groupId, lag, lostRecords }) => [groupId, lag, lostRecords])).toContainEqual([
      'late',
      1,
      3,
    ]);
  });

  it.each([
    ['never removes', { 'retention.ms': '-1' }],
    ['removes by another policy', { 'cleanup.policy': 'compact' }],
  ])('does not warn of records that retention %s', async (_, config) => {
    await engine.alterTopic({ topic: 't', config });
    await append(0, 3);
    await commit('g', [0, 1]);
    aheadMs = 6.9 * dayMs;
    expect(await tendGroups(engine.groups)).toMatchObject({ expiringGroups: 0, lag: 2 });
    await engine.alterTopic({ topic: 't', config: { 'retention.ms': null, 'cleanup.policy': null } });
    aheadMs += 10_000;
    expect(await tendGroups(engine.groups)).toMatchObject({ expiringGroups: 1, lag: 2 });
  });
});
