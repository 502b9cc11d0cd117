// These stories read and write through streams, against the real server, handlers and engine in one process.
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { RivuletClientError } from '../../client/client-error.ts';
import type { Consumer } from '../../client/consumer/consumer.ts';
import type { ConsumerOptions } from '../../client/consumer/consumer-options.ts';
import type { ConsumedMessage, Message } from '../../client/message.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { type Backend, startEmbedded, startProxy } from './embedded.ts';

let backend: Backend;
let rivulet: Rivulet;
let topics = 0;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  backend = await startEmbedded();
  rivulet = new Rivulet({ url: backend.url });
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => backend.close());

async function newTopic(values: readonly string[] = []): Promise<string> {
  const topic = `stream-${topics++}`;
  await rivulet.admin().createTopics({ topics: [{ topic, partitions: 1 }] });
  const producer = rivulet.producer({ lingerMs: 0, batchSize: 1_000 });
  for (const value of values) await producer.send({ topic, messages: [{ value }] });
  return topic;
}

function consumerOf(topic: string, options: ConsumerOptions = {}, from = rivulet): Consumer {
  const consumer = from.consumer({ groupId: `group-of-${topic}`, autoOffsetReset: 'earliest', ...options });
  closing.push(() => consumer.disconnect());
  consumer.subscribe({ topics: [topic] });
  return consumer;
}

async function committed(topic: string): Promise<number | undefined> {
  const [offset] = await rivulet.consumer({ groupId: `group-of-${topic}` }).committed(topic);
  return offset?.offset;
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));
const text = ({ value }: ConsumedMessage) => value?.toString();

async function readAll(topic: string, count: number): Promise<(string | undefined)[]> {
  const seen: (string | undefined)[] = [];
  if (count > 0) for await (const message of consumerOf(topic).stream()) if (seen.push(text(message)) === count) break;
  return seen;
}

test('a stream gives the messages in order, and a reader that breaks off has committed what it handled', async () => {
  const topic = await newTopic(numbers(5));
  expect(await readAll(topic, 3)).toEqual(['0', '1', '2']);
  // Nothing shows that the third was handled.
  expect(await committed(topic)).toBe(2);
  expect(await readAll(topic, 3)).toEqual(['2', '3', '4']);
});

test('a cancelled stream has left its group, so that another consumer gets the partitions immediately', async () => {
  const topic = await newTopic(numbers(3));
  const reader = consumerOf(topic).stream().getReader();
  await reader.read();
  await reader.read();
  await reader.cancel('enough');
  const [group] = await rivulet.admin().describeGroups([`group-of-${topic}`]);
  expect(group).toMatchObject({ members: 0 });
  expect(await committed(topic)).toBe(1);
});

test('a pipe counts a message as handled when its sink is done with it, and a sink that fails gets it again', async () => {
  const topic = await newTopic(numbers(4));
  const seen: (string | undefined)[] = [];
  const sink = new WritableStream<ConsumedMessage>({
    async write(message) {
      await systemClock.sleep(1);
      if (text(message) === '2') throw new Error('the disk is full');
      seen.push(text(message));
    },
  });
  await expect(consumerOf(topic).stream().pipeTo(sink)).rejects.toThrow('the disk is full');
  expect(seen).toEqual(['0', '1']);
  expect(await committed(topic)).toBe(2);
});

test('a slow reader bounds what is fetched', async () => {
  const topic = await newTopic(numbers(40).map((n) => n.padEnd(900, '.')));
  let fetches = 0;
  const proxy = await startProxy(backend.url, ({ url = '' }) => {
    if (url.includes('/fetch')) fetches++;
    return 'none';
  });
  closing.push(() => proxy.close());
  const consumer = consumerOf(topic, { maxBytes: 1 }, new Rivulet({ url: proxy.url }));
  const reader = consumer.stream().getReader();
  await reader.read();
  await systemClock.sleep(300);
  // One answer is being worked on, and the consumer reads ahead by a few. Each answer has one batch, of one message.
  expect(fetches).toBeLessThanOrEqual(5);
  for (let n = 1; n < 40; n++) expect(text((await reader.read()).value!)).toMatch(new RegExp(`^${n}\\.`));
  expect(fetches).toBeGreaterThanOrEqual(40);
  await reader.cancel();
});

test('a stream ends when its consumer is stopped', async () => {
  const topic = await newTopic(numbers(1));
  const consumer = consumerOf(topic);
  const reader = consumer.stream().getReader();
  await reader.read();
  const last = reader.read();
  await consumer.stop();
  expect(await last).toEqual({ value: undefined, done: true });
  expect(await committed(topic)).toBe(1);
});

test('a failure of the consumer is the failure of the stream, and the consumer has stopped', async () => {
  const consumer = rivulet.consumer();
  closing.push(() => consumer.disconnect());
  consumer.assign([{ topic: 'no-such-topic', partition: 0, offset: 0 }]);
  await expect(consumer.stream().getReader().read()).rejects.toMatchObject({
    errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
  });
  // A consumer that were still being read would refuse a second stream.
  await expect(consumer.stream().getReader().read()).rejects.toBeInstanceOf(RivuletClientError);
});

test('a stream of a consumer that has nothing to read is refused', () => {
  expect(() => rivulet.consumer().stream()).toThrow(/subscribe or assign first/);
});

test("Node's Readable reads a stream, and commits nothing that it holds ahead of its reader", async () => {
  const topic = await newTopic(numbers(10));
  const readable = Readable.fromWeb(consumerOf(topic).stream(), { objectMode: true, highWaterMark: 0 });
  const seen: (string | undefined)[] = [];
  for await (const message of readable) if (seen.push(text(message)) === 4) break;
  expect(seen).toEqual(['0', '1', '2', '3']);
  await expect.poll(() => committed(topic), { timeout: 5_000 }).toBeGreaterThanOrEqual(3);
  expect(await committed(topic)).toBeLessThanOrEqual(4);
});

test('a writable stream writes its records in order, and close flushes', async () => {
  const topic = await newTopic();
  const places: number[] = [];
  const writer = rivulet
    .producer({ lingerMs: 60_000 })
    .writable({ topic, onResult: (_, result) => void places.push(result.offset!) })
    .getWriter();
  for (const value of numbers(100)) void writer.write({ value });
  await writer.close();
  expect(places).toEqual(numbers(100).map(Number));
  expect(await readAll(topic, 100)).toEqual(numbers(100));
});

test('a write waits while too many records have no answer, and lets nothing linger meanwhile', async () => {
  const topic = await newTopic();
  const answered: number[] = [];
  const writer = rivulet
    .producer({ lingerMs: 60_000 })
    .writable({ topic, maxUnanswered: 2, onResult: (index) => void answered.push(index) })
    .getWriter();
  await writer.write({ value: 'first' });
  expect(answered).toEqual([]);
  await writer.write({ value: 'second' });
  expect(answered).toContain(0);
  await writer.close();
});

test('a record that cannot be sent ends the stream with its index, and all others have their outcomes', async () => {
  const topic = await newTopic();
  const outcomes: string[] = [];
  const stream = rivulet.producer().writable({
    topic,
    onResult: (index, result) =>
      void outcomes.push(`${index} ${result instanceof RivuletClientError ? 'failed' : 'written'}`),
  });
  const writer = stream.getWriter();
  const closed = expect(writer.closed).rejects.toMatchObject({
    errorCode: 'INVALID_RECORD',
    outcome: 'not-written',
    extra: { index: 1 },
    message: expect.stringMatching(/record 1: messages\[0\].value: expected text/),
  });
  await writer.write({ value: 'good' });
  await writer.write({ value: 7 } as unknown as Message).catch(() => undefined);
  await closed;
  await expect(writer.write({ value: 'too late' })).rejects.toMatchObject({ errorCode: 'INVALID_RECORD' });
  await expect.poll(() => outcomes.sort(), { timeout: 5_000 }).toEqual(['0 written', '1 failed']);
  expect(await readAll(topic, 1)).toEqual(['good']);
});

test('an aborted stream does not lose the outcome of what was written', async () => {
  const topic = await newTopic();
  const results: unknown[] = [];
  const stream = rivulet.producer({ lingerMs: 60_000 }).writable({
    topic,
    onResult: (_, result) => void results.push(result),
  });
  const writer = stream.getWriter();
  writer.closed.catch(() => undefined);
  for (const value of numbers(3)) await writer.write({ value });
  await writer.abort(new Error('enough'));
  expect(results).toMatchObject([{ offset: 0 }, { offset: 1 }, { offset: 2 }]);
});

test('an abort rejects with the failure of a record that was under way', async () => {
  const proxy = await startProxy(backend.url, ({ method }) => (method === 'POST' ? 'refuse 503' : 'none'));
  closing.push(() => proxy.close());
  const broken = new Rivulet({ url: proxy.url, retry: { baseMs: 1, capMs: 1 } });
  const writer = broken
    .producer({ deliveryTimeoutMs: 100 })
    .writable({ topic: await newTopic() })
    .getWriter();
  writer.closed.catch(() => undefined);
  await writer.write({ value: 'x' });
  await expect(writer.abort()).rejects.toMatchObject({ extra: { index: 0 } });
});

test('options of a writable stream are checked', () => {
  const producer = rivulet.producer();
  expect(() => producer.writable({ topic: 't', maxUnanswered: 0 })).toThrow(/maxUnanswered: expected/);
  expect(() => producer.writable({ topic: 't', onResult: 1 as never })).toThrow(/onResult: expected a function/);
});
