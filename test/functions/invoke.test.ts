import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { invoke, invokeBriefly } from '../../functions/invoke.ts';
import { systemClock } from '../../lib/runtime/clock.ts';

afterEach(() => vi.unstubAllEnvs());

/** A server in the place of Lambda. */
async function lambda(status: number) {
  const requests: { readonly head: IncomingMessage; readonly body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    requests.push({ head: request, body });
    response.writeHead(status).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'id');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  vi.stubEnv('AWS_SESSION_TOKEN', 'token');
  return { requests, stop: () => server.close() };
}

test('an invocation is an event, signed for Lambda', async () => {
  const { requests, stop } = await lambda(202);
  await invoke('tend', { errand: 1 });
  stop();
  const [{ head, body } = requests[0]!] = requests;
  expect(head).toMatchObject({ method: 'POST', url: '/2015-03-31/functions/tend/invocations' });
  expect(head.headers).toMatchObject({ 'x-amz-invocation-type': 'Event', 'x-amz-security-token': 'token' });
  expect(head.headers.authorization).toContain('/eu-central-1/lambda/aws4_request');
  expect(JSON.parse(body)).toEqual({ errand: 1 });
});

test('a refusal is an error that names the function, and a hint drops it', async () => {
  const { stop } = await lambda(403);
  await expect(invoke('tend', {})).rejects.toMatchObject({ errorCode: 'STORAGE_UNAVAILABLE', outcome: 'unknown' });
  await invokeBriefly('tend', {});
  stop();
});

test('a hint waits for fifteen milliseconds at the most', async () => {
  const never = () => new Promise<void>(() => {});
  const beganMs = systemClock.monotonic();
  await invokeBriefly('tend', {}, never);
  expect(systemClock.monotonic() - beganMs).toBeLessThan(1_000);
});
