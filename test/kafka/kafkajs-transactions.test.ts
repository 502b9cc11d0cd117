// Transactions of a real client, unchanged: KafkaJS commits, aborts, copies with offsets, and fences an earlier instance.
import { Kafka, logLevel, Partitioners, type Transaction } from 'kafkajs';
import { beforeAll, expect, test } from 'vitest';
import { readAll, valuesOf } from '../log/world.ts';
import { type Service, startService } from './service.ts';

const topic = 'orders';
let service: Service;
let kafka: Kafka;

beforeAll(async () => {
  service = await startService();
  kafka = new Kafka({ brokers: [`127.0.0.1:${service.port}`], logLevel: logLevel.NOTHING });
  await service.engine.createTopic({ topic, partitions: 2 });
});

async function begin(transactionalId: string) {
  const producer = kafka.producer({
    ...{ transactionalId, idempotent: true, maxInFlightRequests: 1, retry: { retries: 2 } },
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  return producer;
}

const send = (transaction: Transaction, partition: number, ...values: string[]) =>
  transaction.send({ topic, messages: values.map((value) => ({ partition, value })) });

const log = async (partition: number) => valuesOf(await readAll(service.engine, partition, 0, topic));

test('KafkaJS commits and aborts, one transaction after the other, and nothing is seen before', async () => {
  const producer = await begin('payments/eu 1');
  for (const name of ['first', 'second', 'third']) {
    const transaction = await producer.transaction();
    await send(transaction, 0, `${name} a`);
    const [metadata] = await send(transaction, 1, `${name} b`, `${name} c`);
    expect(metadata!.baseOffset).toBe('-1');
    expect((await log(1)).filter((value) => value.startsWith(name))).toEqual([]);
    await (name === 'second' ? transaction.abort() : transaction.commit());
  }
  expect(await log(0)).toEqual(['first a', 'third a']);
  expect(await log(1)).toEqual(['first b', 'first c', 'third b', 'third c']);
  await producer.disconnect();
});

test('KafkaJS commits the offsets of a group with the records, or neither', async () => {
  const producer = await begin('copy');
  const consumerGroupId = 'copiers';
  const offsetOf = async () => {
    const topics = [{ topic, partitions: [0] }];
    const [found] = (await service.engine.groups.fetchOffsets({ groupId: consumerGroupId, topics })).topics[0]!
      .partitions;
    return (found as { offset: number }).offset;
  };
  for (const [offset, end] of [
    ['7', 'abort'],
    ['8', 'commit'],
  ] as const) {
    const transaction = await producer.transaction();
    await send(transaction, 1, `copy ${offset}`);
    await transaction.sendOffsets({ consumerGroupId, topics: [{ topic, partitions: [{ partition: 0, offset }] }] });
    await transaction[end]();
    expect(await offsetOf()).toBe(end === 'commit' ? 8 : -1);
  }
  expect((await log(1)).filter((value) => value.startsWith('copy'))).toEqual(['copy 8']);
  await producer.disconnect();
});

test('a newer instance fences a KafkaJS producer, and its transaction is gone', async () => {
  const zombie = await begin('fenced');
  const left = await zombie.transaction();
  await send(left, 0, 'of the zombie');
  const newer = await begin('fenced');
  const transaction = await newer.transaction();
  await send(transaction, 0, 'of the newer one');
  await expect(send(left, 0, 'late')).rejects.toThrow(/epoch/);
  await expect(left.commit()).rejects.toThrow();
  await transaction.commit();
  const values = await log(0);
  expect(values).toContain('of the newer one');
  expect(values.filter((value) => value === 'late' || value === 'of the zombie')).toEqual([]);
  await newer.disconnect();
  await zombie.disconnect();
});
