// This test runs the machine's own curl against the server: the commands that the documentation tells people to type
// must work.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../lib/api/limits.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { sha256Hex } from '../../lib/sigv4/canonical.ts';
import { type LocalServer, startServer } from '../../local/server.ts';
import { reasonToSkip } from './curl.ts';

const run = promisify(execFile);

const reason = await reasonToSkip();
if (reason !== undefined) console.warn(`SKIPPED: signed requests by curl: ${reason}`);

describe.skipIf(reason !== undefined)('stock curl --aws-sigv4', () => {
  let server: LocalServer;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rivulet-curl-'));
    server = await startServer({
      clock: systemClock,
      api: async ({ rawPath, rawQueryString, body, requestContext: { http } }) => ({
        statusCode: 200,
        headers: {},
        body: `${http.method} ${rawPath}?${rawQueryString} ${sha256Hex(body ?? '')}`,
      }),
    });
  });

  afterAll(async () => {
    await server.close();
    await rm(directory, { recursive: true });
  });

  /** The body of the reply, with its status at the end. */
  async function curl(path: string, ...options: string[]): Promise<string> {
    const signing = ['--aws-sigv4', 'aws:amz:us-east-1:execute-api', '--user', 'local:local'];
    const { stdout } = await run('curl', ['-s', '-w', ' %{http_code}', ...signing, ...options, server.url + path]);
    return stdout;
  }

  test('GET, with a sorted query', async () => {
    expect(await curl('/v1/topics')).toBe(`GET /v1/topics? ${sha256Hex('')} 200`);
    const path = '/v1/topics/orders.eu/partitions/0/records?maxBytes=1000&offset=12&waitMs=0';
    expect(await curl(path)).toBe(`GET ${path} ${sha256Hex('')} 200`);
  });

  test('PUT and POST of JSON', async () => {
    const body = '{"partitions":3}';
    const json = ['-H', 'content-type: application/json', '-d', body];
    expect(await curl('/v1/topics/orders', '-X', 'PUT', ...json)).toBe(`PUT /v1/topics/orders? ${sha256Hex(body)} 200`);
    expect(await curl('/v1/producers', '-X', 'POST')).toBe(`POST /v1/producers? ${sha256Hex('')} 200`);
  });

  test('POST of bytes, and with "Expect: 100-continue"', async () => {
    const file = join(directory, 'body');
    for (const bytes of [Buffer.from([0, 10, 13, 255, 128, 0]), Buffer.alloc(2 * limits.jsonBodyBytes, 7)]) {
      await writeFile(file, bytes);
      const type = 'content-type: application/vnd.rivulet.batches.v1';
      const stdout = await curl(
        '/v1/topics/a/records',
        '-H',
        type,
        '-H',
        'Expect: 100-continue',
        '--data-binary',
        `@${file}`,
      );
      expect(stdout).toBe(`POST /v1/topics/a/records? ${sha256Hex(bytes)} 200`);
    }
  });

  test('a client that still has megabytes to send reads the 413 for a body over the limit', async () => {
    const file = join(directory, 'body');
    await writeFile(file, Buffer.alloc(limits.binaryBodyBytes + 1));
    for (const how of [[], ['-H', 'Transfer-Encoding: chunked']]) {
      const stdout = await curl('/v1/topics/a/records', ...how, '--data-binary', `@${file}`);
      expect(stdout).toMatch(/"errorCode":"BODY_TOO_LARGE".* 413$/);
    }
  });

  test('a client with a wrong password reads the 403 and its reason', async () => {
    expect(await curl('/v1/topics', '--user', 'local:wrong')).toMatch(/"detail":"[^"]*signature does not match.* 403$/);
  });
});
