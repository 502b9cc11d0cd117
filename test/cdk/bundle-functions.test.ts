import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleFunctions } from '../../cdk/bundle-functions.ts';
import { functionNames, functionRoutes } from '../../functions/routes.ts';
import { deployedEnvironment } from '../../tools/bench/functions.ts';

const outDir = mkdtempSync(path.join(tmpdir(), 'rivulet-bundles-'));
beforeAll(() => bundleFunctions(outDir));
afterAll(() => rmSync(outDir, { recursive: true }));

/** The value of `expression` over a handler, in a fresh process that shares nothing with this one, as Lambda starts it. */
async function inProcess(name: string, expression: string) {
  const script = `
    const { handler } = await import(${JSON.stringify(path.join(outDir, name, 'index.mjs'))});
    process.stdout.write(JSON.stringify(${expression}) + '\\n', () => process.exit());`;
  const options = { env: deployedEnvironment, cwd: outDir };
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], options);
  return JSON.parse((await run).stdout.trimEnd().split('\n').at(-1)!);
}

const invoke = (name: string, event: object) =>
  inProcess(name, `await handler(${JSON.stringify(event)}, { getRemainingTimeInMillis: () => 29_000 })`);

function gatewayEvent(method: string, rawPath: string) {
  const requestContext = { requestId: 'r1', http: { method, path: rawPath } };
  return { version: '2.0', rawPath, rawQueryString: '', headers: {}, requestContext, isBase64Encoded: false };
}

/**
 * Bytes: a little above the present sizes, so that a change which makes a bundle notably larger fails here. Most of a
 * bundle is the AWS SDK. The bundles of groups, lag and subscriptions have the
 * regular expressions of RE2 too.
 */
const budget = {
  produce: 637_000,
  fetch: 615_000,
  topics: 628_000,
  groups: 828_000,
  transactions: 795_000,
  subscriptions: 833_000,
  meta: 283_000,
  maintenance: 487_000,
  tend: 484_000,
  lag: 775_000,
  router: 375_000,
  dispatcher: 722_000,
};

const bad = {
  produce: ['POST', '/v1/topics/orders/records'],
  fetch: ['POST', '/v1/topics/orders/fetch'],
  topics: ['GET', '/v1/topics/orders/offsets'],
  groups: ['POST', '/v1/groups/billing/heartbeat'],
  transactions: ['POST', '/v1/transactions/orders-1/commit'],
  subscriptions: ['PUT', '/v1/topics/orders/subscriptions/billing'],
} as const;

describe('the bundles', () => {
  it.each(Object.entries(budget))('%s is within %i bytes', (name, bytes) => {
    expect(statSync(path.join(outDir, name, 'index.mjs')).size).toBeLessThanOrEqual(bytes);
  });

  it.each(functionNames)(
    '%s has a handler of two parameters: with a third, the runtime would wait for a callback',
    async (name) => {
      expect(await inProcess(name, 'handler.length')).toBe(2);
    },
  );

  it('start without what they do not use: fetch, streams of the web, workers, other processes', async () => {
    const loaded =
      'process.moduleLoadList.filter((name) => /undici|webstreams|child_process|fs.promises|worker_threads/.test(name))';
    for (const name of ['produce', 'fetch', 'topics'])
      expect([name, await inProcess(name, loaded)]).toEqual([name, []]);
  });

  it.each(['rivulet-fault', 'ConsumerProtocolSubscription'])(
    'hold no test option and no Kafka listener: %s',
    (mark) => {
      for (const name of Object.keys(budget)) {
        const code = readFileSync(path.join(outDir, name, 'index.mjs'), 'utf8');
        expect([name, code.includes(mark)]).toEqual([name, false]);
      }
    },
  );

  it.each(Object.entries(bad))('%s answers a bad request', async (name, [method, route]) => {
    const reply = await invoke(name, gatewayEvent(method, route));
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
    expect(keys.sort()).toEqual(Object.values(functionRoutes).flat().sort());
  });

  it('meta answers a request that no route takes', async () => {
    expect(await invoke('meta', gatewayEvent('GET', '/v2'))).toMatchObject({ statusCode: 404 });
    expect(await invoke('meta', gatewayEvent('POST', '/v1/topics/orders/offsets'))).toMatchObject({
      statusCode: 405,
      headers: { allow: 'GET, HEAD' },
    });
  });
});
