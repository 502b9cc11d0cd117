// The maintenance that an embedded backend does by itself.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { createAppendNotifications } from '../../lib/log/append-notifications.ts';
import { maintenanceKey } from '../../lib/storage/keys.ts';
import { openBackend } from '../../local/backend.ts';
import { createLogMaintenance } from '../../local/maintenance.ts';
import { appendOne, batchOf, createWorld, readAll, valuesOf } from '../log/world.ts';

afterEach(() => vi.useRealTimers());

/** An engine whose hints go to the maintenance of the embedded backend. Each spill hints. */
async function maintainedWorld() {
  const world = createWorld();
  const failures: unknown[] = [];
  const notifications = createAppendNotifications(world.clock);
  const upkeep = createLogMaintenance({ ...world, notifications, onFailure: (error) => failures.push(error) });
  const clock = { ...world.clock, random: () => 0 };
  const { hint, wake } = upkeep;
  const engine = createEngine({ ...world, clock, notifications, hint, wake, isOnlyWriter: true });
  const { topicId } = await engine.createTopic({ topic: 't' });
  const logEnd = async () => (await world.table.get(maintenanceKey(topicId, 0)))?.lm ?? 0;
  return { ...world, engine, topicId, notifications, upkeep, failures, logEnd };
}

test('hints of spills merge a partition that takes appends', async () => {
  const { engine, logEnd, failures, ...world } = await maintainedWorld();
  const values = Array.from({ length: 600 }, (_, i) => `value ${i}`);
  for (const value of values) await appendOne(engine, 0, batchOf([value]));
  await vi.waitFor(async () => expect(await logEnd()).toBeGreaterThan(300));
  expect(valuesOf(await readAll(createEngine(world), 0))).toEqual(values);
  expect(failures).toEqual([]);
});

test('a fetch that waits learns that retention has removed its records', async () => {
  const { engine, topicId, upkeep, clock, ...world } = await maintainedWorld();
  await engine.alterTopic({ topic: 't', config: { 'retention.ms': '3600000' } });
  await appendOne(engine, 0, batchOf(['old']));
  clock.advance(3 * 3_600_000);
  const onlyNotified = { ...clock, sleep: () => new Promise<void>(() => {}) };
  const reader = createEngine({ ...world, clock: onlyNotified, isOnlyWriter: true });
  const partitions = [{ partition: 0, offset: 0 }];
  const waiting = reader.fetch({ topic: 't', partitions, minBytes: 1_000_000, waitMs: 20_000 });
  await upkeep.hint({ topic: 't', topicId, partition: 0 });
  expect((await waiting).partitions[0]).toMatchObject({ error: { errorCode: 'OFFSET_OUT_OF_RANGE' } });
});

test('nothing is begun after the end', async () => {
  const { engine, upkeep, logEnd, failures } = await maintainedWorld();
  upkeep.end();
  for (let i = 0; i < 600; i++) await appendOne(engine, 0, batchOf([`value ${i}`]));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await logEnd()).toBe(0);
  expect(failures).toEqual([]);
});

test('minutes after the start it looks at all partitions, and does what is due', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearInterval', 'clearTimeout'] });
  const { upkeep, logEnd, clock, ...ports } = await maintainedWorld();
  const unhinted = createEngine({ ...ports, clock });
  for (let i = 0; i < 600; i++) await appendOne(unhinted, 0, batchOf([`value ${i}`]));
  clock.advance(3 * 24 * 3_600_000);
  upkeep.start();
  vi.advanceTimersByTime(4 * 60_000);
  expect(await logEnd()).toBe(0);
  vi.advanceTimersByTime(60_000);
  vi.useRealTimers();
  await vi.waitFor(async () => expect(await logEnd()).toBeGreaterThan(300));
  upkeep.end();
});

test('a failure is reported, and the next errand runs', async () => {
  const world = createWorld();
  const failures: unknown[] = [];
  let isBroken = true;
  const query = (request: Parameters<typeof world.table.query>[0]) => {
    if (isBroken && request.pk.endsWith('/l')) throw new Error('no storage');
    return world.table.query(request);
  };
  const { hint } = createLogMaintenance({
    ...world,
    table: { ...world.table, query },
    notifications: createAppendNotifications(world.clock),
    onFailure: (error) => failures.push(error),
  });
  const { topicId } = await world.engine.createTopic({ topic: 't' });
  for (let i = 0; i < 600; i++) await appendOne(world.engine, 0, batchOf([`value ${i}`]));
  await hint({ topic: 't', topicId, partition: 0 });
  await vi.waitFor(() => expect(failures).toHaveLength(1));
  expect(String(failures[0])).toContain('maintenance of t/0: no storage');
  isBroken = false;
  await hint({ topic: 't', topicId, partition: 0 });
  await vi.waitFor(async () => expect((await world.table.get(maintenanceKey(topicId, 0)))?.at).toBeGreaterThan(0));
});

test('a pass that was at work when the service stopped can be started again immediately', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rivulet-maintenance-'));
  try {
    const first = openBackend({ directory });
    const begun = await first.maintenance.start({});
    first.close();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const second = openBackend({ directory });
    const again = await second.maintenance.start({});
    expect(again.passId).not.toBe(begun.passId);
    await vi.waitFor(async () => expect((await second.maintenance.last({})).state).toBe('done'));
    second.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
