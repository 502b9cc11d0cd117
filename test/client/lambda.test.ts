// These tests are about a client in a Lambda function. The function is frozen between two calls, and meanwhile its sockets
// die. Its start pays for what the client imports.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { openConnection } from '../../client/transport/connection.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { type Backend, startEmbedded } from './embedded.ts';
import { type Death, openTunnel, type Tunnel } from './tunnel.ts';

let backend: Backend;
let tunnel: Tunnel;

beforeEach(async () => {
  backend = await startEmbedded();
  tunnel = await openTunnel(backend.url);
});
afterEach(async () => {
  await tunnel.close();
  await backend.close();
});

test.for<Death>(['breaks', 'swallows'])(
  'after a thaw where every socket %s, a send takes one retry and writes once',
  async (death) => {
    const failures: string[] = [];
    const rivulet = new Rivulet({
      url: tunnel.url,
      requestTimeoutMs: 1_000,
      onRetry: ({ error }) => void failures.push(error.errorCode),
    });
    const topic = 'orders';
    await rivulet.admin().createTopics({ topics: [{ topic, partitions: 1 }] });
    const producer = rivulet.producer();
    await producer.send({ topic, messages: [{ value: 'before' }] });
    // A function that reads and writes side by side has several sockets, and all of them die.
    await Promise.all(Array.from({ length: 4 }, () => rivulet.admin().fetchTopicOffsets(topic)));
    expect(tunnel.accepted()).toBeGreaterThanOrEqual(4);

    tunnel.kill(death);
    const sent = producer.send({ topic, messages: [{ value: 'after' }] });
    await producer.flush();

    expect(await sent).toMatchObject([{ offset: 1 }]);
    expect(failures).toEqual([death === 'breaks' ? 'NETWORK_EXCEPTION' : 'REQUEST_TIMED_OUT']);
    expect(await rivulet.admin().fetchTopicOffsets(topic)).toMatchObject([{ latest: 2 }]);
  },
);

test('a socket that was idle for longer than a minute is not used again', async () => {
  let aheadMs = 0;
  const connection = openConnection({
    url: new URL(tunnel.url),
    region: 'us-east-1',
    credentials: async () => ({ accessKeyId: 'local', secretAccessKey: 'local' }),
    clientId: 'test',
    requestTimeoutMs: 1_000,
    clock: { ...systemClock, monotonic: () => systemClock.monotonic() + aheadMs },
  });
  const ask = () => connection.ask({ method: 'GET', path: '/v1/topics', writes: false });
  await ask();
  aheadMs = 59_000;
  await ask();
  expect(tunnel.accepted()).toBe(1);
  tunnel.kill('swallows');
  aheadMs = 120_000;
  await ask();
  expect(tunnel.accepted()).toBe(2);
});

test('the import of the client loads nothing of the AWS SDK, and no zod', async () => {
  const script = `
    import { registerHooks } from 'node:module';
    const urls = [];
    registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) });
    const { Rivulet } = await import(${JSON.stringify(path.resolve(import.meta.dirname, '../../client/rivulet.ts'))});
    new Rivulet({ url: 'https://abc.execute-api.eu-west-1.amazonaws.com' }).producer();
    console.log(JSON.stringify(urls));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  const urls = JSON.parse(stdout) as string[];
  expect(urls.filter((url) => url.endsWith('/client/rivulet.ts'))).toHaveLength(1);
  expect(urls.filter((url) => url.includes('/node_modules/'))).toEqual([]);
});
