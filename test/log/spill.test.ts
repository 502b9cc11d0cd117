import { beforeEach, describe, expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { carriedOverMark } from '../../lib/log/spill.ts';
import { encodeEntry } from '../../lib/partition/entry.ts';
import { parseHead } from '../../lib/partition/head.ts';
import { itemSize } from '../../lib/storage/item-size.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import { countsOf } from './counts.ts';
import { appendOne, batchOf, createWorld, readAll, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = createWorld();
  await world.engine.createTopic({ topic: 't' });
});

async function headItem() {
  const { topicId } = await world.engine.describeTopic('t');
  return (await world.table.get({ pk: `${topicId}/0`, sk: 'h' }))!;
}

describe('the head', () => {
  test('stays within 1 KiB, whichever client appends', async () => {
    const steady = (await world.engine.newProducer()).producerId;
    let sequence = 0;
    let largest = 0;
    for (let i = 0; i < 300; i++) {
      const isSteady = i < 100 || i % 2 === 0;
      const producerId = isSteady ? steady : (await world.engine.newProducer()).producerId;
      const baseSequence = isSteady ? sequence++ : 0;
      await appendOne(world.engine, 0, batchOf(['x'], { producerId, producerEpoch: 0, baseSequence }));
      largest = Math.max(largest, itemSize(await headItem()));
    }
    expect(largest).toBeLessThanOrEqual(1_024);
  });

  test('is spilled by exactly one of the writers', () => {
    const entry = (i: number) => ({
      segmentEpoch: 1,
      segmentRandom: new Uint8Array(8),
      position: i,
      lengthBytes: 1,
      recordCount: 1,
      maxTimestampMs: 1,
      producer: { id: i % 5, epoch: 0, firstSequence: i },
    });
    const tail = Array.from({ length: 60 }, (_, i) => ({ raw: encodeEntry(entry(i)), entry: entry(i), baseOffset: i }));
    const spillers = tail.map((_, i) => i + 1).filter((length) => carriedOverMark(tail.slice(0, length)));
    expect(spillers).toHaveLength(4);
    expect(spillers[0]).toBe(29);
  });
});

describe('a spill that stopped half-way', () => {
  test('after its page was put is finished by the next writer over a mark, which keeps that page as it is', async () => {
    const lazy = { ...world.table, write: world.table.write };
    let trims = 0;
    lazy.write = (write) => {
      if (write.kind === 'update' && write.update.trim && trims++ === 0)
        return Promise.resolve({ applied: false as const, old: undefined });
      return world.table.write(write);
    };
    const dying = createEngine({ ...world, table: lazy });
    for (let i = 0; i < 60; i++) await appendOne(dying, 0, batchOf([`v${i}`]));
    expect(trims).toBeGreaterThanOrEqual(2);
    expect(parseHead(await headItem()).tailBase).toBeGreaterThan(0);
    expect((await readAll(createEngine(world), 0)).map(({ offset }) => offset)).toEqual(
      Array.from({ length: 60 }, (_, i) => i),
    );
  });
});

test('a tail that could not be spilled for a long time shrinks again', async () => {
  let isBroken = true;
  const table = { ...world.table };
  table.write = (write) => {
    const isPage = write.kind === 'put' && write.item.pk.endsWith('/p');
    return isBroken && isPage ? Promise.reject(new StorageError('throttled', 'injected')) : world.table.write(write);
  };
  const engine = createEngine({ ...world, table });
  for (let i = 0; i < 300; i++) await appendOne(engine, 0, batchOf([`v${i}`]));
  expect(parseHead(await headItem()).tail).toHaveLength(300);
  isBroken = false;
  for (let i = 0; i < 100; i++) await appendOne(engine, 0, batchOf([`w${i}`]));
  expect(parseHead(await headItem()).tail.length).toBeLessThan(50);
  expect(await readAll(createEngine(world), 0)).toHaveLength(400);
});

test('a steady producer costs one PUT and 1.1 table writes an append', async () => {
  const counted = countsOf(world);
  const engine = createEngine({ ...counted.ports, clock: world.clock });
  const { producerId } = await engine.newProducer();
  counted.reset();
  for (let i = 0; i < 500; i++)
    await appendOne(engine, 0, batchOf(['x'], { producerId, producerEpoch: 0, baseSequence: i }));
  expect(counted.calls.putOnce).toBe(500);
  expect(counted.calls.write / 500).toBeLessThan(1.12);
  expect(counted.calls.get).toBeLessThan(5);
  expect(counted.calls.query).toBe(0);
});
