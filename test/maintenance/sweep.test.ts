// The sweep over memory and over SQLite with files: what goes and what stays, races with appends and merges, and every
// point at which a request may fail.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { audit } from '../../lib/maintenance/audit.ts';
import { type SweepOptions, sweep } from '../../lib/maintenance/sweep.ts';
import { parseMaintenanceItem } from '../../lib/partition/maintenance-item.ts';
import { createFileObjectStore } from '../../lib/storage/embedded/file-object-store.ts';
import { createSqliteTable } from '../../lib/storage/embedded/sqlite-table.ts';
import { headKey, maintenanceKey, parseSegmentKey, segmentKey } from '../../lib/storage/keys.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Query, Table } from '../../lib/storage/table.ts';
import { appendOne, batchOf, createWorld, readAll, tryAppend, valuesOf, type World } from '../log/world.ts';
import { gate, holding } from '../sim/core/through.ts';
import { passOver } from './pass.ts';
import { epochOfStart, mergeAll, putMerged } from './sweep-world.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const random = (first: number) => Uint8Array.from({ length: 8 }, (_, at) => (at === 0 ? first : 7));

/** So many make index pages and a tail. */
const appends = 60;

const directories: string[] = [];
const closers: (() => void)[] = [];
afterAll(() => {
  for (const close of closers) close();
  for (const directory of directories) rmSync(directory, { recursive: true });
});

function embeddedWorld(): World {
  const directory = mkdtempSync(join(tmpdir(), 'rivulet-sweep-'));
  directories.push(directory);
  const table = createSqliteTable({ path: join(directory, 'table.sqlite') });
  closers.push(() => table.close());
  return createWorld(() => ({ objects: createFileObjectStore({ directory }), table }));
}

const backends: readonly (readonly [string, () => World])[] = [
  ['memory', createWorld],
  ['SQLite and files', embeddedWorld],
];

type Filled = World & { topicId: string; orphans: string[] };

/**
 * Topic t has two partitions: the first with pages and a tail, the second without a head. In the store there are also
 * an append and a merge that died, and what is left of a deleted topic.
 */
async function fill(world: World): Promise<Filled> {
  const { engine, objects, table } = world;
  const { topicId } = await engine.createTopic({ topic: 't', partitions: 2 });
  for (let i = 0; i < appends; i++) await appendOne(engine, 0, batchOf([`value ${i}`]));
  await table.write({ kind: 'delete', key: headKey(topicId, 1) });
  const orphans = [
    segmentKey('ingest', topicId, epochOfStart, random(0x01)),
    segmentKey('log', topicId, epochOfStart, random(0xfe)),
    segmentKey('ingest', 'A'.repeat(22), epochOfStart, random(0x80)),
  ];
  for (const key of orphans) await objects.putOnce(key, [new Uint8Array(10)]);
  return { ...world, topicId, orphans };
}

const sweepOf = (world: Pick<World, 'objects' | 'table' | 'clock'>, options?: SweepOptions, more = {}) =>
  sweep(passOver(world, more), options);

async function keysOf({ objects }: Pick<World, 'objects'>): Promise<string[]> {
  const page = await objects.list({});
  expect(page.more).toBe(false);
  return page.objects.map(({ key }) => key).filter((key) => parseSegmentKey(key));
}

const values = (count: number) => Array.from({ length: count }, (_, i) => `value ${i}`);

describe.each(backends)('over %s', (_name, open) => {
  test('what nothing names goes once it is old, and every record stays', async () => {
    const world = await fill(open());
    world.clock.advance(3 * HOUR_MS);
    expect(await sweepOf(world)).toMatchObject({ sweptObjects: 0, audit: { orphans: 0, objects: appends + 3 } });
    expect(await world.table.get(headKey(world.topicId, 1), { strong: true })).toBeUndefined();
    world.clock.advance(HOUR_MS);
    const context = passOver(world);
    const report = await sweep(context);
    expect(report).toMatchObject({ sweptObjects: 3, sweptBytes: 30, audit: { orphans: 3, orphanBytes: 30 } });
    expect(report).not.toHaveProperty('incomplete');
    expect(context.counts).toMatchObject({ sweptObjects: 3, sweptBytes: 30 });
    expect(await keysOf(world)).toHaveLength(appends);
    expect(valuesOf(await readAll(world.engine, 0))).toEqual(values(appends));
    expect(await audit(world)).toMatchObject({ orphans: 0, missingObjects: 0, foreign: 0, objects: appends });
  });

  test('every partition of a topic with an orphan is fenced, also without head and maintenance item', async () => {
    const world = await fill(open());
    world.clock.advance(4 * HOUR_MS);
    await sweepOf(world);
    for (const partition of [0, 1]) {
      const head = await world.table.get(headKey(world.topicId, partition), { strong: true });
      const upkeep = await world.table.get(maintenanceKey(world.topicId, partition), { strong: true });
      expect(head).toMatchObject({ g: epochOfStart + 1, v: 1 });
      expect(upkeep).toEqual({ ...maintenanceKey(world.topicId, partition), v: 1, g: epochOfStart + 1 });
      expect(parseMaintenanceItem(upkeep).fence).toBe(epochOfStart + 1);
    }
    const { baseOffset } = await appendOne(world.engine, 1, batchOf(['first']));
    expect(baseOffset).toBe(0);
  });

  test('a dry run says what would go, and writes nothing', async () => {
    const world = await fill(open());
    world.clock.advance(4 * HOUR_MS);
    const noWrite = () => Promise.reject(new Error('a dry run writes'));
    const table = { ...world.table, write: noWrite, transact: noWrite };
    const objects = { ...world.objects, putOnce: noWrite, delete: noWrite };
    const context = passOver({ ...world, table, objects }, { isDryRun: true });
    expect(await sweep(context)).toMatchObject({ sweptObjects: 3, sweptBytes: 30 });
    expect(context.counts).toMatchObject({ sweptObjects: 3, sweptBytes: 30 });
    expect(await keysOf(world)).toHaveLength(appends + 3);
  });

  test('merged sources go, and the log segment stays', async () => {
    const world = await fill(open());
    const { segment, sources } = await mergeAll(world, { topicId: world.topicId, partition: 0 });
    expect(sources.length).toBeGreaterThan(10);
    world.clock.advance(4 * HOUR_MS);
    expect(await sweepOf(world)).toMatchObject({ sweptObjects: 3 + sources.length });
    const left = await keysOf(world);
    expect(left).toContain(segment);
    expect(left).toHaveLength(appends + 1 - sources.length);
  });

  test('a deleted topic goes: first its objects, two days after the deletion its items, then the tombstone', async () => {
    const world = await fill(open());
    const { topicId, clock, table, engine } = world;
    await mergeAll(world, { topicId, partition: 0 });
    await engine.deleteTopic('t');
    clock.advance(4 * HOUR_MS);
    expect(await sweepOf(world)).toMatchObject({ sweptObjects: appends + 4, removedTopics: 0 });
    expect(await keysOf(world)).toEqual([]);
    clock.advance(2 * DAY_MS - 4 * HOUR_MS - 1);
    expect(await sweepOf(world)).toMatchObject({ removedTopics: 0 });
    expect(await itemsOf(table, topicId)).toContain(`deleted ${topicId}`);
    clock.advance(1);
    expect(await sweepOf(world, {}, { isDryRun: true })).toMatchObject({ removedTopics: 1 });
    expect(await sweepOf(world)).toMatchObject({ removedTopics: 1 });
    expect(await itemsOf(table, topicId)).toEqual([]);
    expect(await sweepOf(world)).toMatchObject({ removedTopics: 0 });
  });
});

/** All items of a topic with up to two partitions, as `pk sk`. */
async function itemsOf(table: Table, topicId: string): Promise<string[]> {
  const partitions = [0, 1].flatMap((p) => ['', '/p', '/l'].map((kind) => `${topicId}/${p}${kind}`));
  const pages = await Promise.all(partitions.map((pk) => table.query({ pk, strong: true })));
  const tombstone = await table.get({ pk: 'deleted', sk: topicId }, { strong: true });
  return [...pages.flatMap(({ items }) => items), ...(tombstone ? [tombstone] : [])].map(({ pk, sk }) => `${pk} ${sk}`);
}

test('a topic that was deleted long ago stays while one of its objects is listed', async () => {
  const world = await fill(createWorld());
  await world.engine.deleteTopic('t');
  world.clock.advance(3 * DAY_MS);
  expect(await sweepOf(world)).toMatchObject({ sweptObjects: appends + 3, removedTopics: 0 });
  expect(await sweepOf(world)).toMatchObject({ sweptObjects: 0, removedTopics: 1 });
});

test('a topic that was re-created under the name of a deleted one keeps its records', async () => {
  const world = await fill(createWorld());
  await world.engine.deleteTopic('t');
  await world.engine.createTopic({ topic: 't' });
  await appendOne(world.engine, 0, batchOf(['again']));
  world.clock.advance(3 * DAY_MS);
  expect(await sweepOf(world)).toMatchObject({ sweptObjects: appends + 3 });
  expect(await sweepOf(world)).toMatchObject({ removedTopics: 1 });
  expect(valuesOf(await readAll(world.engine, 0))).toEqual(['again']);
});

test('a head that a late put has opened after a crash goes too', async () => {
  const world = await fill(createWorld());
  const { topicId, table } = world;
  const lateHead = (await table.get(headKey(topicId, 0), { strong: true }))!;
  await world.engine.deleteTopic('t');
  world.clock.advance(3 * DAY_MS);
  await sweepOf(world);
  const dying = dyingTable(table, ({ pk, sk }) => pk === 'deleted' && sk === topicId);
  await expect(sweepOf({ ...world, table: dying })).rejects.toThrow('dies here');
  await table.write({ kind: 'put', item: lateHead, if: { test: 'absent', path: 'v' } });
  expect(await itemsOf(table, topicId)).toEqual([`${topicId}/0 h`, `deleted ${topicId}`]);
  expect(await sweepOf(world)).toMatchObject({ removedTopics: 1 });
  expect(await itemsOf(table, topicId)).toEqual([]);
});

/** The process dies when it deletes a matching item. */
function dyingTable(table: Table, matches: (key: { pk: string; sk: string }) => boolean): Table {
  return {
    ...table,
    write: (write) =>
      write.kind === 'delete' && matches(write.key)
        ? Promise.reject(new StorageError('no-answer', 'dies here'))
        : table.write(write),
  };
}

test('a merge that sleeps names nothing in a deleted topic while its log items go', async () => {
  const world = await fill(createWorld());
  const { topicId, clock, table, engine } = world;
  const merge = await putMerged(world, { topicId, partition: 0 });
  await engine.deleteTopic('t');
  clock.advance(3 * DAY_MS);
  await sweepOf(world);
  let isRefused: boolean | undefined;
  const waking: Table = {
    ...table,
    async query(query) {
      const page = await table.query(query);
      if (query.pk === `${topicId}/0/l` && isRefused === undefined) isRefused = !(await merge.name());
      return page;
    },
  };
  expect(await sweepOf({ ...world, table: waking })).toMatchObject({ removedTopics: 1 });
  expect(isRefused).toBe(true);
  expect(await itemsOf(table, topicId)).toEqual([]);
});

// --- races

test('an append that is sequenced after the fences uploads again', async () => {
  const world = await fill(createWorld());
  const { pass, reached, open } = gate();
  const slow = holding(world.table, (call) => call.kind === 'update' && call.update.append !== undefined, pass);
  const other = createEngine({ ...world, table: slow });
  const append = tryAppend(other, 0, batchOf(['late']));
  await reached;
  // The process sleeps no longer than a run may, while the clock of the sweeper is four hours ahead.
  const ahead = { ...world.clock, now: () => world.clock.now() + 4 * HOUR_MS };
  expect(await sweepOf({ ...world, clock: ahead })).toMatchObject({ sweptObjects: 4 });
  open();
  expect(await append).toMatchObject({ baseOffset: appends });
  expect(valuesOf(await readAll(world.engine, 0))).toEqual([...values(appends), 'late']);
  expect(await audit(world)).toMatchObject({ missingObjects: 0 });
});

test('an append that makes its head after the fences uploads again', async () => {
  const world = await fill(createWorld());
  const { pass, reached, open } = gate();
  const slow = holding(world.table, (call) => call.kind === 'put' && call.item.sk === 'h', pass);
  const append = tryAppend(createEngine({ ...world, table: slow }), 1, batchOf(['first']));
  await reached;
  const ahead = { ...world.clock, now: () => world.clock.now() + 4 * HOUR_MS };
  expect(await sweepOf({ ...world, clock: ahead })).toMatchObject({ sweptObjects: 4 });
  open();
  expect(await append).toMatchObject({ baseOffset: 0 });
  expect(valuesOf(await readAll(world.engine, 1))).toEqual(['first']);
});

test.each([
  ['before the fences', (step: string) => step.startsWith('update')],
  ['after the names were read', (step: string) => step === 'delete'],
])('an append that is sequenced %s is kept', async (_when, isMoment) => {
  const world = await fill(createWorld());
  const { pass, reached, open } = gate();
  const slow = holding(world.table, (call) => call.kind === 'update' && call.update.append !== undefined, pass);
  const append = tryAppend(createEngine({ ...world, table: slow }), 0, batchOf(['meanwhile']));
  await reached;
  const ahead = { ...world.clock, now: () => world.clock.now() + 4 * HOUR_MS };
  const report = await sweepOf(
    watched({ ...world, clock: ahead }, async (step) => {
      if (!isMoment(step)) return;
      open();
      expect(await append).toMatchObject({ baseOffset: appends });
    }),
  );
  expect(report.sweptObjects).toBeGreaterThanOrEqual(3);
  expect(valuesOf(await readAll(world.engine, 0))).toEqual([...values(appends), 'meanwhile']);
  expect(await audit(world)).toMatchObject({ missingObjects: 0 });
});

/** Calls `before` with the kind of each request: `get`, `query`, `update item`, `delete`, `list all` ... */
function watched<Stores extends Pick<World, 'objects' | 'table'>>(
  stores: Stores,
  before: (step: string) => Promise<void>,
): Stores {
  const { objects, table } = stores;
  const guarded = <Port extends object>(port: Port): Port =>
    Object.fromEntries(
      Object.entries(port).map(([name, call]) => [
        name,
        async (...args: unknown[]) => {
          await before(stepOf(name, args[0] as { readonly kind?: string }));
          return call(...args);
        },
      ]),
    ) as Port;
  return { ...stores, objects: guarded(objects), table: guarded(table) };
}

function stepOf(name: string, argument: { readonly kind?: string; readonly prefix?: string }): string {
  if (name === 'write') return `${argument.kind} item`;
  return name === 'list' && argument.prefix === undefined ? 'list all' : name;
}

test('an object of a partition that is added after the topics were first read is kept', async () => {
  const world = await fill(createWorld());
  const ahead = { ...world.clock, now: () => world.clock.now() + 4 * HOUR_MS };
  let isAdded = false;
  const stores = watched({ ...world, clock: ahead }, async (step) => {
    if (isAdded || step !== 'list all') return;
    isAdded = true;
    await world.engine.alterTopic({ topic: 't', partitions: 3 });
    expect(await appendOne(world.engine, 2, batchOf(['added']))).toMatchObject({ baseOffset: 0 });
  });
  expect(await sweepOf(stores)).toMatchObject({ sweptObjects: 3, audit: { orphans: 4 } });
  expect(isAdded).toBe(true);
  expect(valuesOf(await readAll(world.engine, 2))).toEqual(['added']);
});

test('a merge that puts its object before the list names it before the fences, or not at all', async () => {
  for (const moment of ['update item', 'delete']) {
    const world = await fill(createWorld());
    const merge = await putMerged(world, { topicId: world.topicId, partition: 0 });
    world.clock.advance(4 * HOUR_MS);
    let isNamed: boolean | undefined;
    const stores = watched(world, async (step) => {
      if (step === moment && isNamed === undefined) isNamed = await merge.name();
    });
    await sweepOf(stores);
    expect(isNamed).toBe(moment === 'update item');
    expect((await keysOf(world)).includes(merge.segment)).toBe(isNamed);
    expect(await audit(world)).toMatchObject({ missingObjects: 0 });
  }
});

test('a merge that names its object between the head and the log items is seen', async () => {
  const world = await fill(createWorld());
  const merge = await putMerged(world, { topicId: world.topicId, partition: 0 }, epochOfStart + 1);
  world.clock.advance(5 * HOUR_MS);
  let reads = 0;
  const table: Table = {
    ...world.table,
    async query(query) {
      const isSecondRead = query.pk === `${world.topicId}/0/p` && ++reads === 2;
      if (isSecondRead) await merge.name();
      return world.table.query(query);
    },
  };
  await sweepOf({ ...world, table }, { epoch: epochOfStart + 1 });
  expect(reads).toBe(2);
  expect(await audit(world)).toMatchObject({ missingObjects: 0 });
});

test('two sweeps at once delete what one of them would', async () => {
  const world = await fill(createWorld());
  world.clock.advance(4 * HOUR_MS);
  const reports = await Promise.all([sweepOf(world), sweepOf(world)]);
  expect(reports.every(({ sweptObjects }) => sweptObjects <= 3)).toBe(true);
  expect(await keysOf(world)).toHaveLength(appends);
  expect(valuesOf(await readAll(world.engine, 0))).toEqual(values(appends));
});

test('a sweep and an append whose clocks are an hour slow do no harm', async () => {
  const world = await fill(createWorld());
  world.clock.advance(4 * HOUR_MS);
  await sweepOf(world);
  const slow = { ...world.clock, now: () => world.clock.now() - HOUR_MS };
  const { baseOffset } = await appendOne(createEngine({ ...world, clock: slow }), 0, batchOf([`value ${appends}`]));
  expect(baseOffset).toBe(appends);
  expect(await sweepOf({ ...world, clock: slow })).toMatchObject({ sweptObjects: 0 });
  expect(await world.table.get(headKey(world.topicId, 0), { strong: true })).toMatchObject({ g: epochOfStart + 1 });
  expect(valuesOf(await readAll(world.engine, 0))).toEqual(values(appends + 1));
});

// --- bounds

test('a sweep that may hold few names deletes so many objects, says that there are more, and goes on', async () => {
  const world = await fill(createWorld());
  await world.engine.deleteTopic('t');
  world.clock.advance(4 * HOUR_MS);
  const first = await sweepOf(world, { maxNames: 20 });
  expect(first).toMatchObject({ sweptObjects: 20, audit: { orphans: appends + 3 } });
  expect(first.incomplete).toBe('more objects are unnamed than one sweep deletes');
  const second = await sweepOf(world, { maxNames: 100 });
  expect(second).toMatchObject({ sweptObjects: appends + 3 - 20 });
  expect(second).not.toHaveProperty('incomplete');
});

test('a sweep that runs out of time at any point deletes nothing that is named, and the next one goes on', async () => {
  for (let looks = 0; ; looks++) {
    const world = await fill(createWorld());
    world.clock.advance(4 * HOUR_MS);
    let left = looks;
    const report = await sweepOf(world, {}, { isOver: () => left-- <= 0 });
    const isWhole = report.incomplete === undefined;
    expect(report.sweptObjects).toBe(isWhole ? 3 : 0);
    if (!isWhole) expect(await sweepOf(world)).toMatchObject({ sweptObjects: 3 });
    expect(valuesOf(await readAll(world.engine, 0))).toEqual(values(appends));
    if (isWhole) break;
  }
});

test('a sweep deletes at most a thousand objects with a request', async () => {
  const world = createWorld();
  const batches: number[] = [];
  for (let i = 0; i < 2_500; i++) {
    const name = Uint8Array.from({ length: 8 }, (_, at) => (i >> (8 * at)) & 255);
    await world.objects.putOnce(segmentKey('ingest', 'A'.repeat(22), epochOfStart - 9, name), [new Uint8Array(1)]);
  }
  const objects: ObjectStore = {
    ...world.objects,
    delete: (keys) => {
      batches.push(keys.length);
      return world.objects.delete(keys);
    },
  };
  expect(await sweepOf({ ...world, objects })).toMatchObject({ sweptObjects: 2_500, sweptBytes: 2_500 });
  expect(batches).toEqual([1_000, 1_000, 500]);
});

// --- every request may fail

/** A sweep asks 256 table partitions for old inline items. It is enough to break one of those requests. */
const isLikeAnother = (name: string, [query]: unknown[]) =>
  name === 'query' && /^inline\/(?!00$)/.test((query as Query).pk);

/** The request with this number fails before it acts, or after. Later requests fail too if the process has died. */
function failing(world: Filled, at: number, isLate: boolean, dies: boolean): { stores: Filled; calls: () => number } {
  let calls = 0;
  const guarded = <Port extends object>(port: Port): Port =>
    Object.fromEntries(
      Object.entries(port).map(([name, call]) => [
        name,
        async (...args: unknown[]) => {
          if (isLikeAnother(name, args)) return call(...args);
          const number = ++calls;
          const isDead = dies && number > at;
          if (isDead || (number === at && !isLate)) throw new StorageError('no-answer', 'lost');
          const result = await call(...args);
          if (number === at) throw new StorageError('no-answer', 'the reply was lost');
          return result;
        },
      ]),
    ) as Port;
  return { stores: { ...world, objects: guarded(world.objects), table: guarded(world.table) }, calls: () => calls };
}

async function deletedWorld(): Promise<Filled> {
  const world = await fill(createWorld());
  await mergeAll(world, { topicId: world.topicId, partition: 0 });
  await world.engine.deleteTopic('t');
  await world.engine.createTopic({ topic: 't' });
  await appendOne(world.engine, 0, batchOf(values(3)));
  world.clock.advance(3 * DAY_MS);
  return world;
}

test.each([
  ['before it acts', false, false],
  ['before it acts, and the process dies', false, true],
  ['after it has acted, and the process dies', true, true],
])('each request of a sweep fails %s, and the next sweep finishes', async (_name, isLate, dies) => {
  let failures = 0;
  for (let at = 1; ; at++) {
    const world = await fill(createWorld());
    world.clock.advance(4 * HOUR_MS);
    const { stores, calls } = failing(world, at, isLate, dies);
    const error = await sweepOf(stores).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error) failures += 1;
    else if (calls() < at) break;
    await sweepOf(world);
    expect(await keysOf(world)).toHaveLength(appends);
    expect(valuesOf(await readAll(world.engine, 0))).toEqual(values(appends));
    expect(await audit(world)).toMatchObject({ missingObjects: 0, orphans: 0 });
  }
  expect(failures).toBeGreaterThan(15);
});

test.each([
  ['before it acts, and the process dies', false],
  ['after it has acted, and the process dies', true],
])('each request of the removal of a deleted topic fails %s, and the next sweep finishes', async (_name, isLate) => {
  let failures = 0;
  for (let at = 1; ; at++) {
    const world = await deletedWorld();
    await sweepOf(world);
    const { stores, calls } = failing(world, at, isLate, true);
    const error = await sweepOf(stores).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error) failures += 1;
    else if (calls() < at) break;
    await sweepOf(world);
    expect(await itemsOf(world.table, world.topicId)).toEqual([]);
    expect(valuesOf(await readAll(world.engine, 0))).toEqual(values(3));
  }
  expect(failures).toBeGreaterThan(15);
});

test('a damaged head ends the sweep before anything is deleted', async () => {
  const world = await fill(createWorld());
  world.clock.advance(4 * HOUR_MS);
  const table: Table = {
    ...world.table,
    get: (key, options) =>
      key.sk === 'h'
        ? Promise.reject(new StorageError('corrupt', 'the item is damaged'))
        : world.table.get(key, options),
  };
  await expect(sweepOf({ ...world, table })).rejects.toThrow('the item is damaged');
  expect(await keysOf(world)).toHaveLength(appends + 3);
});
