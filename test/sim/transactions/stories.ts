// Stories of requests that sleep for days: no small world lets a call act so late. Each returns what went wrong.

import type { Engine } from '../../../lib/api/engine.ts';
import { merge } from '../../../lib/maintenance/merge.ts';
import { cleanPages } from '../../../lib/maintenance/pages.ts';
import { transactionKey, transactionsPartition } from '../../../lib/storage/keys.ts';
import { StorageError } from '../../../lib/storage/storage-error.ts';
import type { Table } from '../../../lib/storage/table.ts';
import { appendOne, batchOf, createWorld, readAll, valuesOf, type World } from '../../log/world.ts';
import { passOver } from '../../maintenance/pass.ts';
import { startProducer } from '../../transaction/world.ts';
import type { Lib } from '../core/lib-under-test.ts';
import { type Call, gate, holding, through } from '../core/through.ts';

export type Story = (lib: Lib) => Promise<readonly string[]>;

const dayMs = 24 * 3_600_000;

async function open(): Promise<World & { readonly topicId: string }> {
  const world = createWorld();
  const { topicId } = await world.engine.createTopic({ topic: 't', partitions: 2 });
  return { ...world, topicId };
}

const engineOf = (lib: Lib, world: World, table = world.table) => lib.createEngine({ ...world, table });
const log = async ({ engine }: World) => valuesOf(await readAll(engine, 0));
const isApply = (call: Call) => call.kind === 'update' && call.key.sk === 'h' && call.update.append !== undefined;
const isOneStep = (call: Call) => call.kind === 'transact' && call.actions.some((each) => isApply(each as Call));
const isItem = (call: Call) => call.kind === 'update' && call.key.sk === 'x';
const refusesOneStep = (world: World) =>
  through(world.table, async (call, act) => {
    if (isOneStep(call)) throw new StorageError('conflict', 'another write of a head');
    return act();
  });

function complain(values: readonly string[], expected: readonly string[]): string[] {
  const isAsExpected = values.length === expected.length && values.every((value, i) => value === expected[i]);
  return isAsExpected ? [] : [`the log has ${values}, and not ${expected}`];
}

/** A stage sleeps until its id has expired and begun anew. */
export const stageAfterExpiry: Story = async (lib) => {
  const world = await open();
  const { reached, open: release, pass } = gate();
  const isStage = (call: Call) => isItem(call) && call.kind === 'update' && call.update.append !== undefined;
  const late = await startProducer(engineOf(lib, world, holding(world.table, isStage, pass)), 'tx');
  const staging = late.stage('t', 0, ['late']).catch(() => {});
  await reached;
  const engine = engineOf(lib, world);
  world.clock.advance(8 * dayMs);
  await engine.transactions.tend();
  const now = await startProducer(engine, 'tx');
  release();
  await staging;
  const own = async () => {
    await now.stage('t', 1, ['own']);
    await now.commit();
    return [];
  };
  const told = await own().catch((error: unknown) => [`refused: ${error}`]);
  return [...told, ...complain(await log(world), [])];
};

/** Decided, and brought to the heads by two processes, of which one sleeps until the pages are gone. */
export const sleeperAfterCleaning: Story = async (lib) => {
  const world = await open();
  await decidedOnly(lib, world);
  const { reached, open: release, pass } = gate();
  let held = 0;
  // It has read the item, and sleeps before it reads the head.
  const isHeadRead = (call: Call) => call.kind === 'get' && call.key.sk === 'h' && held++ === 0;
  const sleeper = engineOf(lib, world, holding(world.table, isHeadRead, pass));
  const asleep = sleeper.transactions.tend().catch(() => {});
  await reached;
  await engineOf(lib, world).transactions.tend();
  const crowd = await fillUp(world);
  world.clock.advance(2 * dayMs);
  await cleanUp(world);
  release();
  await asleep;
  return complain(await log(world), ['once', ...crowd]);
};

async function fillUp({ engine }: World): Promise<string[]> {
  const values = Array.from({ length: 60 }, (_, i) => `crowd${i}`);
  for (const value of values) await appendOne(engine, 0, batchOf([value]));
  return values;
}

async function cleanUp(world: World & { readonly topicId: string }): Promise<void> {
  const address = { topicId: world.topicId, partition: 0 };
  await merge(passOver(world), address);
  await cleanPages(passOver(world), address);
}

/** A process looks for the transaction in the log, and sleeps; another applies it, and appends take it out of the tail. */
export const evictedAfterLookup: Story = async (lib) => {
  const world = await open();
  await decidedOnly(lib, world);
  const { reached, open: release, pass } = gate();
  const sleeper = engineOf(lib, world, holding(world.table, isApply, pass));
  const asleep = sleeper.transactions.tend().catch(() => {});
  await reached;
  await engineOf(lib, world).transactions.tend();
  const crowd = await fillUp(world);
  release();
  await asleep;
  return complain(await log(world), ['once', ...crowd]);
};

/** For a process that dies after the decision. */
const stuck = (world: World) =>
  through(refusesOneStep(world), async (call, act) => {
    if (isApply(call)) throw new StorageError('denied', 'the process dies');
    return act();
  });

async function decidedOnly(lib: Lib, world: World, value = 'once'): Promise<void> {
  const dying = await startProducer(engineOf(lib, world, stuck(world)), 'tx');
  await dying.stage('t', 0, [value]);
  await dying.commit().catch(() => {});
}

/** Applied by a process that dies before it says so, and no longer in the tail when the hourly run comes. */
async function appliedAndEvicted(lib: Lib, world: World): Promise<string[]> {
  await decidedOnly(lib, world);
  await applyOnly(lib, world);
  return ['once', ...(await fillUp(world))];
}

async function applyOnly(lib: Lib, world: World): Promise<void> {
  const mute = through(world.table, async (call, act) => {
    if (isItem(call)) throw new StorageError('denied', 'the process dies');
    return act();
  });
  await engineOf(lib, world, mute)
    .transactions.tend()
    .catch(() => {});
}

/** Two processes commit the same transaction. The first sleeps at a call, while the second decides and applies. */
const twoCommit =
  (isAsleepAt: (call: Call) => boolean, table: (world: World) => Table): Story =>
  async (lib) => {
    const world = await open();
    const { reached, open: release, pass } = gate();
    let isNext = false;
    const matches = (call: Call) => {
      const isIt = isNext && isAsleepAt(call);
      if (isIt) isNext = false;
      return isIt;
    };
    const sleeping = holding(table(world), matches, pass);
    const producer = await startProducer(engineOf(lib, world, sleeping), 'tx');
    await producer.stage('t', 0, ['once']);
    const ref = producer.ref();
    isNext = true;
    const asleep = producer.commit().catch(() => {});
    await reached;
    await engineOf(lib, world, stuck(world))
      .transactions.commit({ in: ref })
      .catch(() => {});
    await applyOnly(lib, world);
    const crowd = await fillUp(world);
    release();
    await asleep;
    return complain(await log(world), ['once', ...crowd]);
  };

export const commitOfTheDecided = twoCommit(isOneStep, ({ table }) => table);
export const decidedByAnother = twoCommit((call) => call.kind === 'get' && call.key.sk === 'h', refusesOneStep);

export const appliedAgain: Story = async (lib) => {
  const world = await open();
  const expected = await appliedAndEvicted(lib, world);
  await engineOf(lib, world).transactions.tend();
  return complain(await log(world), expected);
};

/** The pages of a transaction that is not over come into the age at which pages are deleted. */
export const cleanedTooEarly =
  (clean: typeof cleanPages): Story =>
  async (lib) => {
    const world = await open();
    const expected = await appliedAndEvicted(lib, world);
    world.clock.advance(2 * dayMs);
    const address = { topicId: world.topicId, partition: 0 };
    await merge(passOver(world), address);
    await clean(passOver(world), address);
    await engineOf(lib, world).transactions.tend();
    return complain(await log(world), expected);
  };

/** The topic is deleted between the plan of a commit and its one step. */
export const deletedBeforeOneStep: Story = async (lib) => {
  const world = await open();
  const { reached, open: release, pass } = gate();
  const producer = await startProducer(engineOf(lib, world, holding(world.table, isOneStep, pass)), 'tx');
  await producer.stage('t', 0, ['nobody reads it']);
  const told = producer.commit().then(
    () => 'committed',
    () => 'refused',
  );
  await reached;
  await engineOf(lib, world).deleteTopic('t');
  release();
  return (await told) === 'committed' ? ['told committed, in a topic that was deleted before'] : [];
};

/** The topic is deleted after the decision, before anybody has applied it. */
export const decidedForNobody: Story = async (lib) => {
  const world = await open();
  await decidedOnly(lib, world);
  const engine = engineOf(lib, world);
  await engine.deleteTopic('t');
  await engine.transactions.tend();
  const { state } = await engine.transactions.describe('tx');
  return state === 'empty' ? [] : [`${state} for ever: its topic is gone`];
};

/** A commit sleeps until the next transaction of its id is open. */
export const lateCommit: Story = async (lib) => {
  const world = await open();
  const { reached, open: release, pass } = gate();
  let held = 0;
  const isFirst = (call: Call) => isOneStep(call) && held++ === 0;
  const producer = await startProducer(engineOf(lib, world, holding(world.table, isFirst, pass)), 'tx');
  await producer.stage('t', 0, ['first']);
  const ref = producer.ref();
  const late = producer.commit().catch(() => {});
  await reached;
  const engine = engineOf(lib, world);
  await engine.transactions.abort({ in: ref });
  const next = await startProducer(engine, 'tx');
  await next.stage('t', 0, ['other']);
  release();
  await late;
  return complain(await log(world), []);
};

/** An id expires, and more happens. Then it begins anew, and the numbers of its transactions are the same as before. */
async function expired(
  lib: Lib,
  then: (
    world: World,
    copies: { readonly listing: () => Promise<unknown>; readonly item: () => Promise<unknown> },
  ) => Promise<unknown>,
): Promise<readonly string[]> {
  const world = await open();
  const copies: Record<string, () => Promise<unknown>> = {};
  const table = through(refusesOneStep(world), async (call, act) => {
    if (call.kind === 'put' && call.item.pk === transactionsPartition) copies.listing ??= act;
    if (call.kind === 'transact' && call.actions.some((each) => each.kind === 'put' && each.item.sk === 'x'))
      copies.item ??= () => world.table.transact(call.actions, 'a late copy');
    return act();
  });
  const engine = engineOf(lib, world, table);
  const first = await startProducer(engine, 'tx');
  for (const value of ['1', '2', '3']) {
    await first.stage('t', 0, [value]);
    await first.commit();
  }
  const crowd = await fillUp(world);
  world.clock.advance(8 * dayMs);
  await engine.transactions.tend();
  await then(world, { listing: copies.listing!, item: copies.item! });
  await decidedOnly(lib, world, '4');
  await engine.transactions.tend();
  return complain(await log(world), ['1', '2', '3', ...crowd, '4']);
}

const removeByTtl = (world: World) => world.table.write({ kind: 'delete', key: transactionKey('tx') });

/** The write that made the item of an id acts again after the item is gone. */
export const madeAgain: Story = (lib) =>
  expired(lib, async (world, { item }) => {
    await removeByTtl(world);
    await item();
  });

/** The write that listed an id acts again after the id has expired. */
export const listedAgain: Story = (lib) => expired(lib, (_world, { listing }) => listing());

/** The item of an expired id is gone, and nothing else happens. */
export const removedByTtl: Story = (lib) => expired(lib, removeByTtl);

/** The trim of a spill acts again after more was staged. */
export const trimmedAgain: Story = async (lib) => {
  const world = await open();
  const copies: (() => Promise<unknown>)[] = [];
  const table = through(world.table, async (call, act) => {
    if (call.kind === 'update' && call.update.trim) copies.push(act);
    return act();
  });
  const producer = await startProducer(engineOf(lib, world, table), 'tx');
  const values = Array.from({ length: 40 }, (_, i) => `${i}`);
  for (const value of values) {
    const before = copies.length;
    await producer.stage('t', 0, [value]);
    if (before > 0 && copies.length === before) await copies[0]!();
  }
  await producer.commit().catch(() => {});
  return complain(await log(world), values);
};

/** A client of Kafka's protocol, in the first transaction of an epoch that it keeps. */
async function kafkasClient(engine: Engine) {
  const begun = await engine.producerTransactions.init({ transactionalId: 'tx' });
  const ref = { transactionalId: 'tx', ...begun };
  const batch = (baseSequence: number, value: string) =>
    batchOf([value], { ...begun, baseSequence, isTransactional: true });
  return {
    ref,
    stage: (by: Engine, baseSequence: number, value: string) =>
      by.producerTransactions.stage({
        in: ref,
        topic: 't',
        partitions: [{ partition: 0, batches: batch(baseSequence, value) }],
      }),
  };
}

/** A commit reads the item when its client has repeated it elsewhere, and is in its next transaction. */
export const lateEndOfKafka: Story = async (lib) => {
  const world = await open();
  const { reached, open: release, pass } = gate();
  const isRead = (call: Call) => call.kind === 'get' && call.key.sk === 'x';
  const sleepy = engineOf(lib, world, holding(world.table, isRead, pass));
  const engine = engineOf(lib, world);
  const { ref, stage } = await kafkasClient(engine);
  await engine.producerTransactions.open(ref);
  await stage(engine, 0, 'first');
  const left = new AbortController();
  const late = sleepy.producerTransactions
    .end({ in: { ...ref, signal: left.signal }, outcome: 'committed' })
    .catch(() => {});
  await reached;
  left.abort();
  await engine.producerTransactions.end({ in: ref, outcome: 'committed' });
  await engine.producerTransactions.open(ref);
  await stage(engine, 1, 'aborted');
  release();
  await late;
  await engine.producerTransactions.end({ in: ref, outcome: 'aborted' }).catch(() => {});
  return complain(await log(world), ['first']);
};

/** A batch of an aborted transaction is named when the next one is open, which has the same epoch. */
export const lateStageOfKafka: Story = async (lib) => {
  const world = await open();
  const { reached, open: release, pass } = gate();
  const isStage = (call: Call) => isItem(call) && call.kind === 'update' && call.update.append !== undefined;
  const sleepy = engineOf(lib, world, holding(world.table, isStage, pass));
  const engine = engineOf(lib, world);
  const { ref, stage } = await kafkasClient(engine);
  await engine.producerTransactions.open(ref);
  const late = stage(sleepy, 0, 'aborted').catch(() => {});
  await reached;
  await engine.producerTransactions.end({ in: ref, outcome: 'aborted' });
  await engine.producerTransactions.open(ref);
  release();
  await late;
  await engine.producerTransactions.end({ in: ref, outcome: 'committed' });
  return complain(await log(world), []);
};

/** Batches of a client whose batches open its transactions arrive after an abort of nothing, and after one of a batch. */
export const lateStagesOfNewer: Story = async (lib) => {
  const world = await open();
  const engine = engineOf(lib, world);
  let ref = (await kafkasClient(engine)).ref;
  const stage = (by: typeof ref, baseSequence: number, value: string) => {
    const { producerId, producerEpoch } = by;
    const batches = batchOf([value], { producerId, producerEpoch, baseSequence, isTransactional: true });
    const request = { in: { ...by, opens: true }, topic: 't', partitions: [{ partition: 0, batches }] };
    return engine.producerTransactions.stage(request);
  };
  const end = async (outcome: 'committed' | 'aborted') => {
    const next = engine.producerTransactions.end({ in: { ...ref, opens: true }, outcome });
    ref = { ...ref, ...(await next.catch(() => undefined)) };
  };
  const first = ref;
  await end('aborted');
  await stage(first, 0, 'late').catch(() => {});
  await end('committed');
  const second = ref;
  await stage(second, 0, 'aborted');
  await end('aborted');
  await stage(second, 1, 'late too').catch(() => {});
  await end('committed');
  return complain(await log(world), []);
};

/** A batch arrives when its transaction has ended, and no other one is open. */
export const stageBetweenOfKafka: Story = async (lib) => {
  const world = await open();
  const engine = engineOf(lib, world);
  const { ref, stage } = await kafkasClient(engine);
  await engine.producerTransactions.open(ref);
  await engine.producerTransactions.end({ in: ref, outcome: 'aborted' });
  await stage(engine, 0, 'aborted').catch(() => {});
  await engine.producerTransactions.open(ref);
  await engine.producerTransactions.end({ in: ref, outcome: 'committed' });
  return complain(await log(world), []);
};
