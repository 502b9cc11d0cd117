// A hostile web page can point its own DNS name at this machine, and it knows the credentials local/local and can sign.
// These tests send its requests as bytes over a socket.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../lib/runtime/clock.ts';
import { checkHosts, namesOf } from '../../local/hosts.ts';
import { type LocalServer, startServer } from '../../local/server.ts';
import { open, problemIn, signedHead } from './wire.ts';

let server: LocalServer;
const reached: string[] = [];

beforeAll(async () => {
  const api = async ({ rawPath }: { rawPath: string }) => {
    reached.push(rawPath);
    return { statusCode: 200, headers: {}, body: 'reached' };
  };
  server = await startServer({ api, clock: systemClock, allowHosts: ['build.example'] });
});
afterAll(() => server.close());

describe.each(['/v1/topics', '/v1/health', '/openapi.json'])('a request for %s', (path) => {
  test('under a name that leads here only by its DNS entry is refused, though it is signed', async () => {
    reached.length = 0;
    const wire = open(server.url, signedHead('http://rebound.example:9292', { path }));
    expect(problemIn(await wire.until('"requestId"'))).toMatchObject({
      status: 403,
      errorCode: 'FORBIDDEN',
      outcome: 'not-written',
      field: 'header.host',
      detail:
        'header.host: expected localhost, the address of this server, or a name given to it with --allow-host, got "rebound.example:9292"',
    });
    wire.socket.destroy();
    expect(reached).toEqual([]);
  });

  test.each(['https://evil.example', 'null'])('from a page of %s is refused', async (origin) => {
    reached.length = 0;
    const wire = open(server.url, signedHead(server.url, { path }, [`origin: ${origin}`]));
    expect(problemIn(await wire.until('"requestId"'))).toMatchObject({
      status: 403,
      detail: expect.stringMatching(`^header.origin: expected a page of localhost, .*--cors-origin, got "${origin}"$`),
    });
    wire.socket.destroy();
    expect(reached).toEqual([]);
  });

  test.each(['localhost', 'build.example'])('for and from %s is answered', async (host) => {
    const wire = open(server.url, signedHead(`http://${host}:9292`, { path }, [`origin: http://${host}:3000`]));
    expect(await wire.until('\r\n')).toMatch(/^HTTP\/1.1 200 /);
    wire.socket.destroy();
  });
});

test('with two origins is refused, because two readers could take different ones', async () => {
  const origins = ['origin: http://localhost', 'origin: https://evil.example'];
  const wire = open(server.url, signedHead(server.url, { path: '/v1/topics' }, origins));
  expect(problemIn(await wire.until('"requestId"')).detail).toBe(
    'header.origin: expected one header, got more than one',
  );
  wire.socket.destroy();
});

describe('the name of a host', () => {
  const names = namesOf('192.0.2.9', ['Build.Example', '2001:DB8::0:5', '[2001:db8::6]']);
  const accepts = (host: string, origin?: string): boolean => {
    try {
      checkHosts({ host, ...(origin !== undefined && { origin }) }, names, '::ffff:192.0.2.7');
      return true;
    } catch {
      return false;
    }
  };

  test.each([
    'localhost',
    'LOCALHOST:80',
    'localhost.',
    'localhost.:9292',
    'localhost:',
    'api.localhost',
    'a.b.localhost.:1',
    '127.0.0.1',
    '127.9.9.9:9292',
    '[::1]',
    '[::1]:9292',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '192.0.2.9:9292',
    '192.0.2.7',
    'build.example',
    'BUILD.example.:443',
    '[2001:db8:0::5]:80',
    '[2001:DB8::6]',
  ])('%s is this server', (host) => expect(accepts(host)).toBe(true));

  test.each([
    '',
    'evil.example',
    'localhost.evil.example',
    'evillocalhost',
    'build.example.evil.example',
    'xbuild.example',
    '127.0.0.1.evil.example',
    '127.1',
    '0x7f000001',
    '2130706433',
    '127.0.0.1@evil.example',
    'localhost@evil.example',
    'evil.example#localhost',
    'evil.example/localhost',
    'evil.example\\localhost',
    'localhost:80:80',
    'localhost:x',
    'localhost:123456',
    'localhost..',
    '.',
    'localhost evil.example',
    'localhost,evil.example',
    '[::1',
    '::1',
    '[::1]x',
    '[::1%25lo]',
    '[localhost]',
    '[127.0.0.1]',
    '[::2]',
    '[::ffff:192.0.2.8]',
    '192.0.2.8',
    '128.0.0.1',
    'lócalhost',
  ])('%s is not this server', (host) => expect(accepts(host)).toBe(false));

  test.each([
    'http://localhost',
    'https://localhost:3000',
    'HTTP://127.0.0.1:1',
    'http://[::1]',
    'http://build.example',
  ])('a page of %s may call', (origin) => expect(accepts('localhost', origin)).toBe(true));

  test.each([
    '',
    'null',
    'localhost',
    '//localhost',
    'file://',
    'file://localhost',
    'chrome-extension://localhost',
    'http://evil.example',
    'http://localhost/evil',
    'http://localhost@evil.example',
    'http://localhost http://evil.example',
    'http://',
  ])('a page of %s may not', (origin) => expect(accepts('localhost', origin)).toBe(false));

  test.each(['http://build.example', 'build.example:80', 'build example', '', '*', '[::1]:80'])(
    'to allow %j is refused when the server starts',
    async (name) => {
      const starting = startServer({ api: async () => expect.unreachable(), clock: systemClock, allowHosts: [name] });
      await expect(starting).rejects.toThrow(
        `allowed host: expected a name or an address, without scheme and port, got ${JSON.stringify(name)}`,
      );
    },
  );
});
