import { describe, expect, test } from 'vitest';
import { newCounts } from '../../lib/maintenance/context.ts';
import { dueOf, retentionHours } from '../../lib/maintenance/due.ts';
import { type Tending, tend } from '../../lib/maintenance/tend.ts';
import { type Errand, lookAround, runErrand } from '../../lib/maintenance/upkeep.ts';
import { readMaintenanceItem } from '../../lib/partition/maintenance-item.ts';
import { countingTable, newCounters } from '../../lib/storage/count.ts';
import { createTopics, type Topic } from '../../lib/topic/topics.ts';
import { appendOne, batchOf, createWorld, startMs, type World } from '../log/world.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

async function filledWorld(partitions = 1, config: Record<string, string> = {}): Promise<World & { topic: Topic }> {
  const world = createWorld();
  await world.engine.createTopic({ topic: 't', partitions, config });
  for (let partition = 0; partition < partitions; partition++)
    for (let i = 0; i < 100; i++) await appendOne(world.engine, partition, batchOf([`value ${i}`]));
  return { ...world, topic: await topicNow(world) };
}

const topicNow = ({ table, clock }: World): Promise<Topic> => createTopics(table, clock).resolve({ topic: 't' });

const tendingOver = (world: World, more: Partial<Tending> = {}): Tending => ({
  ...world,
  isDryRun: false,
  isFull: true,
  isOver: () => false,
  counts: newCounts(),
  onDamage: () => {},
  owner: 'me',
  isAskedFor: false,
  begunMs: startMs,
  mergeDelayMs: 0,
  ...more,
});

const toolsOf = (world: World, isOver = () => false) => ({ ...world, isOver, mergeDelayMs: 0 });
const itemOf = ({ table, topic }: World & { topic: Topic }, partition = 0) =>
  readMaintenanceItem(table, { topicId: topic.topicId, partition });

describe('the lease', () => {
  test('keeps a second process away, until it ends by itself', async () => {
    const world = await filledWorld();
    await tend(tendingOver(world, { owner: 'died', isOver: () => true }), world.topic, 0);
    await world.table.write({
      kind: 'update',
      key: { pk: `${world.topic.topicId}/0/l`, sk: 'u' },
      update: { set: [['lu', world.clock.now() + 16 * MINUTE_MS]] },
    });
    const mine = tendingOver(world, { isFull: false });
    expect(await tend(mine, world.topic, 0)).toBe('taken');
    world.clock.advance(16 * MINUTE_MS);
    expect(await tend(mine, world.topic, 0)).toBe('whole');
  });

  test('is taken over by a pass that was asked for', async () => {
    const world = await filledWorld();
    await tend(tendingOver(world, { owner: 'died', isOver: () => true }), world.topic, 0);
    await world.table.write({
      kind: 'update',
      key: { pk: `${world.topic.topicId}/0/l`, sk: 'u' },
      update: { set: [['lu', world.clock.now() + 16 * MINUTE_MS]] },
    });
    expect(await tend(tendingOver(world, { isFull: false, isAskedFor: true }), world.topic, 0)).toBe('whole');
  });

  test('is given back when a step fails', async () => {
    const world = await filledWorld();
    const query = () => Promise.reject(new Error('no storage'));
    const failing = tendingOver(world, { table: { ...world.table, query }, owner: 'other' });
    await expect(tend(failing, world.topic, 0)).rejects.toThrow('no storage');
    expect(await itemOf(world)).toMatchObject({ leaseEndMs: 0, lastPassMs: 0 });
    expect(await tend(tendingOver(world, { isFull: false }), world.topic, 0)).toBe('whole');
  });
});

test('a tended partition says when; one that was cut short does not', async () => {
  const world = await filledWorld();
  expect(await tend(tendingOver(world, { isOver: () => true }), world.topic, 0)).toBe('cut');
  expect((await itemOf(world)).lastPassMs).toBe(0);
  expect(await tend(tendingOver(world), world.topic, 0)).toBe('whole');
  expect((await itemOf(world)).lastPassMs).toBe(world.clock.now());
});

test('merging waits until no process of an older version can be at work', async () => {
  const world = await filledWorld();
  const waiting = tendingOver(world, { mergeDelayMs: HOUR_MS, begunMs: world.clock.now() });
  await tend(waiting, world.topic, 0);
  expect((await itemOf(world)).logEnd).toBe(0);
  world.clock.advance(HOUR_MS);
  await tend(waiting, world.topic, 0);
  expect((await itemOf(world)).logEnd).toBeGreaterThan(0);
});

test('a dry run writes nothing at all', async () => {
  const world = await filledWorld(1, { 'retention.ms': '1' });
  world.clock.advance(2 * DAY_MS);
  const table = {
    ...world.table,
    write: () => Promise.reject(new Error('a write')),
    transact: () => Promise.reject(new Error('a transaction')),
  };
  const objects = { ...world.objects, putOnce: () => Promise.reject(new Error('a put')) };
  const dry = tendingOver(world, { table, objects, isDryRun: true });
  expect(await tend(dry, world.topic, 0)).toBe('whole');
  expect(dry.counts.mergedRecords).toBeGreaterThan(50);
  expect(dry.counts.expiredRecords).toBeGreaterThan(50);
});

describe('the daily look', () => {
  async function dueAfter(world: World & { topic: Topic }, ms: number) {
    world.clock.advance(ms);
    return dueOf(toolsOf(world), world.topic, 0, startMs);
  }

  test('finds nothing in an empty partition, and in one whose pages are young', async () => {
    const empty = createWorld();
    await empty.engine.createTopic({ topic: 't' });
    expect(await dueAfter({ ...empty, topic: await topicNow(empty) }, 9 * DAY_MS)).toMatchObject({ isDue: false });
    expect(await dueAfter(await filledWorld(), HOUR_MS)).toMatchObject({ isDue: false, unmergedAgeMs: 0 });
  });

  test('finds pages that are older than a day, and says how old', async () => {
    const world = await filledWorld();
    const { isDue, unmergedAgeMs } = await dueAfter(world, 3 * DAY_MS);
    expect(isDue).toBe(true);
    expect(unmergedAgeMs).toBeGreaterThan(2 * DAY_MS);
  });

  test('finds merged pages whose producers may have expired, and then nothing more', async () => {
    const world = await filledWorld(1, { 'retention.ms': '-1' });
    await dueAfter(world, 3 * DAY_MS);
    await tend(tendingOver(world), world.topic, 0);
    expect(await dueAfter(world, DAY_MS)).toEqual({ isDue: false, unmergedAgeMs: 0, isDamaged: false });
  });

  test('finds records that have expired', async () => {
    const world = await filledWorld(1, { 'retention.ms': String(DAY_MS) });
    await tend(tendingOver(world), world.topic, 0);
    const look = () => dueOf(toolsOf(world), world.topic, 0, startMs, true);
    world.clock.advance(HOUR_MS);
    expect(await look()).toMatchObject({ isDue: false });
    world.clock.advance(DAY_MS);
    expect(await look()).toMatchObject({ isDue: true });
    await tend(tendingOver(world), world.topic, 0);
    expect(await look()).toMatchObject({ isDue: false });
  });

  test('costs a few read units for a partition with nothing to do', async () => {
    const world = await filledWorld(1, { 'retention.ms': '-1' });
    world.clock.advance(3 * DAY_MS);
    await tend(tendingOver(world), world.topic, 0);
    const totals = newCounters();
    const table = countingTable(world.table, totals);
    expect(await dueOf({ ...toolsOf(world), table }, world.topic, 0, startMs)).toMatchObject({ isDue: false });
    expect(totals).toMatchObject({ writeUnits: 0 });
    expect(totals.readUnits).toBeLessThanOrEqual(3);
  });

  test('sends one errand for the partitions of a topic that have something due', async () => {
    const world = await filledWorld(3);
    world.clock.advance(3 * DAY_MS);
    const errands: Errand[] = [];
    const looked = await lookAround(toolsOf(world), async (errand) => void errands.push(errand));
    expect(looked).toMatchObject({ partitions: 3, due: 3, damagedPartitions: 0, isCut: false });
    expect(errands).toEqual([{ topic: 't', topicId: world.topic.topicId, partitions: [0, 1, 2] }]);
    const { report, left } = await runErrand(toolsOf(world), errands[0]!);
    expect(left).toBeUndefined();
    expect(report).toMatchObject({ partitions: 3, notes: [], counts: { writtenObjects: 3 } });
  });
});

test.each([
  ['-1', 24],
  ['604800000', 16],
  ['36000000', 1],
  ['1', 1],
  [String(30 * DAY_MS), 24],
])('with retention.ms=%s the retention is looked at every %i hours', (ms, hours) => {
  expect(retentionHours({ overrides: { 'retention.ms': ms } })).toBe(hours);
});

test('an errand that runs out of time returns the partitions that are left', async () => {
  const world = await filledWorld(3);
  world.clock.advance(3 * DAY_MS);
  let tended = 0;
  const table = {
    ...world.table,
    async write(write: Parameters<typeof world.table.write>[0]) {
      if (JSON.stringify(write).includes('["at",')) tended += 1;
      return world.table.write(write);
    },
  };
  const errand = { topic: 't', topicId: world.topic.topicId, partitions: [2, 0, 1] };
  const { left } = await runErrand({ ...toolsOf(world, () => tended > 0), table }, errand);
  expect(left).toEqual({ ...errand, partitions: [0, 1] });
});

test('an errand for a topic that was deleted meanwhile is over', async () => {
  const world = await filledWorld();
  const errand = { topic: 't', topicId: world.topic.topicId, partitions: [0] };
  await world.engine.deleteTopic('t');
  await world.engine.createTopic({ topic: 't' });
  const { report, left } = await runErrand(toolsOf(world), errand);
  expect({ left, partitions: report.partitions }).toEqual({ left: undefined, partitions: 0 });
});
