// Transactions of clients that speak Kafka's protocol, over the engine: how they live beside instances over HTTP, the hourly run
// and the limits. test/kafka has them over the wire, test/sim/transactions with faults.
import { beforeEach, describe, expect, test } from 'vitest';
import type { ProducerRef } from '../../lib/api/transactions.ts';
import { transactionKey } from '../../lib/storage/keys.ts';
import { batchOf, createWorld, readAll, valuesOf, type World } from '../log/world.ts';
import { startProducer } from './world.ts';

const dayMs = 24 * 3_600_000;
let world: World;

beforeEach(async () => {
  world = createWorld();
  await world.engine.createTopic({ topic: 't', partitions: 2 });
});

async function begin(before?: ProducerRef): Promise<ProducerRef> {
  const request = { transactionalId: 'tx', ...(before && { before }) };
  return { transactionalId: 'tx', ...(await world.engine.producerTransactions.init(request)) };
}

const stage = (ref: ProducerRef, baseSequence: number, value: string) => {
  const { producerId, producerEpoch } = ref;
  const batches = batchOf([value], { producerId, producerEpoch, baseSequence, isTransactional: true });
  return world.engine.producerTransactions.stage({ in: ref, topic: 't', partitions: [{ partition: 0, batches }] });
};

const end = (ref: ProducerRef, outcome: 'committed' | 'aborted') =>
  world.engine.producerTransactions.end({ in: ref, outcome });

const log = async () => valuesOf(await readAll(world.engine, 0));

test('instances of both protocols take turns, and each counts its sequences by its own rule', async () => {
  const { producerTransactions, transactions } = world.engine;
  const kafkas = await begin();
  for (const [i, value] of ['a', 'b'].entries()) {
    await producerTransactions.open(kafkas);
    await stage(kafkas, i, value);
    await end(kafkas, 'committed');
  }
  const http = await startProducer(world.engine, 'tx');
  for (const value of ['c', 'd']) {
    await http.stage('t', 0, [value]);
    await http.commit();
  }
  await expect(begin(kafkas)).rejects.toMatchObject({ errorCode: 'PRODUCER_FENCED' });
  const next = await begin();
  await producerTransactions.open(next);
  await stage(next, 0, 'e');
  await end(next, 'committed');
  await expect(http.commit()).rejects.toMatchObject({ errorCode: 'PRODUCER_FENCED' });
  expect((await transactions.describe('tx')).transaction).toBe(8);
  expect(await log()).toEqual(['a', 'b', 'c', 'd', 'e']);
});

describe('an instance whose batches open its transactions', () => {
  const opening = (ref: ProducerRef): ProducerRef => ({ ...ref, opens: true });
  const endOf = async (ref: ProducerRef, outcome: 'committed' | 'aborted') =>
    opening({ ...ref, ...(await end(ref, outcome)) });

  test('gets an epoch at each end, whose sequences begin anew, and a repeat gets the same one', async () => {
    const first = opening(await begin());
    await stage(first, 0, 'a');
    await stage(first, 1, 'b');
    const second = await endOf(first, 'committed');
    expect(second).toMatchObject({ producerId: first.producerId, producerEpoch: first.producerEpoch + 1 });
    expect(await endOf(first, 'committed')).toEqual(second);
    await expect(end(first, 'aborted')).rejects.toMatchObject({ errorCode: 'INVALID_TXN_STATE' });
    await stage(second, 0, 'aborted');
    const third = await endOf(second, 'aborted');
    expect(await endOf(second, 'aborted')).toEqual(third);
    await stage(third, 0, 'c');
    await expect(stage(second, 1, 'late')).rejects.toMatchObject({ errorCode: 'INVALID_TXN_STATE' });
    await expect(stage(first, 2, 'later')).rejects.toMatchObject({ errorCode: 'PRODUCER_FENCED' });
    await endOf(third, 'committed');
    expect(await log()).toEqual(['a', 'b', 'c']);
  });

  test('goes on from the epoch that it knows, if it does not get the reply to an end', async () => {
    const first = opening(await begin());
    await stage(first, 0, 'a');
    await end(first, 'committed');
    const next = opening(await begin(first));
    expect(next.producerEpoch).toBe(first.producerEpoch + 1);
    await stage(next, 0, 'b');
    await endOf(next, 'committed');
    expect(await log()).toEqual(['a', 'b']);
  });

  test('is told that its transaction was aborted when its time was over, and gets an epoch', async () => {
    const first = opening(await begin());
    await stage(first, 0, 'too slow');
    world.clock.advance(61_000);
    await world.engine.transactions.tend();
    await expect(end(first, 'committed')).rejects.toMatchObject({ errorCode: 'INVALID_TXN_STATE' });
    const second = await endOf(first, 'aborted');
    await stage(second, 0, 'in time');
    await endOf(second, 'committed');
    expect(await log()).toEqual(['in time']);
  });

  test('gets another producer id when its epochs are used up, and a repeat gets the same one', async () => {
    let ref = opening(await begin());
    const key = transactionKey('tx');
    await world.table.write({ kind: 'update', key, update: { set: [['ce', 32_766]] } });
    ref = { ...ref, producerEpoch: 32_766 };
    await stage(ref, 0, 'last');
    const next = await endOf(ref, 'committed');
    expect(next.producerId).not.toBe(ref.producerId);
    expect(next.producerEpoch).toBe(0);
    expect(await endOf(ref, 'committed')).toEqual(next);
    await stage(next, 0, 'first');
    await endOf(next, 'committed');
    await expect(end(ref, 'committed')).rejects.toMatchObject({ errorCode: 'TRANSACTIONAL_ID_NOT_FOUND' });
    expect(await log()).toEqual(['last', 'first']);
  });

  test('keeps its epoch where it has said that it opens a transaction, as older clients do', async () => {
    const ref = await begin();
    await world.engine.producerTransactions.open(ref);
    await stage(opening(ref), 0, 'a');
    expect(await end(ref, 'committed')).toMatchObject({ producerEpoch: ref.producerEpoch });
    expect(await log()).toEqual(['a']);
  });
});

test('an id that was not used for a week stays while a transaction of it is open, and leaves after it', async () => {
  const ref = await begin();
  world.clock.advance(8 * dayMs);
  await world.engine.producerTransactions.open(ref);
  await world.engine.transactions.tend();
  await stage(ref, 0, 'after a week');
  await end(ref, 'committed');
  world.clock.advance(8 * dayMs);
  expect((await world.engine.transactions.tend()).expired).toBe(1);
  const anew = await begin(ref);
  expect(anew.producerId).not.toBe(ref.producerId);
  expect(await log()).toEqual(['after a week']);
});

test('the hourly run ends a transaction whose time is over, and the instance goes on from its old epoch', async () => {
  const ref = await begin();
  await world.engine.producerTransactions.open(ref);
  await stage(ref, 0, 'too slow');
  world.clock.advance(61_000);
  expect((await world.engine.transactions.tend()).aborted).toBe(1);
  // It knows nothing of that yet, and would begin the next transaction with its second half.
  await expect(world.engine.producerTransactions.open(ref)).rejects.toMatchObject({ errorCode: 'INVALID_TXN_STATE' });
  await expect(end(ref, 'committed')).rejects.toMatchObject({ errorCode: 'INVALID_TXN_STATE' });
  await end(ref, 'aborted');
  const next = await begin(ref);
  await world.engine.producerTransactions.open(next);
  await stage(next, 0, 'in time');
  await end(next, 'committed');
  expect(await log()).toEqual(['in time']);
});

test('an operator who aborts a transaction fences its instance for good', async () => {
  const ref = await begin();
  await world.engine.producerTransactions.open(ref);
  await stage(ref, 0, 'stopped');
  await world.engine.transactions.forceAbort('tx');
  await expect(end(ref, 'committed')).rejects.toMatchObject({ errorCode: 'PRODUCER_FENCED' });
  await expect(begin(ref)).rejects.toMatchObject({ errorCode: 'PRODUCER_FENCED' });
  expect(await log()).toEqual([]);
});
