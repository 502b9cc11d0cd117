// Listings of transactional ids without an item: an init that died between its two writes, a listing that comes a week late, and
// the care that removes them. And the pages of an earlier life.
import { beforeEach, expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { firstTransactionalId } from '../../lib/producer/ids.ts';
import { stagePagesPartition, transactionKey, transactionListingKey } from '../../lib/storage/keys.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import { stagePageSortKey } from '../../lib/transaction/staged-runs.ts';
import { createWorld, readAll, valuesOf, type World } from '../log/world.ts';
import { type Call, through } from '../sim/core/through.ts';
import { runningBefore } from './steps.ts';
import { startProducer } from './world.ts';

const weekMs = 7 * 24 * 3_600_000;

let world: World;

beforeEach(async () => {
  world = createWorld();
  await world.engine.createTopic({ topic: 't', partitions: 1 });
});

const listing = () => world.table.get(transactionListingKey('tx'), { strong: true });
const item = () => world.table.get(transactionKey('tx'), { strong: true });
const isCreation = (call: Call) =>
  call.kind === 'transact' && call.actions.some((each) => each.kind === 'put' && each.item.sk === 'x');

test('an init that died before it made the item leaves a listing, which the hourly run removes', async () => {
  const dying = through(world.table, async (call, act) => {
    if (isCreation(call)) throw new StorageError('denied', 'died');
    return act();
  });
  await expect(startProducer(createEngine({ ...world, table: dying }), 'tx')).rejects.toThrow('died');
  expect([await listing(), await item()]).toEqual([expect.objectContaining({ v: 1 }), undefined]);
  expect(await world.engine.transactions.tend()).toMatchObject({ transactions: 0 });
  expect(await listing()).toBeUndefined();
});

test('an init goes on though the hourly run has removed its listing, or an earlier one has died', async () => {
  const table = runningBefore(world.table, isCreation, () => world.engine.transactions.tend());
  const producer = await startProducer(createEngine({ ...world, table }), 'tx');
  expect((await listing())!.i).toBe((await item())!.i);
  await producer.stage('t', 0, ['a']);
  await producer.commit();
  await world.engine.transactions.tend();
  expect((await listing())!.i).toBe((await item())!.i);
  expect(valuesOf(await readAll(world.engine, 0))).toEqual(['a']);
});

test('the hourly run leaves the listing of an id whose item was made since it looked', async () => {
  await world.table.write({ kind: 'put', item: { ...transactionListingKey('tx'), v: 1, i: firstTransactionalId } });
  const isRemoval = (call: Call) => call.kind === 'transact';
  const table = runningBefore(world.table, isRemoval, () => startProducer(world.engine, 'tx'));
  await createEngine({ ...world, table }).transactions.tend();
  expect((await listing())!.i).toBe((await item())!.i);
});

test('an id that is used again just before it expires stays', async () => {
  const producer = await startProducer(world.engine, 'tx');
  world.clock.advance(weekMs + 1);
  const isClosing = (call: Call) => call.kind === 'transact';
  const table = runningBefore(world.table, isClosing, () => producer.stage('t', 0, ['a']));
  expect(await createEngine({ ...world, table }).transactions.tend()).toMatchObject({ expired: 0 });
  await producer.commit();
  expect((await listing())!.i).toBe((await item())!.i);
  expect(valuesOf(await readAll(world.engine, 0))).toEqual(['a']);
});

test.each(['the hourly run', 'the next init'])(
  'a listing that comes back after the id expired is removed by %s',
  async (by) => {
    await startProducer(world.engine, 'tx');
    const late = (await listing())!;
    world.clock.advance(weekMs + 1);
    expect(await world.engine.transactions.tend()).toMatchObject({ expired: 1 });
    expect(await listing()).toBeUndefined();
    await world.table.write({ kind: 'put', item: late });
    if (by === 'the hourly run') await world.engine.transactions.tend();
    if (by === 'the hourly run') expect(await listing()).toBeUndefined();
    await startProducer(world.engine, 'tx');
    expect((await item())!.i).toBeGreaterThan(late.i as number);
    expect((await listing())!.i).toBe((await item())!.i);
  },
);

test('the hourly run removes the pages of an earlier life, whatever their numbers', async () => {
  await startProducer(world.engine, 'tx');
  const xid = (await item())!.i as number;
  const pk = stagePagesPartition('tx');
  for (const [number, i] of [
    [99, xid - 1],
    [1, xid - 1],
    [1, xid],
  ] as const)
    await world.table.write({ kind: 'put', item: { pk, sk: stagePageSortKey(number, i - xid + 1), v: 1, i, t: [] } });
  await world.engine.transactions.tend();
  const { items } = await world.table.query({ pk, strong: true });
  expect(items.map(({ i }) => i)).toEqual([xid]);
});
