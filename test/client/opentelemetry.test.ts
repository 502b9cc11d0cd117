// Spans as the real SDK of OpenTelemetry exports them, of clients of the real service.
import { context, ROOT_CONTEXT, type SpanContext, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Kafka, logLevel } from '../../client/kafkajs/kafkajs.ts';
import type { ConsumedMessage } from '../../client/message.ts';
import { openTelemetry } from '../../client/opentelemetry.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { type Backend, startEmbedded } from './embedded.ts';

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = provider.getTracer('test');
let backend: Backend;
let rivulet: Rivulet;
let topic: string;
let topics = 0;

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  backend = await startEmbedded();
  rivulet = new Rivulet({ url: backend.url, tracing: openTelemetry(tracer) });
});
afterAll(async () => {
  context.disable();
  await backend.close();
});
beforeEach(async () => {
  topic = `traced-${topics++}`;
  await rivulet.admin().createTopics({ topics: [{ topic, partitions: 1 }] });
  exporter.reset();
});

const spans = (name: string): ReadableSpan[] =>
  exporter.getFinishedSpans().filter((span) => span.name === `${name} ${topic}`);
const linked = ({ links }: ReadableSpan): string[] => links.map((link) => link.context.spanId);
const send = (...values: string[]) =>
  rivulet.producer({ lingerMs: 0 }).send({ topic, messages: values.map((value) => ({ value })) });

/** Reads `count` messages with a handler, by a group if one is named. */
async function handle(count: number, handler: (message: ConsumedMessage) => void, groupId?: string): Promise<void> {
  const consumer = rivulet.consumer({ autoOffsetReset: 'earliest', ...(groupId && { groupId }) });
  if (groupId) consumer.subscribe({ topics: [topic] });
  else consumer.assign([{ topic, partition: 0 }]);
  let left = count;
  await consumer.run({
    eachMessage: (message) => {
      if (--left === 0) void consumer.stop();
      handler(message);
    },
  });
}

describe('a send', () => {
  test('is a span of a producer below the caller’s, and goes into the header of the record', async () => {
    const caller = tracer.startSpan('caller');
    await context.with(trace.setSpan(ROOT_CONTEXT, caller), () => send('espresso'));
    const [sent] = spans('send');
    expect(sent!.kind).toBe(SpanKind.PRODUCER);
    expect(sent!.parentSpanContext?.spanId).toBe(caller.spanContext().spanId);
    expect(sent!.attributes).toEqual({
      'messaging.system': 'kafka',
      'messaging.operation.type': 'send',
      'messaging.operation.name': 'send',
      'messaging.destination.name': topic,
      'messaging.destination.partition.id': '0',
      'messaging.kafka.offset': 0,
    });
    const { traceId, spanId } = sent!.spanContext();
    const headers: string[] = [];
    await handle(1, (message) => headers.push(...message.headers.map(({ key, value }) => `${key}: ${value}`)));
    expect(headers).toEqual([`traceparent: 00-${traceId}-${spanId}-01`]);
  });

  test('of several messages is one span, which counts them', async () => {
    await send('a', 'b', 'c');
    expect(spans('send').map(({ attributes }) => attributes)).toEqual([
      expect.objectContaining({ 'messaging.batch.message_count': 3, 'messaging.destination.partition.id': '0' }),
    ]);
    expect(spans('send')[0]!.attributes).not.toHaveProperty('messaging.kafka.offset');
  });

  test('that fails has the error’s code and status, and rejects with the same error', async () => {
    const failing = new Rivulet({ url: backend.url, retry: { retries: 0 }, tracing: openTelemetry(tracer) });
    const missing = `${topic}-missing`;
    const sent = failing.producer({ deliveryTimeoutMs: 1 }).send({ topic: missing, messages: [{ value: 'x' }] });
    await expect(sent).rejects.toMatchObject({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' });
    const [span] = exporter.getFinishedSpans().filter(({ name }) => name === `send ${missing}`);
    expect(span).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: expect.stringContaining('UNKNOWN_TOPIC_OR_PARTITION') },
      attributes: { 'error.type': 'UNKNOWN_TOPIC_OR_PARTITION' },
    });
  });

  test('to two topics blames only the one that failed', async () => {
    const topicMessages = [topic, `${topic}-missing`].map((one) => ({ topic: one, messages: [{ value: 'x' }] }));
    await expect(rivulet.producer({ lingerMs: 0 }).sendBatch({ topicMessages })).rejects.toThrow();
    const codes = exporter.getFinishedSpans().filter(({ name }) => name.startsWith('send '));
    expect(codes.map(({ name, status }) => [name, status.code])).toEqual([
      [`send ${topic}`, SpanStatusCode.UNSET],
      [`send ${topic}-missing`, SpanStatusCode.ERROR],
    ]);
  });

  test.each([
    [
      'a list',
      (traceparent: string) => [
        { key: 'traceparent', value: traceparent },
        { key: 'tracestate', value: 'v=1' },
      ],
    ],
    ['an object', (traceparent: string) => ({ traceparent: Buffer.from(traceparent), tracestate: 'v=1' })],
  ])('keeps the traceparent that a message has in %s, and links to it', async (_, headersWith) => {
    const own = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    await rivulet.producer({ lingerMs: 0 }).send({ topic, messages: [{ value: 'x', headers: headersWith(own) }] });
    const [sent] = spans('send');
    expect(linked(sent!)).toEqual(['b'.repeat(16)]);
    expect(sent!.kind).toBe(SpanKind.CLIENT);
    let seen = '';
    await handle(1, ({ headers }) => (seen = headers.map(({ value }) => String(value)).join(' ')));
    expect(seen).toBe(`${own} v=1`);
    expect(spans('process')[0]!.links[0]!.context.traceState?.get('v')).toBe('1');
  });

  test('keeps other headers in their order', async () => {
    const headers = [
      { key: 'a', value: '1' },
      { key: 'a', value: '2' },
    ];
    await rivulet.producer({ lingerMs: 0 }).send({ topic, messages: [{ value: 'x', headers }] });
    let seen = '';
    await handle(1, (message) => (seen = message.headers.map(({ key }) => key).join(' ')));
    expect(seen).toBe('a a traceparent');
  });

  test('refuses a message with wrong headers by the same error as without tracing', async () => {
    const headers = [{ key: 'a' }] as never;
    const sent = rivulet.producer().send({ topic, messages: [{ value: 'x', headers }] });
    await expect(sent).rejects.toThrow('messages[0].headers[0].value: expected text, bytes or null');
    expect(spans('send')[0]!.status.code).toBe(SpanStatusCode.ERROR);
  });
});

describe('a handler', () => {
  test('of one message goes on in the trace of its producer, and is the parent of what it does', async () => {
    await send('espresso');
    const [sent] = spans('send');
    await handle(1, () => tracer.startSpan('inside').end(), `group-${topic}`);
    const [processed] = spans('process');
    expect(processed!.kind).toBe(SpanKind.CONSUMER);
    expect(processed!.parentSpanContext).toMatchObject({ spanId: sent!.spanContext().spanId, isRemote: true });
    expect(linked(processed!)).toEqual([sent!.spanContext().spanId]);
    expect(processed!.attributes).toEqual({
      'messaging.system': 'kafka',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': topic,
      'messaging.destination.partition.id': '0',
      'messaging.kafka.offset': 0,
      'messaging.consumer.group.name': `group-${topic}`,
    });
    const inside = exporter.getFinishedSpans().find(({ name }) => name === 'inside')!;
    expect(inside.parentSpanContext?.spanId).toBe(processed!.spanContext().spanId);
    expect(inside.spanContext().traceId).toBe(sent!.spanContext().traceId);
  });

  test('of a batch links to each message, and has a trace of its own', async () => {
    await send('a');
    await send('b', 'c');
    const producers = spans('send').map((span) => span.spanContext());
    const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
    consumer.assign([{ topic, partition: 0 }]);
    let seen = 0;
    await consumer.run({
      eachBatch: async ({ messages }) => {
        seen += messages.length;
        if (seen === 3) void consumer.stop();
      },
    });
    const processed = spans('process');
    expect(processed.flatMap(linked)).toEqual(
      [producers[0]!, producers[1]!, producers[1]!].map(({ spanId }) => spanId),
    );
    const several = processed.at(-1)!;
    expect(several.parentSpanContext).toBeUndefined();
    expect(several.attributes).toMatchObject({ 'messaging.batch.message_count': 2, 'messaging.kafka.offset': 1 });
  });

  test.each([
    [
      'throws',
      () => {
        throw new TypeError('no coffee');
      },
    ],
    ['rejects', () => Promise.reject(new TypeError('no coffee'))],
  ])('that %s ends run() with its own error, and its span says why', async (_, fails) => {
    await send('espresso');
    const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
    consumer.assign([{ topic, partition: 0 }]);
    await expect(consumer.run({ eachMessage: fails })).rejects.toThrow(new TypeError('no coffee'));
    expect(spans('process')[0]).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: 'no coffee' },
      attributes: { 'error.type': 'TypeError' },
    });
  });

  test.each(['', 'nonsense', `ff-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`])(
    'begins a trace of its own for the traceparent "%s"',
    async (traceparent) => {
      await new Rivulet({ url: backend.url })
        .producer()
        .send({ topic, messages: [{ value: 'x', headers: { traceparent } }] });
      await handle(1, () => {});
      expect(spans('process')[0]).toMatchObject({ links: [] });
      expect(spans('process')[0]!.parentSpanContext).toBeUndefined();
    },
  );
});

test('what a consumer takes is a span that links to the messages and counts them, also in an iteration', async () => {
  await send('a', 'b');
  const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
  consumer.assign([{ topic, partition: 0 }]);
  for await (const { offset } of consumer) if (offset === 1) break;
  const [polled] = spans('poll');
  const { spanId } = spans('send')[0]!.spanContext();
  expect(polled!.kind).toBe(SpanKind.CLIENT);
  expect(linked(polled!)).toEqual([spanId, spanId]);
  expect(polled!.attributes).toMatchObject({
    'messaging.operation.type': 'receive',
    'messaging.batch.message_count': 2,
    'messaging.destination.partition.id': '0',
    'messaging.kafka.offset': 0,
  });
});

test('a result of exactlyOnce belongs to the span of the batch that it came from', async () => {
  const results = `${topic}-results`;
  await rivulet.admin().createTopics({ topics: [{ topic: results, partitions: 1 }] });
  await send('espresso');
  const work = rivulet.exactlyOnce({
    ...{ groupId: topic, from: topic, to: results },
    transform: ({ value }) => {
      void work.stop();
      return { value };
    },
  });
  await work.run();
  const sent = exporter.getFinishedSpans().find(({ name }) => name === `send ${results}`)!;
  expect(sent.parentSpanContext?.spanId).toBe(spans('process')[0]!.spanContext().spanId);
});

test('programs of KafkaJS have the same spans', async () => {
  const kafka = new Kafka({
    brokers: [backend.url],
    logLevel: logLevel.NOTHING,
    rivulet: { tracing: openTelemetry(tracer) },
  });
  await kafka.producer().send({ topic, messages: [{ value: 'espresso' }] });
  const consumer = kafka.consumer({ groupId: topic });
  await consumer.subscribe({ topic, fromBeginning: true });
  const active = await new Promise<SpanContext | undefined>((resolve) => {
    void consumer.run({ eachMessage: async () => resolve(trace.getActiveSpan()?.spanContext()) });
  });
  await consumer.disconnect();
  const [[sent], [processed]] = [spans('send'), spans('process')];
  expect(active?.spanId).toBe(processed!.spanContext().spanId);
  expect(processed!.parentSpanContext?.spanId).toBe(sent!.spanContext().spanId);
});

test('without a provider, a message gets no header, and the handler runs', async () => {
  const untraced = new Rivulet({ url: backend.url, tracing: openTelemetry() });
  await untraced.producer({ lingerMs: 0 }).send({ topic, messages: [{ value: 'x' }] });
  let headers: unknown;
  await handle(1, (message) => (headers = message.headers));
  expect(headers).toEqual([]);
});

test.each([
  ['the client', (tracing: never) => new Rivulet({ url: backend.url, tracing })],
  ['a producer', (tracing: never) => rivulet.producer({ tracing })],
  ['a consumer', (tracing: never) => rivulet.consumer({ tracing })],
])('%s refuses a tracing that is none', (_, make) => {
  expect(() => make(true as never)).toThrow('tracing: expected what openTelemetry() of rivulet/opentelemetry returns');
});
