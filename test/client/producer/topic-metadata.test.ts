import { afterEach, expect, test } from 'vitest';
import { createTopicMetadataCache } from '../../../client/producer/topic-metadata.ts';
import { openConnection } from '../../../client/transport/connection.ts';
import { retryPolicy } from '../../../client/transport/retry.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { type ScriptedServer, scriptedServer, topicId } from '../scripted-server.ts';

const servers: ScriptedServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function start(maxAgeMs: number) {
  let partitions = 3;
  const config = [{ name: 'max.message.bytes', value: '5000' }];
  const server = await scriptedServer(() => ({ json: { topicId, partitions, config } }));
  servers.push(server);
  const credentials = async () => ({ accessKeyId: 'local', secretAccessKey: 'local' });
  const rest = { region: 'us-east-1', clientId: 'test', requestTimeoutMs: 1000, clock: systemClock };
  const connection = openConnection({ url: new URL(server.url), credentials, ...rest });
  const cache = createTopicMetadataCache(connection, systemClock, retryPolicy(), maxAgeMs);
  return { server, cache, grow: () => partitions++ };
}

test('concurrent callers share one request, and its result is cached', async () => {
  const { server, cache } = await start(60_000);
  expect(cache.peek('t')).toBeUndefined();
  const [one, two] = await Promise.all([cache.refresh('t'), cache.refresh('t')]);
  expect(one).toEqual({ topic: 't', topicId, partitions: 3, maxMessageBytes: 5000 });
  expect(two).toBe(one);
  expect(cache.peek('t')).toBe(one);
  expect(server.received).toHaveLength(1);
});

test('an old entry still serves, and is read again in the background', async () => {
  const { cache, grow } = await start(0);
  await cache.refresh('t');
  grow();
  await systemClock.sleep(5);
  expect(cache.peek('t')?.partitions).toBe(3);
  await expect.poll(() => cache.peek('t')?.partitions).toBe(4);
});

test('a forgotten topic is no longer cached', async () => {
  const { cache } = await start(60_000);
  await cache.refresh('t');
  cache.forget('t');
  expect(cache.peek('t')).toBeUndefined();
});
