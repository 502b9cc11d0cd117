import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { createLogContext, partitionName } from '../../lib/log/context.ts';
import { fetch } from '../../lib/log/fetch.ts';
import { retain } from '../../lib/maintenance/retain.ts';
import { emptyHead, parseHead } from '../../lib/partition/head.ts';
import { pageAtOrBelow } from '../../lib/partition/page.ts';
import { headKey } from '../../lib/storage/keys.ts';
import { beginMaintenance } from '../../lib/topic/maintenance-begun.ts';
import { graceMs, nextRetentionMs } from '../../lib/topic/retention.ts';
import { createTopics } from '../../lib/topic/topics.ts';
import { countsOf } from '../log/counts.ts';
import { appendOne, batchOf, createWorld, readAll, startMs, type World } from '../log/world.ts';
import { dayMs, hourMs, makeOld, passOver, topicOf } from './pass.ts';

const lateMs = 600_000;

/** A topic whose appends were an hour apart: record `i` came in after `i` hours. The oldest are in pages. */
async function hourly(hours: number, config: Record<string, string> = {}): Promise<World> {
  const world = createWorld();
  await world.engine.createTopic({ topic: 't', config: { 'retention.ms': String(dayMs), ...config } });
  for (let i = 0; i < hours; i++) {
    await appendOne(world.engine, 0, batchOf([`v${i}`], { timestampMs: world.clock.now() }));
    world.clock.advance(hourMs);
  }
  return world;
}

async function pass(world: World, options: Parameters<typeof passOver>[1] = {}) {
  const context = passOver(world, options);
  await retain(context, await topicOf(world), 0);
  return context.counts;
}

const headOf = async ({ table, clock }: World) => {
  const { topicId } = await topicOf({ table, clock });
  const item = await table.get(headKey(topicId, 0), { strong: true });
  return item ? parseHead(item) : emptyHead;
};
const earliest = async (world: World) => (await headOf(world)).logStart;

describe('retention by time', () => {
  test('removes whole pages and entries of the tail, up to the first that has not expired', async () => {
    const world = await hourly(60, { 'retention.ms': String(40 * hourMs) });
    const firstEnd = (await pageAtOrBelow(world.table, await addressOf(world), 0))!.endOffset;
    expect(firstEnd).toBeGreaterThan(21);
    // The newest record of the first page came in sixty hours less so many ago, and stays for forty.
    world.clock.advance((firstEnd - 1 - 20) * hourMs);
    expect(await pass(world)).toMatchObject({ expiredRecords: 0 });
    world.clock.advance(1);
    const counts = await pass(world);
    expect(await earliest(world)).toBe(firstEnd);
    const bytes = Array.from({ length: firstEnd }, (_, i) => batchOf([`v${i}`]).length).reduce((sum, n) => sum + n);
    expect(counts).toMatchObject({ expiredRecords: firstEnd, expiredBytes: bytes });
    world.clock.advance(100 * hourMs);
    expect(await pass(world)).toMatchObject({ expiredRecords: 60 - firstEnd });
    expect(await earliest(world)).toBe(60);
    await appendOne(world.engine, 0, batchOf(['next']));
    expect((await readAll(world.engine, 0, 60)).map(({ offset }) => offset)).toEqual([60]);
  });

  test('in the tail it goes entry by entry', async () => {
    const world = await hourly(10, { 'retention.ms': String(5 * hourMs) });
    // Ten hours have gone by. Record 4 is six hours old, and record 5 is five, which is not more than five.
    await pass(world);
    expect(await earliest(world)).toBe(5);
    world.clock.advance(1);
    await pass(world);
    expect(await earliest(world)).toBe(6);
    await expect(readAll(world.engine, 0, 5)).rejects.toMatchObject({ errorCode: 'OFFSET_OUT_OF_RANGE' });
    expect((await readAll(world.engine, 0, 6)).map(({ offset }) => offset)).toEqual([6, 7, 8, 9]);
  });

  test('a timestamp of the future holds nothing: its admission counts', async () => {
    const config = { 'message.timestamp.after.max.ms': String(1_000 * dayMs), 'retention.ms': String(dayMs) };
    const world = createWorld();
    await world.engine.createTopic({ topic: 't', config });
    await appendOne(world.engine, 0, batchOf(['future'], { timestampMs: startMs + 500 * dayMs }));
    await appendOne(world.engine, 0, batchOf(['present']));
    world.clock.advance(dayMs + hourMs + lateMs);
    await pass(world);
    expect(await earliest(world)).toBe(0);
    world.clock.advance(1);
    await pass(world);
    expect(await earliest(world)).toBe(2);
  });

  test('a record that claims to be old goes at once, as in Kafka', async () => {
    const world = createWorld();
    await world.engine.createTopic({ topic: 't', config: { 'retention.ms': String(dayMs) } });
    await appendOne(world.engine, 0, batchOf(['old'], { timestampMs: startMs - 2 * dayMs }));
    await appendOne(world.engine, 0, batchOf(['new']));
    await pass(world);
    expect(await earliest(world)).toBe(1);
  });

  test.each([{ 'retention.ms': '-1' }, { 'cleanup.policy': 'compact' }])('removes nothing with %o', async (config) => {
    const world = await hourly(30, config);
    world.clock.advance(1_000 * dayMs);
    expect(await pass(world)).toMatchObject({ expiredRecords: 0 });
    expect(await earliest(world)).toBe(0);
  });

  test.each(['delete,compact', 'compact, delete', 'delete,delete'])('counts with the policies %s', async (policy) => {
    const world = await hourly(30, { 'cleanup.policy': policy });
    world.clock.advance(1_000 * dayMs);
    await pass(world);
    expect(await earliest(world)).toBe(30);
  });

  test('a dry run counts, and writes nothing', async () => {
    const world = await hourly(30);
    world.clock.advance(1_000 * dayMs);
    const { calls, ports } = countsOf(world);
    expect(await pass({ ...world, ...ports }, { isDryRun: true })).toMatchObject({ expiredRecords: 30 });
    expect([calls.write, calls.transact, await earliest(world)]).toEqual([0, 0, 0]);
  });

  test('an empty partition, one without a head and one of a deleted topic are left alone', async () => {
    const world = createWorld();
    await world.engine.createTopic({ topic: 't', config: { 'retention.ms': '1' } });
    const topic = await topicOf(world);
    await pass(world);
    await appendOne(world.engine, 0, batchOf(['v']));
    await world.engine.deleteTopic('t');
    world.clock.advance(dayMs);
    const context = passOver(world);
    await retain(context, topic, 0);
    await retain(context, topic, 7);
    expect(context.counts.expiredRecords).toBe(0);
  });

  test('a pass that began before an operator kept the records longer removes nothing', async () => {
    const world = await hourly(30, { 'retention.ms': '1' });
    const before = await topicOf(world);
    await world.engine.alterTopic({ topic: 't', config: { 'retention.ms': String(1_000 * dayMs) } });
    await retain(passOver(world), before, 0);
    expect(await earliest(world)).toBe(0);
    await world.engine.alterTopic({ topic: 't', config: { 'retention.ms': '1' } });
    await retain(passOver(world), before, 0);
    expect(await earliest(world)).toBe(30);
  });

  test('a pass that has no time left keeps what it has found', async () => {
    const world = await hourly(60, { 'retention.ms': '1' });
    world.clock.advance(dayMs);
    let looks = 0;
    await pass(world, { isOver: () => ++looks > 1 });
    const first = await earliest(world);
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(60);
    await pass(world);
    expect(await earliest(world)).toBe(60);
  });

  test('what goes has expired, and what stays begins with a record that has not', async () => {
    const aged = fc.record({ ageMs: fc.integer({ min: -3, max: 60 }), waitMs: fc.integer({ min: 0, max: 3 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(aged, { maxLength: 60 }), fc.integer({ min: 0, max: 50 }), async (appends, kept) => {
        const world = createWorld();
        const config = {
          'retention.ms': String(kept * hourMs),
          'message.timestamp.after.max.ms': String(1_000 * dayMs),
        };
        await world.engine.createTopic({ topic: 't', config });
        const expiry: number[] = [];
        for (const [i, { ageMs, waitMs }] of appends.entries()) {
          const timestampMs = world.clock.now() - ageMs * hourMs;
          const admittedByMs = (Math.floor(world.clock.now() / hourMs) + 1) * hourMs + lateMs;
          await appendOne(world.engine, 0, batchOf([`${i}`], { timestampMs }));
          expiry.push(Math.min(timestampMs, admittedByMs) + kept * hourMs);
          world.clock.advance(waitMs * hourMs);
        }
        await pass(world);
        const nowMs = world.clock.now();
        const { logStart, tailBase } = await headOf(world);
        expect(expiry.slice(0, logStart).every((ms) => ms < nowMs)).toBe(true);
        const page =
          logStart < tailBase ? await pageAtOrBelow(world.table, await addressOf(world), logStart) : undefined;
        const next = expiry.slice(logStart, page?.endOffset ?? logStart + 1);
        expect(next.length === 0 || next.some((ms) => ms >= nowMs)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a topic that an older version made', () => {
  const oldWorld = async () => {
    const world = await hourly(30);
    await makeOld(world.table);
    world.clock.advance(1_000 * dayMs);
    return world;
  };

  test('loses nothing before maintenance has run for seven days', async () => {
    const world = await oldWorld();
    await pass(world);
    expect(await earliest(world)).toBe(0);
    const begunMs = await beginMaintenance(world.table, world.clock.now());
    world.clock.advance(graceMs - 1);
    expect(await beginMaintenance(world.table, world.clock.now())).toBe(begunMs);
    await pass(world);
    expect(await earliest(world)).toBe(0);
    world.clock.advance(1);
    await pass(world);
    expect(await earliest(world)).toBe(30);
  });

  test('says so in its description, and a dry run tells what will go', async () => {
    const world = await oldWorld();
    expect((await world.engine.describeTopic('t')).warnings).toEqual([expect.stringContaining('seven days')]);
    expect(await pass(world, { isDryRun: true })).toMatchObject({ expiredRecords: 30 });
  });

  test.each(['retention.ms', 'cleanup.policy', 'retention.bytes', 'delete.retention.ms'])(
    'follows retention once an operator sets or resets %s',
    async (name) => {
      const world = await oldWorld();
      await world.engine.alterTopic({ topic: 't', config: { 'segment.ms': '5000' } });
      await pass(world);
      expect(await earliest(world)).toBe(0);
      await world.engine.alterTopic({ topic: 't', config: { [name]: null } });
      expect((await world.engine.describeTopic('t')).warnings).toHaveLength(1);
      await pass(world);
      expect(await earliest(world)).toBe(30);
    },
  );

  test('follows retention once an operator confirms it, and a repeat changes nothing', async () => {
    const world = await oldWorld();
    const topics = createTopics(world.table, world.clock);
    await topics.confirmRetention('t');
    const { revision } = await topics.resolve({ topic: 't' });
    await createTopics(world.table, world.clock).confirmRetention('t');
    expect(await topicOf(world)).toMatchObject({ isRetentionConfirmed: true, revision });
    await pass(world);
    expect(await earliest(world)).toBe(30);
    await expect(topics.confirmRetention('missing')).rejects.toMatchObject({
      errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
  });
});

/** Another request is served between the read of a topic and the write to it. */
function meanwhile(world: World, act: () => Promise<unknown>): World['table'] {
  let isFirst = true;
  return {
    ...world.table,
    async write(write) {
      if (isFirst) {
        isFirst = false;
        await act();
      }
      return world.table.write(write);
    },
  };
}

describe('two requests about an old topic at a time', () => {
  test('that confirm it are one change', async () => {
    const world = await hourly(1);
    await makeOld(world.table);
    const { revision } = await topicOf(world);
    const confirm = (table: World['table']) => createTopics(table, world.clock).confirmRetention('t');
    await confirm(meanwhile(world, () => confirm(world.table)));
    expect(await topicOf(world)).toMatchObject({ isRetentionConfirmed: true, revision: revision + 1 });
  });

  test('do not pass for a confirmation if only the other one was done', async () => {
    const world = await hourly(1);
    await makeOld(world.table);
    const alter = (table: World['table'], name: string) =>
      createTopics(table, world.clock).alter({ topic: 't', config: { [name]: null } });
    const table = meanwhile(world, () => alter(world.table, 'segment.ms'));
    await expect(alter(table, 'retention.bytes')).rejects.toMatchObject({ outcome: 'not-written' });
    expect((await topicOf(world)).isRetentionConfirmed).toBe(false);
  });
});

describe('readers', () => {
  test('another process with an old copy of the head appends, and serves nothing that was removed', async () => {
    const world = await hourly(10, { 'retention.ms': String(5 * hourMs) });
    const other = createEngine(world);
    await readAll(other, 0);
    await appendOne(other, 0, batchOf(['seen'], { timestampMs: world.clock.now() }));
    await pass(world);
    const ack = await appendOne(other, 0, batchOf(['after'], { timestampMs: world.clock.now() }));
    expect(ack).toMatchObject({ baseOffset: 11, logStartOffset: 5 });
    for (const engine of [other, world.engine]) {
      await expect(readAll(engine, 0, 4)).rejects.toMatchObject({ errorCode: 'OFFSET_OUT_OF_RANGE' });
      expect((await readAll(engine, 0, 5)).map(({ offset }) => offset)).toEqual([5, 6, 7, 8, 9, 10, 11]);
      const [{ offset } = { offset: -1 }] = (await engine.offsets({ topic: 't', at: 'earliest' })).partitions;
      expect(offset).toBe(5);
    }
  });

  test('a fetch that waits in the process learns of it, and plans again', async () => {
    const world = await hourly(10, { 'retention.ms': String(5 * hourMs) });
    const log = createLogContext({ ...world, isOnlyWriter: true });
    const waiting = fetch(log, {
      ...{ topic: 't', partitions: [{ partition: 0, offset: 2 }] },
      ...{ minBytes: 1_000_000, waitMs: 20_000 },
    });
    await new Promise((resolve) => setImmediate(resolve));
    await pass(world, { onLogStart: (address) => log.notifications.announce(partitionName(address)) });
    expect((await waiting).partitions[0]).toMatchObject({ error: { errorCode: 'OFFSET_OUT_OF_RANGE' } });
  });
});

test.each([
  [{ 'retention.ms': String(100 * hourMs) }, 10 * hourMs],
  [{ 'retention.ms': '60000' }, hourMs],
  [{ 'retention.ms': String(1_000 * dayMs) }, dayMs],
  [{ 'retention.ms': '-1', 'retention.bytes': '1000' }, dayMs],
  [{ 'retention.ms': '-1' }, Number.POSITIVE_INFINITY],
  [{ 'cleanup.policy': 'compact' }, Number.POSITIVE_INFINITY],
])('with %o the next look is due after %d ms', (config, afterMs) => {
  expect(nextRetentionMs(config, startMs)).toBe(startMs + afterMs);
});

async function addressOf(world: World) {
  const { topicId } = await topicOf(world);
  return { topicId, partition: 0 };
}
