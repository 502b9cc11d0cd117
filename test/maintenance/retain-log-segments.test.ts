// Retention over log segments: by size and by time, what is left of the items, and what a process may leave half-done.
import { beforeEach, describe, expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { join } from '../../lib/maintenance/join.ts';
import { merge } from '../../lib/maintenance/merge.ts';
import { retain } from '../../lib/maintenance/retain.ts';
import { parseHead } from '../../lib/partition/head.ts';
import { type LogItem, logItemsBetween } from '../../lib/partition/log-item.ts';
import { headKey } from '../../lib/storage/keys.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Item, Table } from '../../lib/storage/table.ts';
import { appendOne, batchOf, createWorld, readAll, type World } from '../log/world.ts';
import { dayMs, hourMs, passOver, topicOf } from './pass.ts';

let world: World;
/** The bytes of each batch. All are of one size. */
const batchBytes = batchOf(['v100']).length;
let appended = 0;

/** Appends 40 batches and merges them into one log segment, as far as they are in whole pages. */
async function mergeForty(): Promise<void> {
  for (let i = 0; i < 40; i++) {
    await appendOne(world.engine, 0, batchOf([`v${100 + appended++}`], { timestampMs: world.clock.now() }));
    world.clock.advance(hourMs / 40);
  }
  await merge(passOver(world, { isFull: true }), await address());
}

const address = async () => ({ topicId: (await topicOf(world)).topicId, partition: 0 });

async function items(): Promise<LogItem[]> {
  const found: LogItem[] = [];
  for await (const item of logItemsBetween(world.table, await address(), 0, Number.MAX_SAFE_INTEGER)) found.push(item);
  return found;
}

async function head() {
  return parseHead((await world.table.get(await headAddress(), { strong: true }))!);
}

async function pass(ports: Partial<{ objects: ObjectStore; table: Table }> = {}) {
  const context = passOver({ ...world, ...ports });
  await retain(context, await topicOf(world), 0);
  return context.counts;
}

const alter = (config: Record<string, string | null>) => world.engine.alterTopic({ topic: 't', config });

beforeEach(async () => {
  world = createWorld();
  appended = 0;
  await world.engine.createTopic({ topic: 't', config: { 'retention.ms': '-1' } });
  for (let i = 0; i < 4; i++) await mergeForty();
  expect(await items()).toHaveLength(4);
});

describe('retention over log segments', () => {
  test('by size removes the oldest segments, as long as what stays has as many bytes as are to be kept', async () => {
    const [first, second, third] = await items();
    const above = (160 - second!.endOffset) * batchBytes;
    await alter({ 'retention.bytes': String(above + 1) });
    const counts = await pass();
    expect((await head()).logStart).toBe(first!.endOffset);
    expect(counts).toMatchObject({ expiredRecords: first!.recordCount, expiredBytes: first!.bytes });
    await alter({ 'retention.bytes': String(above) });
    await pass();
    expect((await head()).logStart).toBe(second!.endOffset);
    expect((await items())[0]).toMatchObject({ firstOffset: third!.firstOffset });
    expect((await readAll(world.engine, 0, third!.firstOffset)).map(({ offset }) => offset)).toEqual(
      Array.from({ length: 160 - third!.firstOffset }, (_, i) => third!.firstOffset + i),
    );
  });

  test('by size leaves pages and the tail, however little is to be kept', async () => {
    await alter({ 'retention.bytes': '0' });
    await pass();
    const { logStart, mergedTo, next } = await head();
    expect([logStart, next > logStart]).toEqual([mergedTo, true]);
    expect(await items()).toEqual([]);
  });

  test('by size counts what compaction has left, on a topic that is compacted too', async () => {
    const [first, second, third, fourth] = await items();
    // The two middle items have lost a kilobyte each since they were appended.
    for (const item of [second!, third!])
      await world.table.write({
        kind: 'update',
        key: { pk: `${(await address()).topicId}/0/l`, sk: String(item.firstOffset).padStart(16, '0') },
        update: { set: [['y', item.bytes - 1_000]] },
      });
    const unmerged = (160 - fourth!.endOffset) * batchBytes;
    const above = second!.bytes + third!.bytes - 2_000 + fourth!.bytes + unmerged;
    await alter({ 'cleanup.policy': 'compact,delete', 'retention.bytes': String(above + 1) });
    await pass();
    expect((await head()).logStart).toBe(0);
    await alter({ 'retention.bytes': String(above) });
    await pass();
    expect((await head()).logStart).toBe(first!.endOffset);
  });

  test('by time removes a segment when its newest record has expired', async () => {
    const [first] = await items();
    const now = world.clock.now();
    await alter({ 'retention.ms': String(now - first!.maxTimestampMs) });
    await pass();
    expect((await head()).logStart).toBe(0);
    world.clock.advance(1);
    await pass();
    expect((await head()).logStart).toBe(first!.endOffset);
    world.clock.advance(dayMs);
    await pass();
    expect((await head()).logStart).toBe(160);
    expect(await items()).toEqual([]);
  });

  test('after records were deleted within a segment, the bytes of the rest are counted', async () => {
    const [first] = await items();
    await world.engine.deleteRecords({ topic: 't', partitions: [{ partition: 0, offset: 10 }] });
    await alter({ 'retention.bytes': String((160 - first!.endOffset) * batchBytes) });
    expect(await pass()).toMatchObject({ expiredRecords: first!.endOffset - 10 });
  });

  test('keeps the item of a segment in which only some records were deleted', async () => {
    await world.engine.deleteRecords({ topic: 't', partitions: [{ partition: 0, offset: 10 }] });
    await pass();
    expect((await items())[0]).toMatchObject({ firstOffset: 0 });
    expect(await readAll(world.engine, 0, 10)).toHaveLength(150);
  });

  test('ends where the index has moved meanwhile', async () => {
    const [first, second] = await items();
    await alter({ 'retention.bytes': '0' });
    const table: Table = {
      ...world.table,
      async query(query) {
        const page = await world.table.query(query);
        const isSecond = ({ sk }: Item) => query.pk.endsWith('/l') && Number(sk) === second!.firstOffset;
        return { ...page, items: page.items.filter((item) => !isSecond(item)) };
      },
    };
    await pass({ table });
    expect((await head()).logStart).toBe(first!.endOffset);
  });

  test('removes the items of records that were deleted, whatever the policy', async () => {
    const [, second] = await items();
    await world.engine.deleteRecords({ topic: 't', partitions: [{ partition: 0, offset: second!.endOffset }] });
    expect(await items()).toHaveLength(4);
    await alter({ 'cleanup.policy': 'compact' });
    await pass();
    expect((await items())[0]).toMatchObject({ firstOffset: second!.endOffset });
  });

  test('spares a longer item that has taken the place of one that was to go', async () => {
    const [first] = await items();
    const headBefore = await world.table.get(await headAddress());
    await world.engine.deleteRecords({ topic: 't', partitions: [{ partition: 0, offset: first!.endOffset }] });
    let joined = false;
    const table: Table = {
      ...world.table,
      async write(write) {
        if (write.kind === 'delete' && !joined) {
          joined = true;
          await joinAll(headBefore!);
        }
        return world.table.write(write);
      },
    };
    await pass({ table });
    expect(joined).toBe(true);
    expect(await items()).toMatchObject([{ firstOffset: 0, endOffset: (await head()).mergedTo }]);
    expect(await readAll(world.engine, 0, first!.endOffset)).toHaveLength(160 - first!.endOffset);
  });
});

const headAddress = async () => headKey((await address()).topicId, 0);

/** A process joins all items to one. It has read the head before the records were deleted. */
async function joinAll(headBefore: Item): Promise<void> {
  const table: Table = {
    ...world.table,
    get: async (key, options) => (key.sk === headBefore.sk ? headBefore : world.table.get(key, options)),
  };
  await join(passOver({ ...world, table }, { isFull: true }), await address());
  expect(await items()).toHaveLength(1);
}

describe('describing a partition', () => {
  const described = async (storage = true) =>
    (await world.engine.describePartitions({ topic: 't', storage })).partitions[0]!;

  test('tells its segments, and its bytes from the log start on', async () => {
    const all = await items();
    const bytes = all.reduce((sum, item) => sum + item.bytes, 0);
    expect(await described()).toMatchObject({
      ...{ earliest: 0, latest: 160, bytes: 160 * batchBytes },
      storage: { logSegments: 4, logSegmentBytes: bytes },
    });
    await world.engine.deleteRecords({ topic: 't', partitions: [{ partition: 0, offset: all[1]!.firstOffset }] });
    expect(await described()).toMatchObject({
      bytes: (160 - all[1]!.firstOffset) * batchBytes,
      storage: { logSegments: 3, logSegmentBytes: bytes - all[0]!.bytes },
    });
    expect(await described(false)).not.toHaveProperty('storage');
  });

  test('tells how much of a compacted topic is dirty, when maintenance last ran, and where it stopped', async () => {
    const [first, second, ...rest] = await items();
    expect((await described()).storage).not.toHaveProperty('dirtyRatio');
    await alter({ 'cleanup.policy': 'compact' });
    expect((await described()).storage).toMatchObject({ dirtyRatio: 1 });
    const cleanBytes = first!.bytes + second!.bytes;
    await world.table.write({
      kind: 'update',
      key: { pk: `${(await address()).topicId}/0/l`, sk: 'u' },
      update: {
        set: [
          ['cp', second!.endOffset],
          ['cy', cleanBytes],
          ['at', 1_700_000_000_000],
          ['bad', 77],
        ],
      },
    });
    const dirtyBytes = rest.reduce((sum, item) => sum + item.bytes, 0);
    expect((await described()).storage).toMatchObject({
      ...{ dirtyRatio: dirtyBytes / (dirtyBytes + cleanBytes), maintainedMs: 1_700_000_000_000, damagedOffset: 77 },
    });
  });
});

/** Call number `at` of the table fails before it acts, or after. The object store is not needed. */
function broken(table: Table, at: number, acts: boolean) {
  let calls = 0;
  const call = async <T>(act: () => Promise<T>): Promise<T> => {
    if (calls++ !== at) return act();
    if (acts) await act();
    throw new StorageError('no-answer', 'injected');
  };
  const ports: Table = {
    get: (...args) => call(() => table.get(...args)),
    getMany: (...args) => call(() => table.getMany(...args)),
    query: (...args) => call(() => table.query(...args)),
    write: (...args) => call(() => table.write(...args)),
    transact: (...args) => call(() => table.transact(...args)),
  };
  return { table: ports, fired: () => calls > at };
}

test.each([false, true])('a pass that dies at any call is finished by the next (acts: %s)', async (acts) => {
  const before = await items();
  const keptFrom = before[2]!.firstOffset;
  const bytes = (160 - before[1]!.endOffset) * batchBytes;
  await alter({ 'retention.bytes': String(bytes) });
  for (let at = 0; ; at++) {
    if (at > 0) await restart(bytes);
    const reader = createEngine(world);
    await readAll(reader, 0);
    const { table, fired } = broken(world.table, at, acts);
    const died = await pass({ table }).then(
      () => false,
      () => true,
    );
    expect(died).toBe(fired());
    const { logStart } = await head();
    expect([0, keptFrom]).toContain(logStart);
    expect((await readAll(reader, 0, logStart)).map(({ offset }) => offset)).toEqual(
      Array.from({ length: 160 - logStart }, (_, i) => logStart + i),
    );
    if (logStart > 0)
      await expect(readAll(reader, 0, logStart - 1)).rejects.toMatchObject({ errorCode: 'OFFSET_OUT_OF_RANGE' });
    await pass();
    expect((await head()).logStart).toBe(keptFrom);
    expect((await items()).map(({ firstOffset }) => firstOffset)).toEqual(
      before.slice(2).map(({ firstOffset }) => firstOffset),
    );
    expect(await readAll(reader, 0, keptFrom)).toHaveLength(160 - keptFrom);
    if (!fired()) {
      expect(at).toBeGreaterThan(5);
      return;
    }
  }
});

async function restart(bytes: number): Promise<void> {
  world = createWorld();
  appended = 0;
  await world.engine.createTopic({ topic: 't', config: { 'retention.ms': '-1', 'retention.bytes': String(bytes) } });
  for (let i = 0; i < 4; i++) await mergeForty();
}

test('a write that lands late, after more was removed, brings nothing back', async () => {
  const before = await items();
  const late: (() => Promise<unknown>)[] = [];
  const table: Table = {
    ...world.table,
    write: (write) => {
      late.push(() => world.table.write(write));
      return world.table.write(write);
    },
  };
  await alter({ 'retention.bytes': String((160 - before[0]!.endOffset) * batchBytes) });
  await pass({ table });
  expect(late.length).toBeGreaterThan(1);
  await alter({ 'retention.bytes': '0' });
  await pass();
  const { logStart } = await head();
  expect(logStart).toBe(before[3]!.endOffset);
  for (const act of late) await act();
  expect((await head()).logStart).toBe(logStart);
  await expect(readAll(world.engine, 0, logStart - 1)).rejects.toMatchObject({ errorCode: 'OFFSET_OUT_OF_RANGE' });
});
