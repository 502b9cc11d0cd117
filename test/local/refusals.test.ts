// These requests are malformed as bytes, and go over real sockets. Each is refused with a problem document, and never
// reaches a handler.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HttpApi } from '../../http/http-event.ts';
import { limits } from '../../lib/api/limits.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { type LocalServer, startServer } from '../../local/server.ts';
import { open, problemIn, signedHead } from './wire.ts';

const timeouts = { headersMs: 300, requestMs: 600, lingerMs: 200 };
const reached: string[] = [];
const api: HttpApi = async ({ rawPath }) => {
  if (rawPath === '/slow') await systemClock.sleep(100);
  else if (rawPath !== '/fine') reached.push(rawPath);
  return { statusCode: 200, headers: {}, body: `<${rawPath}>` };
};
let server: LocalServer;
let url: string;

beforeAll(async () => {
  server = await startServer({ api, clock: systemClock, timeouts });
  url = server.url;
});

afterAll(async () => {
  await server.close();
  expect(reached).toEqual([]);
});

async function refused(bytes: string): Promise<ReturnType<typeof problemIn>> {
  const wire = open(url, bytes);
  const text = await wire.until('"requestId"');
  wire.socket.destroy();
  const problem = problemIn(text);
  expect(problem.head).toContain('content-type: application/problem+json');
  expect(problem.outcome).toBe('not-written');
  expect(problem.head.startsWith(`HTTP/1.1 ${problem.status} `)).toBe(true);
  return problem;
}

const get = (line: string, ...headers: string[]): string => [line, 'Host: localhost', ...headers, '', ''].join('\r\n');

test.each([
  ['no HTTP at all', 'hello\r\n\r\n', 'expected HTTP/1.1, got bytes'],
  ['an unknown method', get('FETCH / HTTP/1.1'), 'expected HTTP/1.1, got bytes'],
  ['CONNECT', get('CONNECT h:80 HTTP/1.1'), 'method: expected one of this API, got CONNECT'],
  ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00', 'expected HTTP/1.1, got bytes'],
  ['an absolute target', get('GET http://h/v1/health HTTP/1.1'), 'path: expected a request target that begins with'],
  ['an asterisk for a target', get('OPTIONS * HTTP/1.1'), 'path: expected a request target that begins with'],
  ['an empty segment', get('GET /v1//health HTTP/1.1'), 'empty segment'],
  ['a leading empty segment', get('GET //h/v1/health HTTP/1.1'), 'empty segment'],
  ['a dot segment', get('GET /v1/./health HTTP/1.1'), 'empty segment, "." or ".."'],
  ['a dot-dot segment', get('GET /v1/topics/../health HTTP/1.1'), 'empty segment, "." or ".."'],
  ['a dot-dot segment at the end', get('GET /v1/health/.. HTTP/1.1'), 'empty segment, "." or ".."'],
  ['half an escape', get('GET /v1/health%4 HTTP/1.1'), 'does not begin an escape'],
  ['an escape that is not UTF-8', get('GET /v1/health?a=%ff HTTP/1.1'), 'does not begin an escape'],
  ['a fragment', get('GET /v1/health#a HTTP/1.1'), '#'],
  ['bytes above ASCII in the target', get('GET /v1/h\xe9alth HTTP/1.1'), 'HTTP/1.1|printable ASCII'],
  ['no host', 'GET /v1/health HTTP/1.1\r\n\r\n', 'header.host: expected the name of this server, got none'],
  [
    'two hosts',
    get('GET /v1/health HTTP/1.1', 'hOST: localhost'),
    'header.host: expected one header, got more than one',
  ],
  [
    'two authorizations',
    get('GET / HTTP/1.1', 'Authorization: a', 'authorization: b'),
    'header.authorization: expected one header, got more than one',
  ],
  [
    'two content types',
    get('GET / HTTP/1.1', 'content-type: a', 'content-type: a'),
    'header.content-type: expected one header, got more than one',
  ],
  [
    'two dates',
    get('GET / HTTP/1.1', 'x-amz-date: a', 'X-Amz-Date: a'),
    'header.x-amz-date: expected one header, got more than one',
  ],
  [
    'two tokens',
    get('GET / HTTP/1.1', 'x-amz-security-token: a', 'x-amz-security-token: a'),
    'header.x-amz-security-token: expected one header',
  ],
  [
    'two idempotency keys',
    get('GET / HTTP/1.1', 'idempotency-key: a', 'idempotency-key: b'),
    'header.idempotency-key: expected one header',
  ],
  ['two content lengths', get('POST / HTTP/1.1', 'content-length: 1', 'content-length: 1'), 'Content-Length'],
  [
    'a length and chunks',
    get('POST / HTTP/1.1', 'content-length: 1', 'transfer-encoding: chunked'),
    'Content-Length|Transfer-Encoding',
  ],
  ['an encoding that does not end in chunked', get('POST / HTTP/1.1', 'transfer-encoding: gzip'), 'Transfer-Encoding'],
  ['a length that is no number', get('POST / HTTP/1.1', 'content-length: 1a'), 'Content-Length'],
  ['a negative length', get('POST / HTTP/1.1', 'content-length: -1'), 'Content-Length'],
  ['a header without a colon', get('GET / HTTP/1.1', 'nonsense'), 'expected HTTP/1.1, got bytes'],
  ['a folded header', get('GET / HTTP/1.1', 'a: b', ' c'), 'HTTP/1.1|not signed'],
  [
    'an expectation that nobody knows',
    get('GET /v1/health HTTP/1.1', 'expect: miracles'),
    'header.expect: expected 100-continue or none, got "miracles"',
  ],
])('%s is 400', async (_, bytes, detail) => {
  const problem = await refused(bytes);
  expect(problem).toMatchObject({ status: 400, errorCode: 'INVALID_REQUEST' });
  expect(problem.detail).toMatch(new RegExp(detail.replace(/[*.?]/g, '\\$&'), 'i'));
});

test('a request head of exactly the limit is read, one byte more is a 431, and so is a head without end', async () => {
  const empty = get('GET /fine HTTP/1.1', 'filler: ');
  const fill = (bytes: number): string => get('GET /fine HTTP/1.1', `filler: ${'x'.repeat(bytes - empty.length)}`);
  expect(await refused(fill(limits.headBytes))).toMatchObject({ status: 403 });
  expect(await refused(fill(limits.headBytes + 1))).toMatchObject({
    status: 431,
    errorCode: 'HEADERS_TOO_LARGE',
    detail: `headers: expected at most ${limits.headBytes} bytes together with the request line, got ${limits.headBytes + 1} bytes`,
  });
  expect(await refused(`GET /${'x'.repeat(200_000)}`)).toMatchObject({ status: 431 });
});

test('a body whose length is over the limit is a 413 immediately, by content type, and is not read', async () => {
  const json = ['content-type: application/json', `content-length: ${limits.jsonBodyBytes + 1}`];
  expect(await refused(get('POST / HTTP/1.1', ...json))).toMatchObject({
    status: 413,
    errorCode: 'BODY_TOO_LARGE',
    detail: `body: expected at most ${limits.jsonBodyBytes} bytes for this content type, got ${limits.jsonBodyBytes + 1} bytes`,
  });
  const binary = `content-length: ${limits.binaryBodyBytes + 1}`;
  expect(await refused(get('POST / HTTP/1.1', binary))).toMatchObject({ status: 413 });
  expect(await refused(get('POST / HTTP/1.1', 'expect: 100-continue', binary))).toMatchObject({ status: 413 });
});

test('a chunked body without end is cut off at the limit: the client gets 413, then the connection is closed', async () => {
  const head = signedHead(url, { method: 'POST', path: '/', headers: { 'content-type': 'application/json' } }, [
    'transfer-encoding: chunked',
  ]);
  const wire = open(url, head);
  const chunk = `${(65_536).toString(16)}\r\n${'x'.repeat(65_536)}\r\n`;
  let sent = 0;
  const pump = (): void => {
    while (!wire.socket.destroyed && wire.socket.write(chunk)) sent += 65_536;
    if (!wire.socket.destroyed) setTimeout(pump, 1);
  };
  wire.socket.once('connect', pump);
  const text = await wire.until('"requestId"');
  expect(problemIn(text)).toMatchObject({
    status: 413,
    detail: expect.stringContaining(`more than ${limits.jsonBodyBytes} bytes`),
  });
  expect(problemIn(text).head).toContain('connection: close');
  await wire.closed;
  expect(sent).toBeGreaterThan(limits.jsonBodyBytes);
});

test('an unsigned request is 403 before its body is read', async () => {
  const problem = await refused(get('POST /v1/topics HTTP/1.1', `content-length: ${limits.binaryBodyBytes}`));
  expect(problem).toMatchObject({ status: 403 });
  expect(problem.head).toContain('connection: close');
});

test('headers that do not end are a 400 after the timeout, and so is a body that does not end', async () => {
  expect((await refused('GET /v1/health HTTP/1.1\r\nhost: h\r\n')).detail).toContain('the headers within 300 ms');
  const head = signedHead(url, { method: 'POST', path: '/' }, ['content-length: 10']).replace(
    /x-amz-content.*\r\n/,
    '',
  );
  const wire = open(url, `${head}12345`);
  expect(problemIn(await wire.closed).detail).toContain('body within 600 ms');
});

test('a broken chunk ends its request with 400', async () => {
  const head = signedHead(url, { method: 'POST', path: '/' }, ['transfer-encoding: chunked']);
  const wire = open(url, `${head}zz\r\n`);
  expect(problemIn(await wire.closed)).toMatchObject({ status: 400 });
});

test('bytes that follow a request and make no sense never look like the answer to that request', async () => {
  const wire = open(url, `${signedHead(url, { path: '/slow' })}nonsense\r\n\r\n`);
  expect(await wire.closed).not.toContain('400');
});

test('a refused request with a small body does not disturb the answers before it', async () => {
  const bad = get('POST /v1/topics HTTP/1.1', 'content-length: 3');
  const wire = open(url, `${signedHead(url, { path: '/slow' })}${bad}abc`);
  const text = await wire.closed;
  expect(text.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403']);
});
