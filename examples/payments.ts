// `npm run demo:payments`: exactly-once processing, and what happens without it. Three workers, each a process of its own, turn
// payments into postings of accounts. They are killed at random (`kill -9`), and each is replaced. A consumer that has nothing
// to do with them then reads the topics, and says whether the books are right. It exits with 0 only if they are. With
// `--unsafe` the workers use no transactions, and the books are wrong.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { wholeNumber } from '../cli/options.ts';
import { plural } from '../cli/output.ts';
import { onStopSignal } from '../cli/stop-signals.ts';
import { Rivulet } from '../client/rivulet.ts';
import { systemClock } from '../lib/runtime/clock.ts';
import { openBackend } from '../local/backend.ts';
import { startServer } from '../local/server.ts';
import { identity } from './demo-identity.ts';
import './failures.ts';
import { claimsOf, makePayments, type Payment, type Posting } from './payments-book.ts';
import type { WorkerOptions, WorkerReport } from './payments-worker.ts';

const partitions = 6;
const workersAtOnce = 3;

const options = new Command('npm run demo:payments --')
  .description('Moves money between accounts while its workers are killed, and checks the books')
  .option('--unsafe', 'without transactions: payments are doubled, and the demo fails', false)
  .option('--payments <count>', 'how many payments to make', wholeNumber(1, 100_000), 600)
  .option('--kills <count>', 'how many workers to kill', wholeNumber(0, 100), 5)
  .parse()
  .opts<{ unsafe: boolean; payments: number; kills: number }>();

const service = await serviceOf(process.env.RIVULET_URL);
const { url } = service;
const rivulet = new Rivulet({ url, clientId: 'demo', ...identity(url) });
const suffix = systemClock.now().toString(36);
const [from, to, groupId] = [`payments-${suffix}`, `transfers-${suffix}`, `tellers-${suffix}`] as const;
const workers = new Set<ChildProcess>();
let killsLeft = options.kills;
let isOver = false;

const stopListening = onStopSignal((exitCode) => {
  killAll();
  service.remove();
  process.exit(exitCode);
});
try {
  process.exitCode = (await runDemo()) ? 0 : 1;
} finally {
  killAll();
  await service.close();
  stopListening();
}

/** @returns whether the books are right. */
async function runDemo(): Promise<boolean> {
  const admin = rivulet.admin();
  await admin.createTopics({ topics: [from, to].map((topic) => ({ topic, partitions })) });
  const payments = makePayments(options.payments, Math.random);
  await rivulet.producer().send({ topic: from, messages: payments.map((one) => ({ key: one.id, value: text(one) })) });
  console.log(`Wrote ${payments.length} payments between ten accounts.`);
  console.log(`Starting ${workersAtOnce} workers, ${options.unsafe ? 'WITHOUT' : 'with'} transactions.`);
  for (let count = 0; count < workersAtOnce; count++) startWorker();
  await untilConsumed(payments.length);
  isOver = true;
  await Promise.all([...workers].map(sendHome));
  await showAbandoned();
  return showClaims();
}

// --- workers

/** A worker is killed while it has payments in hand, at a moment that it cannot know. */
function startWorker(): void {
  const worker: WorkerOptions = { url, groupId, from, to, isUnsafe: options.unsafe };
  const child = fork(new URL('payments-worker.ts', import.meta.url), [JSON.stringify(worker)]);
  const spared = 5 + Math.floor(Math.random() * 40);
  let inHand = 0;
  workers.add(child);
  child.on('message', (report: WorkerReport) => {
    inHand += report.inHand;
    const isDoomed = inHand >= spared && killsLeft > 0 && !isOver && child.exitCode === null && !child.killed;
    if (isDoomed) setTimeout(() => kill(child), Math.random() * 150);
  });
  child.once('exit', (code) => {
    workers.delete(child);
    if (isOver) return;
    if (code !== null && code !== 0) throw new Error(`a worker ended with ${code}`);
    startWorker();
  });
}

function kill(child: ChildProcess): void {
  if (killsLeft === 0 || isOver || child.killed) return;
  killsLeft--;
  child.kill('SIGKILL');
  console.log(`  Killed worker ${child.pid} in the middle of its work. Another one starts.`);
}

function killAll(): void {
  isOver = true;
  for (const child of workers) child.kill('SIGKILL');
}

async function sendHome(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.send('stop');
  await ended;
}

/** Looks at the offsets that the group has committed. A partition that its dead owner still holds waits for its session. */
async function untilConsumed(count: number): Promise<void> {
  for (let shown = 0, consumed = 0; consumed < count; await sleep(100)) {
    consumed = await consumedCount();
    const isNews = consumed >= shown + count / 5 || (consumed === count && shown < count);
    if (!isNews) continue;
    shown = consumed;
    console.log(`  ${consumed} of ${count} payments are committed as read.`);
  }
}

async function consumedCount(): Promise<number> {
  const topics = await rivulet.admin().fetchOffsets({ groupId, topics: [{ topic: from }] });
  return topics.flatMap(({ partitions: offsets }) => offsets).reduce((sum, { offset }) => sum + Math.max(0, offset), 0);
}

async function showAbandoned(): Promise<void> {
  if (options.unsafe) return;
  const found = await rivulet.admin().listTransactions();
  const left = found.filter(({ transactionalId, state }) => transactionalId.startsWith(groupId) && state !== 'empty');
  if (left.length === 0) console.log('No killed worker has left a transaction open.');
  else
    console.log(`Killed workers have left ${plural(left.length, 'open transaction')}. Such records are in no topic.`);
}

// --- the check, by a consumer that knows nothing but the topics

async function showClaims(): Promise<boolean> {
  const payments = (await valuesOf(from)) as Payment[];
  const postings = (await valuesOf(to)) as Posting[];
  const claims = claimsOf({ payments, postings, consumed: await consumedCount() });
  for (const { text: claim, holds } of claims) console.log(`${holds ? '  true ' : '  FALSE'}  ${claim}`);
  return claims.every(({ holds }) => holds);
}

async function valuesOf(topic: string): Promise<unknown[]> {
  const ends = await rivulet.admin().fetchTopicOffsets(topic);
  let left = ends.reduce((sum, { latest }) => sum + latest, 0);
  const values: unknown[] = [];
  const consumer = rivulet.consumer();
  consumer.assign(ends.map(({ partition }) => ({ topic, partition, offset: 0 })));
  if (left > 0)
    for await (const { value } of consumer) {
      values.push(JSON.parse(String(value)));
      if (--left === 0) break;
    }
  await consumer.stop();
  return values;
}

// --- the service

function text(value: unknown): string {
  return JSON.stringify(value);
}

/** The service that runs already, or one of our own, whose data goes with the demo. */
async function serviceOf(given: string | undefined) {
  if (given) return { url: given, remove: () => {}, close: async () => {} };
  const backend = openBackend({ directory: mkdtempSync(join(tmpdir(), 'rivulet-payments-')) });
  const server = await startServer({ api: backend.api, clock: systemClock });
  const remove = (): void => {
    backend.close();
    rmSync(backend.directory, { recursive: true, force: true });
  };
  return {
    url: server.url,
    remove,
    async close() {
      await server.close();
      remove();
    },
  };
}
