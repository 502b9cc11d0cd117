// The gate of the console, attacked as a page elsewhere, another local process or a curious person would. The server is real,
// and the requests go over real sockets with the headers that a browser would send.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HttpApi } from '../../http/http-event.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import type { ConsoleOptions } from '../../local/console/gate.ts';
import { staticFiles } from '../../local/console/static-files.ts';
import { type LocalServer, startServer } from '../../local/server.ts';
import { open, problemIn, signedFetch } from './wire.ts';

const token = Buffer.from(systemClock.randomBytes(32)).toString('base64url');
const reached: string[] = [];
const failures: string[] = [];
const api: HttpApi = async ({ requestContext: { http } }) => {
  reached.push(`${http.method} ${http.path}`);
  return { statusCode: 200, headers: { 'content-type': 'application/json' }, body: '{}' };
};
const connected = async () => ({ region: 'us-east-1', identity: 'local/local' });
let folder: string;
let server: LocalServer;
let authority: string;
let cookie: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rivulet-console-'));
  mkdirSync(join(folder, 'dist/assets'), { recursive: true });
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  writeFileSync(join(folder, 'dist/index.html'), '<p>the page</p>');
  writeFileSync(join(folder, 'dist/assets/index-1.js'), '1');
  writeFileSync(join(folder, 'dist/assets/predicate-worker-Ab_1-2.js'), '2');
  const files = staticFiles(
    async () => join(folder, 'dist'),
    (line) => failures.push(line),
  );
  const console: ConsoleOptions = { token, api, files, connected };
  server = await startServer({ api, clock: systemClock, console, allowHosts: ['build.example'] });
  authority = new URL(server.url).host;
  cookie = `rivulet-console-${new URL(server.url).port}=${token}`;
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

type Request = { method?: string; path?: string; host?: string; headers?: readonly string[] };

/** A request as bytes, because fetch() does not let a test choose Host, Origin and the headers of a browser. */
async function send({ method = 'GET', path = '/console/api/v1/topics', host = authority, headers = [] }: Request) {
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close', 'Content-Length: 0', ...headers];
  const text = await open(server.url, `${lines.join('\r\n')}\r\n\r\n`).closed;
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  return { status: Number(head.slice(9, 12)), head, body, text };
}

/** Expects a refusal that names the field, before anything of the API. */
async function expectRefused(request: Request, field: string): Promise<void> {
  const before = reached.length;
  const answer = await send(request);
  expect(answer.status).toBe(403);
  expect(problemIn(answer.text)).toMatchObject({ errorCode: 'FORBIDDEN', field, outcome: 'not-written' });
  expect(answer.text).not.toContain(token);
  expect(reached.length).toBe(before);
}

const withCookie = (...headers: readonly string[]): readonly string[] => [`Cookie: other=1; ${cookie}`, ...headers];
const sameOrigin = (): string => `Origin: http://${authority}`;

describe('the token in the address', () => {
  test('becomes a cookie that no script and no other site gets, and leaves the address', async () => {
    const { status, head } = await send({ path: `/console/?token=${token}` });
    expect(status).toBe(303);
    expect(head).toContain('location: /console/\r\n');
    expect(head).toContain(`set-cookie: ${cookie}; Path=/console; HttpOnly; SameSite=Strict\r\n`);
    expect(head).toContain('cache-control: no-store');
    expect(head).toContain('referrer-policy: no-referrer');
  });

  test.each([
    ['empty', ''],
    ['one character short', token.slice(0, -1)],
    ['one character long', `${token}A`],
    ['a guess', 'A'.repeat(token.length)],
    ['with characters of several bytes', encodeURIComponent(`é${token.slice(1)}`)],
  ])('is refused when it is %s', async (_, guess) => {
    await expectRefused({ path: `/console/?token=${guess}` }, 'query.token');
    await expectRefused({ headers: [`Cookie: ${cookie.replace(token, guess)}`] }, 'header.cookie');
  });

  test('opens nothing as a query of the API, or as a cookie of another port', async () => {
    await expectRefused({ path: `/console/api/v1/topics?token=${token}` }, 'header.cookie');
    await expectRefused({ headers: [`Cookie: rivulet-console-1=${token}`] }, 'header.cookie');
  });
});

describe('the API below the console', () => {
  test('answers the page, with headers that let no browser run what it holds', async () => {
    const read = await send({ headers: withCookie('Sec-Fetch-Site: same-origin') });
    expect(read.status).toBe(200);
    for (const header of ['x-content-type-options: nosniff', 'cross-origin-resource-policy: same-origin'])
      expect(read.head).toContain(header);
    expect(read.head).toContain("content-security-policy: default-src 'none'");
    const write = await send({ method: 'POST', headers: withCookie(sameOrigin(), 'Sec-Fetch-Site: same-origin') });
    expect(write.status).toBe(200);
    expect(reached.slice(-2)).toEqual(['GET /v1/topics', 'POST /v1/topics']);
  });

  test('refuses a name that somebody pointed at this machine (DNS rebinding), and one that a proxy has', async () => {
    const rebound = `evil.example:${new URL(server.url).port}`;
    await expectRefused({ host: rebound, headers: withCookie(`Origin: http://${rebound}`) }, 'header.host');
    await expectRefused({ host: 'build.example', headers: withCookie('Origin: http://build.example') }, 'header.host');
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    'refuses a cross-site %s, also of another port here',
    async (method) => {
      await expectRefused({ method, headers: withCookie('Origin: https://evil.example') }, 'header.origin');
      await expectRefused({ method, headers: withCookie('Origin: http://127.0.0.1:1') }, 'header.origin');
      await expectRefused({ method, headers: withCookie('Origin: http://localhost') }, 'header.origin');
      // A sandboxed frame, or a redirect, has this origin. Its host is not ours, which the server finds first.
      await expectRefused({ method, headers: withCookie('Origin: null') }, 'header.origin');
      await expectRefused({ method, headers: withCookie() }, 'header.origin');
    },
  );

  test.each(['cross-site', 'same-site', 'none'])('refuses a request that the browser calls %s', async (site) => {
    await expectRefused({ headers: withCookie(`Sec-Fetch-Site: ${site}`) }, 'header.sec-fetch-site');
  });

  test('refuses a request without the cookie, even if it is signed', async () => {
    await expectRefused({ headers: ['Sec-Fetch-Site: same-origin'] }, 'header.cookie');
    expect((await signedFetch(server.url, { path: '/console/api/v1/topics' })).status).toBe(403);
  });

  test('answers no preflight, so that a page elsewhere can add no header', async () => {
    const preflight = ['Origin: https://evil.example', 'Access-Control-Request-Method: POST'];
    const { status, head } = await send({ method: 'OPTIONS', headers: preflight });
    expect(status).toBe(403);
    expect(head).not.toMatch(/access-control/i);
  });

  test('tells the page which service it is connected to', async () => {
    const { body } = await send({ path: '/console/api/connected', headers: withCookie() });
    expect(JSON.parse(body)).toEqual({ url: server.url, region: 'us-east-1', identity: 'local/local' });
    await expectRefused({ path: '/console/api/connected' }, 'header.cookie');
  });
});

describe('the API beside the console', () => {
  test('takes signatures, and the cookie means nothing to it', async () => {
    expect((await signedFetch(server.url, { path: '/v1/topics' })).status).toBe(200);
    const { status, text } = await send({ path: '/v1/topics', headers: withCookie(sameOrigin()) });
    expect(status).toBe(403);
    expect(problemIn(text).detail).toContain('not signed correctly');
  });
});

describe('the files', () => {
  test('need no cookie, and every route of the page gets the page', async () => {
    for (const path of ['/console/', '/console/topics/a.b', '/console/groups/a%2Fb?x=1'])
      expect((await send({ path })).body).toBe('<p>the page</p>');
    expect((await send({ path: '/console' })).head).toContain('location: /console/\r\n');
  });

  test('allow no script but their own, and no other host; only the filter worker may eval, and it connects to nothing', async () => {
    const page = await send({ path: '/console/' });
    expect(page.head).toMatch(/content-security-policy: default-src 'none'.*script-src 'self'.*connect-src 'self'/);
    expect(page.head).not.toMatch(/unsafe|http:|https:|\*/);
    expect(page.head).toContain('x-frame-options: DENY');
    const worker = await send({ path: '/console/assets/predicate-worker-Ab_1-2.js' });
    expect(worker.head).toMatch(/script-src 'unsafe-eval'; connect-src 'none'/);
    expect((await send({ path: '/console/assets/index-1.js' })).head).not.toContain('unsafe');
  });

  test.each([
    '/console/../secret.txt',
    '/console/assets/../../secret.txt',
    '/console/assets/..%2f..%2fsecret.txt',
    '/console/assets/%2e%2e/%2e%2e/secret.txt',
    '/console/assets/..\\..\\secret.txt',
    '/console/assets//etc/passwd',
    '/console/assets/constructor',
    '/console/%2e%2e/secret.txt',
    '/console/assets/index-1.js%00.txt',
  ])('cannot be left by %s', async (path) => {
    const { text, status } = await send({ path });
    expect(text).not.toContain('secret\n');
    expect(text).not.toMatch(/^secret$|root:/m);
    // A route of the page, or nothing.
    if (status === 200) expect(text).toContain('<p>the page</p>');
    else expect([400, 404]).toContain(status);
  });

  test('take GET and HEAD', async () => {
    expect((await send({ method: 'POST', path: '/console/' })).status).toBe(405);
    expect((await send({ method: 'HEAD', path: '/console/' })).status).toBe(200);
  });
});

test('a server that others can reach has no console', async () => {
  const console: ConsoleOptions = { token, api, files: api, connected };
  const credentials = [{ accessKeyId: 'me', secretAccessKey: 'mine' }];
  const started = startServer({ api, clock: systemClock, console, host: '0.0.0.0', credentials });
  await expect(started).rejects.toThrow('the console is for this machine alone');
});

test('a page that cannot be built is a problem that says why, and the next request tries again', async () => {
  const lines: string[] = [];
  const files = staticFiles(
    async () => {
      throw new Error('the disk is full');
    },
    (line) => lines.push(line),
  );
  const other = await startServer({ api, clock: systemClock, console: { token, api, files, connected } });
  for (const _ of [1, 2]) {
    const answer = await fetch(`${other.url}/console/`);
    expect(await answer.json()).toMatchObject({ status: 500, detail: expect.stringContaining('the disk is full') });
  }
  expect(lines).toEqual(Array(2).fill('the page of the console cannot be had: the disk is full'));
  expect(failures).toEqual([]);
  await other.close();
});
