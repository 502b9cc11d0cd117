// Functions and queues as AWS would serve them: a server in its place keeps the requests and answers as the test says.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createFunctions } from '../../../functions/push/functions.ts';
import { createQueues } from '../../../functions/push/queues.ts';
import { everyArn, openTargets } from '../../../functions/push/targets.ts';
import type { Delivery } from '../../../lib/api/push.ts';
import { createTargets } from '../../../lib/push/delivery/targets.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { offsets } from '../../push/delivery/records.ts';

type Answer = {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly afterMs?: number;
};
let answer: Answer = {};
const requests: { head: IncomingMessage; body: string }[] = [];
const server = createServer(async (head, response) => {
  let body = '';
  for await (const chunk of head) body += chunk;
  requests.push({ head, body });
  const { status = 200, headers = {}, body: text = '', afterMs = 0 } = answer;
  setTimeout(() => response.writeHead(status, headers).end(text), afterMs);
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => server.closeAllConnections());
beforeEach(() => {
  requests.length = 0;
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'id');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
});
afterEach(() => vi.unstubAllEnvs());

const arn = 'arn:aws:lambda:eu-west-1:123456789012:function:bill:live';
const functions = createFunctions(['arn:aws:lambda:eu-west-1:123456789012:function:bill*']);
const queue = 'arn:aws:sqs:eu-west-1:123456789012:letters';
const queues = createQueues(['*:letters']);
const targets = createTargets({
  ...{ functions, queues, bootstrapServers: 'b:9092', clock: systemClock },
  network: { local: false },
});

describe('a function', () => {
  const deliver = (given: Answer, ms = 10_000): Promise<Delivery> => {
    answer = given;
    const settings = { target: { function: arn }, reportBatchItemFailures: true } as never;
    return targets.open(settings, []).deliver(offsets(40, 41), { deadlineMs: ms });
  };

  test('is invoked in its region with the event, and its answer counts', async () => {
    const body = JSON.stringify({ batchItemFailures: [{ itemIdentifier: { partition: 'orders-0', offset: 41 } }] });
    expect(await deliver({ body })).toMatchObject({ answer: { kind: 'partial', failedOffset: 41 } });
    const [{ head, body: sent }] = requests as [(typeof requests)[number]];
    expect(head.url).toBe(`/2015-03-31/functions/${encodeURIComponent(arn)}/invocations`);
    expect(head.headers).toMatchObject({ 'x-amz-invocation-type': 'RequestResponse' });
    expect(head.headers.authorization).toContain('/eu-west-1/lambda/aws4_request');
    expect(JSON.parse(sent)).toMatchObject({ eventSource: 'SelfManagedKafka', bootstrapServers: 'b:9092' });
    expect(await deliver({ body: 'null' })).toMatchObject({ answer: { kind: 'success' } });
  });

  test('that threw has failed, and its words are cut', async () => {
    const headers = { 'x-amz-function-error': 'Unhandled' };
    const failed = await deliver({ headers, body: `{"errorMessage":"${'no '.repeat(1_000)}"}` });
    expect(failed).toMatchObject({ kind: 'failed', error: expect.stringMatching(/^the function failed: .{303}$/) });
  });

  test('that Lambda cannot run now is throttled, and an event that it refuses has failed', async () => {
    const throttled = (status: number) => ({ kind: 'throttled', reason: `Lambda answered ${status}: no` });
    const refused = (status: number, headers = {}) => deliver({ status, headers, body: 'no' });
    expect(await refused(429, { 'retry-after': '3' })).toEqual({ ...throttled(429), retryAfterMs: 3_000 });
    expect(await refused(503)).toEqual(throttled(503));
    for (const status of [403, 404, 409])
      expect(await refused(status)).toEqual({ ...throttled(status), retryAfterMs: 60_000 });
    for (const status of [400, 413])
      expect(await refused(status)).toEqual({ kind: 'failed', error: `Lambda answered ${status}: no` });
  });

  test('whose answer is above 7 MB has failed', async () => {
    const failed = await deliver({ body: 'x'.repeat(7_000_001) });
    expect(failed).toMatchObject({ kind: 'failed', error: expect.stringContaining('more than 7000000 bytes') });
  });

  test('that does not answer in time has failed', async () => {
    expect(await deliver({ afterMs: 2_000 }, 100)).toMatchObject({
      error: expect.stringContaining('did not answer in time'),
    });
  });

  test('is looked at before a subscription is created', async () => {
    answer = { body: '{"Timeout": 600}' };
    await functions.check(arn);
    // A request of the test before may come late.
    const urls = requests.map(({ head }) => head.url);
    expect(urls).toContain(`/2015-03-31/functions/${encodeURIComponent(arn)}/configuration`);
    answer = { body: '{"Timeout": 601}' };
    await expect(functions.check(arn)).rejects.toThrow(
      'target.function: expected a function with a time-out of at most 600 s, got 601',
    );
    answer = { status: 404 };
    await expect(functions.check(arn)).rejects.toThrow('target.function: expected a function that exists');
    answer = { status: 403 };
    await expect(functions.check(arn)).rejects.toThrow(
      'the option pushTargets or a RivuletEventSource lets this service call',
    );
    answer = { status: 503 };
    await expect(functions.check(arn)).rejects.toMatchObject({ errorCode: 'STORAGE_UNAVAILABLE' });
    await expect(functions.check(arn.replace('bill', 'other'))).rejects.toThrow(
      `target.function: expected an ARN that the option pushTargets names, got ${arn.replace('bill', 'other')}: add it to pushTargets`,
    );
  });
});

describe('the API', () => {
  const api = openTargets(['arn:aws:lambda:eu-west-1:123456789012:function:shop-*']);
  const every = openTargets(everyArn);

  test('names no function or queue that lets the roles in for somebody else, and whoever deploys does', async () => {
    answer = { body: '{"Timeout": 3}' };
    const refusal = (given: string) =>
      expect.objectContaining({ message: expect.stringContaining(`names, got ${given}:`) });
    for (const targets of [{ target: { function: arn } }, { onFailure: { queue } }])
      await expect(api.check(targets)).rejects.toEqual(refusal('target' in targets ? arn : queue));
    expect(requests).toEqual([]);
    await api.check({ target: { function: arn.replace('bill:live', 'shop-bill') } });
    await every.check({ target: { function: arn }, onFailure: { queue } });
  });
});

describe('a queue', () => {
  const letters = Array.from({ length: 11 }, (_, at) => ({
    ...{ groupId: 'billing', topic: 'orders', topicId: 'an-id', partition: 0, offset: at, attempts: 3, error: 'no' },
  }));

  test('gets where the records are, ten at a time', async () => {
    answer = { body: '{"Successful":[]}' };
    await targets.sendToQueue(queue, letters);
    expect(requests.map(({ body }) => JSON.parse(body).Entries.length)).toEqual([10, 1]);
    expect(requests[0]?.head.headers).toMatchObject({ 'x-amz-target': 'AmazonSQS.SendMessageBatch' });
    expect(JSON.parse(JSON.parse(requests[1]!.body).Entries[0].MessageBody)).toEqual(letters[10]);
  });

  test.each([
    ['aws-cn', 'cn-north-1', 'https://sqs.cn-north-1.amazonaws.com.cn'],
    ['aws-us-gov', 'us-gov-west-1', 'https://sqs.us-gov-west-1.amazonaws.com'],
    ['aws-iso', 'us-iso-east-1', 'https://sqs.us-iso-east-1.c2s.ic.gov'],
  ])('of %s has an address in its own domain', async (partition, region, endpoint) => {
    answer = { body: '{"Successful":[]}' };
    await targets.sendToQueue(`arn:${partition}:sqs:${region}:123456789012:letters`, letters.slice(0, 1));
    expect(JSON.parse(requests[0]!.body).QueueUrl).toBe(`${endpoint}/123456789012/letters`);
    expect(requests[0]?.head.headers.authorization).toContain(`/${region}/sqs/aws4_request`);
  });

  test('that refuses some of them has refused', async () => {
    answer = { body: '{"Failed":[{"Id":"0","Code":"InternalError"}]}' };
    await expect(targets.sendToQueue(queue, letters)).rejects.toThrow('InternalError for 1 of 10');
    answer = { status: 403 };
    await expect(targets.sendToQueue(queue, letters)).rejects.toThrow('did not take the dead letters: 403');
  });

  test('must be allowed by the operator, and by its own policy', async () => {
    answer = { body: '{}' };
    await queues.check(queue);
    expect(requests[0]?.head.headers).toMatchObject({ 'x-amz-target': 'AmazonSQS.GetQueueAttributes' });
    answer = { status: 400, body: '{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}' };
    await expect(queues.check(queue)).rejects.toThrow('onFailure.queue: expected a queue that exists');
    await expect(queues.check(`${queue}2`)).rejects.toThrow(
      `onFailure.queue: expected an ARN that the option pushTargets names, got ${queue}2: add it to pushTargets, or use a RivuletEventSource`,
    );
  });
});
