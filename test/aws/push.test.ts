// Push on deployed stacks: records that are produced over the signed HTTP API arrive in functions, by the stream of the table, the
// router and the dispatcher. One deployment serves all tests; each has a topic of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { DeleteFunctionConcurrencyCommand, LambdaClient, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminRoutes, producerRoutes } from '../../cdk/access.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { deploy } from '../../tools/emulator/cdk.ts';
import { clientOptions } from '../../tools/emulator/endpoint.ts';
import { createUser, policyFor } from '../../tools/emulator/identities.ts';
import { sendSigned } from '../../tools/emulator/signed-request.ts';
import { freshName } from '../conformance/target.ts';
import { eventually } from '../eventually.ts';
import { bundleHandlers } from './push/bundle-handlers.ts';
import { type Recorder, recordsOf, startRecorder, valuesOf } from './push/recorder.ts';
import { onEmulator } from './resources.ts';

const functionArn = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
const queueArn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;

await onEmulator((aws) => {
  const { endpoint, bundles } = aws;
  const handlers = mkdtempSync(path.join(tmpdir(), 'rivulet-handlers-'));
  const lambda = new LambdaClient(clientOptions(endpoint));
  let recorder: Recorder;
  let rivulet: Rivulet;
  let producer: Rivulet;

  beforeAll(async () => {
    recorder = await startRecorder();
    await bundleHandlers(handlers);
    const app = `${process.execPath} test/aws/push/app.ts`;
    const context = { bundles: bundles.usual, handlers, recorder: recorder.url };
    const { PushPlatform } = await deploy({ endpoint, app, context });
    const url = PushPlatform!.Url!;
    const credentials = await createUser(endpoint, freshName(), policyFor(endpoint, url, adminRoutes));
    rivulet = new Rivulet({ url, credentials });
    producer = new Rivulet({
      url,
      credentials: await createUser(endpoint, freshName(), policyFor(endpoint, url, producerRoutes('of-middy'))),
    });
  }, 900_000);

  afterAll(() => {
    lambda.destroy();
    recorder.close();
    rmSync(handlers, { recursive: true });
  });

  const admin = () => rivulet.admin();
  const produce = (topic: string, values: readonly string[], key: string | null = null) =>
    rivulet.producer().send({ topic, messages: values.map((value) => ({ key, value, partition: 0 })) });

  /** A topic with one partition, and a subscription of the function that is told what to do. */
  async function subscribed(topic: string, more: object = {}, name = 'push-named') {
    await admin().createTopics({
      topics: [
        { topic, partitions: 1 },
        { topic: `${topic}.dead`, partitions: 1 },
      ],
    });
    const ref = { topic, groupId: `g-${topic}` };
    const target = { function: functionArn(name) };
    await admin().createSubscription({ ...ref, target, startingPosition: 'TRIM_HORIZON', ...more });
    return ref;
  }

  const committed = async (ref: { topic: string; groupId: string }) =>
    (await admin().describeSubscription(ref)).partitions[0]!.committedOffset;

  async function deadLettersOf(topic: string) {
    const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
    consumer.assign([{ topic: `${topic}.dead`, partition: 0 }]);
    for await (const message of consumer) return message;
    throw new Error('the consumer ended');
  }

  describe('the event source of the construct', () => {
    test('calls a plain handler with middy, with the records of both partitions in their order', async () => {
      const messages = Array.from({ length: 20 }, (_, i) => ({ partition: i % 2, value: `v${i}` }));
      await rivulet.producer().send({ topic: 'of-middy', messages });
      await eventually(() => expect(recorder.saidBy('push-middy')).toHaveLength(20));
      const said = recorder.saidBy('push-middy') as { partition: string; offset: number; value: string }[];
      for (const partition of [0, 1])
        expect(said.filter((one) => one.partition === `of-middy-${partition}`)).toEqual(
          Array.from({ length: 10 }, (_, offset) => ({
            partition: `of-middy-${partition}`,
            offset,
            value: `v${2 * offset + partition}`,
          })),
        );
      expect(await admin().listSubscriptions({ topic: 'of-middy' })).toMatchObject([{ state: 'Enabled' }]);
    });

    test('calls a handler with the Kafka consumer of Powertools', async () => {
      await rivulet.producer().send({
        topic: 'of-powertools',
        messages: [{ key: 'ada', value: JSON.stringify({ drink: 'espresso' }), headers: { shop: 'x' } }],
      });
      await eventually(() => expect(recorder.saidBy('push-powertools')).toHaveLength(1));
      expect(recorder.saidBy('push-powertools')).toEqual([{ key: 'ada', value: { drink: 'espresso' }, headers: 1 }]);
      const ref = { topic: 'of-powertools', groupId: 'powertools' };
      await eventually(async () => expect(await committed(ref)).toBe(1));
    });

    test('sends what was given up to its queue', async () => {
      recorder.tell('push-with-queue', 'of-queue', () => ({ throws: 'no' }));
      await produce('of-queue', ['poison']);
      const letter = await messageIn('push-dead');
      expect(letter).toMatchObject({ topic: 'of-queue', partition: 0, offset: 0, attempts: 1 });
      expect(letter.error).toContain('no');
    });
  });

  /** Waits for a message of the queue. */
  async function messageIn(queue: string): Promise<Record<string, unknown>> {
    const QueueUrl = `${endpoint.url}/000000000000/${queue}`;
    const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'AmazonSQS.ReceiveMessage' };
    const request = { method: 'POST', path: '/', headers, body: JSON.stringify({ QueueUrl, WaitTimeSeconds: 1 }) };
    return (await eventually(async () => {
      const reply = await sendSigned(endpoint.url, endpoint.credentials, request, { service: 'sqs' });
      return JSON.parse(JSON.parse(reply.body.toString()).Messages[0].Body);
    })) as Record<string, unknown>;
  }

  test('a partial answer commits what it does not name, and the rest comes again', async () => {
    const topic = freshName();
    recorder.tell('push-named', topic, (_, attempt) =>
      attempt === 1
        ? { answer: { batchItemFailures: [{ itemIdentifier: { partition: `${topic}-0`, offset: 1 } }] } }
        : {},
    );
    await admin().createTopics({ topics: [{ topic, partitions: 1 }] });
    await produce(topic, ['a', 'b', 'c']);
    const ref = await subscribedAgain(topic, { reportBatchItemFailures: true });
    await eventually(async () => expect(await committed(ref)).toBe(3));
    expect(recorder.eventsOf('push-named', topic).map(valuesOf)).toEqual([
      ['a', 'b', 'c'],
      ['b', 'c'],
    ]);
  });

  /** As `subscribed`, where the topic exists. */
  async function subscribedAgain(topic: string, more: object = {}) {
    const ref = { topic, groupId: `g-${topic}` };
    const target = { function: functionArn('push-named') };
    await admin().createSubscription({ ...ref, target, startingPosition: 'TRIM_HORIZON', ...more });
    return ref;
  }

  test('poison goes to the dead-letter topic, and does not stop what follows', async () => {
    const topic = freshName();
    const ref = await subscribed(topic, {
      ...{ batchSize: 1, maximumRetryAttempts: 1, onFailure: { topic: `${topic}.dead` } },
    });
    recorder.tell('push-named', topic, (event) => (valuesOf(event)[0] === 'bad' ? { throws: 'cannot' } : {}));
    await produce(topic, ['good', 'bad', 'also good'], 'key');
    await eventually(async () => expect(await committed(ref)).toBe(3));
    expect(recorder.eventsOf('push-named', topic).map(valuesOf)).toEqual([['good'], ['bad'], ['bad'], ['also good']]);
    const letter = await deadLettersOf(topic);
    expect([String(letter.key), String(letter.value)]).toEqual(['key', 'bad']);
    const headers = JSON.stringify(letter.headers.map(({ key, value }) => [key, String(value)]));
    for (const part of [topic, ref.groupId, 'cannot']) expect(headers).toContain(part);
  });

  test('a paused subscription gets nothing, and after the resumption all that came meanwhile', async () => {
    const topic = freshName();
    const ref = await subscribed(topic);
    await produce(topic, ['before']);
    await eventually(async () => expect(await committed(ref)).toBe(1));
    expect(await admin().pauseSubscription({ ...ref, reason: 'a test' })).toMatchObject({ state: 'Paused' });
    await produce(topic, ['meanwhile']);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(recorder.eventsOf('push-named', topic)).toHaveLength(1);
    await admin().resumeSubscription(ref);
    await eventually(async () => expect(await committed(ref)).toBe(2));
    expect(recorder.eventsOf('push-named', topic).flatMap(valuesOf)).toEqual(['before', 'meanwhile']);
  });

  test('a deleted subscription gets nothing, and keeps its offsets', async () => {
    const topic = freshName();
    const ref = await subscribed(topic);
    await produce(topic, ['before']);
    await eventually(async () => expect(await committed(ref)).toBe(1));
    await admin().deleteSubscription(ref);
    await produce(topic, ['after']);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(recorder.eventsOf('push-named', topic).flatMap(valuesOf)).toEqual(['before']);
    await expect(admin().describeSubscription(ref)).rejects.toMatchObject({ errorCode: 'SUBSCRIPTION_NOT_FOUND' });
    const [group] = await admin().describeGroups([ref.groupId]);
    expect(group).toMatchObject({ state: 'Empty', partitionDetails: [{ topic, currentOffset: 1, lag: 1 }] });
  });

  test('a throttled function costs no attempt', async () => {
    const topic = freshName();
    const name = 'push-named-hasty';
    const cap = { FunctionName: name, ReservedConcurrentExecutions: 0 };
    await lambda.send(new PutFunctionConcurrencyCommand(cap));
    const ref = await subscribed(topic, { maximumRetryAttempts: 0, onFailure: { topic: `${topic}.dead` } }, name);
    await produce(topic, ['patient']);
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(recorder.eventsOf(name, topic)).toEqual([]);
    expect(await committed(ref)).toBe(0);
    await lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName: name }));
    await eventually(async () => expect(await committed(ref)).toBe(1));
    expect(recorder.eventsOf(name, topic).map(valuesOf)).toEqual([['patient']]);
  });

  test('a function that times out has perhaps done its work: it gets the same records again', async () => {
    const topic = freshName();
    recorder.tell('push-named-hasty', topic, (_, attempt) => (attempt === 1 ? { sleepsMs: 20_000 } : {}));
    const ref = await subscribed(topic, { maximumRetryAttempts: 2 }, 'push-named-hasty');
    await produce(topic, ['slow']);
    await eventually(async () => expect(await committed(ref)).toBe(1));
    const events = recorder.eventsOf('push-named-hasty', topic);
    expect(events.map((event) => recordsOf(event).map(({ offset }) => offset))).toEqual([[0], [0]]);
  });

  test('records that come one by one reach their function one by one, and the figure is printed', async () => {
    const topic = freshName();
    await subscribed(topic);
    const waitedMs: number[] = [];
    for (let i = 0; i < 20; i++) {
      await produce(topic, [`v${i}`]);
      const acknowledgedMs = Date.now();
      await eventually(() => expect(recorder.timesOf('push-named', topic)).toHaveLength(i + 1));
      waitedMs.push(recorder.timesOf('push-named', topic)[i]! - acknowledgedMs);
    }
    expect(recorder.eventsOf('push-named', topic).map(valuesOf)).toEqual(waitedMs.map((_, i) => [`v${i}`]));
    const [p50, p99] = [0.5, 0.99].map(
      (part) => waitedMs.toSorted((a, b) => a - b)[Math.floor(part * waitedMs.length)],
    );
    console.log(
      `from the acknowledgement to the start of the handler: p50 ${p50} ms, p99 ${p99} ms (${availableParallelism()} cores)`,
    );
  });

  describe('a creation is refused, and writes nothing, for', () => {
    test.each([
      [
        'a function that does not exist',
        { target: { function: functionArn('push-named-missing') } },
        /push-named-missing/,
      ],
      ['a function outside the patterns', { target: { function: functionArn('push-stranger') } }, /push-stranger/],
      ['a time-out above ten minutes', { target: { function: functionArn('push-named-slow') } }, /600 s, got 900/],
      ['what is no ARN', { target: { function: 'arn:aws:iam::000000000000:role/x' } }, /the ARN of a Lambda function/],
      ['a URL without TLS', { target: { url: 'http://example.com/' } }, /https/],
      ['a URL in a private network', { target: { url: 'https://169.254.169.254/' } }, /169\.254/],
      ['a queue outside the patterns', { onFailure: { queue: queueArn('other') } }, /other/],
    ])('%s', async (_, more, message) => {
      const topic = freshName();
      await admin().createTopics({ topics: [{ topic, partitions: 1 }], ifNotExists: true });
      const usual = { target: { function: functionArn('push-named') }, startingPosition: 'LATEST' as const };
      const request = { topic, groupId: `g-${topic}`, ...usual, ...more };
      await expect(admin().createSubscription(request)).rejects.toThrow(message);
      expect(await admin().listSubscriptions({ topic })).toEqual([]);
    });
  });

  test('a producer may not make subscriptions', async () => {
    const target = { function: functionArn('push-named') };
    const request = { topic: 'of-middy', groupId: 'mine', target, startingPosition: 'TRIM_HORIZON' as const };
    await expect(producer.admin().createSubscription(request)).rejects.toMatchObject({ errorCode: 'FORBIDDEN' });
  });
});
