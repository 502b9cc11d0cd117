import { beforeEach, describe, expect, test } from 'vitest';
import { newCounts } from '../../lib/maintenance/context.ts';
import { join } from '../../lib/maintenance/join.ts';
import { merge } from '../../lib/maintenance/merge.ts';
import { logItem, logSegmentKeyOf } from '../../lib/partition/log-item.ts';
import { maintenanceKey } from '../../lib/storage/keys.ts';
import { appendOne, batchOf } from '../log/world.ts';
import { fullPassOver } from './pass.ts';
import { createPartition, expectSound, fill, type Partition, seenBy, storedOf } from './world.ts';

let partition: Partition;
beforeEach(async () => {
  partition = await createPartition();
});

const itemsNow = async () => (await storedOf(partition, partition.address)).items;

/** Makes so many log items, of about so many bytes each. */
async function makeItems(count: number, bytes: number): Promise<void> {
  const value = 'x'.repeat(Math.ceil(bytes / 23));
  for (let round = 0; round < 100 && (await itemsNow()).length < count; round++) {
    for (let i = 0; i < 26; i++) await appendOne(partition.engine, 0, batchOf([value]));
    await merge(fullPassOver(partition), partition.address);
  }
  expect(await itemsNow()).toHaveLength(count);
}

const MiB = 2 ** 20;

test('neighbours that are joined are read as before', async () => {
  for (let i = 0; i < 4; i++) {
    await fill(partition.engine, 40, `round${i}-`);
    await merge(fullPassOver(partition), partition.address);
  }
  const before = await seenBy(partition);
  const items = await itemsNow();
  const pass = fullPassOver(partition);
  await join(pass, partition.address);
  const [joined, ...others] = await itemsNow();
  expect(others).toEqual([]);
  const { firstOffset, endOffset, bytes, recordCount, bytesAppended, runningMaxTimestampMs } = joined!;
  const last = items.at(-1)!;
  expect({ firstOffset, endOffset, bytesAppended, runningMaxTimestampMs }).toEqual({
    firstOffset: 0,
    endOffset: last.endOffset,
    bytesAppended: last.bytesAppended,
    runningMaxTimestampMs: last.runningMaxTimestampMs,
  });
  expect([bytes, recordCount]).toEqual([last.bytesAppended, last.endOffset]);
  expect(pass.counts).toMatchObject({ joinedBytes: bytes, writtenObjects: 1 });
  expect(await seenBy(partition)).toEqual(before);
  await expectSound(partition, partition.address);
});

describe('what is worth a join', () => {
  const joins = async () => {
    const pass = fullPassOver(partition, { isFull: false });
    await join(pass, partition.address);
    return pass.counts.joinedBytes;
  };

  test('eight neighbours of 32 MiB together are, seven are not', async () => {
    await makeItems(7, 4.7 * MiB);
    expect(await joins()).toBe(0);
    await makeItems(8, 4.7 * MiB);
    expect(await joins()).toBeGreaterThan(32 * MiB);
    const [item] = await itemsNow();
    expect(item!.rows.length).toBeGreaterThan(40);
    await expectSound(partition, partition.address);
  }, 60_000);

  test('a large neighbour is left, and parts the others', async () => {
    await makeItems(6, 4.7 * MiB);
    await makeItems(7, 9 * MiB);
    await makeItems(12, 4.7 * MiB);
    expect(await joins()).toBe(0);
  }, 60_000);

  test('64 neighbours are, however small, and 63 are not', async () => {
    await makeItems(63, 100);
    expect(await joins()).toBe(0);
    await makeItems(64, 100);
    expect(await joins()).toBeGreaterThan(0);
    expect(await itemsNow()).toHaveLength(1);
    await expectSound(partition, partition.address);
  }, 60_000);
});

test('a dry run counts it and writes nothing', async () => {
  await makeItems(3, 100);
  const items = await itemsNow();
  const dry = fullPassOver(partition, { isDryRun: true });
  await join(dry, partition.address);
  expect(await itemsNow()).toEqual(items);
  const real = fullPassOver(partition);
  await join(real, partition.address);
  expect(dry.counts).toEqual({ ...newCounts(), joinedBytes: real.counts.joinedBytes });
  expect(real.counts.joinedBytes).toBeGreaterThan(0);
});

test('a segment that is missing is damage, and its item stays', async () => {
  await makeItems(3, 100);
  const items = await itemsNow();
  await partition.objects.delete([logSegmentKeyOf(partition.address, items[1]!)]);
  const pass = fullPassOver(partition);
  await join(pass, partition.address);
  expect(pass.damage).toEqual([{ offset: items[1]!.firstOffset, reason: expect.stringMatching(/is missing$/) }]);
  expect(await itemsNow()).toEqual(items);
});

test('a segment that was cut between two batches is damage', async () => {
  await makeItems(3, 100);
  const items = await itemsNow();
  const key = logSegmentKeyOf(partition.address, items[1]!);
  const bytes = (await partition.objects.get(key))!;
  await partition.objects.delete([key]);
  await partition.objects.putOnce(key, [bytes.subarray(0, 8)]);
  const pass = fullPassOver(partition);
  await join(pass, partition.address);
  expect(pass.damage).toEqual([
    { offset: items[1]!.firstOffset, reason: expect.stringMatching(/it has 0 of \d+ bytes/) },
  ]);
  expect(await itemsNow()).toEqual(items);
});

test('a segment that was replaced and swept between plan and read is no damage', async () => {
  await makeItems(3, 100);
  const before = await seenBy(partition);
  let isReplaced = false;
  const objects = {
    ...partition.objects,
    async get(key: string, range?: { from: number; to: number }) {
      if (!isReplaced) {
        isReplaced = true;
        const keys = (await itemsNow()).map((item) => logSegmentKeyOf(partition.address, item));
        await join(fullPassOver(partition), partition.address);
        await partition.objects.delete(keys);
      }
      return partition.objects.get(key, range);
    },
  };
  const slow = fullPassOver({ ...partition, objects });
  await join(slow, partition.address);
  expect(slow.damage).toEqual([]);
  expect(await itemsNow()).toHaveLength(1);
  expect(await seenBy(partition)).toEqual(before);
});

test('a rewrite that is faster is not undone', async () => {
  await makeItems(3, 100);
  const items = await itemsNow();
  const rewritten = { ...items[1]!, segmentRandom: new Uint8Array(8).fill(7) };
  const objects = {
    ...partition.objects,
    async putOnce(key: string, chunks: readonly Uint8Array[]) {
      await partition.objects.putOnce(key, chunks);
      await partition.table.write({ kind: 'put', item: logItem(partition.address, rewritten) });
    },
  };
  const pass = fullPassOver({ ...partition, objects });
  await join(pass, partition.address);
  expect(pass.counts.joinedBytes).toBe(0);
  expect(await itemsNow()).toEqual(items.with(1, rewritten));
});

test('a closed partition is left alone', async () => {
  await makeItems(3, 100);
  const key = maintenanceKey(partition.address.topicId, 0);
  await partition.table.write({ kind: 'update', key, update: { set: [['g', 0xffffff]] } });
  const pass = fullPassOver(partition);
  await join(pass, partition.address);
  expect(pass.counts.writtenObjects).toBe(0);
  expect(await itemsNow()).toHaveLength(3);
});
