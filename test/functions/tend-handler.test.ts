import { expect, test } from 'vitest';
import { createTendHandler, type TendEvent } from '../../functions/tend-handler.ts';
import { requestPass } from '../../lib/maintenance/pass-item.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { maintenanceBegunKey } from '../../lib/storage/keys.ts';
import { appendOne, batchOf, createWorld, type World } from '../log/world.ts';
import { keepLogLines } from './log-lines.ts';

const lines = keepLogLines();

/** A topic with pages that are old enough to be merged, in a store that was maintained long ago. */
async function handledWorld(config: Record<string, string> = { 'retention.ms': '-1' }) {
  const world = createWorld();
  await world.table.write({ kind: 'put', item: { ...maintenanceBegunKey, v: 1, at: 1 } });
  const { topicId } = await world.engine.createTopic({ topic: 't', partitions: 2, config });
  for (const partition of [0, 1])
    for (let i = 0; i < 600; i++) await appendOne(world.engine, partition, batchOf([`value ${i}`]));
  const invoked: [string, object][] = [];
  const handler = createTendHandler(world, 'Test', async (name, event) => void invoked.push([name, event]));
  const handle = (event: TendEvent, leftMs = 900_000) =>
    handler(event, { functionName: 'tend', getRemainingTimeInMillis: () => leftMs });
  const errand = { topic: 't', topicId, partitions: [0, 1] };
  return { ...world, topicId, invoked, handle, errand, entries: () => lines.map((line) => JSON.parse(line)) };
}

test('an errand merges its partitions, and one line of the log says so', async () => {
  const { handle, errand, entries, invoked } = await handledWorld();
  await handle({ errand });
  expect(invoked).toEqual([]);
  expect(entries()).toMatchObject([{ level: 'INFO', message: 'TENDED', topic: 't', counts: { writtenObjects: 2 } }]);
});

test('an errand with nothing to do writes no line and no metric', async () => {
  const { handle, errand } = await handledWorld();
  await handle({ errand });
  lines.length = 0;
  await handle({ errand });
  expect(lines).toEqual([]);
});

test('bytes that were reclaimed are a metric', async () => {
  const { handle, errand, entries } = await handledWorld({ 'retention.ms': '1' });
  await handle({ errand });
  expect(entries().at(-1)).toMatchObject({ service: 'Test', ReclaimedBytes: expect.any(Number) });
});

test('damage is an error in the log and a metric', async () => {
  const { handle, errand, entries, objects } = await handledWorld();
  const [first] = (await objects.list({})).objects;
  await objects.delete([first!.key]);
  await handle({ errand });
  expect(entries()).toMatchObject([{ level: 'ERROR', message: 'MERGE_STOPPED', topic: 't' }, {}, { StoppedMerges: 1 }]);
});

test('an errand that does not get on is not sent again', async () => {
  const { handle, errand, invoked } = await handledWorld();
  await expect(handle({ errand }, 1_000)).rejects.toThrow('maintenance of t/0 does not get on');
  expect(invoked).toEqual([]);
});

test('a pass over all topics ends in the function that may sweep', async () => {
  const world = await handledWorld();
  const { pass } = await requestPass({ ...world, clock: systemClock }, undefined, {});
  const event = { pass: { passId: pass.passId }, sweeper: 'maintenance' };
  await world.handle(event);
  expect(world.invoked).toEqual([['maintenance', { pass: event.pass }]]);
});

test('a pass that a copy of the event asks for again does nothing', async () => {
  const world: World & Awaited<ReturnType<typeof handledWorld>> = await handledWorld();
  const { pass } = await requestPass({ ...world, clock: systemClock }, world.topicId, {});
  const event = { pass: { passId: pass.passId, topicId: world.topicId }, sweeper: 'maintenance' };
  await world.handle(event);
  await world.handle(event);
  expect(world.invoked).toEqual([]);
});
