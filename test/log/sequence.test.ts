// The simulation found these races. Each is told here as a story, so that it stays mended.
import { expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { pagesPartition } from '../../lib/storage/keys.ts';
import { retryingTable } from '../../lib/storage/retry.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Table, Write } from '../../lib/storage/table.ts';
import { appendOne, batchOf, createWorld, readAll, tryAppend, valuesOf } from './world.ts';

/** A table on which a test can hold back one kind of write, or lose its reply. */
function interceptable(table: Table) {
  let intercept: (write: Write, act: () => ReturnType<Table['write']>) => ReturnType<Table['write']> = (_write, act) =>
    act();
  return {
    table: { ...table, write: (write: Write) => intercept(write, () => table.write(write)) },
    on: (handler: typeof intercept) => {
      intercept = handler;
    },
  };
}

const isTrim = (write: Write) => write.kind === 'update' && write.update.trim !== undefined;
const isAppend = (write: Write) => write.kind === 'update' && write.update.append !== undefined;

test('a trim planned before a lost reply landed does not let the resend be appended twice', async () => {
  const world = createWorld();
  await world.engine.createTopic({ topic: 't' });
  const steady = { producerId: (await world.engine.newProducer()).producerId, producerEpoch: 0 };
  await appendOne(world.engine, 0, batchOf(['first'], { ...steady, baseSequence: 0 }));

  // Another process fills the tail. Its trim, which evicts the steady producer, is held back.
  const slow = interceptable(world.table);
  const spilling = createEngine({ ...world, table: slow.table });
  const heldBack = Promise.withResolvers<void>();
  const reachedTrim = Promise.withResolvers<void>();
  slow.on(async (write, act) => {
    if (isTrim(write)) {
      reachedTrim.resolve();
      await heldBack.promise;
    }
    return act();
  });
  const filling = (async () => {
    for (let i = 0; i < 40; i++) await appendOne(spilling, 0, batchOf([`other${i}`]));
  })();
  await reachedTrim.promise;

  // The steady producer's next append lands and its reply is lost. The trim happens before the append is sent again.
  const lossy = interceptable(world.table);
  const steadyProcess = createEngine({ ...world, table: retryingTable(lossy.table, world.clock) });
  let lost = false;
  lossy.on(async (write, act) => {
    if (!isAppend(write) || lost) return act();
    lost = true;
    await act();
    heldBack.resolve();
    await filling;
    throw new StorageError('no-answer', 'the reply is lost');
  });
  await appendOne(steadyProcess, 0, batchOf(['second'], { ...steady, baseSequence: 1 }));
  expect(lost).toBe(true);
  expect(valuesOf(await readAll(world.engine, 0)).filter((value) => value === 'second')).toHaveLength(1);
});

test('a producer is not taken for new because the oldest page of the index is missing', async () => {
  const world = createWorld();
  await world.engine.createTopic({ topic: 't' });
  const { producerId } = await world.engine.newProducer();
  const batch = batchOf(['first'], { producerId, producerEpoch: 0, baseSequence: 0 });
  await appendOne(world.engine, 0, batch);
  for (let i = 0; i < 80; i++) await appendOne(world.engine, 0, batchOf([`other${i}`]));
  const { topicId } = await world.engine.describeTopic('t');
  const { items } = await world.table.query({ pk: pagesPartition(topicId, 0) });
  expect(items.length).toBeGreaterThan(1);
  await world.table.write({ kind: 'delete', key: { pk: items[0]!.pk, sk: items[0]!.sk } });
  const repeat = appendOne(createEngine(world), 0, batch);
  await expect(repeat).rejects.toMatchObject({ errorCode: 'CORRUPT_LOG', outcome: 'not-written' });
});

test('a topic whose deletion was interrupted takes no write once its name is free', async () => {
  const world = createWorld();
  await world.engine.createTopic({ topic: 't' });
  const stale = createEngine(world);
  await appendOne(stale, 0, batchOf(['before']));

  // The first deleter dies at its second write, whichever write that is. Another process completes the deletion.
  const dying = interceptable(world.table);
  let writes = 0;
  const orDie = <T>(act: () => Promise<T>) => (writes++ === 0 ? act() : Promise.reject(new Error('it died')));
  dying.on((_write, act) => orDie(act));
  const { transact } = dying.table;
  dying.table.transact = (...args) => orDie(() => transact(...args));
  await expect(createEngine({ ...world, table: dying.table }).deleteTopic('t')).rejects.toThrow('it died');
  await world.engine.deleteTopic('t').catch(() => 'gone already');
  await expect(world.engine.describeTopic('t')).rejects.toMatchObject({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' });

  await expect(appendOne(stale, 0, batchOf(['lost']))).rejects.toMatchObject({ outcome: 'not-written' });
});

test('a request that slept for a day before admission is not sequenced again beside its repeat', async () => {
  const world = createWorld();
  await world.engine.createTopic({ topic: 't' });
  const { producerId } = await world.engine.newProducer();
  const once = batchOf(['once'], { producerId, producerEpoch: 0, baseSequence: 0 });
  const table: Table = {
    ...world.table,
    async get(key, how) {
      if (key.pk !== 'topic') return world.table.get(key, how);
      await appendOne(world.engine, 0, once);
      for (let i = 0; i < 150; i++) await appendOne(world.engine, 0, batchOf([`other${i}`]));
      world.clock.advance(30 * 3_600_000);
      return world.table.get(key, how);
    },
  };
  const slept = await tryAppend(createEngine({ ...world, table }), 0, once);
  expect(slept).toMatchObject({ error: { errorCode: 'REQUEST_TIMED_OUT', outcome: 'not-written' } });
  expect(valuesOf(await readAll(world.engine, 0)).filter((value) => value === 'once')).toHaveLength(1);
});
