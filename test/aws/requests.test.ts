// Bad requests to the deployed API get the right 4xx. Where our code answers, the reply is a problem document. Where the
// gateway answers, the test checks the error that the SDK makes of the reply.
import { beforeAll, describe, expect, test } from 'vitest';
import { adminRoutes } from '../../cdk/access.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { errorOfAnswer } from '../../client/transport/connection.ts';
import { BATCHES_MEDIA_TYPE } from '../../lib/record/frames.ts';
import { type AccessKey, createUser, policyFor } from '../../tools/emulator/identities.ts';
import { type HttpReply, type HttpRequest, sendSigned } from '../../tools/emulator/signed-request.ts';
import { batchOf, frameOf, freshName } from '../conformance/target.ts';
import { onDeployment } from './resources.ts';

const json = { 'content-type': 'application/json' };
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

await onDeployment(({ endpoint, url }) => {
  const topic = freshName();
  const path = `/v1/topics/${topic}`;
  let operator: AccessKey;
  const send = (request: HttpRequest) => sendSigned(url, operator, request);

  async function countOf(): Promise<number> {
    const reply = await send({ method: 'GET', path: `${path}/offsets?at=latest` });
    return JSON.parse(reply.body.toString()).partitions[0].offset;
  }

  /** Sends a request that must be refused, and expects that nothing is written. */
  async function refused(request: HttpRequest): Promise<HttpReply> {
    const before = await countOf();
    const reply = await send(request);
    expect(await countOf()).toBe(before);
    return reply;
  }

  beforeAll(async () => {
    operator = await createUser(endpoint, freshName(), policyFor(endpoint, url, adminRoutes));
    expect((await send({ method: 'PUT', path, headers: json, body: '{}' })).status).toBe(201);
  });

  describe('a body', () => {
    test.each([
      ['JSON', 'application/json'],
      ['batches', BATCHES_MEDIA_TYPE],
    ])('of 5, 6 and 10 MB of %s is a 413 that the SDK calls not written', async (_, type) => {
      for (const megabytes of [5, 6, 10]) {
        const body = Buffer.alloc(megabytes * 1_000_000, 0x20);
        const reply = await refused({
          method: 'POST',
          path: `${path}/records`,
          headers: { 'content-type': type },
          body,
        });
        expect([megabytes, reply.status]).toEqual([megabytes, 413]);
        expect(errorOfAnswer(reply, true)).toMatchObject({ outcome: 'not-written', retriable: false });
      }
    });

    test('with every byte value comes back as it was sent', async () => {
      const rivulet = new Rivulet({ url, credentials: operator });
      const producer = rivulet.producer();
      const key = Buffer.from([...everyByte].reverse());
      const [sent] = await producer.send({
        topic,
        messages: [{ key, value: everyByte, headers: { every: everyByte } }],
      });
      await producer.disconnect();
      const consumer = rivulet.consumer();
      consumer.assign([{ topic, partition: sent!.partition, offset: sent!.offset }]);
      for await (const message of consumer) {
        expect(message).toMatchObject({ key, value: everyByte, headers: [{ key: 'every', value: everyByte }] });
        break;
      }
    });

    test.each([
      ['every byte', everyByte],
      ['a batch cut short', frameOf(0, batchOf(['value'])).subarray(0, -1)],
      ['a batch with a flipped bit', frameOf(0, flipped(batchOf(['value'])))],
    ])('of %s instead of batches is a 400', async (_, body) => {
      const reply = await refused({
        method: 'POST',
        path: `${path}/records`,
        headers: { 'content-type': BATCHES_MEDIA_TYPE },
        body,
      });
      expect(reply.status).toBe(400);
      expect(errorOfAnswer(reply, true)).toMatchObject({ outcome: 'not-written', retriable: false });
    });
  });

  describe('headers', () => {
    const flood = (count: number, lengthBytes: number): HttpRequest => ({
      method: 'POST',
      path: `${path}/records`,
      headers: {
        ...json,
        ...Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-flood-${i}`, 'y'.repeat(lengthBytes)])),
      },
      body: '{"records":[{"value":"v"}]}',
    });

    test.each([
      ['a hundred of a kilobyte', flood(100, 1_000)],
      ['one of a hundred kilobytes', flood(1, 100_000)],
      ['ten thousand', flood(10_000, 1)],
    ])('%s are a 4xx that the SDK calls not written', async (_, request) => {
      const reply = await refused(request);
      expect([400, 413, 431, 494]).toContain(reply.status);
      expect(errorOfAnswer(reply, true)).toMatchObject({ outcome: 'not-written', retriable: false });
    });
  });

  test.each([
    ['GET', '/', 404],
    ['GET', '/v1', 404],
    ['GET', '/v1/topics/a/b/c', 404],
    ['GET', '/prod/v1/topics', 404],
    ['GET', '/v1/topics/%2e%2e/%2e%2e/etc/passwd', 404],
    ['DELETE', '/v1/topics', 405],
    ['GET', '/v1/producers', 405],
    ['TRACE', '/v1/topics', 405],
    ['PROPFIND', '/v1/topics', 405],
  ])('%s %s gets our own %d', async (method, unknown, status) => {
    const reply = await send({ method, path: unknown });
    expect(reply.status).toBe(status);
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(reply.body.toString())).toMatchObject({ status, retriable: false });
  });
});

function flipped(batch: Uint8Array): Uint8Array {
  const other = Uint8Array.from(batch);
  other[other.length - 1]! ^= 1;
  return other;
}
