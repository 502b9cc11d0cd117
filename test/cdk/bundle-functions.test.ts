import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleFunctions } from '../../cdk/bundle-functions.ts';
import { duties } from '../../functions/duties.ts';

const outDir = mkdtempSync(path.join(tmpdir(), 'rivulet-bundles-'));
beforeAll(() => bundleFunctions(outDir));
afterAll(() => rmSync(outDir, { recursive: true }));

/** In a fresh process, with nothing of this one: as Lambda starts it. */
async function invoke(name: string, event: object) {
  const script = `
    const { handler } = await import(${JSON.stringify(path.join(outDir, name, 'index.mjs'))});
    console.log(JSON.stringify(await handler(${JSON.stringify(event)}, {})));
    process.exit();`;
  const env = { BUCKET: 'a-bucket', TABLE: 'a-table', SERVICE: 'Test', AWS_REGION: 'eu-west-1' };
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { env, cwd: outDir });
  return JSON.parse((await run).stdout.trimEnd().split('\n').at(-1)!);
}

function gatewayEvent(method: string, rawPath: string) {
  const requestContext = { requestId: 'r1', http: { method, path: rawPath } };
  return { version: '2.0', rawPath, rawQueryString: '', headers: {}, requestContext, isBase64Encoded: false };
}

const bad = { produce: ['POST', 'records'], fetch: ['POST', 'fetch'], topics: ['GET', 'offsets'] } as const;

describe('the bundles', () => {
  it.each(Object.entries(bad))('%s answers what it is asked in vain', async (name, [method, last]) => {
    const reply = await invoke(name, gatewayEvent(method, `/v1/topics/orders/${last}`));
    expect([400, 415]).toContain(reply.statusCode);
    expect(JSON.parse(reply.body).errorCode).toMatch(/INVALID_REQUEST|UNSUPPORTED_MEDIA_TYPE/);
  });

  it('meta answers health', async () => {
    expect(await invoke('meta', gatewayEvent('GET', '/v1/health'))).toMatchObject({ statusCode: 200 });
  });

  it('meta has the whole document', async () => {
    const { statusCode, body } = await invoke('meta', gatewayEvent('GET', '/openapi.json'));
    expect(statusCode).toBe(200);
    const keys = Object.entries<object>(JSON.parse(body).paths).flatMap(([route, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${route}`),
    );
    expect(keys.sort()).toEqual(Object.values(duties).flat().sort());
  });

  it('meta answers what no route takes', async () => {
    expect(await invoke('meta', gatewayEvent('GET', '/v2'))).toMatchObject({ statusCode: 404 });
    expect(await invoke('meta', gatewayEvent('POST', '/v1/topics/orders/offsets'))).toMatchObject({
      statusCode: 405,
      headers: { allow: 'GET' },
    });
  });
});
