// Programs in the manner of KafkaJS's documentation. Each runs twice over one service: with KafkaJS itself over Kafka's protocol, and
// with rivulet/kafkajs over HTTP. Both must behave alike.
import * as kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as ours from '../../../client/kafkajs/kafkajs.ts';
import { createApi } from '../../../http/api.ts';
import { startKafka } from '../../../kafka/main.ts';
import { createEngine } from '../../../lib/engine.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { startServer } from '../../../local/server.ts';
import { eventually } from '../../eventually.ts';
import { memoryPorts } from '../embedded.ts';

type Library = typeof kafkajs;
type Client = { readonly library: Library; kafka(config?: Partial<kafkajs.KafkaConfig>): kafkajs.Kafka };

const clients: Record<'KafkaJS' | 'rivulet/kafkajs', Client> = {
  KafkaJS: { library: kafkajs, kafka: (config) => open(kafkajs, `127.0.0.1:${ports.kafka}`, config) },
  'rivulet/kafkajs': {
    library: ours as unknown as Library,
    kafka: (config) => open(ours as unknown as Library, ports.url, config),
  },
};

const open = ({ Kafka, logLevel }: Library, broker: string, config: Partial<kafkajs.KafkaConfig> = {}): kafkajs.Kafka =>
  new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, ...config });

const ports = { kafka: 0, url: '' };
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const engine = createEngine(memoryPorts());
  const http = await startServer({ api: createApi({ engine, version: 'test' }), clock: systemClock });
  const kafka = await startKafka({ engine, clusterId: 'test', clock: systemClock, onError: () => {} });
  Object.assign(ports, { kafka: kafka.port, url: http.url });
  ends.push(http.close, kafka.close);
});

afterAll(async () => {
  for (const end of ends) await end();
});

let names = 0;
const newName = (what: string): string => `${what}-${++names}`;

describe.each(Object.entries(clients))('%s', (_name, { library, kafka }) => {
  const { CompressionTypes, ConfigResourceTypes, Partitioners } = library;
  const groupTimes = { sessionTimeout: 6_000, heartbeatInterval: 500, maxWaitTimeInMs: 200 };

  async function newTopic(numPartitions = 1): Promise<string> {
    const topic = newName('topic');
    const admin = kafka().admin();
    await admin.connect();
    expect(await admin.createTopics({ topics: [{ topic, numPartitions }] })).toBe(true);
    await admin.disconnect();
    return topic;
  }

  async function produce(topic: string, ...messages: kafkajs.Message[]): Promise<kafkajs.RecordMetadata[]> {
    const producer = kafka().producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    const sent = await producer.send({ topic, messages });
    await producer.disconnect();
    return sent;
  }

  /** Reads in a new group until so many messages came. */
  async function consumed(topic: string, count: number): Promise<kafkajs.EachMessagePayload[]> {
    const seen: kafkajs.EachMessagePayload[] = [];
    const consumer = kafka().consumer({ groupId: newName('group'), ...groupTimes });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({ eachMessage: async (payload) => void seen.push(payload) });
    await eventually(() => expect(seen).toHaveLength(count));
    await consumer.disconnect();
    return seen;
  }

  test('sends messages of every form, and gets them back', async () => {
    const topic = await newTopic(2);
    const sent = await produce(
      topic,
      { key: 'a', value: 'text', partition: 1, headers: { one: '1', many: ['2', '3'] }, timestamp: '1700000000000' },
      { key: Buffer.from('b'), value: Buffer.from([0, 255]), partition: 1 },
      { value: null, partition: 0 },
    );
    const places = sent.map(({ topicName, partition, errorCode, baseOffset }) => [
      topicName,
      partition,
      errorCode,
      baseOffset,
    ]);
    expect(places.sort()).toEqual([
      [topic, 0, 0, '0'],
      [topic, 1, 0, '0'],
    ]);
    const all = await consumed(topic, 3);
    const [first, second] = all.filter(({ partition }) => partition === 1).map(({ message }) => message);
    expect(first).toMatchObject({
      ...{ key: Buffer.from('a'), value: Buffer.from('text'), offset: '0', timestamp: '1700000000000', attributes: 0 },
      headers: { one: Buffer.from('1'), many: [Buffer.from('2'), Buffer.from('3')] },
    });
    expect(second).toMatchObject({ key: Buffer.from('b'), value: Buffer.from([0, 255]), offset: '1', headers: {} });
    const [last] = all.filter(({ partition }) => partition === 0);
    expect(last).toMatchObject({ topic, message: { key: null, value: null, offset: '0' } });
  });

  test('sends to several topics, compresses, and does not wait with acks 0', async () => {
    const [one, other] = [await newTopic(), await newTopic()];
    const producer = kafka().producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: false });
    await producer.connect();
    const topicMessages = [one, other].map((topic) => ({ topic, messages: [{ value: `for ${topic}` }] }));
    const sent = await producer.sendBatch({ topicMessages, compression: CompressionTypes.GZIP });
    expect(sent.map(({ topicName }) => topicName).sort()).toEqual([one, other].sort());
    await producer.send({ topic: one, acks: 0, messages: [{ value: 'not waited for' }] });
    const [first, second] = await consumed(one, 2);
    expect([first, second].map((each) => String(each?.message.value))).toEqual([`for ${one}`, 'not waited for']);
    await producer.disconnect();
  });

  test('takes a partitioner of the program', async () => {
    const topic = await newTopic(3);
    const last: kafkajs.ICustomPartitioner =
      () =>
      ({ partitionMetadata, message }) =>
        String(message.value) === 'last' ? partitionMetadata.length - 1 : 0;
    const producer = kafka().producer({ createPartitioner: last });
    await producer.connect();
    const sent = await producer.send({ topic, messages: [{ value: 'last' }, { value: 'first' }] });
    expect(sent.map(({ partition }) => partition).sort()).toEqual([0, 2]);
    await producer.disconnect();
  });

  test('consumes in batches, resolves a part of one, and gets the rest again', async () => {
    const topic = await newTopic();
    await produce(topic, ...['1', '2', '3', '4'].map((value) => ({ value })));
    const batches: string[][] = [];
    const consumer = kafka().consumer({ groupId: newName('group'), ...groupTimes });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset, heartbeat, isRunning, isStale, uncommittedOffsets }) => {
        batches.push(batch.messages.map(({ value }) => String(value)));
        expect([batch.topic, batch.partition, batch.highWatermark, batch.isEmpty()]).toEqual([topic, 0, '4', false]);
        expect([isRunning(), isStale()]).toEqual([true, false]);
        expect(batch.lastOffset()).toBe('3');
        expect(batch.offsetLag()).toBe('0');
        for (const { offset } of batch.messages.slice(0, 3)) resolveOffset(offset);
        expect(uncommittedOffsets().topics[0]!.partitions[0]!.offset).toBe(batches.length === 1 ? '3' : '4');
        await heartbeat();
      },
    });
    await eventually(() => expect(batches.length).toBeGreaterThanOrEqual(2));
    expect(batches.slice(0, 2)).toEqual([['1', '2', '3', '4'], ['4']]);
    await consumer.disconnect();
  });

  test('gives a message again whose handler has thrown, and goes on from the commits', async () => {
    const topic = await newTopic();
    await produce(topic, { value: 'poison' }, { value: 'after' });
    const groupId = newName('group');
    const seen: string[] = [];
    const begin = async (handler: (value: string) => void) => {
      const consumer = kafka({ retry: { initialRetryTime: 10, retries: 5 } }).consumer({ groupId, ...groupTimes });
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({ eachMessage: async ({ message }) => handler(String(message.value)) });
      return consumer;
    };
    const consumer = await begin((value) => {
      seen.push(value);
      if (seen.length < 3) throw new Error('not yet');
    });
    await eventually(() => expect(seen).toEqual(['poison', 'poison', 'poison', 'after']));
    await consumer.disconnect();
    await produce(topic, { value: 'new' });
    const later: string[] = [];
    const next = await begin((value) => void later.push(value));
    await eventually(() => expect(later).toEqual(['new']));
    await next.disconnect();
  });

  test('seeks, pauses and resumes', async () => {
    const topic = await newTopic();
    await produce(topic, ...['0', '1', '2'].map((value) => ({ value })));
    const seen: string[] = [];
    const consumer = kafka().consumer({ groupId: newName('group'), ...groupTimes });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message, pause }) => {
        seen.push(String(message.value));
        if (seen.length === 2) setTimeout(pause(), 300);
      },
    });
    await eventually(() => expect(seen).toHaveLength(2));
    expect(consumer.paused()).toEqual([{ topic, partitions: [0] }]);
    await eventually(() => expect(seen).toEqual(['0', '1', '2']));
    expect(consumer.paused()).toEqual([]);
    consumer.seek({ topic, partition: 0, offset: '1' });
    await eventually(() => expect(seen).toEqual(['0', '1', '2', '1', '2']));
    consumer.pause([{ topic }]);
    await produce(topic, { value: '3' });
    consumer.resume([{ topic }]);
    await eventually(() => expect(seen.at(-1)).toBe('3'));
    await consumer.disconnect();
  });

  test('commits by hand what the program says', async () => {
    const topic = await newTopic();
    await produce(topic, ...['0', '1', '2'].map((value) => ({ value })));
    const groupId = newName('group');
    const consumer = kafka().consumer({ groupId, ...groupTimes });
    let seen = 0;
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ autoCommit: false, eachMessage: async () => void seen++ });
    await eventually(() => expect(seen).toBe(3));
    await consumer.commitOffsets([{ topic, partition: 0, offset: '2', metadata: 'by hand' }]);
    await consumer.disconnect();
    const admin = kafka().admin();
    await admin.connect();
    expect(await admin.fetchOffsets({ groupId, topics: [topic] })).toEqual([
      { topic, partitions: [expect.objectContaining({ partition: 0, offset: '2', metadata: 'by hand' })] },
    ]);
    await admin.disconnect();
  });

  test('tells of its life by events', async () => {
    const topic = await newTopic(2);
    const groupId = newName('group');
    const consumer = kafka().consumer({ groupId, ...groupTimes });
    const told: string[] = [];
    const assignments: unknown[] = [];
    const { CONNECT, GROUP_JOIN, START_BATCH_PROCESS, END_BATCH_PROCESS, STOP, DISCONNECT } = consumer.events;
    for (const event of [CONNECT, START_BATCH_PROCESS, END_BATCH_PROCESS, STOP, DISCONNECT] as const)
      consumer.on(event as typeof CONNECT, ({ type }) => void told.push(type));
    const forget = consumer.on(CONNECT, () => told.push('forgotten'));
    forget();
    consumer.on(GROUP_JOIN, ({ payload }) => {
      expect(payload.groupId).toBe(groupId);
      assignments.push(payload.memberAssignment);
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ eachBatch: async () => {} });
    await eventually(() => expect(assignments.at(-1)).toEqual({ [topic]: [0, 1] }));
    await produce(topic, { value: 'x' });
    await eventually(() => expect(told).toContain('consumer.end_batch_process'));
    await consumer.disconnect();
    // KafkaJS connects once more when it begins to run.
    expect([...new Set(told)]).toEqual([
      ...['consumer.connect', 'consumer.start_batch_process', 'consumer.end_batch_process'],
      ...['consumer.stop', 'consumer.disconnect'],
    ]);
    expect(() => consumer.on('consumer.unknown' as typeof CONNECT, () => {})).toThrow(/Event name should be one of/);
  });

  test('looks after topics, configurations and groups', async () => {
    const admin = kafka().admin();
    await admin.connect();
    const topic = newName('topic');
    const configEntries = [{ name: 'retention.ms', value: '1000' }];
    expect(await admin.createTopics({ topics: [{ topic, numPartitions: 2, configEntries }] })).toBe(true);
    expect(await admin.createTopics({ topics: [{ topic }] })).toBe(false);
    expect(await admin.listTopics()).toContain(topic);
    await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    expect(topics[0]!.partitions.map(({ partitionId }) => partitionId).sort()).toEqual([0, 1, 2]);

    const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
    const described = await admin.describeConfigs({
      resources: [{ ...resource, configNames: ['retention.ms'] }],
      includeSynonyms: false,
    });
    expect(described.resources[0]!.configEntries).toMatchObject([{ configName: 'retention.ms', configValue: '1000' }]);

    await produce(
      topic,
      { value: 'a', partition: 0, timestamp: '1000' },
      { value: 'b', partition: 0, timestamp: '2000' },
    );
    const offsets = await admin.fetchTopicOffsets(topic);
    expect(offsets.find(({ partition }) => partition === 0)).toEqual({
      partition: 0,
      offset: '2',
      high: '2',
      low: '0',
    });
    const byTime = await admin.fetchTopicOffsetsByTimestamp(topic, 1_500);
    expect(byTime.find(({ partition }) => partition === 0)).toEqual({ partition: 0, offset: '1' });

    const groupId = newName('group');
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '1' }] });
    expect((await admin.listGroups()).groups).toContainEqual(expect.objectContaining({ groupId }));
    await admin.resetOffsets({ groupId, topic, earliest: true });
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
    expect(committed!.partitions.find(({ partition }) => partition === 0)!.offset).toBe('0');
    expect(await admin.deleteGroups([groupId])).toMatchObject([{ groupId, errorCode: 0 }]);
    await admin.deleteTopics({ topics: [topic] });
    expect(await admin.listTopics()).not.toContain(topic);
    await admin.disconnect();
  });

  test('throws errors by their names', async () => {
    const admin = kafka({ retry: { retries: 1, initialRetryTime: 10 } }).admin();
    await admin.connect();
    const missing = newName('missing');
    const invalid = admin.createTopics({ topics: [{ topic: 'a/b' }] });
    await expect(invalid).rejects.toMatchObject({
      name: 'KafkaJSAggregateError',
      errors: [{ name: 'KafkaJSCreateTopicError', type: 'INVALID_TOPIC_EXCEPTION', code: 17, topic: 'a/b' }],
    });
    await expect(admin.deleteGroups([missing])).rejects.toMatchObject({
      name: 'KafkaJSDeleteGroupsError',
      groups: [{ groupId: missing, errorCode: 69 }],
    });
    await admin.disconnect();
    expect(() => kafka().consumer({ groupId: '' })).toThrow(library.KafkaJSNonRetriableError);
    const consumer = kafka().consumer({ groupId: newName('group') });
    expect(() => consumer.seek({ topic: missing, partition: 0, offset: '0' })).toThrow(
      library.KafkaJSNonRetriableError,
    );
    expect(new library.KafkaJSNonRetriableError('x')).toBeInstanceOf(library.KafkaJSError);
  });
});
