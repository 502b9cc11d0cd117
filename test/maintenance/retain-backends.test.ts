// One life of a log that loses its oldest records, on every backend: DynamoDB may refuse what the memory table lets pass.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { merge } from '../../lib/maintenance/merge.ts';
import { retain } from '../../lib/maintenance/retain.ts';
import { logItemAt } from '../../lib/partition/log-item.ts';
import { createDynamoDbTable } from '../../lib/storage/aws/dynamodb-table.ts';
import { createFileObjectStore } from '../../lib/storage/embedded/file-object-store.ts';
import { createSqliteTable } from '../../lib/storage/embedded/sqlite-table.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import type { Table } from '../../lib/storage/table.ts';
import { createTestTable, onEndpoint } from '../aws/resources.ts';
import { appendOne, batchOf, createTestClock, readAll } from '../log/world.ts';
import { dayMs, makeOld, passOver, topicOf } from './pass.ts';

const clock = createTestClock();

function life(name: string, open: () => Promise<{ objects: ObjectStore; table: Table }>): void {
  test(`on ${name} a log is merged, loses its oldest records, and goes on`, async () => {
    const ports = { ...(await open()), clock };
    const engine = createEngine(ports);
    const pass = async () => retain(passOver(ports), await topicOf(ports), 0);
    const earliest = async () => (await engine.describePartitions({ topic: 't', storage: true })).partitions[0]!;
    const { topicId } = await engine.createTopic({ topic: 't', config: { 'retention.ms': String(dayMs) } });
    const address = { topicId, partition: 0 };
    const fill = async (count: number) => {
      for (let i = 0; i < count; i++) await appendOne(engine, 0, batchOf([`v${i}`], { timestampMs: clock.now() }));
    };
    await fill(40);
    await merge(passOver(ports, { isFull: true }), address);
    const { endOffset } = (await logItemAt(ports.table, address, 0))!;
    clock.advance(2 * dayMs);
    await fill(3);
    await makeOld(ports.table);
    await pass();
    expect(await earliest()).toMatchObject({ earliest: 0, storage: { logSegments: 1 } });
    await engine.alterTopic({ topic: 't', config: { 'retention.ms': String(dayMs) } });
    await pass();
    expect(await earliest()).toMatchObject({ earliest: 40, latest: 43, storage: { logSegments: 0 } });
    expect(await logItemAt(ports.table, address, 0)).toBeUndefined();
    expect(endOffset).toBeLessThan(40);
    await expect(readAll(engine, 0, 39)).rejects.toMatchObject({ errorCode: 'OFFSET_OUT_OF_RANGE' });
    const { partitions } = await engine.deleteRecords({ topic: 't', partitions: [{ partition: 0, offset: 42 }] });
    expect(partitions).toEqual([{ partition: 0, logStartOffset: 42 }]);
    await fill(1);
    expect((await readAll(engine, 0, 42)).map(({ offset }) => offset)).toEqual([42, 43]);
  });
}

const directory = mkdtempSync(join(tmpdir(), 'rivulet-retain-'));
const sqlite = createSqliteTable({ path: join(directory, 'table.sqlite') });
afterAll(() => {
  sqlite.close();
  rmSync(directory, { recursive: true });
});

life('memory', async () => ({ objects: createMemoryObjectStore({ clock }), table: createMemoryTable() }));
life('files and SQLite', async () => ({
  objects: createFileObjectStore({ directory: join(directory, 'objects') }),
  table: sqlite,
}));
await onEndpoint('dynamodb-local', (connection) =>
  life('DynamoDB Local', async () => ({
    objects: createMemoryObjectStore({ clock }),
    table: createDynamoDbTable({ ...connection, tableName: await createTestTable(connection) }),
  })),
);
