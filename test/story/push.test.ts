// Push from end to end on the embedded service: records go in by the SDK, a webhook on this machine gets them. Each test has a
// topic and a group of its own, and all of them wait beside each other.

import { mkdtempSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kafkaConsumer } from '@aws-lambda-powertools/kafka';
import type { ConsumerRecords } from '@aws-lambda-powertools/kafka/types';
import middy from '@middy/core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { CreateSubscription } from '../../client/admin/subscription-admin.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { isSigned } from '../../examples/push-signature.ts';
import { createTargets } from '../../lib/push/delivery/targets.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { type Backend, openBackend } from '../../local/backend.ts';
import { type LocalServer, startServer } from '../../local/server.ts';
import { startReceiver } from '../push/delivery/webhook/receiver.ts';

const directory = mkdtempSync(join(tmpdir(), 'rivulet-push-'));
const webhookMs = 1_500;
let backend: Backend;
let server: LocalServer;
let rivulet: Rivulet;
beforeAll(async () => {
  const network = { local: true };
  const targets = createTargets({ network, bootstrapServers: '127.0.0.1:9092', clock: systemClock, webhookMs });
  backend = openBackend({ directory, targets });
  server = await startServer({ api: backend.api, clock: systemClock });
  rivulet = new Rivulet({ url: server.url });
});
afterAll(async () => {
  await backend.endDeliveries();
  await server.close();
  backend.close();
  rmSync(directory, { recursive: true });
});

type Event = {
  readonly records: Readonly<Record<string, readonly { readonly offset: number; readonly value: string }[]>>;
};
type Handler = (event: Event) => unknown;

/** The values that came with one event. */
const valuesOf = ({ records }: Event): string[] =>
  Object.values(records).flatMap((list) => list.map(({ value }) => Buffer.from(value, 'base64').toString()));

const failures = (event: Event, value: string) => {
  const [[partition, records] = ['', []]] = Object.entries(event.records);
  const failed = records.filter((one) => Buffer.from(one.value, 'base64').toString() === value);
  return { batchItemFailures: failed.map(({ offset }) => ({ itemIdentifier: { partition, offset } })) };
};

let names = 0;

/** A topic with a dead-letter topic, a webhook around a handler, and a subscription. */
async function story(handler: Handler, settings: Partial<CreateSubscription> = {}) {
  const [topic, deadTopic, groupId] = [`orders${++names}`, `dead${names}`, `billing${names}`];
  const admin = rivulet.admin();
  await admin.createTopics({ topics: [topic, deadTopic].map((name) => ({ topic: name, partitions: 1 })) });
  const events: string[][] = [];
  const state = { handler };
  const answer = async (response: ServerResponse, body: string): Promise<void> => {
    const event = JSON.parse(body) as Event;
    events.push(valuesOf(event));
    try {
      response.end(JSON.stringify(await state.handler(event)) ?? '');
    } catch {
      response.writeHead(500).end();
    }
  };
  const receiver = await startReceiver((response, { body }) => void answer(response, body));
  const ref = { topic, groupId };
  const subscribe = () =>
    admin.createSubscription({ ...ref, target: { url: receiver.url }, startingPosition: 'TRIM_HORIZON', ...settings });
  return {
    ...{ admin, ref, topic, deadTopic, receiver, events, state, subscribe },
    produce: (values: readonly string[], timestamp?: number) =>
      rivulet.producer().send({
        topic,
        messages: values.map((value) => ({ value, ...(timestamp !== undefined && { timestamp }) })),
      }),
    lag: async () => (await admin.describeSubscription(ref)).lag,
    /** The dead letters, in their order. */
    letters: () => valuesIn(deadTopic),
    [Symbol.asyncDispose]: async () => {
      await admin.deleteSubscription(ref).catch(() => undefined);
      await receiver.close();
    },
  };
}

async function valuesIn(topic: string): Promise<string[]> {
  const [{ latest } = { latest: 0 }] = await rivulet.admin().fetchTopicOffsets(topic);
  if (latest === 0) return [];
  const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
  consumer.assign([{ topic, partition: 0 }]);
  const values: string[] = [];
  for await (const { value } of consumer) {
    values.push(String(value));
    if (values.length === latest) break;
  }
  return values;
}

const eventually = (check: () => Promise<void> | void) => vi.waitFor(check, { timeout: 60_000, interval: 50 });

describe.concurrent('a subscription', () => {
  test('delivers what was there, and what comes, in order and signed', async () => {
    await using one = await story(() => undefined, { batchSize: 2 });
    await one.produce(['a', 'b', 'c']);
    const { secret } = await one.subscribe();
    await eventually(() => expect(one.events.flat()).toEqual(['a', 'b', 'c']));
    await one.produce(['d']);
    await eventually(() => expect(one.events.flat()).toEqual(['a', 'b', 'c', 'd']));
    expect(Math.max(...one.events.map(({ length }) => length))).toBe(2);
    for (const { headers, body } of one.receiver.received)
      expect(isSigned(String(headers['rivulet-signature']), body, secret!)).toBe(true);
    await eventually(async () => expect(await one.lag()).toBe(0));
  });

  test('tries a batch again until it succeeds', async () => {
    let tries = 0;
    await using one = await story(() => {
      if (++tries < 3) throw new Error('not yet');
    });
    await one.subscribe();
    await one.produce(['a', 'b']);
    await eventually(() =>
      expect(one.events).toEqual([
        ['a', 'b'],
        ['a', 'b'],
        ['a', 'b'],
      ]),
    );
    await eventually(async () => expect(await one.lag()).toBe(0));
  });

  test('goes on behind the records that a partial answer counts as done', async () => {
    let isFixed = false;
    await using one = await story((event) => (isFixed ? undefined : failures(event, 'c')), {
      reportBatchItemFailures: true,
    });
    await one.produce(['a', 'b', 'c', 'd']);
    await one.subscribe();
    await eventually(async () =>
      expect((await one.admin.describeSubscription(one.ref)).partitions[0]).toMatchObject({
        committedOffset: 2,
        failing: { attempts: expect.any(Number) },
      }),
    );
    isFixed = true;
    await one.admin.retrySubscriptionNow(one.ref);
    await eventually(async () => expect(await one.lag()).toBe(0));
    expect(one.events[0]).toEqual(['a', 'b', 'c', 'd']);
    expect(new Set(one.events.slice(1).flat())).toEqual(new Set(['c', 'd']));
  });

  test('finds one bad record by halves, sets it aside, and delivers it after the fix', async () => {
    await using one = await story(
      (event) => {
        if (valuesOf(event).includes('poison')) throw new Error('no');
      },
      { bisectBatchOnFunctionError: true, maximumRetryAttempts: 0, onFailure: { topic: `dead${names + 1}` } },
    );
    await one.produce(['a', 'b', 'poison', 'd', 'e']);
    await one.subscribe();
    await eventually(async () => expect(await one.lag()).toBe(0));
    expect(await one.letters()).toEqual(['poison']);
    const done = one.events.filter((values) => !values.includes('poison')).flat();
    expect([...new Set(done)]).toEqual(['a', 'b', 'd', 'e']);
    expect(await one.admin.retryDeadLetters(one.ref)).toMatchObject({ delivered: 0, failed: { offset: 2 } });
    one.state.handler = () => undefined;
    expect(await one.admin.retryDeadLetters(one.ref)).toEqual({ delivered: 1, skipped: 0, more: false });
    expect(one.events.at(-1)).toEqual(['poison']);
    expect(await one.admin.retryDeadLetters(one.ref)).toEqual({ delivered: 0, skipped: 0, more: false });
  });

  test('gives up after the attempts that it was allowed', async () => {
    const onFailure = { topic: `dead${names + 1}` };
    await using one = await story(() => Promise.reject(new Error('no')), {
      maximumRetryAttempts: 1,
      batchSize: 1,
      onFailure,
    });
    await one.produce(['a', 'b']);
    await one.subscribe();
    await eventually(async () => expect(await one.lag()).toBe(0));
    expect(one.events).toEqual([['a'], ['a'], ['b'], ['b']]);
    expect(await one.letters()).toEqual(['a', 'b']);
  });

  test('gives up what is too old without a try', async () => {
    const onFailure = { topic: `dead${names + 1}` };
    await using one = await story(() => undefined, { maximumRecordAgeSeconds: 60, onFailure });
    await one.produce(['old'], Date.now() - 120_000);
    await one.produce(['new']);
    await one.subscribe();
    await eventually(async () => expect(await one.lag()).toBe(0));
    expect(one.events).toEqual([['new']]);
    expect(await one.letters()).toEqual(['old']);
  });

  test('sets a record aside that no event can carry, and goes on', async () => {
    const onFailure = { topic: `dead${names + 1}` };
    await using one = await story(() => undefined, { onFailure });
    // Zeros compress well: the batch is small, and the record is larger than an event.
    const zeros = Buffer.alloc(5_000_000);
    const producer = rivulet.producer({ compression: 'gzip' } as never);
    await producer.send({ topic: one.topic, messages: [{ value: zeros }] });
    await one.produce(['next']);
    await one.subscribe();
    await eventually(async () => expect(await one.lag()).toBe(0));
    expect(one.events).toEqual([['next']]);
    expect(await one.admin.fetchTopicOffsets(one.deadTopic)).toMatchObject([{ latest: 1 }]);
  });

  test('delivers only what meets its filter, and commits the rest', async () => {
    const filterCriteria = { filters: [{ pattern: '{"value":{"total":[{"numeric":[">",100]}]}}' }] };
    await using one = await story(() => undefined, { filterCriteria });
    await one.produce([50, 150, 200, 20].map((total) => JSON.stringify({ total })));
    await one.subscribe();
    await eventually(async () => expect(await one.lag()).toBe(0));
    expect(one.events.flat()).toEqual(['{"total":150}', '{"total":200}']);
  });

  test('begins nothing while it is paused or after it was deleted, and members may then go on', async () => {
    await using one = await story(() => undefined, { batchSize: 1 });
    await one.subscribe();
    await one.produce(['a']);
    await eventually(async () => expect(await one.lag()).toBe(0));
    await one.admin.pauseSubscription(one.ref);
    await one.produce(['b']);
    await sleep(500);
    expect(one.events).toEqual([['a']]);
    await one.admin.resumeSubscription(one.ref);
    await eventually(async () => expect(await one.lag()).toBe(0));
    await one.admin.deleteSubscription(one.ref);
    await one.produce(['c']);
    await sleep(500);
    expect(one.events).toEqual([['a'], ['b']]);
    const consumer = rivulet.consumer({ groupId: one.ref.groupId, autoOffsetReset: 'earliest' });
    consumer.subscribe({ topics: [one.topic] });
    for await (const { value } of consumer) {
      expect(String(value)).toBe('c');
      break;
    }
    await consumer.stop();
  });

  test('waits as a throttled webhook asks, and counts no attempt', async () => {
    const onFailure = { topic: `dead${names + 1}` };
    await using one = await story(() => undefined, { maximumRetryAttempts: 0, onFailure });
    const respond = one.receiver.respond;
    let refusals = 2;
    one.receiver.respond = (response, received) =>
      refusals-- > 0 ? void response.writeHead(429, { 'retry-after': '1' }).end() : respond(response, received);
    await one.produce(['a']);
    await one.subscribe();
    await eventually(async () => expect(await one.lag()).toBe(0));
    expect(one.receiver.received.length).toBe(3);
    expect(one.events).toEqual([['a']]);
    expect(await one.letters()).toEqual([]);
  });

  test('delivers again to a webhook that did the work and did not answer in time', async () => {
    let isSlow = true;
    await using one = await story(async () => {
      if (isSlow) await sleep(webhookMs + 500);
    });
    await one.produce(['a']);
    await one.subscribe();
    await eventually(async () =>
      expect((await one.admin.describeSubscription(one.ref)).partitions[0]?.failing?.error).toBe(
        'the webhook did not answer in time',
      ),
    );
    isSlow = false;
    await eventually(async () => expect(await one.lag()).toBe(0));
    expect(one.events.length).toBeGreaterThan(1);
  });

  test('pauses when the webhook says that it is gone', async () => {
    await using one = await story(() => undefined);
    one.receiver.respond = (response) => void response.writeHead(410).end();
    await one.produce(['a']);
    await one.subscribe();
    await eventually(async () => expect((await one.admin.describeSubscription(one.ref)).state).toBe('Paused'));
    expect((await one.admin.describeSubscription(one.ref)).pausedReason).toContain('410');
    expect(await one.lag()).toBe(1);
  });

  test('signs with two secrets after a rotation', async () => {
    await using one = await story(() => undefined);
    const { secret } = await one.subscribe();
    const rotated = await one.admin.rotateSubscriptionSecret(one.ref);
    expect(await one.admin.testSubscription(one.ref)).toEqual({ outcome: 'success' });
    const { headers, body } = one.receiver.received.at(-1)!;
    for (const valid of [secret!, rotated.secret])
      expect(isSigned(String(headers['rivulet-signature']), body, valid)).toBe(true);
    expect(isSigned(String(headers['rivulet-signature']), body, 'another')).toBe(false);
  });
});

describe.concurrent('a handler that was written for Lambda runs unchanged', () => {
  const context = {} as never;

  test("with Powertools' Kafka consumer", async () => {
    const orders: unknown[] = [];
    const handler = kafkaConsumer<string, { drink: string }>(
      // Its types know only handlers that return nothing or never.
      (async (event: ConsumerRecords<string, { drink: string }>) => {
        for (const { key, value, headers } of event.records) orders.push([key, value.drink, headers]);
      }) as never,
      { value: { type: 'json' } },
    );
    await using one = await story((event) => handler(event as never, context));
    await one.subscribe();
    const messages = [
      { key: 'ada', value: '{"drink":"espresso"}', headers: { source: 'café' } },
      { value: '{"drink":"tea"}' },
    ];
    await rivulet.producer().send({ topic: one.topic, messages });
    await eventually(async () => expect(await one.lag()).toBe(0));
    expect(orders).toEqual([
      ['ada', 'espresso', [{ source: 'café' }]],
      [undefined, 'tea', []],
    ]);
  });

  test('with plain middy', async () => {
    const orders: string[] = [];
    const handler = middy<Event, unknown>(async (event: Event) => {
      orders.push(...valuesOf(event));
      return failures(event, 'poison');
    });
    const onFailure = { topic: `dead${names + 1}` };
    const settings = { reportBatchItemFailures: true, maximumRetryAttempts: 0, batchSize: 3, onFailure };
    await using one = await story((event) => handler(event, context), settings);
    await one.produce(['a', 'poison', 'c']);
    await one.subscribe();
    await eventually(async () => expect(await one.lag()).toBe(0));
    expect(orders.filter((order) => order === 'a')).toEqual(['a']);
    expect(await one.letters()).toContain('poison');
  });
});
