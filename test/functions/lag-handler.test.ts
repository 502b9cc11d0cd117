import { expect, it } from 'vitest';
import { createLagHandler } from '../../functions/lag-handler.ts';
import { appendOne, batchOf, createWorld } from '../log/world.ts';
import { keepLogLines } from './log-lines.ts';

const lines = keepLogLines();

/** A topic of three records, and two groups that have read this many of them. */
async function lookedAt(
  offsets: readonly number[],
  { perGroup = false, leftMs = 300_000, ageMinutes = 0, offsetsRetentionMinutes = 10_080 } = {},
) {
  const { engine, clock } = createWorld();
  await engine.createTopic({ topic: 't' });
  for (const value of ['a', 'b', 'c']) await appendOne(engine, 0, batchOf([value]));
  for (const [index, offset] of offsets.entries())
    await engine.groups.commitOffsets({
      groupId: `g${index}`,
      topics: [{ topic: 't', partitions: [{ partition: 0, offset }] }],
    });
  clock.advance(ageMinutes * 60_000);
  const handler = createLagHandler(engine.groups, { service: 'Test', perGroup, offsetsRetentionMinutes });
  const report = await handler({}, { getRemainingTimeInMillis: () => leftMs });
  return { report, entries: lines.map((line) => JSON.parse(line)) };
}

it('groups that have read everything write no line of the log and no metric', async () => {
  const { report, entries } = await lookedAt([3, 3]);
  expect(report).toMatchObject({ groups: 2, behind: [] });
  expect(entries).toEqual([]);
});

it('each group that is behind is a line of the log, and the greatest lag is a metric', async () => {
  const { entries } = await lookedAt([1, 3]);
  expect(entries).toHaveLength(2);
  expect(entries[0]).toMatchObject({ level: 'INFO', message: 'GROUP_BEHIND', groupId: 'g0', lag: 2, topic: 't' });
  expect(entries[1]).toMatchObject({ service: 'Test', GroupLag: 2, GroupTimeLag: expect.any(Number) });
  for (const name of ['LostRecords', 'ExpiringGroups']) expect(entries[1]).not.toHaveProperty(name);
  expect(entries[1]).not.toHaveProperty('group');
});

it('a group that is about to lose records is a warning and a metric', async () => {
  const { entries } = await lookedAt([1, 3], { ageMinutes: 6.5 * 1_440, offsetsRetentionMinutes: 20_000 });
  expect(entries).toMatchObject([
    { message: 'GROUP_BEHIND', groupId: 'g0' },
    { level: 'WARN', message: 'RECORDS_EXPIRE_UNREAD', groupId: 'g0', topic: 't', partition: 0 },
    { service: 'Test', ExpiringGroups: 1 },
  ]);
});

it('each group has metrics of its own where the deployment wants that', async () => {
  const { entries } = await lookedAt([1, 0], { perGroup: true });
  const metrics = entries.filter((entry) => '_aws' in entry).map(({ group = 'all', GroupLag }) => [group, GroupLag]);
  expect(metrics.sort()).toEqual([
    ['all', 3],
    ['g0', 2],
    ['g1', 3],
  ]);
});

it('a check that runs out of time says so', async () => {
  const { report, entries } = await lookedAt([1, 1], { leftMs: 29_000 });
  expect(report.incomplete).toContain('no time was left');
  expect(entries).toMatchObject([{ level: 'WARN', message: 'LAG_INCOMPLETE' }]);
});

it('offsets expire after the time that the deployment sets', async () => {
  const { report } = await lookedAt([1], { ageMinutes: 3_000, offsetsRetentionMinutes: 2_880 });
  expect(report).toMatchObject({ expiredOffsets: 1, expiredGroups: 1, groups: 0 });
});
