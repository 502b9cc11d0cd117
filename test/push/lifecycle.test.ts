import { describe, expect, test } from 'vitest';
import type { ResetTarget } from '../../lib/api/groups.ts';
import type { UpdateSubscription } from '../../lib/api/push.ts';
import { headKey, topicSubscriptionsPartition } from '../../lib/storage/keys.ts';
import { errorCodeOf } from '../group/world.ts';
import { committedOf, offsetsOf, type PushWorld, ref, success, worldOfTopic } from './world.ts';

const flagsOf = async ({ engine, table }: PushWorld) => {
  const { topicId, partitions } = await engine.describeTopic('t');
  const heads = Array.from({ length: partitions }, (_, i) => table.get(headKey(topicId, i), { strong: true }));
  return (await Promise.all(heads)).map((head) => head?.f !== undefined);
};

const listedOf = async ({ engine, table }: PushWorld) => {
  const { topicId } = await engine.describeTopic('t');
  return (await table.query({ pk: topicSubscriptionsPartition(topicId) })).items.map(({ sk }) => sk);
};

/** A member that joins by heartbeat (KIP-848). */
const join = ({ engine }: PushWorld, groupId = ref.groupId) =>
  engine.groups.heartbeat({ groupId, memberId: 'm', memberEpoch: 0, heartbeatSeq: 1, subscribedTopicNames: ['t'] });

const joinClassic = ({ engine }: PushWorld, groupId = ref.groupId) =>
  engine.classicGroups.join({
    groupId,
    memberId: engine.classicGroups.newMemberId('c'),
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: new Uint8Array() }],
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
  });

const commit = ({ engine }: PushWorld) =>
  engine.groups.commitOffsets({
    groupId: ref.groupId,
    topics: [{ topic: 't', partitions: [{ partition: 0, offset: 7 }] }],
  });

const reset = ({ engine }: PushWorld, target: ResetTarget = { to: 'earliest' }) =>
  engine.groups.resetOffsets({
    groupId: ref.groupId,
    topics: [{ topic: 't', target }],
    dryRun: false,
  });

describe('create', () => {
  test('lists, flags every head, and repeats without a change', async () => {
    const world = await worldOfTopic(3);
    const created = await world.create();
    expect(created).toMatchObject({ state: 'Enabled', lag: 0, settings: { batchSize: 100, maximumRetryAttempts: -1 } });
    expect(created.secret).toMatch(/^whsec_/);
    expect(await flagsOf(world)).toEqual([true, true, true]);
    expect(await listedOf(world)).toEqual(['billing']);
    await world.append(0, ['a']);
    await world.settle();
    const again = await world.create();
    expect(again.secret).toBeUndefined();
    expect(await committedOf(world)).toBe(1);
  });

  test('of other settings is refused, and so are values out of bounds', async () => {
    const world = await worldOfTopic();
    await world.create();
    expect(await errorCodeOf(world.create({ batchSize: 7 }))).toBe('SUBSCRIPTION_ALREADY_EXISTS');
    for (const wrong of [
      { batchSize: 0 },
      { batchSize: 10_001 },
      { maximumRetryAttempts: -2 },
      { maximumRecordAgeSeconds: 59 },
      { maximumBatchingWindowSeconds: 301 },
      { maximumConcurrency: 0.5 },
      { onFailure: { topic: 't' } },
      { onFailure: { topic: 'missing' } },
      { startingPosition: 'AT_TIMESTAMP' as const },
      { startingPositionTimestampMs: 1 },
    ])
      expect(await errorCodeOf(world.create({ groupId: 'other', ...wrong })), JSON.stringify(wrong)).toBe(
        'INVALID_REQUEST',
      );
  });

  test('is refused while the group has members, and members are refused from then on', async () => {
    const world = await worldOfTopic();
    await join(world, 'with-member');
    expect(await errorCodeOf(world.create({ groupId: 'with-member' }))).toBe('NON_EMPTY_GROUP');
    await world.create();
    expect(await errorCodeOf(join(world))).toBe('INCONSISTENT_GROUP_PROTOCOL');
    expect(await errorCodeOf(world.during(joinClassic(world)))).toBe('INCONSISTENT_GROUP_PROTOCOL');
    const { subscription, memberDetails, state } = await world.engine.groups.describe(ref.groupId);
    expect({ subscription, memberDetails, state }).toEqual({
      subscription: { state: 'Enabled' },
      memberDetails: [],
      state: 'Stable',
    });
  });

  test('takes over a group of the classic protocol whose members have gone', async () => {
    const world = await worldOfTopic();
    const { engine } = world;
    const reply = await world.during(joinClassic(world));
    expect(reply.generation).toBeGreaterThan(0);
    await world.pass(60_000);
    await world.create();
    await world.append(0, ['a']);
    await world.settle();
    expect(await committedOf(world)).toBe(1);
    expect((await engine.groups.describe(ref.groupId)).protocolType).toBeUndefined();
  });

  test('after the topic was made again begins anew', async () => {
    const world = await worldOfTopic();
    await world.create();
    await world.engine.deleteTopic('t');
    await world.engine.createTopic({ topic: 't' });
    const again = await world.create();
    expect(again.topicId).toBe((await world.engine.describeTopic('t')).topicId);
    expect(await flagsOf(world)).toEqual([true]);
  });
});

describe('a subscription whose topic was deleted, or made again', () => {
  test.each([false, true])(
    'says so, alone and in the list, until it is created again (made again: %s)',
    async (isMadeAgain) => {
      const world = await worldOfTopic();
      const { engine } = world;
      const { subscriptions } = engine;
      await world.create();
      await engine.deleteTopic('t');
      if (isMadeAgain) await engine.createTopic({ topic: 't', partitions: 3 });
      expect(await subscriptions.get(ref)).toMatchObject({ state: 'TopicDeleted', lag: 0, partitions: [] });
      for (const asked of [{}, { topic: 't' }])
        expect((await subscriptions.list(asked)).subscriptions).toMatchObject([{ ...ref, state: 'TopicDeleted' }]);
      expect((await subscriptions.list({ topic: 'dead' })).subscriptions).toEqual([]);
      expect(await subscriptions.pause(ref)).not.toHaveProperty('pausedReason');
      if (!isMadeAgain) await engine.createTopic({ topic: 't' });
      await world.create();
      expect((await subscriptions.list({})).subscriptions).toMatchObject([{ ...ref, state: 'Enabled' }]);
    },
  );

  test('can be deleted', async () => {
    const world = await worldOfTopic();
    await world.create();
    await world.engine.deleteTopic('t');
    await world.engine.subscriptions.delete(ref);
    expect((await world.engine.subscriptions.list({})).subscriptions).toEqual([]);
  });
});

describe('while a group has a subscription', () => {
  test('nobody else commits, forgets or deletes its offsets', async () => {
    const world = await worldOfTopic();
    await world.create();
    const { engine } = world;
    expect(await errorCodeOf(commit(world))).toBe('UNKNOWN_MEMBER_ID');
    expect(await errorCodeOf(engine.groups.deleteOffsets({ groupId: ref.groupId, topics: [{ topic: 't' }] }))).toBe(
      'NON_EMPTY_GROUP',
    );
    expect(await errorCodeOf(engine.groups.delete(ref.groupId))).toBe('NON_EMPTY_GROUP');
    expect(await errorCodeOf(reset(world))).toBe('NON_EMPTY_GROUP');
  });

  test('nobody commits its offsets in a transaction either', async () => {
    const world = await worldOfTopic();
    await world.create();
    const { transactions } = world.engine;
    const opened = await transactions.init({ transactionalId: 'x' });
    const topics = [{ topic: 't', partitions: [{ partition: 0, offset: 7 }] }];
    await transactions.stageOffsets({ in: opened, groupId: ref.groupId, topics });
    await expect(world.during(transactions.commit({ in: opened }))).rejects.toThrow('has a subscription');
    expect(await committedOf(world)).toBe(0);
  });

  test('its offsets are reset while it is paused and no run is at work, and a resumption delivers from there', async () => {
    const world = await worldOfTopic();
    const { subscriptions } = world.engine;
    await world.create();
    world.answer = async () => {
      await world.clock.sleep(20_000);
      return success;
    };
    await world.append(0, ['a', 'b']);
    await world.pass(1_000);
    await subscriptions.pause({ ...ref, reason: 'a look' });
    const refusedReply = await reset(world);
    expect(refusedReply.topics[0]!.partitions[0]).toMatchObject({ error: { errorCode: 'NON_EMPTY_GROUP' } });
    await world.settle();
    expect(await committedOf(world)).toBe(2);
    await reset(world);
    expect(await committedOf(world)).toBe(0);
    await world.during(subscriptions.resume(ref));
    await world.settle();
    expect(offsetsOf(world)).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  test('its offsets are reset while a failing batch waits for its next attempt', async () => {
    const world = await worldOfTopic();
    const { subscriptions } = world.engine;
    await world.create();
    world.answer = (_batch, count) => (count === 1 ? { kind: 'throttled', retryAfterMs: 3_600_000 } : success);
    await world.append(0, ['a', 'b']);
    await world.pass(1_000);
    await subscriptions.pause(ref);
    const reply = await world.during(reset(world, { to: 'offset', offset: 1 }));
    expect(reply.topics[0]!.partitions[0]).not.toHaveProperty('error');
    await world.during(subscriptions.resume(ref));
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0, 1], [1]]);
  });

  test('its offsets do not expire', async () => {
    const world = await worldOfTopic();
    await world.create();
    await world.pass(30 * 86_400_000);
    const expired = await world.engine.groups.expire({ groupId: ref.groupId, retentionMs: 86_400_000 });
    expect(expired).toEqual({ offsets: 0, isGone: false });
    expect(await committedOf(world)).toBe(0);
  });
});

describe('pause, resume and update', () => {
  test('nothing is delivered while it is paused, and everything after that', async () => {
    const world = await worldOfTopic();
    const { subscriptions } = world.engine;
    await world.create();
    expect(await subscriptions.pause({ ...ref, reason: 'holidays' })).toMatchObject({
      state: 'Paused',
      pausedReason: 'holidays',
    });
    await world.append(0, ['a']);
    await world.settle();
    expect(world.deliveries).toEqual([]);
    expect((await world.engine.groups.describe(ref.groupId)).state).toBe('Empty');
    await world.during(subscriptions.resume(ref));
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0]]);
  });

  test('a resumption that comes while a run ends is heard', async () => {
    const world = await worldOfTopic();
    const { subscriptions } = world.engine;
    await world.create({ batchSize: 1 });
    world.answer = async (_batch, count) => {
      if (count === 1) await subscriptions.pause(ref);
      if (count === 1) await subscriptions.resume(ref);
      return success;
    };
    await world.append(0, ['a', 'b']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0], [1]]);
  });

  test('an update changes what it names, and null takes away', async () => {
    const world = await worldOfTopic();
    const { subscriptions } = world.engine;
    await world.create({ maximumConcurrency: 5 });
    const changed = await subscriptions.update({ ...ref, batchSize: 3, maximumConcurrency: null });
    expect(changed.settings).toMatchObject({ batchSize: 3, startingPosition: 'TRIM_HORIZON' });
    expect(changed.settings).not.toHaveProperty('maximumConcurrency');
    expect(await subscriptions.update({ ...ref, enabled: false })).toMatchObject({ state: 'Paused' });
    expect(await errorCodeOf(subscriptions.update({ ...ref, batchSize: -1 }))).toBe('INVALID_REQUEST');
  });

  test('the default of the attempts comes and goes with the destination, and a number that was chosen stays', async () => {
    const world = await worldOfTopic();
    const { subscriptions } = world.engine;
    const onFailure = { topic: 'dead' };
    const retriesAfter = async (changes: Omit<UpdateSubscription, 'topic' | 'groupId'>) =>
      (await subscriptions.update({ ...ref, ...changes })).settings.maximumRetryAttempts;
    await world.create();
    expect(await retriesAfter({ batchSize: 3 })).toBe(-1);
    expect(await retriesAfter({ onFailure })).toBe(10);
    expect(await retriesAfter({ onFailure: { queue: 'a-queue' } })).toBe(10);
    expect(await retriesAfter({ onFailure: null })).toBe(-1);
    expect(await retriesAfter({ onFailure, maximumRetryAttempts: -1 })).toBe(-1);
    expect(await retriesAfter({ onFailure: null })).toBe(-1);
    expect(await retriesAfter({ maximumRetryAttempts: 10 })).toBe(10);
    expect(await retriesAfter({ onFailure })).toBe(10);
    expect(await retriesAfter({ onFailure: null, maximumRetryAttempts: 10 })).toBe(10);
    expect(await retriesAfter({ maximumRetryAttempts: 4 })).toBe(4);
    expect(await retriesAfter({ onFailure })).toBe(4);
    expect(await retriesAfter({ onFailure: null })).toBe(4);
  });

  test('an update checks what it names: the rest was checked when it was set', async () => {
    const world = await worldOfTopic();
    const { subscriptions, createTopic } = world.engine;
    await createTopic({ topic: 'other-dead' });
    await world.create({ onFailure: { topic: 'dead' } });
    const checked: unknown[] = [];
    world.ports.targets.check = async ({ target, onFailure }) => void checked.push({ target, onFailure });
    await world.engine.deleteTopic('dead');
    await subscriptions.update({ ...ref, batchSize: 3 });
    await subscriptions.update({ ...ref, target: { url: 'https://new' }, onFailure: { topic: 'other-dead' } });
    expect(checked).toEqual([
      { target: undefined, onFailure: undefined },
      { target: { url: 'https://new' }, onFailure: { topic: 'other-dead' } },
    ]);
  });

  test('a rotation that came twice leaves the secret that is in use its day', async () => {
    const world = await worldOfTopic();
    const { subscriptions } = world.engine;
    const { targets } = world.ports;
    let signing: readonly string[] = [];
    const open = targets.open;
    targets.open = (settings, secrets) => {
      signing = secrets.map(({ secret }) => secret);
      return open(settings, secrets);
    };
    const { secret: first } = await world.create();
    const { secret: lost } = await subscriptions.rotateSecret(ref);
    await world.pass(60_000);
    const { secret } = await subscriptions.rotateSecret(ref);
    await subscriptions.testInvoke(ref);
    expect(signing).toEqual([secret, lost, first]);
    await world.pass(86_400_000 - 60_000);
    await subscriptions.testInvoke(ref);
    expect(signing).toEqual([secret, lost]);
    await world.pass(60_000);
    for (const _ of [1, 2, 3, 4]) await subscriptions.rotateSecret(ref);
    await subscriptions.testInvoke(ref);
    expect(signing).toHaveLength(3);
  });

  test('a sample event has a header, so that a handler does not take it for the record of its place', async () => {
    const world = await worldOfTopic();
    await world.create();
    const keys: string[] = [];
    world.answer = async ({ records }) => {
      keys.push(...records.flatMap(({ headers }) => headers.map(({ key }) => key)));
      return success;
    };
    await world.engine.subscriptions.testInvoke(ref);
    expect(keys).toEqual(['rivulet.push.sample']);
  });

  test('a rotated secret signs beside the one before, for a day', async () => {
    const world = await worldOfTopic();
    const signing: number[] = [];
    const { targets } = world.ports;
    const open = targets.open;
    targets.open = (settings, secrets) => {
      signing.push(secrets.length);
      return open(settings, secrets);
    };
    const { secret: first } = await world.create();
    const { secret, previousUntilMs } = await world.engine.subscriptions.rotateSecret(ref);
    expect(secret).not.toBe(first);
    expect(previousUntilMs).toBe(world.clock.now() + 86_400_000);
    await world.engine.subscriptions.testInvoke(ref);
    await world.pass(86_400_001);
    expect(await world.engine.subscriptions.testInvoke(ref)).toEqual(success);
    expect(signing).toEqual([2, 1]);
    expect(await committedOf(world)).toBe(0);
  });
});

describe('delete', () => {
  test('ends deliveries, takes the flags away, and leaves the offsets to members', async () => {
    const world = await worldOfTopic(2);
    await world.create();
    await world.append(0, ['a']);
    await world.settle();
    await world.engine.subscriptions.delete(ref);
    expect(await flagsOf(world)).toEqual([false, false]);
    expect(await listedOf(world)).toEqual([]);
    await world.append(0, ['b']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0]]);
    expect(await errorCodeOf(world.engine.subscriptions.get(ref))).toBe('SUBSCRIPTION_NOT_FOUND');
    const { memberEpoch, assignment } = await join(world);
    expect(assignment[0]?.partitions).toEqual([0, 1]);
    const topics = [{ topic: 't', partitions: [0] }];
    const [offsets] = (await world.engine.groups.fetchOffsets({ groupId: ref.groupId, topics })).topics;
    expect(offsets!.partitions[0]).toMatchObject({ offset: 1, metadata: '' });
    expect(memberEpoch).toBeGreaterThan(0);
  });

  test('lets a transaction commit offsets with metadata where a run was, and the group can be read after it', async () => {
    const world = await worldOfTopic();
    const { producerTransactions, subscriptions, groups } = world.engine;
    await world.create();
    await world.append(0, ['a']);
    await world.settle();
    await subscriptions.delete(ref);
    const began = await producerTransactions.init({ transactionalId: 'x', timeoutMs: 60_000 });
    const opened = { transactionalId: 'x', ...began };
    await producerTransactions.open(opened);
    const topics = [{ topic: 't', partitions: [{ partition: 0, offset: 7, metadata: 'mine' }] }];
    await producerTransactions.stageOffsets({ in: opened, groupId: ref.groupId, topics });
    await world.during(producerTransactions.end({ in: opened, outcome: 'committed' }));
    const [offsets] = (await groups.fetchOffsets({ groupId: ref.groupId })).topics;
    expect(offsets!.partitions[0]).toMatchObject({ offset: 7, metadata: 'mine' });
  });

  test('during a delivery lets that batch end, and no more', async () => {
    const world = await worldOfTopic();
    await world.create({ batchSize: 1 });
    world.answer = async (_batch, count) => {
      if (count === 1) await world.engine.subscriptions.delete(ref);
      return success;
    };
    await world.append(0, ['a', 'b']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0]]);
  });

  test('of one of two subscriptions leaves the flags', async () => {
    const world = await worldOfTopic();
    await world.create();
    await world.create({ groupId: 'second' });
    expect((await world.engine.subscriptions.list({})).subscriptions.map(({ groupId }) => groupId)).toEqual([
      'billing',
      'second',
    ]);
    await world.engine.subscriptions.delete(ref);
    expect(await flagsOf(world)).toEqual([true]);
    expect((await world.engine.subscriptions.list({ topic: 't' })).subscriptions).toHaveLength(1);
  });

  test('and create at once: the old run delivers nothing of the new subscription', async () => {
    const world = await worldOfTopic();
    await world.create({ batchSize: 1 });
    world.answer = async (_batch, count) => {
      if (count === 1) {
        await world.engine.subscriptions.delete(ref);
        await world.engine.subscriptions.create({ ...ref, target: { url: 'https://new' }, startingPosition: 'LATEST' });
      }
      return success;
    };
    await world.append(0, ['a', 'b']);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0]]);
    expect(await committedOf(world)).toBe(2);
  });
});

describe('the net', () => {
  test('finds what no trigger told of, and cleans up after a deletion that died', async () => {
    const world = await worldOfTopic();
    const { dispatcher, subscriptions } = world.engine;
    await world.create();
    world.losesInvocations = true;
    await world.append(0, ['a']);
    await world.settle();
    expect(world.deliveries).toEqual([]);
    world.losesInvocations = false;
    expect(await dispatcher.lookAround()).toBe(1);
    await world.settle();
    expect(offsetsOf(world)).toEqual([[0]]);
    expect(await dispatcher.lookAround()).toBe(0);
    await subscriptions.delete(ref);
  });
});
