import { expect, test } from 'vitest';
import { audit } from '../../lib/maintenance/audit.ts';
import { segmentKey } from '../../lib/storage/keys.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import { appendOne, batchOf, createWorld, startMs, type World } from '../log/world.ts';
import { mergeAll } from './sweep-world.ts';

const HOUR_MS = 3_600_000;
const epoch = Math.floor(startMs / HOUR_MS);
const bytes = (count: number) => [new Uint8Array(count)];
const random = (first: number) => Uint8Array.from({ length: 8 }, (_, at) => (at === 0 ? first : 7));

/** Creates a topic with pages and tails: 60 appends to each of two partitions, each by a request of its own. */
async function filledWorld(): Promise<World & { topicId: string; keys: string[] }> {
  const world = createWorld();
  const { topicId } = await world.engine.createTopic({ topic: 't', partitions: 2 });
  for (let i = 0; i < 60; i++)
    for (const partition of [0, 1]) await appendOne(world.engine, partition, batchOf([`value ${i}`]));
  const { objects } = await world.objects.list({});
  expect(objects).toHaveLength(120);
  return { ...world, topicId, keys: objects.map(({ key }) => key) };
}

const clean = { topics: 1, partitions: 2, objects: 120, missingObjects: 0, missing: [], orphans: 0, orphanBytes: 0 };

test('a store in order has no missing object and no orphan, in tails and in pages', async () => {
  const world = await filledWorld();
  expect(await audit(world)).toMatchObject({ ...clean, foreign: 0 });
  expect(await audit(createWorld())).toMatchObject({ topics: 0, objects: 0, bytes: 0, missingObjects: 0 });
});

test('every object that is named and gone is counted, the first of them by name', async () => {
  const world = await filledWorld();
  await world.objects.delete(world.keys);
  const report = await audit(world);
  expect(report).toMatchObject({ objects: 0, missingObjects: 120, orphans: 0 });
  expect(report.missing).toHaveLength(100);
  expect(report.missing.every(({ object, topic }) => topic === 't' && world.keys.includes(object))).toBe(true);
});

test('an object that nothing names is an orphan once it is old, whatever its topic', async () => {
  const world = await filledWorld();
  const put = (topicId: string, age: number, first: number) =>
    world.objects.putOnce(segmentKey('ingest', topicId, epoch - age, random(first)), bytes(10));
  await put(world.topicId, 4, 0x00);
  await put('A'.repeat(22), 4, 0xff);
  // This object is young and may yet be named.
  await put(world.topicId, 3, 0x80);
  expect(await audit(world)).toMatchObject({ ...clean, objects: 123, orphans: 2, orphanBytes: 20 });
});

test('the objects of a deleted topic are orphans', async () => {
  const world = await filledWorld();
  await world.engine.deleteTopic('t');
  world.clock.advance(4 * HOUR_MS);
  expect(await audit(world)).toMatchObject({ topics: 0, objects: 120, orphans: 120, missingObjects: 0 });
});

test('an object that Rivulet did not make is counted separately', async () => {
  const world = await filledWorld();
  for (const key of ['0', 'Backup/x', '~', '00/readme']) await world.objects.putOnce(key, bytes(1));
  expect(await audit(world)).toMatchObject({ ...clean, objects: 124, foreign: 4 });
});

test.each([30, 7, 3])('an audit with %i names at a time comes to the same report', async (maxNames) => {
  const world = await filledWorld();
  for (const key of ['0', 'Backup/x', '80', '~']) await world.objects.putOnce(key, bytes(1));
  await world.objects.putOnce(segmentKey('ingest', world.topicId, epoch - 9, random(0x42)), bytes(10));
  await world.objects.delete(world.keys.filter((_, index) => index % 7 === 0));
  const whole = await audit(world);
  const parts = await audit({ ...world, maxNames });
  expect(whole).toMatchObject({ missingObjects: 18, foreign: 4, orphans: 1 });
  const sorted = (report: typeof whole) => ({ ...report, missing: report.missing.map(({ object }) => object).sort() });
  expect(sorted(parts)).toEqual(sorted(whole));
});

test('the report admits that the names of a single prefix did not fit', async () => {
  const world = await filledWorld();
  const report = await audit({ ...world, maxNames: 0 });
  expect(report.incomplete).toMatch(/objects with the prefix .. are named/);
});

test('an object that is appended while the audit runs is neither missing nor an orphan', async () => {
  const world = await filledWorld();
  const objects: ObjectStore = {
    ...world.objects,
    async list(request) {
      await appendOne(world.engine, 0, batchOf(['meanwhile']));
      return world.objects.list(request);
    },
  };
  expect(await audit({ ...world, objects })).toMatchObject({ ...clean, objects: 121 });
});

test('a spill while the audit runs hides nothing from it', async () => {
  const world = await filledWorld();
  let spilled = false;
  const table: World['table'] = {
    ...world.table,
    async query(query) {
      if (!spilled && query.pk.endsWith('/p')) {
        spilled = true;
        for (let i = 0; i < 60; i++) await appendOne(world.engine, 0, batchOf([`more ${i}`]));
      }
      return world.table.query(query);
    },
  };
  expect(await audit({ ...world, table, maxNames: 1_000 })).toMatchObject({ missingObjects: 0, orphans: 0 });
  expect(spilled).toBe(true);
});

test('a log segment is named by its log item, whatever the pages below it still name', async () => {
  const world = await filledWorld();
  const { segment, sources } = await mergeAll(world, { topicId: world.topicId, partition: 0 });
  const replaced = { objects: 121, missingObjects: 0, orphans: 0 };
  expect(await audit(world)).toMatchObject(replaced);
  world.clock.advance(4 * HOUR_MS);
  expect(await audit(world)).toMatchObject({ ...replaced, orphans: sources.length });
  await world.objects.delete([segment]);
  expect(await audit(world)).toMatchObject({ missing: [{ object: segment, topic: 't' }] });
});

test('an object that maintenance replaces while the audit runs is not missing', async () => {
  const world = await filledWorld();
  let replaced: readonly string[] | undefined;
  const objects: ObjectStore = {
    ...world.objects,
    async list(request) {
      if (!replaced) {
        replaced = (await mergeAll(world, { topicId: world.topicId, partition: 0 })).sources;
        await world.objects.delete(replaced);
      }
      return world.objects.list(request);
    },
  };
  expect(await audit({ ...world, objects })).toMatchObject({ missingObjects: 0, missing: [], orphans: 0 });
  expect(replaced!.length).toBeGreaterThan(10);
});

test('an object that an operator brings back while the audit runs is not missing', async () => {
  const world = await filledWorld();
  const [key] = world.keys;
  const stored = (await world.objects.get(key!))!;
  await world.objects.delete([key!]);
  const objects: ObjectStore = {
    ...world.objects,
    async list(request) {
      if (request.prefix === key) await world.objects.putOnce(key!, [stored]);
      return world.objects.list(request);
    },
  };
  expect(await audit({ ...world, objects })).toMatchObject({ missingObjects: 0, missing: [] });
});

test.each([
  [0, 'names'],
  [60, 'names'],
  // The audit looks at the clock once for each partition and each name.
  [2 + 120, 'objects'],
])('an audit that has no time left after %i looks at the clock says so', async (looks, doing) => {
  const world = await filledWorld();
  let left = looks;
  const report = await audit({ ...world, isOver: () => left-- <= 0 });
  expect(report.incomplete).toContain(`no time was left to read the ${doing}`);
});
