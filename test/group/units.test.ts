// Counts what groups ask of DynamoDB, in the units that it bills. Tests in test/storage hold the counting against
// DynamoDB Local.
import { describe, expect, it } from 'vitest';
import { type Counters, countingTable, newCounters } from '../../lib/storage/count.ts';
import { createGroupWorld, createMember, settleAll, type TestMember } from './world.ts';

async function settledGroup(members: number, partitions: number, isStatic = false) {
  const totals = newCounters();
  const world = createGroupWorld((table) => countingTable(table, totals));
  await world.engine.createTopic({ topic: 't', partitions });
  const group = Array.from({ length: members }, (_, i) =>
    createMember(world.engine, `member-${String(i).padStart(13, '0')}`, isStatic ? { instanceId: `i-${i}` } : {}),
  );
  for (const member of group) await member.beat();
  await settleAll(...group);
  const counted = async (work: () => Promise<unknown>): Promise<Counters> => {
    Object.assign(totals, newCounters());
    await work();
    return { ...totals };
  };
  return { ...world, group, counted };
}

/** Returns the units of every heartbeat in so many rounds. */
async function steadyBeats(...[rounds, ...of]: [number, ...Parameters<typeof settledGroup>]): Promise<Counters[]> {
  const { group, counted, clock } = await settledGroup(...of);
  const beats: Counters[] = [];
  for (let round = 0; round < rounds; round++) {
    clock.advance(5_000);
    for (const member of group) beats.push(await counted(() => member.beat()));
  }
  return beats;
}

const most = (beats: readonly Counters[], name: 'readUnits' | 'writeUnits') =>
  Math.max(...beats.map((beat) => beat[name]));
const mean = (beats: readonly Counters[], name: 'readUnits' | 'writeUnits') =>
  beats.reduce((sum, beat) => sum + beat[name], 0) / beats.length;

describe('a steady heartbeat', () => {
  it.each([
    // Half a unit has the head and all members. In groups of more than six, most heartbeats also read the members
    // behind theirs.
    { members: 1, partitions: 6, units: 0.5 },
    { members: 5, partitions: 50, units: 0.5 },
    { members: 40, partitions: 400, units: 1 },
  ])(
    'of $members members and $partitions partitions takes at most one write and $units read units, and most write nothing',
    async ({ members, partitions, units }) => {
      const beats = await steadyBeats(9, members, partitions);
      // The last member of the order looks whether topics have changed when it renews.
      expect(most(beats, 'readUnits')).toBe(units + 0.5);
      expect(beats.filter(({ readUnits }) => readUnits > units)).toHaveLength(3);
      expect(most(beats, 'writeUnits')).toBeLessThanOrEqual(1);
      expect(beats.filter(({ writeUnits }) => writeUnits === 0).length).toBeGreaterThan(beats.length / 2);
      // With an interval of 5 s and a session of 45 s, every third heartbeat renews.
      expect(mean(beats, 'writeUnits')).toBeCloseTo(1 / 3, 1);
    },
  );

  it.each([2, 10, 40])('of %i static members reads no more than two units', async (members) => {
    const beats = await steadyBeats(9, members, members, true);
    // Instance ids lie between the head and the members. Ten of them leave no room for members in the first page.
    expect(most(beats, 'readUnits')).toBe(members === 2 ? 1 : 2);
    expect(mean(beats, 'readUnits')).toBeLessThan(1.1);
  });
});

describe('a commit', () => {
  const commitOf = (member: TestMember, partitions: number[]) => async () => {
    for (const partition of partitions) expect(await member.commit(partition, 5)).toBeUndefined();
  };

  it('of a partition is one write unit and reads nothing, however long ago its topic was read', async () => {
    const { group, counted, clock } = await settledGroup(1, 16);
    clock.advance(3_600_000);
    const { readUnits, writeUnits } = await counted(commitOf(group[0]!, [0, 1, 2, 3]));
    expect([writeUnits, readUnits]).toEqual([4, 0]);
  });

  it('of ten partitions in a row is one write of one item', async () => {
    const { engine, group, counted } = await settledGroup(1, 10);
    const partitions = group[0]!.owned.map((_, partition) => ({ partition, offset: 1_000_000 }));
    const { writeUnits } = await counted(() =>
      engine.groups.commitOffsets({
        groupId: 'billing',
        memberId: group[0]!.memberId,
        memberEpoch: group[0]!.epoch,
        commitSeq: 1_700_000_000_000,
        topics: [{ topic: 't', partitions }],
      }),
    );
    expect(writeUnits).toBe(1);
  });

  it('that is refused for many partitions reads the member once', async () => {
    const { engine, group, counted } = await settledGroup(2, 32);
    const partitions = Array.from({ length: 32 }, (_, partition) => ({ partition, offset: 1 }));
    const { readUnits } = await counted(() =>
      engine.groups.commitOffsets({
        ...{ groupId: 'billing', memberId: 'nobody', memberEpoch: group[0]!.epoch, commitSeq: 1 },
        topics: [{ topic: 't', partitions }],
      }),
    );
    expect(readUnits).toBeLessThanOrEqual(2);
  });
});

describe('lag', () => {
  it('of 50 partitions is cheap enough to be watched while every consumer is dead', async () => {
    const { engine, group, counted } = await settledGroup(5, 50);
    for (const member of group) await member.commit(Number(member.owned[0]!.slice(2)), 0);
    const { readUnits, writeUnits } = await counted(() => engine.groups.lag('billing'));
    expect(writeUnits).toBe(0);
    expect(readUnits).toBeLessThanOrEqual(27);
  });
});

describe('the list', () => {
  it('reads the head of a group together with its members', async () => {
    const { engine, counted } = await settledGroup(5, 50);
    const { readUnits } = await counted(() => engine.groups.list({}));
    expect(readUnits).toBe(2);
  });
});
