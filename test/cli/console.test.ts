// `rivulet console` in front of a service that takes only signatures of its own credentials, as a browser would use it.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { signedFetch } from '../local/wire.ts';
import { main, newDirectory, type Running, start, startService } from './processes.ts';

const own = { RIVULET_ACCESS_KEY_ID: 'me', RIVULET_SECRET_ACCESS_KEY: 'a secret of mine' };

async function startConsole(url: string, environment: Record<string, string>) {
  const process = start(main, ['console', '--url', url, '--port', '0'], environment);
  const [, address = ''] = await process.until(/(http:\S+)/);
  const { origin, port, searchParams } = new URL(address);
  const headers = { cookie: `rivulet-console-${port}=${searchParams.get('token')}`, origin };
  const call = (path: string, init: RequestInit = {}) =>
    fetch(`${origin}/console/api${path}`, { ...init, headers: { ...headers, ...init.headers } });
  return { process, origin, call };
}

const stop = async (process: Running): Promise<number | null> => {
  process.child.kill('SIGTERM');
  return (await process.finished).code;
};

describe('rivulet console', () => {
  test('signs what the page asks for, and passes on what the service answers', async () => {
    const service = await startService(newDirectory(), { environment: own });
    const console = await startConsole(service.url, own);
    const body = JSON.stringify({ partitions: 2 });
    const json = { 'content-type': 'application/json' };
    const made = await console.call('/v1/topics/orders', { method: 'PUT', body, headers: json });
    expect(made.status).toBe(201);
    expect(made.headers.get('rivulet-request-id')).toMatch(/./);
    expect(await (await console.call('/v1/topics/orders?partitionsLimit=1')).json()).toMatchObject({ partitions: 2 });
    // Paths and queries arrive as they were sent.
    const odd = await console.call('/v1/topics/a%2Fb?partitionsLimit=x%26y');
    expect(await odd.json()).toMatchObject({ status: 400, requestId: odd.headers.get('rivulet-request-id') });
    expect(await (await console.call('/connected')).json()).toEqual({
      ...{ url: service.url, region: 'us-east-1', identity: 'me' },
    });
    expect(await stop(console.process)).toBe(0);
    await service.stop('SIGTERM');
  });

  test('passes nothing on beside the page: no cookie, no signature, and no other origin will do', async () => {
    const service = await startService(newDirectory(), { environment: own });
    const console = await startConsole(service.url, own);
    expect((await console.call('/v1/topics', { headers: { cookie: '' } })).status).toBe(403);
    const foreign = { method: 'DELETE', headers: { origin: 'http://127.0.0.1:1' } };
    expect((await console.call('/v1/topics/orders', foreign)).status).toBe(403);
    expect((await signedFetch(console.origin, { path: '/v1/topics' })).status).toBe(404);
    expect(await (await fetch(`${console.origin}/v1/health`)).text()).not.toContain('"ok"');
    await stop(console.process);
    await service.stop('SIGTERM');
  });

  test('names the right that is missing where API Gateway says only "Forbidden"', async () => {
    const gateway = createServer((_, response) =>
      response
        .writeHead(403, { 'content-type': 'application/json', 'apigw-requestid': 'x' })
        .end('{"message":"Forbidden"}'),
    ).listen(0, '127.0.0.1');
    await once(gateway, 'listening');
    const console = await startConsole(`http://127.0.0.1:${(gateway.address() as AddressInfo).port}`, own);
    const refused = await console.call('/v1/groups/billing/offsets/reset', { method: 'POST' });
    expect(refused.status).toBe(403);
    const problem = await refused.json();
    expect(problem).toMatchObject({
      ...{ errorCode: 'FORBIDDEN', outcome: 'not-written', requestId: expect.any(String) },
      detail:
        'HTTP 403: {"message":"Forbidden"}. If the credentials are right, their policy does not allow execute-api:Invoke on API_ID/$default/POST/v1/groups/billing/offsets/reset, where API_ID is the API behind 127.0.0.1',
    });
    // A line for any API would allow the call on all of the region.
    expect(problem).not.toHaveProperty('resource');
    await stop(console.process);
    gateway.close();
  });

  test('tells the page why there is no answer: wrong credentials, or a service that is gone', async () => {
    const service = await startService(newDirectory(), { environment: own });
    const console = await startConsole(service.url, { ...own, RIVULET_SECRET_ACCESS_KEY: 'another' });
    const refused = await console.call('/v1/topics');
    expect(await refused.json()).toMatchObject({ status: 403, errorCode: 'FORBIDDEN' });
    await service.stop('SIGTERM');
    const gone = await console.call('/v1/topics', { method: 'POST' });
    expect(gone.status).toBe(502);
    expect(await gone.json()).toMatchObject({ errorCode: 'NETWORK_EXCEPTION', requestId: expect.any(String) });
    await stop(console.process);
  });
});
