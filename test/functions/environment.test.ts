import { afterEach, beforeEach, expect, it, vi } from 'vitest';

beforeEach(() => {
  vi.resetModules();
  vi.stubEnv('AWS_REGION', 'eu-west-1');
});
afterEach(() => vi.unstubAllEnvs());

it.each(['BUCKET', 'TABLE', 'SERVICE'])('a function does not start without %s', async (name) => {
  vi.stubEnv('BUCKET', 'a-bucket');
  vi.stubEnv('TABLE', 'a-table');
  vi.stubEnv('SERVICE', 'Test');
  vi.stubEnv(name, '');
  await expect(import('../../functions/produce.ts')).rejects.toThrow(`The environment variable ${name} is not set`);
});

it('a table of the same name in another region is no owner of the bucket, so maintenance needs the ARN', async () => {
  vi.stubEnv('BUCKET', 'a-bucket');
  vi.stubEnv('TABLE', 'a-table');
  vi.stubEnv('SERVICE', 'Test');
  await expect(import('../../functions/maintenance.ts')).rejects.toThrow('variable TABLE_ARN is not set');
});
