import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { limits } from '../../lib/api/limits.ts';
import type { PushInvocation, PushRecord } from '../../lib/api/push.ts';
import { ownershipOf } from '../../lib/group/items/ownership.ts';
import { decodeBatch } from '../../lib/record/batch.ts';
import { groupOffsetsKey } from '../../lib/storage/keys.ts';
import type { Table } from '../../lib/storage/table.ts';
import { appendOne, batchOf, readAll, valuesOf } from '../log/world.ts';
import { committedOf, failure, offsetsOf, partial, ref, success, worldOfTopic } from './world.ts';

describe('a run', () => {
  test('delivers in order, in batches of the size that was asked for, and commits', async () => {
    const world = await worldOfTopic();
    await world.create({ batchSize: 2 });
    await world.append(0, ['a', 'b', 'c']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0, 1], [2]]);
    expect(await committedOf(world)).toBe(3);
    const { partitions, lag } = await world.engine.subscriptions.get(ref);
    expect(partitions[0]).not.toHaveProperty('leaseUntilMs');
    expect(lag).toBe(0);
  });

  test('begins where the subscription starts', async () => {
    const world = await worldOfTopic();
    await world.append(0, ['a', 'b']);
    await world.create({ startingPosition: 'LATEST' });
    await world.append(0, ['c']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[2]]);
  });

  test('begins at a time, or at the end if no record is as young', async () => {
    const world = await worldOfTopic();
    const nowMs = world.clock.now();
    await world.append(0, ['a'], nowMs - 2_000);
    await world.append(0, ['b'], nowMs - 1_000);
    await world.create({ startingPosition: 'AT_TIMESTAMP', startingPositionTimestampMs: nowMs - 1_500 });
    await world.settle();
    expect(offsetsOf(world)).toEqual([[1]]);
  });

  test('delivers what lies there when it is created', async () => {
    const world = await worldOfTopic();
    await world.append(0, ['a', 'b']);
    await world.create();
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0, 1]]);
  });

  test('passes over what the filter leaves out, and commits it', async () => {
    const world = await worldOfTopic();
    await world.create({ filterCriteria: { filters: [{ pattern: 'b' }] } });
    await world.append(0, ['a', 'b', 'c']);
    await world.append(0, ['c']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[1]]);
    expect(await committedOf(world)).toBe(4);
  });

  test('delivers what was appended while it delivered, though nothing else tells of it', async () => {
    const world = await worldOfTopic();
    await world.create();
    world.answer = async (_batch, count) => {
      if (count === 1) await appendOne(world.engine, 0, batchOf(['late']));
      return success;
    };
    await world.append(0, ['a']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0], [1]]);
  });

  test('hands over after two minutes although each batch reaches the end of the log', async () => {
    const world = await worldOfTopic();
    await world.create();
    const begun: (string | undefined)[] = [];
    world.answer = async (_batch, count) => {
      const item = await world.table.get(groupOffsetsKey(ref.groupId, world.topicId, 0), { strong: true });
      begun.push(ownershipOf(item, 0).owner?.slice(1, 23));
      if (count < 6) await appendOne(world.engine, 0, batchOf(['more']));
      await world.clock.sleep(50_000);
      return success;
    };
    await world.append(0, ['a']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0], [1], [2], [3], [4], [5]]);
    expect(new Set(begun.slice(0, 3)).size).toBe(1);
    expect(new Set(begun).size).toBe(2);
  });

  test('hands over after two minutes, and the next one goes on', async () => {
    const world = await worldOfTopic();
    await world.create({ batchSize: 1 });
    world.answer = async () => {
      await world.clock.sleep(50_000);
      return success;
    };
    await world.append(0, ['a', 'b', 'c', 'd', 'e']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0], [1], [2], [3], [4]]);
  });

  test('keeps its lease while the target works, so that a trigger does not repeat the batch', async () => {
    const world = await worldOfTopic();
    await world.create();
    world.answer = async () => {
      await world.clock.sleep(100_000);
      return success;
    };
    await world.append(0, ['a']);
    await world.pass(70_000);
    await world.trigger(0);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0]]);
  });

  test('renews no lease after it has released it', async () => {
    let isSlow = false;
    const world = await worldOfTopic(1, {
      wrap: (table) => ({
        ...table,
        async write(one) {
          if (isSlow) await world.clock.sleep(20);
          return table.write(one);
        },
      }),
    });
    await world.create();
    // The renewal is due while the last write of the term is under way.
    world.answer = async () => {
      await world.clock.sleep(14_990);
      return success;
    };
    await world.append(0, ['a']);
    isSlow = true;
    await world.settle();
    await world.pass(1_000);
    expect(await committedOf(world)).toBe(1);
    const { partitions } = await world.engine.subscriptions.get(ref);
    expect(partitions[0]).not.toHaveProperty('leaseUntilMs');
  });

  test('waits for a full batch as long as the window says, and no longer', async () => {
    const world = await worldOfTopic();
    await world.create({ batchSize: 3, maximumBatchingWindowSeconds: 10 });
    const begunMs = world.clock.now();
    await world.append(0, ['a']);
    await world.pass(2_000);
    await world.append(0, ['b']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0, 1]]);
    expect(world.deliveries[0]!.atMs - begunMs).toBeGreaterThanOrEqual(10_000);
    expect(world.deliveries[0]!.atMs - begunMs).toBeLessThan(12_000);
    await world.append(0, ['c', 'd', 'e']);
    const fullMs = world.clock.now();
    await world.settle();
    expect(world.deliveries[1]!.atMs - fullMs).toBeLessThan(1_000);
  });

  test('keeps no records in memory while its batch waits to be full', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const world = await worldOfTopic();
    const read: WeakRef<PushRecord>[] = [];
    world.ports.targets.bytesOf = (record) => {
      read.push(new WeakRef(record));
      return 100;
    };
    await world.create({ maximumBatchingWindowSeconds: 10 });
    await world.append(0, ['a']);
    await world.pass(1_000);
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(read.map((one) => one.deref())).toEqual([undefined]);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0]]);
  });

  test('waits through a long window without holding a run', async () => {
    const world = await worldOfTopic();
    await world.create({ batchSize: 3, maximumBatchingWindowSeconds: 100 });
    const begunMs = world.clock.now();
    await world.append(0, ['a']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0]]);
    expect(world.deliveries[0]!.atMs - begunMs).toBeGreaterThanOrEqual(100_000);
  });

  test.each([10, 100])('waits for %i s, and more copies of its event are no attempts', async (seconds) => {
    const world = await worldOfTopic();
    await world.create({
      ...{ batchSize: 3, maximumBatchingWindowSeconds: seconds },
      ...{ maximumRetryAttempts: 0, onFailure: { topic: 'dead' } },
    });
    await appendOne(world.engine, 0, batchOf(['a']));
    const id = 'a'.repeat(22);
    await world.trigger(0, { id });
    for (let copies = 0; copies < 2; copies++) {
      await world.pass(2_000);
      await world.trigger(0, { id });
    }
    await world.settle();
    expect(new Set(offsetsOf(world).flat())).toEqual(new Set([0]));
    expect(await readAll(world.engine, 0, 0, 'dead')).toEqual([]);
  });

  test('of a schedule that comes at once, by a clock that is behind, meets the write that it follows, and looks again', async () => {
    let isSlow = false;
    const wrap = (table: Table): Table => ({
      ...table,
      async write(one) {
        if (isSlow) await world.clock.sleep(20);
        return table.write(one);
      },
    });
    const world = await worldOfTopic(1, { wrap });
    const { invoke } = world.ports;
    Object.assign(world.ports, { invoke: (one: PushInvocation) => invoke(one, world.clock.now() + 5) });
    // The next process has the ports as they are now.
    world.kill();
    await world.create({ batchSize: 2, maximumBatchingWindowSeconds: 30 });
    await appendOne(world.engine, 0, batchOf(['a']));
    isSlow = true;
    await world.trigger(0);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0]]);
    expect(await committedOf(world)).toBe(1);
  });

  test('that waits for a full batch has nothing that fails, and a late copy of its event is no attempt', async () => {
    const world = await worldOfTopic();
    await world.create({ batchSize: 3, maximumBatchingWindowSeconds: 100, maximumRetryAttempts: 0 });
    await appendOne(world.engine, 0, batchOf(['a']));
    const id = 'a'.repeat(22);
    await world.trigger(0, { id });
    world.losesInvocations = true;
    await world.pass(2_000);
    expect((await world.engine.subscriptions.get(ref)).partitions[0]).not.toHaveProperty('failing');
    // The schedule was lost, and the window is over.
    await world.pass(101_000);
    world.losesInvocations = false;
    await world.trigger(0, { id });
    await world.settle();
    expect(world.events.filter(({ kind }) => kind === 'given up')).toEqual([]);
  });

  test('goes on at the start of the log when retention has passed the offset, and counts what was lost', async () => {
    const world = await worldOfTopic();
    await world.create({ enabled: false });
    await world.append(0, ['a', 'b', 'c']);
    await world.settle();
    await world.engine.deleteRecords({ topic: 't', partitions: [{ partition: 0, offset: 2 }] });
    await world.engine.subscriptions.resume(ref);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[2]]);
    expect(world.events).toContainEqual(expect.objectContaining({ kind: 'lost', records: 2 }));
  });

  test('comes to rest when all records behind its offset were removed', async () => {
    const world = await worldOfTopic();
    await world.create({ enabled: false });
    await world.append(0, ['a', 'b']);
    await world.settle();
    await world.engine.deleteRecords({ topic: 't', partitions: [{ partition: 0, offset: 2 }] });
    await world.during(world.engine.subscriptions.resume(ref));
    await world.settle();
    expect(world.deliveries).toEqual([]);
    expect(await committedOf(world)).toBe(2);
    expect(world.events).toContainEqual(expect.objectContaining({ kind: 'lost', records: 2 }));
  });

  test('that cannot go on, and does not know why, ends with an error after two minutes, and asks little until then', async () => {
    let calls = 0;
    let isWrong = false;
    /** Heads that tell of a record that is not there. */
    const wrap = (table: Table): Table => ({
      ...table,
      async get(key, options) {
        calls += 1;
        const item = await table.get(key, options);
        return isWrong && item && key.sk === 'h' ? { ...item, n: (item.n as number) + 1 } : item;
      },
    });
    const world = await worldOfTopic(1, { wrap, repeats: 0 });
    await world.create();
    await world.append(0, ['a']);
    await world.settle();
    isWrong = true;
    calls = 0;
    const begunMs = world.clock.now();
    await world.trigger(0);
    await world.settle();
    expect(world.clock.now() - begunMs).toBeLessThan(140_000);
    expect(calls).toBeLessThan(200);
    expect(calls).toBeGreaterThan(20);
    isWrong = false;
    await world.append(0, ['b']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0], [1]]);
  });

  test('of a partition that was added begins at 0', async () => {
    const world = await worldOfTopic();
    await world.create({ startingPosition: 'LATEST' });
    await world.engine.alterTopic({ topic: 't', partitions: 20 });
    await world.append(17, ['a']);
    await world.append(1, ['b']);
    await world.settle();
    expect(world.deliveries.map(({ partition, offsets }) => [partition, offsets])).toEqual([
      [17, [0]],
      [1, [0]],
    ]);
  });

  test('ends where the topic was deleted', async () => {
    const world = await worldOfTopic();
    await world.create();
    await world.append(0, ['a']);
    await world.engine.deleteTopic('t');
    await world.settle();
    expect(world.deliveries).toEqual([]);
  });
});

describe('a failure', () => {
  test('is tried again with the same batch, also when more records came', async () => {
    const world = await worldOfTopic();
    await world.create();
    world.answer = async (_batch, count) => {
      if (count === 1) await appendOne(world.engine, 0, batchOf(['later']));
      return count <= 3 ? failure() : success;
    };
    await world.append(0, ['a', 'b']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0, 1], [0, 1], [0, 1], [0, 1], [2]]);
    expect(await committedOf(world)).toBe(3);
  });

  test('waits longer each time, and a schedule outlives the run', async () => {
    const world = await worldOfTopic();
    await world.create();
    world.answer = (_batch, count) => (count <= 7 ? failure() : success);
    await world.append(0, ['a']);
    await world.settle();
    const pauses = world.deliveries.slice(1).map(({ atMs }, index) => atMs - world.deliveries[index]!.atMs);
    expect(pauses).toHaveLength(7);
    for (const [index, pause] of pauses.entries()) {
      expect(pause).toBeGreaterThanOrEqual(500 * 2 ** index);
      expect(pause).toBeLessThan(1_000 * 2 ** index + 100);
    }
  });

  test('is tried again with the settings that came meanwhile', async () => {
    const world = await worldOfTopic();
    await world.create();
    const opened: unknown[] = [];
    const { targets } = world.ports;
    const open = targets.open;
    targets.open = (settings, secrets) => {
      opened.push(settings.target);
      return open(settings, secrets);
    };
    const target = { url: 'https://example.com/mended' };
    world.answer = async (_batch, count) => {
      if (count === 1) await world.engine.subscriptions.update({ ...ref, target, maximumRetryAttempts: 1 });
      return failure();
    };
    await world.append(0, ['a']);
    await world.settle();
    expect(opened).toEqual([{ url: 'https://example.com/orders' }, target]);
    expect(world.deliveries).toHaveLength(2);
    expect(world.deliveries[1]!.atMs - world.deliveries[0]!.atMs).toBeLessThan(2_000);
    expect(await committedOf(world)).toBe(1);
  });

  test('ends in a dead letter after the last attempt, and the next records are delivered', async () => {
    const world = await worldOfTopic();
    await world.create({ batchSize: 1, maximumRetryAttempts: 2, onFailure: { topic: 'dead' } });
    world.answer = ({ records }) => (records[0]!.offset === 1 ? failure('poison') : success);
    await world.append(0, ['a', 'poison', 'c']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0], [1], [1], [1], [2]]);
    const letters = await readAll(world.engine, 0, 0, 'dead');
    expect(valuesOf(letters)).toEqual(['poison']);
    const headers = Object.fromEntries(letters[0]!.headers.map(({ key, value }) => [key, String(value)]));
    expect(headers).toMatchObject({
      'rivulet.push.group': 'billing',
      'rivulet.push.topic': 't',
      'rivulet.push.topic-id': world.topicId,
      'rivulet.push.partition': '0',
      'rivulet.push.offset': '1',
      'rivulet.push.attempts': '3',
      'rivulet.push.error': 'poison',
    });
  });

  test('ends in letters with their records, but for the one that is too large for the topic of the letters', async () => {
    const world = await worldOfTopic();
    await world.engine.createTopic({ topic: 'narrow', partitions: 1, config: { 'max.message.bytes': '2000' } });
    await world.create({ maximumRetryAttempts: 0, onFailure: { topic: 'narrow' } });
    world.answer = () => failure('poison');
    await world.append(0, ['a', 'x'.repeat(5_000), 'c']);
    await world.settle();
    const letters = await readAll(world.engine, 0, 0, 'narrow');
    expect(letters.map(({ value }) => value && String(value))).toEqual(['a', null, 'c']);
    expect(await committedOf(world)).toBe(3);
  });

  test('without a destination gives the records up after the last attempt', async () => {
    const world = await worldOfTopic();
    await world.create({ maximumRetryAttempts: 0 });
    world.answer = (_batch, count) => (count === 1 ? failure() : success);
    await world.append(0, ['a']);
    await world.append(0, ['b']);
    await world.settle();
    expect(await committedOf(world)).toBe(2);
    expect(world.events).toContainEqual(expect.objectContaining({ kind: 'given up' }));
  });

  test('of a queue for dead letters keeps the partition waiting', async () => {
    const world = await worldOfTopic();
    await world.create({ maximumRetryAttempts: 0, onFailure: { queue: 'arn:aws:sqs:eu-west-1:1:q' } });
    world.answer = () => failure();
    let refusals = 2;
    const { targets } = world.ports;
    const sendToQueue = targets.sendToQueue;
    targets.sendToQueue = async (...args) => {
      if (refusals-- > 0) throw new Error('no such queue');
      return sendToQueue(...args);
    };
    await world.append(0, ['a']);
    await world.settle();
    expect(world.queued.map(({ offset, attempts }) => [offset, attempts])).toEqual([[0, 1]]);
    expect(world.events.filter(({ kind }) => kind === 'destination refused')).toHaveLength(2);
    expect(world.deliveries).toHaveLength(1);
    expect(await committedOf(world)).toBe(1);
  });

  test('of a part commits what was handled, and tries the rest', async () => {
    const world = await worldOfTopic();
    await world.create({ reportBatchItemFailures: true });
    world.answer = ({ records }, count) => (count === 1 ? partial(records[1]!.offset) : success);
    await world.append(0, ['a', 'b', 'c']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([
      [0, 1, 2],
      [1, 2],
    ]);
  });

  test('of a part counts as an attempt of the rest', async () => {
    const world = await worldOfTopic();
    await world.create({ maximumRetryAttempts: 1, onFailure: { topic: 'dead' } });
    world.answer = ({ records }) => (records[0]!.offset <= 1 ? partial(1) : success);
    await world.append(0, ['a', 'b', 'c']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([
      [0, 1, 2],
      [1, 2],
    ]);
    expect(valuesOf(await readAll(world.engine, 0, 0, 'dead'))).toEqual(['b', 'c']);
  });

  test('splits the batch until the poison is alone', async () => {
    const world = await worldOfTopic();
    await world.create({ bisectBatchOnFunctionError: true, maximumRetryAttempts: 0, onFailure: { topic: 'dead' } });
    const handled: number[] = [];
    world.answer = ({ records }) => {
      const offsets = records.map(({ offset }) => offset);
      if (offsets.includes(5)) return failure('poison');
      handled.push(...offsets);
      return success;
    };
    await world.append(0, ['0', '1', '2', '3', '4', '5', '6', '7']);
    await world.settle();
    expect(handled).toEqual([0, 1, 2, 3, 4, 6, 7]);
    expect(valuesOf(await readAll(world.engine, 0, 0, 'dead'))).toEqual(['5']);
  });

  test('whose first half retention has removed grows past the end of the batch that was split as little', async () => {
    const world = await worldOfTopic();
    await world.create({ bisectBatchOnFunctionError: true });
    world.answer = async (_batch, count) => {
      if (count === 2) {
        await world.engine.deleteRecords({ topic: 't', partitions: [{ partition: 0, offset: 2 }] });
        await appendOne(world.engine, 0, batchOf(['4']));
      }
      return count <= 2 ? failure() : success;
    };
    await world.append(0, ['0', '1', '2', '3']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0, 1, 2, 3], [0, 1], [2, 3], [4]]);
  });

  test('for want of room is no attempt', async () => {
    const world = await worldOfTopic();
    await world.create({ maximumRetryAttempts: 0, onFailure: { topic: 'dead' } });
    world.answer = (_batch, count) => (count <= 5 ? { kind: 'throttled', retryAfterMs: 30_000 } : success);
    await world.append(0, ['a']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0], [0], [0], [0], [0], [0]]);
    expect(world.deliveries[1]!.atMs - world.deliveries[0]!.atMs).toBeGreaterThanOrEqual(30_000);
    expect(await readAll(world.engine, 0, 0, 'dead')).toEqual([]);
    expect(await committedOf(world)).toBe(1);
  });

  test('for want of room waits a moment, also when the target says that it need not', async () => {
    const world = await worldOfTopic();
    await world.create();
    world.answer = (_batch, count) => (count <= 3 ? { kind: 'throttled', retryAfterMs: 0 } : success);
    await world.append(0, ['a']);
    await world.settle();
    const times = world.deliveries.map(({ atMs }) => atMs);
    expect(times).toHaveLength(4);
    expect(times[3]! - times[0]!).toBeGreaterThanOrEqual(3_000);
  });

  test('for want of room that does not end is tried less and less, and holds no run meanwhile', async () => {
    const world = await worldOfTopic();
    await world.create();
    world.answer = () => ({ kind: 'throttled', retryAfterMs: 1_000 });
    await world.append(0, ['a']);
    await world.pass(3_600_000);
    expect(world.deliveries.length).toBeLessThan(25);
    const { leaseUntilMs, failing } = (await world.engine.subscriptions.get(ref)).partitions[0]!;
    expect(leaseUntilMs).toBe(failing!.nextTryMs);
    expect(failing!.attempts).toBe(0);
    world.answer = () => success;
    await world.settle();
    expect(await committedOf(world)).toBe(1);
  });

  test('410 pauses the subscription, and a resumption delivers', async () => {
    const world = await worldOfTopic();
    await world.create();
    world.answer = () => ({ kind: 'gone' });
    await world.append(0, ['a']);
    await world.settle();
    const paused = await world.engine.subscriptions.get(ref);
    expect(paused).toMatchObject({ state: 'Paused', pausedReason: 'the webhook answered 410 Gone', lag: 1 });
    world.answer = () => success;
    await world.engine.subscriptions.resume(ref);
    await world.settle();
    expect(await committedOf(world)).toBe(1);
  });

  test('of age goes to the dead letters without a delivery, and the young are delivered', async () => {
    const world = await worldOfTopic();
    const nowMs = world.clock.now();
    await world.create({ maximumRecordAgeSeconds: 60, onFailure: { topic: 'dead' } });
    await appendOne(world.engine, 0, batchOf(['old', 'older'], { timestampMs: nowMs - 100_000 }));
    await world.append(0, ['young']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[2]]);
    expect(valuesOf(await readAll(world.engine, 0, 0, 'dead'))).toEqual(['old', 'older']);
  });

  test('of size becomes a letter that says where the record lies', async () => {
    const world = await worldOfTopic();
    await world.create({ onFailure: { topic: 'dead' } });
    const { targets } = world.ports;
    targets.bytesOf = ({ value }) => (String(value) === 'huge' ? limits.pushEventBytes + 1 : 100);
    await world.append(0, ['a', 'huge', 'c']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0], [2]]);
    const [letter] = await readAll(world.engine, 0, 0, 'dead');
    expect(letter!.value).toBeNull();
    expect(letter!.headers.map(({ key, value }) => `${key}=${value}`)).toContain('rivulet.push.offset=1');
  });

  test('that kills every run becomes a letter of bytes, and the next records are delivered', async () => {
    const world = await worldOfTopic(1, { repeats: 10 });
    await world.create({ maximumRetryAttempts: 2, onFailure: { topic: 'dead' } });
    world.answer = ({ records }) => {
      if (records[0]!.offset > 0) return success;
      world.kill();
      return new Promise(() => undefined);
    };
    await world.append(0, ['killer', 'beside it']);
    await world.append(0, ['c']);
    await world.settle();
    // The first one that died had read all. From then on it is the first record batch alone.
    expect(offsetsOf(world)).toEqual([[0, 1, 2], [0, 1], [0, 1], [2]]);
    const [letter] = await readAll(world.engine, 0, 0, 'dead');
    expect(valuesOf(decodeBatch(letter!.value!).records)).toEqual(['killer', 'beside it']);
    expect(await committedOf(world)).toBe(3);
  });

  test('of a run that died once is only a repeat', async () => {
    const world = await worldOfTopic();
    await world.create({ maximumRetryAttempts: 2, onFailure: { topic: 'dead' } });
    world.answer = (_batch, count) => {
      if (count > 1) return success;
      world.kill();
      return new Promise(() => undefined);
    };
    await world.append(0, ['a']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0], [0]]);
    expect(await readAll(world.engine, 0, 0, 'dead')).toEqual([]);
  });

  test('ends early if somebody says so', async () => {
    const world = await worldOfTopic();
    await world.create();
    world.answer = (_batch, count) => (count <= 6 ? failure() : success);
    await world.append(0, ['a']);
    await world.pass(40_000);
    expect(world.deliveries).toHaveLength(6);
    const nowMs = world.clock.now();
    expect((await world.engine.subscriptions.get(ref)).partitions[0]!.failing).toMatchObject({
      attempts: 6,
      endOffset: 1,
    });
    await world.during(world.engine.subscriptions.retryNow(ref));
    await world.settle();
    expect(world.deliveries).toHaveLength(7);
    expect(world.deliveries[6]!.atMs - nowMs).toBeLessThan(1_000);
    expect(await committedOf(world)).toBe(1);
  });
});
