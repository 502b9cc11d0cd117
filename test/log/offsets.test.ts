import { beforeEach, expect, test } from 'vitest';
import type { OffsetQuery, PartitionOffset } from '../../lib/api/records.ts';
import { crc32c } from '../../lib/bytes/crc32c.ts';
import { createEngine } from '../../lib/engine.ts';
import { encodeBatch } from '../../lib/record/batch.ts';
import { countsOf } from './counts.ts';
import { appendOne, batchOf, createWorld, startMs, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = createWorld();
  await world.engine.createTopic({ topic: 't' });
});

async function offsetAt(at: OffsetQuery, engine = world.engine, signal?: AbortSignal): Promise<PartitionOffset> {
  const { partitions } = await engine.offsets({ topic: 't', at, partitions: [0], ...(signal && { signal }) });
  return partitions[0]!;
}

const of = (offset: number, timestampMs: number): PartitionOffset => ({ partition: 0, offset, timestampMs });

/** Records with these timestamps. */
const timed = (...times: number[]) =>
  encodeBatch(times.map((timestampMs) => ({ key: null, value: null, headers: [], timestampMs })));

/** The header of this batch claims a later time than any of its records has. It unpacks to this many megabytes. */
function lying(claimedMs: number, megabytes: number): Uint8Array {
  const value = new Uint8Array(2 ** 20);
  const batch = encodeBatch(
    Array.from({ length: megabytes }, () => ({ key: null, value, headers: [], timestampMs: startMs - 100 })),
    { compression: 'zstd' },
  );
  const view = new DataView(batch.buffer, batch.byteOffset);
  view.setBigInt64(35, BigInt(claimedMs));
  view.setUint32(17, crc32c(batch, 21));
  return batch;
}

test('the greatest timestamp of an empty partition is none', async () => {
  expect(await offsetAt('maxTimestamp')).toEqual(of(-1, -1));
});

test('the greatest timestamp comes with the first offset that has it', async () => {
  await appendOne(world.engine, 0, timed(startMs, startMs + 5, startMs + 9, startMs + 9, startMs + 1));
  await appendOne(world.engine, 0, timed(startMs + 9));
  expect(await offsetAt('maxTimestamp')).toEqual(of(2, startMs + 9));
  await appendOne(world.engine, 0, timed(startMs + 8, startMs + 10));
  expect(await offsetAt('maxTimestamp')).toEqual(of(7, startMs + 10));
});

test('the greatest timestamp is found in pages too, in few queries', async () => {
  const times = Array.from({ length: 600 }, (_, i) => startMs - ((i * 7919) % 100_003));
  for (const time of [...times, startMs - 1]) await appendOne(world.engine, 0, timed(time));
  const counted = countsOf(world);
  const engine = createEngine({ ...counted.ports, clock: world.clock });
  expect(await offsetAt('maxTimestamp', engine)).toEqual(of(0, startMs));
  expect(counted.calls.query).toBeLessThan(15);
});

test('a claimed timestamp that no record has stands for the greatest timestamp of its entry', async () => {
  await appendOne(world.engine, 0, timed(startMs - 200));
  await appendOne(world.engine, 0, lying(startMs, 1));
  expect(await offsetAt('maxTimestamp')).toEqual(of(1, startMs));
});

test('where the header already names the first record at or after the time, nothing is unpacked', async () => {
  const batch = batchOf(['x'.repeat(1_000)], { compression: 'zstd' });
  // The content of this batch is not zstd.
  batch.fill(0xff, 61);
  new DataView(batch.buffer, batch.byteOffset).setUint32(17, crc32c(batch, 21));
  await appendOne(world.engine, 0, batch);
  expect(await offsetAt(startMs - 1)).toEqual(of(0, startMs));
});

test('a search that has used up its unpacking budget answers with its position, at or before the true offset', async () => {
  await appendOne(world.engine, 0, timed(startMs - 200));
  await appendOne(world.engine, 0, lying(startMs, 40));
  await appendOne(world.engine, 0, lying(startMs, 40));
  await appendOne(world.engine, 0, timed(startMs - 10));
  expect(await offsetAt(startMs - 10)).toEqual(of(41, startMs));
});

test('a search whose caller has left ends at its position, and reads no object', async () => {
  await appendOne(world.engine, 0, lying(startMs, 1));
  await appendOne(world.engine, 0, timed(startMs - 10));
  const counted = countsOf(world);
  const engine = createEngine({ ...counted.ports, clock: world.clock });
  expect(await offsetAt(startMs - 10, engine, AbortSignal.abort())).toEqual(of(0, startMs));
  expect(counted.calls.getObject).toBe(0);
});
