// Push on deployed stacks: records that are produced over the signed HTTP API arrive in functions, by the stream of the table, the
// router and the dispatcher. One deployment serves all tests; each has a topic of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { DeleteFunctionConcurrencyCommand, LambdaClient, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminRoutes, deadLetterRoutes, operatorRoutes, producerRoutes } from '../../cdk/access.ts';
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
const named = (name: string) => new RegExp(`expected an ARN that the option pushTargets names, got \\S+:${name}:`);
const queueArn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;

await onEmulator((aws) => {
  const { endpoint, bundles } = aws;
  const handlers = mkdtempSync(path.join(tmpdir(), 'rivulet-handlers-'));
  const lambda = new LambdaClient(clientOptions(endpoint));
  let recorder: Recorder;
  let rivulet: Rivulet;
  let producer: Rivulet;
  let operator: Rivulet;

  beforeAll(async () => {
    recorder = await startRecorder();
    await bundleHandlers(handlers);
    const app = `${process.execPath} test/aws/push/app.ts`;
    const context = { bundles: bundles.usual, handlers, recorder: recorder.url };
    const { PushPlatform } = await deploy({ endpoint, app, context });
    const url = PushPlatform!.Url!;
    const credentials = await createUser(endpoint, freshName(), policyFor(endpoint, url, adminRoutes));
    rivulet = new Rivulet({ url, credentials });
    const as = async (routes: Parameters<typeof policyFor>[2]) =>
      new Rivulet({ url, credentials: await createUser(endpoint, freshName(), policyFor(endpoint, url, routes)) });
    producer = await as(producerRoutes('of-middy'));
    operator = await as([
      ...operatorRoutes('of-operator', 'own'),
      ...deadLetterRoutes('of-operator', 'own', 'own-dead'),
    ]);
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

  test('a batch that fails is halved until the bad record is alone, and that one is given up', async () => {
    const topic = freshName();
    recorder.tell('push-named', topic, (event) => (valuesOf(event).includes('bad') ? { throws: 'cannot' } : {}));
    await admin().createTopics({ topics: [topic, `${topic}.dead`].map((name) => ({ topic: name, partitions: 1 })) });
    await produce(topic, ['a', 'bad', 'c', 'd']);
    const ref = await subscribedAgain(topic, {
      ...{ bisectBatchOnFunctionError: true, maximumRetryAttempts: 0, onFailure: { topic: `${topic}.dead` } },
    });
    await eventually(async () => expect(await committed(ref)).toBe(4));
    expect(recorder.eventsOf('push-named', topic).map(valuesOf)).toEqual([
      ['a', 'bad', 'c', 'd'],
      ['a', 'bad'],
      ['a'],
      ['bad', 'c', 'd'],
      ['bad'],
      ['c', 'd'],
    ]);
    expect(String((await deadLettersOf(topic)).value)).toBe('bad');
    expect(await latestOf(`${topic}.dead`)).toBe(1);
  });

  const latestOf = async (topic: string): Promise<number> => (await admin().fetchTopicOffsets(topic))[0]!.latest;

  test('only what meets the filter arrives, and the rest is committed without a delivery', async () => {
    const topic = freshName();
    const pattern = JSON.stringify({ value: { total: [{ numeric: ['>', 100] }] } });
    const ref = await subscribed(topic, { filterCriteria: { filters: [{ pattern }] } });
    const values = [20, 200, 30].map((total) => JSON.stringify({ total }));
    await produce(topic, [...values, 'no JSON']);
    await eventually(async () => expect(await committed(ref)).toBe(4));
    expect(recorder.eventsOf('push-named', topic).flatMap(valuesOf)).toEqual([values[1]]);
  });

  test('a record that is too old is given up without a delivery', async () => {
    const topic = freshName();
    const ref = await subscribed(topic, { maximumRecordAgeSeconds: 60, onFailure: { topic: `${topic}.dead` } });
    const old = { value: 'old', partition: 0, timestamp: Date.now() - 120_000 };
    await rivulet.producer().send({ topic, messages: [old, { value: 'young', partition: 0 }] });
    await eventually(async () => expect(await committed(ref)).toBe(2));
    expect(recorder.eventsOf('push-named', topic).flatMap(valuesOf)).toEqual(['young']);
    expect(String((await deadLettersOf(topic)).value)).toBe('old');
    expect(await latestOf(`${topic}.dead`)).toBe(1);
  });

  test('a wait of more than 20 s is a one-time schedule, which fires once and is gone', async () => {
    const topic = freshName();
    const ref = await subscribed(topic, { maximumBatchingWindowSeconds: 21 });
    const producedMs = Date.now();
    await produce(topic, ['a', 'b']);
    const schedule = await eventually(async () => {
      const found = (await schedulesOf(topic))[0];
      expect(found).toBeDefined();
      return found;
    });
    expect(schedule).toMatchObject({
      ScheduleExpression: expect.stringMatching(/^at\(/),
      ActionAfterCompletion: 'DELETE',
      Target: { Arn: expect.stringContaining(':function:'), RoleArn: expect.stringContaining(':role/') },
    });
    expect(recorder.eventsOf('push-named', topic)).toEqual([]);
    await eventually(async () => expect(await committed(ref)).toBe(2));
    expect(recorder.eventsOf('push-named', topic).map(valuesOf)).toEqual([['a', 'b']]);
    expect(recorder.timesOf('push-named', topic)[0]! - producedMs).toBeGreaterThan(20_000);
    await eventually(async () => expect(await schedulesOf(topic)).toEqual([]));
  });

  /** The schedules whose invocation is for this topic. */
  async function schedulesOf(topic: string) {
    const ask = async (path: string) => {
      const signed = { method: 'GET', path };
      const reply = await sendSigned(endpoint.url, endpoint.credentials, signed, { service: 'scheduler' });
      return JSON.parse(reply.body.toString());
    };
    const { Schedules: listed } = await ask('/schedules');
    const all = await Promise.all(
      listed.map(({ GroupName, Name }: Record<string, string>) => ask(`/schedules/${Name}?groupName=${GroupName}`)),
    );
    return all.filter(({ Target }) => Target !== undefined && JSON.parse(Target.Input).topic === topic);
  }

  test('no more partitions are delivered at a time than maximumConcurrency allows', async () => {
    const handlerMs = 2_000;
    const pausesBetweenStarts = async (more: object): Promise<number[]> => {
      const topic = freshName();
      recorder.tell('push-named', topic, () => ({ sleepsMs: handlerMs }));
      await admin().createTopics({ topics: [{ topic, partitions: 3 }] });
      const ref = await subscribedAgain(topic, more);
      await rivulet.producer().send({ topic, messages: [0, 1, 2].map((partition) => ({ value: 'v', partition })) });
      await eventually(async () => {
        const { partitions } = await admin().describeSubscription(ref);
        expect(partitions.map(({ committedOffset }) => committedOffset)).toEqual([1, 1, 1]);
      });
      const starts = recorder.timesOf('push-named', topic);
      return starts.slice(1).map((startMs, i) => startMs - starts[i]!);
    };
    expect(Math.min(...(await pausesBetweenStarts({})))).toBeLessThan(handlerMs);
    expect(Math.min(...(await pausesBetweenStarts({ maximumConcurrency: 1 })))).toBeGreaterThanOrEqual(handlerMs);
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
      ['a name that leads to this machine', { target: { url: 'https://localhost/' } }, /only public addresses/],
      ['a queue outside the patterns', { onFailure: { queue: queueArn('other') } }, /other/],
      [
        "a function that is open to somebody else's event source",
        { target: { function: functionArn('push-middy') } },
        named('push-middy'),
      ],
      [
        "a queue that is open to somebody else's event source",
        { onFailure: { queue: queueArn('push-dead') } },
        named('push-dead'),
      ],
    ])('%s', async (_, more, message) => {
      const topic = freshName();
      await admin().createTopics({ topics: [{ topic, partitions: 1 }], ifNotExists: true });
      const usual = { target: { function: functionArn('push-named') }, startingPosition: 'LATEST' as const };
      const request = { topic, groupId: `g-${topic}`, ...usual, ...more };
      await expect(admin().createSubscription(request)).rejects.toThrow(message);
      expect(await admin().listSubscriptions({ topic })).toEqual([]);
    });
  });

  test('an operator sends dead letters only to a topic that a policy names', async () => {
    const topics = ['of-operator', 'own-dead', 'others'].map((topic) => ({ topic, partitions: 1 }));
    await admin().createTopics({ topics });
    const target = { function: functionArn('push-named') };
    const ref = { topic: 'of-operator', groupId: 'own' };
    const request = { ...ref, target, startingPosition: 'LATEST' as const };
    const to = (topic: string) => ({ onFailure: { topic } });
    const forbidden = { errorCode: 'FORBIDDEN' };
    await expect(operator.admin().createSubscription({ ...request, ...to('others') })).rejects.toMatchObject(forbidden);
    await operator.admin().createSubscription({ ...request, ...to('own-dead') });
    await expect(operator.admin().updateSubscription({ ...ref, ...to('others') })).rejects.toMatchObject(forbidden);
    expect((await operator.admin().updateSubscription({ ...ref, batchSize: 7 })).settings).toMatchObject({
      ...{ batchSize: 7, ...to('own-dead') },
    });
  });

  test('a producer may not make subscriptions', async () => {
    const target = { function: functionArn('push-named') };
    const request = { topic: 'of-middy', groupId: 'mine', target, startingPosition: 'TRIM_HORIZON' as const };
    await expect(producer.admin().createSubscription(request)).rejects.toMatchObject({ errorCode: 'FORBIDDEN' });
  });
});
