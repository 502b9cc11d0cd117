// These stories run the SDK against the real server, handlers and engine in one process. Where the story needs it, a proxy
// between them breaks connections and loses answers.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ConsumedMessage } from '../../client/message.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { openConnection } from '../../client/transport/connection.ts';
import { encodeBatch } from '../../lib/record/batch.ts';
import { BATCHES_MEDIA_TYPE, encodeProduceFrames } from '../../lib/record/frames.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { type Backend, type Fault, startEmbedded, startProxy } from './embedded.ts';

let backend: Backend;
let rivulet: Rivulet;
let topics = 0;
const proxies: Backend[] = [];

beforeAll(async () => {
  backend = await startEmbedded();
  rivulet = new Rivulet({ url: backend.url });
});
afterEach(() => Promise.all(proxies.splice(0).map((proxy) => proxy.close())));
afterAll(() => backend.close());

async function newTopic(partitions: number, config: Record<string, string> = {}): Promise<string> {
  const topic = `story-${topics++}`;
  await rivulet.admin().createTopics({ topics: [{ topic, partitions, config }] });
  return topic;
}

async function through(faultOf: () => Fault, mayFail = (_path: string) => true): Promise<Rivulet> {
  const proxy = await startProxy(backend.url, ({ url = '' }) => (mayFail(url) ? faultOf() : 'none'));
  proxies.push(proxy);
  return new Rivulet({ url: proxy.url, retry: { baseMs: 5, capMs: 50 }, requestTimeoutMs: 5_000 });
}

/** Each fault happens as often as it stands in the list. */
const sometimes =
  (...faults: Fault[]) =>
  () =>
    faults[Math.floor(Math.random() * faults.length)] ?? 'none';

/** Reads everything in the topic. */
async function readAll(from: Rivulet, topic: string): Promise<ConsumedMessage[]> {
  const offsets = await rivulet.admin().fetchTopicOffsets(topic);
  const consumer = from.consumer({ autoOffsetReset: 'earliest' });
  consumer.assign(offsets.map(({ partition }) => ({ topic, partition })));
  const total = offsets.reduce((sum, { earliest, latest }) => sum + latest - earliest, 0);
  const messages: ConsumedMessage[] = [];
  if (total === 0) return messages;
  for await (const message of consumer) if (messages.push(message) === total) break;
  return messages;
}

const text = ({ value }: ConsumedMessage) => value?.toString();
const byPartition = (messages: readonly ConsumedMessage[]) => Map.groupBy(messages, ({ partition }) => partition);

test('keys, values, headers, timestamps and tombstones are read as they were sent', async () => {
  const topic = await newTopic(1);
  const producer = rivulet.producer();
  const pairs = ['many=1', '2=x', 'trace=abc', 'many=2'];
  const headers = pairs.map((pair) => ({ key: pair.split('=')[0]!, value: pair.split('=')[1]! }));
  const [one, two] = await producer.send({
    topic,
    messages: [
      { key: 'k', value: 'ü', headers, timestamp: 1_700_000_000_000 },
      { key: new Uint8Array([0xff]), value: null },
    ],
  });
  expect([one?.offset, two?.offset, one?.timestamp]).toEqual([0, 1, 1_700_000_000_000]);
  const [first, second] = await readAll(rivulet, topic);
  expect(first).toMatchObject({ topic, partition: 0, offset: 0, timestamp: 1_700_000_000_000 });
  expect([first?.key?.toString(), first?.value?.toString()]).toEqual(['k', 'ü']);
  expect(first?.headers.map(({ key, value }) => `${key}=${value}`)).toEqual(pairs);
  expect([second?.key, second?.value]).toEqual([Buffer.from([0xff]), null]);
});

test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
  'records with compression %s are read as they were sent',
  async (compression) => {
    const topic = await newTopic(2);
    const producer = rivulet.producer({ compression, batchSize: 4_000 });
    const values = Array.from({ length: 500 }, (_, i) => `${i}:${'abc'.repeat(i % 40)}`);
    await producer.send({ topic, messages: values.map((value) => ({ value })) });
    expect((await readAll(rivulet, topic)).map(text).sort()).toEqual(values.sort());
  },
);

test('despite lost replies, late requests and refusals every record is written once, in order, at its acknowledged offset', async () => {
  const topic = await newTopic(4);
  const faulty = await through(
    sometimes('none', 'none', 'slow', 'refuse 503', 'cut before', 'lose reply', 'late'),
    (path) => path.includes('/records'),
  );
  const producer = faulty.producer({ lingerMs: 1 });
  const sends = [];
  for (let i = 0; i < 400; i++) {
    sends.push(producer.send({ topic, messages: [{ key: `key-${i % 20}`, value: `${i}` }] }));
    if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
  }
  const acknowledged = (await Promise.all(sends)).flat();
  await producer.disconnect();

  const messages = await readAll(rivulet, topic);
  expect(messages.map(text).sort()).toEqual(Array.from({ length: 400 }, (_, i) => `${i}`).sort());
  const places = new Map(messages.map((message) => [`${message.partition}/${message.offset}`, text(message)]));
  acknowledged.forEach(({ partition, offset }, i) => {
    expect(places.get(`${partition}/${offset}`)).toBe(`${i}`);
  });
  for (const group of Map.groupBy(messages, ({ key }) => key?.toString()).values()) {
    const numbers = group.map((message) => Number(text(message)));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  }
});

test('several concurrent requests of one partition keep the order too', async () => {
  const topic = await newTopic(1);
  const faulty = await through(sometimes('none', 'slow', 'refuse 503', 'lose reply'), (path) =>
    path.includes('/records'),
  );
  const producer = faulty.producer({ lingerMs: 0, maxInFlightPerPartition: 5 });
  const sends = [];
  for (let i = 0; i < 100; i++) {
    sends.push(producer.send({ topic, messages: [{ value: `${i}` }] }));
    if (i % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(sends);
  expect((await readAll(rivulet, topic)).map(text)).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
});

test('despite the same faults a consumer sees every record once, in order', async () => {
  const topic = await newTopic(3);
  const producer = rivulet.producer({ batchSize: 500 });
  await producer.send({ topic, messages: Array.from({ length: 600 }, (_, i) => ({ key: `${i % 9}`, value: `${i}` })) });
  const faulty = await through(sometimes('none', 'none', 'slow', 'refuse 503', 'cut before', 'lose reply'));
  const consumer = faulty.consumer({ autoOffsetReset: 'earliest', maxBytes: 4_000 });
  consumer.assign([0, 1, 2].map((partition) => ({ topic, partition })));
  const messages: ConsumedMessage[] = [];
  for await (const message of consumer) if (messages.push(message) === 600) break;
  for (const group of byPartition(messages).values()) {
    expect(group.map(({ offset }) => offset)).toEqual(group.map((_, i) => i));
  }
});

test('a waiting consumer immediately gets what is produced', async () => {
  const topic = await newTopic(2);
  const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
  consumer.assign([0, 1].map((partition) => ({ topic, partition })));
  const iterator = consumer[Symbol.asyncIterator]();
  const next = iterator.next();
  await new Promise((resolve) => setTimeout(resolve, 150));
  const startedMs = performance.now();
  await rivulet.producer({ lingerMs: 0 }).send({ topic, messages: [{ value: 'now' }] });
  expect(text((await next).value as ConsumedMessage)).toBe('now');
  expect(performance.now() - startedMs).toBeLessThan(2_000);
  await iterator.return?.();
});

test('stop ends a long poll immediately, and reading continues where it stopped', async () => {
  const topic = await newTopic(1);
  const producer = rivulet.producer();
  await producer.send({ topic, messages: [{ value: 'a' }, { value: 'b' }] });
  const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
  consumer.assign([{ topic, partition: 0 }]);
  const seen: (string | undefined)[] = [];
  const running = consumer.run({ eachMessage: (message) => void seen.push(text(message)) });
  await expect.poll(() => seen.length).toBe(2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const startedMs = performance.now();
  await consumer.stop();
  await running;
  expect(performance.now() - startedMs).toBeLessThan(300);
  await producer.send({ topic, messages: [{ value: 'c' }] });
  for await (const message of consumer) {
    expect(text(message)).toBe('c');
    break;
  }
});

test('seek goes to an offset or to a time, also in the middle of reading', async () => {
  const topic = await newTopic(1);
  const messages = Array.from({ length: 50 }, (_, i) => ({ value: `${i}`, timestamp: 1_700_000_000_000 + i * 1000 }));
  await rivulet.producer({ batchSize: 300 }).send({ topic, messages });
  const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
  consumer.assign([{ topic, partition: 0, offset: 10 }]);
  const seen: number[] = [];
  for await (const { offset } of consumer) {
    seen.push(offset);
    if (seen.length === 2) consumer.seek({ topic, partition: 0, offset: 40 });
    if (seen.length === 4) consumer.seek({ topic, partition: 0, timestamp: 1_700_000_020_500 });
    if (seen.length === 6) break;
  }
  expect(seen).toEqual([10, 11, 40, 41, 21, 22]);
  expect(consumer.position({ topic, partition: 0 })).toBe(23);
});

test('a seek to a time after the last record continues with the next record to come', async () => {
  const topic = await newTopic(1);
  const producer = rivulet.producer({ lingerMs: 0 });
  await producer.send({ topic, messages: [{ value: 'old' }] });
  const consumer = rivulet.consumer();
  consumer.assign([{ topic, partition: 0 }]);
  consumer.seek({ topic, partition: 0, timestamp: Date.now() + 1_000_000 });
  const next = consumer[Symbol.asyncIterator]().next();
  await expect.poll(() => consumer.position({ topic, partition: 0 })).toBe(1);
  await producer.send({ topic, messages: [{ value: 'new' }] });
  expect(text((await next).value as ConsumedMessage)).toBe('new');
  await consumer.disconnect();
});

test('latest begins with the next record to come, and earliest with the first in the log', async () => {
  const topic = await newTopic(1);
  const producer = rivulet.producer({ lingerMs: 0 });
  await producer.send({ topic, messages: [{ value: 'before' }] });
  const latest = rivulet.consumer({ autoOffsetReset: 'latest' });
  latest.assign([{ topic, partition: 0 }]);
  const next = latest[Symbol.asyncIterator]().next();
  await expect.poll(() => latest.position({ topic, partition: 0 })).toBe(1);
  await producer.send({ topic, messages: [{ value: 'after' }] });
  expect(text((await next).value as ConsumedMessage)).toBe('after');
  await latest.disconnect();
  expect((await readAll(rivulet, topic)).map(text)).toEqual(['before', 'after']);
});

test('an offset beyond the end is reset, or refused, as autoOffsetReset says', async () => {
  const topic = await newTopic(1);
  await rivulet.producer().send({ topic, messages: [{ value: 'a' }] });
  const lenient = rivulet.consumer({ autoOffsetReset: 'earliest' });
  lenient.assign([{ topic, partition: 0, offset: 99 }]);
  const iterator = lenient[Symbol.asyncIterator]();
  expect(text((await iterator.next()).value as ConsumedMessage)).toBe('a');
  await iterator.return?.();
  const strict = rivulet.consumer({ autoOffsetReset: 'none' });
  strict.assign([{ topic, partition: 0, offset: 99 }]);
  await expect(strict[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    errorCode: 'OFFSET_OUT_OF_RANGE',
    topic,
    partition: 0,
    offset: 99,
    extra: { highWatermark: 1, logStartOffset: 0 },
  });
});

test('a paused partition is silent until it is resumed, and the others go on', async () => {
  const topic = await newTopic(2);
  const messages = Array.from({ length: 40 }, (_, i) => ({ partition: i % 2, value: `${i}` }));
  await rivulet.producer({ batchSize: 200 }).send({ topic, messages });
  const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
  consumer.assign([0, 1].map((partition) => ({ topic, partition })));
  const seen: ConsumedMessage[] = [];
  for await (const message of consumer) {
    seen.push(message);
    if (seen.length === 1) consumer.pause([{ topic, partitions: [message.partition] }]);
    if (seen.length === 21) consumer.resume([{ topic }]);
    if (seen.length === 40) break;
  }
  const paused = seen[0]!.partition;
  expect(seen.slice(1, 21).every(({ partition }) => partition !== paused)).toBe(true);
  for (const group of byPartition(seen).values()) {
    expect(group.map(({ offset }) => offset)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  }
});

test('a new assignment takes effect immediately, and a partition that stays keeps its position', async () => {
  const [one, two] = [await newTopic(1), await newTopic(1)];
  const producer = rivulet.producer();
  const values = Array.from({ length: 20 }, (_, i) => ({ value: `${i}` }));
  await producer.sendBatch({ topicMessages: [one, two].map((topic) => ({ topic, messages: values })) });
  const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
  consumer.assign([{ topic: one, partition: 0 }]);
  const seen: string[] = [];
  for await (const { topic, offset } of consumer) {
    seen.push(`${topic}/${offset}`);
    if (seen.length === 5) consumer.assign([one, two].map((name) => ({ topic: name, partition: 0 })));
    if (seen.length === 40) break;
  }
  expect(new Set(seen).size).toBe(40);
  expect(seen.slice(0, 5)).toEqual([0, 1, 2, 3, 4].map((offset) => `${one}/${offset}`));
  expect(consumer.assignment()).toHaveLength(2);
});

test('a re-created topic refuses the consumer of the old one', async () => {
  const topic = await newTopic(1);
  const producer = rivulet.producer({ lingerMs: 0 });
  await producer.send({ topic, messages: [{ value: 'a' }] });
  const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
  consumer.assign([{ topic, partition: 0 }]);
  const iterator = consumer[Symbol.asyncIterator]();
  await iterator.next();
  const admin = rivulet.admin();
  await admin.deleteTopics({ topics: [topic] });
  await admin.createTopics({ topics: [{ topic }] });
  await expect(iterator.next()).rejects.toMatchObject({ topic, partition: 0 });
});

test("a record that the topic's max.message.bytes does not allow fails alone", async () => {
  const topic = await newTopic(1, { 'max.message.bytes': '2000' });
  const producer = rivulet.producer();
  const results = await Promise.allSettled(
    ['a', 'x'.repeat(3_000), 'b'].map((value) => producer.send({ topic, messages: [{ value }] })),
  );
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(results[1]).toMatchObject({ reason: { errorCode: 'MESSAGE_TOO_LARGE', outcome: 'not-written' } });
  expect((await readAll(rivulet, topic)).map(text)).toEqual(['a', 'b']);
});

test('wrong credentials are refused with a sentence', async () => {
  const stranger = new Rivulet({ url: backend.url, credentials: { accessKeyId: 'local', secretAccessKey: 'wrong' } });
  await expect(stranger.admin().listTopics()).rejects.toMatchObject({ errorCode: 'FORBIDDEN', status: 403 });
});

test('a writer that takes the coming producer ids at the highest epoch locks nobody out', async () => {
  const topic = await newTopic(1);
  const credentials = async () => ({ accessKeyId: 'local', secretAccessKey: 'local' });
  const options = { url: new URL(backend.url), region: 'us-east-1', clientId: 'x', requestTimeoutMs: 5_000 };
  const connection = openConnection({ ...options, credentials, clock: systemClock });
  const { producerId } = await connection.ask<{ producerId: number }>({
    method: 'POST',
    path: '/v1/producers',
    writes: false,
  });
  const record = { key: null, value: Buffer.from('mine'), headers: [], timestampMs: 1 };
  for (let id = producerId + 1; id <= producerId + 12; id++) {
    const batches = encodeBatch([record], { producerId: id, producerEpoch: 32_767, baseSequence: 0 });
    const answer = await connection.exchange({
      method: 'POST',
      path: `/v1/topics/${topic}/records`,
      body: encodeProduceFrames([{ partition: 0, batches }]),
      contentType: BATCHES_MEDIA_TYPE,
      writes: true,
    });
    expect(answer.status).toBe(200);
  }
  const honest = new Rivulet({ url: backend.url, retry: { baseMs: 5, capMs: 20 } });
  const values = Array.from({ length: 20 }, (_, i) => `${i}`);
  const producer = honest.producer({ batchSize: 200 });
  await Promise.all(values.map((value) => producer.send({ topic, messages: [{ value }] })));
  expect((await readAll(rivulet, topic)).map(text).filter((value) => value !== 'mine')).toEqual(values);
});
