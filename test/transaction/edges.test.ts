// The edges of transactions: every limit, heads that were never made, items that must not grow, and ids that are listed
// without an item.
import { beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../lib/api/limits.ts';
import type { InitializedTransactions } from '../../lib/api/transactions.ts';
import { createEngine } from '../../lib/engine.ts';
import { encodeBatch } from '../../lib/record/batch.ts';
import { compile } from '../../lib/storage/aws/dynamodb-expressions.ts';
import { headKey, stagePagesPartition, transactionKey, transactionListingKey } from '../../lib/storage/keys.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Table, Update } from '../../lib/storage/table.ts';
import { encodeStaged, newTransactionItem, parseTransactionItem } from '../../lib/transaction/item.ts';
import { headRunsOf, stagedRuns } from '../../lib/transaction/staged-runs.ts';
import { createWorld, readAll, text, valuesOf, type World } from '../log/world.ts';
import { type Call, through } from '../sim/core/through.ts';
import { isOneStep, runningBefore } from './steps.ts';
import { producerOf, startProducer } from './world.ts';

const random = Uint8Array.from({ length: 8 }, () => 7);

let world: World;
let topicId: string;

beforeEach(async () => {
  world = createWorld();
  ({ topicId } = await world.engine.createTopic({ topic: 't', partitions: 3 }));
});

const read = async (partition: number) => valuesOf(await readAll(world.engine, partition));

/** Each commit has to decide first, and to apply afterwards. */
const withConflicts = (table: Table): Table =>
  through(table, async (call, act) => {
    if (isOneStep(call)) throw new StorageError('conflict', 'another write of the item');
    return act();
  });

const update = (key: { pk: string; sk: string }, change: Update) =>
  world.table.write({ kind: 'update', key, update: change });

test('records for a head that was never made are committed by a process that knows no more than the id of the topic', async () => {
  await world.table.write({ kind: 'delete', key: headKey(topicId, 0) });
  const other = createEngine({ ...world, table: withConflicts(world.table) });
  const producer = await startProducer(createEngine(world), 'tx');
  await producer.stage('t', 0, ['a']);
  expect(await other.transactions.commit({ in: producer.ref() })).toMatchObject({ outcome: 'committed' });
  expect(await read(0)).toEqual(['a']);
});

test('a head that only decided transactions write does not grow', async () => {
  const engine = createEngine({ ...world, table: withConflicts(world.table) });
  const producer = await startProducer(engine, 'tx');
  const values = Array.from({ length: 120 }, (_, i) => `v${i}`);
  for (const value of values) {
    await producer.stage('t', 0, [value]);
    await producer.commit();
  }
  const head = await world.table.get(headKey(topicId, 0));
  expect((head!.t as Uint8Array[]).length).toBeLessThan(40);
  expect(await read(0)).toEqual(values);
});

describe('a request for many partitions', () => {
  const requestOf = (begun: InitializedTransactions, count: number, baseSequence = 0) => {
    const { producerId, producerEpoch } = begun;
    const options = { producerId, producerEpoch, baseSequence, isTransactional: true };
    const records = [{ key: null, value: text('v'), headers: [], timestampMs: 1 }];
    const batches = encodeBatch(records, options);
    const partitions = Array.from({ length: count }, (_, partition) => ({ partition, batches }));
    return { in: begun, topic: 'wide', partitions };
  };

  beforeEach(async () => {
    await world.engine.createTopic({ topic: 'wide', partitions: 256 });
  });

  test('leaves the item of its id small, and is committed', async () => {
    const begun = await world.engine.transactions.init({ transactionalId: 'tx' });
    await world.engine.transactions.stage(requestOf(begun, 256));
    const item = await world.table.get(transactionKey('tx'));
    expect(((item!.t as Uint8Array[] | undefined) ?? []).length).toBeLessThan(30);
    const { batches, partitions: described } = await world.engine.transactions.describe('tx');
    expect(batches).toBe(256);
    expect(described).toEqual(
      Array.from({ length: 256 }, (_, partition) => {
        return { topic: 'wide', topicId: expect.any(String), partition, batches: 1, records: 1 };
      }),
    );
    const again = await world.engine.transactions.stage(requestOf(begun, 256));
    expect(again.partitions.every((one) => 'duplicate' in one && one.duplicate)).toBe(true);
    await world.engine.transactions.stage(requestOf(begun, 3, 1));
    await world.engine.transactions.commit({ in: begun });
    const { partitions } = await world.engine.fetch({
      topic: 'wide',
      partitions: Array.from({ length: 256 }, (_, partition) => ({ partition, offset: 0 })),
    });
    const ends = partitions.map((one) => ('highWatermark' in one ? one.highWatermark : -1));
    expect(ends).toEqual(Array.from({ length: 256 }, (_, partition) => (partition < 3 ? 2 : 1)));
  });

  test('is described as the next transaction if it ends, and its pages go, while they are read', async () => {
    const begun = await world.engine.transactions.init({ transactionalId: 'tx' });
    await world.engine.transactions.stage(requestOf(begun, 256));
    const isOfPages = (call: Call) => call.kind === 'query' && call.query.pk === stagePagesPartition('tx');
    const table = runningBefore(world.table, isOfPages, async () => {
      await world.engine.transactions.abort({ in: begun });
      await world.engine.transactions.tend();
    });
    const found = await createEngine({ ...world, table }).transactions.describe('tx');
    expect(found).toMatchObject({ state: 'empty', batches: 0, partitions: [], last: { outcome: 'aborted' } });
  });

  test.each([1, 40, 41, 256])('fits an expression of DynamoDB: %i partitions', async (count) => {
    const texts: string[] = [];
    const table = through(world.table, async (call, act) => {
      if (call.kind === 'update' && call.key.pk === 'txn/tx') {
        const { ConditionExpression = '', UpdateExpression = '' } = compile({
          condition: call.if,
          update: call.update,
        });
        texts.push(ConditionExpression, UpdateExpression);
      }
      return act();
    });
    const engine = createEngine({ ...world, table });
    await engine.transactions.stage(requestOf(await engine.transactions.init({ transactionalId: 'tx' }), count));
    expect(texts.length).toBeGreaterThan(0);
    expect(Math.max(...texts.map((one) => one.length))).toBeLessThan(4_096);
    const operators = (one: string) =>
      one.match(/=|<|>| AND | OR |NOT |attribute_|contains|list_append|if_not|\+/g) ?? [];
    expect(Math.max(...texts.map((one) => operators(one).length))).toBeLessThan(300);
  });
});

test('the hourly care passes over an id that it cannot read, and reports the others and the failure', async () => {
  for (const id of ['a', 'b', 'c']) await (await startProducer(world.engine, id)).stage('t', 0, [id]);
  await update(transactionKey('b'), { set: [['v', 99]] });
  world.clock.advance(60_001);
  const report = await world.engine.transactions.tend();
  expect(report).toMatchObject({ transactions: 2, aborted: 2 });
  expect(report.failure!.message).toContain('written by a newer Rivulet');
  for (const id of ['a', 'c']) expect(await world.engine.transactions.describe(id)).toMatchObject({ state: 'empty' });
});

test('the hourly care looks after sixteen ids at a time, and ends with those at hand when its time is over', async () => {
  const ids = Array.from({ length: 40 }, (_, i) => `id${i}`);
  for (const id of ids) await (await startProducer(world.engine, id)).stage('t', 0, [id]);
  world.clock.advance(60_001);
  let [atOnce, most] = [0, 0];
  const table = through(world.table, async (_call, act) => {
    most = Math.max(most, ++atOnce);
    await new Promise(setImmediate);
    return act().finally(() => atOnce--);
  });
  const engine = createEngine({ ...world, table });
  let asked = 0;
  expect(await engine.transactions.tend(() => asked++ >= 20)).toMatchObject({ transactions: 19, aborted: 19 });
  expect(most).toBe(16);
  expect(await engine.transactions.tend()).toMatchObject({ transactions: 40, aborted: 21 });
});

test('an init shows nothing of a transaction that is not decided, also if its head remembers the id', async () => {
  const producer = await startProducer(createEngine({ ...world, table: withConflicts(world.table) }), 'tx');
  await producer.stage('t', 0, ['a']);
  await producer.commit();
  await producer.stage('t', 0, ['b']);
  await update(transactionKey('tx'), { set: [['st', 'p']] });
  await expect(world.engine.transactions.init({ transactionalId: 'tx' })).rejects.toMatchObject({
    errorCode: 'CONCURRENT_TRANSACTIONS',
  });
  expect(await read(0)).toEqual(['a']);
});

test('a commit of ten thousand batches holds up nobody for long', async () => {
  const instance = { tokenHash: random, timeoutMs: 1, isOfKafka: false };
  const { xid, number, ...rest } = parseTransactionItem({
    ...newTransactionItem('tx', { xid: 2 ** 51 + 1, producerId: 1, instance, nowMs: 1 }),
    ti: { 0: topicId },
  });
  const staged = Array.from({ length: limits.transactionRuns }, (_, i) =>
    encodeStaged(0, i % 1_000, {
      ...{ segmentEpoch: 1, segmentRandom: random, position: i * 100, lengthBytes: 100, recordCount: 1 },
      ...{ maxTimestampMs: 1, transaction: { xid, number } },
    }),
  );
  const item = { ...rest, xid, number, staged };
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  const runs = await stagedRuns(world.table, item);
  const turnsOfReading = turns;
  const { heads, indexes } = await headRunsOf(item, runs, { 0: random });
  isDone = true;
  expect(heads).toHaveLength(1_000);
  expect(indexes).toHaveLength(1);
  expect(turnsOfReading).toBeGreaterThan(5);
  expect(turns - turnsOfReading).toBeGreaterThan(10);
});

describe('a transaction is refused, by the name of the limit, more than', () => {
  const begin = async () => producerOf(world.engine, await world.engine.transactions.init({ transactionalId: 'tx' }));
  const offsetsOf = (partitions: readonly { partition: number; offset: number; metadata?: string }[]) => ({
    groupId: 'g',
    topics: [{ topic: 't', partitions }],
  });

  test('its bytes', async () => {
    const producer = await begin();
    await update(transactionKey('tx'), { set: [['y', limits.transactionBytes]] });
    await expect(producer.stage('t', 0, ['a'])).rejects.toMatchObject({
      errorCode: 'INVALID_REQUEST',
      outcome: 'not-written',
      message: expect.stringMatching(/transaction: expected at most 17179869184 bytes, got 17179869\d{3}/),
    });
  });

  test('its batches', async () => {
    const producer = await begin();
    await update(transactionKey('tx'), { set: [['sb', limits.transactionRuns]] });
    await expect(producer.stage('t', 0, ['a'])).rejects.toThrow(
      'transaction: expected at most 10000 batches, got 10001',
    );
  });

  test('its topics', async () => {
    const producer = await begin();
    const topics = Object.fromEntries(Array.from({ length: 256 }, (_, i) => [String(i), `topic-${i}`]));
    await update(transactionKey('tx'), { set: [['ti', topics]] });
    await expect(producer.stage('t', 0, ['a'])).rejects.toThrow('transaction: expected at most 256 topics, got 257');
  });

  test('its partitions', async () => {
    const producer = await begin();
    const sequences = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`7/${i}`, 1]));
    await update(transactionKey('tx'), { set: [['q', sequences]] });
    await expect(producer.stage('t', 0, ['a'])).rejects.toThrow(
      'transaction: expected at most 1000 partitions, got 1001',
    );
  });

  test('its items of offsets, and a group without membership takes one for its head', async () => {
    const producer = await begin();
    const one = (index: number) => offsetsOf([{ partition: 16 * index, offset: 1 }]);
    for (let index = 0; index < 98; index++)
      await world.engine.transactions.stageOffsets({ ...one(index), in: producer.ref() });
    await expect(world.engine.transactions.stageOffsets({ ...one(98), in: producer.ref() })).rejects.toThrow(
      'topics: expected offsets in at most 99 items of 16 partitions in a transaction, got 100',
    );
  });

  test('its bytes of offsets, and metadata that could not be committed', async () => {
    const producer = await begin();
    const stage = (metadata: string) =>
      world.engine.transactions.stageOffsets({
        ...offsetsOf(Array.from({ length: 40 }, (_, partition) => ({ partition, offset: 1, metadata }))),
        in: producer.ref(),
      });
    await expect(stage('m'.repeat(4_000))).rejects.toThrow(
      /topics: expected at most 131072 bytes of offsets in a transaction, got 16\d{4}/,
    );
    await expect(stage('m'.repeat(4_097))).rejects.toMatchObject({
      errorCode: 'OFFSET_METADATA_TOO_LARGE',
      message: expect.stringContaining('metadata: expected at most 4096 bytes, got 4097'),
    });
    expect(await world.engine.transactions.describe('tx')).toMatchObject({ state: 'empty' });
  });
});

test('a list goes on behind ids that are listed without an item', async () => {
  for (const id of ['a', 'b', 'c', 'd']) await startProducer(world.engine, id);
  for (const id of ['b', 'c']) await world.table.write({ kind: 'delete', key: transactionKey(id) });
  const ids: string[][] = [];
  let after: string | undefined;
  do {
    const page = await world.engine.transactions.list({ limit: 1, ...(after !== undefined && { after }) });
    ids.push(page.transactions.map(({ transactionalId }) => transactionalId));
    after = page.nextAfter;
  } while (after !== undefined);
  expect(ids.flat()).toEqual(['a', 'd']);
  expect(await world.table.get(transactionListingKey('b'))).toBeDefined();
});

test('a list of ids with many groups is bounded by bytes, and goes on behind the last id', async () => {
  const groups = Array.from({ length: 400 }, (_, i) => `${'g'.repeat(240)}${i}`);
  const go = groups.map((group) => JSON.stringify({ groupId: group, topics: [] }));
  const all = Array.from({ length: 60 }, (_, i) => `id-${String(i).padStart(2, '0')}`);
  for (const id of all) {
    await startProducer(world.engine, id);
    await update(transactionKey(id), { set: [['go', go]] });
  }
  const found: string[] = [];
  const sizes: number[] = [];
  let after: string | undefined;
  do {
    const page = await world.engine.transactions.list({ limit: 1_000, ...(after !== undefined && { after }) });
    found.push(...page.transactions.map(({ transactionalId }) => transactionalId));
    sizes.push(Buffer.byteLength(JSON.stringify(page.transactions)));
    after = page.nextAfter;
  } while (after !== undefined);
  expect(found).toEqual(all);
  expect(sizes.length).toBeGreaterThan(1);
  expect(Math.max(...sizes)).toBeLessThan(limits.transactionListBytes + 1_024);
});
