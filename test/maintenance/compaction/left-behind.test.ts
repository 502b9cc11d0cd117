// Earlier passes and earlier settings of a topic may leave much behind in the log. It must not stop later passes.
import { expect, test } from 'vitest';
import { crc32c } from '../../../lib/bytes/crc32c.ts';
import { readMaintenanceItem } from '../../../lib/partition/maintenance-item.ts';
import { decodeBatch, encodeBatch } from '../../../lib/record/batch.ts';
import { field } from '../../../lib/record/batch-header.ts';
import { appendOne, startMs, text } from '../../log/world.ts';
import { passOver } from '../pass.ts';
import { append, type CompactedWorld, createCompactedWorld, cutInto, itemsOf, readBatches, runPass } from './world.ts';

let world: CompactedWorld;

const put = (...pairs: [string, string | null][]) =>
  append(
    world,
    pairs.map(([key, value]) => ({ key, value })),
  );

/** Compressed batches of some bytes, each of which claims millions of records that it does not have. */
async function claimBillions(): Promise<void> {
  const record = { key: text('a'), value: text('1'), headers: [], timestampMs: startMs };
  const claims = encodeBatch([record], { compression: 'gzip' });
  const view = new DataView(claims.buffer, claims.byteOffset);
  view.setInt32(field.recordCount, 9_500_000);
  view.setInt32(field.lastOffsetDelta, 9_499_999);
  view.setUint32(field.crc, crc32c(claims, field.attributes));
  const many = Buffer.concat(Array.from({ length: 200 }, () => claims));
  for (let i = 0; i < 25; i++) await appendOne(world.engine, 0, many);
}

test('batches that claim billions of records get no memory for them, and do not stop the passes', async () => {
  world = await createCompactedWorld({ 'cleanup.policy': 'delete' });
  await claimBillions();
  await cutInto(world, [5_000]);
  const [first] = await itemsOf(world);
  expect(first!.recordCount).toBeGreaterThan(10 ** 9);
  const overrides = { ...world.topic.overrides, 'cleanup.policy': 'compact' };
  await runPass({ ...world, topic: { ...world.topic, overrides } });
  expect(await readMaintenanceItem(world.table, world.address)).toMatchObject({ cleanPoint: first!.endOffset });
});

test('a pass that ended early, in a range that was deleted since, does not keep later passes from their work', async () => {
  world = await createCompactedWorld({ 'cleanup.policy': 'compact,delete' });
  await put(['a', '1']);
  await put(['a', '2']);
  await cutInto(world, [1]);
  let asked = 0;
  await runPass(world, {}, passOver(world, { isOver: () => ++asked > 2 }));
  expect(await readMaintenanceItem(world.table, world.address)).toMatchObject({ unfinished: { to: 2 } });
  await put(['b', '1']);
  await put(['b', '2']);
  await cutInto(world, [1]);
  await world.engine.deleteRecords({ topic: 't', partitions: [{ partition: 0, offset: 2 }] });
  await runPass(world);
  expect(await readMaintenanceItem(world.table, world.address)).toMatchObject({ cleanPoint: 4, unfinished: undefined });
  const records = await readBatches(world.engine, 2);
  expect(records.flatMap((bytes) => decodeBatch(bytes).records.map(({ offset }) => offset))).toEqual([3]);
});
