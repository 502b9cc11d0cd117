// Rights at the listener: what a principal may not do is refused with Kafka's codes, and does not happen.
import { beforeAll, describe, expect, test } from 'vitest';
import { withUser } from '../../../kafka/auth/sasl/users.ts';
import { batchOf, fetchMessage, fetchTopic, produceMessage, type Service, startService } from '../service.ts';
import { key, type Wire } from '../wire.ts';
import { newFile } from './certificates.ts';
import { scramOn } from './sasl.ts';

const rules = [
  { principals: ['ada'], operations: ['READ', 'WRITE'], topics: ['orders'], groupPrefixes: ['app-'] },
  { principals: ['ada'], operations: ['CREATE'], topicPrefixes: ['ada.'] },
  { principals: ['ada'], operations: ['DESCRIBE'], topicPrefixes: ['ada.'] },
];

let service: Service;
let wire: Wire;
let orders: { topic: string; topicId: string };
let secret: { topic: string; topicId: string };

beforeAll(async () => {
  const usersFile = newFile(await withUser(undefined, 'ada', 'a secret'));
  const rulesFile = newFile(JSON.stringify({ version: 1, rules }));
  service = await startService({ security: { usersFile, rulesFile } });
  orders = await service.engine.createTopic({ topic: 'orders' });
  secret = await service.engine.createTopic({ topic: 'secret' });
  wire = await service.connect();
  await scramOn(wire, 'SCRAM-SHA-256', 'ada', 'a secret');
});

const both = (each: (name: string) => object) => ({ topics: ['orders', 'secret'].map(each) });
const endOf = async (topic: string) =>
  (await service.engine.offsets({ topic, at: 'latest', partitions: [0] })).partitions[0]!.offset;

describe('topics', () => {
  test('are written only where that is allowed, and the reply says both', async () => {
    const before = await endOf('secret');
    const message = produceMessage('orders', { 0: batchOf(['x']) });
    const topicData = ['secret', 'orders'].map((name) => ({ ...message.topicData[0]!, name }));
    const { responses } = await wire.ask(key.produce, 9, { ...message, topicData });
    const codes = responses.map((one: { name: string; partitionResponses: { errorCode: number }[] }) => [
      one.name,
      one.partitionResponses[0]!.errorCode,
    ]);
    expect(Object.fromEntries(codes)).toEqual({ orders: 0, secret: 29 });
    expect(await endOf('secret')).toBe(before);
  });

  test('are not written without a reply: the connection is closed', async () => {
    const own = await service.connect();
    await scramOn(own, 'SCRAM-SHA-256', 'ada', 'a secret');
    own.tell(key.produce, 9, produceMessage('secret', { 0: batchOf(['x']) }, 0));
    await own.closed;
    expect(await endOf('secret')).toBe(0);
  });

  test.each([12, 16])('are read only where that is allowed, in version %i', async (version) => {
    const { responses } = await wire.ask(key.fetch, version, fetchMessage([fetchTopic(secret), fetchTopic(orders)]));
    const [first, second] = responses.sort((a: { topicId: string }) => (a.topicId === secret.topicId ? 1 : -1));
    const [allowed, refused] =
      version === 12 ? responses.sort((a: { topic: string }) => (a.topic === 'secret' ? 1 : -1)) : [first, second];
    expect(refused.partitions).toMatchObject([{ errorCode: 29, highWatermark: -1 }]);
    expect(Buffer.concat([refused.partitions[0].records ?? Buffer.alloc(0)])).toHaveLength(0);
    expect(allowed.partitions).toMatchObject([{ errorCode: 0 }]);
  });

  test('are not read under an id that no topic has', async () => {
    const unknown = { topic: '', topicId: Buffer.alloc(16, 7).toString('base64url') };
    const { responses } = await wire.ask(key.fetch, 16, fetchMessage([fetchTopic(unknown)]));
    expect(responses[0].partitions).toMatchObject([{ errorCode: 100 }]);
  });

  test('that may not be described are hidden, and not told from those that do not exist', async () => {
    const all = await wire.ask(key.metadata, 12, { topics: null });
    expect(all.topics.map(({ name }: { name: string }) => name)).toEqual(['orders']);
    expect(all.brokers).toHaveLength(1);
    const named = await wire.ask(key.metadata, 12, {
      topics: ['secret', 'no-such', 'orders'].map((name) => ({ name, topicId: secret.topicId })),
      allowAutoTopicCreation: true,
    });
    const codes = named.topics.map((one: { name: string; errorCode: number }) => [one.name, one.errorCode]);
    expect(Object.fromEntries(codes)).toEqual({ orders: 0, secret: 29, 'no-such': 29 });
    const byId = await wire.ask(key.metadata, 12, {
      topics: [{ name: null, topicId: secret.topicId }],
      allowAutoTopicCreation: true,
    });
    expect(byId.topics).toMatchObject([{ errorCode: 100, name: null, topicId: secret.topicId, partitions: [] }]);
    const old = await wire.ask(key.metadata, 0, { topics: [{ name: 'secret' }] });
    expect(old.topics).toMatchObject([{ name: 'secret', errorCode: 29 }]);
  });

  test('are hidden page by page too, also in a cursor', async () => {
    const ask = (names: string[], responsePartitionLimit: number) =>
      wire.ask(key.describeTopicPartitions, 0, { topics: names.map((name) => ({ name })), responsePartitionLimit });
    const all = await ask([], 1);
    expect(all).toMatchObject({ topics: [{ name: 'orders' }], nextCursor: null });
    const { topics } = await ask(['orders', 'secret'], 10);
    expect(topics).toMatchObject([
      { name: 'orders', errorCode: 0 },
      { name: 'secret', errorCode: 29, partitions: [] },
    ]);
    expect((await ask(['secret'], 10)).topics).toMatchObject([{ name: 'secret', errorCode: 29 }]);
  });

  test('are created on the way only where that is allowed', async () => {
    const message = { topics: [{ name: 'ada.new' }, { name: 'orders' }], allowAutoTopicCreation: true };
    const { topics } = await wire.ask(key.metadata, 9, message);
    expect(topics.map(({ errorCode }: { errorCode: number }) => errorCode)).toEqual([0, 0]);
    await service.engine.deleteTopic('orders');
    const { topics: again } = await wire.ask(key.metadata, 9, message);
    expect(again).toMatchObject([{ errorCode: 0 }, { name: 'orders', errorCode: 29 }]);
    orders = await service.engine.createTopic({ topic: 'orders' });
  });

  test.each([
    [
      'ListOffsets',
      key.listOffsets,
      7,
      both((name) => ({ name, partitions: [{ partitionIndex: 0, timestamp: -1 }] })),
      'topics',
    ],
    [
      'OffsetForLeaderEpoch',
      key.offsetForLeaderEpoch,
      4,
      both((topic) => ({ topic, partitions: [{ partition: 0 }] })),
      'topics',
    ],
    [
      'CreateTopics',
      key.createTopics,
      7,
      { topics: [{ name: 'x', numPartitions: 1, replicationFactor: 1 }] },
      'topics',
    ],
    ['DeleteTopics', key.deleteTopics, 6, { topics: [{ name: 'secret' }, { name: 'orders' }] }, 'responses'],
    ['DeleteTopics by id', key.deleteTopics, 6, { topics: [{ name: null, topicId: 'placeholder' }] }, 'responses'],
    ['CreatePartitions', key.createPartitions, 3, { topics: [{ name: 'secret', count: 5 }] }, 'results'],
    [
      'DescribeConfigs',
      key.describeConfigs,
      4,
      { resources: [{ resourceType: 2, resourceName: 'orders' }] },
      'results',
    ],
  ])('%s is refused without the right', async (_, apiKey, version, message, field) => {
    const given = JSON.parse(JSON.stringify(message).replace('placeholder', secret.topicId));
    const reply = await wire.ask(apiKey, version, given);
    expect(JSON.stringify(reply[field])).toContain('"errorCode":29');
    const names = (await service.engine.listTopics({})).topics.map(({ topic }) => topic);
    expect(names).toEqual(['ada.new', 'orders', 'secret']);
    expect((await service.engine.describeTopic('secret')).partitions).toBe(1);
  });

  test('a topic of the name may be created, and no other', async () => {
    const topics = ['ada.more', 'ada', 'x-ada.more'].map((name) => ({ name, numPartitions: 1, replicationFactor: 1 }));
    const reply = await wire.ask(key.createTopics, 7, { topics });
    const codes = reply.topics.map((one: { name: string; errorCode: number }) => [one.name, one.errorCode]);
    expect(Object.fromEntries(codes)).toEqual({ 'ada.more': 0, ada: 29, 'x-ada.more': 29 });
  });
});

describe('groups', () => {
  const offsets = both((name) => ({
    name,
    partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: null }],
  }));

  test('are joined, and have offsets, only where that is allowed', async () => {
    const join = {
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      protocolType: 'consumer',
      protocols: [{ name: 'a' }],
    };
    expect(await wire.ask(key.joinGroup, 5, { groupId: 'other', memberId: '', ...join })).toMatchObject({
      errorCode: 30,
    });
    expect(await wire.ask(key.joinGroup, 5, { groupId: 'app-1', memberId: '', ...join })).toMatchObject({
      errorCode: 79,
    });
    for (const apiKey of [key.heartbeat, key.leaveGroup, key.syncGroup])
      expect(await wire.ask(apiKey, 3, { groupId: 'other', memberId: 'm' })).toMatchObject({ errorCode: 30 });
  });

  test('commit offsets of topics that may be read', async () => {
    const refused = await wire.ask(key.offsetCommit, 8, { groupId: 'other', ...offsets });
    expect(JSON.stringify(refused)).not.toContain('"errorCode":0');
    const { topics } = await wire.ask(key.offsetCommit, 8, { groupId: 'app-1', ...offsets });
    const codes = topics.map((one: { name: string; partitions: { errorCode: number }[] }) => [
      one.name,
      one.partitions[0]!.errorCode,
    ]);
    expect(Object.fromEntries(codes)).toEqual({ orders: 0, secret: 29 });
    expect((await service.engine.groups.fetchOffsets({ groupId: 'app-1' })).topics.map(({ topic }) => topic)).toEqual([
      'orders',
    ]);
  });

  test('tell the offsets of topics that may be described', async () => {
    await service.engine.groups.commitOffsets({
      groupId: 'app-1',
      topics: [{ topic: 'secret', partitions: [{ partition: 0, offset: 0 }] }],
    });
    const groups = [
      { groupId: 'app-1', topics: null },
      { groupId: 'other', topics: null },
    ];
    const reply = await wire.ask(key.offsetFetch, 8, { groups });
    expect(reply.groups).toMatchObject([
      { groupId: 'app-1', errorCode: 0 },
      { groupId: 'other', errorCode: 30, topics: [] },
    ]);
    expect(reply.groups[0].topics.map(({ name }: { name: string }) => name)).toEqual(['orders']);
    const old = await wire.ask(key.offsetFetch, 7, { groupId: 'other', topics: null });
    expect(old).toMatchObject({ errorCode: 30 });
  });

  test('are listed, described, found and deleted only where that is allowed', async () => {
    await service.engine.groups.commitOffsets({
      groupId: 'other',
      topics: [{ topic: 'secret', partitions: [{ partition: 0, offset: 0 }] }],
    });
    const listed = await wire.ask(key.listGroups, 4, {});
    expect(listed.groups.map(({ groupId }: { groupId: string }) => groupId)).toEqual(['app-1']);
    const described = await wire.ask(key.describeGroups, 5, { groups: ['other', 'app-1'] });
    const codes = described.groups.map((one: { groupId: string; errorCode: number }) => [one.groupId, one.errorCode]);
    expect(Object.fromEntries(codes)).toEqual({ other: 30, 'app-1': 0 });
    expect(await wire.ask(key.deleteGroups, 2, { groupsNames: ['other'] })).toMatchObject({
      results: [{ groupId: 'other', errorCode: 30 }],
    });
    expect(await wire.ask(key.findCoordinator, 3, { key: 'other', keyType: 0 })).toMatchObject({
      errorCode: 30,
      nodeId: -1,
    });
    const found = await wire.ask(key.findCoordinator, 4, { keyType: 0, coordinatorKeys: ['other', 'app-1'] });
    expect(found.coordinators).toMatchObject([
      { key: 'app-1', errorCode: 0, nodeId: 1 },
      { key: 'other', errorCode: 30, nodeId: -1 },
    ]);
    expect(await wire.ask(key.findCoordinator, 3, { key: 't', keyType: 1 })).toMatchObject({ errorCode: 53 });
  });
});

test('a producer may be idempotent if it may write somewhere', async () => {
  expect(await wire.ask(key.initProducerId, 4, { transactionalId: null })).toMatchObject({ errorCode: 0 });
  expect(await wire.ask(key.initProducerId, 4, { transactionalId: 't' })).toMatchObject({ errorCode: 53 });
});
