import { beforeEach, describe, expect, test } from 'vitest';
import type { PartitionRecords } from '../../lib/api/records.ts';
import { createEngine } from '../../lib/engine.ts';
import { decodeBatch } from '../../lib/record/batch.ts';
import { readUnitsOfWait } from '../../lib/runtime/poll-schedule.ts';
import { countingTable, newCounters } from '../../lib/storage/count.ts';
import type { Key } from '../../lib/storage/table.ts';
import { countsOf } from './counts.ts';
import { appendOne, batchOf, createWorld, readAll, startMs, valuesOf, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = createWorld();
  await world.engine.createTopic({ topic: 't', partitions: 3 });
});

async function fetchOne(request: {
  offset: number;
  maxBytes?: number;
  minBytes?: number;
  waitMs?: number;
  signal?: AbortSignal;
  partition?: number;
}) {
  const { offset, partition = 0, ...rest } = request;
  const { partitions } = await world.engine.fetch({ topic: 't', partitions: [{ partition, offset }], ...rest });
  const result = partitions[0]!;
  if ('error' in result) throw result.error;
  return result;
}

const sizes = ({ batches }: PartitionRecords) => batches.map(({ length }) => length);

describe('one partition', () => {
  test('an empty partition answers with its watermarks', async () => {
    expect(await fetchOne({ offset: 0 })).toEqual({ partition: 0, highWatermark: 0, logStartOffset: 0, batches: [] });
  });

  test('a fetch from the middle of a batch gets the whole batch', async () => {
    await appendOne(world.engine, 0, Buffer.concat([batchOf(['a']), batchOf(['b', 'c', 'd']), batchOf(['e'])]));
    const { batches } = await fetchOne({ offset: 2 });
    expect(batches.map((bytes) => decodeBatch(bytes).header.baseOffset)).toEqual([1, 4]);
  });

  test('outside the log, the error names both ends of the log', async () => {
    await appendOne(world.engine, 0, batchOf(['a']));
    await expect(fetchOne({ offset: 2 })).rejects.toMatchObject({
      errorCode: 'OFFSET_OUT_OF_RANGE',
      extra: { logStartOffset: 0, highWatermark: 1 },
    });
  });

  test('maxBytes bounds the reply, but the first batch always comes', async () => {
    for (let i = 0; i < 10; i++) await appendOne(world.engine, 0, batchOf(['x'.repeat(1_000)]));
    const size = batchOf(['x'.repeat(1_000)]).length;
    expect(sizes(await fetchOne({ offset: 0, maxBytes: 3 * size + 5 }))).toEqual([size, size, size]);
    expect(sizes(await fetchOne({ offset: 0, maxBytes: 1 }))).toEqual([size]);
  });

  test('batches of one large entry are cut at maxBytes too, and nothing is skipped', async () => {
    const batch = batchOf(['x'.repeat(1_000)]);
    await appendOne(world.engine, 0, Buffer.concat([batch, batch, batch, batch]));
    expect(sizes(await fetchOne({ offset: 0, maxBytes: 2 * batch.length }))).toHaveLength(2);
    const { batches } = await fetchOne({ offset: 2, maxBytes: 2 * batch.length });
    expect(batches.map((bytes) => decodeBatch(bytes).header.baseOffset)).toEqual([2, 3]);
  });

  test('a missing object is corruption if the log still names it', async () => {
    await appendOne(world.engine, 0, batchOf(['a']));
    const { objects } = await world.objects.list({});
    await world.objects.delete(objects.map(({ key }) => key));
    await expect(fetchOne({ offset: 0 })).rejects.toMatchObject({ errorCode: 'CORRUPT_LOG', extra: { offset: 0 } });
  });

  test('while other processes spill, every record is read once', async () => {
    const other = createEngine(world);
    const reading = (async () => {
      const values: string[] = [];
      while (values.length < 300) {
        const { batches } = await fetchOne({ offset: values.length, waitMs: 50 });
        values.push(...valuesOf(batches.flatMap((bytes) => decodeBatch(bytes).records)));
      }
      return values;
    })();
    for (let i = 0; i < 300; i++) await appendOne(other, 0, batchOf([`v${i}`]));
    expect(await reading).toEqual(Array.from({ length: 300 }, (_, i) => `v${i}`));
  });
});

describe('several partitions', () => {
  test('the promise of at least one batch holds per request, not per partition', async () => {
    for (const partition of [0, 1, 2]) await appendOne(world.engine, partition, batchOf(['x'.repeat(1_000)]));
    const { partitions } = await world.engine.fetch({
      topic: 't',
      partitions: [0, 1, 2].map((partition) => ({ partition, offset: 0 })),
      maxBytes: 10,
    });
    expect(partitions.map((result) => ('batches' in result ? result.batches.length : -1))).toEqual([1, 0, 0]);
  });

  test('a partition that does not exist does not fail the others', async () => {
    await appendOne(world.engine, 1, batchOf(['a']));
    const { partitions } = await world.engine.fetch({
      topic: 't',
      partitions: [
        { partition: 7, offset: 0 },
        { partition: 1, offset: 0 },
      ],
    });
    expect(partitions[0]).toMatchObject({ partition: 7, error: { errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' } });
    expect(partitions[1]).toMatchObject({ partition: 1, highWatermark: 1 });
  });
});

describe('a poll that waits in vain', () => {
  /** The read units of such a poll, as AWS would bill them. */
  async function unitsOf(waitMs: number, partitions: readonly number[]): Promise<number> {
    const totals = newCounters();
    const engine = createEngine({ ...world, table: countingTable(world.table, totals) });
    await engine.fetch({ topic: 't', partitions: partitions.map((partition) => ({ partition, offset: 0 })), waitMs });
    return totals.readUnits;
  }

  test.each([0, 25, 1_000, 20_000])('for %i ms reads as much as the poll schedule says', async (waitMs) => {
    const [one, three] = [await unitsOf(waitMs, [0]), await unitsOf(waitMs, [0, 1, 2])];
    expect(three - one).toBe(2 * readUnitsOfWait(waitMs));
    // The topic itself is read once in five seconds.
    expect(one - readUnitsOfWait(waitMs)).toBeLessThanOrEqual(1 + waitMs / 5_000);
  });

  test('for 20 s reads each head less than once a second', () => {
    expect(readUnitsOfWait(20_000)).toBe(10);
  });
});

describe('a poll of an engine that is the only writer', () => {
  const three = [0, 1, 2].map((partition) => ({ partition, offset: 0 }));

  /** `onGet` is called after each read of a head. */
  function alone(onGet: (key: Key) => Promise<void> = async () => undefined) {
    const counted = countsOf(world);
    const get: typeof world.table.get = async (key, options) => {
      const item = await counted.ports.table.get(key, options);
      await onGet(key);
      return item;
    };
    const ports = { ...counted.ports, table: { ...counted.ports.table, get } };
    return { engine: createEngine({ ...ports, clock: world.clock, isOnlyWriter: true }), calls: counted.calls };
  }

  test('reads each head once, however long it waits', async () => {
    const { engine, calls } = alone();
    await engine.fetch({ topic: 't', partitions: three, waitMs: 20_000 });
    const topicReads = 1 + 20_000 / 5_000;
    expect(calls.get).toBeLessThanOrEqual(3 + topicReads);
  });

  test('reads again only the partitions that have grown', async () => {
    const { engine, calls } = alone();
    const polling = engine.fetch({ topic: 't', partitions: three, waitMs: 60_000 });
    await new Promise((resolve) => setImmediate(resolve));
    const before = calls.get;
    await appendOne(engine, 1, batchOf(['a']));
    const { partitions } = await polling;
    expect(partitions.map((result) => 'highWatermark' in result && result.highWatermark)).toEqual([0, 1, 0]);
    expect(calls.get - before).toBeLessThanOrEqual(2);
  });

  test('sees what was appended during its first read', async () => {
    let isFirst = true;
    const { engine } = alone(async ({ sk }) => {
      if (sk !== 'h' || !isFirst) return;
      isFirst = false;
      await appendOne(engine, 0, batchOf(['a']));
    });
    const startedMs = world.clock.now();
    const { partitions } = await engine.fetch({ topic: 't', partitions: three, waitMs: 20_000 });
    expect(partitions[0]).toMatchObject({ highWatermark: 1 });
    expect(world.clock.now() - startedMs).toBeLessThan(1_000);
  });

  test('counts the records that are already there towards minBytes', async () => {
    const { engine } = alone();
    const batch = batchOf(['a']);
    await appendOne(engine, 0, batch);
    const polling = engine.fetch({ topic: 't', partitions: three, waitMs: 20_000, minBytes: 2 * batch.length });
    await new Promise((resolve) => setImmediate(resolve));
    await appendOne(engine, 2, batch);
    const { partitions } = await polling;
    expect(partitions.map((result) => ('batches' in result ? result.batches.length : -1))).toEqual([1, 0, 1]);
  });

  test('ends when its topic is deleted', async () => {
    const { engine } = alone();
    const polling = engine.fetch({ topic: 't', partitions: three, waitMs: 20_000 });
    await engine.deleteTopic('t');
    await expect(polling).rejects.toMatchObject({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' });
  });

  test('continues in the topic that has taken over the name', async () => {
    const { engine } = alone();
    await appendOne(engine, 0, batchOf(['old']));
    const polling = engine.fetch({ topic: 't', partitions: [{ partition: 0, offset: 1 }], waitMs: 20_000 });
    await engine.deleteTopic('t');
    await engine.createTopic({ topic: 't' });
    const { partitions } = await polling;
    expect(partitions[0]).toMatchObject({ error: { errorCode: 'OFFSET_OUT_OF_RANGE' } });
  });
});

describe('damage and pressure', () => {
  test('a damaged segment fails only its own partition, and the records before it are delivered', async () => {
    await appendOne(world.engine, 0, batchOf(['before']));
    const [first] = (await world.objects.list({})).objects;
    await appendOne(world.engine, 0, batchOf(['damaged']));
    const damaged = (await world.objects.list({})).objects.find(({ key }) => key !== first!.key)!;
    await appendOne(world.engine, 1, batchOf(['sound']));
    await world.objects.delete([damaged.key]);
    await world.objects.putOnce(damaged.key, [new Uint8Array(damaged.bytes)]);
    const fetch = async (offset: number) =>
      (
        await createEngine(world).fetch({
          topic: 't',
          partitions: [
            { partition: 0, offset },
            { partition: 1, offset: 0 },
          ],
        })
      ).partitions;
    expect(await fetch(0)).toMatchObject([{ batches: [{}] }, { batches: [{}] }]);
    expect(await fetch(1)).toMatchObject([
      { error: { errorCode: 'CORRUPT_LOG', extra: { offset: 1 } } },
      { batches: [{}] },
    ]);
  });

  test('many large fetches at once do not push each other out', async () => {
    await world.engine.alterTopic({ topic: 't', config: { 'max.message.bytes': '4000000' } });
    for (let i = 0; i < 12; i++) await appendOne(world.engine, i % 3, batchOf(['x'.repeat(3_900_000)]));
    const fetches = Array.from({ length: 12 }, (_, i) =>
      fetchOne({ partition: i % 3, offset: Math.floor(i / 3), maxBytes: 4_000_000 }),
    );
    for (const { batches } of await Promise.all(fetches)) expect(batches).toHaveLength(1);
  });
});

describe('a long poll', () => {
  test('does not wait for more bytes than a reply can hold', async () => {
    for (let i = 0; i < 3; i++) await appendOne(world.engine, 0, batchOf(['x'.repeat(1_000)]));
    const before = world.clock.now();
    await fetchOne({ offset: 0, maxBytes: 2_000, minBytes: 100_000, waitMs: 20_000 });
    expect(world.clock.now()).toBe(before);
  });

  test('returns as soon as something is appended', async () => {
    const waiting = fetchOne({ offset: 0, waitMs: 20_000 });
    await appendOne(world.engine, 0, batchOf(['a']));
    expect((await waiting).highWatermark).toBe(1);
  });

  test('ends after waitMs, and reads seldom meanwhile', async () => {
    const counted = countsOf(world);
    const engine = createEngine({ ...counted.ports, clock: world.clock });
    const before = world.clock.now();
    await engine.fetch({ topic: 't', partitions: [{ partition: 0, offset: 0 }], waitMs: 20_000 });
    expect(world.clock.now() - before).toBeGreaterThanOrEqual(20_000);
    expect(counted.calls.get).toBeLessThan(35);
  });

  test('waits for minBytes', async () => {
    await appendOne(world.engine, 0, batchOf(['a']));
    const size = batchOf(['a']).length;
    const waiting = fetchOne({ offset: 0, waitMs: 20_000, minBytes: size + 1 });
    await appendOne(world.engine, 0, batchOf(['b']));
    expect((await waiting).batches).toHaveLength(2);
  });

  test('ends immediately when its caller goes away', async () => {
    const caller = new AbortController();
    const before = world.clock.now();
    const waiting = fetchOne({ offset: 0, waitMs: 20_000, signal: caller.signal });
    caller.abort();
    expect((await waiting).batches).toEqual([]);
    expect(world.clock.now() - before).toBeLessThan(5_000);
  });
});

describe('calls', () => {
  test('a fetch at the tail is one read of the table, and a fetch deep in the log is one more, however deep', async () => {
    for (let i = 0; i < 1_000; i++) await appendOne(world.engine, 0, batchOf([`v${i}`]));
    const counted = countsOf(world);
    const engine = createEngine({ ...counted.ports, clock: world.clock });
    const callsAt = async (offset: number) => {
      await engine.fetch({ topic: 't', partitions: [{ partition: 0, offset }], maxBytes: 1 });
      counted.reset();
      await engine.fetch({ topic: 't', partitions: [{ partition: 0, offset }], maxBytes: 1 });
      return { get: counted.calls.get, query: counted.calls.query };
    };
    expect(await callsAt(999)).toEqual({ get: 1, query: 0 });
    expect(await callsAt(3)).toEqual({ get: 1, query: 1 });
    expect(await callsAt(500)).toEqual({ get: 1, query: 1 });
  });
});

describe('offsets by time', () => {
  test('are the first at or after the time, in tail and pages, found in few queries', async () => {
    for (let i = 0; i < 2_000; i++)
      await appendOne(world.engine, 0, batchOf([`v${i}`], { timestampMs: startMs - 100_000 + i * 10 }));
    const counted = countsOf(world);
    const engine = createEngine({ ...counted.ports, clock: world.clock });
    for (const i of [0, 1, 7, 500, 1_234, 1_999]) {
      counted.reset();
      const { partitions } = await engine.offsets({ topic: 't', at: startMs - 100_000 + i * 10 - 5, partitions: [0] });
      expect(partitions[0]).toEqual({ partition: 0, offset: i, timestampMs: startMs - 100_000 + i * 10 });
      expect(counted.calls.query).toBeLessThan(20);
    }
    expect((await engine.offsets({ topic: 't', at: startMs, partitions: [0] })).partitions[0]).toMatchObject({
      offset: -1,
      timestampMs: -1,
    });
  });

  test('are right for timestamps out of order too', async () => {
    const times = Array.from({ length: 300 }, (_, i) => startMs - ((i * 7919) % 100_003));
    for (const timestampMs of times) await appendOne(world.engine, 0, batchOf(['x'], { timestampMs }));
    for (const at of [startMs - 100_000, startMs - 5_000, startMs - 100, startMs]) {
      const { partitions } = await world.engine.offsets({ topic: 't', at, partitions: [0] });
      expect(partitions[0]!.offset).toBe(times.findIndex((time) => time >= at));
    }
  });

  test('give the earliest and the latest of every partition', async () => {
    await appendOne(world.engine, 2, batchOf(['a', 'b']));
    expect((await world.engine.offsets({ topic: 't', at: 'latest' })).partitions.map(({ offset }) => offset)).toEqual([
      0, 0, 2,
    ]);
    expect((await world.engine.offsets({ topic: 't', at: 'earliest' })).partitions.map(({ offset }) => offset)).toEqual(
      [0, 0, 0],
    );
  });
});

test('a process that saw an old head still reads right after the log has moved on', async () => {
  await appendOne(world.engine, 0, batchOf(['a']));
  const other = createEngine(world);
  await readAll(other, 0);
  for (let i = 0; i < 100; i++) await appendOne(world.engine, 0, batchOf([`v${i}`]));
  expect(await readAll(other, 0)).toHaveLength(101);
});
