// Consumer groups of a real client, unchanged: two KafkaJS consumers share a topic, one leaves, and a later one goes on from
// what was committed.
import { type Consumer, Kafka, logLevel, Partitioners } from 'kafkajs';
import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import { startService } from './service.ts';

test('KafkaJS consumers share a topic, take over from each other, and go on from the commits', {
  timeout: 60_000,
}, async () => {
  const service = await startService();
  const kafka = new Kafka({ brokers: [`127.0.0.1:${service.port}`], logLevel: logLevel.NOTHING });
  const topic = 'orders';
  const groupId = 'billing/eu 1';
  await service.engine.createTopic({ topic, partitions: 4 });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const send = (from: number, to: number) =>
    producer.send({
      topic,
      messages: Array.from({ length: to - from }, (_, i) => ({ partition: (from + i) % 4, value: String(from + i) })),
    });

  const assigned = new Map<Consumer, number[]>();
  const seen: { readonly consumer: Consumer; readonly value: number }[] = [];
  const begin = async () => {
    const consumer = kafka.consumer({ groupId, heartbeatInterval: 100, sessionTimeout: 10_000, maxWaitTimeInMs: 100 });
    consumer.on(
      'consumer.group_join',
      ({ payload }) => void assigned.set(consumer, payload.memberAssignment[topic] ?? []),
    );
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }) => void seen.push({ consumer, value: Number(message.value) }),
    });
    return consumer;
  };
  const valuesOf = (consumer?: Consumer) =>
    seen
      .filter((each) => !consumer || each.consumer === consumer)
      .map(({ value }) => value)
      .sort((a, b) => a - b);

  const first = await begin();
  await send(0, 8);
  await eventually(() => expect(valuesOf()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]));

  const second = await begin();
  await eventually(() => {
    expect(assigned.get(first)).toHaveLength(2);
    expect(assigned.get(second)).toHaveLength(2);
  });
  await send(8, 16);
  await eventually(() => expect(valuesOf()).toHaveLength(16));
  expect(valuesOf(second)).toHaveLength(4);

  await first.disconnect();
  await eventually(() => expect(assigned.get(second)).toHaveLength(4));
  await second.disconnect();
  await send(16, 20);

  const third = await begin();
  await eventually(() => expect(valuesOf(third)).toEqual([16, 17, 18, 19]));
  const admin = kafka.admin();
  await admin.connect();
  expect((await admin.listGroups()).groups).toEqual([{ groupId, protocolType: 'consumer' }]);
  const [described] = (await admin.describeGroups([groupId])).groups;
  expect(described).toMatchObject({
    state: 'Stable',
    protocolType: 'consumer',
    members: [{ clientHost: '127.0.0.1' }],
  });
  await third.disconnect();
  await admin.deleteGroups([groupId]);
  expect((await admin.listGroups()).groups).toEqual([]);
  await admin.disconnect();
  await producer.disconnect();
  expect(service.failures).toEqual([]);
});
