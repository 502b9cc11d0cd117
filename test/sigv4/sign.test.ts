import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type RequestToSign, signRequest } from '../../lib/sigv4/sign.ts';

const nowMs = Date.UTC(2026, 10, 22, 17, 6, 35, 999);

const plain: RequestToSign = {
  method: 'GET',
  url: new URL('http://127.0.0.1:8080/v1/topics'),
  headers: {},
  body: '',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  region: 'us-east-1',
  service: 'execute-api',
  nowMs,
};

/** Signs with the AWS SDK's own signer. It gets the wire form of the path and the decoded query, as the SDK passes them. */
async function signedByAws({
  method,
  url,
  headers,
  body,
  credentials,
  region,
  service,
}: RequestToSign): Promise<string> {
  const query: Record<string, string[]> = Object.create(null);
  for (const [name, value] of url.searchParams) query[name] = [...(query[name] ?? []), value];
  const { sessionToken, ...keys } = credentials;
  const signer = new SignatureV4({
    credentials: sessionToken === undefined ? keys : { ...keys, sessionToken },
    region,
    service,
    sha256: Sha256,
    applyChecksum: body.length > 0,
  });
  const request = {
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query,
    headers: { ...headers, host: url.host },
    ...(body.length > 0 ? { body } : {}),
  };
  const signed = await signer.sign(request, { signingDate: new Date(nowMs) });
  return signed.headers.authorization ?? 'none';
}

const word = fc.string({ unit: fc.constantFrom(...'azAZ09-._~ %+&=:/@!\'()*,;$?#[]"<>|éß漢😀'), maxLength: 12 });
const pathSegment = fc.oneof(word, fc.constantFrom('', '.', '..', '%2F', '%2f', '%41', 'a b', '%25', 'topics'));
const ascii = fc.string({ unit: fc.constantFrom(...'ab Z09\t,;:="/'), maxLength: 20 });
const headerName = fc.constantFrom(
  'Content-Type',
  'Rivulet-Cost',
  'X-Amz-Meta',
  'Idempotency-Key',
  'User-Agent',
  'Expect',
  'sec-fetch-mode',
  'Accept',
  'A-B',
  'A.B',
);

const requests: fc.Arbitrary<RequestToSign> = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE'),
    path: fc.array(pathSegment, { maxLength: 6 }),
    query: fc.array(fc.tuple(word, word), { maxLength: 5 }),
    headers: fc.dictionary(headerName, ascii, { maxKeys: 5 }),
    body: fc.oneof(fc.constant(''), fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 200 })),
    token: fc.option(fc.base64String({ minLength: 1 }), { nil: undefined }),
    secretAccessKey: fc.string({ minLength: 1 }),
    region: fc.constantFrom('us-east-1', 'eu-west-3'),
    host: fc.constantFrom(
      'http://127.0.0.1:8080',
      'https://abc.execute-api.eu-west-3.amazonaws.com',
      'http://[::1]:81',
    ),
  })
  .map(({ path, query, token, secretAccessKey, host, ...rest }) => {
    const url = new URL(host);
    url.pathname = `/${path.join('/')}`;
    for (const [name, value] of query) url.searchParams.append(name, value);
    const credentials = {
      accessKeyId: 'AKID',
      secretAccessKey,
      ...(token === undefined ? {} : { sessionToken: token }),
    };
    return { ...rest, url, credentials, service: 'execute-api', nowMs };
  });

describe('signRequest', () => {
  test('gives the same Authorization as the AWS SDK, whatever the request', async () => {
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        expect(signRequest(request).authorization).toBe(await signedByAws(request));
      }),
      { numRuns: 500 },
    );
  });

  test('signs a query that the caller wrote by hand as the AWS SDK does', async () => {
    const url = new URL('http://localhost/p?b=%7e%2a&b=1&a&c=x+y&c=%c3%A9&&d==');
    expect(signRequest({ ...plain, url }).authorization).toBe(await signedByAws({ ...plain, url }));
  });

  test('uses a cached key only for the same day, region, service and secret', async () => {
    const variants = [
      plain,
      { ...plain, region: 'eu-west-1' },
      { ...plain, service: 'lambda' },
      { ...plain, credentials: { accessKeyId: 'local', secretAccessKey: 'other' } },
      plain,
    ];
    for (const variant of variants) expect(signRequest(variant).authorization).toBe(await signedByAws(variant));
    const tomorrow = signRequest({ ...plain, nowMs: nowMs + 86_400_000 });
    expect(tomorrow.authorization).toContain('/20261123/');
  });

  test('returns every header to send, in lower case, and replaces given headers that contradict them', () => {
    const headers = signRequest({
      ...plain,
      headers: { 'Content-Type': 'text/plain', Date: 'yesterday', Host: 'elsewhere', Authorization: 'Basic x' },
      body: 'a',
      credentials: { ...plain.credentials, sessionToken: 'token' },
    });
    expect(headers).toEqual({
      'content-type': 'text/plain',
      host: '127.0.0.1:8080',
      'x-amz-date': '20261122T170635Z',
      'x-amz-security-token': 'token',
      'x-amz-content-sha256': 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb',
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=local\/20261122\/us-east-1\/execute-api\/aws4_request, /,
      ),
    });
  });

  test('refuses a header value that HTTP libraries would send in different bytes', () => {
    expect(() => signRequest({ ...plain, headers: { 'Idempotency-Key': 'clé' } })).toThrow(
      'header Idempotency-Key must be printable ASCII to be signed',
    );
  });
});
