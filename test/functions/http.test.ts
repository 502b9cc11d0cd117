import { afterEach, beforeEach, expect, it, vi } from 'vitest';

beforeEach(() => {
  vi.resetModules();
  vi.stubEnv('AWS_REGION', 'eu-west-1');
});
afterEach(() => vi.unstubAllEnvs());

it('answers behind the gateway, over the bucket and the table of its environment', async () => {
  vi.stubEnv('BUCKET', 'a-bucket');
  vi.stubEnv('TABLE', 'a-table');
  const { handler } = await import('../../functions/http.ts');
  const requestContext = { requestId: 'r1', http: { method: 'GET', path: '/v1/health' } };
  const event = { version: '2.0' as const, rawPath: '/v1/health', rawQueryString: '', headers: {}, requestContext };
  expect(await handler({ ...event, isBase64Encoded: false })).toMatchObject({
    statusCode: 200,
    isBase64Encoded: false,
  });
});

it.each(['BUCKET', 'TABLE'])('does not start without %s', async (name) => {
  vi.stubEnv('BUCKET', 'a-bucket');
  vi.stubEnv('TABLE', 'a-table');
  vi.stubEnv(name, '');
  await expect(import('../../functions/http.ts')).rejects.toThrow(`The environment variable ${name} is not set`);
});
