import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/api/limits.ts';
import { BATCHES_MEDIA_TYPE } from '../../lib/record/frames.ts';
import { type Ask, batchOf, frameOf } from './target.ts';

const JSON_BODY = { 'content-type': 'application/json' };
const record = { records: [{ value: 'x' }] };

export function refusalsConformance(ask: Ask): void {
  describe('a path', () => {
    it.each(['/', '/v1', '/v2/topics', '/v1/topics/', '/v1/topics/a/', '/v1/topics/a/records/', '/v1/topics/a/b/c'])(
      '%s has no operation',
      async (path) => {
        expect((await ask.get(path)).json).toMatchObject({ status: 404, errorCode: 'NOT_FOUND' });
      },
    );

    it.each([
      'a%2Fb',
      'a%2fb',
      '%2e%2e',
      '%2E',
      'a%00b',
      'a%20b',
      '__consumer_offsets',
      'a'.repeat(250),
      'a,b',
      'a;b',
      '%C3%A9',
    ])('with the topic %s is refused, never decoded', async (name) => {
      const refused = await ask.json('PUT', `/v1/topics/${name}`, {});
      expect([400, 404]).toContain(refused.status);
      expect(['INVALID_TOPIC_EXCEPTION', 'INVALID_REQUEST', 'NOT_FOUND']).toContain(refused.json.errorCode);
    });

    it.each(['/v1/topics/../topics', '/v1/./topics', '/v1//topics', '/v1/topics/..', '/v1/topics/%2e%2e/records'])(
      '%s is not normalised',
      async (path) => {
        expect([400, 404, 405]).toContain((await ask.get(path)).status);
      },
    );

    it.each(['01', '-1', '1.0', 'NaN', '%31', '10000', ''])('with the partition %j is refused', async (partition) => {
      const { path } = await ask.topic(2);
      const refused = await ask.json('POST', `${path}/partitions/${partition}/records`, record);
      expect([400, 404]).toContain(refused.status);
    });

    it.each([
      ['DELETE', '/v1/topics', 'GET, HEAD'],
      ['PATCH', '/v1/health', 'GET, HEAD'],
      ['POST', '/v1/topics/orders', 'PUT, GET, HEAD, PATCH, DELETE'],
      ['GET', '/v1/producers', 'POST'],
    ])('takes no %s at %s', async (method, path, allow) => {
      const refused = await ask.send({ method, path });
      expect(refused.json).toMatchObject({ status: 405, errorCode: 'METHOD_NOT_ALLOWED' });
      expect(refused.headers.allow).toBe(allow);
    });
  });

  describe('HEAD', () => {
    it.each(['/v1/health', '/openapi.json', '/v1/topics', '/v1/groups'])('%s is GET without the body', async (path) => {
      const [got, head] = [await ask.get(path), await ask.send({ method: 'HEAD', path })];
      expect([head.status, head.body.length]).toEqual([200, 0]);
      expect(head.headers['content-type']).toBe(got.headers['content-type']);
    });

    it('for a missing resource is a 404, and for a path without GET a 405', async () => {
      const statusOf = async (path: string) => (await ask.send({ method: 'HEAD', path })).status;
      const { path } = await ask.topic();
      expect(await Promise.all([path, `${path}x`, `${path}/records`, '/v1/nothing'].map(statusOf))).toEqual([
        200, 404, 405, 404,
      ]);
    });
  });

  describe('a query', () => {
    it.each([
      ['offset=NaN', 'query.offset'],
      ['offset=-1', 'query.offset'],
      ['offset=1.5', 'query.offset'],
      ['offset=9007199254740992', 'query.offset'],
      ['offset=', 'query.offset'],
      ['offset=0&offset=1', 'query.offset'],
      ['offest=0', 'query.offest'],
      ['offset=0&timestamp=5', 'query.timestamp'],
      ['waitMs=20001', 'query.waitMs'],
      ['maxBytes=0', 'query.maxBytes'],
    ])('%s is refused by name', async (query, field) => {
      const { path } = await ask.topic();
      const refused = await ask.get(`${path}/partitions/0/records?${query}`);
      expect(refused.json).toMatchObject({ status: 400, errorCode: 'INVALID_REQUEST' });
      expect(refused.json.detail).toContain(field);
    });

    it('beside a JSON body is refused', async () => {
      const { path, topicId } = await ask.topic();
      const refused = await ask.json('POST', `${path}/records?topicId=${topicId}`, record);
      expect(refused.json).toMatchObject({ status: 400, field: 'query.topicId' });
    });
  });

  describe('media types', () => {
    it.each([undefined, 'text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1'])(
      'a body of %s is a 415',
      async (type) => {
        const { path } = await ask.topic();
        const headers = type === undefined ? {} : { 'content-type': type };
        const refused = await ask.send({
          method: 'POST',
          path: `${path}/records`,
          headers,
          body: JSON.stringify(record),
        });
        expect(refused.json).toMatchObject({
          status: 415,
          errorCode: 'UNSUPPORTED_MEDIA_TYPE',
          outcome: 'not-written',
        });
      },
    );

    it('batches are a 415 where only JSON is taken', async () => {
      const { path } = await ask.topic();
      expect((await ask.frames(`${path}/fetch`, Buffer.alloc(8))).status).toBe(415);
    });

    it('a type that is not offered is a 406, before anything is done', async () => {
      const { path } = await ask.topic();
      const refused = await ask.json('POST', `${path}/records`, record, { accept: BATCHES_MEDIA_TYPE });
      expect(refused.json).toMatchObject({ status: 406, errorCode: 'NOT_ACCEPTABLE', outcome: 'not-written' });
      expect((await ask.get(`${path}/partitions/0/records`)).json.highWatermark).toBe(0);
    });
  });

  describe('a JSON body', () => {
    const nested = (levels: number) => `{"records":[{"value":${'['.repeat(levels)}${']'.repeat(levels)}}]}`;

    it.each([
      ['that is none', 'records', 'body: not valid JSON'],
      ['of nothing', '', 'body: expected JSON, got nothing'],
      ['with NaN', '{"records":[{"timestamp":NaN}]}', 'body: not valid JSON'],
      ['too deep', nested(40), 'body: expected at most 32 nested levels, got 43'],
      ['far too deep', nested(300_000), 'got 300003'],
      ['that is not an object', '[]', 'body: '],
      ['with no records', '{"records":[]}', 'body.records'],
      ['with an unknown field', '{"records":[{"vlaue":1}]}', 'body.records[0].vlaue'],
      ['with a fractional partition', '{"records":[{"partition":0.5}]}', 'body.records[0].partition'],
      ['with a partition beyond the limit', '{"records":[{"partition":10000}]}', 'got 10000'],
      ['with a negative timestamp', '{"records":[{"timestamp":-5}]}', 'body.records[0].timestamp'],
      ['with a timestamp above 2^53-1', '{"records":[{"timestamp":9007199254740993}]}', 'got 9007199254740993'],
      ['with bad base64', '{"records":[{"value":{"type":"binary","data":"%"}}]}', 'body.records[0].value.data'],
      [
        'with half a surrogate pair',
        '{"records":[{"key":"ab\\ud800"}]}',
        'body.records[0].key: expected text in valid',
      ],
      [
        'with half a surrogate pair in JSON',
        '{"records":[{"value":{"a":["\\udc00"]}}]}',
        'body.records[0].value.a[0]: exp',
      ],
      [
        'with half a surrogate pair as a name',
        '{"records":[{"value":{"\\udc00":1}}]}',
        'body.records[0].value["\\udc00"]',
      ],
      ['with a field called __proto__', '{"records":[{"__proto__":1}]}', 'body.records[0].__proto__'],
      [
        'with half a surrogate pair in the name of a header',
        '{"records":[{"headers":[{"name":"\\ud800"}]}]}',
        'body.records[0].headers[0].name',
      ],
      ['with another topic id', '{"topicId":"short","records":[{}]}', 'body.topicId'],
      ['with headers that are a number', '{"records":[{"headers":12345678901234567890}]}', 'body.records[0].headers'],
      [
        'with a header that has no name',
        '{"records":[{"headers":[{"value":"b"}]}]}',
        'body.records[0].headers[0].name',
      ],
    ])('%s is refused', async (_, body, detail) => {
      const { path } = await ask.topic();
      const refused = await ask.json('POST', `${path}/records`, body);
      expect(refused.json).toMatchObject({ status: 400, errorCode: 'INVALID_REQUEST', outcome: 'not-written' });
      expect(refused.json.detail).toContain(detail);
      expect((await ask.get(`${path}/partitions/0/records`)).json.highWatermark).toBe(0);
    });

    it('may have names that JavaScript has too, which are names like any other', async () => {
      const { path } = await ask.topic();
      const value = '{"__proto__":{"a":1},"constructor":null,"toString":"x"}';
      const header = '{"name":"__proto__","value":"v"}';
      const written = await ask.json(
        'POST',
        `${path}/records`,
        `{"records":[{"value":${value},"headers":[${header}]}]}`,
      );
      expect(written.status).toBe(200);
      const read = await ask.get(`${path}/partitions/0/records`);
      expect(read.body.toString()).toContain(`"value":${value},"headers":[${header}]`);
    });

    it('may begin with a byte order mark', async () => {
      const { path } = await ask.topic();
      expect((await ask.json('POST', `${path}/records`, '\ufeff{"records":[{}]}')).status).toBe(200);
    });

    it('of invalid UTF-8 is refused', async () => {
      const { path } = await ask.topic();
      const body = Buffer.concat([Buffer.from('{"records":[{"value":"'), Buffer.from([0xc3]), Buffer.from('"}]}')]);
      const refused = await ask.send({ method: 'POST', path: `${path}/records`, headers: JSON_BODY, body });
      expect(refused.json).toMatchObject({ status: 400, detail: 'body: expected text in UTF-8, got other bytes' });
    });

    it.each([
      ['POST', '/v1/producers'],
      ['GET', '/v1/topics'],
      ['GET', '/v1/health'],
      ['DELETE', '/v1/topics/no-such-topic'],
    ])('is refused by an operation without a body: %s %s', async (method, path) => {
      const refused = await ask.json(method, path, {});
      expect(refused.json).toMatchObject({ status: 400, detail: 'body: expected none, got 2 bytes' });
    });

    it('with a record ahead of the clock is refused', async () => {
      const { path } = await ask.topic();
      const body = { records: [{ value: 1, timestamp: limits.maxOffset }] };
      const refused = await ask.json('POST', `${path}/records`, body);
      expect(refused.status).toBe(400);
      expect(refused.json.records[0].error).toMatchObject({ errorCode: 'INVALID_TIMESTAMP', outcome: 'not-written' });
    });

    it('with a record larger than the topic takes is refused', async () => {
      const { path } = await ask.topic(1, { 'max.message.bytes': '2000' });
      const refused = await ask.json('POST', `${path}/records`, { records: [{ value: 'x'.repeat(3000) }] });
      expect(refused.status).toBe(413);
      expect(refused.json.records[0].error).toMatchObject({ errorCode: 'MESSAGE_TOO_LARGE', outcome: 'not-written' });
    });
  });

  describe('a body in gzip', () => {
    const packed = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const send = (path: string, body: Uint8Array, headers: Record<string, string> = packed) =>
      ask.send({ method: 'POST', path: `${path}/records`, headers, body });

    it('with JSON is taken', async () => {
      const { path } = await ask.topic();
      expect((await send(path, gzipSync('{"records":[{"value":"unpacked"}]}'))).status).toBe(200);
      expect((await ask.get(`${path}/partitions/0/records`)).json.records[0].value).toBe('unpacked');
    });

    it('with batches is taken', async () => {
      const { path } = await ask.topic();
      const body = gzipSync(frameOf(0, batchOf(['unpacked'])));
      expect((await send(path, body, { ...packed, 'content-type': BATCHES_MEDIA_TYPE })).status).toBe(200);
      expect((await ask.get(`${path}/partitions/0/records`)).json.records[0].value).toBe('unpacked');
    });

    it('that is not gzip is refused', async () => {
      const { path } = await ask.topic();
      const refused = await send(path, Buffer.from(JSON.stringify(record)));
      expect(refused.json).toMatchObject({ status: 400, outcome: 'not-written', field: 'body' });
      expect(refused.json.detail).toMatch(/^body: expected gzip, got /);
    });

    it.each([
      ['JSON', 'application/json', limits.jsonBodyBytes],
      ['batches', BATCHES_MEDIA_TYPE, limits.binaryBodyBytes],
    ])('that is too large when it is unpacked is a 413: %s', async (_, type, limit) => {
      const { path } = await ask.topic();
      const refused = await send(path, gzipSync(Buffer.alloc(limit + 1, 0x20)), { ...packed, 'content-type': type });
      expect(refused.json).toMatchObject({ status: 413, errorCode: 'BODY_TOO_LARGE', outcome: 'not-written' });
      expect(refused.json.detail).toContain(`at most ${limit} bytes`);
    });

    it.each(['br', 'zstd', 'gzip, gzip'])(
      'with another coding (%s) is a 415 that names the supported codings',
      async (encoding) => {
        const { path } = await ask.topic();
        const refused = await send(path, Buffer.from(JSON.stringify(record)), {
          ...packed,
          'content-encoding': encoding,
        });
        expect(refused.json).toMatchObject({
          status: 415,
          outcome: 'not-written',
          detail: `header.content-encoding: expected gzip, identity or none, got "${encoding}"`,
        });
        expect(refused.headers['accept-encoding']).toBe('gzip');
      },
    );
  });

  describe('a body that is too large', () => {
    it.each([
      ['JSON', 'application/json', limits.jsonBodyBytes],
      ['batches', BATCHES_MEDIA_TYPE, limits.binaryBodyBytes],
    ])('of %s is a 413 that names the limit', async (_, type, limit) => {
      const { path } = await ask.topic();
      const headers = { 'content-type': type };
      const refused = await ask.send({
        method: 'POST',
        path: `${path}/records`,
        headers,
        body: Buffer.alloc(limit + 1, 0x20),
      });
      expect(refused.json).toMatchObject({ status: 413, errorCode: 'BODY_TOO_LARGE', outcome: 'not-written' });
      expect(refused.json.detail).toContain(String(limit));
    });
  });
}
