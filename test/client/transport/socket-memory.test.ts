// Answers come in pieces of any size, and one after the other on one connection, whose memory is used again.
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { openConnection } from '../../../client/transport/connection.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A server of raw bytes: `answer` gets the path of each request. */
async function serve(answer: (socket: Socket, path: string) => Promise<void>) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    socket.on('data', (head) => void answer(socket, head.toString('latin1').split(' ')[1]!));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const connection = openConnection({
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    region: 'us-east-1',
    credentials: async () => ({ accessKeyId: 'local', secretAccessKey: 'local' }),
    clientId: 'test',
    requestTimeoutMs: 20_000,
    clock: systemClock,
  });
  const get = async (path: string) => (await connection.exchange({ method: 'GET', path, writes: false })).body;
  return { get, sockets };
}

const pattern = (bytes: number, seed: number) =>
  Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + (i >> 8) * seed) & 0xff));

const sizes = [1, 16_000, 16_384, 20_000, 300_000, 1_500_000, 10, 262_144, 700_001, 0, 5];

test.each([
  ['in one piece', [Number.POSITIVE_INFINITY]],
  ['in pieces of odd sizes', [7, 16_384, 1, 100_000, 262_144]],
])('bodies of many sizes come whole over one connection, %s', async (_name, pieces) => {
  const { get, sockets } = await serve(async (socket, path) => {
    const bytes = Number(path.slice(1));
    const all = Buffer.concat([
      Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes}\r\n\r\n`),
      pattern(bytes, bytes),
    ]);
    for (let at = 0, i = 0; at < all.length; i++) {
      const to = at + pieces[i % pieces.length]!;
      socket.write(all.subarray(at, to));
      at = to;
      await pause(0);
    }
  });
  const bodies: Buffer[] = [];
  for (const bytes of sizes) bodies.push(await get(`/${bytes}`));
  // All are compared at the end: no later answer may have written into an earlier one.
  for (const [i, bytes] of sizes.entries()) expect(bodies[i]!.equals(pattern(bytes, bytes))).toBe(true);
  expect(sockets).toHaveLength(1);
});

test('a body of unknown length comes whole', async () => {
  const body = pattern(600_000, 3);
  const { get } = await serve(async (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    for (let at = 0; at < body.length; at += 50_000) {
      const piece = body.subarray(at, at + 50_000);
      socket.write(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]));
      await pause(0);
    }
    socket.write('0\r\n\r\n');
  });
  for (let i = 0; i < 3; i++) expect((await get('/')).equals(body)).toBe(true);
});

test('a connection that ends in the middle of a body is an error', async () => {
  const { get } = await serve(async (socket) => {
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 500000\r\n\r\nonly this');
  });
  await expect(get('/')).rejects.toMatchObject({ errorCode: 'NETWORK_EXCEPTION', retriable: true });
});

test('a claimed length that is absurd takes no memory of that size', async () => {
  const { get } = await serve(async (socket) => {
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 900000000000000\r\n\r\nonly this');
  });
  await expect(get('/')).rejects.toMatchObject({ errorCode: 'NETWORK_EXCEPTION' });
});

const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      socket.off('drain', end).off('close', end);
      resolve();
    };
    socket.on('drain', end).on('close', end);
  });

test('an answer without end is an error, and is not kept', async () => {
  const piece = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(1024 * 1024), Buffer.from('\r\n')]);
  let pieces = 0;
  const { get } = await serve(async (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    for (; !socket.destroyed; pieces++) if (!socket.write(piece)) await drained(socket);
  });
  await expect(get('/')).rejects.toThrow('the answer has more than 67108864 bytes');
  expect(pieces).toBeLessThan(200);
});

test('an answer that changes the protocol is an error', async () => {
  const { get } = await serve(async (socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
  });
  await expect(get('/')).rejects.toThrow('the server wants to speak another protocol');
});

test.each([
  ['two lengths', 'content-length: 3\r\ncontent-length: 5'],
  ['a length and chunks', 'content-length: 3\r\ntransfer-encoding: chunked'],
  ['a length below the body', 'content-length: 3'],
])('an answer with %s does no harm', async (_name, head) => {
  const { get } = await serve(async (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n5\r\nabcde\r\n0\r\n\r\n`);
  });
  await expect(get('/')).rejects.toMatchObject({ errorCode: 'NETWORK_EXCEPTION' });
});
