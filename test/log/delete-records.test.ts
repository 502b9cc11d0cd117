import { describe, expect, test } from 'vitest';
import type { Engine } from '../../lib/api/engine.ts';
import type { DeletedRecords } from '../../lib/api/records.ts';
import { createEngine } from '../../lib/engine.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Table } from '../../lib/storage/table.ts';
import { appendOne, batchOf, createWorld, readAll, valuesOf, type World } from './world.ts';

async function filled(records: number, config: Record<string, string> = {}): Promise<World> {
  const world = createWorld();
  await world.engine.createTopic({ topic: 't', partitions: 2, config });
  for (let i = 0; i < records; i++) await appendOne(world.engine, 0, batchOf([`v${i}`]));
  return world;
}

const remove = async (engine: Engine, offset: number, partition = 0) => {
  const reply = await engine.deleteRecords({ topic: 't', partitions: [{ partition, offset }] });
  const result = reply.partitions[0]!;
  if ('error' in result) throw result.error;
  return result.logStartOffset;
};
const bytesOf = async (engine: Engine) => (await engine.describePartitions({ topic: 't' })).partitions[0]!.bytes;

describe('deleting records', () => {
  test('leaves what is at or above the offset, in pages and in the tail, and a repeat changes nothing', async () => {
    const { engine } = await filled(60);
    for (const offset of [3, 3, 57]) {
      expect(await remove(engine, offset)).toBe(offset);
      await expect(readAll(engine, 0, offset - 1)).rejects.toMatchObject({ errorCode: 'OFFSET_OUT_OF_RANGE' });
      expect((await readAll(engine, 0, offset)).map((record) => record.offset)).toEqual(
        Array.from({ length: 60 - offset }, (_, i) => offset + i),
      );
    }
    expect(await remove(engine, 10)).toBe(57);
    expect(await remove(engine, -1)).toBe(60);
    expect((await appendOne(engine, 0, batchOf(['next']))).baseOffset).toBe(60);
    expect((await readAll(engine, 0, 60)).map((record) => record.offset)).toEqual([60]);
  });

  test('within a batch, the records of the batch below the offset are no longer counted from', async () => {
    const { engine } = await filled(0);
    await appendOne(engine, 0, batchOf(['a', 'b', 'c', 'd']));
    expect(await remove(engine, 2)).toBe(2);
    const { partitions } = await engine.offsets({ topic: 't', at: 0 });
    expect(partitions[0]).toMatchObject({ offset: 2 });
  });

  test('an offset above the high watermark is refused with both ends, and the other partitions are done', async () => {
    const { engine } = await filled(5);
    const { partitions } = await engine.deleteRecords({
      topic: 't',
      partitions: [6, 2].map((offset, i) => ({ partition: i === 0 ? 0 : 1, offset: i === 0 ? offset : 0 })),
    });
    expect(partitions).toMatchObject([
      {
        partition: 0,
        error: {
          errorCode: 'OFFSET_OUT_OF_RANGE',
          message: 'offset of partition 0: expected -1, or 0 to the high watermark 5, got 6',
          extra: { logStartOffset: 0, highWatermark: 5 },
          outcome: 'not-written',
        },
      },
      { partition: 1, logStartOffset: 0 },
    ]);
    expect(await readAll(engine, 0)).toHaveLength(5);
  });

  test.each([-2, 1.5, Number.NaN, 2 ** 53])('the offset %d is refused', async (offset) => {
    const { engine } = await filled(5);
    await expect(remove(engine, offset)).rejects.toMatchObject({ errorCode: 'OFFSET_OUT_OF_RANGE' });
  });

  test('a partition that does not exist, a partition named twice, and too many are refused', async () => {
    const { engine } = await filled(1);
    await expect(remove(engine, 0, 2)).rejects.toMatchObject({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' });
    const many = (count: number) =>
      engine.deleteRecords({ topic: 't', partitions: Array(count).fill({ partition: 0, offset: 0 }) });
    await expect(many(2)).rejects.toMatchObject({ errorCode: 'INVALID_REQUEST', outcome: 'not-written' });
    await expect(many(257)).rejects.toThrow('partitions: expected at most 256 in one request, got 257');
  });

  test('a topic that is only compacted refuses, also to a process that knew it otherwise a moment ago', async () => {
    const world = await filled(3);
    const other = createEngine(world);
    await readAll(other, 0);
    await world.engine.alterTopic({ topic: 't', config: { 'cleanup.policy': 'compact' } });
    await expect(remove(other, 1)).rejects.toMatchObject({
      errorCode: 'POLICY_VIOLATION',
      message: 'cleanup.policy of topic t: expected one with delete, got compact',
      outcome: 'not-written',
    });
    await world.engine.alterTopic({ topic: 't', config: { 'cleanup.policy': 'compact,delete' } });
    expect(await remove(other, 1)).toBe(1);
  });

  test('a deleted topic is unknown', async () => {
    const { engine } = await filled(3);
    const { topicId } = await engine.describeTopic('t');
    await engine.deleteTopic('t');
    await expect(remove(engine, 1)).rejects.toMatchObject({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' });
    await engine.createTopic({ topic: 't' });
    await expect(
      engine.deleteRecords({ topic: 't', topicId, partitions: [{ partition: 0, offset: 0 }] }),
    ).rejects.toMatchObject({ errorCode: 'INCONSISTENT_TOPIC_ID' });
  });

  test('the bytes of a partition are those of the records that are left', async () => {
    const { engine } = await filled(60);
    const size = (from: number) =>
      Array.from({ length: 60 - from }, (_, i) => batchOf([`v${from + i}`]).length).reduce((sum, n) => sum + n, 0);
    expect(await bytesOf(engine)).toBe(size(0));
    for (const offset of [1, 30, 58, 60]) {
      await remove(engine, offset);
      expect(await bytesOf(engine)).toBe(size(offset));
    }
  });
});

describe('nothing deleted is served again', () => {
  test('to a fetch that waits in the process', async () => {
    const world = await filled(5);
    const engine = createEngine({ ...world, isOnlyWriter: true });
    const waiting = engine.fetch({
      ...{ topic: 't', partitions: [{ partition: 0, offset: 2 }] },
      ...{ minBytes: 1_000_000, waitMs: 20_000 },
    });
    await new Promise((resolve) => setImmediate(resolve));
    await remove(engine, 4);
    expect((await waiting).partitions[0]).toMatchObject({ error: { errorCode: 'OFFSET_OUT_OF_RANGE' } });
  });

  test('by a process with an old copy of the head', async () => {
    const world = await filled(60);
    const other = createEngine(world);
    await readAll(other, 0);
    await remove(world.engine, 40);
    await expect(readAll(other, 0, 39)).rejects.toMatchObject({ errorCode: 'OFFSET_OUT_OF_RANGE' });
    expect(await appendOne(other, 0, batchOf(['v']))).toMatchObject({ baseOffset: 60, logStartOffset: 40 });
    const { partitions } = await other.offsets({ topic: 't', at: 'earliest' });
    expect(partitions[0]).toMatchObject({ offset: 40 });
  });

  test('after a copy of the write that lands late, or twice', async () => {
    const world = await filled(10);
    const late: (() => Promise<unknown>)[] = [];
    const table: Table = {
      ...world.table,
      write: (write) => {
        late.push(() => world.table.write(write));
        return world.table.write(write);
      },
    };
    await remove(createEngine({ ...world, table }), 4);
    await remove(world.engine, 8);
    for (const act of late) await act();
    expect(valuesOf(await readAll(world.engine, 0, 8))).toEqual(['v8', 'v9']);
    await expect(readAll(world.engine, 0, 7)).rejects.toMatchObject({ errorCode: 'OFFSET_OUT_OF_RANGE' });
  });
});

/** Call number `at` fails before it acts, or after. */
function broken(table: Table, at: number, acts: boolean): { table: Table; fired: () => boolean } {
  let calls = 0;
  const call = async <T>(act: () => Promise<T>): Promise<T> => {
    if (calls++ !== at) return act();
    if (acts) await act();
    throw new StorageError('no-answer', 'injected');
  };
  return {
    fired: () => calls > at,
    table: {
      get: (...args) => call(() => table.get(...args)),
      getMany: (...args) => call(() => table.getMany(...args)),
      query: (...args) => call(() => table.query(...args)),
      write: (...args) => call(() => table.write(...args)),
      transact: (...args) => call(() => table.transact(...args)),
    },
  };
}

test.each([false, true])(
  'an error tells the truth about the records, and a repeat ends it (acts: %s)',
  async (acts) => {
    for (let at = 0; ; at++) {
      const world = await filled(10);
      const { table, fired } = broken(world.table, at, acts);
      const engine = createEngine({ ...world, table });
      const reply = await engine
        .deleteRecords({ topic: 't', partitions: [{ partition: 0, offset: 6 }] })
        .catch((error) => ({
          partitions: [{ partition: 0, error }],
        }));
      const result = reply.partitions[0]!;
      const [{ earliest } = { earliest: -1 }] = (await world.engine.describePartitions({ topic: 't' })).partitions;
      if (!fired()) {
        expect([at, result]).toEqual([3, { partition: 0, logStartOffset: 6 } satisfies DeletedRecords]);
        return;
      }
      const outcome = 'error' in result ? result.error.outcome : 'none';
      expect([outcome, earliest]).toEqual(at < 2 ? ['not-written', 0] : ['unknown', acts ? 6 : 0]);
      expect(await remove(world.engine, 6)).toBe(6);
    }
  },
);
