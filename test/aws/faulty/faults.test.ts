// Each of the faults does what its name says. Every test runs in a process of its own.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleFaulty } from './bundle.ts';

const outDir = mkdtempSync(path.join(tmpdir(), 'rivulet-faulty-'));
beforeAll(() => bundleFaulty('topics', outDir));
afterAll(() => rmSync(outDir, { recursive: true }));

const run = promisify(execFile);

/** Nothing listens at the address of the storage. */
async function invoke(fault: string, method: string, rawPath: string, leftMs = 29_000) {
  const headers = { 'rivulet-fault': fault, 'content-type': 'application/json' };
  const requestContext = { requestId: 'r1', http: { method, path: rawPath } };
  const base = { version: '2.0', rawPath, rawQueryString: '', headers, requestContext, isBase64Encoded: false };
  const event = { ...base, ...(method === 'PUT' && { body: '{}' }) };
  const script = `
    const { handler } = await import(${JSON.stringify(path.join(outDir, 'topics', 'index.mjs'))});
    const context = { getRemainingTimeInMillis: () => ${leftMs} };
    console.log(JSON.stringify(await handler(${JSON.stringify(event)}, context)));
    process.exit();`;
  const env = {
    ...{ BUCKET: 'a-bucket', TABLE: 'a-table', SERVICE: 'Test', AWS_REGION: 'eu-west-1' },
    ...{ AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
  };
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { env, cwd: outDir });
  const { statusCode, body } = JSON.parse(stdout.trimEnd().split('\n').at(-1)!);
  return { statusCode, ...JSON.parse(body) };
}

test.concurrent('a throttled table is answered with 429', async () => {
  expect(await invoke('table-throttled', 'GET', '/v1/topics')).toMatchObject({
    statusCode: 429,
    errorCode: 'THROTTLED',
  });
});

test.concurrent('a table that does not answer while a topic is created leaves the outcome unknown', async () => {
  expect(await invoke('table-silent', 'PUT', '/v1/topics/orders')).toMatchObject({
    errorCode: 'REQUEST_TIMED_OUT',
    outcome: 'unknown',
  });
});

test.concurrent('a function answers before its timeout even if the storage does not answer', async () => {
  expect(await invoke('table-silent', 'PUT', '/v1/topics/orders', 1_500)).toMatchObject({
    errorCode: 'REQUEST_TIMED_OUT',
    outcome: 'unknown',
    detail: 'The request took longer than the function may run.',
  });
});

test.concurrent.each(['kill-before', 'kill-during:50', 'kill-after'])('%s kills the process', async (fault) => {
  const path = fault === 'kill-after' ? '/v1/nothing' : '/v1/topics';
  await expect(invoke(fault, 'GET', path)).rejects.toMatchObject({ signal: 'SIGKILL' });
});
