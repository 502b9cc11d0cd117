// The local server holds bodies of bounded size together. A further request is told to come back, before its body is read.
import { afterEach, expect, test, vi } from 'vitest';
import type { HttpApi } from '../../http/http-event.ts';
import { limits } from '../../lib/api/limits.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { type LocalServer, startServer } from '../../local/server.ts';
import { open, signedFetch, signedHead } from './wire.ts';

let server: LocalServer;
afterEach(() => server.close());

const heldBodyBytes = limits.binaryBodyBytes + 10;
const path = '/v1/topics/t/records';

/** A server whose handler answers when the test says so. */
async function start() {
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  let begun = 0;
  const api: HttpApi = async () => {
    begun++;
    await over;
    return { statusCode: 200, headers: {}, body: '' };
  };
  server = await startServer({ api, clock: systemClock, heldBodyBytes });
  return { end, begun: () => begun };
}

const post = (bytes: number) => signedFetch(server.url, { method: 'POST', path, body: new Uint8Array(bytes) });

test('a body that would pass the bound is refused, and may come back', async () => {
  const { end, begun } = await start();
  const held = post(heldBodyBytes - 10);
  await vi.waitFor(() => expect(begun()).toBe(1));
  const refused = await post(11);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  expect(await refused.json()).toMatchObject({
    errorCode: 'THROTTLED',
    retriable: true,
    outcome: 'not-written',
    detail: `the requests under way have bodies of ${heldBodyBytes - 10} bytes, and 11 more would pass the limit of ${heldBodyBytes} (heldBodyBytes): send it again later`,
  });
  expect(begun()).toBe(1);
  const fits = post(10);
  const empty = signedFetch(server.url, { path });
  await vi.waitFor(() => expect(begun()).toBe(3));
  end();
  expect((await Promise.all([held, fits, empty])).map(({ status }) => status)).toEqual([200, 200, 200]);
  expect((await post(heldBodyBytes - 10)).status).toBe(200);
});

test('a client that goes in the middle of its body gives the room back, and a chunked body takes the most it may have', async () => {
  const { end } = await start();
  end();
  for (const length of [`content-length: ${limits.binaryBodyBytes}`, 'transfer-encoding: chunked']) {
    const signed = { method: 'POST', path, headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } };
    const gone = open(server.url, signedHead(server.url, signed, ['expect: 100-continue', length]));
    await gone.until('100 Continue');
    expect((await post(11)).status).toBe(429);
    gone.socket.destroy();
    await vi.waitFor(async () => expect((await post(11)).status).toBe(200));
  }
});
