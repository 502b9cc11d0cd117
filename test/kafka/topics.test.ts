// Topics through the Kafka listener: metadata, creation, deletion, partitions, configurations, and the cluster.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Service, startService } from './service.ts';
import { type AnyReply, key, type Wire } from './wire.ts';

let service: Service;
let strict: Wire;
let wire: Wire;
let count = 0;

beforeAll(async () => {
  service = await startService();
  strict = await (await startService({ autoCreateTopics: false })).connect();
});

beforeEach(async () => {
  wire = await service.connect();
});

const newName = () => `t${count++}`;
const unknownId = 'A'.repeat(22);

describe('metadata', () => {
  const ask = (topics: readonly object[] | null, version = 12, allowAutoTopicCreation = false, by = wire) =>
    by.ask(key.metadata, version, { topics, allowAutoTopicCreation }) as Promise<AnyReply>;

  test('names one node, which leads every partition and is the controller', async () => {
    const topic = await service.engine.createTopic({ topic: newName(), partitions: 2 });
    const reply = await ask([{ topicId: unknownId, name: topic.topic }]);
    const partition = {
      errorCode: 0,
      leaderId: 1,
      leaderEpoch: 0,
      replicaNodes: [1],
      isrNodes: [1],
      offlineReplicas: [],
    };
    expect(reply).toMatchObject({
      brokers: [{ nodeId: 1, host: '127.0.0.1', port: service.port, rack: null }],
      clusterId: expect.stringMatching(/^[\w-]{22}$/),
      controllerId: 1,
      topics: [
        {
          ...{ errorCode: 0, name: topic.topic, topicId: topic.topicId, isInternal: false },
          partitions: [
            { ...partition, partitionIndex: 0 },
            { ...partition, partitionIndex: 1 },
          ],
        },
      ],
    });
  });

  test('lists all topics for null, and none for an empty list; in version 0 an empty list means all', async () => {
    const name = newName();
    await service.engine.createTopic({ topic: name });
    const names = async (topics: object[] | null, version: number) =>
      (await ask(topics, version)).topics.map((topic: AnyReply) => topic.name);
    expect(await names(null, 1)).toContain(name);
    expect(await names([], 0)).toContain(name);
    expect(await names([], 1)).toEqual([]);
    expect(await names([], 12)).toEqual([]);
  });

  test('finds a topic by its id, also one that this listener has not seen', async () => {
    const { topic, topicId } = await service.engine.createTopic({ topic: newName() });
    expect((await ask([{ topicId, name: null }])).topics).toMatchObject([{ errorCode: 0, name: topic }]);
    expect((await ask([{ topicId: unknownId, name: null }])).topics).toMatchObject([{ errorCode: 100, name: null }]);
    await service.engine.deleteTopic(topic);
    await service.engine.createTopic({ topic });
    expect((await ask([{ topicId, name: null }])).topics).toMatchObject([{ errorCode: 100 }]);
  });

  test.each([10, 11])('version %i refuses an id without a name', async (version) => {
    const { topicId } = await service.engine.createTopic({ topic: newName() });
    expect((await ask([{ topicId, name: null }], version)).topics).toMatchObject([{ errorCode: 42, name: '' }]);
  });

  test('creates a missing topic if the client asks for that and the listener allows it', async () => {
    const name = newName();
    const one = [{ topicId: unknownId, name }];
    expect((await ask(one)).topics).toMatchObject([{ errorCode: 3, name, partitions: [] }]);
    expect((await ask(one, 12, true, strict)).topics).toMatchObject([{ errorCode: 3, name }]);
    expect((await ask(one, 12, true)).topics).toMatchObject([{ errorCode: 0, name, partitions: [{}] }]);
    expect((await ask(one)).topics).toMatchObject([{ errorCode: 0, name }]);
    expect((await ask([{ name: 'not a name' }], 9, true)).topics).toMatchObject([{ errorCode: 17, partitions: [] }]);
    const many = await (await startService({ numPartitions: 3 })).connect();
    expect((await ask(one, 12, true, many)).topics).toMatchObject([{ errorCode: 0, name, partitions: [{}, {}, {}] }]);
  });

  test('the id of the cluster stays the same', async () => {
    const other = await service.connect();
    expect((await ask([], 12, false, other)).clusterId).toBe((await ask([])).clusterId);
  });
});

describe('create topics', () => {
  const create = async (topic: object, version = 7, validateOnly = false) => {
    const message = {
      topics: [{ numPartitions: -1, replicationFactor: -1, ...topic }],
      timeoutMs: 1_000,
      validateOnly,
    };
    return (await wire.ask(key.createTopics, version, message)).topics[0] as AnyReply;
  };

  test('with partitions and configurations, and whatever replication factor', async () => {
    const name = newName();
    const configs = [{ name: 'retention.ms', value: '1000' }];
    const reply = await create({ name, numPartitions: 4, replicationFactor: 3, configs });
    expect(reply).toMatchObject({ errorCode: 0, name, numPartitions: 4, replicationFactor: 1 });
    expect(reply.configs).toContainEqual(
      expect.objectContaining({ name: 'retention.ms', value: '1000', configSource: 1 }),
    );
    const topic = await service.engine.describeTopic(name);
    expect(topic).toMatchObject({ partitions: 4, topicId: reply.topicId });
    expect(await create({ name })).toMatchObject({ errorCode: 36, errorMessage: `topic ${name} already exists` });
  });

  test('only validates if that is asked for', async () => {
    const name = newName();
    expect(await create({ name, numPartitions: 2 }, 7, true)).toMatchObject({ errorCode: 0, numPartitions: 2 });
    await expect(service.engine.describeTopic(name)).rejects.toThrow('there is no topic');
    expect(await create({ name, numPartitions: 0 }, 7, true)).toMatchObject({ errorCode: 37 });
    await service.engine.createTopic({ topic: name });
    expect(await create({ name }, 7, true)).toMatchObject({ errorCode: 36 });
  });

  test('refuses names, numbers, configurations and assignments that are not valid', async () => {
    const name = newName();
    expect(await create({ name: 'a/b' })).toMatchObject({ errorCode: 17 });
    expect(await create({ name, numPartitions: 20_000 })).toMatchObject({ errorCode: 37 });
    expect(await create({ name, replicationFactor: 0 })).toMatchObject({ errorCode: 38 });
    expect(await create({ name, configs: [{ name: 'retention.ms', value: 'soon' }] })).toMatchObject({ errorCode: 40 });
    const on = (...brokers: number[]) => brokers.map((id, partitionIndex) => ({ partitionIndex, brokerIds: [id] }));
    expect(await create({ name, assignments: on(1, 9) })).toMatchObject({ errorCode: 39 });
    expect(await create({ name, numPartitions: 2, assignments: on(1, 1) })).toMatchObject({ errorCode: 42 });
    expect(await create({ name, assignments: on(1, 1) })).toMatchObject({ errorCode: 0, numPartitions: 2 });
  });

  test('refuses a topic that is named twice', async () => {
    const topic = { name: newName(), numPartitions: 1, replicationFactor: 1 };
    const { topics } = await wire.ask(key.createTopics, 5, { topics: [topic, topic], timeoutMs: 1_000 });
    expect(topics).toMatchObject([{ errorCode: 42 }]);
  });
});

test('delete topics: by name, and by id only the topic that was meant', async () => {
  const { topic, topicId } = await service.engine.createTopic({ topic: newName() });
  const byId = { topics: [{ name: null, topicId }], timeoutMs: 1_000 };
  const byName = { topicNames: [topic], timeoutMs: 1_000 };
  expect((await wire.ask(key.deleteTopics, 5, byName)).responses).toMatchObject([{ name: topic, errorCode: 0 }]);
  expect((await wire.ask(key.deleteTopics, 5, byName)).responses).toMatchObject([{ errorCode: 3 }]);
  const again = await service.engine.createTopic({ topic });
  expect((await wire.ask(key.deleteTopics, 6, byId)).responses).toMatchObject([{ errorCode: 100 }]);
  const meant = { topics: [{ name: null, topicId: again.topicId }], timeoutMs: 1_000 };
  expect((await wire.ask(key.deleteTopics, 6, meant)).responses).toMatchObject([{ name: topic, errorCode: 0 }]);
});

test('create partitions: more of them, and an answer for every topic', async () => {
  const { topic } = await service.engine.createTopic({ topic: newName() });
  const grow = async (topics: readonly object[], validateOnly = false) =>
    (await wire.ask(key.createPartitions, 3, { topics, timeoutMs: 1_000, validateOnly })).results as AnyReply[];
  const to = (count: number, others: object = {}) => ({ name: topic, count, assignments: null, ...others });
  expect(await grow([to(3)], true)).toMatchObject([{ errorCode: 0 }]);
  expect(await grow([to(3), { ...to(3), name: 'nowhere' }])).toMatchObject([{ errorCode: 0 }, { errorCode: 3 }]);
  expect(await service.engine.describeTopic(topic)).toMatchObject({ partitions: 3 });
  expect(await grow([to(3)])).toMatchObject([{ errorCode: 37 }]);
  expect(await grow([to(4, { assignments: [{ brokerIds: [2] }] })])).toMatchObject([{ errorCode: 39 }]);
  expect(await grow([to(4, { assignments: [{ brokerIds: [1] }] })])).toMatchObject([{ errorCode: 0 }]);
});

test('describe configs: of topics with their sources, and of the node', async () => {
  const { topic } = await service.engine.createTopic({ topic: newName(), config: { 'cleanup.policy': 'compact' } });
  const ask = async (resource: object, others: object = {}) =>
    (await wire.ask(key.describeConfigs, 4, { resources: [{ configurationKeys: null, ...resource }], ...others }))
      .results[0] as AnyReply;
  const ofTopic = { resourceType: 2, resourceName: topic };
  expect((await ask(ofTopic)).configs.length).toBeGreaterThan(20);
  const some = await ask(
    { ...ofTopic, configurationKeys: ['cleanup.policy', 'flush.ms'] },
    { includeDocumentation: true },
  );
  expect(some).toMatchObject({
    errorCode: 0,
    configs: [
      {
        name: 'cleanup.policy',
        value: 'compact',
        configSource: 1,
        readOnly: false,
        configType: 7,
        documentation: null,
      },
      {
        name: 'flush.ms',
        configSource: 5,
        configType: 5,
        documentation: 'Every write is durable before it is acknowledged.',
      },
    ],
  });
  const node = await ask({ resourceType: 4, resourceName: '1' });
  expect(node.configs).toContainEqual(expect.objectContaining({ name: 'num.partitions', value: '1', readOnly: true }));
  expect(node.configs).toContainEqual(
    expect.objectContaining({
      ...{ name: 'advertised.listeners', value: `PLAINTEXT://127.0.0.1:${service.port}`, configSource: 4 },
    }),
  );
  expect(node.configs.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(['broker.id', 'listeners', 'log.retention.ms', 'message.max.bytes', 'log.dirs']),
  );
  expect(await ask({ resourceType: 4, resourceName: '7' })).toMatchObject({ errorCode: 42, configs: [] });
  expect(await ask({ resourceType: 2, resourceName: 'nowhere' })).toMatchObject({ errorCode: 3 });
});

test('the cluster and its coordinators are the one node', async () => {
  const node = { host: '127.0.0.1', port: service.port };
  expect(await wire.ask(key.describeCluster, 1, { endpointType: 1 })).toMatchObject({
    ...{ errorCode: 0, controllerId: 1, brokers: [{ brokerId: 1, ...node }] },
  });
  expect(await wire.ask(key.describeCluster, 1, { endpointType: 2 })).toMatchObject({ errorCode: 114, brokers: [] });
  expect(await wire.ask(key.findCoordinator, 2, { key: 'g', keyType: 0 })).toMatchObject({
    errorCode: 0,
    nodeId: 1,
    ...node,
  });
  const several = await wire.ask(key.findCoordinator, 5, { keyType: 0, coordinatorKeys: ['g', 'h'] });
  expect(several.coordinators).toMatchObject([
    { key: 'g', nodeId: 1, ...node },
    { key: 'h', nodeId: 1 },
  ]);
  const shared = await wire.ask(key.findCoordinator, 5, { keyType: 2, coordinatorKeys: ['s'] });
  expect(shared.coordinators).toMatchObject([{ key: 's', errorCode: 42 }]);
});

test('a producer gets an id of its own', async () => {
  const ask = () =>
    wire.ask(key.initProducerId, 5, { transactionalId: null, transactionTimeoutMs: 60_000 }) as Promise<AnyReply>;
  const [first, second] = [await ask(), await ask()];
  expect(first).toMatchObject({ errorCode: 0, producerEpoch: 0 });
  expect(second.producerId).toBeGreaterThan(first.producerId);
});
