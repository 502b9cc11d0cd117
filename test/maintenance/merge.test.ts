// A merge changes where the records lie and nothing that a reader or a producer can notice.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { crc32c } from '../../lib/bytes/crc32c.ts';
import { createEngine } from '../../lib/engine.ts';
import { join as joinLogSegments } from '../../lib/maintenance/join.ts';
import { merge } from '../../lib/maintenance/merge.ts';
import { cleanPages } from '../../lib/maintenance/pages.ts';
import { sliceOf } from '../../lib/partition/locate.ts';
import { logSegmentKeyOf } from '../../lib/partition/log-item.ts';
import { checkBatch, field } from '../../lib/record/batch-header.ts';
import { createFileObjectStore } from '../../lib/storage/embedded/file-object-store.ts';
import { createSqliteTable } from '../../lib/storage/embedded/sqlite-table.ts';
import { headKey, maintenanceKey } from '../../lib/storage/keys.ts';
import type { Table, Write } from '../../lib/storage/table.ts';
import {
  appendOne,
  batchOf,
  createTestClock,
  createWorld,
  readAll,
  startMs,
  valuesOf,
  type World,
} from '../log/world.ts';
import { fullPassOver, hourMs } from './pass.ts';
import {
  createPartition,
  expectSound,
  fill,
  type Partition,
  type Ports,
  readBinary,
  seenBy,
  storedOf,
} from './world.ts';

const directory = mkdtempSync(join(tmpdir(), 'rivulet-merge-'));
const table = createSqliteTable({ path: join(directory, 'table.sqlite') });
afterAll(() => {
  table.close();
  rmSync(directory, { recursive: true });
});

function onDisk(): World {
  const clock = createTestClock();
  const ports = { objects: createFileObjectStore({ directory }), table };
  return { engine: createEngine({ ...ports, clock }), ...ports, clock };
}

let partition: Partition;
beforeEach(async () => {
  partition = await createPartition();
});

const mergeAll = (of: Partition, options = {}) => merge(fullPassOver(of, options), of.address);

describe.each([
  ['memory', createWorld],
  ['SQLite and files', onDisk],
])('on %s', (_name, world) => {
  test('a merged log is the same on every way to read it', async () => {
    const at = await createPartition(world());
    const values = await fill(at.engine, 130);
    const before = await seenBy(at);
    expect(before.binary.map(({ value }) => value)).toEqual(values);
    const pass = fullPassOver(at);
    await merge(pass, at.address);
    const { head, upkeep, items } = await storedOf(at, at.address);
    expect(head.mergedTo).toBeGreaterThan(0.8 * values.length);
    expect(head.mergedTo).toBe(head.tailBase);
    expect(upkeep.logEnd).toBe(head.mergedTo);
    expect(items).toHaveLength(1);
    expect(pass.counts).toMatchObject({
      mergedRecords: head.mergedTo,
      mergedBytes: items[0]!.bytes,
      writtenObjects: 1,
    });
    expect(pass.damage).toEqual([]);
    expect(await seenBy(at)).toEqual(before);
  });
});

test('appends, spills and merges in turn keep every record at its offset, and the items dense', async () => {
  const values: string[] = [];
  for (let round = 0; round < 12; round++) {
    values.push(...(await fill(partition.engine, 7 + round * 5, `r${round}-`)));
    await mergeAll(partition);
    expect(valuesOf(await readAll(createEngine(partition), 0))).toEqual(values);
  }
  const { head, upkeep, items, pages } = await storedOf(partition, partition.address);
  expect(items.length).toBeGreaterThan(5);
  expect(items.map(({ firstOffset }) => firstOffset)).toEqual([0, ...items.slice(0, -1).map((item) => item.endOffset)]);
  expect(items.at(-1)!.endOffset).toBe(head.mergedTo);
  // The maintenance item knows without the pages how much was appended.
  const appended = pages.flatMap(({ entries }) => entries).reduce((sum, { entry }) => sum + entry.lengthBytes, 0);
  expect(items.at(-1)!.bytesAppended).toBe(appended);
  expect(upkeep.bytesAppended).toBe(appended);
  expect(items.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(appended);
});

test('the batches of a log segment are those that were appended, but for the base offset and the leader epoch', async () => {
  await fill(partition.engine, 60);
  const { pages } = await storedOf(partition, partition.address);
  await mergeAll(partition);
  const [item] = (await storedOf(partition, partition.address)).items;
  const object = (await partition.objects.get(logSegmentKeyOf(partition.address, item!)))!;
  let position = 8;
  for (const placed of pages.flatMap(({ entries }) => entries)) {
    const { objectKey, position: from, lengthBytes } = sliceOf(partition.address, placed);
    const source = (await partition.objects.get(objectKey, { from, to: from + lengthBytes }))!;
    const merged = object.slice(position, position + lengthBytes);
    expect(checkBatch(merged)).toMatchObject({ baseOffset: placed.baseOffset, partitionLeaderEpoch: 0 });
    expect(merged.subarray(16)).toEqual(source.subarray(16));
    position += lengthBytes;
  }
  expect(position).toBe(8 + item!.bytes);
});

describe('what is worth a merge', () => {
  test('a few young pages are left for later, and old ones are not', async () => {
    await fill(partition.engine, 130);
    await mergeAll(partition, { isFull: false });
    expect((await storedOf(partition, partition.address)).items).toEqual([]);
    partition.clock.advance(25 * hourMs);
    await mergeAll(partition, { isFull: false });
    expect((await storedOf(partition, partition.address)).items).toHaveLength(1);
  });

  test('sixteen pages are merged', async () => {
    await fill(partition.engine, 300);
    const { pages } = await storedOf(partition, partition.address);
    const mostYoung = pages.length - 1;
    expect(mostYoung).toBeLessThan(16);
    while ((await storedOf(partition, partition.address)).pages.length < 15) await fill(partition.engine, 1);
    await mergeAll(partition, { isFull: false });
    expect((await storedOf(partition, partition.address)).items).toEqual([]);
    while ((await storedOf(partition, partition.address)).pages.length < 16) await fill(partition.engine, 1);
    await mergeAll(partition, { isFull: false });
    expect((await storedOf(partition, partition.address)).items).toHaveLength(1);
  });

  test('eight megabytes are merged', async () => {
    const large = 'x'.repeat(400_000);
    for (let i = 0; i < 45; i++) await appendOne(partition.engine, 0, batchOf([large]));
    expect((await storedOf(partition, partition.address)).pages.length).toBeLessThan(3);
    await mergeAll(partition, { isFull: false });
    const [item] = (await storedOf(partition, partition.address)).items;
    expect(item!.bytes).toBeGreaterThan(8 * 2 ** 20);
    // A row stands for two of these batches: it begins 512 KiB after the row before.
    expect(item!.rows.map(({ offset }) => offset)).toEqual(item!.rows.map((_, i) => i * 2));
    expect(await readBinary(partition.engine, 0, item!.endOffset)).toHaveLength(item!.endOffset);
  });

  test('a dry run counts it and writes nothing', async () => {
    await fill(partition.engine, 130);
    const before = await storedOf(partition, partition.address);
    const { objects } = await partition.objects.list({});
    const dry = fullPassOver(partition, { isDryRun: true });
    await merge(dry, partition.address);
    expect(await storedOf(partition, partition.address)).toEqual(before);
    expect((await partition.objects.list({})).objects).toEqual(objects);
    const real = fullPassOver(partition);
    await merge(real, partition.address);
    expect(dry.counts).toEqual({ ...real.counts, writtenObjects: 0 });
    expect(dry.counts.mergedRecords).toBeGreaterThan(0);
  });
});

describe('below the log start', () => {
  const startAt = (logStart: number) =>
    partition.table.write({
      kind: 'update',
      key: headKey(partition.address.topicId, 0),
      update: { set: [['s', logStart]] },
    });

  test('whole pages are skipped, and the page with the log start is merged', async () => {
    await fill(partition.engine, 130);
    const { pages } = await storedOf(partition, partition.address);
    await startAt(pages[2]!.firstOffset + 1);
    const before = await seenBy(partition);
    const pass = fullPassOver(partition);
    await merge(pass, partition.address);
    const { items, head, upkeep } = await storedOf(partition, partition.address);
    expect(items[0]!.firstOffset).toBe(pages[2]!.firstOffset);
    expect(head.mergedTo).toBe(head.tailBase);
    expect(pass.counts.mergedRecords).toBe(head.mergedTo - pages[2]!.firstOffset);
    const appended = pages.flatMap(({ entries }) => entries).reduce((sum, { entry }) => sum + entry.lengthBytes, 0);
    expect(upkeep.bytesAppended).toBe(appended);
    expect(await seenBy(partition)).toEqual(before);
  });

  test('nothing is written if everything is', async () => {
    await fill(partition.engine, 130);
    const { head } = await storedOf(partition, partition.address);
    await startAt(head.tailBase);
    await mergeAll(partition, { isFull: false });
    const now = await storedOf(partition, partition.address);
    expect([now.head.mergedTo, now.upkeep.logEnd]).toEqual([head.tailBase, head.tailBase]);
    expect(now.items).toEqual([]);
  });
});

/** The batch is sound, and has one offset more. */
function withOneMoreOffset(batch: Uint8Array): Uint8Array {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.length);
  view.setInt32(field.lastOffsetDelta, view.getInt32(field.lastOffsetDelta) + 1);
  view.setUint32(field.crc, crc32c(batch, field.attributes));
  return batch;
}

describe('damage', () => {
  const markedAt = async (): Promise<number | undefined> =>
    (await storedOf(partition, partition.address)).upkeep.damagedAt;
  const third = async () => {
    const placed = (await storedOf(partition, partition.address)).pages[1]!.entries[3]!;
    return { ...sliceOf(partition.address, placed), offset: placed.baseOffset };
  };

  async function expectStopped(offset: number, reason: RegExp): Promise<void> {
    const before = await storedOf(partition, partition.address);
    const pass = fullPassOver(partition);
    await merge(pass, partition.address);
    expect(pass.damage).toEqual([{ offset, reason: expect.stringMatching(reason) }]);
    expect(await markedAt()).toBe(offset);
    expect({ ...(await storedOf(partition, partition.address)), upkeep: before.upkeep }).toEqual(before);
    expect(pass.counts.mergedRecords).toBe(0);
  }

  test('a missing object stops the partition, until it is back', async () => {
    await fill(partition.engine, 130);
    const { objectKey, offset } = await third();
    const bytes = (await partition.objects.get(objectKey))!;
    await partition.objects.delete([objectKey]);
    await expectStopped(offset, /^the segment .* at offset \d+ is missing$/);
    await partition.objects.putOnce(objectKey, [bytes]);
    await mergeAll(partition);
    expect((await storedOf(partition, partition.address)).items).toHaveLength(1);
    expect(await markedAt()).toBeUndefined();
  });

  test.each([
    ['a bad CRC', (batch: Uint8Array) => batch.with(-1, batch.at(-1)! ^ 1), /CRC-32C/],
    ['another magic', (batch: Uint8Array) => batch.with(16, 1), /magic/],
    ['a batch of other offsets', withOneMoreOffset, /records, not/],
    ['an object that was cut', (batch: Uint8Array) => batch.subarray(0, -1), /bytes/],
  ])('%s stops it too', async (_name, harmed, reason) => {
    await fill(partition.engine, 130);
    const { objectKey, offset, position, lengthBytes } = await third();
    const bytes = (await partition.objects.get(objectKey))!;
    await partition.objects.delete([objectKey]);
    const harmedBatch = harmed(bytes.slice(position, position + lengthBytes));
    await partition.objects.putOnce(objectKey, [bytes.subarray(0, position), harmedBatch]);
    await expectStopped(offset, reason);
  });

  test('a missing index page stops it', async () => {
    await fill(partition.engine, 130);
    const { pages } = await storedOf(partition, partition.address);
    const { topicId } = partition.address;
    await partition.table.write({
      kind: 'delete',
      key: { pk: `${topicId}/0/p`, sk: String(pages[1]!.firstOffset).padStart(16, '0') },
    });
    const pass = fullPassOver(partition);
    await merge(pass, partition.address);
    expect(pass.damage).toEqual([
      { offset: pages[1]!.firstOffset, reason: `the index page at offset ${pages[1]!.firstOffset} is missing` },
    ]);
  });

  test('a dry run reports it and marks nothing', async () => {
    await fill(partition.engine, 130);
    const { pages } = await storedOf(partition, partition.address);
    await partition.table.write({
      kind: 'delete',
      key: { pk: `${partition.address.topicId}/0/p`, sk: String(pages[1]!.firstOffset).padStart(16, '0') },
    });
    const pass = fullPassOver(partition, { isDryRun: true });
    await merge(pass, partition.address);
    expect(pass.damage).toHaveLength(1);
    expect(await markedAt()).toBeUndefined();
  });
});

describe('beside others', () => {
  test('merges that run at a time write each record once', async () => {
    const values = await fill(partition.engine, 200);
    const before = await seenBy(partition);
    const passes = Array.from({ length: 4 }, () => fullPassOver(partition));
    await Promise.all(passes.map((pass) => merge(pass, partition.address)));
    const { items, head } = await storedOf(partition, partition.address);
    expect(items.map(({ firstOffset }) => firstOffset)).toEqual([0]);
    expect(passes.reduce((sum, { counts }) => sum + counts.mergedRecords, 0)).toBe(head.mergedTo);
    expect(await seenBy(partition)).toEqual(before);
    expect(valuesOf(await readAll(partition.engine, 0))).toEqual(values);
  });

  test('sources that were merged and swept between plan and read are no damage', async () => {
    await fill(partition.engine, 130);
    const before = await seenBy(partition);
    const slow = fullPassOver({ ...partition, ...sweptBeforeFirstGet(partition) });
    await merge(slow, partition.address);
    expect(slow.damage).toEqual([]);
    expect((await storedOf(partition, partition.address)).upkeep.damagedAt).toBeUndefined();
    expect(await seenBy(partition)).toEqual(before);
  });

  /** Another merge and a sweep do all their work before the first object is read. */
  function sweptBeforeFirstGet(of: Partition): Ports {
    let isSwept = false;
    return {
      table: of.table,
      objects: {
        ...of.objects,
        async get(key, range) {
          if (!isSwept) await sweepSources(of);
          isSwept = true;
          return of.objects.get(key, range);
        },
      },
    };
  }

  async function sweepSources(of: Partition): Promise<void> {
    await mergeAll(of);
    const { pages, head } = await storedOf(of, of.address);
    const merged = pages.filter(({ endOffset }) => endOffset <= head.mergedTo);
    const keys = merged.flatMap(({ entries }) => entries.map((placed) => sliceOf(of.address, placed).objectKey));
    await of.objects.delete(keys);
  }

  test('a reader whose objects were merged and swept after its plan plans again', async () => {
    const values = await fill(partition.engine, 130);
    const reader = createEngine({ ...sweptBeforeFirstGet(partition), clock: partition.clock });
    expect(valuesOf(await readAll(reader, 0))).toEqual(values);
  });

  test('a process with a copy of the head from before the merge reads and appends as before', async () => {
    const values = await fill(partition.engine, 130);
    const other = createEngine(partition);
    expect(valuesOf(await readAll(other, 0))).toEqual(values);
    await sweepSources(partition);
    values.push(...(await fill(other, 40, 'later')));
    expect(valuesOf(await readAll(other, 0))).toEqual(values);
    expect(valuesOf(await readAll(createEngine(partition), 0))).toEqual(values);
  });

  test('a merge that slept does not revive an item that a rewrite has removed', async () => {
    await fill(partition.engine, 60);
    await mergeAll(partition);
    await fill(partition.engine, 60);
    let puts = 0;
    const objects = {
      ...partition.objects,
      async putOnce(key: string, chunks: readonly Uint8Array[]) {
        await partition.objects.putOnce(key, chunks);
        if (puts++ > 0) return;
        await mergeAll(partition);
        await joinLogSegments(fullPassOver(partition), partition.address);
      },
    };
    const before = await seenBy(partition);
    await merge(fullPassOver({ ...partition, objects }), partition.address);
    expect(puts).toBe(1);
    expect((await storedOf(partition, partition.address)).items).toHaveLength(1);
    await expectSound(partition, partition.address);
    expect(await seenBy(partition)).toEqual(before);
  });

  test('a late copy of the last step does not take the merged offset back', async () => {
    await fill(partition.engine, 60);
    const late: (() => Promise<unknown>)[] = [];
    const isLastStep = (write: Write) => write.kind === 'update' && write.key.sk === 'h';
    const table: Table = {
      ...partition.table,
      async write(write) {
        if (isLastStep(write)) late.push(() => partition.table.write(write));
        return partition.table.write(write);
      },
    };
    await merge(fullPassOver({ ...partition, table }), partition.address);
    await fill(partition.engine, 60);
    await mergeAll(partition);
    const before = await storedOf(partition, partition.address);
    expect(late).toHaveLength(1);
    await late[0]!();
    expect(await storedOf(partition, partition.address)).toEqual(before);
    // An older process would misread a merged head, and refuses version 2.
    const { topicId } = partition.address;
    expect(await partition.table.get(headKey(topicId, 0))).toMatchObject({ v: 2, m: before.head.mergedTo });
  });

  test('a fence that a sweep raises makes the outputs name a later hour', async () => {
    await fill(partition.engine, 130);
    const fence = Math.floor(startMs / hourMs) + 5;
    await partition.table.write({
      kind: 'update',
      key: maintenanceKey(partition.address.topicId, 0),
      update: { set: [['g', fence]] },
    });
    await mergeAll(partition);
    expect((await storedOf(partition, partition.address)).items[0]).toMatchObject({ segmentEpoch: fence });
  });

  test('a fence that rises between the put and the transaction refuses the outputs', async () => {
    await fill(partition.engine, 130);
    const fence = Math.floor(startMs / hourMs) + 5;
    let puts = 0;
    const objects = {
      ...partition.objects,
      async putOnce(key: string, chunks: readonly Uint8Array[]) {
        await partition.objects.putOnce(key, chunks);
        if (puts++ > 0) return;
        const key1 = maintenanceKey(partition.address.topicId, 0);
        await partition.table.write({ kind: 'update', key: key1, update: { set: [['g', fence]] } });
      },
    };
    await merge(fullPassOver({ ...partition, objects }), partition.address);
    expect(puts).toBe(2);
    expect((await storedOf(partition, partition.address)).items[0]).toMatchObject({ segmentEpoch: fence });
  });

  test('a deleted topic is left alone', async () => {
    await fill(partition.engine, 130);
    const { objects } = await partition.objects.list({});
    await partition.engine.deleteTopic('t');
    await mergeAll(partition);
    expect((await partition.objects.list({})).objects).toEqual(objects);
    expect((await storedOf(partition, partition.address)).items).toEqual([]);
  });
});

describe('producers', () => {
  async function fillAsOthers(of: Partition, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const { producerId } = await of.engine.newProducer();
      await appendOne(of.engine, 0, batchOf([`other ${i}`], { producerId, producerEpoch: 0, baseSequence: 0 }));
    }
  }

  test('the retry of an evicted producer is written once, after its records were merged and old pages deleted', async () => {
    const { producerId } = await partition.engine.newProducer();
    await fillAsOthers(partition, 60);
    partition.clock.advance(31 * hourMs);
    const own = batchOf(['mine'], { producerId, producerEpoch: 0, baseSequence: 0 });
    const { baseOffset } = await appendOne(partition.engine, 0, own);
    await fillAsOthers(partition, 60);
    await mergeAll(partition);
    await cleanPages(fullPassOver(partition), partition.address);
    const { pages, upkeep, head } = await storedOf(partition, partition.address);
    expect(upkeep.historyFloor).toBeGreaterThan(0);
    expect(pages[0]!.firstOffset).toBe(upkeep.historyFloor);
    expect(head.mergedTo).toBeGreaterThan(baseOffset);
    // A process that starts now has to learn the producers from the pages.
    const fresh = createEngine(partition);
    expect(await appendOne(fresh, 0, own)).toMatchObject({ baseOffset, duplicate: true });
    const next = batchOf(['mine too'], { producerId, producerEpoch: 0, baseSequence: 1 });
    expect(await appendOne(fresh, 0, next)).toMatchObject({ duplicate: false });
  });
});
