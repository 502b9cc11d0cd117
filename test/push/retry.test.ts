// Dead letters are delivered once more: which ones, in which order, and what ends it.
import { describe, expect, test } from 'vitest';
import { ownershipOf } from '../../lib/group/items/ownership.ts';
import { encodeBatch } from '../../lib/record/batch.ts';
import { groupOffsetsKey } from '../../lib/storage/keys.ts';
import { unreadable } from '../fixtures/unreadable-batch.ts';
import { appendOne, batchOf } from '../log/world.ts';
import { through } from '../sim/core/through.ts';
import {
  committedOf,
  failure,
  offsetsOf,
  type PushWorld,
  ref,
  success,
  type WorldOptions,
  worldOfTopic,
} from './world.ts';

type Headers = Readonly<Record<string, string | undefined>>;

/** Writes records with these headers to the topic of the letters. */
async function write({ engine, clock }: PushWorld, ...letters: readonly Headers[]): Promise<void> {
  const records = letters.map((headers) => ({
    ...{ key: null, value: Buffer.from('forged'), timestampMs: clock.now() },
    headers: Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [{ key: `rivulet.push.${name}`, value: Buffer.from(value) }],
    ),
  }));
  await engine.append({ topic: 'dead', partitions: [{ partition: 0, batches: encodeBatch(records) }] });
}

/** A world where every record of these was given up. The deliveries are forgotten, and those from now on succeed. */
async function worldOfLetters(values: readonly string[], options: WorldOptions = {}): Promise<PushWorld> {
  const world = await worldOfTopic(1, options);
  await world.create({ maximumRetryAttempts: 0, onFailure: { topic: 'dead' } });
  world.answer = () => failure();
  for (const value of values) {
    await world.append(0, [value]);
    await world.settle();
  }
  world.answer = () => success;
  world.deliveries.length = 0;
  return world;
}

const retry = (world: PushWorld) => world.during(world.engine.subscriptions.retry(ref));

async function committedLetters({ engine, table }: PushWorld): Promise<number | undefined> {
  const { topicId } = await engine.describeTopic('dead');
  return ownershipOf(await table.get(groupOffsetsKey(ref.groupId, topicId, 0), { strong: true }), 0).offset;
}

describe('dead letters', () => {
  test('are delivered again in their order, one by one, up to the first failure', async () => {
    const world = await worldOfTopic();
    const { subscriptions } = world.engine;
    await world.create({ maximumRetryAttempts: 0, onFailure: { topic: 'dead' } });
    world.answer = () => failure();
    await world.append(0, ['a', 'b', 'c']);
    await world.settle();
    expect(await committedOf(world)).toBe(3);
    world.answer = ({ records }) => (records[0]!.offset === 2 ? failure('still') : success);
    world.deliveries.length = 0;
    const first = await world.during(subscriptions.retry(ref));
    expect(first).toEqual({
      delivered: 2,
      skipped: 0,
      more: true,
      failed: { partition: 0, offset: 2, error: 'still' },
    });
    expect(offsetsOf(world)).toEqual([[0], [1], [2]]);
    world.answer = () => success;
    expect(await world.during(subscriptions.retry(ref))).toEqual({ delivered: 1, skipped: 0, more: false });
    expect(await world.during(subscriptions.retry(ref))).toEqual({ delivered: 0, skipped: 0, more: false });
  });

  test('of another group are passed over', async () => {
    const world = await worldOfTopic();
    await world.create({ maximumRetryAttempts: 0, onFailure: { topic: 'dead' } });
    await world.create({ groupId: 'second', maximumRetryAttempts: 0, onFailure: { topic: 'dead' } });
    world.answer = () => failure();
    await world.append(0, ['a']);
    await world.trigger(0, { groupId: 'second' });
    await world.settle();
    world.answer = () => success;
    expect(await world.during(world.engine.subscriptions.retry(ref))).toEqual({
      ...{ delivered: 1, skipped: 1, more: false },
    });
  });

  test('that are forged or torn are skipped and counted, each with one wrong header', async () => {
    const world = await worldOfTopic();
    const { engine } = world;
    await world.create({ maximumRetryAttempts: 0, onFailure: { topic: 'dead' } });
    await world.append(0, ['a', 'b']);
    await world.settle();
    world.deliveries.length = 0;
    const right = {
      ...{ group: 'billing', topic: 't', 'topic-id': world.topicId, partition: '0', offset: '1', attempts: '1' },
      ...{ error: 'no', timestamp: '-1', content: 'record' },
    };
    const ofAnother = (await engine.describeTopic('dead')).topicId;
    const wrong: Record<string, string | undefined>[] = [
      ...[{ group: 'second' }, { topic: 'dead' }, { 'topic-id': ofAnother }, { content: 'batch' }, { content: 'none' }],
      ...[{ partition: '1' }, { partition: '-1' }, { partition: 'NaN' }, { partition: '0x0' }, { partition: '' }],
      ...[
        { offset: '2' },
        { offset: '-1' },
        { offset: '1.5' },
        { offset: '1e0' },
        { offset: '01' },
        { offset: '9'.repeat(20) },
      ],
      ...[{ attempts: '-1' }, { attempts: 'many' }, { timestamp: 'now' }, { timestamp: '-2' }],
      ...Object.keys(right).map((name) => ({ [name]: undefined })),
    ];
    await write(world, ...wrong.map((one) => ({ ...right, ...one })), {}, right);
    const reply = await world.during(engine.subscriptions.retry(ref));
    expect(reply).toEqual({ delivered: 1, skipped: wrong.length + 1, more: false });
    expect(offsetsOf(world)).toEqual([[1]]);
    expect(await world.during(engine.subscriptions.retry(ref))).toEqual({ delivered: 0, skipped: 0, more: false });
  });

  test('of a topic that was deleted stay where they are', async () => {
    const world = await worldOfTopic();
    const { engine } = world;
    await world.create({ maximumRetryAttempts: 0, onFailure: { topic: 'dead' } });
    await engine.deleteTopic('t');
    await expect(engine.subscriptions.retry(ref)).rejects.toThrow(
      'was deleted or made again: create the subscription again',
    );
  });

  test('that come while others are delivered are delivered too, also those of a partition that was added', async () => {
    const world = await worldOfLetters(['a', 'b']);
    const { engine } = world;
    const headers = { group: 'billing', topic: 't', 'topic-id': world.topicId, attempts: '1', error: 'no' };
    const letter = { ...headers, timestamp: '-1', content: 'record' };
    world.answer = async (_batch, count) => {
      if (count > 1) return success;
      await appendOne(engine, 0, batchOf(['c']));
      await engine.alterTopic({ topic: 't', partitions: 2 });
      await appendOne(engine, 1, batchOf(['d']));
      await write(world, { ...letter, partition: '0', offset: '2' }, { ...letter, partition: '1', offset: '0' });
      return success;
    };
    expect(await retry(world)).toEqual({ delivered: 4, skipped: 0, more: false });
    expect(world.deliveries.map(({ partition, offsets }) => [partition, offsets[0]])).toEqual([
      ...[
        [0, 0],
        [0, 1],
        [0, 2],
        [1, 0],
      ],
    ]);
  });

  test('are delivered no more once the subscription was deleted, and nothing is committed for its group', async () => {
    const world = await worldOfLetters(['a', 'b', 'c']);
    const { subscriptions } = world.engine;
    world.answer = async ({ records }) => {
      if (records[0]!.offset === 1) await subscriptions.delete(ref);
      return success;
    };
    await expect(retry(world)).rejects.toMatchObject({ errorCode: 'SUBSCRIPTION_NOT_FOUND' });
    expect(offsetsOf(world)).toEqual([[0], [1]]);
    expect(await committedLetters(world)).toBe(1);
  });

  test('of a subscription that was made again meanwhile are left to the next retry', async () => {
    const world = await worldOfLetters(['a', 'b']);
    const { subscriptions } = world.engine;
    world.answer = async (_batch, count) => {
      if (count > 1) return success;
      await subscriptions.delete(ref);
      const target = { url: 'https://example.com/other' };
      await subscriptions.create({ ...ref, target, startingPosition: 'LATEST', onFailure: { topic: 'dead' } });
      return success;
    };
    await expect(retry(world)).rejects.toMatchObject({ errorCode: 'SUBSCRIPTION_NOT_FOUND' });
    expect(offsetsOf(world)).toEqual([[0]]);
  });

  test('are delivered while the subscription is paused, and a pause that comes later ends it', async () => {
    const world = await worldOfLetters(['a', 'b', 'c']);
    const { subscriptions } = world.engine;
    await subscriptions.pause(ref);
    world.answer = async ({ records }) => {
      if (records[0]!.offset === 1) await subscriptions.pause({ ...ref, reason: 'tea time' });
      return success;
    };
    await expect(retry(world)).rejects.toThrow('was paused while its dead letters were delivered: tea time');
    expect(offsetsOf(world)).toEqual([[0], [1]]);
    expect(await committedLetters(world)).toBe(2);
    expect(await retry(world)).toEqual({ delivered: 1, skipped: 0, more: false });
  });

  test('go to the target that a change has named meanwhile, with the next request', async () => {
    const world = await worldOfLetters(['a', 'b']);
    const { subscriptions } = world.engine;
    world.answer = async (_batch, count) => {
      if (count === 1) await subscriptions.update({ ...ref, target: { url: 'https://example.com/new' } });
      return success;
    };
    expect(await retry(world)).toEqual({ delivered: 1, skipped: 0, more: true });
    expect(await retry(world)).toEqual({ delivered: 1, skipped: 0, more: false });
    expect(offsetsOf(world)).toEqual([[0], [1]]);
  });

  test('make progress however slow the table is', async () => {
    let waitMs = 0;
    const world: PushWorld = await worldOfLetters(['a', 'b'], {
      wrap: (table) =>
        through(table, async (_call, act) => {
          if (waitMs > 0) await world.clock.sleep(waitMs);
          return act();
        }),
    });
    waitMs = 10_000;
    expect(await retry(world)).toEqual({ delivered: 1, skipped: 0, more: true });
    expect(await retry(world)).toMatchObject({ delivered: 1, skipped: 0 });
  });

  test('that nothing can read are counted as skipped', async () => {
    const world = await worldOfLetters([]);
    const batches = unreadable(batchOf(['x', 'y']));
    await world.engine.append({ topic: 'dead', partitions: [{ partition: 0, batches }] });
    expect(await retry(world)).toEqual({ delivered: 0, skipped: 2, more: false });
    expect(await committedLetters(world)).toBe(2);
  });
});
