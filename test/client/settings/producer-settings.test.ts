// A test for each property of a producer: two values behave differently, or the property gets a note.
import { expect, test } from 'vitest';
import { type KafkaProperties, producerFromProperties } from '../../../client/properties.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { isProduce, isProducerId, type Received, type Script, sentBatches, sentRecords } from '../scripted-server.ts';
import { message, producerBy } from './clients.ts';

const hang: Script = (request) => (isProduce(request) ? { hang: true } : undefined);
const busy: Script = (request) => (isProduce(request) ? { status: 503, text: 'busy' } : undefined);
const headersOf = (requests: readonly Received[]) =>
  requests.flatMap(sentBatches).flatMap(({ batches }) => batches.map(({ header }) => header));

test('linger.ms lets a batch wait for more records', async () => {
  const requests = async (ms: number) => {
    const { producer, produced } = await producerBy({ 'linger.ms': ms });
    const warm = producer.send(message(1));
    await producer.flush();
    await warm;
    const first = producer.send(message(0));
    await Promise.race([first, systemClock.sleep(1_000)]);
    const second = producer.send(message(0));
    await producer.flush();
    await Promise.all([first, second]);
    return produced().length - 1;
  };
  expect(await requests(0)).toBe(2);
  expect(await requests(60_000)).toBe(1);
});

test('batch.size bounds a batch', async () => {
  const batches = async (bytes: number) => {
    const { producer, produced } = await producerBy({ 'batch.size': bytes });
    await producer.send({ topic: 't', messages: [1, 2, 3].map(() => ({ value: 'v', partition: 0 })) });
    return headersOf(produced()).length;
  };
  expect(await batches(1)).toBe(3);
  expect(await batches(16_384)).toBe(1);
});

test('compression.type compresses batches', async () => {
  const bytes = async (codec: string) => {
    const { producer, produced } = await producerBy({ 'compression.type': codec });
    await producer.send(message(0, 'a'.repeat(10_000)));
    return produced()[0]!.body.length;
  };
  expect(await bytes('none')).toBeGreaterThan(10_000);
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) expect(await bytes(codec)).toBeLessThan(1_000);
});

test('acks says whether a send waits for its answer', async () => {
  const answer = async (acks: string) => {
    const { producer, produced } = await producerBy({ acks, retries: 1 }, hang);
    const sending = producer.send(message(0)).catch(() => 'no answer');
    await expect.poll(() => produced().length, { timeout: 5_000 }).toBe(1);
    return Promise.race([sending, systemClock.sleep(100).then(() => 'waits')]);
  };
  for (const acks of ['all', '-1', '1']) expect(await answer(acks)).toBe('waits');
  expect(await answer('0')).toMatchObject([{ partition: 0, offset: -1 }]);
  expect(producerFromProperties({ acks: '1' }).notes).toEqual([expect.stringMatching(/^acks is the same as all/)]);
  expect(producerFromProperties({ acks: '0' }).notes).toEqual([expect.stringMatching(/^acks means that nothing is/)]);
  expect(producerFromProperties({ acks: 'all' }).notes).toEqual([]);
});

test('enable.idempotence gives the batches a producer id', async () => {
  const ids = async (value: boolean) => {
    const { server, producer, produced } = await producerBy({ 'enable.idempotence': value });
    await producer.send(message(0));
    return [server.received.filter(isProducerId).length, headersOf(produced())[0]!.producerId];
  };
  expect(await ids(true)).toEqual([1, 100]);
  expect(await ids(false)).toEqual([0, -1]);
});

/** How many requests are under way after two sends to different partitions, of which the first gets no answer. */
async function underWay(properties: KafkaProperties): Promise<number> {
  const { producer, produced } = await producerBy({ retries: 0, ...properties }, hang);
  void producer.send(message(0)).catch(() => undefined);
  await expect.poll(() => produced().length, { timeout: 5_000 }).toBe(1);
  void producer.send(message(1)).catch(() => undefined);
  for (let turns = 0; turns < 30 && produced().length < 2; turns++) await systemClock.sleep(10);
  return produced().length;
}

test('max.in.flight.requests.per.connection bounds the requests under way', async () => {
  expect(await underWay({ 'max.in.flight.requests.per.connection': 1 })).toBe(1);
  expect(await underWay({ 'max.in.flight.requests.per.connection': 2 })).toBe(2);
});

test('buffer.memory bounds the messages without an answer', async () => {
  expect(await underWay({ 'buffer.memory': 1 })).toBe(1);
  expect(await underWay({ 'buffer.memory': 1_000 })).toBe(2);
});

test('max.request.size bounds a request', async () => {
  const requests = async (bytes: number) => {
    const { producer, produced } = await producerBy({ 'max.request.size': bytes });
    await Promise.all([0, 1].map((partition) => producer.send(message(partition, 'v'.repeat(700)))));
    return produced().length;
  };
  expect(await requests(1_024)).toBe(2);
  expect(await requests(1_048_576)).toBe(1);
});

test('delivery.timeout.ms ends the retries', async () => {
  const after = async (properties: KafkaProperties, waitMs: number) => {
    const backoff = { 'retry.backoff.ms': 1_000, 'retry.backoff.max.ms': 1_000, retries: 5 };
    const { producer } = await producerBy({ ...backoff, ...properties }, busy);
    const sending = producer.send(message(0)).then(undefined, () => 'failed');
    return Promise.race([sending, systemClock.sleep(waitMs).then(() => 'tries')]);
  };
  expect(await after({ 'delivery.timeout.ms': 1 }, 10_000)).toBe('failed');
  expect(await after({ 'delivery.timeout.ms': 60_000 }, 200)).toBe('tries');
});

const init: Script = (request) =>
  request.path.endsWith('/init')
    ? { json: { transaction: 1, token: 'token', producerId: 1, producerEpoch: 0 } }
    : undefined;

test('transactional.id names the transactions', async () => {
  const path = async (id: string) => {
    const { server, producer } = await producerBy({ 'transactional.id': id }, init);
    await producer.transaction();
    return server.received[0]!.path;
  };
  expect(await path('a')).toBe('/v1/transactions/a/init');
  expect(await path('b')).toBe('/v1/transactions/b/init');
});

test('transaction.timeout.ms goes to the service', async () => {
  const timeout = async (ms: number) => {
    const { server, producer } = await producerBy({ 'transactional.id': 'a', 'transaction.timeout.ms': ms }, init);
    await producer.transaction();
    return JSON.parse(server.received[0]!.body.toString());
  };
  expect(await timeout(1)).toEqual({ timeoutMs: 1 });
  expect(await timeout(900_000)).toEqual({ timeoutMs: 900_000 });
});

test('retries bounds how often a batch is sent again', async () => {
  const tries = async (retries: number) => {
    const { producer, produced } = await producerBy({ retries }, busy);
    await expect(producer.send(message(0))).rejects.toMatchObject({ status: 503 });
    return produced().length;
  };
  expect(await tries(0)).toBe(1);
  expect(await tries(4)).toBe(5);
});

test('max.block.ms gets a note', () =>
  expect(producerFromProperties({ 'max.block.ms': 1 })).toEqual({
    ...{ options: {}, connection: {} },
    notes: [expect.stringMatching(/^max\.block\.ms has no effect: send waits for memory/)],
  }));

const kafkas = 'org.apache.kafka.common.serialization.';

test('key.serializer makes bytes of keys', async () => {
  const key = async (type: string, given: unknown) => {
    const { producer, produced } = await producerBy({ 'key.serializer': `${kafkas}${type}Serializer` });
    await producer.send({ topic: 't', messages: [{ key: given, value: 'v' }] });
    return sentRecords(produced()[0]!)[0]!.key!.toString('hex');
  };
  expect(await key('Integer', 7)).toBe('00000007');
  expect(await key('Long', 7n)).toBe('0000000000000007');
  expect(await key('String', '7')).toBe('37');
  await expect(key('String', 7)).rejects.toThrow('messages[0].key: the keySerializer has failed for topic t');
});

test('value.serializer makes bytes of values', async () => {
  const value = async (type: string, given: unknown) => {
    const { producer, produced } = await producerBy({ 'value.serializer': `${type}Serializer` });
    await producer.send(message(0, given));
    return sentRecords(produced()[0]!)[0]!.value!.toString('hex');
  };
  expect(await value('Double', 0.5)).toBe('3fe0000000000000');
  expect(await value('Short', -1)).toBe('ffff');
  expect(await value('ByteArray', Buffer.from([1]))).toBe('01');
  await expect(value('ByteArray', 'text')).rejects.toThrow('expected bytes, got string');
});

/** The partitions that messages with these keys come to. */
async function partitions(properties: Record<string, string | boolean>, keys: readonly string[]): Promise<number> {
  const { producer } = await producerBy(properties);
  const results = await producer.send({ topic: 't', messages: keys.map((key) => ({ key, value: 'v' })) });
  return new Set(results.map(({ partition }) => partition)).size;
}

test('partitioner.class chooses the partitions', async () => {
  const spread = (name: string) => partitions({ 'partitioner.class': name }, ['a', 'a', 'a', 'a']);
  expect(await spread('org.apache.kafka.clients.producer.RoundRobinPartitioner')).toBe(4);
  expect(await spread('org.apache.kafka.clients.producer.internals.DefaultPartitioner')).toBe(1);
  const different = ['a', 'b', 'c', 'd', 'e', 'f'];
  expect(await partitions({ 'partitioner.class': 'DefaultPartitioner' }, different)).toBeGreaterThan(1);
  expect(await partitions({ 'partitioner.class': 'UniformStickyPartitioner' }, different)).toBe(1);
  expect(() => producerFromProperties({ 'partitioner.class': 'com.example.Mine' })).toThrow(
    "partitioner.class: expected one of DefaultPartitioner, RoundRobinPartitioner, UniformStickyPartitioner, or a function as the option partitioner, got 'com.example.Mine'",
  );
});

test('partitioner.ignore.keys keeps keys from choosing', async () => {
  const spread = (value: boolean) => partitions({ 'partitioner.ignore.keys': value }, ['a', 'b', 'c', 'd', 'e', 'f']);
  expect(await spread(false)).toBeGreaterThan(1);
  expect(await spread(true)).toBe(1);
});
