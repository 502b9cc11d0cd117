import { expect, it } from 'vitest';
import { createApi } from '../../functions/api.ts';
import type { Engine } from '../../lib/engine.ts';
import { encodeBatch } from '../../lib/record/batch.ts';
import { appendOne, batchOf, createWorld, startMs } from '../log/world.ts';

it('a GET from a time misses nothing that arrives while the offset is looked up', async () => {
  const { engine, clock } = createWorld();
  await engine.createTopic({ topic: 't' });
  await appendOne(engine, 0, batchOf(['old']));
  clock.advance(60_000);
  let looks = 0;
  const offsets: Engine['offsets'] = async (request) => {
    const found = await engine.offsets(request);
    if (looks++ === 0) await appendOne(engine, 0, batchOf(['young'], { timestampMs: clock.now() }));
    return found;
  };
  const api = createApi({ engine: { ...engine, offsets }, version: '0.0.0' });
  const rawPath = '/v1/topics/t/partitions/0/records';
  const reply = await api({
    version: '2.0',
    rawPath,
    rawQueryString: `timestamp=${startMs + 1_000}`,
    headers: {},
    requestContext: { requestId: 'r', http: { method: 'GET', path: rawPath } },
    isBase64Encoded: false,
  });
  expect(JSON.parse(String(reply.body)).records).toMatchObject([{ offset: 1, value: 'young' }]);
});

it('a JSON reply unpacks so much, and leaves the rest to the next fetch', async () => {
  const { engine } = createWorld();
  await engine.createTopic({ topic: 't', partitions: 2 });
  const megabyte = { key: null, value: new Uint8Array(2 ** 20), headers: [], timestampMs: startMs };
  const batch = encodeBatch([...Array(40).fill(megabyte), { ...megabyte, value: Buffer.from('small') }], {
    compression: 'zstd',
  });
  for (const partition of [0, 1]) await appendOne(engine, partition, batch);
  const api = createApi({ engine, version: '0.0.0' });
  const rawPath = '/v1/topics/t/fetch';
  const fetchFrom = async (...numbers: number[]) => {
    const reply = await api({
      version: '2.0',
      rawPath,
      rawQueryString: '',
      headers: { 'content-type': 'application/json' },
      requestContext: { requestId: 'r', http: { method: 'POST', path: rawPath } },
      body: JSON.stringify({ partitions: numbers.map((partition) => ({ partition, offset: 40 })) }),
      isBase64Encoded: false,
    });
    return JSON.parse(String(reply.body)).partitions;
  };
  expect(await fetchFrom(0, 1)).toMatchObject([
    { nextOffset: 41, records: [{ value: 'small' }] },
    { nextOffset: 40, highWatermark: 41, records: [] },
  ]);
  expect(await fetchFrom(1)).toMatchObject([{ nextOffset: 41, records: [{ value: 'small' }] }]);
});

it('a fetch may have a small body, for a long poll holds it', async () => {
  const { engine } = createWorld();
  const api = createApi({ engine, version: '0.0.0' });
  const rawPath = '/v1/topics/t/fetch';
  const { statusCode, body } = await api({
    version: '2.0',
    rawPath,
    rawQueryString: '',
    headers: { 'content-type': 'application/json' },
    requestContext: { requestId: 'r', http: { method: 'POST', path: rawPath } },
    body: ' '.repeat(65_537),
    isBase64Encoded: false,
  });
  expect([statusCode, JSON.parse(String(body)).detail]).toEqual([
    413,
    'body: expected at most 65536 bytes (fetchBodyBytes), got 65537',
  ]);
});
