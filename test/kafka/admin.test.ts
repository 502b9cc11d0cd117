// Administration through the Kafka listener: configurations, deleting records, sizes, and what a cluster of one node does not
// need to do.
import { beforeAll, describe, expect, test } from 'vitest';
import { configValue } from '../../lib/topic/config.ts';
import { batchOf, produceMessage, type Service, startService } from './service.ts';
import { type AnyReply, key, type Wire } from './wire.ts';

let service: Service;
let wire: Wire;
let count = 0;

beforeAll(async () => {
  service = await startService();
  wire = await service.connect();
});

async function newTopic(config: Record<string, string> = {}, partitions = 1): Promise<string> {
  const { topic } = await service.engine.createTopic({ topic: `admin-${count++}`, partitions, config });
  return topic;
}

/** The configurations that were set. */
async function overridesOf(topic: string): Promise<Record<string, string>> {
  const { config } = await service.engine.describeTopic(topic);
  return Object.fromEntries(config.flatMap(({ name, value, isDefault }) => (isDefault ? [] : [[name, value]])));
}

const topicType = 2;
const nodeType = 4;

describe('incremental alter configs', () => {
  const [set, remove, append, subtract] = [0, 1, 2, 3];
  type Operation = [name: string, configOperation: number, value: string | null];
  const resource = (resourceName: string, operations: readonly Operation[], resourceType = topicType) => ({
    ...{ resourceType, resourceName },
    configs: operations.map(([name, configOperation, value]) => ({ name, configOperation, value })),
  });
  const alter = async (resources: readonly object[], validateOnly = false, version = 1) =>
    (await wire.ask(key.incrementalAlterConfigs, version, { resources, validateOnly })).responses as AnyReply[];

  test.each([0, 1])('v%i sets and deletes what is named, and leaves the rest', async (version) => {
    const topic = await newTopic({ 'retention.ms': '5', 'retention.bytes': '7' });
    const operations: Operation[] = [
      ['retention.ms', remove, null],
      ['cleanup.policy', set, 'compact'],
    ];
    expect(await alter([resource(topic, operations)], false, version)).toEqual([
      { errorCode: 0, errorMessage: null, resourceType: topicType, resourceName: topic },
    ]);
    expect(await overridesOf(topic)).toEqual({ 'retention.bytes': '7', 'cleanup.policy': 'compact' });
  });

  test('adds to lists and takes away from them, from the default on', async () => {
    const topic = await newTopic();
    const policy = async (operation: number, value: string) => {
      const [reply] = await alter([resource(topic, [['cleanup.policy', operation, value]])]);
      expect(reply).toMatchObject({ errorCode: 0 });
      return (await overridesOf(topic))['cleanup.policy'];
    };
    expect(configValue({}, 'cleanup.policy')).toBe('delete');
    expect(await policy(append, 'compact')).toBe('delete,compact');
    expect(await policy(append, ' compact')).toBe('delete,compact');
    expect(await policy(subtract, 'delete')).toBe('compact');
    expect(await alter([resource(topic, [['retention.ms', append, '5']])])).toMatchObject([
      { errorCode: 40, errorMessage: expect.stringContaining('retention.ms: expected the operation SET') },
    ]);
  });

  test('adds nothing twice if two requests add at the same time, and loses nothing', async () => {
    const topic = await newTopic();
    const name = 'follower.replication.throttled.replicas';
    const values = ['0:1', '1:1', '2:1', '3:1'];
    const replies = await Promise.all(values.map((value) => alter([resource(topic, [[name, append, value]])])));
    const added = values.filter((_, i) => replies[i]![0].errorCode === 0);
    expect(added.length).toBeGreaterThan(0);
    expect((await overridesOf(topic))[name]!.split(',').sort()).toEqual(added);
  });

  test('only validates if that is asked for', async () => {
    const topic = await newTopic();
    const one = (value: string) => [resource(topic, [['retention.ms', set, value]])];
    expect(await alter(one('5'), true)).toMatchObject([{ errorCode: 0 }]);
    expect(await alter(one('soon'), true)).toMatchObject([{ errorCode: 40 }]);
    expect(await overridesOf(topic)).toEqual({});
  });

  test('says which name was probably meant', async () => {
    const [reply] = await alter([resource(await newTopic(), [['retention.msec', set, '5']])]);
    expect(reply).toMatchObject({ errorCode: 40, errorMessage: expect.stringContaining('did you mean retention.ms?') });
    const [appended] = await alter([resource(await newTopic(), [['cleanup.polcy', append, 'compact']])]);
    expect(appended).toMatchObject({ errorCode: 40, errorMessage: expect.stringContaining('cleanup.policy') });
  });

  test('refuses what cannot be changed, and what is named twice', async () => {
    const topic = await newTopic();
    const twice: Operation[] = [
      ['retention.ms', set, '5'],
      ['retention.ms', set, '6'],
    ];
    expect(await alter([resource(topic, twice)])).toMatchObject([{ errorCode: 42 }]);
    expect(await alter([resource(topic, []), resource(topic, [])])).toMatchObject([{ errorCode: 42 }]);
    expect(await alter([resource(topic, [['retention.ms', set, null]])])).toMatchObject([{ errorCode: 42 }]);
    expect(await alter([resource(topic, [['cleanup.policy', 7, 'compact']])])).toMatchObject([{ errorCode: 42 }]);
    expect(await alter([resource('nowhere', [])])).toMatchObject([{ errorCode: 3 }]);
    expect(await alter([resource('', [])])).toMatchObject([{ errorCode: 3 }]);
    expect(await alter([resource('x', [], 32)])).toMatchObject([{ errorCode: 42 }]);
    expect(await overridesOf(topic)).toEqual({});
  });

  test('leaves the node as it is: to put a default back is all that succeeds', async () => {
    const throttle = 'leader.replication.throttled.rate';
    const node = (operation: number) => [resource('1', [[throttle, operation, '1']], nodeType)];
    expect(await alter(node(remove))).toMatchObject([{ errorCode: 0 }]);
    expect(await alter(node(set))).toMatchObject([
      { errorCode: 42, errorMessage: expect.stringContaining('cannot be changed') },
    ]);
    expect(await alter([resource('9', [], nodeType)])).toMatchObject([{ errorCode: 42 }]);
  });
});

test.each([0, 2])('alter configs v%i replaces all that was set', async (version) => {
  const alter = async (resourceName: string, configs: readonly object[], others: object = {}) =>
    (
      await wire.ask(key.alterConfigs, version, {
        resources: [{ resourceType: topicType, resourceName, configs, ...others }],
        validateOnly: false,
      })
    ).responses[0] as AnyReply;
  const topic = await newTopic({ 'retention.ms': '5', 'retention.bytes': '7' });
  expect(await alter(topic, [{ name: 'retention.ms', value: '6' }])).toMatchObject({ errorCode: 0 });
  expect(await overridesOf(topic)).toEqual({ 'retention.ms': '6' });
  expect(await alter(topic, [{ name: 'retention.ms', value: null }])).toMatchObject({ errorCode: 42 });
  expect(await alter('1', [{ name: 'num.io.threads', value: '9' }], { resourceType: nodeType })).toMatchObject({
    errorCode: 42,
  });
});

test('create topics: a reserved name, another one that begins with __, a value that is null, a name that is misspelt', async () => {
  const create = async (topic: object) =>
    (
      await wire.ask(key.createTopics, 7, {
        topics: [{ numPartitions: -1, replicationFactor: -1, ...topic }],
        timeoutMs: 1_000,
      })
    ).topics[0] as AnyReply;
  expect(await create({ name: '__consumer_offsets' })).toMatchObject({ errorCode: 17 });
  expect(await create({ name: '__proto__' })).toMatchObject({ errorCode: 17 });
  const configs = [
    { name: 'cleanup.policy', value: 'compact' },
    { name: 'max.message.bytes', value: '2000000' },
  ];
  const created = await create({ name: '__debezium-heartbeat.shop', configs });
  expect(created).toMatchObject({ errorCode: 0 });
  expect(created.configs.filter(({ configSource }: AnyReply) => configSource === 1)).toMatchObject(configs);
  expect(await create({ name: 't', configs: [{ name: 'retention.ms', value: null }] })).toMatchObject({
    errorCode: 40,
    errorMessage: 'retention.ms: expected a value, got null',
  });
  expect(await create({ name: 't', configs: [{ name: 'max.messages.bytes', value: '5' }] })).toMatchObject({
    errorCode: 40,
    errorMessage: expect.stringContaining('did you mean max.message.bytes?'),
  });
});

describe('delete records', () => {
  const remove = async (name: string, partitions: readonly object[], version = 2) =>
    (await wire.ask(key.deleteRecords, version, { topics: [{ name, partitions }], timeoutMs: 1_000 })).topics[0]
      .partitions as AnyReply[];

  test.each([0, 2])('v%i moves the log start, to an offset or to the end', async (version) => {
    const topic = await newTopic({}, 2);
    await wire.ask(key.produce, 9, produceMessage(topic, { 0: batchOf(['a', 'b', 'c']), 1: batchOf(['a', 'b']) }));
    const partitions = [
      { partitionIndex: 0, offset: 1 },
      { partitionIndex: 1, offset: -1 },
    ];
    expect(await remove(topic, partitions, version)).toEqual([
      { partitionIndex: 0, lowWatermark: 1, errorCode: 0 },
      { partitionIndex: 1, lowWatermark: 2, errorCode: 0 },
    ]);
    const { partitions: starts } = await service.engine.offsets({ topic, at: 'earliest' });
    expect(starts.map(({ offset }) => offset)).toEqual([1, 2]);
  });

  test('refuses what is out of range or does not exist, and a topic that is only compacted', async () => {
    const topic = await newTopic();
    expect(await remove(topic, [{ partitionIndex: 0, offset: 1 }])).toEqual([
      { partitionIndex: 0, lowWatermark: -1, errorCode: 1 },
    ]);
    expect(await remove(topic, [{ partitionIndex: 7, offset: 0 }])).toMatchObject([{ errorCode: 3 }]);
    expect(await remove('nowhere', [{ partitionIndex: 0, offset: 0 }])).toMatchObject([{ errorCode: 3 }]);
    const compacted = await newTopic({ 'cleanup.policy': 'compact' });
    expect(await remove(compacted, [{ partitionIndex: 0, offset: 0 }])).toMatchObject([{ errorCode: 44 }]);
  });

  test('takes more partitions than the engine takes in one request', async () => {
    const topic = await newTopic({}, 300);
    const partitions = Array.from({ length: 300 }, (_, partitionIndex) => ({ partitionIndex, offset: 0 }));
    const replies = await remove(topic, partitions);
    expect(replies.map(({ partitionIndex }) => partitionIndex)).toEqual(partitions.map((one) => one.partitionIndex));
    expect(new Set(replies.map(({ errorCode }) => errorCode))).toEqual(new Set([0]));
  });
});

describe('describe log dirs', () => {
  const describeDirs = async (topics: readonly object[] | null, version = 4) =>
    (await wire.ask(key.describeLogDirs, version, { topics })) as AnyReply;

  test.each([1, 4])('v%i has the bytes of all partitions, or of those that are named', async (version) => {
    const topic = await newTopic({}, 300);
    const batch = batchOf(['abc']);
    await wire.ask(key.produce, 9, produceMessage(topic, { 290: batch }));
    const [all] = (await describeDirs(null, version)).results;
    const { partitions } = all.topics.find(({ name }: AnyReply) => name === topic);
    expect(partitions.length).toBe(300);
    const size = { partitionIndex: 290, partitionSize: batch.length, offsetLag: 0, isFutureKey: false };
    expect(partitions[290]).toEqual(size);
    const some = [
      { topic, partitions: [290] },
      { topic: 'nowhere', partitions: [0] },
      { topic, partitions: [290, 777] },
    ];
    const [named] = (await describeDirs(some, version)).results;
    expect(named).toMatchObject({ errorCode: 0, logDir: 'rivulet' });
    expect(named.topics).toEqual([{ name: topic, partitions: [size] }]);
  });
});

test('elect leaders: none is needed, and those of all partitions are left out', async () => {
  const topic = await newTopic();
  const elect = async (topicPartitions: readonly object[] | null, version = 2) =>
    (await wire.ask(key.electLeaders, version, { electionType: 0, topicPartitions, timeoutMs: 1_000 }))
      .replicaElectionResults as AnyReply[];
  expect(await elect(null)).toEqual([]);
  const named = [
    { topic, partitions: [0, 1] },
    { topic: 'nowhere', partitions: [0] },
  ];
  for (const version of [0, 2])
    expect(await elect(named, version)).toMatchObject([
      {
        topic,
        partitionResult: [
          { partitionId: 0, errorCode: 84 },
          { partitionId: 1, errorCode: 3 },
        ],
      },
      { topic: 'nowhere', partitionResult: [{ errorCode: 3 }] },
    ]);
});

test('reassignments: to the node where the partition is, and never under way', async () => {
  const topic = await newTopic();
  const move = async (replicas: readonly number[] | null, partitionIndex = 0, name = topic) =>
    (
      await wire.ask(key.alterPartitionReassignments, 0, {
        timeoutMs: 1_000,
        topics: [{ name, partitions: [{ partitionIndex, replicas }] }],
      })
    ).responses[0].partitions as AnyReply[];
  expect(await move([1])).toEqual([{ partitionIndex: 0, errorCode: 0, errorMessage: null }]);
  for (const replicas of [[2], [1, 2], [], [1, 1]]) expect(await move(replicas)).toMatchObject([{ errorCode: 39 }]);
  expect(await move(null)).toMatchObject([{ errorCode: 85 }]);
  expect(await move([1], 5)).toMatchObject([{ errorCode: 3 }]);
  expect(await move([1], 0, 'nowhere')).toMatchObject([{ errorCode: 3 }]);
  expect(await wire.ask(key.listPartitionReassignments, 0, { timeoutMs: 1_000, topics: null })).toMatchObject({
    ...{ errorCode: 0, topics: [] },
  });
});

test.each([1, 3])('ACLs v%i: there is nothing to manage', async (version) => {
  const filter = { resourceTypeFilter: 1, patternTypeFilter: 1, operation: 1, permissionType: 1 };
  const disabled = { errorCode: 54, errorMessage: expect.stringContaining('No Authorizer is configured') };
  expect(await wire.ask(key.describeAcls, version, filter)).toMatchObject({ ...disabled, resources: [] });
  const creation = {
    resourceType: 2,
    resourceName: 't',
    principal: 'User:a',
    host: '*',
    operation: 3,
    permissionType: 3,
  };
  expect((await wire.ask(key.createAcls, version, { creations: [creation, creation] })).results).toMatchObject([
    disabled,
    disabled,
  ]);
  expect((await wire.ask(key.deleteAcls, version, { filters: [filter] })).filterResults).toMatchObject([
    { ...disabled, matchingAcls: [] },
  ]);
});
