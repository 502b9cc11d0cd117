// This version reads the stores of all released versions and continues to write to them. The tests run over every adapter
// of the table, and over the data directory as it was. stored.ts describes the fixtures.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import type { Engine } from '../../lib/api/engine.ts';
import type { AppendAck, PartitionRecords } from '../../lib/api/records.ts';
import { createEngine } from '../../lib/engine.ts';
import { merge } from '../../lib/maintenance/merge.ts';
import { type DecodedRecord, decodeBatch, encodeBatch } from '../../lib/record/batch.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { inParallel } from '../../lib/runtime/concurrency.ts';
import { createDynamoDbTable } from '../../lib/storage/aws/dynamodb-table.ts';
import { openAwsStorage } from '../../lib/storage/aws/ports.ts';
import { newCounters } from '../../lib/storage/count.ts';
import { createFileObjectStore } from '../../lib/storage/embedded/file-object-store.ts';
import { createSqliteTable } from '../../lib/storage/embedded/sqlite-table.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import type { Table } from '../../lib/storage/table.ts';
import { openBackend } from '../../local/backend.ts';
import { startServer } from '../../local/server.ts';
import { createTestBucket, createTestTable, onEndpoint, onStorage } from '../aws/resources.ts';
import { createTestClock, startMs } from '../log/world.ts';
import { fullPassOver } from '../maintenance/pass.ts';
import { expectGroups } from './groups.ts';
import { jsonRecords } from './populate.ts';
import {
  copyHome,
  load,
  readExpected,
  type Stored,
  type StoredProducer,
  type StoredRecord,
  versions,
} from './stored.ts';

/**
 * An endpoint takes a hundred times as long for a request as the memory does. So there only some of the times are searched for, and
 * one partition is extended. FORMATS=all does everything there too.
 */
const isSampled = process.env.FORMATS !== 'all';

type Ports = { readonly objects: ObjectStore; readonly table: Table };

const cleanups: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const clean of cleanups.reverse()) await clean();
});

/** A clock an hour after the store was closed. Its random values are real, because names of segments must be new. */
function laterClock({ closedMs }: Stored, laterMs = 3_600_000) {
  const clock = createTestClock();
  clock.advance(closedMs - startMs + laterMs);
  return { ...clock, random: systemClock.random, randomBytes: systemClock.randomBytes };
}

function newFolder(version: string): string {
  const folder = copyHome(version);
  cleanups.push(() => rm(folder, { recursive: true }));
  return folder;
}

function openFolder(folder: string): Ports {
  const table = createSqliteTable({ path: join(folder, 'table.sqlite') });
  cleanups.push(() => table.close());
  return { objects: createFileObjectStore({ directory: folder }), table };
}

async function loaded(version: string, ports: Ports): Promise<Ports> {
  await load(version, ports);
  return ports;
}

const memoryObjects = () => createMemoryObjectStore({ clock: systemClock });

for (const version of versions()) {
  suite(version, 'its own folder', async () => openFolder(newFolder(version)));
  suite(version, 'memory', () => loaded(version, { objects: memoryObjects(), table: createMemoryTable() }));
  suite(version, 'a new folder', async () => {
    const folder = newFolder(version);
    const names = ['table.sqlite', 'table.sqlite-mark', 'objects'];
    await Promise.all(names.map((name) => rm(join(folder, name), { recursive: true, force: true })));
    return loaded(version, openFolder(folder));
  });
  backendSuite(version);
}

await onEndpoint('dynamodb-local', (connection) => {
  for (const version of versions())
    suite(
      version,
      'DynamoDB Local',
      async () => {
        const tableName = await createTestTable(connection);
        return loaded(version, { objects: memoryObjects(), table: createDynamoDbTable({ ...connection, tableName }) });
      },
      isSampled,
    );
});

await onStorage((connection) => {
  for (const version of versions())
    suite(
      version,
      'S3 (LocalStack) and DynamoDB Local',
      async () => {
        const [bucket, tableName] = await Promise.all([createTestBucket(connection), createTestTable(connection)]);
        const names = { bucket, tableName, forcePathStyle: true };
        const ports = openAwsStorage({ ...connection, ...names, clock: systemClock, totals: newCounters() });
        return loaded(version, ports);
      },
      isSampled,
    );
});

/** The tests follow each other on one store: they read first, and then write more. */
function suite(version: string, where: string, open: () => Promise<Ports>, isSmall = false): void {
  const stored = readExpected(version);
  const clock = laterClock(stored);
  let opened: Promise<Ports> | undefined;
  const portsOf = () => (opened ??= open());
  const engineOf = async () => createEngine({ ...(await portsOf()), clock });

  describe(`a store of ${version}, in ${where}`, { timeout: 60_000 }, () => {
    test('has its topics and their configurations', async () => {
      const engine = await engineOf();
      const { topics } = await engine.listTopics({});
      expect(topics.map(({ topic }) => topic)).toEqual(stored.topics.map(({ topic }) => topic));
      for (const { config, ...expected } of stored.topics) {
        const { config: entries, ...described } = await engine.describeTopic(expected.topic);
        expect(described).toMatchObject(expected);
        const changed = entries.filter(({ isDefault }) => !isDefault).map(({ name, value }) => [name, value]);
        expect(Object.fromEntries(changed)).toEqual(config);
      }
    });

    test('has every record at its offset', async () => {
      const engine = await engineOf();
      for (const { topic, partition, records } of stored.partitions)
        expect(await readAll(engine, topic, partition), `${topic} ${partition}`).toEqual(records);
    });

    test('knows where each partition begins and ends', async () => {
      const engine = await engineOf();
      for (const { topic, partition, records } of stored.partitions) {
        expect(await offsetAt(engine, topic, partition, 'earliest')).toBe(0);
        expect(await offsetAt(engine, topic, partition, 'latest')).toBe(records.length);
      }
    });

    test('finds the first record at or after any time', async () => {
      const engine = await engineOf();
      for (const { topic, partition, records } of stored.partitions) {
        const all = [...new Set(records.flatMap(({ timestampMs }) => [timestampMs, timestampMs + 1]))];
        // Odd, so that both a record's own time and the one after it are among them.
        const times = isSmall ? all.filter((_, i) => i % 15 === 0) : all;
        const found = await inParallel(times, 4, (atMs) => offsetAt(engine, topic, partition, atMs));
        const expected = times.map((atMs) => records.find(({ timestampMs }) => timestampMs >= atMs)?.offset ?? -1);
        expect(found, `${topic} ${partition} at ${times}`).toEqual(expected);
      }
    });

    test('does not have a deleted topic, and its name is free', async () => {
      const engine = await engineOf();
      for (const topic of stored.deletedTopics) {
        await expect(engine.describeTopic(topic)).rejects.toMatchObject({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' });
        await engine.createTopic({ topic, partitions: 2 });
        expect(await readAll(engine, topic, 1)).toEqual([]);
      }
    });

    test('knows its producers: a repeat is a duplicate, and the next batch continues', async () => {
      const engine = await engineOf();
      for (const producer of stored.producers) {
        const { baseOffset, baseSequence, values, topic, partition } = producer;
        const repeat = await appendOf(engine, producer, values, baseSequence);
        expect(repeat, JSON.stringify(producer)).toMatchObject({ baseOffset, duplicate: true });
        const end = await offsetAt(engine, topic, partition, 'latest');
        const next = await appendOf(engine, producer, ['later'], baseSequence + values.length);
        expect(next, JSON.stringify(producer)).toMatchObject({ baseOffset: end, duplicate: false });
      }
      expect((await engine.newProducer()).producerId).toBeGreaterThan(stored.lastProducerId);
    });

    test('knows its Idempotency-Keys', async () => {
      const engine = await engineOf();
      for (const { topic, idempotencyKey, values, placed } of stored.keys) {
        const request = { topic, idempotencyKey };
        const { records } = await engine.appendRecords({ ...request, records: jsonRecords(values) });
        expect(records).toMatchObject(placed.map((place) => ({ ...place, duplicate: true })));
        const other = engine.appendRecords({ ...request, records: jsonRecords(['another']) });
        await expect(other).rejects.toMatchObject({ errorCode: 'IDEMPOTENCY_KEY_REUSED' });
      }
    });

    test('knows its groups: the owners of partitions, and the committed offsets', async () => {
      const atClosing = createEngine({ ...(await portsOf()), clock: laterClock(stored, 0) });
      await expectGroups(await engineOf(), stored.groups, atClosing);
    });

    test('takes more records after those that it has', async () => {
      const engine = await engineOf();
      const more = Array.from({ length: 25 }, (_, i) => `more ${i}`);
      const appendMore = async ({ topic, partition, records }: Stored['partitions'][number]) => {
        const end = await offsetAt(engine, topic, partition, 'latest');
        for (const value of more) await appendOf(engine, { topic, partition }, [value]);
        const now = await readAll(engine, topic, partition);
        expect(now.slice(0, records.length)).toEqual(records);
        expect(now.slice(end).map(({ value }) => value)).toEqual(more);
      };
      const longest = stored.partitions.toSorted((a, b) => b.records.length - a.records.length);
      await Promise.all((isSmall ? longest.slice(0, 1) : longest).map(appendMore));
    });

    test('is merged, and is the same', async () => {
      const ports = await portsOf();
      const engine = await engineOf();
      const pass = fullPassOver({ ...ports, clock });
      for (const { topic, partition } of stored.partitions) {
        const before = await readAll(engine, topic, partition);
        const { topicId } = await engine.describeTopic(topic);
        await merge(pass, { topicId, partition });
        expect(await readAll(await engineOf(), topic, partition), `${topic} ${partition}`).toEqual(before);
      }
      expect(pass.damage).toEqual([]);
      expect(pass.counts.mergedRecords).toBeGreaterThan(100);
      for (const { baseOffset, baseSequence, values, ...producer } of stored.producers) {
        const repeat = await appendOf(await engineOf(), producer, values, baseSequence);
        expect(repeat, JSON.stringify(producer)).toMatchObject({ duplicate: true });
      }
    });
  });
}

/** Does what a person would do: it serves the directory and reads it through the SDK. */
function backendSuite(version: string): void {
  test(`the table of ${version} is brought to today's format, and whole in it`, () => {
    const directory = newFolder(version);
    for (let start = 0; start < 2; start++) {
      const backend = openBackend({ directory });
      expect(backend.damagedItems).toEqual([]);
      backend.close();
    }
    const database = new DatabaseSync(join(directory, 'table.sqlite'), { readOnly: true });
    expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: 2 });
    database.close();
  });

  test(`a data directory of ${version} is served`, async () => {
    const stored = readExpected(version);
    const backend = openBackend({ directory: newFolder(version), clock: laterClock(stored) });
    const server = await startServer({ api: backend.api, clock: systemClock });
    const rivulet = new Rivulet({ url: server.url });
    const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
    consumer.assign(stored.partitions.map(({ topic, partition }) => ({ topic, partition })));
    const expected = stored.partitions.flatMap(({ topic, partition, records }) =>
      records.map(({ offset, value }) => `${topic} ${partition} ${offset} ${value}`),
    );
    const found: string[] = [];
    for await (const { topic, partition, offset, value } of consumer)
      if (found.push(`${topic} ${partition} ${offset} ${value}`) === expected.length) break;
    expect(found.sort()).toEqual(expected.sort());
    await server.close();
    backend.close();
  });
}

async function readAll(engine: Engine, topic: string, partition: number): Promise<StoredRecord[]> {
  const found: StoredRecord[] = [];
  for (;;) {
    const request = { topic, partitions: [{ partition, offset: found.length }], maxBytes: 4_000 };
    const [result] = (await engine.fetch(request)).partitions;
    const records = (result as PartitionRecords).batches.flatMap((batch) => decodeBatch(batch).records);
    const fresh = records.filter(({ offset }) => offset >= found.length);
    if (fresh.length === 0) return found;
    found.push(...fresh.map(readable));
  }
}

const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString());

const readable = ({ offset, timestampMs, key, value, headers }: DecodedRecord): StoredRecord => ({
  offset,
  timestampMs,
  key: text(key),
  value: text(value),
  headers: headers.map((header) => [header.key, text(header.value)]),
});

async function offsetAt(engine: Engine, topic: string, partition: number, at: 'earliest' | 'latest' | number) {
  const reply = await engine.offsets({ topic, at, partitions: [partition] });
  return reply.partitions[0]!.offset;
}

/** Appends as the producer, if `producerId` is given. */
async function appendOf(
  engine: Engine,
  { topic, partition, producerId, epoch }: Partial<StoredProducer> & Pick<StoredProducer, 'topic' | 'partition'>,
  values: readonly string[],
  baseSequence = 0,
): Promise<AppendAck> {
  const identity = producerId === undefined ? {} : { producerId, producerEpoch: epoch!, baseSequence };
  const timestampMs = startMs;
  const records = values.map((value) => ({
    key: Buffer.from('k'),
    value: Buffer.from(value),
    headers: [],
    timestampMs,
  }));
  const reply = await engine.append({ topic, partitions: [{ partition, batches: encodeBatch(records, identity) }] });
  const result = reply.partitions[0]!;
  if ('error' in result) throw result.error;
  return result;
}
