import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Delivery } from '../../../../lib/api/push.ts';
import { createWebhook, type WebhookOptions } from '../../../../lib/push/delivery/webhook/webhook.ts';
import { systemClock } from '../../../../lib/runtime/clock.ts';
import { offsets } from '../records.ts';
import { type Receiver, startReceiver } from './receiver.ts';

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.close());
beforeEach(() => {
  receiver.received.length = 0;
  receiver.respond = (response) => response.end();
});

const batch = offsets(40, 41);

async function deliver(given: Partial<WebhookOptions> = {}, ms = 10_000, signal?: AbortSignal): Promise<Delivery> {
  const webhook = createWebhook({
    url: receiver.url,
    secrets: [{ secret: 'whsec_new' }],
    network: { local: true },
    bootstrapServers: '127.0.0.1:9092',
    reportBatchItemFailures: true,
    clock: systemClock,
    answerMs: 30_000,
    ...given,
  });
  return webhook.deliver(batch, { deadlineMs: ms, ...(signal && { signal }) });
}

const answering = (status: number, headers: Record<string, string> = {}, body = '') => {
  receiver.respond = (response) => response.writeHead(status, headers).end(body);
  return deliver();
};

describe('the request', () => {
  test('has the event as its body, and a signature that a receiver can check', async () => {
    expect(await deliver()).toEqual({ kind: 'answered', answer: { kind: 'success' } });
    const [{ headers, body, path }] = receiver.received as [Receiver['received'][number]];
    expect(path).toBe('/orders');
    expect(headers).toMatchObject({ 'content-type': 'application/json', host: `127.0.0.1:${receiver.port}` });
    expect(JSON.parse(body).records['orders-0'].map((record: { offset: number }) => record.offset)).toEqual([40, 41]);
    const [, seconds, signature] = /^t=(\d+), v1=([0-9a-f]{64})$/.exec(String(headers['rivulet-signature']))!;
    expect(signature).toBe(createHmac('sha256', 'whsec_new').update(`${seconds}.${body}`).digest('hex'));
    expect(Math.abs(Number(seconds) * 1000 - Date.now())).toBeLessThan(30_000);
  });

  test('has a signature for each secret that is valid, and none for one that is over', async () => {
    const now = systemClock.now();
    const secrets = [
      { secret: 'new' },
      { secret: 'old', untilMs: now + 60_000 },
      { secret: 'older', untilMs: now - 1 },
    ];
    await deliver({ secrets });
    const [{ headers, body }] = receiver.received as [Receiver['received'][number]];
    const [seconds, ...signatures] = String(headers['rivulet-signature']).split(', ');
    const hmac = (secret: string) =>
      createHmac('sha256', secret)
        .update(`${seconds!.slice(2)}.${body}`)
        .digest('hex');
    expect(signatures).toEqual([`v1=${hmac('new')}`, `v1=${hmac('old')}`]);
  });
});

describe('the answer', () => {
  test.each([200, 201, 202, 204, 299])('%i is success', async (status) =>
    expect(await answering(status)).toEqual({ kind: 'answered', answer: { kind: 'success' } }),
  );

  test('a partial answer counts only if the subscription says so', async () => {
    const body = JSON.stringify({ batchItemFailures: [{ itemIdentifier: { partition: 'orders-0', offset: 41 } }] });
    expect(await answering(200, {}, body)).toMatchObject({ answer: { kind: 'partial', failedOffset: 41 } });
    expect(await deliver({ reportBatchItemFailures: false })).toMatchObject({ answer: { kind: 'success' } });
    expect(await answering(200, {}, 'done')).toMatchObject({ answer: { kind: 'failed' } });
  });

  test.each([
    [429, '7', 7_000],
    [503, '0', 0],
    [503, '999999999', 3_600_000],
    [429, new Date(Date.now() - 60_000).toUTCString(), 0],
    [429, 'soon', undefined],
    [503, undefined, undefined],
  ])('%i with Retry-After %s is no attempt', async (status, after, retryAfterMs) =>
    expect(await answering(status, after === undefined ? {} : { 'retry-after': after })).toEqual({
      kind: 'throttled',
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    }),
  );

  test('410 says that nobody wants the records any more', async () =>
    expect(await answering(410)).toEqual({ kind: 'gone' }));

  test.each([400, 401, 404, 500, 502, 504])('%i fails, and the reason holds nothing of the reply', async (status) =>
    expect(await answering(status, {}, 'a page of a server inside')).toEqual({
      kind: 'failed',
      error: `the webhook answered ${status}`,
    }),
  );

  test.each([301, 302, 303, 307, 308])('%i is not followed', async (status) => {
    expect(await answering(status, { location: `${receiver.url}/elsewhere` })).toMatchObject({ kind: 'failed' });
    expect(receiver.received.length).toBe(1);
  });
});

describe('a webhook that misbehaves', () => {
  test('a reply of 64 KiB is read, and one byte more fails', async () => {
    const reply = (length: number) => `{"x":"${'x'.repeat(length - 8)}"}`;
    expect(await answering(200, {}, reply(65_536))).toMatchObject({ answer: { kind: 'success' } });
    expect(await answering(200, {}, reply(65_537))).toMatchObject({
      kind: 'failed',
      error: expect.stringContaining('65536'),
    });
  });

  test('an endless reply is cut off', async () => {
    receiver.respond = (response) => {
      const timer = setInterval(() => response.write('x'.repeat(10_000)), 1);
      response.on('close', () => clearInterval(timer));
    };
    expect(await deliver()).toMatchObject({ kind: 'failed', error: expect.stringContaining('65536') });
  });

  test.each([
    ['never answers', () => undefined],
    [
      'sends a head and no body',
      (response: import('node:http').ServerResponse) => response.writeHead(200).flushHeaders(),
    ],
  ])('one that %s fails at the deadline', async (_, respond) => {
    receiver.respond = respond;
    expect(await deliver({}, 300)).toEqual({ kind: 'failed', error: 'the webhook did not answer in time' });
  });

  test.each([26_998.698389, Number.POSITIVE_INFINITY, 2 ** 40])('any number is a deadline: %d', async (ms) => {
    expect(await deliver({}, ms)).toMatchObject({ kind: 'answered' });
  });

  test.each([0, -1, Number.NEGATIVE_INFINITY])('a deadline that is over ends it: %d', async (ms) => {
    receiver.respond = () => undefined;
    expect(await deliver({}, ms)).toMatchObject({ kind: 'failed' });
  });

  test('the caller can end it', async () => {
    receiver.respond = () => undefined;
    expect(await deliver({}, 10_000, AbortSignal.timeout(100))).toMatchObject({ kind: 'failed' });
    expect(await deliver({}, 10_000, AbortSignal.abort())).toMatchObject({ kind: 'failed' });
  });

  test.each([
    ['closes the connection', (response: import('node:http').ServerResponse) => response.socket!.destroy()],
    ['speaks no HTTP', (response: import('node:http').ServerResponse) => response.socket!.end('220 mail ready\r\n')],
    [
      'changes the protocol',
      (response: import('node:http').ServerResponse) =>
        response.socket!.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    ],
    [
      'sends heads without end',
      (response: import('node:http').ServerResponse) =>
        response.socket!.write(`HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(10_000)}`),
    ],
  ])('one that %s fails', async (_, respond) => {
    receiver.respond = respond;
    expect(await deliver()).toMatchObject({
      kind: 'failed',
      error: expect.stringMatching(/^the webhook could not be reached: ./),
    });
  });

  test('a name without an address, and a port where nothing listens', async () => {
    const resolve = () => Promise.reject(new Error('getaddrinfo ENOTFOUND'));
    expect(await deliver({ network: { local: true, resolve } })).toMatchObject({ kind: 'failed' });
    expect(await deliver({ url: 'http://127.0.0.1:1/' })).toMatchObject({ kind: 'failed' });
  });

  test('a resolver that never answers', async () => {
    const resolve = () => new Promise<never>(() => undefined);
    const network = { local: true, resolve };
    expect(await deliver({ network }, 200)).toMatchObject({ error: 'the webhook did not answer in time' });
  });
});
