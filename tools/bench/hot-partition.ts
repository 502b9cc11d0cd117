// Measures hot partitions: 500 plain appends a second beside transactions that are committed on the same partitions. Neither
// side may starve. Each phase runs alone and beside the other one, in turn, over each kind of storage.
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Engine } from '../../lib/api/engine.ts';
import { createEngine } from '../../lib/engine.ts';
import { createAppendNotifications } from '../../lib/log/append-notifications.ts';
import { encodeBatch } from '../../lib/record/batch.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { createFileObjectStore } from '../../lib/storage/embedded/file-object-store.ts';
import { createSqliteTable } from '../../lib/storage/embedded/sqlite-table.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { retryingTable } from '../../lib/storage/retry.ts';
import { conflictingTable } from './conflicting-table.ts';
import { openDynamoDb } from './dynamo-db.ts';
import { percentile } from './statistics.ts';
import { decimal, printTable, whole } from './table.ts';

export type HotPlan = { readonly rounds: number; readonly forMs: number; readonly dynamoDb?: string | undefined };

const topic = 'hot';
const appendsPerSecond = 500;
/** DynamoDB Local carries no more on a machine of two cores. */
const appendsPerSecondLocal = 50;
const committers = 4;

export async function benchHotPartitions(directory: string, plan: HotPlan): Promise<void> {
  await measure('the embedded backend', openEmbedded(directory), plan);
  await measure("DynamoDB's times and conflicts, in memory", openConflicting(), plan);
  await measure(
    'the same, where each commit has a new process, which remembers no hot head',
    openConflicting(true),
    plan,
  );
  if (plan.dynamoDb) await measure('DynamoDB Local, objects in memory', await openLocal(plan.dynamoDb), plan);
}

type Opened = {
  readonly engine: Engine;
  /** Gives the engine of one commit. */
  readonly committing: () => Engine;
  readonly appendsPerSecond: number;
  readonly refused?: () => string;
  close(): void;
};

function openEmbedded(parent: string): Opened {
  const directory = mkdtempSync(join(parent, 'hot-'));
  const table = createSqliteTable({ path: join(directory, 'table.sqlite') });
  const objects = createFileObjectStore({ directory });
  const notifications = createAppendNotifications(systemClock);
  const engine = createEngine({ table, objects, clock: systemClock, notifications, isOnlyWriter: true });
  return { engine, committing: () => engine, appendsPerSecond, close: () => table.close() };
}

function openConflicting(hasNewProcesses = false): Opened {
  const table = conflictingTable();
  const { conflicts } = table;
  const objects = createMemoryObjectStore({ clock: systemClock });
  const open = () => createEngine({ table: retryingTable(table, systemClock), objects, clock: systemClock });
  const engine = open();
  return {
    engine,
    appendsPerSecond,
    committing: () => (hasNewProcesses ? open() : engine),
    refused: () => `${whole(conflicts.writes)} writes and ${whole(conflicts.transactions)} transactions met a conflict`,
    close: () => {},
  };
}

async function openLocal(endpoint: string): Promise<Opened> {
  const table = retryingTable(await openDynamoDb(endpoint), systemClock);
  const objects = createMemoryObjectStore({ clock: systemClock });
  const engine = createEngine({ table, objects, clock: systemClock });
  return { engine, committing: () => engine, appendsPerSecond: appendsPerSecondLocal, close: () => {} };
}

type Sample = { times: number[]; failures: number; forMs: number };
type Rows = Record<'appends' | 'commits', Record<'alone' | 'together', Sample>>;

const newSample = (): Sample => ({ times: [], failures: 0, forMs: 0 });
const newRows = (): Rows => ({
  appends: { alone: newSample(), together: newSample() },
  commits: { alone: newSample(), together: newSample() },
});

async function measure(name: string, opened: Opened, plan: HotPlan): Promise<void> {
  const { engine, refused, close } = opened;
  const rate = opened.appendsPerSecond;
  const rows: string[][] = [];
  for (const partitions of [1, 2]) {
    const hot = `${topic}${partitions}`;
    await engine.createTopic({ topic: hot, partitions });
    const found = await phases(opened, { topic: hot, partitions }, plan);
    for (const what of ['appends', 'commits'] as const)
      for (const how of ['alone', 'together'] as const)
        rows.push([`${partitions}, ${what} ${how}`, ...figuresOf(found[what][how])]);
  }
  printTable(
    `Hot partitions over ${name}: ${rate} appends a second, and ${committers} producers that commit one transaction after the other`,
    ['partitions, what', 'a second', 'p50 ms', 'p99 ms', 'greatest ms', 'failed'],
    rows,
  );
  if (refused) console.log(refused());
  close();
}

const figuresOf = ({ times, failures, forMs }: Sample): string[] => [
  whole((times.length / forMs) * 1_000),
  ...[0.5, 0.99, 1].map((share) => decimal(percentile(times, share), 1)),
  whole(failures),
];

type Hot = { readonly topic: string; readonly partitions: number };

async function phases({ engine, ...opened }: Opened, hot: Hot, { rounds, forMs }: HotPlan): Promise<Rows> {
  const rows = newRows();
  const append = (sample: Sample, ms: number) => appends(engine, opened.appendsPerSecond, hot, sample, ms);
  const commit = (sample: Sample, ms: number) => commits(opened.committing, hot, sample, ms);
  await Promise.all([append(newSample(), 200), commit(newSample(), 200)]);
  for (let round = 0; round < rounds; round++) {
    await append(rows.appends.alone, forMs);
    await commit(rows.commits.alone, forMs);
    await Promise.all([append(rows.appends.together, forMs), commit(rows.commits.together, forMs)]);
  }
  return rows;
}

/** At most this many appends wait for their answers, as those of producers would. */
const mostUnderWay = 16;

/** The time of each call counts from when it was due, whether or not those before it have got their answers. */
async function appends(engine: Engine, rate: number, hot: Hot, sample: Sample, forMs: number): Promise<void> {
  const beganMs = performance.now();
  const underWay = new Set<Promise<void>>();
  for (let i = 0; performance.now() - beganMs < forMs; i++) {
    const dueMs = beganMs + (i * 1_000) / rate;
    const aheadMs = dueMs - performance.now();
    if (aheadMs > 1) await setTimeout(aheadMs);
    const sent = timed(sample, dueMs, () => appendOne(engine, hot, i % hot.partitions)).then(() => {
      underWay.delete(sent);
    });
    underWay.add(sent);
    if (underWay.size === mostUnderWay) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  sample.forMs += performance.now() - beganMs;
}

async function timed(sample: Sample, fromMs: number, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
    sample.times.push(performance.now() - fromMs);
  } catch {
    sample.failures++;
  }
}

const value = Buffer.alloc(100, 'hot ');
const oneRecord = () => [{ key: null, value, headers: [], timestampMs: systemClock.now() }];

async function appendOne(engine: Engine, { topic }: Hot, partition: number): Promise<void> {
  const { partitions } = await engine.append({ topic, partitions: [{ partition, batches: encodeBatch(oneRecord()) }] });
  for (const part of partitions) if ('error' in part) throw part.error;
}

async function commits(committing: () => Engine, hot: Hot, sample: Sample, forMs: number): Promise<void> {
  const beganMs = performance.now();
  const isOver = () => performance.now() - beganMs >= forMs;
  const work = Array.from({ length: committers }, (_, i) =>
    commitUntil(committing, hot, `${hot.topic}-${i}`, sample, isOver),
  );
  await Promise.all(work);
  sample.forMs += performance.now() - beganMs;
}

/** Each transaction has one batch in every hot partition. The time is that of the commit alone. */
async function commitUntil(
  committing: () => Engine,
  { topic, partitions }: Hot,
  transactionalId: string,
  sample: Sample,
  isOver: () => boolean,
): Promise<void> {
  let present = await committing().transactions.init({ transactionalId });
  while (!isOver()) {
    const { transactions } = committing();
    const { producerId, producerEpoch } = present;
    const identity = { producerId, producerEpoch, baseSequence: 0, isTransactional: true };
    const parts = Array.from({ length: partitions }, (_, partition) => ({
      partition,
      batches: encodeBatch(oneRecord(), identity),
    }));
    const { partitions: results } = await transactions.stage({ in: present, topic, partitions: parts });
    for (const result of results) if ('error' in result) throw result.error;
    await timed(sample, performance.now(), async () => {
      const { next, ...ids } = await transactions.commit({ in: present });
      present = { ...present, producerId: ids.producerId, producerEpoch: ids.producerEpoch, transaction: next };
    });
  }
}
