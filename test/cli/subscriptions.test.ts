// `rivulet subscriptions`, and what `groups describe` says about a subscription.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { type Receiver, startReceiver } from '../push/delivery/webhook/receiver.ts';
import { runHere } from './here.ts';
import { type Finished, newDirectory, type Service, startService } from './processes.ts';

let service: Service;
let client: Rivulet;
let receiver: Receiver;
let isFailing = false;
let names = 0;

beforeAll(async () => {
  service = await startService(newDirectory());
  client = new Rivulet({ url: service.url });
  receiver = await startReceiver((response) => response.writeHead(isFailing ? 500 : 200).end());
});
afterAll(() => receiver.close());

const rivulet = (...args: string[]): Promise<Finished> => runHere(args, { environment: { RIVULET_URL: service.url } });
const subscriptions = (...args: string[]) => rivulet('subscriptions', ...args);

/** A topic with a dead-letter topic beside it, and the name of a group. */
async function newTopic() {
  const topic = `topic-${++names}`;
  const dead = `${topic}-dead`;
  await client.admin().createTopics({ topics: [{ topic }, { topic: dead }] });
  return { topic, dead, group: `group-${names}` };
}

const rowsOf = ({ stdout }: Finished) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => line.split(/ {2,}/));

const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 100 });

describe('subscriptions', () => {
  test('are created with a secret, listed, paused, resumed and deleted', async () => {
    const { topic, group } = await newTopic();
    const created = await subscriptions(
      'create',
      group,
      '--topic',
      topic,
      '--webhook',
      receiver.url,
      '--batch-size',
      '7',
    );
    expect(created.code).toBe(0);
    expect(created.stdout).toMatch(/^Subscription group-\d+ of topic topic-\d+: created\nwhsec_[\w-]{43}\n$/);
    expect(created.stderr).toBe('rivulet: note: this secret signs the events. It is not shown again\n');

    expect(rowsOf(await subscriptions('list', '--topic', topic))).toEqual([
      ['GROUP', 'TOPIC', 'STATE', 'TARGET'],
      [group, topic, 'Enabled', receiver.url],
    ]);
    expect((await subscriptions('pause', group, '--reason', 'tea')).stdout).toContain('paused');
    expect(rowsOf(await subscriptions('list', '--topic', topic))[1]?.[2]).toBe('Paused');
    expect((await subscriptions('describe', group)).stderr).toContain('it is paused: tea');
    expect((await subscriptions('resume', group)).stdout).toContain('resumed, 0 records to deliver');
    expect((await subscriptions('test-invoke', group)).stdout).toContain(': success');
    expect((await subscriptions('rotate-secret', group)).stdout).toMatch(/^whsec_[\w-]{43}\n$/);
    expect((await subscriptions('delete', group)).stdout).toContain('deleted');
    expect(await subscriptions('delete', group)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('SUBSCRIPTION_NOT_FOUND'),
    });
    expect(await subscriptions('delete', group, '--if-exists')).toMatchObject({ code: 0, stderr: '' });
  });

  test('say that their topic was deleted, and what to do', async () => {
    const { topic, group } = await newTopic();
    await subscriptions('create', group, '--topic', topic, '--webhook', receiver.url);
    await client.admin().deleteTopics({ topics: [topic] });
    expect(rowsOf(await subscriptions('list', '--topic', topic))[1]?.[2]).toBe('TopicDeleted');
    expect((await subscriptions('describe', group)).stderr).toContain(
      `the topic ${topic} was deleted, or made again: create the subscription again, or delete it`,
    );
    expect((await subscriptions('delete', group)).code).toBe(0);
  });

  test('print every setting as JSON, and are changed in part', async () => {
    const { topic, dead, group } = await newTopic();
    const pattern = '{"value":{"a":[1]}}';
    const options = ['--filter', pattern, '--on-failure', dead, '--starting-position', '2026-01-01', '--disabled'];
    await subscriptions('create', group, '--topic', topic, '--webhook', receiver.url, ...options);
    const described = JSON.parse((await subscriptions('describe', group, '-o', 'json')).stdout);
    expect(described).toMatchObject({
      state: 'Paused',
      settings: {
        filterCriteria: { filters: [{ pattern }] },
        onFailure: { topic: dead },
        maximumRetryAttempts: 10,
        startingPosition: 'AT_TIMESTAMP',
        startingPositionTimestamp: Date.parse('2026-01-01T00:00Z'),
      },
    });
    await subscriptions('update', group, '--maximum-concurrency', '3');
    const bounded = JSON.parse((await subscriptions('describe', group, '--json')).stdout);
    expect(bounded.settings).toMatchObject({ maximumConcurrency: 3 });
    await subscriptions('update', group, '--no-maximum-concurrency');
    await subscriptions('update', group, '--no-filter', '--no-on-failure', '--report-batch-item-failures');
    const { settings } = JSON.parse((await subscriptions('describe', group, '--json')).stdout);
    expect(settings).toMatchObject({ reportBatchItemFailures: true, maximumRetryAttempts: -1 });
    for (const gone of ['filterCriteria', 'onFailure', 'maximumConcurrency']) expect(settings).not.toHaveProperty(gone);
    const again = await subscriptions('update', group, '--on-failure', dead, '-o', 'json');
    expect(JSON.parse(again.stdout).settings).toMatchObject({ onFailure: { topic: dead }, maximumRetryAttempts: 10 });
  });

  test('show what fails, give it up, and deliver it after the fix', async () => {
    const { topic, dead, group } = await newTopic();
    isFailing = true;
    await client.producer().send({ topic, messages: [{ value: 'a' }] });
    const options = ['--on-failure', dead, '--maximum-retry-attempts', '1'];
    await subscriptions('create', group, '--topic', topic, '--webhook', receiver.url, ...options);
    await eventually(async () => {
      const [, row] = rowsOf(await subscriptions('describe', group));
      expect(row).toContain('the webhook answered 500');
    });
    const group1 = await rivulet('groups', 'describe', group);
    expect(group1.stderr).toContain(`group ${group} has a subscription, state Enabled`);
    expect(rowsOf(group1)[1]?.slice(0, 2)).toEqual([group, topic]);
    await eventually(async () => expect((await client.admin().fetchTopicOffsets(dead))[0]!.latest).toBe(1));
    const failed = await subscriptions('retry', group);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('partition 0, offset 0 failed again') });
    isFailing = false;
    expect((await subscriptions('retry', group, '--now')).stdout).toContain('failing batches are tried now');
    expect((await subscriptions('retry', group)).stdout).toContain('1 dead letter delivered');
  });

  test.each([
    [['create', 'g', '--webhook', 'http://127.0.0.1/'], 'the topic is missing'],
    [['create', 'g', '--topic', 't'], 'the target is missing'],
    [['create', 'g', '--topic', 't', '--webhook', 'http://a/', '--function', 'b'], 'cannot be used with'],
    [['create', 'g', '--topic', 't', '--webhook', 'http://a/', '--batch-size', '0'], 'whole number from 1 to 10000'],
    [
      ['create', 'g', '--topic', 't', '--webhook', 'http://a/', '--starting-position', 'X'],
      'TRIM_HORIZON, LATEST or a time',
    ],
    [['update', 'g'], 'there is nothing to change'],
  ])('%j is wrong usage', async (args, message) => {
    expect(await subscriptions(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  });

  test('a function and a private address are refused on this machine', async () => {
    const { topic, group } = await newTopic();
    const create = (...target: string[]) => subscriptions('create', group, '--topic', topic, ...target);
    const arn = 'arn:aws:lambda:eu-central-1:123456789012:function:bill';
    expect((await create('--function', arn)).stderr).toContain('this service delivers to webhooks only');
    expect((await create('--webhook', 'https://169.254.169.254/')).stderr).toContain(
      'a host name that has only public addresses',
    );
    expect((await create('--webhook', 'http://10.0.0.1/')).stderr).toContain('http: is for this machine only');
  });
});
