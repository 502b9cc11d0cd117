import { describe, expect, it } from 'vitest';
import { createApi } from '../../http/api.ts';
import type { HttpEvent } from '../../http/http-event.ts';
import type { LogEntry } from '../../http/stack.ts';
import type { Engine } from '../../lib/api/engine.ts';
import { createEngine } from '../../lib/engine.ts';
import { encodeBatch } from '../../lib/record/batch.ts';
import { unreadable } from '../fixtures/unreadable-batch.ts';
import { appendOne, batchOf, createWorld, startMs } from '../log/world.ts';

const rawPath = '/v1/topics/t/partitions/0/records';
const get = (rawQueryString: string): HttpEvent => ({
  version: '2.0',
  rawPath,
  rawQueryString,
  headers: {},
  requestContext: { requestId: 'r', http: { method: 'GET', path: rawPath } },
  isBase64Encoded: false,
});

it('a GET from a time misses no record that arrives while the offset is looked up', async () => {
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
  const reply = await api(get(`timestamp=${startMs + 1_000}`));
  expect(JSON.parse(String(reply.body)).records).toMatchObject([{ offset: 1, value: 'young' }]);
});

it('a JSON reply unpacks a bounded amount, and leaves the rest to the next fetch', async () => {
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

it('a fetch may have only a small body, because a long poll holds it in memory', async () => {
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

describe('a batch that cannot be unpacked', () => {
  const log: LogEntry[] = [];
  const fetchLast = async (engine: Engine) => {
    log.length = 0;
    const api = createApi({ engine, version: '0.0.0', log: (entry) => log.push(entry) });
    const { statusCode, body } = await api(get('offset=1'));
    return { statusCode, ...JSON.parse(String(body)) };
  };

  it('is reported as a fault of its producer, not as a failure of the server', async () => {
    const { engine } = createWorld();
    await engine.createTopic({ topic: 't' });
    await appendOne(engine, 0, batchOf(['good']));
    await appendOne(engine, 0, unreadable(batchOf(['a', 'b'])));
    expect(await fetchLast(engine)).toMatchObject({
      ...{ statusCode: 400, errorCode: 'CORRUPT_MESSAGE', offset: 1, nextOffset: 3, retriable: false },
      detail: expect.stringMatching(
        /its producer wrote it so .*: fetch it as application\/\S+, or continue from offset 3\.$/,
      ),
    });
    expect(log).toEqual([]);
  });

  it('is reported as an internal failure when its bytes have changed since', async () => {
    const world = createWorld();
    await world.engine.createTopic({ topic: 't' });
    await appendOne(world.engine, 0, batchOf(['good']));
    await appendOne(world.engine, 0, batchOf(['needle']));
    const { objects } = await world.objects.list({});
    for (const { key } of objects) {
      const bytes = Buffer.from((await world.objects.get(key))!);
      if (!bytes.includes('needle')) continue;
      bytes.write('beetle', bytes.indexOf('needle'));
      await world.objects.delete([key]);
      await world.objects.putOnce(key, [bytes]);
    }
    const damage = { statusCode: 500, errorCode: 'CORRUPT_LOG', offset: 1 };
    expect(await fetchLast(createEngine(world))).toMatchObject(damage);
    expect(log).toMatchObject([{ status: 500, errorCode: 'CORRUPT_LOG' }]);
  });
});
