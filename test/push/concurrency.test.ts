// maximumConcurrency: at most so many partitions of a subscription are delivered at the same time, and nobody waits for ever.
import { expect, test } from 'vitest';
import { ownershipOf } from '../../lib/group/items/ownership.ts';
import { groupOffsetsKey, headKey } from '../../lib/storage/keys.ts';
import type { Table } from '../../lib/storage/table.ts';
import { appendOne, batchOf } from '../log/world.ts';
import { nameOf, through } from '../sim/core/through.ts';
import { committedOf, type PushWorld, ref, success, worldOfTopic } from './world.ts';

/** Each delivery takes ten seconds. Returns the greatest number that was under way. */
function watchMost(world: PushWorld): () => number {
  let [now, most] = [0, 0];
  world.answer = async () => {
    most = Math.max(most, ++now);
    await world.clock.sleep(10_000);
    now -= 1;
    return success;
  };
  return () => most;
}

const partitionsOf = ({ deliveries }: PushWorld) => deliveries.map(({ partition }) => partition);

test.each([1, 2])('%i at a time, though each partition has one invocation and no other', async (maximumConcurrency) => {
  const world = await worldOfTopic(5);
  await world.create({ maximumConcurrency });
  const most = watchMost(world);
  for (let partition = 0; partition < 5; partition++) await world.append(partition, ['a']);
  await world.settle();
  expect(most()).toBe(maximumConcurrency);
  expect(partitionsOf(world).sort()).toEqual([0, 1, 2, 3, 4]);
});

test('a run that finds no room writes nothing', async () => {
  const writes: string[] = [];
  const counted = (table: Table) =>
    through(table, (call, act) => {
      if (call.kind === 'update') writes.push(nameOf(call));
      return act();
    });
  const world = await worldOfTopic(2, { wrap: counted });
  await world.create({ maximumConcurrency: 1 });
  watchMost(world);
  await world.append(0, ['a']);
  await world.pass(1_000);
  await appendOne(world.engine, 1, batchOf(['a']));
  writes.length = 0;
  await world.trigger(1);
  await world.pass(2_000);
  expect(writes).toEqual([]);
  await world.settle();
  expect(partitionsOf(world)).toEqual([0, 1]);
});

test('a creation sends as many invocations as there is room for, and those that end send the others', async () => {
  const world = await worldOfTopic(3);
  for (let partition = 0; partition < 3; partition++) await world.append(partition, ['a']);
  const most = watchMost(world);
  await world.create({ maximumConcurrency: 1 });
  await world.settle();
  expect([most(), partitionsOf(world)]).toEqual([1, [0, 1, 2]]);
});

test('a partition that has had its two minutes waits for the others', async () => {
  const world = await worldOfTopic(2);
  await world.create({ maximumConcurrency: 1, batchSize: 1 });
  world.answer = async () => {
    await world.clock.sleep(50_000);
    return success;
  };
  await world.append(0, ['a', 'b', 'c', 'd', 'e']);
  await world.append(1, ['a']);
  await world.settle();
  expect(partitionsOf(world)).toEqual([0, 0, 0, 1, 0, 0]);
});

test('a partition that waits for its next attempt leaves its room to others', async () => {
  const world = await worldOfTopic(2);
  await world.create({ maximumConcurrency: 1 });
  world.answer = ({ partition }, count) =>
    partition === 0 && count === 1 ? { kind: 'throttled', retryAfterMs: 600_000 } : success;
  await appendOne(world.engine, 1, batchOf(['a']));
  await world.append(0, ['a']);
  await world.pass(5_000);
  expect([partitionsOf(world), await committedOf(world, 1)]).toEqual([[0, 1], 1]);
  await world.settle();
  expect(await committedOf(world, 0)).toBe(1);
});

test('a batch that has waited to be full, and then for room, waits no second time to be full', async () => {
  const world = await worldOfTopic(2);
  await world.create({ maximumConcurrency: 1, maximumBatchingWindowSeconds: 30, batchSize: 2 });
  world.answer = async ({ partition }) => {
    if (partition === 0) await world.clock.sleep(50_000);
    return success;
  };
  await world.append(1, ['a']);
  await world.pass(1_000);
  const begunMs = world.clock.now();
  await world.append(0, ['a', 'b']);
  await world.settle();
  expect(partitionsOf(world)).toEqual([0, 1]);
  expect(world.deliveries[1]!.atMs - begunMs).toBeLessThan(52_000);
});

test('a limit that is set while a run without one is at work holds nobody up for ever', async () => {
  const world = await worldOfTopic(2);
  await world.create();
  watchMost(world);
  await world.append(0, ['a']);
  await world.pass(1_000);
  await world.during(world.engine.subscriptions.update({ ...ref, maximumConcurrency: 1 }));
  await world.append(1, ['a']);
  await world.pass(5_000);
  expect(partitionsOf(world)).toEqual([0]);
  await world.settle();
  expect(partitionsOf(world)).toEqual([0, 1]);
});

test('a limit that is taken away leaves nobody behind who had met it', async () => {
  const world = await worldOfTopic(2);
  await world.create({ maximumConcurrency: 1 });
  watchMost(world);
  await world.append(0, ['a']);
  await world.pass(1_000);
  await world.append(1, ['a']);
  await world.pass(1_000);
  await world.during(world.engine.subscriptions.update({ ...ref, maximumConcurrency: null }));
  await world.settle();
  expect(partitionsOf(world)).toEqual([0, 1]);
});

test('where there is no room, a lease of a dead run is released all the same: a slow clock would take it for live', async () => {
  const world = await worldOfTopic(2, { repeats: 0 });
  await world.create({ maximumConcurrency: 1 });
  world.answer = () => {
    world.kill();
    return new Promise(() => undefined);
  };
  await world.append(1, ['a']);
  await world.pass(50_000);
  watchMost(world);
  await world.append(0, ['a']);
  await world.pass(1_000);
  await world.trigger(1);
  await world.pass(1_000);
  const item = await world.table.get(groupOffsetsKey(ref.groupId, world.topicId, 1));
  expect(ownershipOf(item, 1).leaseUntilMs).toBe(0);
  await world.settle();
  expect(partitionsOf(world)).toEqual([1, 0, 1]);
});

test('a partition that cannot be read does not strand the others, and its run fails', async () => {
  const world = await worldOfTopic(2, { repeats: 0 });
  const failures: unknown[] = [];
  const { dispatcher } = world.engine;
  const run = dispatcher.run;
  dispatcher.run = (...args) => run(...args).catch((error) => failures.push(error) as never);
  await world.create({ maximumConcurrency: 1 });
  const head = await world.table.get(headKey(world.topicId, 0));
  await world.table.write({ kind: 'put', item: { ...head!, n: 1 } });
  await world.trigger(0);
  await world.pass(1_000);
  // Its invocation has met the lease, and was used up.
  await appendOne(world.engine, 1, batchOf(['a']));
  await world.settle();
  expect(partitionsOf(world)).toEqual([1]);
  expect(String(failures)).toContain('partition 0 of t has records for billing, and none of them can be read');
});

/** Counts what one run that delivers one record asks of the table. */
async function callsOfRun(more: Parameters<PushWorld['create']>[0]) {
  const calls: string[] = [];
  const counted = (table: Table) =>
    through(table, (call, act) => {
      calls.push(nameOf(call).split(' ')[0]!);
      return act();
    });
  const world = await worldOfTopic(4, { wrap: counted });
  await world.create(more);
  await appendOne(world.engine, 0, batchOf(['a']));
  calls.length = 0;
  await world.trigger(0);
  await world.settle();
  const count = (kind: string) => calls.filter((call) => call === kind).length;
  return { reads: count('read'), queries: count('query'), writes: count('update') };
}

test('a limit costs three queries, the topic and each head; a run without one reads nothing more', async () => {
  expect(await callsOfRun({})).toEqual({ reads: 7, queries: 0, writes: 2 });
  expect(await callsOfRun({ maximumConcurrency: 2 })).toEqual({ reads: 7 + 1 + 4, queries: 3, writes: 2 });
});
