// Access to the deployed API: signatures, and policies by path and method, for users and for assumed roles. A refused
// request must have done nothing.
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { beforeAll, describe, expect, test } from 'vitest';
import { adminRoutes, consumerRoutes, producerRoutes, type Route } from '../../cdk/access.ts';
import type { Credentials } from '../../lib/sigv4/canonical.ts';
import { type AccessKey, createUser, policyFor } from '../../tools/emulator/identities.ts';
import {
  type HttpReply,
  type HttpRequest,
  type SignedWith,
  sendPlain,
  sendSigned,
} from '../../tools/emulator/signed-request.ts';
import { freshName } from '../conformance/target.ts';
import { onDeployment } from './resources.ts';
import { assumeNewRole } from './roles.ts';

const minuteMs = 60_000;
const json = { 'content-type': 'application/json' };
const jsonOf = ({ body }: HttpReply) => JSON.parse(body.toString());

const produceTo = (topic: string): HttpRequest => ({
  method: 'POST',
  path: `/v1/topics/${topic}/records`,
  headers: json,
  body: '{"records":[{"value":"v"}]}',
});

await onDeployment(({ endpoint, url }) => {
  const topic = freshName();
  const other = freshName();
  const longer = `${topic}-secret`;
  let operator: AccessKey;

  const newUser = (routes: readonly Route[]) => createUser(endpoint, freshName(), policyFor(endpoint, url, routes));
  const newSession = (routes: readonly Route[]) =>
    assumeNewRole(endpoint, freshName(), policyFor(endpoint, url, routes));
  const asOperator = (request: HttpRequest) => sendSigned(url, operator, request);

  async function countOf(name: string): Promise<number> {
    const reply = await asOperator({ method: 'GET', path: `/v1/topics/${name}/offsets?at=latest` });
    return jsonOf(reply).partitions[0].offset;
  }

  beforeAll(async () => {
    operator = await newUser(adminRoutes);
    for (const name of [topic, other, longer]) {
      const made = await asOperator({ method: 'PUT', path: `/v1/topics/${name}`, headers: json, body: '{}' });
      expect(made.status).toBe(201);
    }
  });

  describe('a signature', () => {
    /** Expects that the gateway refuses the request, and that nothing is written. */
    async function expectRefused(send: () => Promise<HttpReply>): Promise<void> {
      const before = await countOf(topic);
      const reply = await send();
      expect(reply.status).toBe(403);
      expect(await countOf(topic)).toBe(before);
    }

    test('that is right lets the request write', async () => {
      const before = await countOf(topic);
      expect((await asOperator(produceTo(topic))).status).toBe(200);
      expect(await countOf(topic)).toBe(before + 1);
    });

    test('that is missing is refused', () => expectRefused(() => sendPlain(url, produceTo(topic))));

    test.each<[string, SignedWith]>([
      ['of six minutes ago', { nowMs: Date.now() - 6 * minuteMs }],
      ['of six minutes ahead', { nowMs: Date.now() + 6 * minuteMs }],
      ['for another region', { region: 'eu-central-1' }],
    ])('%s is refused', (_, signedWith) =>
      expectRefused(() => sendSigned(url, operator, produceTo(topic), signedWith)),
    );

    test.each<[string, (right: Credentials) => Credentials]>([
      ['with a wrong secret', (right) => ({ ...right, secretAccessKey: 'wrong' })],
      ['of a key that does not exist', () => ({ accessKeyId: 'AKIA0000000000000000', secretAccessKey: 'wrong' })],
      ['with an invalid session token', (right) => ({ ...right, sessionToken: 'none' })],
    ])('%s is refused', (_, credentials) =>
      expectRefused(() => sendSigned(url, credentials(operator), produceTo(topic))),
    );

    test.each<[string, Partial<HttpRequest>]>([
      ['the body', { body: '{"records":[{"value":"other"}]}' }],
      ['the path', { path: `/v1/topics/${other}/records` }],
      ['the query', { path: `/v1/topics/${topic}/records?a=b` }],
      ['the method', { method: 'PUT' }],
    ])('of a request with %s changed after signing is refused', async (_, changed) => {
      const request = produceTo(topic);
      // The test signs as curl does, without a header for the hash of the body: the emulator would trust that header.
      const signer = new SignatureV4({
        credentials: operator,
        region: 'us-east-1',
        service: 'execute-api',
        sha256: Sha256,
        applyChecksum: false,
      });
      const { host } = new URL(url);
      const signed = await signer.sign({
        method: request.method,
        protocol: 'https:',
        hostname: host,
        path: request.path,
        headers: { ...json, host },
        body: request.body,
      });
      expect((await sendPlain(url, { ...request, headers: signed.headers })).status).toBe(200);
      await expectRefused(() => sendPlain(url, { ...request, ...changed, headers: signed.headers }));
    });
  });

  describe('a policy', () => {
    const requestsOn = (name: string): Record<string, HttpRequest> => ({
      describe: { method: 'GET', path: `/v1/topics/${name}` },
      offsets: { method: 'GET', path: `/v1/topics/${name}/offsets?at=latest` },
      produce: produceTo(name),
      'produce to a partition': { ...produceTo(name), path: `/v1/topics/${name}/partitions/0/records` },
      fetch: {
        method: 'POST',
        path: `/v1/topics/${name}/fetch`,
        headers: json,
        body: '{"partitions":[{"partition":0,"offset":0}]}',
      },
      'fetch a partition': { method: 'GET', path: `/v1/topics/${name}/partitions/0/records` },
      alter: { method: 'PATCH', path: `/v1/topics/${name}`, headers: json, body: '{"partitions":1}' },
      make: { method: 'PUT', path: `/v1/topics/${name}`, headers: json, body: '{}' },
    });
    /** An allowed request among these gets a 400, or a 404 because there is no such group. */
    const requestsOnGroup = (group: string): Record<string, HttpRequest> => {
      const path = `/v1/groups/${group}`;
      return {
        heartbeat: { method: 'POST', path: `${path}/heartbeat`, headers: json, body: '{}' },
        commit: { method: 'POST', path: `${path}/offsets`, headers: json, body: '{}' },
        'look up': { method: 'GET', path: `${path}/offsets?topic=none` },
        forget: { method: 'DELETE', path: `${path}/offsets?topic=none` },
        reset: { method: 'POST', path: `${path}/offsets/reset`, headers: json, body: '{}' },
        'describe group': { method: 'GET', path },
        'delete group': { method: 'DELETE', path },
      };
    };
    const elsewhere: Record<string, HttpRequest> = {
      'list topics': { method: 'GET', path: '/v1/topics' },
      'list groups': { method: 'GET', path: '/v1/groups' },
      'new producer': { method: 'POST', path: '/v1/producers' },
      'a path without a route': { method: 'GET', path: '/v1/nothing' },
    };

    /** The names of those requests that are not refused. */
    async function allowedTo(credentials: Credentials): Promise<string[]> {
      const all = [
        ...Object.entries(elsewhere),
        ...[topic, other, longer].flatMap((name) =>
          Object.entries(requestsOn(name)).map(([what, request]) => [`${what}: ${name}`, request] as const),
        ),
        ...['billing', 'billing-2'].flatMap((name) =>
          Object.entries(requestsOnGroup(name)).map(([what, request]) => [`${what}: ${name}`, request] as const),
        ),
      ];
      const replies = await Promise.all(
        all.map(async ([what, request]) => [what, (await sendSigned(url, credentials, request)).status] as const),
      );
      return replies.filter(([, status]) => status !== 403).map(([what]) => what);
    }

    const ofProducer = ['describe', 'produce', 'produce to a partition'].map((what) => `${what}: ${topic}`);
    const ofConsumer = ['describe', 'offsets', 'fetch', 'fetch a partition'].map((what) => `${what}: ${topic}`);

    const ofMember = ['heartbeat', 'commit', 'look up'].map((what) => `${what}: billing`);

    const identities = [
      ['user', newUser],
      ['assumed role', newSession],
    ] as const;

    test.each(identities)('of a producer of one topic allows that alone: %s', async (_, identity) => {
      const allowed = await allowedTo(await identity(producerRoutes(topic)));
      expect(allowed).toEqual(['new producer', ...ofProducer]);
    });

    test.each(identities)('of a consumer of one topic in one group allows that alone: %s', async (_, identity) => {
      expect(await allowedTo(await identity(consumerRoutes(topic, 'billing')))).toEqual([...ofConsumer, ...ofMember]);
    });

    test.each(identities)('without any route of the API allows nothing: %s', async (_, identity) => {
      expect(await allowedTo(await identity([{ method: 'GET', path: '/v1/elsewhere' }]))).toEqual([]);
    });

    test('of an administrator allows everything', async () => {
      expect((await allowedTo(operator)).length).toBe(4 + 3 * 8 + 2 * 7);
    });

    test('leads to no other topic, however the path is written', async () => {
      const producer = await newUser(producerRoutes(topic));
      const before = await countOf(other);
      const hex = [...other].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join('');
      const paths = [
        `/v1/topics/${hex}/records`,
        `/v1/topics/${topic}/../${other}/records`,
        `/v1/topics/${topic}%2F..%2F${other}/records`,
        `/v1/topics/${topic}/%2e%2e/${other}/records`,
        `/v1/topics/${topic}/records/../../${other}/records`,
        `/v1/topics/${topic}/partitions/../../${other}/records`,
        `/v1/topics/${topic}/partitions/..%2F..%2F${other}/records`,
        `//v1/topics/${other}/records`,
        `/$default/v1/topics/${other}/records`,
        `/v1/topics/${other}/records/`,
        `/v1/topics//${other}/records`,
        `/v1/topics/${topic}/records?/v1/topics/${other}/records`,
        `/v1/topics/${topic}/records#/v1/topics/${other}/records`,
      ];
      for (const path of paths) {
        const { status } = await sendSigned(url, producer, { ...produceTo(topic), path });
        expect([path, status >= 400 && status < 500]).toEqual([path, true]);
      }
      expect(await countOf(other)).toBe(before);
    });
  });

  test('health and the OpenAPI document need no signature, and everything else does', async () => {
    const statusOf = async (path: string) => (await sendPlain(url, { method: 'GET', path })).status;
    expect(await statusOf('/v1/health')).toBe(200);
    expect(await statusOf('/openapi.json')).toBe(200);
    expect(await statusOf('/v1/topics')).toBe(403);
    expect(await statusOf('/nothing')).toBe(403);
  });
});
