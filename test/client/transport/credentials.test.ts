import { expect, test, vi } from 'vitest';
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

test('a name below localhost may be an API of an emulator: it takes real credentials, and the error says what to do', async () => {
  const nowhere = { AWS_EC2_METADATA_DISABLED: 'true', AWS_CONFIG_FILE: 'none', AWS_SHARED_CREDENTIALS_FILE: 'none' };
  for (const name of Object.keys(process.env).filter((one) => one.startsWith('AWS_'))) vi.stubEnv(name, undefined);
  for (const [name, value] of Object.entries(nowhere)) vi.stubEnv(name, value);
  const advice =
    "for foo.localhost, which may be an emulator's API: call `rivulet serve` at localhost, or set the option credentials " +
    '(on the command line, RIVULET_ACCESS_KEY_ID and RIVULET_SECRET_ACCESS_KEY)';
  const detailAt = (host: string) => credentialsFor(new URL(`http://${host}:9292`), undefined)().catch((e) => e.detail);
  try {
    expect(await detailAt('foo.localhost')).toMatch(`no AWS credentials were found ${advice}: `);
    expect(await detailAt('events.example.com')).toMatch(/^no AWS credentials were found: /);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIA');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 's');
    expect(await credentialsFor(new URL('http://a1b2.execute-api.localhost'), undefined)()).toMatchObject(given);
  } finally {
    vi.unstubAllEnvs();
  }
});

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
