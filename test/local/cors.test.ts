// Pages of another origin, over a socket: what they are told, and what the rest of the world is told about them.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../lib/runtime/clock.ts';
import { type LocalServer, startServer } from '../../local/server.ts';
import { open, problemIn, signedFetch, signedHead } from './wire.ts';

const page = 'https://app.example.com';
let server: LocalServer;
const reached: string[] = [];

beforeAll(async () => {
  const api = async ({ rawPath }: { rawPath: string }) => {
    reached.push(rawPath);
    return { statusCode: 429, headers: { 'retry-after': '1' }, body: '{}' };
  };
  server = await startServer({ api, clock: systemClock, corsOrigins: ['http://localhost:5173', page] });
});
afterAll(() => server.close());

const preflight = (origin: string, asked: Record<string, string> = { 'access-control-request-method': 'POST' }) =>
  fetch(new URL('/v1/topics/orders/records', server.url), { method: 'OPTIONS', headers: { origin, ...asked } });

test('a preflight needs no signature, reaches no handler, and says what is allowed', async () => {
  const { status, headers } = await preflight(page);
  expect(status).toBe(204);
  expect(Object.fromEntries(headers)).toMatchObject({
    'access-control-allow-origin': page,
    'access-control-allow-methods': 'GET,PUT,POST,PATCH,DELETE',
    'access-control-allow-headers': expect.stringMatching(/^accept,authorization,content-type,.*x-amz-security-token$/),
    'access-control-max-age': '3600',
    vary: 'origin',
  });
  expect(reached).toEqual([]);
});

test.each([
  ['of another origin', () => preflight('https://evil.example')],
  ['of an origin that only begins like one', () => preflight(`${page}.evil.example`)],
  ['of another port', () => preflight(`${page}:8443`)],
  ['that asks for no method, and has no signature,', () => preflight(page, {})],
])('a request %s is refused', async (_, ask) => {
  expect((await ask()).status).toBe(403);
  expect(reached).toEqual([]);
});

test('an answer of the API can be read by the page, with the headers that the SDK needs', async () => {
  const answer = await signedFetch(server.url, { path: '/v1/topics', headers: { origin: page } });
  expect(answer.status).toBe(429);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'access-control-allow-origin': page,
    'access-control-expose-headers': 'retry-after,rivulet-topic-id',
    'retry-after': '1',
  });
});

test('a refusal can be read by the page too', async () => {
  const { status, headers } = await fetch(new URL('/v1/topics', server.url), { headers: { origin: page } });
  expect([status, headers.get('access-control-allow-origin')]).toEqual([403, page]);
});

test('a page of this machine that was not named may call, as before, and reads nothing', async () => {
  const { headers } = await signedFetch(server.url, {
    path: '/v1/topics',
    headers: { origin: 'http://localhost:3000' },
  });
  expect(headers.get('access-control-allow-origin')).toBeNull();
});

test('the host is checked also for a page that is welcome', async () => {
  const wire = open(server.url, signedHead('http://rebound.example', { path: '/v1/topics' }, [`origin: ${page}`]));
  expect(problemIn(await wire.until('"requestId"'))).toMatchObject({ status: 403, field: 'header.host' });
  wire.socket.destroy();
});

test.each(['*', 'null', `${page}/`, 'app.example.com', 'https://a.example,https://b.example'])(
  'the server refuses to start with the origin %s',
  async (origin) => {
    const start = startServer({
      api: async () => ({ statusCode: 200, headers: {} }),
      clock: systemClock,
      corsOrigins: [origin],
    });
    await expect(start).rejects.toThrow(`corsOrigin: expected an origin like http://localhost:5173, got "${origin}"`);
  },
);
