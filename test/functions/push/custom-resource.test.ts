// A subscription as a resource of CloudFormation, over the real engine.
import { beforeEach, describe, expect, test } from 'vitest';
import { createResourceHandler, type ResourceEvent } from '../../../functions/push/custom-resource.ts';
import { createTopics } from '../../../lib/topic/topics.ts';
import { createPushWorld, type PushWorld } from '../../push/world.ts';

const wanted = {
  topic: 'orders',
  groupId: 'billing',
  target: { function: 'arn:aws:lambda:eu-west-1:123456789012:function:bill' },
  startingPosition: 'TRIM_HORIZON',
};

let world: PushWorld;
beforeEach(() => {
  world = createPushWorld();
});

async function tell(RequestType: ResourceEvent['RequestType'], subscription: object = wanted, id?: string) {
  const told: Record<string, string>[] = [];
  const engine = {
    subscriptions: world.engine.subscriptions,
    createTopic: createTopics(world.table, world.clock).create,
  };
  const handler = createResourceHandler(engine, async (_, answer) => void told.push(answer as Record<string, string>));
  const event = {
    ...{ RequestType, ResponseURL: 'https://bucket', StackId: 's', RequestId: 'r', LogicalResourceId: 'l' },
    ...(id !== undefined && { PhysicalResourceId: id }),
    ResourceProperties: { Subscription: JSON.stringify(subscription), Partitions: '3' },
  };
  await world.during(handler(event));
  expect(told).toMatchObject([{ StackId: 's', RequestId: 'r', LogicalResourceId: 'l' }]);
  const { Status, Reason, PhysicalResourceId } = told[0]!;
  return { status: Status, reason: Reason, id: PhysicalResourceId };
}

const made = async () =>
  (await world.engine.subscriptions.list({})).subscriptions.map(({ topic, groupId }) => `${topic}/${groupId}`);

test('is created with its topic and the topic of its dead letters, and deleted without them', async () => {
  const subscription = { ...wanted, onFailure: { topic: 'dead' } };
  expect(await tell('Create', subscription)).toEqual({ status: 'SUCCESS', id: 'orders/billing' });
  expect(await world.engine.describeTopic('orders')).toMatchObject({ partitions: 3 });
  expect(await world.engine.describeTopic('dead')).toMatchObject({ partitions: 1 });
  expect(await made()).toEqual(['orders/billing']);
  expect(await tell('Delete', subscription, 'orders/billing')).toMatchObject({ status: 'SUCCESS' });
  expect(await made()).toEqual([]);
  expect(await world.engine.describeTopic('orders')).toMatchObject({ partitions: 3 });
});

test('may be created and deleted twice: CloudFormation and Lambda send their events again', async () => {
  for (let i = 0; i < 2; i++) expect(await tell('Create')).toMatchObject({ status: 'SUCCESS' });
  for (let i = 0; i < 2; i++)
    expect(await tell('Delete', wanted, 'orders/billing')).toMatchObject({ status: 'SUCCESS' });
});

describe('an update', () => {
  beforeEach(() => tell('Create', { ...wanted, batchSize: 7, onFailure: { topic: 'dead' } }));

  test('changes settings, and those that the app no longer has go back to their defaults', async () => {
    expect(await tell('Update', { ...wanted, maximumConcurrency: 2 }, 'orders/billing')).toMatchObject({
      status: 'SUCCESS',
      id: 'orders/billing',
    });
    const { settings } = await world.engine.subscriptions.get(wanted);
    expect(settings).toMatchObject({ batchSize: 100, maximumRetryAttempts: -1, maximumConcurrency: 2 });
    expect(settings).not.toHaveProperty('onFailure');
  });

  test('of another group makes another one, and CloudFormation deletes the first', async () => {
    const other = { ...wanted, groupId: 'audit' };
    expect(await tell('Update', other, 'orders/billing')).toMatchObject({ status: 'SUCCESS', id: 'orders/audit' });
    await tell('Delete', wanted, 'orders/billing');
    expect(await made()).toEqual(['orders/audit']);
  });

  test('that names another topic for dead letters makes it', async () => {
    const other = { ...wanted, onFailure: { topic: 'other-dead' } };
    expect(await tell('Update', other, 'orders/billing')).toMatchObject({ status: 'SUCCESS' });
    expect(await world.engine.describeTopic('other-dead')).toMatchObject({ partitions: 1 });
    expect((await world.engine.subscriptions.get(wanted)).settings.onFailure).toEqual(other.onFailure);
  });

  test('makes topics that were deleted', async () => {
    await world.engine.deleteTopic('orders');
    expect(await tell('Update', wanted, 'orders/billing')).toMatchObject({ status: 'SUCCESS' });
    expect(await world.engine.describeTopic('orders')).toMatchObject({ partitions: 3 });
    expect(await world.engine.subscriptions.get(wanted)).toMatchObject({ state: 'Enabled' });
  });

  test('does not resume what a person has paused', async () => {
    await world.during(world.engine.subscriptions.pause(wanted));
    await tell('Update', { ...wanted, batchSize: 8 }, 'orders/billing');
    expect(await world.engine.subscriptions.get(wanted)).toMatchObject({ state: 'Paused', settings: { batchSize: 8 } });
  });

  test('creates what is gone: the topic was made again', async () => {
    const { engine } = world;
    await engine.deleteTopic('orders');
    const { topicId } = await engine.createTopic({ topic: 'orders' });
    expect(await tell('Update', wanted, 'orders/billing')).toMatchObject({ status: 'SUCCESS' });
    expect(await engine.subscriptions.get(wanted)).toMatchObject({ topicId, state: 'Enabled' });
    await world.during(engine.subscriptions.delete(wanted));
    expect(await tell('Update', wanted, 'orders/billing')).toMatchObject({ status: 'SUCCESS' });
    expect(await made()).toEqual(['orders/billing']);
  });

  test('that is refused says why, and keeps its name', async () => {
    const { status, reason, id } = await tell('Update', { ...wanted, batchSize: 0 }, 'orders/billing');
    expect([status, id]).toEqual(['FAILED', 'orders/billing']);
    expect(reason).toContain('batchSize: expected a whole number from 1 to 10000');
  });
});

test('a creation that fails because somebody else has the group is rolled back without touching theirs', async () => {
  await world.engine.createTopic({ topic: 'orders' });
  await world.create({ topic: 'orders', groupId: 'billing' });
  const { status, reason, id } = await tell('Create');
  expect(status).toBe('FAILED');
  expect(reason).toContain('SUBSCRIPTION_ALREADY_EXISTS');
  expect(await tell('Delete', wanted, id)).toMatchObject({ status: 'SUCCESS' });
  expect(await made()).toEqual(['orders/billing']);
});

test('a creation that fails half-way is rolled back', async () => {
  const { subscriptions } = world.engine;
  const dies = {
    ...subscriptions,
    create: async (...given: Parameters<typeof subscriptions.create>) => {
      await subscriptions.create(...given);
      throw new Error('the process died');
    },
  };
  world = { ...world, engine: { ...world.engine, subscriptions: dies } };
  const { status, id } = await tell('Create');
  expect([status, id]).toEqual(['FAILED', 'orders/billing']);
  await tell('Delete', wanted, id);
  expect(await made()).toEqual([]);
});
