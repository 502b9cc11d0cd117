// The stored pieces of a partition, over each zone of its index, and the bytes of each.
import { beforeEach, describe, expect, test } from 'vitest';
import type { PartitionSegment } from '../../lib/api/segments.ts';
import { createEngine } from '../../lib/engine.ts';
import { runPass } from '../../lib/maintenance/pass.ts';
import { requestPass } from '../../lib/maintenance/pass-item.ts';
import { decodeBatch, encodeBatch } from '../../lib/record/batch.ts';
import { splitBatches } from '../../lib/record/batch-header.ts';
import type { Table } from '../../lib/storage/table.ts';
import { startProducer } from '../transaction/world.ts';
import { appendOne, batchOf, createWorld, startMs, text, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = createWorld();
  await world.engine.createTopic({ topic: 't', partitions: 2 });
});

/** The pieces from an offset on, over as many pages as it takes. */
async function allOf({ engine }: World, limit = 7, from = 0): Promise<PartitionSegment[]> {
  const { segments, nextOffset } = await engine.segments.list({ topic: 't', partition: 0, from, limit });
  expect(segments.length).toBeLessThanOrEqual(limit);
  return nextOffset === undefined
    ? [...segments]
    : [...segments, ...(await allOf({ engine } as World, limit, nextOffset))];
}

async function bytesOf({ engine }: Pick<World, 'engine'>, offset: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let fromByte = 0; ; ) {
    const { bytes, segment } = await engine.segments.read({ topic: 't', partition: 0, offset, fromByte });
    pieces.push(bytes);
    fromByte += bytes.length;
    if (fromByte === segment.bytes) return Buffer.concat(pieces);
  }
}

const valuesIn = (bytes: Uint8Array): string[] =>
  splitBatches(bytes).flatMap(({ from, to }) =>
    decodeBatch(bytes.subarray(from, to)).records.map(({ value }) => new TextDecoder().decode(value!)),
  );

const fill = async (values: readonly string[]) => {
  for (const value of values) await appendOne(world.engine, 0, batchOf([value]));
};
const numbered = (count: number, name = 'v') => Array.from({ length: count }, (_, i) => `${name}${i}`);

async function merge(): Promise<void> {
  const { objects, table, clock } = world;
  const tools = { objects, table, clock, isOver: () => false, mergeDelayMs: 0, maySweep: true, tableName: '' };
  const { topicId } = await world.engine.describeTopic('t');
  const { pass } = await requestPass({ table, clock }, topicId, { full: true });
  await runPass(tools, { passId: pass.passId, topicId });
}

/** Without a hole, and each with exactly the records of its offsets. */
async function expectWhole(values: readonly string[]): Promise<PartitionSegment[]> {
  const segments = await allOf(world);
  let next = 0;
  for (const { baseOffset, endOffset } of segments) {
    expect(baseOffset).toBe(next);
    expect(valuesIn(await bytesOf(world, baseOffset))).toEqual(values.slice(baseOffset, endOffset));
    next = endOffset;
  }
  expect(next).toBe(values.length);
  return segments;
}

describe('the pieces of a partition', () => {
  test('are log segments, index pages and a tail, without a hole', async () => {
    await fill(numbered(80));
    await merge();
    await fill(numbered(80, 'w'));
    const segments = await expectWhole([...numbered(80), ...numbered(80, 'w')]);
    const zones = segments.map(({ indexedIn }) => indexedIn);
    expect([...new Set(zones)]).toEqual(['log', 'page', 'tail']);
    const inPages = segments.filter(({ indexedIn }) => indexedIn === 'page');
    for (const { pageOffset, baseOffset } of inPages) expect(pageOffset).toBeLessThanOrEqual(baseOffset);
    for (const { createdMs } of segments) expect(Math.abs(createdMs - startMs)).toBeLessThan(3_600_000);
    const reply = await world.engine.segments.list({ topic: 't', partition: 0 });
    const last = (zone: string) => segments.findLast(({ indexedIn }) => indexedIn === zone)!.endOffset;
    expect(reply).toMatchObject({ mergedOffset: last('log'), tailOffset: last('page'), highWatermark: 160 });
  });

  test('of a transaction are the batches that it staged, also where a list names them', async () => {
    const producer = await startProducer(world.engine, 'tx');
    for (const value of numbered(6)) await producer.stage('t', 0, [value]);
    await producer.commit();
    const segments = await expectWhole(numbered(6));
    expect(segments.map(({ kind }) => kind)).toEqual(Array(6).fill('staged'));
    expect((await allOf(world, 2, 3)).map(({ baseOffset }) => baseOffset)).toEqual([3, 4, 5]);
  });

  test('show a list that is gone, and go on behind it', async () => {
    const producer = await startProducer(world.engine, 'tx');
    for (const value of numbered(6)) await producer.stage('t', 0, [value]);
    await producer.commit();
    await fill(['after']);
    const [first] = await allOf(world);
    const staged = new Set((await allOf(world)).map(({ object }) => object));
    const { objects } = await world.objects.list({});
    await world.objects.delete(
      objects.map(({ key }) => key).filter((key) => key.includes('/txn/') && !staged.has(key)),
    );
    const damaged = await allOf(createOther());
    expect(damaged).toMatchObject([{ kind: 'list', baseOffset: 0, endOffset: 6 }, { baseOffset: 6 }]);
    expect(damaged[0]!.object).not.toBe(first!.object);
    await expect(bytesOf(createOther(), 0)).rejects.toMatchObject({ errorCode: 'CORRUPT_LOG' });
  });

  const createOther = (): World => ({ ...world, engine: createEngine(world) });
});

describe('the bytes of a piece', () => {
  test('come in portions of at most 4 MiB', async () => {
    const value = new Uint8Array(3_000_000).map((_, i) => i * 7);
    const batch = () => encodeBatch([{ key: text('k'), value, headers: [], timestampMs: startMs }]);
    await world.engine.alterTopic({ topic: 't', config: { 'max.message.bytes': '3900000' } });
    for (let i = 0; i < 3; i++) await appendOne(world.engine, 0, batch());
    // Only what has left the tail is merged.
    await fill(numbered(60));
    await merge();
    const [segment] = await allOf(world);
    expect(segment).toMatchObject({ kind: 'log', baseOffset: 0 });
    expect(segment!.bytes).toBeGreaterThan(9_000_000);
    const { bytes } = await world.engine.segments.read({ topic: 't', partition: 0, offset: 1 });
    expect(bytes.length).toBe(4 * 1024 * 1024);
    expect(splitBatches(await bytesOf(world, 1))).toHaveLength(segment!.endOffset);
  });

  test('are refused where the object has changed, is cut or is gone', async () => {
    await fill(numbered(3));
    const [segment] = await allOf(world);
    const read = (object?: string) =>
      world.engine.segments.read({ topic: 't', partition: 0, offset: 0, ...(object !== undefined && { object }) });
    await expect(read('another')).rejects.toMatchObject({ errorCode: 'NOT_FOUND' });
    const cut = createEngine({
      ...world,
      objects: { ...world.objects, get: async (...args) => (await world.objects.get(...args))?.subarray(1) },
    });
    const offset = { topic: 't', partition: 0, offset: 0 };
    await expect(cut.segments.read(offset)).rejects.toMatchObject({ errorCode: 'CORRUPT_LOG' });
    await world.objects.delete([segment!.object]);
    await expect(read(segment!.object)).rejects.toMatchObject({ errorCode: 'CORRUPT_LOG', extra: { offset: 0 } });
  });
});

/** Counts the queries and gets of a table. */
function counting(table: Table) {
  const counts = { queries: 0, items: 0 };
  const query: Table['query'] = async (request) => {
    const page = await table.query(request);
    counts.queries += 1;
    counts.items += page.items.length;
    return page;
  };
  return { table: { ...table, query }, counts };
}

test('a page reads no more of a long index than it shows', async () => {
  await fill(numbered(3_000));
  const { table, counts } = counting(world.table);
  const { segments } = createEngine({ ...world, table });
  const page = await segments.list({ topic: 't', partition: 0, from: 1_500, limit: 10 });
  expect(page.segments).toHaveLength(10);
  expect(counts.items).toBeLessThanOrEqual(35);
});

test('an index that moves between two reads is read again, from a fresh head', async () => {
  await fill(numbered(200));
  let isFirst = true;
  const query: Table['query'] = async (request) => {
    if (isFirst) {
      isFirst = false;
      await merge();
      world.clock.advance(86_400_000);
      await merge();
    }
    return world.table.query(request);
  };
  const { segments } = createEngine({ ...world, table: { ...world.table, query } });
  const page = await segments.list({ topic: 't', partition: 0, from: 20, limit: 10 });
  expect(page.segments[0]!.baseOffset).toBeLessThanOrEqual(20);
  expect(page.segments[0]!.endOffset).toBeGreaterThan(20);
});
