import { expect, test } from 'vitest';
import { createApi } from '../../http/api.ts';
import type { FetchRequest } from '../../lib/api/records.ts';
import { withFewWaiting } from '../../local/waiting-fetches.ts';
import { createWorld } from '../log/world.ts';

const request: FetchRequest = { topic: 't', partitions: [{ partition: 0, offset: 0 }] };

/** An engine whose long polls end when the test says so. */
async function cappedEngine(most: number) {
  const { engine } = createWorld();
  await engine.createTopic({ topic: 't' });
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const slow = async (asked: FetchRequest) => {
    if (asked.waitMs) await over;
    return engine.fetch({ ...asked, waitMs: 0 });
  };
  return { engine: withFewWaiting({ ...engine, fetch: slow }, { partitions: 100, fetches: most }), end };
}

test('a bounded number of fetches wait, and the next one is asked to come back later', async () => {
  const { engine, end } = await cappedEngine(2);
  const waiting = [1, 2].map(() => engine.fetch({ ...request, waitMs: 1_000 }));
  await expect(engine.fetch({ ...request, waitMs: 1_000 })).rejects.toMatchObject({ errorCode: 'THROTTLED' });
  // A fetch that does not wait takes no place from another.
  expect((await engine.fetch(request)).partitions).toHaveLength(1);
  end();
  await Promise.all(waiting);
  expect((await engine.fetch({ ...request, waitMs: 1_000 })).partitions).toHaveLength(1);
});

test('partitions that wait are counted over all fetches', async () => {
  const { engine, end } = await cappedEngine(1_000);
  const wide = (partitions: number): FetchRequest => ({
    topic: 't',
    partitions: Array.from({ length: partitions }, (_, partition) => ({ partition, offset: 0 })),
    waitMs: 1_000,
  });
  const waiting = [60, 40].map((partitions) => engine.fetch(wide(partitions)));
  await expect(engine.fetch(wide(1))).rejects.toMatchObject({
    errorCode: 'THROTTLED',
    message:
      'fetches wait for 100 partitions already, and 1 more would pass the limit of 100 (waitingPartitions): fetch again later',
  });
  end();
  await Promise.all(waiting);
  expect((await engine.fetch(wide(100))).partitions).toHaveLength(100);
});

test('a fetch that fails makes room too', async () => {
  const { engine, end } = await cappedEngine(1);
  end();
  for (let turn = 0; turn < 3; turn++)
    await expect(engine.fetch({ ...request, topic: 'none', waitMs: 1 })).rejects.toMatchObject({
      errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
});

test('over HTTP the refusal is a 429 that says when to come back', async () => {
  const { engine } = await cappedEngine(1);
  const api = createApi({ engine, version: 'test' });
  const rawPath = '/v1/topics/t/fetch';
  const event = {
    version: '2.0' as const,
    rawPath,
    rawQueryString: '',
    headers: { 'content-type': 'application/json' },
    requestContext: { requestId: 'r', http: { method: 'POST', path: rawPath } },
    body: JSON.stringify({ partitions: request.partitions, waitMs: 1_000 }),
    isBase64Encoded: false,
  };
  void api(event);
  const { statusCode, headers, body } = await api(event);
  expect([statusCode, headers['retry-after']]).toEqual([429, '1']);
  expect(JSON.parse(body as string)).toMatchObject({ errorCode: 'THROTTLED', retriable: true });
});
