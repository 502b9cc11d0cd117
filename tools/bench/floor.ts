// The bare floor: an HTTP server that appends request bodies to one file and does nothing else, and a client that sends the
// same bytes over and over. It has no signatures, checks, copies or offsets, so it shows what the machine can do with Node.
//
//   POST /plain     appends the body to the file, and answers with an empty body
//   POST /sync      does the same, with fdatasync before the answer
//   POST /each      writes the body to a file of its own, with fsync: the least that a store of objects does
//   GET /?bytes=N   answers with N bytes of the file, the next ones each time
//   PUT /           empties the file and removes the others
import { type FileHandle, open, rm } from 'node:fs/promises';
import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { count, type Traffic } from './traffic.ts';

type Log = { readonly path: string; readonly file: FileHandle; endBytes: number; readBytes: number; files: number };

export async function serveFloor(traffic: Traffic, [path]: string[]): Promise<string> {
  const log: Log = { path: path!, file: await open(path!, 'w+'), endBytes: 0, readBytes: 0, files: 0 };
  const server = createServer((message, response) => {
    void answer(log, traffic, message).then((body) => response.end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function answer(log: Log, traffic: Traffic, message: IncomingMessage): Promise<Uint8Array | undefined> {
  if (message.method === 'GET')
    return read(log, traffic, Number(new URL(message.url!, 'http://floor').searchParams.get('bytes')));
  if (message.method === 'PUT') return restart(log);
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  count(traffic, bytes);
  if (message.url === '/each') return writeFile(`${log.path}-${log.files++}`, chunks);
  const position = log.endBytes;
  log.endBytes += bytes;
  await log.file.writev(chunks, position);
  if (message.url === '/sync') await log.file.datasync();
  return undefined;
}

async function restart(log: Log): Promise<undefined> {
  await log.file.truncate(0);
  log.endBytes = 0;
  while (log.files > 0) await rm(`${log.path}-${--log.files}`);
}

async function writeFile(path: string, chunks: Buffer[]): Promise<undefined> {
  const file = await open(path, 'wx');
  await file.writev(chunks);
  await file.sync();
  await file.close();
}

async function read(log: Log, traffic: Traffic, bytes: number): Promise<Uint8Array> {
  if (log.readBytes + bytes > log.endBytes) log.readBytes = 0;
  const position = log.readBytes;
  log.readBytes += bytes;
  const into = Buffer.allocUnsafe(bytes);
  count(traffic, bytes);
  await log.file.read(into, 0, bytes, position);
  return into;
}

// --- client

export type FloorLoad = {
  readonly url: string;
  readonly kind: 'plain' | 'sync' | 'each' | 'read';
  readonly connections: number;
  readonly bodyBytes: number;
  readonly forMs: number;
};

/** Sends the next request as soon as an answer has arrived. @returns the milliseconds of each exchange. */
export async function loadFloor(load: FloorLoad): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections });
  const body = Buffer.alloc(load.bodyBytes, 'floor ');
  // A load that reads gets the bytes that the load before has written, so it must not empty the file.
  if (load.kind !== 'read') await exchange(agent, 'PUT', load.url);
  const latenciesMs: number[] = [];
  const began = performance.now();
  const loop = async (): Promise<void> => {
    while (performance.now() - began < load.forMs) {
      const sent = performance.now();
      if (load.kind === 'read') await exchange(agent, 'GET', `${load.url}/?bytes=${load.bodyBytes}`);
      else await exchange(agent, 'POST', `${load.url}/${load.kind}`, body);
      latenciesMs.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: load.connections }, loop));
  agent.destroy();
  return latenciesMs;
}

function exchange(agent: Agent, method: string, url: string, body?: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method, headers: { 'content-length': body?.length ?? 0 } }, (reply) => {
      reply.resume().on('end', resolve).on('error', reject);
    });
    sent.on('error', reject).end(body);
  });
}
