import { expect, test } from 'vitest';
import { credentialsFor, regionFor } from '../../../client/transport/credentials.ts';

const given = { accessKeyId: 'AKIA', secretAccessKey: 's' };

test('credentials that are given win over loopback', async () => {
  expect(await credentialsFor(new URL('http://127.0.0.1:1'), given)()).toEqual(given);
  expect(await credentialsFor(new URL('http://127.0.0.1:1'), async () => given)()).toEqual(given);
});

test('a provider that fails is reported as missing credentials, whatever it throws', async () => {
  const cause = new Error('the token has expired');
  const ask = credentialsFor(new URL('http://127.0.0.1:1'), () => Promise.reject(cause));
  await expect(ask()).rejects.toMatchObject({
    errorCode: 'CREDENTIALS_UNAVAILABLE',
    detail: expect.stringContaining('the token has expired'),
    outcome: 'not-written',
    cause,
  });
});

test.each(['http://localhost:8080', 'http://127.0.0.1:8080', 'http://127.9.9.9:8080', 'http://[::1]:8080'])(
  '%s takes local/local',
  async (url) => {
    expect(await credentialsFor(new URL(url), undefined)()).toEqual({ accessKeyId: 'local', secretAccessKey: 'local' });
  },
);

test('the region is read from an API Gateway address, and must be given for other names', () => {
  expect(regionFor(new URL('https://a1b2.execute-api.eu-central-1.amazonaws.com'), undefined)).toBe('eu-central-1');
  expect(regionFor(new URL('https://a1b2.execute-api.eu-central-1.amazonaws.com'), 'us-east-1')).toBe('eu-central-1');
  expect(regionFor(new URL('https://events.example.com'), 'eu-west-1')).toBe('eu-west-1');
  expect(regionFor(new URL('http://localhost:8080'), undefined)).toBe('us-east-1');
  expect(regionFor(new URL('https://a1b2.execute-api.localhost:4566'), undefined)).toBe('us-east-1');
  expect(() => regionFor(new URL('https://events.example.com'), undefined)).toThrow(
    /region: expected one, because events\.example\.com does not name it/,
  );
});
