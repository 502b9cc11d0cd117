// No emulator gives these answers, so this test puts them on the wire: the meaning of each error, and the requests as
// they leave. The contract test against a running S3 is test/contract/aws.test.ts.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { createS3ObjectStore } from '../../../lib/storage/aws/s3-object-store.ts';
import { hedgingObjectStore } from '../../../lib/storage/hedge.ts';
import { brokenBy, playWire, s3Error } from '../../aws/wire.ts';

const bytes = new TextEncoder().encode('some bytes');
const ok = { status: 200 };

function storeOn(...answers: Parameters<typeof playWire>) {
  const { connection, requests } = playWire(...answers);
  return { store: createS3ObjectStore({ ...connection, bucket: 'bkt' }), requests };
}

describe('an error on a put', () => {
  test.each([
    [409, 'ConditionalRequestConflict', 'conflict', false],
    [409, 'OperationAborted', 'conflict', false],
    [503, 'SlowDown', 'throttled', false],
    [500, 'InternalError', 'unavailable', true],
    [503, 'ServiceUnavailable', 'unavailable', true],
    [400, 'RequestTimeout', 'no-answer', true],
    [400, 'BadDigest', 'invalid', false],
    [400, 'ExpiredToken', 'denied', false],
    [403, 'AccessDenied', 'denied', false],
    [403, 'SignatureDoesNotMatch', 'denied', false],
    [404, 'NoSuchBucket', 'denied', false],
    [301, 'PermanentRedirect', 'denied', false],
  ])('%i %s is %s', async (status, code, reason, mayHaveActed) => {
    const { store, requests } = storeOn(s3Error(status, code));
    await expect(store.putOnce('k', [bytes])).rejects.toMatchObject({ name: 'StorageError', reason, mayHaveActed });
    expect(requests).toHaveLength(1);
  });

  test('a broken connection counts as no answer', async () => {
    const { store, requests } = storeOn(brokenBy('ECONNRESET'));
    await expect(store.putOnce('k', [bytes])).rejects.toMatchObject({ reason: 'no-answer', mayHaveActed: true });
    expect(requests).toHaveLength(1);
  });
});

describe('a put that finds its key taken', () => {
  const taken = s3Error(412, 'PreconditionFailed');

  test('by the same bytes is done, because an earlier try had landed', async () => {
    const { store, requests } = storeOn(taken, { status: 200, body: 'some bytes' });
    await store.putOnce('k', [bytes]);
    expect(requests.map(({ method }) => method)).toEqual(['PUT', 'GET']);
  });

  test('by other bytes says so', async () => {
    const { store } = storeOn(taken, { status: 200, body: 'other bytes' });
    await expect(store.putOnce('k', [bytes])).rejects.toMatchObject({ reason: 'exists', mayHaveActed: false });
  });

  test('by an object that then vanishes may be sent again', async () => {
    const { store } = storeOn(taken, s3Error(404, 'NoSuchKey'));
    await expect(store.putOnce('k', [bytes])).rejects.toMatchObject({ reason: 'conflict', mayHaveActed: false });
  });

  test('by an object that it may not read reports an unknown outcome', async () => {
    const { store } = storeOn(taken, s3Error(403, 'AccessDenied'));
    await expect(store.putOnce('k', [bytes])).rejects.toMatchObject({ reason: 'exists', mayHaveActed: true });
  });

  test('by an object that it fails to read reports an unknown outcome', async () => {
    const { store } = storeOn(taken, brokenBy('ECONNRESET'));
    await expect(store.putOnce('k', [bytes])).rejects.toMatchObject({ reason: 'no-answer', mayHaveActed: true });
  });
});

describe('a put is sent', () => {
  test('with a condition, with a CRC-32 instead of a hash, and without waiting for 100-continue', async () => {
    const { store, requests } = storeOn(ok);
    const chunk = new Uint8Array(1 << 20).fill(9);
    await store.putOnce('dir/k', [chunk, chunk, chunk]);
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32BE(crc32(Buffer.concat([chunk, chunk, chunk])));
    const { headers, path } = requests[0]!;
    expect(path).toBe('/dir/k');
    expect(headers).toMatchObject({
      'if-none-match': '*',
      'content-length': String(3 << 20),
      'x-amz-checksum-crc32': checksum.toString('base64'),
      'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
    });
    expect(headers).not.toHaveProperty('Expect');
    expect(headers.authorization).toContain('x-amz-checksum-crc32');
  });
});

describe('a put has time by its size', () => {
  test.each([
    [1, 4_000],
    [64 << 20, 20_777],
  ])('%i bytes have %i ms', async (length, timeoutMs) => {
    const { store, requests } = storeOn(ok);
    await store.putOnce('k', [new Uint8Array(length)]);
    expect(Math.round(requests[0]!.timeoutMs!)).toBe(timeoutMs);
  });

  test('also while the service stores it and is silent', async () => {
    const server = createServer((request, response) => {
      request.resume().on('end', () => setTimeout(() => response.end(), 1_500));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { requestHandler: _, ...connection } = playWire(ok).connection;
    const options = { ...connection, endpoint: `http://127.0.0.1:${port}`, forcePathStyle: true, tryMs: 500 };
    await createS3ObjectStore({ ...options, bucket: 'bkt' }).putOnce('k', [new Uint8Array(32 << 20)]);
    server.closeAllConnections();
    server.close();
  });
});

test.each(['put', 'get in the middle of its body'])(
  'a stalled %s is hedged, and its connection is closed',
  async (kind) => {
    let requests = 0;
    const ended = Promise.withResolvers<void>();
    const server = createServer((request, response) => {
      const isFirst = ++requests === 1;
      if (isFirst) response.once('close', () => ended.resolve());
      request.resume().on('end', () => {
        if (kind !== 'put') response.writeHead(206, { 'content-length': bytes.length }).write(bytes.subarray(0, 5));
        if (!isFirst) response.end(kind === 'put' ? undefined : bytes.subarray(5));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { requestHandler: _, ...connection } = playWire(ok).connection;
    const options = { ...connection, endpoint: `http://127.0.0.1:${port}`, forcePathStyle: true };
    const store = hedgingObjectStore(createS3ObjectStore({ ...options, bucket: 'bkt' }), systemClock);
    if (kind === 'put') await store.putOnce('k', [bytes]);
    else expect(await store.get('k', { from: 0, to: bytes.length })).toEqual(bytes);
    await ended.promise;
    expect(requests).toBe(2);
    server.closeAllConnections();
    server.close();
  },
);

describe('a get', () => {
  test('of a range asks for that range only', async () => {
    const { store, requests } = storeOn({ status: 206, body: 'me' });
    expect(await store.get('k', { from: 2, to: 4 })).toEqual(bytes.slice(2, 4));
    expect(requests[0]!.headers).toMatchObject({ range: 'bytes=2-3' });
  });

  test.each([
    [404, 'NoSuchKey'],
    // S3 answers this for a missing object when the role may not list the bucket.
    [403, 'AccessDenied'],
  ])('that meets %i %s has no object', async (status, code) => {
    const { store } = storeOn(s3Error(status, code));
    expect(await store.get('k', { from: 0, to: 5 })).toBeUndefined();
  });

  test.each([
    [403, 'SignatureDoesNotMatch', 'denied'],
    [400, 'ExpiredToken', 'denied'],
    [404, 'NoSuchBucket', 'denied'],
    [503, 'SlowDown', 'throttled'],
  ])('that meets %i %s is not a missing object', async (status, code, reason) => {
    const { store } = storeOn(s3Error(status, code));
    await expect(store.get('k')).rejects.toMatchObject({ reason });
  });
});

describe('a delete', () => {
  const reply = (...errors: string[]) => ({
    status: 200,
    body: `<DeleteResult>${errors.map((code) => `<Error><Key>k</Key><Code>${code}</Code></Error>`).join('')}</DeleteResult>`,
  });

  test.each([
    ['AccessDenied', 'denied'],
    ['SlowDown', 'throttled'],
    ['InternalError', 'unavailable'],
  ])('whose reply has an error %s for one key is %s', async (code, reason) => {
    const { store } = storeOn(reply('NoSuchKey', code));
    await expect(store.delete(['j', 'k'])).rejects.toMatchObject({ reason });
  });

  test('that fails for missing keys only is done', async () => {
    const { store } = storeOn(reply('NoSuchKey'));
    await store.delete(['k']);
  });

  test('of no keys is not sent', async () => {
    const { store, requests } = storeOn(ok);
    await store.delete([]);
    expect(requests).toHaveLength(0);
  });
});

test('a list decodes keys in the way that S3 encodes them', async () => {
  const contents = ['a+b%2Bc', '%01%E2%82%AC'].map((key) => `<Contents><Key>${key}</Key><Size>3</Size></Contents>`);
  const body = `<ListBucketResult><IsTruncated>true</IsTruncated>${contents.join('')}</ListBucketResult>`;
  const { store, requests } = storeOn({ status: 200, body });
  const { objects, more } = await store.list({ prefix: 'p', after: 'p/1', limit: 2 });
  expect([objects.map(({ key }) => key), more]).toEqual([['a b+c', '\u0001€'], true]);
  expect(requests[0]!.query).toMatchObject({
    prefix: 'p',
    'start-after': 'p/1',
    'max-keys': '2',
    'encoding-type': 'url',
  });
});
