import { expect, test } from 'vitest';
import { type Message, toRecord } from '../../../client/message.ts';
import { Delivery } from '../../../client/producer/delivery.ts';
import { TopicQueue, type TopicSettings } from '../../../client/producer/topic-queue.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';

function topicWith(settings: Partial<TopicSettings> = {}, partitions = 6, maxMessageBytes = 1_048_588) {
  const metadata = { topic: 't', topicId: 'id', partitions, maxMessageBytes };
  const topic = new TopicQueue(metadata, {
    compression: 'none',
    lingerMs: 0,
    deliveryTimeoutMs: 1000,
    maxInFlightPerPartition: 1,
    ids: undefined,
    isTransactional: false,
    batchBytes: 1000,
    maxRequestBytes: 1024 * 1024,
    partitioner: 'default',
    ignoresKeys: false,
    clock: systemClock,
    ...settings,
  });
  const send = (message: Message) => {
    const record = toRecord(message, 0, 0);
    const partition = topic.partitionFor(record, partitions);
    return topic.append(record, partition, new Delivery(1, () => {}), 0, metadata);
  };
  return { topic, send };
}

const shape = (topic: TopicQueue) =>
  topic.take(Number.POSITIVE_INFINITY).map(({ queue, batches }) => ({
    partition: queue.partition,
    batches: batches.length,
    records: batches.reduce((sum, { records }) => sum + records.length, 0),
  }));

// Hashes that Kafka's own tests state (UtilsTest): 0x7fffffff & -973932308, -790332482, 479470107, -985981536, modulo 6.
test.each([
  ['21', 0],
  ['foobar', 0],
  ['abc', 3],
  ['a-little-bit-long-string', 2],
])('the key %j goes where Kafka sends it', (key, partition) => {
  const { topic, send } = topicWith();
  send({ key, value: 'v' });
  expect(shape(topic)[0]?.partition).toBe(partition);
});

test('the partition that a record names wins over its key', () => {
  const { topic, send } = topicWith();
  send({ key: 'a', value: 'v', partition: 5 });
  expect(shape(topic)[0]?.partition).toBe(5);
});

test('round robin takes all partitions in turn, and ignored keys fill one batch', () => {
  const inTurn = topicWith({ partitioner: 'round-robin' });
  for (let i = 0; i < 12; i++) inTurn.send({ key: 'a', value: 'v' });
  expect(shape(inTurn.topic).map(({ partition, records }) => [partition, records])).toEqual(
    expect.arrayContaining([0, 1, 2, 3, 4, 5].map((partition) => [partition, 2])),
  );
  const ignoring = topicWith({ ignoresKeys: true });
  for (let i = 0; i < 12; i++) ignoring.send({ key: `key-${i}`, value: 'v' });
  expect(shape(ignoring.topic).map(({ records }) => records)).toEqual([12]);
});

test('without a key, a batch is filled before another partition gets the next', () => {
  const { topic, send } = topicWith({}, 1000);
  for (let i = 0; i < 90; i++) send({ value: 'x'.repeat(69) });
  const parts = shape(topic);
  // 10 records of 90 estimated bytes fit a batch of 1,000.
  expect(parts.reduce((sum, { batches }) => sum + batches, 0)).toBe(9);
  expect(parts.length).toBeGreaterThan(5);
});

test('all partitions of a topic share one request', () => {
  const { topic, send } = topicWith();
  for (let partition = 0; partition < 6; partition++) send({ value: 'v', partition });
  expect(shape(topic).map(({ partition }) => partition)).toEqual([0, 1, 2, 3, 4, 5]);
});

test('a request keeps its bound, and the partitions that it leaves out come first in the next', () => {
  const { topic, send } = topicWith({ maxRequestBytes: 2500 });
  for (let round = 0; round < 3; round++) {
    for (let partition = 0; partition < 4; partition++) send({ value: 'x'.repeat(900), partition });
  }
  const first = topic.take(Number.POSITIVE_INFINITY);
  expect(first.reduce((sum, { lengthBytes }) => sum + lengthBytes + 8, 0)).toBeLessThanOrEqual(2500);
  for (const part of first) part.queue.written(part, undefined);
  const next = topic.take(Number.POSITIVE_INFINITY).map(({ queue }) => queue.partition);
  expect(next).not.toContain(first[0]?.queue.partition);
});

test("a batch of many records stays below the topic's max.message.bytes", () => {
  const { topic, send } = topicWith({ batchBytes: 1_000_000 }, 1, 2000);
  for (let i = 0; i < 50; i++) send({ value: 'x'.repeat(500), partition: 0 });
  const [part] = topic.take(Number.POSITIVE_INFINITY);
  expect(part?.batches.length).toBeGreaterThan(10);
  expect(part?.batches.every(({ sealed }) => sealed!.length <= 2000)).toBe(true);
});
