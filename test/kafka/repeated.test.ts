// Requests that name the same thing again and again. A small request must not make the service work, or hold memory, a
// thousand times over.
import { beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../lib/api/engine.ts';
import { fetchMessage, fetchTopic, type Service, startService } from './service.ts';
import { key } from './wire.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});

const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one);

test('Metadata describes a topic once', async () => {
  const topic = await service.engine.createTopic({ topic: 'described' });
  const wire = await service.connect();
  const byName = await wire.ask(key.metadata, 9, { topics: times(3, { name: 'described' }) });
  expect(byName.topics).toMatchObject([{ errorCode: 0, name: 'described' }]);
  const byId = await wire.ask(key.metadata, 12, { topics: times(3, { name: null, topicId: topic.topicId }) });
  expect(byId.topics).toMatchObject([{ errorCode: 0, name: 'described' }]);
});

test('DescribeConfigs describes a resource once', async () => {
  await service.engine.createTopic({ topic: 'configured' });
  const wire = await service.connect();
  const resource = { resourceType: 2, resourceName: 'configured', configurationKeys: ['retention.ms'] };
  const { results } = await wire.ask(key.describeConfigs, 4, { resources: times(3, resource) });
  expect(results).toMatchObject([{ errorCode: 0, configs: [{ name: 'retention.ms' }] }]);
});

test.each([12, 13])(
  'Fetch v%i reads a topic once that is named again, and refuses a repeated partition',
  async (version) => {
    const topic = await service.engine.createTopic({ topic: `fetched-${version}`, partitions: 2 });
    const other = await service.engine.createTopic({ topic: `other-${version}` });
    const wire = await service.connect();
    const fetch = (...topics: object[]) => wire.ask(key.fetch, version, fetchMessage(topics));
    const [first, second] = [0, 1].map((partition) => fetchTopic(topic, { partition }));
    expect(await fetch(first!, fetchTopic(other), second!)).toMatchObject({
      errorCode: 0,
      responses: [
        {
          partitions: [
            { partitionIndex: 0, errorCode: 0 },
            { partitionIndex: 1, errorCode: 0 },
          ],
        },
        { partitions: [{ partitionIndex: 0, errorCode: 0 }] },
      ],
    });
    expect(await fetch(first!, second!, first!)).toMatchObject({ errorCode: 42, responses: [] });
  },
);

test('Produce looks at each of many topics once', async () => {
  const wire = await service.connect();
  const topicData = Array.from({ length: 24_000 }, (_, i) => ({ name: `t-${i}`, partitionData: [] }));
  const reply = await wire.ask(key.produce, 9, { transactionalId: null, acks: -1, timeoutMs: 1_000, topicData });
  expect(reply.responses.length).toBe(24_000);
});

test('a name that no topic can have is unknown, and no failure of storage', async () => {
  const wire = await service.connect();
  for (const name of ['', 'x'.repeat(3_000)]) {
    const { topics } = await wire.ask(key.metadata, 9, { topics: [{ name }], allowAutoTopicCreation: false });
    expect(topics).toMatchObject([{ errorCode: 3 }]);
  }
});

test('DeleteRecords, ElectLeaders and AlterPartitionReassignments look at a topic once', async () => {
  let looks = 0;
  const wrap = (engine: Engine): Engine => ({
    ...engine,
    describeTopic: (topic) => {
      looks++;
      return engine.describeTopic(topic);
    },
    deleteRecords: (request) => {
      looks++;
      return engine.deleteRecords(request);
    },
  });
  const counted = await startService({ wrap });
  await counted.engine.createTopic({ topic: 'many', partitions: 2 });
  const wire = await counted.connect();
  const deletions = [0, 1].map((partitionIndex) => ({ name: 'many', partitions: [{ partitionIndex, offset: 0 }] }));
  const deleted = await wire.ask(key.deleteRecords, 2, { topics: deletions, timeoutMs: 1_000 });
  expect(deleted.topics).toMatchObject([{ name: 'many', partitions: [{ errorCode: 0 }, { errorCode: 0 }] }]);
  expect(looks).toBe(1);
  const elections = times(1_000, { topic: 'many', partitions: [0] });
  const elected = await wire.ask(key.electLeaders, 2, { electionType: 0, topicPartitions: elections });
  expect(elected.replicaElectionResults.length).toBe(1_000);
  expect(looks).toBe(2);
  const moves = times(1_000, { name: 'many', partitions: [{ partitionIndex: 0, replicas: [1] }] });
  const moved = await wire.ask(key.alterPartitionReassignments, 0, { topics: moves });
  expect(moved.responses.length).toBe(1_000);
  expect(looks).toBe(3);
});
