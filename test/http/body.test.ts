import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readBody } from '../../http/body.ts';
import { limits } from '../../lib/api/limits.ts';

const refusal = (body: Uint8Array | string, encoding?: string) =>
  readBody(body, encoding, 'jsonBodyBytes').then(
    () => expect.unreachable('it was taken'),
    (error: unknown) => error,
  );

describe('a body', () => {
  it.each([undefined, '', 'identity', 'Identity '])('with the coding %j is used as it came', async (encoding) => {
    expect(await readBody('{}', encoding, 'jsonBodyBytes')).toBe('{}');
  });

  it.each(['gzip', 'GZIP', ' x-gzip'])('in %j is unpacked', async (encoding) => {
    expect(String(await readBody(gzipSync('{"a":1}'), encoding, 'jsonBodyBytes'))).toBe('{"a":1}');
  });

  it('may consist of several gzip members', async () => {
    const body = Buffer.concat([gzipSync('{"a":'), gzipSync('1}')]);
    expect(String(await readBody(body, 'gzip', 'jsonBodyBytes'))).toBe('{"a":1}');
  });

  it.each(['br', 'deflate', 'zstd', 'gzip, gzip', 'gzip, identity', 'aws-chunked', 'gzip;q=1', '__proto__'])(
    'in %j is refused with the list of supported codings',
    async (encoding) => {
      expect(await refusal('{}', encoding)).toMatchObject({
        errorCode: 'UNSUPPORTED_MEDIA_TYPE',
        message: `header.content-encoding: expected gzip, identity or none, got "${encoding}"`,
      });
    },
  );

  const packed = gzipSync('{"a":1}');
  it.each([
    [
      'other bytes',
      Buffer.from('{"a":1}'),
      /^body: expected gzip, got bytes that do not unpack: incorrect header check$/,
    ],
    ['half of them', packed.subarray(0, 15), /unexpected end of file$/],
    ['none', '', /unexpected end of file$/],
    ['bytes behind the end', Buffer.concat([packed, Buffer.from('x')]), /expected gzip/],
    ['a wrong check sum', packed.with(packed.length - 8, packed.at(-8)! ^ 1), /incorrect data check$/],
    ['text, as API Gateway makes of JSON', packed.toString(), /^body: expected gzip, got text: this gateway passes/],
  ])('that says gzip and is %s is refused', async (_, body, message) => {
    expect(await refusal(body, 'gzip')).toMatchObject({
      errorCode: 'INVALID_REQUEST',
      message: expect.stringMatching(message),
      extra: { field: 'body' },
    });
  });

  it('of exactly the limit is taken, and one byte more is refused, packed or not', async () => {
    const full = Buffer.alloc(limits.jsonBodyBytes, 0x20);
    expect(await readBody(full, undefined, 'jsonBodyBytes')).toBe(full);
    expect((await readBody(gzipSync(full), 'gzip', 'jsonBodyBytes')).length).toBe(limits.jsonBodyBytes);
    const more = Buffer.alloc(limits.jsonBodyBytes + 1, 0x20);
    expect(await refusal(more)).toMatchObject({
      errorCode: 'BODY_TOO_LARGE',
      message: 'body: expected at most 2097152 bytes (jsonBodyBytes), got 2097153',
    });
    expect(await refusal(gzipSync(more), 'gzip')).toMatchObject({
      errorCode: 'BODY_TOO_LARGE',
      message: 'body: expected at most 2097152 bytes (jsonBodyBytes), got more when unpacked',
    });
  });

  it('that unpacks to a thousand times its size costs no more memory than the limit', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const before = process.memoryUsage().arrayBuffers;
    expect(await refusal(bomb, 'gzip')).toMatchObject({ errorCode: 'BODY_TOO_LARGE' });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * limits.jsonBodyBytes);
  });
});
