// Hostile clients of the Kafka listener at full size, by hand: node bin/node24.cjs test/kafka/hostile.ts [seconds of frames]
// The service runs in a process of its own. During each attack a client that was connected before asks again and again. The
// table says how long that client waited at most, and how much memory the service took. It reads /proc, so it needs Linux.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { crc32c } from '../../lib/bytes/crc32c.ts';
import { encodeBatch } from '../../lib/record/batch.ts';
import { anyFrame, sendAlone } from './random-requests.ts';
import { key, openWire, requestFrame } from './wire.ts';

const MiB = 2 ** 20;
const seconds = Number(process.argv[2] ?? 60);
const directory = mkdtempSync(join(tmpdir(), 'rivulet-hostile-kafka-'));
const main = resolve(import.meta.dirname, '../../cli/main.ts');
const args = [main, 'serve', '--port', '0', '--kafka-port', '0', '--data', join(directory, 'data')];
const service = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
let complaints = '';
service.stderr.on('data', (chunk) => {
  complaints += chunk;
});
process.once('exit', () => {
  service.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

async function portOf(): Promise<number> {
  for await (const line of createInterface(service.stdout)) {
    const found = /Kafka's clients connect to 127.0.0.1:(\d+)/.exec(line);
    if (found) return Number(found[1]);
  }
  throw new Error('the service has ended before it listened');
}

const port = await portOf();
service.stdout.resume();
const sockets: Socket[] = [];

/** Resolves when it is connected. The server may close it at once. */
function open(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  return new Promise((done) => socket.once('connect', () => done(socket)).once('close', () => done(socket)));
}

async function openMany(count: number, then: (socket: Socket) => void = () => undefined): Promise<void> {
  for (let left = count; left > 0; left -= 250) {
    const some = await Promise.all(Array.from({ length: Math.min(left, 250) }, open));
    for (const socket of some) then(socket);
  }
}

const residentMiB = (): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${service.pid}/status`, 'utf8'))![1]) / 1024;

const produce = (topic: string, records: Uint8Array) => ({
  ...{ transactionalId: null, acks: -1, timeoutMs: 30_000 },
  topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
});

const batchOf = (bytes: number): Uint8Array =>
  encodeBatch([{ key: null, value: new Uint8Array(bytes), headers: [], timestampMs: 0 }], {});

/** A batch of zstd whose records would take `bytes`. */
function bomb(bytes: number): Uint8Array {
  const head = Buffer.from(batchOf(1)).subarray(0, 61);
  const batch = Buffer.concat([head, zstdCompressSync(Buffer.alloc(bytes))]);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt16BE(4, 21);
  batch.writeUInt32BE(crc32c(batch, 21), 17);
  return batch;
}

const bystander = await openWire(port);

/** Prints a row of the table. */
async function attack(name: string, run: () => Promise<void>): Promise<void> {
  let [longestMs, mostMiB, isOver] = [0, 0, false];
  const watching = (async () => {
    while (!isOver) {
      const begunMs = performance.now();
      await bystander.ask(key.metadata, 12, { topics: [] });
      longestMs = Math.max(longestMs, performance.now() - begunMs);
      mostMiB = Math.max(mostMiB, residentMiB());
      await setTimeout(20);
    }
  })();
  await run();
  isOver = true;
  await watching;
  const connected = sockets.filter((socket) => !socket.destroyed && socket.readyState === 'open').length;
  console.log(`| ${name} | ${connected} | ${Math.round(longestMs)} | ${Math.round(mostMiB)} |`);
  for (const socket of sockets.splice(0)) socket.destroy();
  await setTimeout(500);
}

console.log('| attack | connections that stay | longest wait of another client, ms | memory of the service, MiB |');
console.log('|---|--:|--:|--:|');
await attack('none', () => setTimeout(3_000));
await attack('10,000 connections that say nothing', async () => {
  await openMany(10_000);
  await setTimeout(1_000);
});
await attack('900 requests of which half the bytes come, 200 KB each', async () => {
  const half = Buffer.alloc(100_000);
  half.writeInt32BE(200_000);
  await openMany(900, (socket) => void socket.write(half));
  await setTimeout(2_000);
});
await attack('100 clients that ask for 4 MiB ten times and read nothing', async () => {
  for (let i = 0; i < 8; i++) await bystander.ask(key.produce, 9, produce('large', batchOf(900_000)));
  const partitions = [{ partition: 0, currentLeaderEpoch: -1, fetchOffset: 0, partitionMaxBytes: 4 * MiB }];
  const message = { maxWaitMs: 0, minBytes: 1, maxBytes: 4 * MiB, topics: [{ topic: 'large', partitions }] };
  const frame = requestFrame({ apiKey: key.fetch, version: 12, correlationId: 1 }, message);
  await openMany(100, (socket) => {
    socket.pause();
    for (let i = 0; i < 10; i++) socket.write(frame);
  });
  await setTimeout(5_000);
});
await attack('20 batches that unpack to 1 GiB, to a topic with another codec', async () => {
  const configs = [{ name: 'compression.type', value: 'lz4' }];
  const topics = [{ name: 'repacked', numPartitions: 1, replicationFactor: 1, configs }];
  await bystander.ask(key.createTopics, 7, { topics, timeoutMs: 10_000, validateOnly: false });
  const message = produce('repacked', bomb(1_024 * MiB));
  const frame = requestFrame({ apiKey: key.produce, version: 9, correlationId: 1 }, message);
  await Promise.all(Array.from({ length: 20 }, () => sendAlone(port, frame, 60_000)));
});
let frames = 0;
await attack(`random and damaged requests for ${seconds} s`, async () => {
  const endMs = performance.now() + seconds * 1_000;
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      while (performance.now() < endMs)
        for (const frame of fc.sample(anyFrame, 20)) {
          await sendAlone(port, frame, 100);
          frames++;
        }
    }),
  );
});
await attack('none again', () => setTimeout(3_000));
// The service prints where an error comes from only if nobody has thought of it.
const unexpected = complaints.split('\n').filter((line) => /^ +at /.test(line));
console.log(`\n${frames} random requests. Lines of stacks that the service has printed: ${unexpected.length}`);
if (unexpected.length > 0) console.log(complaints.slice(-2_000));
process.exit(unexpected.length > 0 ? 1 : 0);
