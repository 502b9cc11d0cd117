// Small appends over a table that puts an item and updates the head in one commit, as the embedded one does.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { fenceHead } from '../../lib/partition/fence.ts';
import { segmentEpochAt } from '../../lib/partition/head.ts';
import { countingTable, newCounters } from '../../lib/storage/count.ts';
import { createSqliteTable, type SqliteTable } from '../../lib/storage/embedded/sqlite-table.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Table } from '../../lib/storage/table.ts';
import { inlineItemsOf } from './inline-items.ts';
import { appendOne, batchOf, createWorld, readAll, startMs, text, tryAppend, valuesOf, type World } from './world.ts';

let directory: string;
let sqlite: SqliteTable;
let world: World;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rivulet-inline-'));
  sqlite = createSqliteTable({ path: join(directory, 'table.sqlite') });
  world = createWorld(({ objects }) => ({ objects, table: sqlite }));
  await world.engine.createTopic({ topic: 't', partitions: 3, config: { 'rivulet.inline.max.bytes': '65536' } });
});
afterEach(() => {
  sqlite.close();
  rmSync(directory, { recursive: true });
});

const commits = () => Number(readFileSync(join(directory, 'table.sqlite-mark'), 'latin1').slice(0, 16));
const valuesIn = async (partition: number) => valuesOf(await readAll(createEngine(world), partition));

/** Another process, whose pairs of writes go through this. */
const engineOver = (writeBoth: NonNullable<Table['writeBoth']>) =>
  createEngine({ ...world, table: { ...sqlite, writeBoth } });

test('an append to three partitions takes one commit, and is billed as items and heads', async () => {
  const totals = newCounters();
  const engine = createEngine({ ...world, table: countingTable(sqlite, totals) });
  await appendOne(engine, 0, batchOf(['first']));
  const [before, unitsBefore] = [commits(), totals.writeUnits];
  const partitions = [0, 1, 2].map((partition) => ({ partition, batches: batchOf([`v${partition}`]) }));
  await engine.append({ topic: 't', partitions });
  expect([commits() - before, totals.writeUnits - unitsBefore]).toEqual([1, 6]);
  expect(await inlineItemsOf(sqlite)).toHaveLength(4);
  expect([await valuesIn(0), await valuesIn(1)]).toEqual([['first', 'v0'], ['v1']]);
});

test('a partition that refuses its run leaves the others of the request alone', async () => {
  const parts = [0, 1, 2].map((partition) => ({ partition, batches: batchOf([`v${partition}`]) }));
  await appendOne(world.engine, 1, batchOf(['first']));
  const { partitions } = await world.engine.append({
    topic: 't',
    partitions: parts.map((part) => ({ ...part, expectedOffset: 0 })),
  });
  expect(partitions).toMatchObject([
    { baseOffset: 0 },
    { error: { errorCode: 'UNEXPECTED_OFFSET' } },
    { baseOffset: 0 },
  ]);
  expect(await Promise.all([0, 1, 2].map(valuesIn))).toEqual([['v0'], ['first'], ['v2']]);
});

test('a head that is fenced meanwhile gets the run under a newer name', async () => {
  const { topicId } = await world.engine.describeTopic('t');
  const epoch = segmentEpochAt(startMs) + 5;
  const fenced = engineOver(async (first, second) => {
    await fenceHead(sqlite, { topicId, partition: 0 }, epoch);
    return sqlite.writeBoth!(first, second);
  });
  expect(await appendOne(fenced, 0, batchOf(['v']))).toMatchObject({ baseOffset: 0 });
  expect(await valuesIn(0)).toEqual(['v']);
  // The first item is an orphan.
  expect(await inlineItemsOf(sqlite)).toHaveLength(2);
});

test('an item whose name is taken is not named', async () => {
  const engine = engineOver(async (first, second) => {
    if (first.kind === 'put') await sqlite.write({ kind: 'put', item: { ...first.item, d: text('other') } });
    return sqlite.writeBoth!(first, second);
  });
  await expect(appendOne(engine, 0, batchOf(['v']))).rejects.toMatchObject({ outcome: 'not-written' });
  expect(await valuesIn(0)).toEqual([]);
});

test.each([
  ['never done', false, true, 'unknown'],
  ['done', true, true, 'unknown'],
  ['refused by a full disk', false, false, 'not-written'],
] as const)(
  'a commit that was %s and failed is told truly, and a repeat writes once',
  async (_, acts, doubt, outcome) => {
    const { producerId, epoch: producerEpoch } = await world.engine.newProducer();
    const batch = () => batchOf(['v'], { producerId, producerEpoch, baseSequence: 0 });
    const engine = engineOver(async (first, second) => {
      if (acts) await sqlite.writeBoth!(first, second);
      throw new StorageError('denied', 'the disk', { mayHaveActed: doubt });
    });
    expect(await tryAppend(engine, 0, batch())).toMatchObject({ error: { outcome } });
    expect(await valuesIn(0)).toEqual(acts ? ['v'] : []);
    expect(await appendOne(createEngine(world), 0, batch())).toMatchObject({ baseOffset: 0, duplicate: acts });
    expect(await valuesIn(0)).toEqual(['v']);
  },
);
