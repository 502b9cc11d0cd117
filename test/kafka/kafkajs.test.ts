// A real client, unchanged: KafkaJS creates a topic, writes to it, and looks at its offsets and configurations. The records are
// fetched by hand; kafkajs-groups.test.ts has consumers.
import { CompressionTypes, ConfigResourceTypes, Kafka, logLevel, Partitioners } from 'kafkajs';
import { expect, test } from 'vitest';
import { decodeBatch } from '../../lib/record/batch.ts';
import { fetchMessage, fetchTopic, startService } from './service.ts';
import { key } from './wire.ts';

test('KafkaJS creates, writes, and finds what it wrote', async () => {
  const service = await startService();
  const kafka = new Kafka({ brokers: [`127.0.0.1:${service.port}`], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const topic = 'orders';
  const configEntries = [{ name: 'retention.ms', value: '100000' }];
  expect(await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 3, configEntries }] })).toBe(
    true,
  );
  await admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] });

  for (const idempotent of [false, true]) {
    const producer = kafka.producer({ idempotent, createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    const value = idempotent ? 'once' : 'plain';
    const compression = idempotent ? CompressionTypes.GZIP : CompressionTypes.None;
    await producer.send({ topic, compression, messages: [{ partition: 1, key: 'k', value, headers: { h: 'x' } }] });
    await producer.disconnect();
  }

  expect(await admin.fetchTopicOffsets(topic)).toEqual([
    { partition: 0, offset: '0', high: '0', low: '0' },
    { partition: 1, offset: '2', high: '2', low: '0' },
  ]);
  const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['retention.ms'] }];
  const described = await admin.describeConfigs({ resources, includeSynonyms: false });
  expect(described.resources[0]!.configEntries).toMatchObject([{ configName: 'retention.ms', configValue: '100000' }]);

  const wire = await service.connect();
  const message = fetchMessage([fetchTopic({ topic, topicId: '' }, { partition: 1 })]);
  const { records } = (await wire.ask(key.fetch, 11, message)).responses[0].partitions[0];
  const first = decodeBatch(records);
  const second = decodeBatch(records, first.header.sizeBytes);
  const text = (bytes: Uint8Array | null) => Buffer.from(bytes!).toString();
  expect([first, second].map((batch) => text(batch.records[0]!.value))).toEqual(['plain', 'once']);
  expect(text(first.records[0]!.headers[0]!.value)).toBe('x');

  await admin.deleteTopics({ topics: [topic] });
  expect(await admin.listTopics()).toEqual([]);
  await admin.disconnect();
});
