// A commit that is sent again gets the same answer, with the offsets if they are asked for: from the head, and from the pages
// when other records have come since.
import { beforeEach, expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { merge } from '../../lib/maintenance/merge.ts';
import { headKey, transactionKey } from '../../lib/storage/keys.ts';
import { appendOne, batchOf, createWorld, type World } from '../log/world.ts';
import { fullPassOver } from '../maintenance/pass.ts';
import { deciding } from './steps.ts';
import { startProducer } from './world.ts';

let world: World;
let topicId: string;

beforeEach(async () => {
  world = createWorld();
  ({ topicId } = await world.engine.createTopic({ topic: 't', partitions: 300 }));
});

const crowd = async (count: number) => {
  for (let i = 0; i < count; i++) await appendOne(world.engine, 0, batchOf(['other']));
};

test.each(['in one step', 'decided'])('a repeat has the offsets of the records (%s)', async (how) => {
  const engine = how === 'decided' ? createEngine({ ...world, table: deciding(world.table) }) : world.engine;
  const producer = await startProducer(engine, 'tx');
  await crowd(2);
  for (const value of ['a', 'b', 'c', 'd', 'e', 'f']) await producer.stage('t', 0, [value]);
  await producer.stage('t', 299, ['g', 'h']);
  const ref = producer.ref();
  const first = await producer.commit({ offsets: true });
  expect(first.offsets).toEqual([
    { topicId, partition: 0, baseOffset: 2, records: 6 },
    { topicId, partition: 299, baseOffset: 0, records: 2 },
  ]);
  const again = () => engine.transactions.commit({ in: ref, offsets: true });
  expect(await again()).toEqual(first);
  const { offsets: _, ...bare } = first;
  expect(await engine.transactions.commit({ in: ref })).toEqual(bare);
  await crowd(200);
  const { tail } = await world.table.get(headKey(topicId, 0)).then((head) => ({ tail: head!.t as unknown[] }));
  expect(tail.length).toBeLessThan(100);
  expect(await again()).toEqual(first);
  await merge(fullPassOver(world), { topicId, partition: 0 });
  await producer.stage('t', 0, ['of the next one']);
  expect(await again()).toEqual(first);
});

test('a commit whose reply was lost tells a repeat by another process where the records are', async () => {
  const producer = await startProducer(world.engine, 'tx');
  await producer.stage('t', 7, ['a']);
  const ref = producer.ref();
  await producer.commit();
  const other = createEngine({ ...world });
  expect(await other.transactions.commit({ in: ref, offsets: true })).toMatchObject({
    offsets: [{ topicId, partition: 7, baseOffset: 0, records: 1 }],
  });
});

test('an empty commit has no offsets, an aborted transaction none of the one before it, and an older version told none', async () => {
  const producer = await startProducer(world.engine, 'tx');
  await producer.stage('t', 0, ['a']);
  const ref = producer.ref();
  await producer.commit();
  await world.table.write({ kind: 'update', key: transactionKey('tx'), update: { remove: ['lw'] } });
  expect(await world.engine.transactions.commit({ in: ref, offsets: true })).not.toHaveProperty('offsets');
  const empty = producer.ref();
  await producer.commit();
  expect(await world.engine.transactions.commit({ in: empty, offsets: true })).toMatchObject({ offsets: [] });
  await producer.stage('t', 0, ['b']);
  await producer.abort();
  expect(await world.table.get(transactionKey('tx'))).not.toHaveProperty('lw');
});
