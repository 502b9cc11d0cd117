import { expect, it } from 'vitest';
import { createApi } from '../../functions/api.ts';
import type { Engine } from '../../lib/engine.ts';
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
