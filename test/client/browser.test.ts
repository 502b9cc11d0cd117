// These tests run the SDK's build for browsers against the real service: signed with temporary credentials, and unsigned
// through a proxy that signs.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { gunzipSync, zstdDecompressSync } from '../../client/transport/browser.ts';
import type { Compression } from '../../lib/record/compression.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { signRequest } from '../../lib/sigv4/sign.ts';
import { bundleForBrowser } from '../../tools/pack/bundle-browser.ts';
import { type Backend, memoryPorts, startEmbedded } from './embedded.ts';

const codecs: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
const origin = 'http://localhost:5173';
const credentials = { accessKeyId: 'local', secretAccessKey: 'local', sessionToken: 'temporary' };
let folder: string;
let bundle: string;
let backend: Backend;
let topics = 0;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'rivulet-browser-'));
  bundle = path.join(folder, 'rivulet.mjs');
  await bundleForBrowser(bundle);
  backend = await startEmbedded(memoryPorts(), credentials, [origin]);
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(async () => {
  await backend.close();
  await rm(folder, { recursive: true, force: true });
});

const textOf = (codec: string) => `written with ${codec} `.repeat(3);

/** A topic with a batch of each codec, as Node's client writes them. */
async function topicOfAllCodecs(): Promise<string> {
  const rivulet = new Rivulet({ url: backend.url, credentials });
  const topic = `page-${topics++}`;
  await rivulet.admin().createTopics({ topics: [{ topic, partitions: 1 }] });
  for (const compression of codecs)
    await rivulet
      .producer({ compression })
      .send({ topic, messages: [{ key: compression, value: textOf(compression) }] });
  return topic;
}

type Seen = { readonly seen: unknown; readonly refusal?: string; readonly error?: string; readonly cause?: string };

async function page(story: object): Promise<Seen> {
  const program = path.join(import.meta.dirname, 'browser-page.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--experimental-vm-modules',
    program,
    bundle,
    JSON.stringify(story),
  ]);
  return JSON.parse(stdout) as Seen;
}

const everything = [
  ...codecs.map((codec) => ({ key: codec, value: textOf(codec), headers: [] })),
  { key: 'page', value: 'grüße '.repeat(3), headers: ['a=b'] },
];

/** Signs what comes, as the proxy on a developer's machine does. */
async function startSigningProxy(): Promise<string> {
  const server = createServer(async (message, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const url = new URL(backend.url + message.url);
    const { accept = '*/*', 'content-type': type = 'application/json', authorization } = message.headers;
    if (authorization) return void response.writeHead(500).end('expected no signature');
    const method = message.method!;
    const headers = signRequest({
      ...{ method, url, body, credentials, region: 'us-east-1', service: 'execute-api', nowMs: systemClock.now() },
      headers: { accept, 'content-type': type },
    });
    const answer = await fetch(url, { method, headers, ...(body.length > 0 && { body }) });
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a page with temporary credentials reads all codecs, writes, and is a member of a group', async () => {
  const topic = await topicOfAllCodecs();
  const seen = await page({ topic, url: backend.url, credentials });
  expect(seen).toEqual({
    seen: everything,
    refusal: expect.stringContaining('compression: expected none, gzip, got zstd'),
  });
});

test('a page of another origin does the same where the service was told of it, and nothing elsewhere', async () => {
  const topic = await topicOfAllCodecs();
  expect(await page({ topic, origin, url: backend.url, credentials })).toMatchObject({ seen: everything });
  const stranger = { topic, origin: 'http://localhost:5174', url: backend.url, credentials, retry: { retries: 0 } };
  expect(await page(stranger)).toMatchObject({
    seen: [],
    error: expect.stringContaining('blocked by CORS: the preflight was answered with 403'),
  });
});

test('a page without credentials works through a proxy that signs, and not without it', async () => {
  const topic = await topicOfAllCodecs();
  expect(await page({ topic, url: await startSigningProxy(), credentials: 'none' })).toMatchObject({
    seen: everything,
  });
  const refused = await page({ topic, url: backend.url, credentials: 'none', retry: { retries: 0 } });
  expect(refused).toMatchObject({ seen: [], error: expect.stringMatching(/MISSING_AUTH|FORBIDDEN|UNAUTH|SIGNATURE/i) });
});

test('a page that gives no credentials is told to', async () => {
  const url = 'https://abc.execute-api.eu-west-1.amazonaws.com';
  const { error } = await page({ topic: 't', url, retry: { retries: 0 } });
  expect(error).toMatch(/CREDENTIALS_UNAVAILABLE: .*a page has no AWS chain: set credentials/);
});

test('the build for browsers imports nothing, and less than 60 kB when it is packed', async () => {
  const code = await readFile(bundle);
  // A bundler that packs the page would follow an import.
  expect(code.toString()).not.toMatch(/node:|import\(|@aws-sdk/);
  // A file that does not change is packed once, as well as can be.
  expect(gzipSync(code, { level: 9 }).length).toBeLessThan(60_000);
});

test('what a batch unpacks to is bounded, also where a few bytes claim much', () => {
  const zeros = Buffer.alloc(64 * 1024 * 1024);
  const bound = { maxOutputLength: 1_000_000 };
  expect(() => gunzipSync(gzipSync(zeros), bound)).toThrow('too many bytes');
  expect(() => zstdDecompressSync(zstdCompressSync(zeros), bound)).toThrow('too many bytes');
  expect(() => gunzipSync(gzipSync(randomBytes(5_000)).subarray(0, 3_000), bound)).toThrow();
});
