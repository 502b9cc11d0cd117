// Fetches over several topics, and the watch of heads that they share. Time is virtual, and two engines over one storage stand
// for two processes.
import { expect, test } from 'vitest';
import type { Engine } from '../../lib/api/engine.ts';
import type { TopicsFetchRequest } from '../../lib/api/records.ts';
import { createEngine } from '../../lib/engine.ts';
import { createLogContext } from '../../lib/log/context.ts';
import { createHeadWatches } from '../../lib/log/head-watch.ts';
import { type Clock, systemClock } from '../../lib/runtime/clock.ts';
import { type Counters, countingObjectStore, countingTable, newCounters } from '../../lib/storage/count.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Table } from '../../lib/storage/table.ts';
import type { Topic } from '../../lib/topic/topics.ts';
import { createScheduler } from '../sim/core/scheduler.ts';
import { batchOf, startMs } from './world.ts';

type Stage = {
  readonly here: Engine;
  readonly elsewhere: Engine;
  /** What `here` has asked for. */
  readonly totals: Counters;
  readonly clock: Clock;
  /** Whether `here` reaches the table. */
  isCutOff: boolean;
  /** Whether the code of `here` has a fault. */
  isFaulty: boolean;
  /** Lets time pass until the work is done. */
  run<T>(work: () => Promise<T>): Promise<T>;
};

function createStage(): Stage {
  const scheduler = createScheduler(startMs);
  let state = 1;
  const random = () => {
    state = (state * 48271) % 0x7fffffff;
    return state / 0x7fffffff;
  };
  const clock: Clock = {
    ...{ now: scheduler.now, monotonic: scheduler.now, random },
    sleep: (ms) => new Promise((resolve) => scheduler.after(ms, resolve)),
    randomBytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(random() * 256)),
  };
  const [objects, table, totals] = [createMemoryObjectStore({ clock }), createMemoryTable(), newCounters()];
  const reached: Table = {
    ...table,
    async get(key, options) {
      if (stage.isFaulty) throw new TypeError('undefined is not a function');
      if (stage.isCutOff) throw new StorageError('unavailable', 'cut off');
      return table.get(key, options);
    },
  };
  const counted = { objects: countingObjectStore(objects, totals), table: countingTable(reached, totals) };
  const stage: Stage = {
    ...{ totals, clock, isCutOff: false, isFaulty: false },
    here: createEngine({ ...counted, clock }),
    elsewhere: createEngine({ objects, table, clock }),
    async run(work) {
      let ended = false;
      const result = work().finally(() => (ended = true));
      result.catch(() => undefined);
      await scheduler.run(() => ended, 1_000_000);
      return result;
    },
  };
  return stage;
}

const partitions = (count: number, more: object = {}) =>
  Array.from({ length: count }, (_, partition) => ({ partition, offset: 0, ...more }));

/** Polls as a client does, for so long. The first poll of a connection is strong. */
async function consume({ here, clock }: Stage, topic: string, count: number, forMs: number): Promise<void> {
  const endMs = clock.monotonic() + forMs;
  for (let strong = true; clock.monotonic() < endMs; strong = false)
    await here.fetchTopics({ topics: [{ topic, partitions: partitions(count, { strong }) }], waitMs: 500 });
}

const minute = 60_000;

test.each([1, 10])(
  '%i idle consumers of 20 partitions cost half a unit for each partition every two seconds',
  async (consumers) => {
    const stage = createStage();
    await stage.run(() => stage.here.createTopic({ topic: 'idle', partitions: 20 }));
    stage.totals.readUnits = 0;
    const all = () => Promise.all(Array.from({ length: consumers }, () => consume(stage, 'idle', 20, 5 * minute)));
    await stage.run(all);
    const looks = (20 * 0.5 * (5 * 60)) / 2;
    const firstLooks = 20 * consumers;
    // The pauses grow to two seconds within ten looks, and the copy of the topic is read again every five seconds.
    expect(stage.totals.readUnits).toBeLessThan(looks + firstLooks + 20 * 0.5 * 10 + (5 * 60) / 5 + 1);
    expect(stage.totals.readUnits).toBeGreaterThan(looks * 0.9);
  },
);

const append = (engine: Engine, topic: string, values: readonly string[], partition = 0) =>
  engine.append({ topic, partitions: [{ partition, batches: batchOf(values) }] });

const fetchOne = async (engine: Engine, topic: string, request: Partial<TopicsFetchRequest> = {}, more: object = {}) =>
  (await engine.fetchTopics({ topics: [{ topic, partitions: partitions(1, more) }], ...request }))[0]![0]!;

const batchesIn = (result: object): number => ('batches' in result ? (result.batches as unknown[]).length : -1);

test('what another process appends is seen within two seconds, and at once by a strong fetch', async () => {
  const stage = createStage();
  const { here, elsewhere, clock } = stage;
  await stage.run(() => here.createTopic({ topic: 't' }));
  await stage.run(() => consume(stage, 't', 1, minute));
  await stage.run(() => append(elsewhere, 't', ['a']));
  expect(batchesIn(await stage.run(() => fetchOne(here, 't')))).toBe(0);
  const fromMs = clock.monotonic();
  expect(batchesIn(await stage.run(() => fetchOne(here, 't', { waitMs: 20_000 })))).toBe(1);
  expect(clock.monotonic() - fromMs).toBeLessThanOrEqual(2_000);
  await stage.run(() => append(elsewhere, 't', ['b']));
  expect(batchesIn(await stage.run(() => fetchOne(here, 't', {}, { strong: true })))).toBe(2);
});

test('an append of this process wakes a waiting fetch, which reads no head for it', async () => {
  const stage = createStage();
  const { here, totals, clock } = stage;
  await stage.run(() => here.createTopic({ topic: 't' }));
  await stage.run(() => consume(stage, 't', 1, minute));
  await stage.run(async () => {
    const waiting = fetchOne(here, 't', { waitMs: 1_000 });
    await clock.sleep(10);
    const [readUnits, atMs] = [totals.readUnits, clock.monotonic()];
    await append(here, 't', ['a']);
    expect(batchesIn(await waiting)).toBe(1);
    expect([totals.readUnits, clock.monotonic()]).toEqual([readUnits, atMs]);
  });
});

test('an offset beyond what is known here is looked at again before it is refused', async () => {
  const stage = createStage();
  await stage.run(() => stage.here.createTopic({ topic: 't' }));
  await stage.run(() => consume(stage, 't', 1, minute));
  await stage.run(() => append(stage.elsewhere, 't', ['a']));
  expect(await stage.run(() => fetchOne(stage.here, 't', {}, { offset: 1 }))).toMatchObject({ highWatermark: 1 });
  expect(await stage.run(() => fetchOne(stage.here, 't', {}, { offset: 2 }))).toMatchObject({
    error: { errorCode: 'OFFSET_OUT_OF_RANGE' },
  });
});

test('many topics share one budget: no more is read than it holds, and one batch more', async () => {
  const stage = createStage();
  const names = Array.from({ length: 10 }, (_, i) => `t${i}`);
  const value = 'x'.repeat(100_000);
  for (const topic of names) {
    await stage.run(() => stage.here.createTopic({ topic }));
    for (let i = 0; i < 3; i++) await stage.run(() => append(stage.here, topic, [value]));
  }
  const topics = names.map((topic) => ({ topic, partitions: partitions(1) }));
  const asked: number[] = [];
  const roomFor = async (bytes: number) => void asked.push(bytes);
  const replies = await stage.run(() => stage.here.fetchTopics({ topics, maxBytes: 350_000, roomFor }));
  expect(replies.map(([result]) => batchesIn(result!))).toEqual([3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  expect(stage.totals.bytesDown).toBeLessThan(450_000);
  expect(asked).toEqual([expect.any(Number)]);
  expect(asked[0]).toBeGreaterThanOrEqual(300_000);
});

test('results stand in the order of the request, and an unknown topic has an error for each partition', async () => {
  const stage = createStage();
  await stage.run(() => stage.here.createTopic({ topic: 't', partitions: 2 }));
  const topics = [
    { topic: 'none', partitions: partitions(2) },
    {
      topic: 't',
      partitions: [
        { partition: 1, offset: 0 },
        { partition: 7, offset: 0 },
        { partition: 0, offset: 0 },
      ],
    },
  ];
  const unknown = { errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' };
  expect(await stage.run(() => stage.here.fetchTopics({ topics, waitMs: 20_000 }))).toMatchObject([
    [
      { partition: 0, error: unknown },
      { partition: 1, error: unknown },
    ],
    [
      { partition: 1, highWatermark: 0 },
      { partition: 7, error: unknown },
      { partition: 0, highWatermark: 0 },
    ],
  ]);
});

test('a fetch that waits for a topic is told that it was deleted', async () => {
  const stage = createStage();
  await stage.run(() => stage.here.createTopic({ topic: 't' }));
  await stage.run(async () => {
    const waiting = fetchOne(stage.here, 't', { waitMs: 20_000 });
    await stage.clock.sleep(100);
    await stage.elsewhere.deleteTopic('t');
    expect(await waiting).toMatchObject({ error: { errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' } });
  });
});

test('a process that is cut off from the table says so, and goes on when it is back', async () => {
  const stage = createStage();
  const { here, elsewhere, clock } = stage;
  await stage.run(() => here.createTopic({ topic: 't' }));
  await stage.run(() => consume(stage, 't', 1, minute));
  await stage.run(async () => {
    const waiting = fetchOne(here, 't', { waitMs: 20_000 });
    stage.isCutOff = true;
    expect(await waiting).toMatchObject({ error: { errorCode: 'STORAGE_UNAVAILABLE' } });
    expect(await fetchOne(here, 't')).toMatchObject({ error: { errorCode: 'STORAGE_UNAVAILABLE' } });
    await append(elsewhere, 't', ['a']);
    stage.isCutOff = false;
    expect(batchesIn(await fetchOne(here, 't', { waitMs: 20_000 }))).toBe(1);
  });
  expect(clock.monotonic()).toBeGreaterThan(startMs);
});

test('a fault in a look is an error of the fetch that waits, and the next look goes on', async () => {
  const stage = createStage();
  const { here, elsewhere } = stage;
  await stage.run(() => here.createTopic({ topic: 't' }));
  await stage.run(() => consume(stage, 't', 1, minute));
  await stage.run(async () => {
    const waiting = fetchOne(here, 't', { waitMs: 20_000 });
    stage.isFaulty = true;
    const error = { errorCode: 'UNKNOWN_SERVER_ERROR', cause: { message: 'undefined is not a function' } };
    expect(await waiting).toMatchObject({ error });
    stage.isFaulty = false;
    await append(elsewhere, 't', ['a']);
    expect(batchesIn(await fetchOne(here, 't', { waitMs: 20_000 }))).toBe(1);
  });
});

test('more partitions than may be waited for are refused, until others are left', () => {
  const ports = { objects: createMemoryObjectStore({ clock: systemClock }), table: createMemoryTable() };
  // Where only this process writes, nothing is looked at while it waits.
  const watches = createHeadWatches(createLogContext({ ...ports, clock: systemClock, isOnlyWriter: true }));
  const topic = { topic: 't', topicId: 'id', partitions: 1, config: {} } as unknown as Topic;
  const watched = (count: number) => Array.from({ length: count }, () => watches.of(topic, 0));
  const leave = watches.enterAll(watched(100_000));
  expect(() => watches.enterAll(watched(1))).toThrow(/pass the limit of 100000 \(waitingPartitions\)/);
  leave();
  watches.enterAll(watched(1))();
});
