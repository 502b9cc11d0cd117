import { type AddressInfo, createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { openConnection } from '../../../client/transport/connection.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { type Script, type ScriptedServer, scriptedServer } from '../scripted-server.ts';

const servers: ScriptedServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

function connectTo(url: string, requestTimeoutMs = 20_000) {
  return openConnection({
    url: new URL(url),
    region: 'us-east-1',
    credentials: async () => ({ accessKeyId: 'local', secretAccessKey: 'local' }),
    clientId: 'test',
    requestTimeoutMs,
    clock: systemClock,
  });
}

async function start(script?: Script) {
  const server = await scriptedServer(script);
  servers.push(server);
  return { server, connection: connectTo(server.url) };
}

const write = { method: 'POST', path: '/v1/x', writes: true } as const;
const read = { method: 'GET', path: '/v1/x', writes: false } as const;

test('the query is sorted and escaped, and undefined values are left out', async () => {
  const { server, connection } = await start();
  await connection.ask({ ...read, query: { b: 2, a: 'x y', c: undefined } });
  expect([...server.received[0]!.query]).toEqual([
    ['a', 'x y'],
    ['b', '2'],
  ]);
});

test('a path before the API stays in front of every request', async () => {
  const { server } = await start();
  await connectTo(`${server.url}/prod/`).ask(read);
  expect(server.received[0]?.path).toBe('/prod/v1/x');
});

test('names below localhost are this machine, whatever its resolver says', async () => {
  const { server } = await start();
  await connectTo(server.url.replace('127.0.0.1', 'api.localhost')).ask(read);
  expect(server.received).toHaveLength(1);
});

test('an object is sent as JSON, and bytes are sent as they are', async () => {
  const { server, connection } = await start();
  await connection.ask({ ...write, body: { a: 1 } });
  await connection.ask({ ...write, body: new Uint8Array([1, 2]), contentType: 'application/octet-stream' });
  expect(server.received.map(({ body }) => [...body])).toEqual([[...Buffer.from('{"a":1}')], [1, 2]]);
});

test('a socket that breaks leaves a write unknown', async () => {
  const { connection } = await start(() => ({ close: true }));
  await expect(connection.exchange(write)).rejects.toMatchObject({
    errorCode: 'NETWORK_EXCEPTION',
    outcome: 'unknown',
    retriable: true,
  });
});

test('a connection that is never made leaves a write not written', async () => {
  const { server, connection } = await start();
  await server.close();
  await expect(connection.exchange(write)).rejects.toMatchObject({ outcome: 'not-written', retriable: true });
  await expect(connection.exchange(read)).rejects.toMatchObject({ outcome: undefined, retriable: true });
});

test('a request without an answer in time ends at its timeout, with an unknown outcome', async () => {
  const { server } = await start(() => ({ hang: true }));
  const connection = connectTo(server.url, 200);
  const startedMs = performance.now();
  await expect(connection.exchange(write)).rejects.toMatchObject({
    errorCode: 'REQUEST_TIMED_OUT',
    outcome: 'unknown',
  });
  expect(performance.now() - startedMs).toBeLessThan(10_000);
});

test('an abort is not an error of the network', async () => {
  const { connection } = await start(() => ({ hang: true }));
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  await expect(connection.exchange({ ...read, signal: controller.signal })).rejects.toMatchObject({
    errorCode: 'CLIENT_CLOSED',
    retriable: false,
  });
});

test('a problem of a write without an outcome is not-written when the request was refused, and otherwise unknown', async () => {
  const problem = (status: number) => ({ status, json: { errorCode: 'INVALID_REQUEST', status, detail: 'd' } });
  const bad = await start(() => problem(400));
  await expect(bad.connection.ask(write)).rejects.toMatchObject({ outcome: 'not-written' });
  const failed = await start(() => problem(500));
  await expect(failed.connection.ask(write)).rejects.toMatchObject({ outcome: 'unknown' });
});

test.each([
  ['2', 2_000],
  ['0', 0],
  ['Wed, 21 Oct 2026 07:28:00 GMT', undefined],
  ['-1', undefined],
])('a server that says Retry-After: %s is heard', async (value, retryAfterMs) => {
  const { connection } = await start(() => ({ status: 503, text: '', headers: { 'retry-after': value } }));
  await expect(connection.ask(read)).rejects.toMatchObject({ errorCode: 'THROTTLED', retriable: true, retryAfterMs });
});

test.each([write, read])(
  'https to a service that speaks http is an error that says so and is not retriable: %j',
  async (call) => {
    const { server } = await start();
    const { host } = new URL(server.url);
    await expect(connectTo(`https://${host}`).exchange(call)).rejects.toMatchObject({
      errorCode: 'NETWORK_EXCEPTION',
      detail: `https://${host} is an HTTP service: use http://${host}`,
      retriable: false,
      outcome: call.writes ? 'not-written' : undefined,
    });
  },
);

test('http to a service that answers with TLS is an error that says so', async () => {
  const alert = Buffer.from([0x15, 3, 1, 0, 2, 2, 70]);
  const server = createServer((socket) => void socket.end(alert));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(connectTo(`http://${host}`).exchange(write)).rejects.toMatchObject({
    detail: `http://${host} is an HTTPS service: use https://${host}`,
    retriable: false,
    outcome: 'not-written',
  });
  server.close();
});
