// Tokens: of an OIDC issuer (JWT), of `rivulet kafka token` (a request that STS answers), and of clients made for MSK. The
// attacks on each are refused. STS and the issuer are stood in for by the transport, which the options inject.
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { exportJWK, exportSPKI, SignJWT, UnsecuredJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { stsToken } from '../../../kafka/auth/sasl/sts.ts';
import type { SecurityOptions } from '../../../kafka/auth/security.ts';
import { type Service, startService } from '../service.ts';
import { key, type Wire } from '../wire.ts';
import { newFile, newRoot, type Root } from './certificates.ts';
import { bearer, say, shake } from './sasl.ts';

let root: Root;
let tls: { certFile: string; keyFile: string };
const clock = { now: () => Date.now(), monotonic: () => performance.now() };

beforeAll(async () => {
  root = await newRoot();
  const { cert, key: own } = await root.sign('CN=localhost');
  tls = { certFile: newFile(cert), keyFile: newFile(own) };
});

const start = (security: SecurityOptions, options: object = {}) =>
  startService({ security: { tls, ...security }, ...options });

/** The code and the reason of an attempt. */
async function attempt(service: Service, message: string, mechanism = 'OAUTHBEARER') {
  const wire = await service.connect({ ca: root.cert });
  await shake(wire, mechanism);
  const { errorCode, errorMessage, sessionLifetimeMs } = await say(wire, message);
  return { errorCode, errorMessage, sessionLifetimeMs, wire: wire as Wire };
}

describe('tokens of an issuer', () => {
  const issuer = 'https://issuer.example';
  const audience = 'rivulet';
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  let keys: string;
  let service: Service;

  beforeAll(async () => {
    const jwk = async (one: KeyObject, kid: string, alg: string) => ({ ...(await exportJWK(one)), kid, alg });
    keys = JSON.stringify({ keys: [await jwk(rsa.publicKey, 'r', 'RS256'), await jwk(ec.publicKey, 'e', 'ES256')] });
    service = await start({ oauth: { issuer, audience, keys: newFile(keys) } });
  });

  type Terms = {
    iss?: string;
    aud?: string | string[];
    sub?: string;
    exp?: string | number;
    nbf?: string;
    kid?: string;
    alg?: string;
  };
  const tokenOf = (
    by: KeyObject | Uint8Array,
    { iss = issuer, aud = audience, sub = 'ada', exp = '5m', nbf, kid = 'r', alg = 'RS256' }: Terms = {},
  ) => {
    const token = new SignJWT()
      .setProtectedHeader({ alg, kid })
      .setIssuer(iss)
      .setAudience(aud)
      .setSubject(sub)
      .setExpirationTime(exp);
    return (nbf === undefined ? token : token.setNotBefore(nbf)).sign(by);
  };

  test('are taken, and their subject is the principal, until they expire', async () => {
    const rulesFile = newFile(
      '{"version":1,"rules":[{"principals":["ada"],"operations":["DESCRIBE"],"topicPrefixes":["o"]}]}',
    );
    const own = await start({ oauth: { issuer, audience, keys: newFile(keys) }, rulesFile });
    await own.engine.createTopic({ topic: 'orders' });
    const topics = async (message: string) => {
      const { wire, errorCode, sessionLifetimeMs } = await attempt(own, message);
      expect([errorCode, sessionLifetimeMs > 300_000 && sessionLifetimeMs <= 330_000]).toEqual([0, true]);
      return (await wire.ask(key.metadata, 9, { topics: null })).topics.length;
    };
    expect(await topics(bearer(await tokenOf(rsa.privateKey)))).toBe(1);
    expect(await topics(bearer(await tokenOf(ec.privateKey, { kid: 'e', alg: 'ES256', aud: ['x', audience] })))).toBe(
      1,
    );
    expect(await topics(bearer(await tokenOf(rsa.privateKey, { sub: 'eve' }), 'n,a=eve,'))).toBe(0);
  });

  test.each<[string, () => string | Promise<string>, RegExp]>([
    ['has expired', () => tokenOf(rsa.privateKey, { exp: '-2m' }), /it has expired/],
    ['is not valid yet', () => tokenOf(rsa.privateKey, { nbf: '5m' }), /its claim nbf/],
    [
      'has no end',
      () =>
        new SignJWT({ iss: issuer, aud: audience, sub: 'ada' })
          .setProtectedHeader({ alg: 'RS256', kid: 'r' })
          .sign(rsa.privateKey),
      /its claim exp/,
    ],
    [
      'has no subject',
      () =>
        new SignJWT({ iss: issuer, aud: audience })
          .setProtectedHeader({ alg: 'RS256', kid: 'r' })
          .setExpirationTime('5m')
          .sign(rsa.privateKey),
      /its claim sub/,
    ],
    ['has an empty subject', () => tokenOf(rsa.privateKey, { sub: '' }), /expected a subject/],
    ['is for another audience', () => tokenOf(rsa.privateKey, { aud: 'another' }), /its claim aud/],
    ['is of another issuer', () => tokenOf(rsa.privateKey, { iss: 'https://evil.example' }), /its claim iss/],
    ['is signed by another key', () => tokenOf(stranger.privateKey), /its signature is wrong/],
    ['names a key that does not exist', () => tokenOf(rsa.privateKey, { kid: '../r' }), /no key of the issuer/],
    [
      'is not signed (alg=none)',
      () => new UnsecuredJWT({ iss: issuer, aud: audience, sub: 'ada' }).setExpirationTime('5m').encode(),
      /algorithm is not allowed|malformed/,
    ],
    [
      'has the public key for a secret (HS256)',
      async () => tokenOf(Buffer.from(await exportSPKI(rsa.publicKey)), { alg: 'HS256' }),
      /algorithm is not allowed/,
    ],
    ['was changed', async () => swapped(await tokenOf(rsa.privateKey), { sub: 'root' }), /its signature is wrong/],
    [
      'has lost its signature',
      async () => (await tokenOf(rsa.privateKey)).replace(/[^.]*$/, ''),
      /signature is wrong|malformed/,
    ],
  ])('are refused if one %s', async (_, make, reason) => {
    const { errorCode, errorMessage, wire } = await attempt(service, bearer(await make()));
    expect({ errorCode, errorMessage }).toEqual({ errorCode: 58, errorMessage: expect.stringMatching(reason) });
    await wire.closed;
  });

  const swapped = (token: string, claims: object) => {
    const [head, body, signature] = token.split('.');
    const changed = { ...JSON.parse(Buffer.from(body!, 'base64url').toString()), ...claims };
    return [head, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.');
  };

  test.each([
    ['no token', 'n,,\x01\x01'],
    ['two tokens', 'n,,\x01auth=Bearer a.b.c\x01auth=Bearer d.e.f\x01\x01'],
    ['another scheme', 'n,,\x01auth=Basic YTpi\x01\x01'],
    ['no end', 'n,,\x01auth=Bearer a.b.c'],
    ['no header', 'auth=Bearer a.b.c\x01\x01'],
    ['channel binding', 'p=tls-unique,,\x01auth=Bearer a.b.c\x01\x01'],
    ['nothing', ''],
    ['a token of no kind', bearer('token')],
    ['many dots', bearer('.'.repeat(50_000))],
  ])('are refused in a message with %s', async (_, message) => {
    expect(await attempt(service, message)).toMatchObject({ errorCode: 58 });
  });

  test('are refused with another name to act as, and with an algorithm that is not on the list', async () => {
    const token = await tokenOf(rsa.privateKey);
    expect(await attempt(service, bearer(token, 'n,a=root,'))).toMatchObject({ errorCode: 58 });
    const own = await start({ oauth: { issuer, audience, keys: newFile(keys), algorithms: ['ES256'] } });
    expect(await attempt(own, bearer(token))).toMatchObject({ errorCode: 58 });
  });

  test('end the connection when they expire, unless the client shows another one in time', async () => {
    let ms = Date.now();
    const own = await start(
      { oauth: { issuer, audience, keys: newFile(keys) } },
      { clock: { now: () => ms, monotonic: () => ms } },
    );
    const [lazy, renewed] = await Promise.all(
      [1, 2].map(async () => attempt(own, bearer(await tokenOf(rsa.privateKey)))),
    );
    ms += 200_000;
    await shake(renewed!.wire, 'OAUTHBEARER');
    expect(await say(renewed!.wire, bearer(await tokenOf(rsa.privateKey, { exp: '10m' })))).toMatchObject({
      errorCode: 0,
    });
    ms += 200_000;
    expect(await renewed!.wire.ask(key.metadata, 9, { topics: [] })).toMatchObject({ controllerId: 1 });
    await expect(lazy!.wire.ask(key.metadata, 9, { topics: [] })).rejects.toThrow('closed');
  });

  test('the keys come from an address that is asked once, without following redirections, and not for long', async () => {
    const asked: [string, RequestInit][] = [];
    let answer = (): Response => new Response(keys);
    const fetch = async (url: string, options: RequestInit) => {
      asked.push([url, options]);
      return answer();
    };
    const address = 'https://issuer.example/keys';
    const own = () => start({ oauth: { issuer, audience, keys: address } }, { fetch });
    const first = await own();
    for (let i = 0; i < 3; i++)
      expect(await attempt(first, bearer(await tokenOf(rsa.privateKey)))).toMatchObject({ errorCode: 0 });
    expect(asked).toMatchObject([[address, { redirect: 'manual', signal: expect.any(AbortSignal) }]]);
    for (const bad of [
      () => new Response('{"keys":[', { status: 200 }),
      () => new Response(null, { status: 302, headers: { location: 'https://evil.example' } }),
      () => new Response(endless()),
    ]) {
      answer = bad;
      const { errorCode, errorMessage } = await attempt(await own(), bearer(await tokenOf(rsa.privateKey)));
      expect([errorCode, errorMessage]).toEqual([
        58,
        'token refused: the keys of the issuer cannot be had, or do not fit',
      ]);
    }
  });
});

/** A body that ends only if its reader goes away. */
const endless = () => new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) });

describe('tokens of STS', () => {
  const sts = { region: 'eu-west-1', cluster: 'orders' };
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'to/ken+=' };
  const arn = 'arn:aws:sts::123456789012:assumed-role/app/session';

  /** STS as far as this needs it: it verifies the signature with an implementation of AWS, over what it received. */
  async function standIn(url: string, { headers }: RequestInit): Promise<Response> {
    const { host, searchParams } = new URL(url);
    const date = searchParams.get('X-Amz-Date')!.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5');
    const signer = new SignatureV4({ service: 'sts', region: sts.region, sha256: Sha256, credentials });
    const sent = headers as Record<string, string>;
    const request = {
      ...{
        method: 'GET',
        protocol: 'https:',
        hostname: host,
        path: '/',
        query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
      },
      headers: { host, 'x-rivulet-cluster': sent['x-rivulet-cluster']! },
    };
    const expected = await signer.presign(request, {
      ...{ signingDate: new Date(date), expiresIn: Number(searchParams.get('X-Amz-Expires')) },
      unhoistableHeaders: new Set(['x-rivulet-cluster']),
    });
    if (searchParams.get('X-Amz-Signature') !== expected.query!['X-Amz-Signature'])
      return new Response('', { status: 403 });
    return Response.json({ GetCallerIdentityResponse: { GetCallerIdentityResult: { Arn: arn } } });
  }

  let service: Service;
  const sent: string[] = [];

  beforeAll(async () => {
    const fetch = (url: string, options: RequestInit) => {
      sent.push(url);
      return standIn(url, options);
    };
    service = await start({ sts }, { fetch });
  });

  const tokenNow = (terms: object = {}) => stsToken({ ...sts, credentials, nowMs: Date.now(), ...terms }).token;
  const changed = (change: (query: URLSearchParams) => void) => {
    const query = new URLSearchParams(Buffer.from(tokenNow().split('.')[1]!, 'base64url').toString());
    change(query);
    return `rivulet-sts-v1.${Buffer.from(query.toString()).toString('base64url')}`;
  };

  test('are sent to STS of the one region, and its answer names the principal', async () => {
    const { errorCode, sessionLifetimeMs, wire } = await attempt(service, bearer(tokenNow()));
    expect([errorCode, sessionLifetimeMs > 890_000]).toEqual([0, true]);
    expect(await wire.ask(key.metadata, 9, { topics: [] })).toMatchObject({ controllerId: 1 });
    expect(sent.at(-1)).toMatch(
      /^https:\/\/sts\.eu-west-1\.amazonaws\.com\/\?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-/,
    );
  });

  test.each<[string, () => string]>([
    ['of a wrong secret', () => tokenNow({ credentials: { ...credentials, secretAccessKey: 'guess' } })],
    ['for another cluster', () => tokenNow({ cluster: 'another' })],
  ])('are refused by STS if one is %s', async (_, make) => {
    const before = sent.length;
    expect(await attempt(service, bearer(make()))).toMatchObject({
      errorCode: 58,
      errorMessage: expect.stringMatching(/403/),
    });
    expect(sent.length).toBe(before + 1);
  });

  test.each<[string, () => string]>([
    ['has expired', () => tokenNow({ nowMs: Date.now() - 901_000 })],
    ['is of the future', () => tokenNow({ nowMs: Date.now() + 120_000 })],
    ['is valid for too long', () => changed((query) => query.set('X-Amz-Expires', '90000'))],
    ['is for another region', () => tokenNow({ region: 'us-east-1' })],
    ['asks for something else', () => changed((query) => query.set('Action', 'AssumeRole'))],
    ['asks for more', () => changed((query) => query.set('RoleArn', 'x'))],
    ['asks for nothing', () => changed((query) => query.delete('Action'))],
    ['names a parameter twice', () => changed((query) => query.append('Action', 'GetCallerIdentity'))],
    ['does not sign the cluster', () => changed((query) => query.set('X-Amz-SignedHeaders', 'host'))],
    ['signs more headers', () => changed((query) => query.set('X-Amz-SignedHeaders', 'host;x-evil;x-rivulet-cluster'))],
    ['has another algorithm', () => changed((query) => query.set('X-Amz-Algorithm', 'AWS4-ECDSA-P256-SHA256'))],
    ['has no signature', () => changed((query) => query.delete('X-Amz-Signature'))],
    ['is no query', () => 'rivulet-sts-v1.AAAA'],
    [
      'names a host',
      () => `rivulet-sts-v1.${Buffer.from('https://evil.example/?Action=GetCallerIdentity').toString('base64url')}`,
    ],
  ])('never reach STS if one %s', async (_, make) => {
    const before = sent.length;
    expect(await attempt(service, bearer(make()))).toMatchObject({ errorCode: 58 });
    expect(sent.length).toBe(before);
  });

  test.each<[string, () => Promise<Response>]>([
    ['does not answer', () => Promise.reject(new Error('no route'))],
    ['answers without end', async () => new Response(endless())],
    [
      'answers with no ARN',
      async () => Response.json({ GetCallerIdentityResponse: { GetCallerIdentityResult: { Arn: 'x' } } }),
    ],
    ['answers with no JSON', async () => new Response('<xml/>')],
  ])('are refused when STS %s', async (_, fetch) => {
    const own = await start({ sts }, { fetch });
    expect(await attempt(own, bearer(tokenNow()))).toMatchObject({
      errorCode: 58,
      errorMessage: expect.stringMatching(/STS/),
    });
  });
});

describe('signatures of clients made for MSK', () => {
  const iamKey = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', principal: 'ada' };
  let service: Service;

  beforeAll(async () => {
    const iamKeysFile = newFile(JSON.stringify({ version: 1, keys: [iamKey] }));
    service = await start({ iamKeysFile }, { clock });
  });

  /** As MSK's signers do it: presigned by an implementation of AWS. */
  async function presigned(
    host: string,
    terms: { secret?: string; service?: string; action?: string; at?: number; seconds?: number } = {},
  ) {
    const {
      secret = iamKey.secretAccessKey,
      service: of = 'kafka-cluster',
      action = 'kafka-cluster:Connect',
      at = Date.now(),
      seconds = 900,
    } = terms;
    const credentials = { accessKeyId: iamKey.accessKeyId, secretAccessKey: secret };
    const signer = new SignatureV4({ service: of, region: 'eu-west-1', sha256: Sha256, credentials });
    const request = {
      method: 'GET',
      protocol: 'https:',
      hostname: host,
      path: '/',
      headers: { host },
      query: { Action: action },
    };
    const { query } = await signer.presign(request, { signingDate: new Date(at), expiresIn: seconds });
    return query as Record<string, string>;
  }

  const mskHost = 'kafka.eu-west-1.amazonaws.com';
  const token = async (...terms: Parameters<typeof presigned> extends [string, ...infer Rest] ? Rest : never) => {
    const query = new URLSearchParams(await presigned(mskHost, ...terms));
    return bearer(
      Buffer.from(`https://${mskHost}/?${query}&User-Agent=aws-msk-iam-sasl-signer-js%2F1.0`).toString('base64url'),
    );
  };
  const json = async (host: string, terms: Parameters<typeof presigned>[1] = {}, change: object = {}) => {
    const query = await presigned(host, terms);
    const fields = Object.entries(query).map(([name, value]) => [name.toLowerCase(), value]);
    return JSON.stringify({ version: '2020_10_22', host, 'user-agent': 'x', ...Object.fromEntries(fields), ...change });
  };

  test('are taken for keys of the file', async () => {
    expect(await attempt(service, await token())).toMatchObject({ errorCode: 0 });
    expect(await attempt(service, await json('localhost'), 'AWS_MSK_IAM')).toMatchObject({ errorCode: 0 });
  });

  test.each([
    ['a wrong secret', { secret: 'guess' }],
    ['another service', { service: 'sts' }],
    ['another action', { action: 'kafka-cluster:AlterCluster' }],
    ['an old time', { at: Date.now() - 1_000_000 }],
    ['a time to come', { at: Date.now() + 400_000 }],
    ['a long life', { seconds: 90_000 }],
  ])('are refused with %s', async (_, terms) => {
    expect(await attempt(service, await token(terms))).toMatchObject({ errorCode: 58 });
    expect(await attempt(service, await json('localhost', terms), 'AWS_MSK_IAM')).toMatchObject({ errorCode: 58 });
  });

  test.each([
    ['another host', { host: 'other' }],
    ['a host that is none', { host: 'a/b' }],
    ['another version', { version: '2021' }],
    [
      'an unknown key',
      {
        'x-amz-credential': `AKIDOTHER/${new Date().toISOString().slice(0, 10).replaceAll('-', '')}/eu-west-1/kafka-cluster/aws4_request`,
      },
    ],
    ['the signature of another', { 'x-amz-signature': createHmac('sha256', 'x').digest('hex') }],
    ['a number for a text', { 'x-amz-date': 1 }],
  ])('are refused with %s in the message', async (_, change) => {
    expect(await attempt(service, await json('localhost', {}, change), 'AWS_MSK_IAM')).toMatchObject({ errorCode: 58 });
  });

  test('are refused with no JSON', async () => {
    expect(await attempt(service, '[', 'AWS_MSK_IAM')).toMatchObject({ errorCode: 58 });
  });
});
