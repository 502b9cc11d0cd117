// Compaction on the memory adapters: what stays, when a pass begins, and what is written.
import { beforeEach, describe, expect, test } from 'vitest';
import { crc32c } from '../../../lib/bytes/crc32c.ts';
import { createEngine } from '../../../lib/engine.ts';
import { newCounts } from '../../../lib/maintenance/context.ts';
import { join } from '../../../lib/maintenance/join.ts';
import { readMaintenanceItem } from '../../../lib/partition/maintenance-item.ts';
import { decodeBatch, type EncodeOptions, encodeBatch } from '../../../lib/record/batch.ts';
import { field, readBatchHeader } from '../../../lib/record/batch-header.ts';
import { appendOne, startMs, text } from '../../log/world.ts';
import { passOver } from '../pass.ts';
import { expectSound } from './sound.ts';
import {
  append,
  type CompactedWorld,
  createCompactedWorld,
  cutInto,
  deleteRetentionMs,
  itemsOf,
  readBatches,
  readRecords,
  runPass,
} from './world.ts';

let world: CompactedWorld;

beforeEach(async () => {
  world = await createCompactedWorld();
});

const put = (...pairs: [string, string | null][]) =>
  append(
    world,
    pairs.map(([key, value]) => ({ key, value })),
  );
const left = async () => (await readRecords(world)).map(({ offset, key, value }) => `${offset}:${key}=${value}`);

describe('a pass', () => {
  test('keeps the newest record of each key, at its offset', async () => {
    await put(['a', '1'], ['b', '1'], ['a', '2']);
    await put(['c', '1'], ['b', '2']);
    await cutInto(world, [1]);
    await runPass(world);
    expect(await left()).toEqual(['2:a=2', '3:c=1', '4:b=2']);
  });

  test('leaves the records that are in no log segment yet', async () => {
    await put(['a', '1']);
    await cutInto(world, [1]);
    await put(['a', '2']);
    await runPass(world);
    expect(await left()).toEqual(['0:a=1', '1:a=2']);
  });

  test('copies a batch that loses nothing byte for byte', async () => {
    await put(['a', '1'], ['b', '1']);
    await put(['c', '1'], ['a', '2']);
    await cutInto(world, [2]);
    const [, before] = await readBatches(world.engine);
    await runPass(world);
    const [, after] = await readBatches(world.engine);
    expect(after).toEqual(before);
  });

  test('writes nothing if nothing changes, and moves the clean point', async () => {
    await put(['a', '1'], ['b', '1']);
    await cutInto(world, [1]);
    const before = await itemsOf(world);
    const context = passOver(world);
    await runPass(world, {}, context);
    expect(await itemsOf(world)).toEqual(before);
    expect(context.counts).toEqual(newCounts());
    expect(await readMaintenanceItem(world.table, world.address)).toMatchObject({
      cleanPoint: 2,
      cleanBytes: before[0]!.bytes,
    });
  });

  test('leaves an empty batch where all records are gone, so that a consumer can go on', async () => {
    await put(['a', '1'], ['b', '1']);
    await put(['a', '2'], ['b', '2']);
    await cutInto(world, [1]);
    await runPass(world, { unitItems: 1 });
    const headers = (await readBatches(world.engine)).map((bytes) => readBatchHeader(bytes));
    expect(
      headers.map(({ baseOffset, lastOffsetDelta, recordCount }) => [baseOffset, lastOffsetDelta, recordCount]),
    ).toEqual([
      [0, 1, 0],
      [2, 1, 2],
    ]);
  });

  test('in a dry run counts what would go, and writes nothing', async () => {
    await put(['a', '1'], ['b', '1'], ['a', '2']);
    await cutInto(world, [1]);
    const before = await itemsOf(world);
    const dry = passOver(world, { isDryRun: true });
    await runPass(world, {}, dry);
    expect(await itemsOf(world)).toEqual(before);
    const real = passOver(world);
    await runPass(world, {}, real);
    expect(dry.counts).toEqual({ ...real.counts, writtenObjects: 0 });
    expect(real.counts).toMatchObject({ compactedRecords: 1, writtenObjects: 1 });
    expect(real.counts.compactedBytes).toBe(before[0]!.bytes - (await itemsOf(world))[0]!.bytes);
  });

  test('does nothing on a topic that is not compacted', async () => {
    world = await createCompactedWorld({ 'cleanup.policy': 'delete' });
    await put(['a', '1'], ['a', '2']);
    await cutInto(world, [1]);
    await runPass(world);
    expect(await left()).toEqual(['0:a=1', '1:a=2']);
  });

  test('drops records without a key, which came before the topic was compacted', async () => {
    world = await createCompactedWorld({ 'cleanup.policy': 'delete' });
    await world.engine.appendRecords({
      topic: 't',
      records: [
        { key: null, value: new Uint8Array([1]), headers: [] },
        { key: new Uint8Array([107]), value: new Uint8Array([50]), headers: [] },
      ],
    });
    await cutInto(world, [1]);
    const overrides = { ...world.topic.overrides, 'cleanup.policy': 'delete,compact' };
    await runPass({ ...world, topic: { ...world.topic, overrides } });
    expect(await left()).toEqual(['1:k=2']);
  });
});

test('a batch that nobody can unpack to its end stays as it is, and removes nothing', async () => {
  world = await createCompactedWorld({ 'cleanup.policy': 'delete' });
  await put(['a', '1']);
  const records = ['a', 'b'].map((key) => ({ key: text(key), value: text('2'), headers: [], timestampMs: startMs }));
  const broken = encodeBatch(records);
  const view = new DataView(broken.buffer);
  view.setInt32(field.recordCount, 1);
  view.setInt32(field.lastOffsetDelta, 0);
  view.setUint32(field.crc, crc32c(broken, field.attributes));
  await appendOne(world.engine, 0, broken);
  await put(['c', '1'], ['c', '2']);
  await cutInto(world, [1]);
  const before = await readBatches(world.engine);
  const overrides = { ...world.topic.overrides, 'cleanup.policy': 'compact' };
  await runPass({ ...world, topic: { ...world.topic, overrides } });
  const after = await readBatches(createEngine(world));
  expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
  expect(readBatchHeader(after[2]!).recordCount).toBe(1);
});

describe('a batch that loses records', () => {
  const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

  test.each(codecs)('keeps its codec, offsets, producer, headers and times: %s', async (compression) => {
    const { producerId, epoch: producerEpoch } = await world.engine.newProducer();
    const options: EncodeOptions = { compression, producerId, producerEpoch, baseSequence: 0 };
    await append(
      world,
      ['a', 'b', 'c', 'a'].map((key, i) => ({ key, value: `${i}` })),
      options,
    );
    await put(['c', 'x']);
    await cutInto(world, [2]);
    const before = decodeBatch((await readBatches(world.engine))[0]!);
    await runPass(world);
    const after = decodeBatch((await readBatches(world.engine))[0]!);
    const { sizeBytes: _s, crc: _c, recordCount: _r, ...kept } = before.header;
    expect(after.header).toMatchObject(kept);
    expect(after.header.recordCount).toBe(2);
    expect(after.records).toEqual(before.records.filter(({ offset }) => offset === 1 || offset === 3));
  });

  test('has the greatest timestamp of what is left, and begins at that of its first record', async () => {
    const times = [startMs + 9, startMs + 3, startMs + 5];
    const records = ['a', 'b', 'c'].map((key, i) => ({
      key: text(key),
      value: text('1'),
      headers: [],
      timestampMs: times[i]!,
    }));
    await appendOne(world.engine, 0, encodeBatch(records));
    await put(['a', '2']);
    await cutInto(world, [2]);
    await runPass(world);
    const { header, records: kept } = decodeBatch((await readBatches(world.engine))[0]!);
    expect(header).toMatchObject({ baseTimestampMs: startMs + 3, maxTimestampMs: startMs + 5 });
    expect(kept.map(({ timestampMs }) => timestampMs)).toEqual(times.slice(1));
  });

  test('stays LogAppendTime, with the time of its append', async () => {
    world = await createCompactedWorld({ 'message.timestamp.type': 'LogAppendTime' });
    await put(['a', '1'], ['b', '1']);
    world.clock.advance(50);
    await put(['a', '2']);
    await cutInto(world, [2]);
    await runPass(world);
    const { header, records } = decodeBatch((await readBatches(world.engine))[0]!);
    expect(header).toMatchObject({ timestampType: 'LogAppendTime', maxTimestampMs: startMs, recordCount: 1 });
    expect(records.map(({ timestampMs }) => timestampMs)).toEqual([startMs]);
  });
});

describe('tombstones', () => {
  test('stay until their horizon, and horizons never move', async () => {
    await put(['a', '1'], ['b', '1']);
    await put(['a', null]);
    await cutInto(world, [1]);
    await runPass(world);
    const horizonMs = startMs + deleteRetentionMs;
    const headerOfTombstone = async () => readBatchHeader((await readBatches(world.engine))[1]!);
    expect(await headerOfTombstone()).toMatchObject({ hasDeleteHorizon: true, baseTimestampMs: horizonMs });

    world.clock.advance(deleteRetentionMs - 1);
    await put(['c', '1']);
    await cutInto(world, [1]);
    await runPass(world);
    expect(await left()).toEqual(['1:b=1', '2:a=null', '3:c=1']);
    expect(await headerOfTombstone()).toMatchObject({ hasDeleteHorizon: true, baseTimestampMs: horizonMs });

    world.clock.advance(1);
    await put(['d', '1']);
    await cutInto(world, [1]);
    await runPass(world);
    expect(await left()).toEqual(['1:b=1', '3:c=1', '4:d=1']);
  });

  test('keep the time of their record', async () => {
    await put(['a', null]);
    await cutInto(world, [1]);
    await runPass(world);
    const { header, records } = decodeBatch((await readBatches(world.engine))[0]!);
    expect(header.maxTimestampMs).toBe(startMs);
    expect(records[0]!.timestampMs).toBe(startMs);
  });

  test('with the greatest delete.retention.ms stay readable', async () => {
    world = await createCompactedWorld({ 'delete.retention.ms': String(2n ** 63n - 1n) });
    const appended = await put(['a', '1'], ['a', null]);
    await cutInto(world, [1]);
    await runPass(world);
    expect(await left()).toEqual(['1:a=null']);
    await expectSound(world, appended);
  });

  test('of another pass, beyond the dirty range, get no horizon', async () => {
    await put(['a', '1']);
    await put(['a', null]);
    await cutInto(world, [1, 1]);
    await runPass(world, { dirtyBytes: 1 });
    expect(await readMaintenanceItem(world.table, world.address)).toMatchObject({ cleanPoint: 1 });
    expect(readBatchHeader((await readBatches(world.engine))[1]!).hasDeleteHorizon).toBe(false);
  });
});

test('what lies beyond the dirty range stays as it is, also where a join has put both into one log segment', async () => {
  const appended = [...(await put(['a', '1'])), ...(await put(['a', null]))];
  await cutInto(world, [1]);
  let asked = 0;
  await runPass(world, { dirtyBytes: 1 }, passOver(world, { isOver: () => ++asked > 2 }));
  expect(await readMaintenanceItem(world.table, world.address)).toMatchObject({ unfinished: { to: 1, reached: 0 } });
  await join(passOver(world, { isFull: true }), world.address);
  expect(await itemsOf(world)).toHaveLength(1);
  await runPass(world);
  expect(await readMaintenanceItem(world.table, world.address)).toMatchObject({ cleanPoint: 1 });
  expect(readBatchHeader((await readBatches(world.engine))[1]!).hasDeleteHorizon).toBe(false);
  await runPass(world);
  expect(await left()).toEqual(['1:a=null']);
  await expectSound(world, appended);
});

describe('a pass begins', () => {
  const cleanPointOf = async () => (await readMaintenanceItem(world.table, world.address)).cleanPoint;

  test('only above the dirty ratio, unless an operator wants all', async () => {
    world = await createCompactedWorld({ 'min.cleanable.dirty.ratio': '0.5' });
    await put(['a', '1'], ['b', '1']);
    await cutInto(world, [1]);
    await runPass(world);
    expect(await cleanPointOf()).toBe(2);
    await put(['a', '2'], ['b', '2']);
    await cutInto(world, [1]);
    await runPass(world);
    expect(await cleanPointOf()).toBe(2);
    await put(['a', '3'], ['b', '3']);
    await cutInto(world, [1]);
    await runPass(world);
    expect(await cleanPointOf()).toBe(6);
    await put(['a', '4']);
    await cutInto(world, [1]);
    await runPass(world, {}, passOver(world, { isFull: true }));
    expect(await cleanPointOf()).toBe(7);
  });

  test('below the dirty ratio once max.compaction.lag.ms is over', async () => {
    world = await createCompactedWorld({ 'min.cleanable.dirty.ratio': '1', 'max.compaction.lag.ms': '7200000' });
    await put(['a', '1'], ['a', '2']);
    await cutInto(world, [1]);
    world.clock.advance(7_200_000);
    await runPass(world);
    expect(await cleanPointOf()).toBe(0);
    world.clock.advance(1);
    await runPass(world);
    expect(await cleanPointOf()).toBe(2);
  });

  test('not before min.compaction.lag.ms is over for the youngest record of a segment', async () => {
    world = await createCompactedWorld({ 'min.compaction.lag.ms': '1000' });
    await put(['a', '1'], ['a', '2']);
    await cutInto(world, [1]);
    world.clock.advance(3_600_000);
    await put(['a', '3']);
    await cutInto(world, [1]);
    await runPass(world);
    expect(await cleanPointOf()).toBe(0);
    world.clock.advance(1000);
    await runPass(world);
    expect(await cleanPointOf()).toBe(2);
    expect(await left()).toEqual(['1:a=2', '2:a=3']);
  });
});

describe('a bounded pass', () => {
  const keysOf = (count: number, value: string) =>
    Array.from({ length: count }, (_, i) => [`k${i}`, value] as [string, string]);

  test('ends its range with the last item whose keys fit the map, and the next pass goes on there', async () => {
    const appended = [
      ...(await put(...keysOf(3, '1'))),
      ...(await put(...keysOf(3, '2'))),
      ...(await put(...keysOf(6, '3'))),
    ];
    await cutInto(world, [1]);
    await runPass(world, { mapKeys: 6 });
    expect(await readMaintenanceItem(world.table, world.address)).toMatchObject({ cleanPoint: 6 });
    await runPass(world, { mapKeys: 6 });
    expect(await readMaintenanceItem(world.table, world.address)).toMatchObject({ cleanPoint: 12 });
    expect((await readRecords(world)).map(({ offset }) => offset)).toEqual([6, 7, 8, 9, 10, 11]);
    await expectSound(world, appended);
  });

  test('takes an item that is larger than the map by itself', async () => {
    await put(...keysOf(5, '1'), ...keysOf(5, '2'));
    await cutInto(world, [1]);
    await runPass(world, { mapKeys: 1 });
    expect((await readRecords(world)).map(({ offset }) => offset)).toEqual([5, 6, 7, 8, 9]);
  });

  test('whose time is over goes on where it ended, with the same range', async () => {
    const appended = [];
    for (let i = 0; i < 6; i++) appended.push(...(await put(['a', `${i}`], [`b${i}`, 'x'])));
    await cutInto(world, [1]);
    let asked = 0;
    const gets: string[] = [];
    const counted = {
      ...world,
      objects: {
        ...world.objects,
        get: (...args: Parameters<typeof world.objects.get>) => {
          gets.push(args[0]);
          return world.objects.get(...args);
        },
      },
    };
    // It is asked once for each item of the map, and once for each unit: two units are done.
    await runPass(world, { unitItems: 1 }, passOver(world, { isOver: () => ++asked > 8 }));
    expect(await readMaintenanceItem(world.table, world.address)).toMatchObject({
      cleanPoint: 0,
      unfinished: { to: 12, reached: 4 },
    });
    appended.push(...(await put(['a', 'later'])));
    await cutInto(world, [1]);
    await runPass(world, { unitItems: 1 }, passOver(counted));
    expect(gets).toHaveLength(6 + 4);
    expect(await readMaintenanceItem(world.table, world.address)).toMatchObject({
      cleanPoint: 12,
      unfinished: undefined,
    });
    expect(await left()).toEqual(['1:b0=x', '3:b1=x', '5:b2=x', '7:b3=x', '9:b4=x', '10:a=5', '11:b5=x', '12:a=later']);
    await expectSound(world, appended);
  });
});

describe('damage', () => {
  test('of a batch ends the pass and is reported; nothing moves', async () => {
    await put(['a', '1'], ['a', '2']);
    await cutInto(world, [1]);
    const { objects } = world;
    const spoilt = {
      ...objects,
      get: async (...args: Parameters<typeof objects.get>) => {
        const bytes = (await objects.get(...args))?.slice();
        if (bytes) bytes[bytes.length - 1]! ^= 1;
        return bytes;
      },
    };
    const context = passOver({ ...world, objects: spoilt });
    await runPass(world, {}, context);
    expect(context.damage).toMatchObject([{ offset: 0, reason: expect.stringContaining('CRC-32C') }]);
    expect(await readMaintenanceItem(world.table, world.address)).toMatchObject({ cleanPoint: 0 });
  });

  test('of a missing object is reported', async () => {
    await put(['a', '1'], ['a', '2']);
    await cutInto(world, [1]);
    const context = passOver({ ...world, objects: { ...world.objects, get: async () => undefined } });
    await runPass(world, {}, context);
    expect(context.damage).toMatchObject([{ offset: 0, reason: expect.stringContaining('missing') }]);
  });
});
