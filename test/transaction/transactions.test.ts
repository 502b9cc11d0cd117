import { beforeEach, describe, expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { retryingTable } from '../../lib/storage/retry.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import { appendOne, batchOf, createWorld, readAll, valuesOf, type World } from '../log/world.ts';
import { through } from '../sim/core/through.ts';
import { startProducer } from './world.ts';

let world: World;

beforeEach(async () => {
  world = createWorld();
  await world.engine.createTopic({ topic: 't', partitions: 3 });
});

const read = async (partition: number) => valuesOf(await readAll(world.engine, partition));

describe('a transaction', () => {
  test('shows nothing before its commit, and everything after it', async () => {
    const producer = await startProducer(world.engine, 'tx');
    await producer.stage('t', 0, ['a', 'b']);
    await producer.stage('t', 1, ['c']);
    await appendOne(world.engine, 0, batchOf(['between']));
    expect([await read(0), await read(1)]).toEqual([['between'], []]);
    const ended = await producer.commit({ offsets: true });
    expect(ended).toMatchObject({
      outcome: 'committed',
      offsets: [
        { partition: 0, baseOffset: 1, records: 2 },
        { partition: 1, baseOffset: 0 },
      ],
    });
    expect([await read(0), await read(1)]).toEqual([['between', 'a', 'b'], ['c']]);
  });

  test('that is aborted leaves nothing, and the next one begins', async () => {
    const producer = await startProducer(world.engine, 'tx');
    await producer.stage('t', 0, ['a']);
    await producer.abort();
    await producer.stage('t', 0, ['b']);
    await producer.commit();
    expect(await read(0)).toEqual(['b']);
  });

  test('takes a batch that is sent again once', async () => {
    const producer = await startProducer(world.engine, 'tx');
    await producer.stage('t', 0, ['a']);
    expect((await producer.repeat()).partitions).toEqual([{ partition: 0, records: 1, duplicate: true }]);
    await producer.commit();
    expect(await read(0)).toEqual(['a']);
  });

  test('of an earlier instance can neither stage nor commit', async () => {
    const old = await startProducer(world.engine, 'tx');
    await old.stage('t', 0, ['zombie']);
    const now = await startProducer(world.engine, 'tx');
    await expect(old.stage('t', 0, ['more'])).rejects.toMatchObject({ errorCode: 'PRODUCER_FENCED' });
    await expect(old.commit()).rejects.toMatchObject({ errorCode: 'PRODUCER_FENCED', outcome: 'not-written' });
    await now.stage('t', 0, ['a']);
    await now.commit();
    expect(await read(0)).toEqual(['a']);
  });

  test('is described with the partitions in which it has staged, also if their topic was deleted since', async () => {
    const { topicId } = await world.engine.createTopic({ topic: 'gone', partitions: 2 });
    const producer = await startProducer(world.engine, 'tx');
    await producer.stage('gone', 1, ['a', 'b']);
    await producer.stage('gone', 1, ['c']);
    const place = { topicId, partition: 1, batches: 2, records: 3 };
    const described = async () => (await createEngine({ ...world }).transactions.describe('tx')).partitions;
    expect(await described()).toEqual([{ topic: 'gone', ...place }]);
    await world.engine.deleteTopic('gone');
    expect(await described()).toEqual([place]);
  });

  test('that is open for longer than its time-out is aborted', async () => {
    const producer = await startProducer(world.engine, 'tx', 1_000);
    await producer.stage('t', 0, ['late']);
    world.clock.advance(1_001);
    await expect(producer.commit()).rejects.toMatchObject({ errorCode: 'INVALID_TXN_STATE', outcome: 'not-written' });
    expect(await world.engine.transactions.describe('tx')).toMatchObject({
      state: 'empty',
      last: { outcome: 'aborted' },
    });
    expect(await read(0)).toEqual([]);
  });

  test('with many batches is one entry of the head, and reads in order', async () => {
    const producer = await startProducer(world.engine, 'tx');
    const values = Array.from({ length: 150 }, (_, i) => `v${i}`);
    for (const value of values) await producer.stage('t', 0, [value]);
    await producer.commit();
    expect(await read(0)).toEqual(values);
  });

  test('whose commit is sent again gets the same answer', async () => {
    const producer = await startProducer(world.engine, 'tx');
    await producer.stage('t', 0, ['a']);
    const ref = producer.ref();
    const first = await producer.commit();
    expect(await world.engine.transactions.commit({ in: ref })).toEqual(first);
    await expect(world.engine.transactions.abort({ in: ref })).rejects.toMatchObject({
      errorCode: 'INVALID_TXN_STATE',
    });
  });

  test('of a topic that was deleted is aborted', async () => {
    await world.engine.createTopic({ topic: 'gone', partitions: 1 });
    const producer = await startProducer(world.engine, 'tx');
    await producer.stage('t', 0, ['a']);
    await producer.stage('gone', 0, ['b']);
    await world.engine.deleteTopic('gone');
    await expect(producer.commit()).rejects.toMatchObject({
      errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
      outcome: 'not-written',
    });
    expect(await read(0)).toEqual([]);
  });
});

test('an operator who ends a transaction ends no later one, though the reply was lost', async () => {
  await (await startProducer(world.engine, 'tx')).stage('t', 0, ['abandoned']);
  let later: Awaited<ReturnType<typeof startProducer>> | undefined;
  const table = through(world.table, async (call, act) => {
    const result = await act();
    if (call.kind !== 'update' || call.key.sk !== 'x' || later) return result;
    later = await startProducer(world.engine, 'tx');
    await later.stage('t', 0, ['kept']);
    throw new StorageError('no-answer', 'lost');
  });
  const operator = createEngine({ ...world, table: retryingTable(table, world.clock) });
  await operator.transactions.forceAbort('tx').catch(() => undefined);
  expect(later).toBeDefined();
  await later!.commit();
  expect(await read(0)).toEqual(['kept']);
});

describe('a commit', () => {
  const faults = ['not sent', 'reply lost', 'conflict'] as const;

  test.each(faults.flatMap((fault) => [0, 1, 2, 3, 4, 5, 6, 7].map((at) => [fault, at] as const)))(
    'with a call that is %s (call %i) is committed once, by a repeat if need be',
    async (fault, at) => {
      const producer = await startProducer(world.engine, 'tx');
      await producer.stage('t', 0, ['a']);
      await producer.stage('t', 1, ['b']);
      let calls = 0;
      const table = through(world.table, async (call, act) => {
        const isHit = calls++ === at;
        const isTransaction = call.kind === 'transact';
        if (fault === 'conflict' && isTransaction) throw new StorageError('conflict', 'another write of the item');
        if (isHit && fault === 'not sent') throw new StorageError('no-answer', 'not sent');
        const result = await act();
        if (isHit && fault === 'reply lost') throw new StorageError('no-answer', 'lost');
        return result;
      });
      const engine = createEngine({ ...world, table });
      const ref = producer.ref();
      for (let attempt = 0; ; attempt++) {
        const answer = await engine.transactions.commit({ in: ref }).catch((error) => error);
        if ('outcome' in answer && answer.outcome === 'committed') break;
        expect(answer.outcome).not.toBe('written');
        expect(attempt).toBeLessThan(3);
      }
      expect([await read(0), await read(1)]).toEqual([['a'], ['b']]);
    },
  );
});
