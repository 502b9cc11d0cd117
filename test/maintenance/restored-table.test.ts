// A table is restored beside the live one, over one bucket. A sweep from it deletes nothing, until an operator gives it
// the bucket as the last step of the restore.
import { describe, expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { sweep } from '../../lib/maintenance/sweep.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { createDynamoDbTable } from '../../lib/storage/aws/dynamodb-table.ts';
import { createS3ObjectStore } from '../../lib/storage/aws/s3-object-store.ts';
import { pagesPartition, topicsPartition } from '../../lib/storage/keys.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Table } from '../../lib/storage/table.ts';
import { createTestBucket, createTestTable, onStorage } from '../aws/resources.ts';
import { appendOne, batchOf, createTestClock, readAll, type TestClock, valuesOf } from '../log/world.ts';
import { passOver } from './pass.ts';

const HOUR_MS = 3_600_000;

type Opened = { objects: ObjectStore; newTable: () => Promise<Table> };

/** Restores a table: the other one then has the items of this one as they are now. */
async function copyItems(from: Table, to: Table, topicId: string): Promise<void> {
  for (const pk of [topicsPartition, `${topicId}/0`, pagesPartition(topicId, 0)]) {
    const { items } = await from.query({ pk, strong: true });
    for (const item of items) await to.write({ kind: 'put', item });
  }
}

function restoredBeside(name: string, open: (clock: TestClock) => Promise<Opened>): void {
  describe(`a table that is restored beside the live one, ${name}`, () => {
    async function restore() {
      // The emulator's database outlives a test, and remembers the tokens of transactions.
      const clock = { ...createTestClock(), randomBytes: systemClock.randomBytes };
      const { objects, newTable } = await open(clock);
      const live = { objects, table: await newTable(), clock };
      const engine = createEngine(live);
      const { topicId } = await engine.createTopic({ topic: 't' });
      await appendOne(engine, 0, batchOf(['before']));
      await sweepFrom(live, 'live');
      const restored = { objects, table: await newTable(), clock };
      await copyItems(live.table, restored.table, topicId);
      await appendOne(engine, 0, batchOf(['after']));
      clock.advance(4 * HOUR_MS);
      return { live, restored, engine };
    }

    type Stores = Awaited<ReturnType<typeof restore>>['live'];
    const sweepFrom = (stores: Stores, tableName: string, options = {}, more = {}) =>
      sweep(passOver(stores, { tableName, ...more }), options);

    test('deletes nothing, and says why', { timeout: 60_000 }, async () => {
      const { live, restored, engine } = await restore();
      const before = await live.objects.list({});
      for (const isDryRun of [true, false]) {
        const report = await sweepFrom(restored, 'restored', {}, { isDryRun });
        expect(report).toMatchObject({ audit: { orphans: 1, missingObjects: 0 }, sweptObjects: 0 });
        expect(report.refusal).toMatch(
          /^the bucket belongs to table live, so this sweep from table restored deletes nothing: if restored replaces it/,
        );
      }
      expect(await live.objects.list({})).toEqual(before);
      expect(valuesOf(await readAll(engine, 0))).toEqual(['before', 'after']);
      expect(await sweepFrom(live, 'live')).not.toHaveProperty('refusal');
    });

    test('deletes once it has the bucket, and then the other one deletes nothing', { timeout: 60_000 }, async () => {
      const { live, restored } = await restore();
      expect(await sweepFrom(restored, 'restored', { adopt: true }, { isDryRun: true })).toHaveProperty('refusal');
      const report = await sweepFrom(restored, 'restored', { adopt: true });
      expect(report).toMatchObject({ audit: { orphans: 1, foreign: 0 }, sweptObjects: 1 });
      expect(valuesOf(await readAll(createEngine(restored), 0))).toEqual(['before']);
      const { refusal } = await sweepFrom(live, 'live');
      expect(refusal).toContain('the bucket belongs to table restored');
      expect(await sweepFrom(restored, 'restored', { adopt: true })).not.toHaveProperty('refusal');
      expect((await restored.objects.list({ prefix: 'rivulet/' })).objects.map(({ key }) => key)).toEqual([
        'rivulet/table/0000000000000001',
        'rivulet/table/0000000000000002',
      ]);
    });
  });
}

const openMemory = async (clock: TestClock): Promise<Opened> => ({
  objects: createMemoryObjectStore({ clock }),
  newTable: async () => createMemoryTable(),
});

restoredBeside('in memory', openMemory);

await onStorage(({ dynamoDb, ...connection }) =>
  restoredBeside('in S3 and DynamoDB', async () => ({
    objects: createS3ObjectStore({ ...connection, bucket: await createTestBucket(connection), forcePathStyle: true }),
    newTable: async () =>
      createDynamoDbTable({
        ...{ ...connection, ...dynamoDb },
        tableName: await createTestTable({ ...connection, ...(dynamoDb && { dynamoDb }) }),
      }),
  })),
);

async function opened() {
  const clock = createTestClock();
  const { objects, newTable } = await openMemory(clock);
  return { objects, table: await newTable(), clock };
}

test('of two tables that take a bucket at once, one gets it', async () => {
  for (const adopt of [false, true]) {
    const stores = await opened();
    const reports = await Promise.all(
      ['one', 'other'].map((tableName) => sweep(passOver(stores, { tableName }), { adopt })),
    );
    expect(reports.filter(({ refusal }) => refusal === undefined)).toHaveLength(1);
  }
});

test('a sweep stops deleting when the bucket is given to another table meanwhile', async () => {
  const stores = await opened();
  const engine = createEngine(stores);
  await engine.createTopic({ topic: 't' });
  await appendOne(engine, 0, batchOf(['value']));
  await engine.deleteTopic('t');
  stores.clock.advance(4 * HOUR_MS);
  await sweep(passOver(stores, { tableName: 'other', isDryRun: true }));
  let isGiven = false;
  const objects: ObjectStore = {
    ...stores.objects,
    async list(request) {
      const page = await stores.objects.list(request);
      const isAudit = request.prefix === undefined;
      if (isAudit && !isGiven) {
        isGiven = true;
        await sweep(passOver({ ...stores, table: createMemoryTable() }, { tableName: 'other', isOver: () => true }), {
          adopt: true,
        });
      }
      return page;
    },
  };
  const report = await sweep(passOver({ ...stores, objects }));
  expect(report).toMatchObject({ sweptObjects: 0, audit: { orphans: 1 } });
  expect(report.incomplete).toContain('the bucket belongs to table other');
  expect((await stores.objects.list({})).objects).toHaveLength(3);
});

test('a bucket whose name cannot be read is not swept', async () => {
  const stores = await opened();
  await sweep(passOver(stores));
  const blind = { ...stores.objects, get: async () => undefined };
  await expect(sweep(passOver({ ...stores, objects: blind }))).rejects.toThrow(
    'the object rivulet/table/0000000000000001 is missing, or this role may not read it',
  );
});

test('a put of the name whose reply is lost is found by the next sweep', async () => {
  const stores = await opened();
  const objects: ObjectStore = {
    ...stores.objects,
    async putOnce(key, chunks) {
      await stores.objects.putOnce(key, chunks);
      throw new StorageError('no-answer', 'the reply was lost');
    },
  };
  await expect(sweep(passOver({ ...stores, objects }))).rejects.toThrow('the reply was lost');
  expect(await sweep(passOver(stores))).not.toHaveProperty('refusal');
  expect((await stores.objects.list({})).objects).toHaveLength(1);
});
