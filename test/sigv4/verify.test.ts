import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Credentials, scopeText, sha256Hex, signatureOf } from '../../lib/sigv4/canonical.ts';
import { signRequest } from '../../lib/sigv4/sign.ts';
import {
  type SignedHead,
  type Verdict,
  type VerifyOptions,
  verifyHead,
  verifyRequest,
} from '../../lib/sigv4/verify.ts';

const nowMs = Date.UTC(2026, 10, 22, 17, 6, 35);
const plain: Credentials = { accessKeyId: 'local', secretAccessKey: 'secret of local' };
const temporary = { accessKeyId: 'ASIA', secretAccessKey: 'secret of ASIA', sessionToken: 'token+/=' };
const known = new Map([plain, temporary].map((credentials) => [credentials.accessKeyId, credentials]));

const options: VerifyOptions = {
  credentialsFor: (id) => known.get(id),
  region: 'us-east-1',
  service: 'execute-api',
  nowMs,
};

type Request = SignedHead & { body: string };
type Edit = {
  credentials?: Credentials;
  body?: string;
  target?: string;
  headers?: Record<string, string>;
  nowMs?: number;
};

function signed(edit: Edit = {}): Request {
  const url = new URL(edit.target ?? '/v1/topics/orders/records?a=1&b=x%20y', 'http://127.0.0.1:8080');
  const body = edit.body ?? '';
  const headers = signRequest({
    method: 'POST',
    url,
    headers: edit.headers ?? {},
    body,
    credentials: edit.credentials ?? plain,
    region: 'us-east-1',
    service: 'execute-api',
    nowMs: edit.nowMs ?? nowMs,
  });
  return { method: 'POST', path: url.pathname, query: url.search.slice(1), headers: Object.entries(headers), body };
}

function verdictOf(request: Request, changed: Partial<VerifyOptions> = {}): Verdict {
  return verifyRequest({ ...request, bodySha256: () => sha256Hex(request.body) }, { ...options, ...changed });
}

function reasonOf(request: Request, changed: Partial<VerifyOptions> = {}): string {
  const verdict = verdictOf(request, changed);
  return verdict.ok ? 'accepted' : verdict.reason;
}

function withHeader(request: Request, name: string, change: (value: string) => string | undefined): Request {
  const headers = request.headers.flatMap(([key, value]): [string, string][] => {
    const changed = key === name ? change(value) : value;
    return changed === undefined ? [] : [[key, changed]];
  });
  return { ...request, headers };
}

const adding = (request: Request, name: string, value: string): Request => ({
  ...request,
  headers: [...request.headers, [name, value]],
});

const authorized = (change: (value: string) => string | undefined): Request =>
  withHeader(signed(), 'authorization', change);

const mismatch = 'the signature does not match this request and the secret access key';

describe('a request is accepted', () => {
  test('when our signer signed it, with and without body and session token', () => {
    for (const body of ['', '{"a":1}'])
      for (const credentials of [plain, temporary])
        expect(verdictOf(signed({ body, credentials }))).toEqual({ ok: true, accessKeyId: credentials.accessKeyId });
  });

  test('when the AWS SDK signed it', async () => {
    const signer = new SignatureV4({
      credentials: temporary,
      region: 'us-east-1',
      service: 'execute-api',
      sha256: Sha256,
    });
    const path = '/v1/a%20b/%2F';
    const toSign = {
      method: 'PUT',
      protocol: 'http:',
      hostname: 'h',
      path,
      query: { z: 'é *', a: '' },
      headers: { host: 'h' },
      body: 'x',
    };
    const { headers } = await signer.sign(toSign, { signingDate: new Date(nowMs) });
    const wire = { method: 'PUT', path, query: 'z=%c3%a9+%2A&a', headers: Object.entries(headers), body: 'x' };
    expect(verdictOf(wire)).toEqual({ ok: true, accessKeyId: 'ASIA' });
  });

  test('whatever the case of header names, their order, the blanks around values and the headers not signed', () => {
    const request = signed({ headers: { 'content-type': 'text/plain' } });
    const headers = request.headers.map(([name, value]): [string, string] => [name.toUpperCase(), `  ${value}\t`]);
    expect(reasonOf({ ...request, headers: [['Via', 'x'], ...headers.reverse()] })).toBe('accepted');
  });

  test('whatever the order and the escapes of its query', () => {
    expect(reasonOf({ ...signed(), query: '&b=%78+y&a=%31' })).toBe('accepted');
  });

  test('with a Date header instead of x-amz-date, in either form', () => {
    const scope = { date: '20261122', region: 'us-east-1', service: 'execute-api' };
    const canonical = {
      method: 'GET',
      path: '/',
      query: '',
      headers: new Map([['host', 'h']]),
      bodySha256: sha256Hex(''),
    };
    const signature = signatureOf(canonical, '20261122T170635Z', scope, plain.secretAccessKey);
    const authorization = `AWS4-HMAC-SHA256 Credential=local/${scopeText(scope)},SignedHeaders=host,Signature=${signature}`;
    for (const date of ['20261122T170635Z', 'Sun, 22 Nov 2026 17:06:35 GMT']) {
      const headers = Object.entries({ host: 'h', authorization, date });
      expect(reasonOf({ ...canonical, headers, body: '' })).toBe('accepted');
    }
  });

  test('up to five minutes before and after its time', () => {
    for (const skewMs of [-300_000, 300_000]) expect(reasonOf(signed(), { nowMs: nowMs + skewMs })).toBe('accepted');
  });
});

describe('a request is refused', () => {
  test('when any part of it was changed after signing', () => {
    const request = signed({ body: '{"a":1}', headers: { 'content-type': 'text/plain' } });
    expect(reasonOf({ ...request, method: 'PUT' })).toBe(mismatch);
    expect(reasonOf({ ...request, path: '/v1/topics/order%73/records' })).toBe(mismatch);
    expect(reasonOf({ ...request, query: 'a=1&b=x%20z' })).toBe(mismatch);
    expect(reasonOf({ ...request, query: 'a=1&a=1&b=x%20y' })).toBe(mismatch);
    expect(reasonOf({ ...request, body: '{"a":2}' })).toBe('x-amz-content-sha256 is not the SHA-256 of the body');
    expect(reasonOf(withHeader(request, 'content-type', () => 'text/html'))).toBe(mismatch);
    expect(reasonOf(withHeader(request, 'host', () => 'elsewhere'))).toBe(mismatch);
    expect(reasonOf(adding(request, 'content-type', 'text/html'))).toBe(mismatch);
  });

  test('when a single digit of the signature differs', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 63 }), (at) => {
        const flip = (digit: string) => (digit === '0' ? '1' : '0');
        const change = (value: string) =>
          value.replace(/(?<=Signature=)\w{64}/, (hex) => hex.slice(0, at) + flip(hex[at]!) + hex.slice(at + 1));
        expect(reasonOf(authorized(change))).toBe(mismatch);
      }),
    );
  });

  test('when no content hash was signed and the body differs', () => {
    const request = signed();
    expect(request.headers.map(([name]) => name)).not.toContain('x-amz-content-sha256');
    expect(reasonOf({ ...request, body: 'x' })).toBe(mismatch);
  });

  test('when it is more than five minutes from its time', () => {
    for (const skewMs of [-301_000, 301_000])
      expect(reasonOf(signed(), { nowMs: nowMs + skewMs })).toContain('more than 300 s from the server');
  });

  test('when its scope has another region, service or day', () => {
    expect(reasonOf(signed(), { region: 'eu-west-1' })).toMatch(
      /scope: expected 20261122\/eu-west-1.* got 20261122\/us-east-1/,
    );
    expect(reasonOf(signed(), { service: 'lambda' })).toContain('expected 20261122/us-east-1/lambda/aws4_request');
    expect(reasonOf(authorized((value) => value.replace('/20261122/', '/20261121/')))).toBe(
      'the credential scope has the date 20261121, but the request was signed at 20261122T170635Z',
    );
  });

  test('when its access key is not known', () => {
    expect(reasonOf(signed({ credentials: { accessKeyId: 'nobody', secretAccessKey: 'x' } }))).toBe(
      'the access key id nobody is not known',
    );
  });

  test('when its session token is missing, is another one, or belongs to no credentials', () => {
    const request = signed({ credentials: temporary });
    const unsigning = (value: string) => value.replace(';x-amz-security-token', '');
    const without = withHeader(
      withHeader(request, 'x-amz-security-token', () => undefined),
      'authorization',
      unsigning,
    );
    expect(reasonOf(without)).toBe('the header x-amz-security-token is missing');
    expect(reasonOf(withHeader(request, 'x-amz-security-token', () => 'other'))).toBe(
      'x-amz-security-token does not belong to these credentials',
    );
    expect(reasonOf(signed({ headers: { 'x-amz-security-token': 'token' } }))).toBe(
      'x-amz-security-token is given, but these credentials have none',
    );
  });

  test('when host or an x-amz-* header is not signed, or a signed header is not there', () => {
    expect(reasonOf(authorized((value) => value.replace('host;', '')))).toBe(
      'the header host must be among SignedHeaders',
    );
    expect(reasonOf(adding(signed(), 'X-Amz-Anything', '1'))).toBe(
      'the header x-amz-anything must be among SignedHeaders',
    );
    expect(reasonOf(authorized((value) => value.replace(';x-amz-date', '')))).toBe(
      'the header x-amz-date must be among SignedHeaders',
    );
    expect(reasonOf(authorized((value) => value.replace('host;', 'etag;host;')))).toBe(
      'the header etag is among SignedHeaders but not in the request',
    );
  });

  test('when a header that decides about it is given twice', () => {
    for (const name of ['authorization', 'host', 'x-amz-date'])
      expect(reasonOf(adding(signed(), name.toUpperCase(), 'x'))).toBe(`the header ${name} is given more than once`);
  });

  test('when it has no time, or a time of another form', () => {
    expect(reasonOf(withHeader(signed(), 'x-amz-date', () => undefined))).toBe('the header x-amz-date is missing');
    for (const date of ['2026-11-22T17:06:35Z', '20261122T170635', 'Sun, 22 Nov 2026 17:06:35 GMT', ''])
      expect(reasonOf(withHeader(signed(), 'x-amz-date', () => date))).toContain('x-amz-date must have the form');
    expect(reasonOf(withHeader(signed(), 'x-amz-date', () => '20261399T000000Z'))).toBe(
      '20261399T000000Z is not a time',
    );
  });

  test.each([
    ['no header', () => undefined, 'the header authorization is missing'],
    ['another scheme', () => 'Basic bG9jYWw6bG9jYWw=', 'must begin with AWS4-HMAC-SHA256'],
    ['no parameters', () => 'AWS4-HMAC-SHA256 ', 'must consist of'],
    ['a missing parameter', (v) => v.replace(/, Signature=\w+/, ''), 'has no Signature'],
    ['a repeated parameter', (v) => `${v}, SignedHeaders=host`, 'has SignedHeaders more than once'],
    ['an unknown parameter', (v) => `${v}, Extra=1`, 'must consist of'],
    ['a short signature', (v) => v.slice(0, -1), 'Signature must be 64'],
    ['an upper-case signature', (v) => v.replace(/\w{64}$/, 'A'.repeat(64)), 'Signature must be 64'],
    ['a scope of four parts', (v) => v.replace('/aws4_request', ''), 'Credential must be'],
    ['a scope of six parts', (v) => v.replace('/us-east-1/', '/us-east-1/x/'), 'Credential must be'],
    ['unsorted signed headers', (v) => v.replace('host;x-amz-date', 'x-amz-date;host'), 'SignedHeaders must be'],
    ['a signed header twice', (v) => v.replace('host;', 'host;host;'), 'SignedHeaders must be'],
    ['an upper-case signed header', (v) => v.replace('host;', 'Host;'), 'SignedHeaders must be'],
    ['an empty signed header', (v) => v.replace('host;', ';host;'), 'SignedHeaders must be'],
  ] satisfies [string, (value: string) => string | undefined, string][])(
    'with %s in Authorization',
    (_, change, reason) => {
      expect(reasonOf(authorized(change))).toContain(reason);
    },
  );

  test('when the content hash is one of the forms that only S3 takes', () => {
    for (const hash of ['UNSIGNED-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'A'.repeat(64)]) {
      const request = withHeader(signed({ body: 'x' }), 'x-amz-content-sha256', () => hash);
      expect(reasonOf(request)).toBe('x-amz-content-sha256 must be the SHA-256 of the body in lower-case hexadecimal');
    }
  });

  test('when a signed part is not ASCII, because its bytes on the wire are lost', () => {
    expect(reasonOf({ ...signed(), path: '/é' })).toBe('the path and the query must be printable ASCII');
    const request = signed({ headers: { 'idempotency-key': 'e' } });
    expect(reasonOf(withHeader(request, 'idempotency-key', () => 'é'))).toBe(
      'the signed header idempotency-key must be printable ASCII',
    );
  });

  test('without ever naming the expected signature', () => {
    const right = /\w{64}$/.exec(new Map(signed().headers).get('authorization') ?? '')?.[0] ?? 'none';
    const reason = reasonOf(authorized((value) => value.replace(/\w{64}$/, '0'.repeat(64))));
    expect(right).toHaveLength(64);
    expect(reason).not.toContain(right);
  });
});

describe('before the body has arrived', () => {
  test('a wrong signature is refused when the content hash is signed', () => {
    const request = withHeader(signed({ body: 'x' }), 'authorization', (value) =>
      value.replace(/\w{64}$/, '0'.repeat(64)),
    );
    expect(verifyHead(request, options)).toEqual({ ok: false, reason: mismatch });
  });

  test('the body of a refused head is not hashed', () => {
    const bodySha256 = () => expect.unreachable('the body was hashed');
    expect(verifyRequest({ ...signed(), headers: [], bodySha256 }, options).ok).toBe(false);
  });
});
