// The steps of transactions over each store: one step, decision and application, index objects, spilled items, fencing,
// time-out, and expiry.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { parseHead } from '../../lib/partition/head.ts';
import { createFileObjectStore } from '../../lib/storage/embedded/file-object-store.ts';
import { createSqliteTable, type SqliteTable } from '../../lib/storage/embedded/sqlite-table.ts';
import { groupHeadKey, headKey, stagePagesPartition, transactionKey } from '../../lib/storage/keys.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Table } from '../../lib/storage/table.ts';
import { appendOne, batchOf, createTestClock, readAll, valuesOf, type World } from '../log/world.ts';
import { gate, holding, through } from '../sim/core/through.ts';
import { deciding, isApply, isOfItem, isOneStep, refusing, runningBefore } from './steps.ts';
import { startProducer } from './world.ts';

let directory: string;
let sqlite: SqliteTable | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rivulet-transactions-'));
});
afterEach(() => {
  sqlite?.close();
  sqlite = undefined;
  rmSync(directory, { recursive: true });
});

const stores: Readonly<Record<string, () => { objects: ObjectStore; table: Table }>> = {
  memory: () => ({ objects: createMemoryObjectStore({ clock: { now: () => 0 } }), table: createMemoryTable() }),
  embedded: () => {
    sqlite = createSqliteTable({ path: join(directory, 'table.sqlite') });
    return { objects: createFileObjectStore({ directory }), table: sqlite };
  },
};

describe.each(Object.keys(stores))('over %s', (store) => {
  let world: World;
  let topicId: string;
  const id = 'tx';

  beforeEach(async () => {
    const ports = stores[store]!();
    const clock = createTestClock();
    world = { ...ports, clock, engine: createEngine({ ...ports, clock }) };
    ({ topicId } = await world.engine.createTopic({ topic: 't', partitions: 2 }));
  });

  const read = async (partition = 0) => valuesOf(await readAll(world.engine, partition));
  const engineOver = (table: Table) => createEngine({ ...world, table });
  const numbered = (n: number) => Array.from({ length: n }, (_, i) => `v${i}`);

  test('many batches are listed in an index object, decided or in one step', async () => {
    for (const engine of [world.engine, engineOver(deciding(world.table))]) {
      const producer = await startProducer(engine, id);
      for (const value of numbered(6)) await producer.stage('t', 0, [value]);
      await producer.commit();
    }
    const head = parseHead((await world.table.get(headKey(topicId, 0), { strong: true }))!);
    expect(head.tail.map(({ entry }) => entry.recordCount)).toEqual([6, 6]);
    expect(head.tail.every(({ entry }) => entry.listedBytes! > 0)).toBe(true);
    expect(await read()).toEqual([...numbered(6), ...numbered(6)]);
  });

  test('the runs of a long transaction move to stage pages, in order, and the pages go after its end', async () => {
    const producer = await startProducer(world.engine, id);
    for (const value of numbered(60)) await producer.stage('t', 0, [value]);
    const pages = async () => (await world.table.query({ pk: stagePagesPartition(id), strong: true })).items;
    expect((await pages()).length).toBeGreaterThan(1);
    await producer.commit();
    expect(await read()).toEqual(numbered(60));
    await world.engine.transactions.tend();
    expect(await pages()).toEqual([]);
  });

  test('a process that dies after the decision leaves the rest to the hourly run, and to the next instance', async () => {
    for (const [value, next] of [
      ['a', () => world.engine.transactions.tend()],
      ['b', () => startProducer(world.engine, id)],
    ] as const) {
      const dying = await startProducer(engineOver(refusing(deciding(world.table), isApply)), id);
      await dying.stage('t', 0, [value]);
      await dying.stage('t', 1, [value]);
      await expect(dying.commit()).rejects.toMatchObject({ outcome: 'unknown' });
      expect(await world.engine.transactions.describe(id)).toMatchObject({ state: 'decided' });
      await next();
    }
    expect([await read(0), await read(1)]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  test('applied twice at the same time is applied once', async () => {
    const { reached, open, pass } = gate();
    const slow = engineOver(holding(deciding(world.table), isApply, pass));
    const producer = await startProducer(slow, id);
    await producer.stage('t', 0, ['once']);
    const committed = producer.commit();
    await reached;
    await world.engine.transactions.tend();
    open();
    expect(await committed).toMatchObject({ outcome: 'committed' });
    expect(await read()).toEqual(['once']);
  });

  test('a topic that is deleted after the decision keeps nobody waiting', async () => {
    const dying = await startProducer(engineOver(refusing(deciding(world.table), isApply)), id);
    await dying.stage('t', 0, ['gone']);
    await dying.commit().catch(() => {});
    await world.engine.deleteTopic('t');
    await world.engine.transactions.tend();
    expect(await world.engine.transactions.describe(id)).toMatchObject({
      state: 'empty',
      last: { outcome: 'committed' },
    });
  });

  test('a head that was never made is made before the decision', async () => {
    const producer = await startProducer(world.engine, id);
    await producer.stage('t', 1, ['a']);
    await world.table.write({ kind: 'delete', key: headKey(topicId, 1) });
    const stranger = engineOver(deciding(world.table));
    await stranger.transactions.commit({ in: producer.ref() });
    expect(await read(1)).toEqual(['a']);
  });

  test('a head that only takes decided transactions stays small', async () => {
    const producer = await startProducer(engineOver(deciding(world.table)), id);
    for (const value of numbered(60)) {
      await producer.stage('t', 0, [value]);
      await producer.commit();
    }
    const head = parseHead((await world.table.get(headKey(topicId, 0), { strong: true }))!);
    expect(head.tail.length).toBeLessThan(30);
    expect(await read()).toEqual(numbered(60));
  });

  test.each(['in one step', 'decided'])('what is staged while a commit is planned is part of it (%s)', async (how) => {
    const table = how === 'decided' ? deciding(world.table) : world.table;
    const producer = await startProducer(world.engine, id);
    for (const value of numbered(5)) await producer.stage('t', 0, [value]);
    const isPlanned = (call: Parameters<typeof isOneStep>[0]) => isOneStep(call);
    const engine = engineOver(runningBefore(table, isPlanned, () => producer.stage('t', 0, ['late'])));
    await engine.transactions.commit({ in: producer.ref() });
    expect(await read()).toEqual([...numbered(5), 'late']);
  });

  test('what is staged while an empty commit is on its way is part of it', async () => {
    const producer = await startProducer(world.engine, id);
    const engine = engineOver(runningBefore(world.table, isOfItem, () => producer.stage('t', 0, ['late'])));
    await engine.transactions.commit({ in: producer.ref() });
    expect(await read()).toEqual(['late']);
  });

  test('offsets that are staged while a commit is planned are part of it', async () => {
    const producer = await startProducer(world.engine, id);
    await producer.stage('t', 0, ['a']);
    const topics = [{ topic: 't', partitions: [{ partition: 0, offset: 1 }] }];
    const stageOffsets = () => world.engine.transactions.stageOffsets({ in: producer.ref(), groupId: id, topics });
    await engineOver(runningBefore(world.table, isOneStep, stageOffsets)).transactions.commit({ in: producer.ref() });
    const fetched = await world.engine.groups.fetchOffsets({ groupId: id, topics: [{ topic: 't', partitions: [0] }] });
    expect(fetched.topics[0]!.partitions).toMatchObject([{ partition: 0, offset: 1 }]);
  });

  test.each(['before the commit', 'during it'])(
    'a group that is marked to expire %s loses no offsets',
    async (when) => {
      const producer = await startProducer(world.engine, id);
      const topics = [{ topic: 't', partitions: [{ partition: 0, offset: 7 }] }];
      await world.engine.groups.commitOffsets({
        groupId: id,
        topics: [{ topic: 't', partitions: [{ partition: 0, offset: 1 }] }],
      });
      await world.engine.transactions.stageOffsets({ in: producer.ref(), groupId: id, topics });
      const mark = () => world.table.write({ kind: 'update', key: groupHeadKey(id), update: { set: [['ex', 1]] } });
      if (when === 'before the commit') await mark();
      const isDecision = (call: Parameters<typeof isOneStep>[0]) => call.kind === 'transact';
      const table = when === 'during it' ? runningBefore(world.table, isDecision, mark) : world.table;
      const told = await engineOver(table)
        .transactions.commit({ in: producer.ref() })
        .then(
          () => 'committed',
          ({ outcome }) => outcome,
        );
      const { topics: found } = await world.engine.groups.fetchOffsets({
        groupId: id,
        topics: [{ topic: 't', partitions: [0] }],
      });
      const isMarked = (await world.table.get(groupHeadKey(id), { strong: true }))!.ex !== undefined;
      const offset = (found[0]!.partitions[0] as { offset: number }).offset;
      expect([told, offset, isMarked]).toEqual(
        when === 'during it' ? ['not-written', 1, true] : ['committed', 7, false],
      );
    },
  );

  test('a commit is not called not written when only the care for its heads fails after it', async () => {
    const producer = await startProducer(world.engine, id);
    await producer.stage('t', 0, ['a']);
    let isCommitted = false;
    const table = through(world.table, async (call, act) => {
      const isReadOfHead = call.kind === 'get' && call.key.sk === 'h';
      if (isCommitted && isReadOfHead) throw new StorageError('throttled', 'refused by the test');
      const result = await act();
      isCommitted ||= isOneStep(call);
      return result;
    });
    expect(await engineOver(table).transactions.commit({ in: producer.ref() })).toMatchObject({ outcome: 'committed' });
    expect(await read()).toEqual(['a']);
  });

  test('a commit in one step is tried twice, and then decided; for ten seconds others are decided at once', async () => {
    let tries = 0;
    const engine = engineOver(refusing(world.table, isOneStep, 'conflict', () => tries++));
    const producer = await startProducer(engine, id);
    const commitOne = async (value: string) => {
      await producer.stage('t', 0, [value]);
      await producer.commit();
      return tries;
    };
    expect([await commitOne('a'), await commitOne('b')]).toEqual([2, 2]);
    world.clock.advance(10_001);
    expect(await commitOne('c')).toBe(4);
    expect(await read()).toEqual(['a', 'b', 'c']);
  });

  test('the offset of a transaction whose entries a spill has parted is that of its first record', async () => {
    for (let i = 0; i < 36; i++) await appendOne(world.engine, 0, batchOf([`before${i}`]));
    const producer = await startProducer(world.engine, id);
    for (const value of numbered(4)) await producer.stage('t', 0, [value]);
    const { offsets } = await producer.commit({ offsets: true });
    const head = parseHead((await world.table.get(headKey(topicId, 0), { strong: true }))!);
    expect(head.tailBase).toBeGreaterThan(36);
    expect(offsets).toMatchObject([{ partition: 0, baseOffset: 36, records: 4 }]);
  });

  test('a batch before its predecessor waits for it, and is refused if it does not come', async () => {
    const producer = await startProducer(world.engine, id);
    const begun = await world.engine.transactions.describe(id);
    const batch = (value: string, baseSequence: number, engine = world.engine) => {
      const { producerId, producerEpoch } = begun;
      const batches = batchOf([value], { producerId, producerEpoch, baseSequence, isTransactional: true });
      return engine.transactions.stage({
        in: producer.ref(),
        topic: 't',
        partitions: [{ partition: 0, batches }],
      });
    };
    let predecessor: ReturnType<typeof batch> | undefined;
    const sleep = async () => {
      predecessor ??= batch('first', 0);
      await predecessor;
    };
    const second = await batch('second', 1, createEngine({ ...world, clock: { ...world.clock, sleep } }));
    const first = await predecessor;
    expect([first, second].map((reply) => reply?.partitions[0])).toMatchObject([
      { duplicate: false },
      { duplicate: false },
    ]);
    expect((await batch('fourth', 3)).partitions).toMatchObject([
      { error: { errorCode: 'OUT_OF_ORDER_SEQUENCE_NUMBER' } },
    ]);
    await producer.commit();
    expect(await read()).toEqual(['first', 'second']);
  });

  test('an id that is not used for a week expires, and begins anew with another xid', async () => {
    const old = await startProducer(world.engine, id);
    await old.stage('t', 0, ['a']);
    await old.commit();
    const xidOf = async () => (await world.table.get(transactionKey(id), { strong: true }))!.i;
    const before = await xidOf();
    world.clock.advance(8 * 24 * 3_600_000);
    expect((await world.engine.transactions.tend()).expired).toBeGreaterThan(0);
    await expect(old.stage('t', 0, ['b'])).rejects.toMatchObject({ errorCode: 'TRANSACTIONAL_ID_NOT_FOUND' });
    const now = await startProducer(world.engine, id);
    expect(await xidOf()).not.toBe(before);
    await now.stage('t', 0, ['c']);
    await now.commit();
    expect(await read()).toEqual(['a', 'c']);
  });

  test('one id that cannot be ended does not keep the others from their care', async () => {
    const [broken, abandoned] = [`${id}-a`, `${id}-b`];
    const dying = await startProducer(engineOver(refusing(deciding(world.table), isApply)), broken);
    await dying.stage('t', 0, ['a']);
    await dying.commit().catch(() => {});
    await (await startProducer(world.engine, abandoned)).stage('t', 1, ['b']);
    world.clock.advance(60_001);
    const report = await engineOver(refusing(world.table, isApply)).transactions.tend();
    expect(report).toMatchObject({ aborted: 1, stuck: [{ transactionalId: broken }] });
    expect(await world.engine.transactions.describe(abandoned)).toMatchObject({ state: 'empty' });
    await world.engine.transactions.tend();
    expect(await read()).toEqual(['a']);
  });

  test('a stage whose first try may have acted does not say that nothing was written', async () => {
    const producer = await startProducer(world.engine, id);
    const commitNow = () => world.engine.transactions.commit({ in: producer.ref() });
    let acted: unknown;
    const table: Table = {
      ...world.table,
      async write(write) {
        if (write.kind !== 'update' || write.key.sk !== 'x' || acted) return world.table.write(write);
        acted = await world.table.write(write);
        await commitNow();
        return { applied: false, old: undefined, doubtful: true };
      },
    };
    const { producerId, producerEpoch } = await world.engine.transactions.describe(id);
    const batches = batchOf(['a'], { producerId, producerEpoch, baseSequence: 0, isTransactional: true });
    const staging = engineOver(table).transactions.stage({
      in: producer.ref(),
      topic: 't',
      partitions: [{ partition: 0, batches }],
    });
    await expect(staging).rejects.toMatchObject({ errorCode: 'INVALID_TXN_STATE', outcome: 'unknown' });
    expect(await read()).toEqual(['a']);
  });
});
