// Tests of what programs meet only with rivulet/kafkajs: transactions with offsets, crashes, addresses, the log, partitioners.
import fc from 'fast-check';
import * as kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type EachMessagePayload,
  Kafka,
  type KafkaConfig,
  KafkaJSConnectionError,
  KafkaJSNonRetriableError,
  KafkaJSNotImplemented,
  type LogEntry,
  logLevel,
  Partitioners,
} from '../../../client/kafkajs/kafkajs.ts';
import { eventually } from '../../eventually.ts';
import { type Backend, startEmbedded } from '../embedded.ts';

let backend: Backend;
let names = 0;

beforeAll(async () => {
  backend = await startEmbedded();
});
afterAll(() => backend.close());

const quiet = { logLevel: logLevel.NOTHING };
const kafkaOf = (config: Partial<KafkaConfig> = {}): Kafka =>
  new Kafka({ brokers: [backend.url], ...quiet, ...config });
const times = { sessionTimeout: 6_000, heartbeatInterval: 500, maxWaitTimeInMs: 200 };

async function newTopic(kafka: Kafka): Promise<string> {
  const topic = `topic-${++names}`;
  await kafka.admin().createTopics({ topics: [{ topic }] });
  return topic;
}

async function reading(
  kafka: Kafka,
  topic: string,
  groupId: string,
  each: (payload: EachMessagePayload) => Promise<void>,
) {
  const consumer = kafka.consumer({ groupId, ...times });
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ autoCommit: false, eachMessage: each });
  return consumer;
}

describe('a transaction', () => {
  test('moves records and the offsets of its consumer together', async () => {
    const kafka = kafkaOf();
    const [from, to] = [await newTopic(kafka), await newTopic(kafka)];
    const groupId = `group-${++names}`;
    await kafka.producer().send({ topic: from, messages: [{ value: 'a' }, { value: 'b' }, { value: 'c' }] });
    const producer = kafka.producer({ transactionalId: `mover-${++names}`, idempotent: true, maxInFlightRequests: 1 });
    const ended: boolean[] = [];
    const consumer = await reading(kafka, from, groupId, async ({ topic, partition, message }) => {
      const transaction = await producer.transaction();
      expect(transaction.isActive()).toBe(true);
      await transaction.send({ topic: to, messages: [{ value: `${message.value}!` }] });
      const offsets = [{ partition, offset: String(Number(message.offset) + 1) }];
      await transaction.sendOffsets({ consumerGroupId: groupId, topics: [{ topic, partitions: offsets }] });
      if (String(message.value) === 'b' && ended.length === 1) await transaction.abort();
      else await transaction.commit();
      ended.push(transaction.isActive());
      if (ended.length === 2) throw new Error('aborted, so it comes again');
    });
    await eventually(() => expect(ended).toHaveLength(4));
    await consumer.disconnect();
    const seen: string[] = [];
    const check = await reading(
      kafka,
      to,
      `group-${++names}`,
      async ({ message }) => void seen.push(String(message.value)),
    );
    await eventually(() => expect(seen).toEqual(['a!', 'b!', 'c!']));
    await check.disconnect();
    const [committed] = await kafka.admin().fetchOffsets({ groupId, topics: [from] });
    expect(committed?.partitions).toMatchObject([{ partition: 0, offset: '3' }]);
    expect(ended).toEqual([false, false, false, false]);
  });

  test('takes offsets of a group that nobody reads in', async () => {
    const kafka = kafkaOf();
    const topic = await newTopic(kafka);
    const groupId = `group-${++names}`;
    await kafka.producer().send({ topic, messages: [{ value: 'a' }] });
    const transaction = await kafka.producer({ transactionalId: `id-${++names}` }).transaction();
    await transaction.sendOffsets({
      consumerGroupId: groupId,
      topics: [{ topic, partitions: [{ partition: 0, offset: '1' }] }],
    });
    await transaction.commit();
    const [committed] = await kafka.admin().fetchOffsets({ groupId, topics: [topic] });
    expect(committed?.partitions).toMatchObject([{ offset: '1' }]);
  });
});

describe('a consumer', () => {
  test.each([true, false])('crashes after its retries, and restarts if it may: %s', async (restart) => {
    const kafka = kafkaOf({ retry: { retries: 1, initialRetryTime: 5, restartOnFailure: async () => restart } });
    const topic = await newTopic(kafka);
    await kafka.producer().send({ topic, messages: [{ value: 'poison' }] });
    const consumer = kafka.consumer({ groupId: `group-${++names}`, ...times });
    const crashes: unknown[] = [];
    const triesBefore: number[] = [];
    let tries = 0;
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      crashes.push(payload);
      triesBefore.push(tries);
    });
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: () => {
        tries++;
        throw new Error('poison');
      },
    });
    await eventually(() => expect(crashes.length).toBeGreaterThanOrEqual(restart ? 2 : 1));
    await consumer.disconnect();
    expect(crashes[0]).toMatchObject({ restart, error: { name: 'KafkaJSNumberOfRetriesExceeded', retryCount: 1 } });
    expect(triesBefore.slice(0, 2)).toEqual(restart ? [2, 4] : [2]);
  });

  test('finds the topics of a RegExp, also among names', async () => {
    const kafka = kafkaOf();
    const [one, other] = [await newTopic(kafka), await newTopic(kafka)];
    const consumer = kafka.consumer({ groupId: `group-${++names}`, ...times });
    const seen: string[] = [];
    await consumer.subscribe({ topics: [new RegExp(`^${one}$`), other], fromBeginning: true });
    await consumer.run({ eachMessage: async ({ topic }) => void seen.push(topic) });
    for (const topic of [one, other]) await kafka.producer().send({ topic, messages: [{ value: 'x' }] });
    await eventually(() => expect(seen.sort()).toEqual([one, other].sort()));
    await consumer.disconnect();
  });

  test('hands over no further message of a batch once it is stopped, and leaves them to the next', async () => {
    const kafka = kafkaOf();
    const topic = await newTopic(kafka);
    const groupId = `group-${++names}`;
    await kafka.producer().send({ topic, messages: [{ value: '1' }, { value: '2' }, { value: '3' }] });
    const seen: string[] = [];
    const begin = async (each: (value: string) => void) => {
      const consumer = kafka.consumer({ groupId, ...times });
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({ eachMessage: async ({ message }) => each(String(message.value)) });
      return consumer;
    };
    let stopped: Promise<void> | undefined;
    const first = await begin((value) => {
      seen.push(value);
      stopped ??= first.stop();
    });
    await eventually(() => expect(stopped).toBeDefined());
    await stopped;
    expect(seen).toEqual(['1']);
    const next = await begin((value) => void seen.push(value));
    await eventually(() => expect(seen).toEqual(['1', '2', '3']));
    await next.disconnect();
  });

  test('refuses what it cannot do', async () => {
    const consumer = kafkaOf().consumer({ groupId: 'any' });
    await consumer.subscribe({ topic: 'a', fromBeginning: true });
    await expect(consumer.subscribe({ topic: 'b' })).rejects.toThrow('fromBeginning: expected the same for all topics');
    await expect(consumer.run({})).rejects.toThrow('run: expected a function eachMessage or eachBatch');
    await expect(consumer.subscribe({ topics: [''] })).rejects.toThrow(KafkaJSNonRetriableError);
  });

  test('commits after so many messages', async () => {
    const kafka = kafkaOf();
    const topic = await newTopic(kafka);
    const groupId = `group-${++names}`;
    await kafka.producer().send({ topic, messages: [{ value: '1' }, { value: '2' }, { value: '3' }] });
    const consumer = kafka.consumer({ groupId, ...times });
    let seen = 0;
    await consumer.subscribe({ topic, fromBeginning: true });
    // The interval alone would commit after an hour.
    await consumer.run({ autoCommitInterval: 3_600_000, autoCommitThreshold: 2, eachMessage: async () => void seen++ });
    await eventually(() => expect(seen).toBe(3));
    const [committed] = await kafka.admin().fetchOffsets({ groupId, topics: [topic] });
    expect(committed?.partitions).toMatchObject([{ offset: '2' }]);
    await consumer.disconnect();
  });
});

describe('an address', () => {
  test.each(['localhost:1', '127.0.0.1:1', 'http://127.0.0.1:1'])('%s is a service on this machine', async (broker) => {
    const kafka = kafkaOf({ brokers: [broker], retry: { retries: 0 } });
    expect(await kafka.admin().describeCluster()).toMatchObject({ brokers: [{ nodeId: 1, port: 1 }], controller: 1 });
    await expect(kafka.admin().listTopics()).rejects.toBeInstanceOf(KafkaJSConnectionError);
  });

  test.each([[[]], [['']], [['http://']], [() => ['a']]])('is not %s', (brokers) =>
    expect(() => kafkaOf({ brokers })).toThrow(/^brokers: expected/),
  );

  test('takes no user name', () => {
    const sasl = { mechanism: 'plain', username: 'a', password: 'secret' };
    expect(() => kafkaOf({ sasl })).toThrow(/^sasl: expected none(?!.*secret)/);
  });
});

test('the log has entries down to its level, for the creator of the program', async () => {
  const entries: LogEntry[] = [];
  const kafka = kafkaOf({ logLevel: logLevel.WARN, logCreator: () => (entry) => void entries.push(entry) });
  kafka.logger().info('too quiet');
  kafka.logger().warn('loud', { extra: 1 });
  const log = { message: 'loud', extra: 1, timestamp: expect.any(String), logger: 'rivulet' };
  expect(entries).toEqual([{ namespace: '', level: logLevel.WARN, label: 'WARN', log }]);
  kafka.logger().setLogLevel(logLevel.DEBUG);
  kafka.logger().namespace('Own').debug('now');
  expect(entries.at(-1)).toMatchObject({ namespace: 'Own', label: 'DEBUG' });
});

test('what has no meaning without brokers says so', async () => {
  const admin = kafkaOf().admin();
  for (const call of [admin.createAcls, admin.describeAcls, admin.deleteAcls, admin.alterPartitionReassignments])
    await expect(call()).rejects.toBeInstanceOf(KafkaJSNotImplemented);
  await expect(admin.createTopics({ topics: [{ topic: 'a' }], validateOnly: true })).rejects.toThrow('validateOnly');
  expect(await admin.listPartitionReassignments()).toEqual({ topics: [] });
});

describe.each(['DefaultPartitioner', 'LegacyPartitioner', 'JavaCompatiblePartitioner'] as const)('%s', (name) => {
  const metadata = (length: number) =>
    Array.from({ length }, (_, partitionId) => ({
      ...{ partitionId, leader: 1, partitionErrorCode: 0, replicas: [1], isr: [1], offlineReplicas: [] },
    }));

  test('chooses for a key as KafkaJS does', () => {
    const [own, theirs] = [Partitioners[name](), kafkajs.Partitioners[name]()];
    const key = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(key, fc.integer({ min: 1, max: 1_000 }), (given, partitions) => {
        const args = { topic: 't', partitionMetadata: metadata(partitions), message: { key: given, value: null } };
        expect(own(args)).toBe(theirs(args));
      }),
    );
  });

  test('takes turns without a key, and obeys a partition', () => {
    const own = Partitioners[name]();
    const args = { topic: 't', partitionMetadata: metadata(3), message: { value: null } };
    expect([own(args), own(args), own(args)].sort()).toEqual([0, 1, 2]);
    expect(own({ ...args, message: { value: null, partition: 7 } })).toBe(7);
  });
});
