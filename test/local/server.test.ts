import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { HttpApi, HttpEvent, HttpResult } from '../../http/http-event.ts';
import { limits } from '../../lib/api/limits.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { type LocalServer, type ServerOptions, startServer } from '../../local/server.ts';
import { open, type Problem, signedFetch, signedHead, signedHeaders } from './wire.ts';

const servers: LocalServer[] = [];

async function start(api: HttpApi, options: Partial<ServerOptions> = {}): Promise<string> {
  const unexpected = (error: unknown): void => {
    throw error;
  };
  const server = await startServer({ api, clock: systemClock, onError: unexpected, ...options });
  servers.push(server);
  return server.url;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Answers with the event that it was given. The body comes back unchanged. */
const echo: HttpApi = async ({ body, signal, ...event }) =>
  typeof body === 'string'
    ? { statusCode: 500, headers: {}, body: 'text' }
    : {
        statusCode: 200,
        headers: { 'content-type': 'application/octet-stream', event: JSON.stringify(event) },
        body: body === undefined ? '' : [body.subarray(0, 1), body.subarray(1)],
      };

const never: HttpApi = async () => expect.unreachable('the request reached the handlers');

const eventIn = (response: Response): HttpEvent => JSON.parse(response.headers.get('event') ?? 'null') as HttpEvent;

const json = { 'content-type': 'application/json' };

test("one of Kafka's clients at this port is reported, and closed", async () => {
  const { promise: reported, resolve } = Promise.withResolvers<Error>();
  const url = await start(never, { onStranger: resolve });
  const wire = connect(Number(new URL(url).port), '127.0.0.1');
  const closed = new Promise((done) => wire.once('close', done));
  wire.write(Buffer.from('0000000a001200000000000100ff', 'hex'));
  expect((await reported).message).toMatch(/^one of Kafka's clients has connected to port \d+, which speaks HTTP: /);
  await closed;
});

describe('a signed request', () => {
  test('becomes the event that API Gateway would make of it', async () => {
    const url = await start(echo);
    const path = '/v1/topics/a%20b?limit=3&after=x%2By&limit=4&__proto__=1';
    const headers = { ...json, 'Rivulet-Cost': 'on' };
    const response = await signedFetch(url, { method: 'POST', path, headers, body: '{"a":1}' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('{"a":1}');
    const event = eventIn(response);
    expect(event).toMatchObject({
      version: '2.0',
      rawPath: '/v1/topics/a%20b',
      rawQueryString: 'limit=3&after=x%2By&limit=4&__proto__=1',
      headers: { 'content-type': 'application/json', 'rivulet-cost': 'on', 'content-length': '7' },
      requestContext: { http: { method: 'POST', path: '/v1/topics/a%20b' } },
      isBase64Encoded: false,
    });
    expect(Object.entries(event.queryStringParameters ?? {})).toEqual([
      ['limit', '3,4'],
      ['after', 'x+y'],
      ['__proto__', '1'],
    ]);
    expect(event.requestContext.requestId).toMatch(/^[\w-]{12}-\d+$/);
  });

  test('for HEAD is answered as GET would be, without the body', async () => {
    const url = await start(async () => ({ statusCode: 200, headers: {}, body: '{"status":"ok"}' }));
    const wire = open(url, signedHead(url, { method: 'HEAD', path: '/v1/health' }, ['connection: close']));
    const text = await wire.closed;
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text).toContain('content-length: 15');
    expect(text.endsWith('\r\n\r\n')).toBe(true);
  });

  test('carries bodies of every size and of every byte value, with and without a length', async () => {
    const url = await start(echo);
    for (const size of [0, 1, 255, 65_536, 200_000, limits.binaryBodyBytes]) {
      const body = new Uint8Array(size).map((_, i) => i * 7);
      const response = await signedFetch(url, { method: 'POST', path: '/', body });
      expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
    }
    const chunked = open(
      url,
      `${signedHead(url, { method: 'POST', path: '/', body: 'abcde' }, ['transfer-encoding: chunked'])}2\r\nab\r\n`,
    );
    chunked.socket.write('3\r\ncde\r\n0\r\n\r\n');
    expect(await chunked.until('abcde')).toMatch(/^HTTP\/1.1 200 /);
    chunked.socket.destroy();
  });

  test('keeps its connection open, and pipelined requests are answered in order', async () => {
    const slowFirst: HttpApi = async (event) => {
      if (event.rawPath === '/1') await systemClock.sleep(50);
      return { statusCode: 200, headers: {}, body: `<${event.rawPath}>` };
    };
    const url = await start(slowFirst);
    const wire = open(url, ['/1', '/2', '/3'].map((path) => signedHead(url, { path })).join(''));
    expect((await wire.until('</3>')).match(/<.*?>/g)).toEqual(['</1>', '</2>', '</3>']);
    wire.socket.write(signedHead(url, { path: '/4' }));
    await wire.until('</4>');
    wire.socket.destroy();
  });

  test('gets 204 without a length, and HEAD without a body', async () => {
    const url = await start(async (event) =>
      event.requestContext.http.method === 'HEAD'
        ? { statusCode: 200, headers: {}, body: 'four' }
        : { statusCode: 204, headers: {} },
    );
    const deleted = await signedFetch(url, { method: 'DELETE', path: '/x' });
    expect([deleted.status, deleted.headers.get('content-length')]).toEqual([204, null]);
    const head = await signedFetch(url, { method: 'HEAD', path: '/x' });
    expect([head.headers.get('content-length'), await head.text()]).toEqual(['4', '']);
  });

  test('that waits for 100-continue gets it only after its request head was verified', async () => {
    const url = await start(echo);
    const request = { method: 'POST', path: '/', body: 'abc' };
    const right = open(url, signedHead(url, request, ['content-length: 3', 'expect: 100-continue']));
    expect(await right.until('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    right.socket.write('abc');
    await right.until('HTTP/1.1 200 OK');
    right.socket.destroy();
    const wrong = open(
      url,
      signedHead(url, request, ['content-length: 3', 'expect: 100-continue']).replace('local/', 'other/'),
    );
    expect(await wrong.until('requestId')).toMatch(/^HTTP\/1.1 403 /);
    wrong.socket.destroy();
  });

  test('aborts the signal of its event when the client goes away', async () => {
    const reason = Promise.withResolvers<unknown>();
    const client = new AbortController();
    const url = await start(async ({ signal }) => {
      signal?.addEventListener('abort', () => reason.resolve(signal.reason));
      // The client goes once the request is here, however long that takes on a busy machine.
      client.abort();
      return new Promise<HttpResult>(() => undefined);
    });
    const answer = signedFetch(url, { path: '/', signal: client.signal });
    await expect(answer).rejects.toThrow('abort');
    expect(await reason.promise).toMatchObject({ message: 'the client has gone' });
  });
});

describe('without a signature', () => {
  test('only health and the description of the API can be read', async () => {
    const url = await start(echo);
    for (const path of ['/v1/health', '/openapi.json']) expect((await fetch(url + path)).status).toBe(200);
    for (const [method, path] of [
      ['POST', '/v1/health'],
      ['GET', '/v1/health/'],
      ['GET', '/v1/topics'],
    ] as const) {
      const response = await fetch(url + path, { method });
      expect(response.status).toBe(403);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(await response.json()).toMatchObject({
        errorCode: 'FORBIDDEN',
        outcome: 'not-written',
        retriable: false,
        detail: 'the request is not signed correctly: the header authorization is missing',
        requestId: expect.stringMatching(/^[\w-]{12}-\d+$/),
      });
    }
  });

  test('a signature with another secret or over another body never reaches the handlers, and the error does not reveal the right signature', async () => {
    const url = await start(never);
    const headers = signedHeaders(url, { method: 'POST', path: '/', body: 'abc' });
    const { 'x-amz-content-sha256': _, ...unhashed } = headers;
    const changed = (authorization: string) =>
      fetch(url, { method: 'POST', headers: { ...headers, authorization }, body: 'abc' });
    const other = await changed(headers.authorization!.replace(/\w{64}$/, '0'.repeat(64)));
    const text = await other.text();
    expect([other.status, text.includes(headers.authorization!.slice(-64))]).toEqual([403, false]);
    expect(((await (await fetch(url, { method: 'POST', headers, body: 'abd' })).json()) as Problem).detail).toContain(
      'x-amz-content-sha256 is not the SHA-256 of the body',
    );
    expect((await fetch(url, { method: 'POST', headers: unhashed, body: 'abc' })).status).toBe(403);
  });

  test('only the credentials that the owner configured are accepted', async () => {
    const url = await start(echo, { credentials: [{ accessKeyId: 'mine', secretAccessKey: 'secret' }] });
    expect((await signedFetch(url, { path: '/' })).status).toBe(403);
  });
});

describe('the address', () => {
  const options = { api: never, clock: systemClock };

  test('may be any loopback', async () => {
    for (const host of ['127.0.0.2', 'localhost'])
      expect((await fetch(`${await start(echo, { host })}/v1/health`)).status).toBe(200);
  });

  test('may be a public one only with credentials that the owner chose', async () => {
    const known = [{ accessKeyId: 'local', secretAccessKey: 'local' }];
    for (const host of ['0.0.0.0', '::', '127.0.0.1.example.com', '10.0.0.1'])
      for (const extra of [{}, { credentials: known }, { credentials: [] }])
        await expect(startServer({ ...options, host, ...extra })).rejects.toThrow(
          `the server does not listen on ${host} `,
        );
    const url = await start(echo, {
      host: '0.0.0.0',
      credentials: [{ accessKeyId: 'mine', secretAccessKey: 'secret' }],
    });
    expect(url).toMatch(/^http:\/\/0\.0\.0\.0:\d+$/);
  });

  test('is reported when it is already in use', async () => {
    const port = Number(new URL(await start(echo)).port);
    await expect(startServer({ ...options, port })).rejects.toThrow(`cannot listen on 127.0.0.1:${port}: `);
  });
});

describe('mistakes of a handler', () => {
  test.each([
    ['POST', 504, 'REQUEST_TIMED_OUT', 'unknown'],
    ['GET', 500, 'UNKNOWN_SERVER_ERROR', undefined],
  ])('a throw during %s is %i %s, its reason kept from the client', async (method, status, errorCode, outcome) => {
    const seen: unknown[] = [];
    const failure = new Error('the secret reason');
    const url = await start(() => Promise.reject(failure), { onError: (error) => seen.push(error) });
    const response = await signedFetch(url, { method, path: '/' });
    const text = await response.text();
    expect([response.status, (JSON.parse(text) as Problem).errorCode, (JSON.parse(text) as Problem).outcome]).toEqual([
      status,
      errorCode,
      outcome,
    ]);
    expect(text).not.toContain('secret');
    expect(seen).toEqual([failure]);
  });

  test('a header that HTTP does not allow ends the connection, not the server', async () => {
    const seen: unknown[] = [];
    const url = await start(async () => ({ statusCode: 200, headers: { bad: 'a\nb' } }), {
      onError: (error) => seen.push(error),
    });
    await expect(signedFetch(url, { path: '/' })).rejects.toThrow('fetch failed');
    await expect(signedFetch(url, { path: '/' })).rejects.toThrow('fetch failed');
    expect(seen).toHaveLength(2);
  });
});

describe('close', () => {
  test('wakes long polls, lets requests under way finish, and drops idle connections', async () => {
    const started = Promise.withResolvers<void>();
    const api: HttpApi = async ({ rawPath, signal }) => {
      if (rawPath === '/quick') return { statusCode: 200, headers: {} };
      if (rawPath === '/write') await systemClock.sleep(150);
      else {
        started.resolve();
        await new Promise((resolve) => signal?.addEventListener('abort', resolve));
      }
      return { statusCode: 200, headers: {}, body: String(signal?.reason) };
    };
    const server = await startServer({ api, clock: systemClock });
    const idle = open(server.url, signedHead(server.url, { path: '/quick' }));
    const silent = open(server.url, '');
    const halfway = open(server.url, 'GET / HTT');
    await idle.until('200 OK');
    const poll = signedFetch(server.url, { path: '/poll' });
    const write = signedFetch(server.url, { method: 'POST', path: '/write', body: 'x' });
    await started.promise;
    await systemClock.sleep(20);
    const startMs = performance.now();
    const closed = server.close();
    expect(await (await poll).text()).toBe('Error: the server is closing');
    expect(performance.now() - startMs).toBeLessThan(100);
    expect((await write).headers.get('connection')).toBe('close');
    await Promise.all([closed, server.close(), idle.closed, silent.closed, halfway.closed]);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    await expect(fetch(server.url)).rejects.toThrow('fetch failed');
  });

  test('does not wait for ever for a handler that does not answer', async () => {
    const called = Promise.withResolvers<void>();
    const api: HttpApi = () => {
      called.resolve();
      return new Promise(() => undefined);
    };
    const server = await startServer({ api, clock: systemClock, timeouts: { closeMs: 100 } });
    const answer = signedFetch(server.url, { path: '/' });
    await called.promise;
    const [result] = await Promise.allSettled([answer, server.close()]);
    expect(result.status).toBe('rejected');
  });
});
