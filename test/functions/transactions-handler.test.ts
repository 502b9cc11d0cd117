import { beforeEach, expect, it } from 'vitest';
import { createTransactionsHandler } from '../../functions/transactions-handler.ts';
import { createEngine } from '../../lib/engine.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import { createWorld, type World } from '../log/world.ts';
import { through } from '../sim/core/through.ts';
import { startProducer } from '../transaction/world.ts';
import { keepLogLines } from './log-lines.ts';

const lines = keepLogLines();
let world: World;

beforeEach(async () => {
  world = createWorld();
  await world.engine.createTopic({ topic: 't' });
});

async function lookedAt(engine = world.engine) {
  const handler = createTransactionsHandler(engine.transactions, 'Test');
  const report = await handler({ getRemainingTimeInMillis: () => 300_000 });
  return { report, entries: lines.map((line) => JSON.parse(line)) };
}

it('abandoned transactions are aborted, without a line of the log and without a metric', async () => {
  const producer = await startProducer(world.engine, 'tx', 1_000);
  await producer.stage('t', 0, ['a']);
  world.clock.advance(1_001);
  const { report, entries } = await lookedAt();
  expect(report).toMatchObject({ transactions: 1, aborted: 1, stuck: [], fenced: [] });
  expect(entries).toEqual([]);
});

it('a decided transaction that cannot be applied is an error in the log and a metric, and is applied later', async () => {
  const producer = await startProducer(world.engine, 'tx');
  await producer.stage('t', 0, ['a']);
  const broken = through(world.table, async (call, act) => {
    const isOfHead = call.kind === 'update' && call.key.sk === 'h';
    if (isOfHead) throw new StorageError('denied', 'no rights');
    if (call.kind === 'transact') throw new StorageError('conflict', 'another write');
    return act();
  });
  const engine = createEngine({ ...world, table: broken });
  await expect(engine.transactions.commit({ in: producer.ref() })).rejects.toThrow();
  const { report, entries } = await lookedAt(engine);
  expect(report.stuck).toMatchObject([{ transactionalId: 'tx', transaction: 1 }]);
  expect(entries).toMatchObject([{ level: 'ERROR', message: 'TRANSACTION_STUCK' }, { StuckTransactions: 1 }]);
  expect((await lookedAt()).report).toMatchObject({ applied: 1, stuck: [] });
});

it('what was done is in the log and the metrics, though the care for another id fails', async () => {
  for (let i = 0; i < 4; i++) await (await startProducer(world.engine, 'shared')).stage('t', 0, ['a']);
  await startProducer(world.engine, 'unreadable');
  const table = through(world.table, async (call, act) => {
    if (call.kind === 'get' && call.key.pk === 'txn/unreadable') throw new StorageError('throttled', 'too much');
    return act();
  });
  await expect(lookedAt(createEngine({ ...world, table }))).rejects.toMatchObject({ errorCode: 'THROTTLED' });
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { message: 'TRANSACTIONAL_ID_FENCED', transactionalId: 'shared' },
    { FencedTransactionalIds: 1 },
  ]);
});

it('an id that instances take from each other is a warning and a metric', async () => {
  for (let i = 0; i < 4; i++) await (await startProducer(world.engine, 'shared')).stage('t', 0, ['a']);
  const { entries } = await lookedAt();
  expect(entries).toMatchObject([
    { level: 'WARN', message: 'TRANSACTIONAL_ID_FENCED', transactionalId: 'shared', times: 3 },
    { FencedTransactionalIds: 1 },
  ]);
});
