// Descriptions for administrators, request by request: topics, producers, configurations, quotas, directories.
import { beforeAll, describe, expect, test } from 'vitest';
import { batchOf, produceMessage, type Service, startService } from './service.ts';
import { type AnyReply, key, type Wire } from './wire.ts';

let service: Service;
let wire: Wire;
beforeAll(async () => {
  service = await startService();
  wire = await service.connect();
  await service.engine.createTopic({ topic: 'b', partitions: 3 });
  await service.engine.createTopic({ topic: 'a', partitions: 2 });
  await service.engine.createTopic({ topic: 'c' });
});

describe('topics page by page', () => {
  const ask = (topics: readonly string[], responsePartitionLimit = 2_000, cursor: object | null = null) =>
    wire.ask(key.describeTopicPartitions, 0, {
      ...{ topics: topics.map((name) => ({ name })), responsePartitionLimit, cursor },
    });
  const shown = ({ topics }: AnyReply) =>
    topics.map((topic: AnyReply) => [
      topic.name,
      topic.errorCode,
      topic.partitions.map((p: AnyReply) => p.partitionIndex),
    ]);

  test('come in the order of their names, each once, with the leader of each partition', async () => {
    const reply = await ask(['c', 'a', 'nowhere', 'a']);
    expect(shown(reply)).toEqual([
      ['a', 0, [0, 1]],
      ['c', 0, [0]],
      ['nowhere', 3, []],
    ]);
    expect(reply.nextCursor).toBe(null);
    expect(reply.topics[0].partitions[0]).toMatchObject({
      ...{
        leaderId: 1,
        leaderEpoch: 0,
        replicaNodes: [1],
        isrNodes: [1],
        eligibleLeaderReplicas: [],
        lastKnownElr: [],
      },
    });
    const { topicId } = await service.engine.describeTopic('a');
    expect(reply.topics[0].topicId).toBe(topicId);
  });

  test.each([[[]], [['a', 'b', 'c']]])('have a cursor where more follow, with or without names: %j', async (names) => {
    const pages = [];
    for (let cursor: object | null = null, i = 0; i === 0 || cursor !== null; i++) {
      const reply = await ask(names, 2, cursor);
      pages.push(shown(reply));
      cursor = reply.nextCursor;
    }
    expect(pages).toEqual([
      [['a', 0, [0, 1]]],
      [['b', 0, [0, 1]]],
      [
        ['b', 0, [2]],
        ['c', 0, [0]],
      ],
    ]);
  });

  test('that do not exist count too, so that a page is bounded', async () => {
    const reply = await ask(['n1', 'n2', 'n3'], 2);
    expect(shown(reply)).toHaveLength(2);
    expect(reply.nextCursor).toEqual({ topicName: 'n3', partitionIndex: 0 });
  });

  test('go on behind a topic that was deleted, or has fewer partitions by now', async () => {
    expect(shown(await ask([], 10, { topicName: 'aa', partitionIndex: 5 }))).toEqual([
      ['b', 0, [0, 1, 2]],
      ['c', 0, [0]],
    ]);
    expect(shown(await ask([], 10, { topicName: 'b', partitionIndex: 9 }))).toEqual([
      ['b', 0, []],
      ['c', 0, [0]],
    ]);
  });
});

test('the idempotent producers of a partition are listed, and those of transactions and keys are not', async () => {
  const { producerId, producerEpoch } = await wire.ask(key.initProducerId, 4, { transactionalId: null });
  const batch = batchOf(['x', 'y'], { producerId, producerEpoch, baseSequence: 0 });
  await wire.ask(key.produce, 9, produceMessage('a', { 1: batch }));
  const records = [{ partition: 1, key: null, value: null, headers: [] }];
  await service.engine.appendRecords({ topic: 'a', records, idempotencyKey: 'once' });
  const topics = [
    { name: 'a', partitionIndexes: [1, 0, 7, 1] },
    { name: 'nowhere', partitionIndexes: [0] },
  ];
  const reply = await wire.ask(key.describeProducers, 0, { topics });
  expect(reply.topics).toMatchObject([
    {
      name: 'a',
      partitions: [
        {
          ...{ partitionIndex: 1, errorCode: 0 },
          activeProducers: [
            { producerId, producerEpoch: 0, lastSequence: 1, lastTimestamp: -1, currentTxnStartOffset: -1 },
          ],
        },
        { partitionIndex: 0, errorCode: 0, activeProducers: [] },
        { partitionIndex: 7, errorCode: 3 },
      ],
    },
    { name: 'nowhere', partitions: [{ partitionIndex: 0, errorCode: 3 }] },
  ]);
  expect(reply.topics[0].partitions[0].activeProducers).toHaveLength(1);
});

test('topics and nodes have configurations, and there are no quotas', async () => {
  const resources = async (resourceTypes: number[], version = 1) => {
    const reply = await wire.ask(key.listConfigResources, version, { resourceTypes });
    const names = reply.configResources.map((one: AnyReply) => `${one.resourceType} ${one.resourceName}`);
    return [reply.errorCode, ...names];
  };
  expect(await resources([])).toEqual([0, '2 a', '2 b', '2 c', '4 1']);
  expect(await resources([4, 16])).toEqual([0, '4 1']);
  expect(await resources([3])).toEqual([35]);
  expect(await resources([], 0)).toEqual([0]);
  const components = [{ entityType: 'user', matchType: 2, match: null }];
  expect(await wire.ask(key.describeClientQuotas, 1, { components, strict: false })).toMatchObject({
    ...{ errorCode: 0, errorMessage: null, entries: [] },
  });
});

test('the metadata log has one voter and is empty, and no other topic has voters', async () => {
  const asked = [
    { topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }, { partitionIndex: 1 }] },
    { topicName: 'a', partitions: [{ partitionIndex: 0 }] },
  ];
  const reply = await wire.ask(key.describeQuorum, 2, { topics: asked });
  const unknown = { errorCode: 3, currentVoters: [] };
  expect(reply).toMatchObject({
    errorCode: 0,
    topics: [
      { partitions: [{ errorCode: 0, leaderId: 1, leaderEpoch: 0, highWatermark: 0 }, unknown] },
      { topicName: 'a', partitions: [unknown] },
    ],
    nodes: [{ nodeId: 1, listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1' }] }],
  });
  expect(reply.topics[0].partitions[0].currentVoters).toMatchObject([
    { replicaId: 1, logEndOffset: 0, lastCaughtUpTimestamp: -1 },
  ]);
});

test('a partition is moved to the one directory there is, and to no other', async () => {
  const topics = [{ name: 'a', partitions: [1, 2] }];
  const dirs = [
    { path: 'rivulet', topics },
    { path: '/tmp', topics: [{ name: 'b', partitions: [0] }] },
  ];
  expect((await wire.ask(key.alterReplicaLogDirs, 2, { dirs })).results).toMatchObject([
    {
      topicName: 'a',
      partitions: [
        { partitionIndex: 1, errorCode: 0 },
        { partitionIndex: 2, errorCode: 3 },
      ],
    },
    { topicName: 'b', partitions: [{ partitionIndex: 0, errorCode: 57 }] },
  ]);
});
