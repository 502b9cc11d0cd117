import { expect, test } from 'vitest';
import { createMaintenanceHandler } from '../../functions/maintenance-handler.ts';
import { claimPass, requestPass, saveProgress } from '../../lib/maintenance/pass-item.ts';
import { newReport } from '../../lib/maintenance/report.ts';
import type { Errand } from '../../lib/maintenance/upkeep.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { maintenanceBegunKey, maintenanceKey, segmentKey } from '../../lib/storage/keys.ts';
import { appendOne, batchOf, createWorld } from '../log/world.ts';
import { keepLogLines } from './log-lines.ts';

const lines = keepLogLines();

/** The clock of this world is behind that of the functions, so all of its pages are old. */
async function handledWorld(isAutomatic = true) {
  const world = createWorld();
  await world.table.write({ kind: 'put', item: { ...maintenanceBegunKey, v: 1, at: 1 } });
  const { topicId } = await world.engine.createTopic({ topic: 't', config: { 'retention.ms': '-1' } });
  for (let i = 0; i < 100; i++) await appendOne(world.engine, 0, batchOf([`value ${i}`]));
  const errands: Errand[] = [];
  const audits: unknown[] = [];
  const handler = createMaintenanceHandler(
    { ...world, tableName: 'table' },
    {
      service: 'Test',
      audit: async (event) => void audits.push(event),
      ...(isAutomatic && { send: async (errand: Errand) => void errands.push(errand) }),
    },
  );
  const handle = (event: object, leftMs = 900_000) => handler(event, { getRemainingTimeInMillis: () => leftMs });
  return { ...world, topicId, errands, audits, handle, entries: () => lines.map((line) => JSON.parse(line)) };
}

test('the daily run sends what is due to the tend function, and sweeps', async () => {
  const { handle, errands, topicId, entries } = await handledWorld();
  await handle({});
  expect(errands).toEqual([{ topic: 't', topicId, partitions: [0] }]);
  expect(entries().slice(0, 2)).toMatchObject([
    { message: 'LOOKED', partitions: 1, due: 1 },
    { message: 'SWEPT', sweptObjects: 0 },
  ]);
  // These pages have waited for longer than two days.
  expect(entries()[2]).toMatchObject({ service: 'Test', UnmergedAge: expect.any(Number) });
  expect(entries()[2]).not.toHaveProperty('SweptObjects');
});

test('findings of the sweep and partitions whose merge has stopped are metrics', async () => {
  const { handle, objects, table, topicId, entries } = await handledWorld();
  await objects.putOnce(segmentKey('ingest', topicId, 1, new Uint8Array(8)), [new Uint8Array(10)]);
  const key = maintenanceKey(topicId, 0);
  await table.write({
    kind: 'update',
    key,
    update: {
      set: [
        ['v', 1],
        ['bad', 3],
      ],
    },
  });
  await handle({});
  expect(entries().at(-1)).toMatchObject({ SweptObjects: 1, SweptBytes: 10, StoppedMerges: 1 });
  expect(entries().at(-1)).not.toHaveProperty('OrphanObjects');
  expect((await objects.list({ prefix: '00/' })).objects).toEqual([]);
});

test('a run that is out of time fails, so that its event is kept', async () => {
  const { handle } = await handledWorld();
  await expect(handle({}, 29_000)).rejects.toThrow('no time was left');
});

test.each([
  [true, { verify: true }],
  [false, {}],
])('it only audits where maintenance is automatic: %s, and the event is %j', async (isAutomatic, event) => {
  const { handle, audits, errands } = await handledWorld(isAutomatic);
  await handle(event);
  expect({ audits, errands }).toEqual({ audits: [event], errands: [] });
});

test('it ends a pass over all topics with a sweep', async () => {
  const { handle, table } = await handledWorld();
  const tools = { table, clock: systemClock };
  const { pass } = await requestPass(tools, undefined, {});
  const { run } = (await claimPass(tools, undefined, pass.passId))!;
  const cursor = { topic: '', partition: 0, isSweep: true as const };
  const progress = { state: 'requested' as const, donePartitions: 1, partitions: 1, report: newReport(), cursor };
  expect(await saveProgress(tools, run, progress)).toBe(true);
  expect(await handle({ pass: { passId: pass.passId } })).toBe('done');
});
