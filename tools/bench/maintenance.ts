// This measures what maintenance costs and what it saves. Replay: one partition in files, read by the bare engine and by the SDK,
// before and after its merge, beside a read of the same bytes from the page cache. Merging: counted over the memory
// adapters. Compaction: in files, with the resident memory of this process.
import { statSync } from 'node:fs';
import { mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Rivulet } from '../../client/rivulet.ts';
import type { Engine } from '../../lib/api/engine.ts';
import { createEngine } from '../../lib/engine.ts';
import { compact } from '../../lib/maintenance/compact.ts';
import { type MaintenanceContext, newCounts } from '../../lib/maintenance/context.ts';
import { merge } from '../../lib/maintenance/merge.ts';
import { cleanPages } from '../../lib/maintenance/pages.ts';
import { parseHead } from '../../lib/partition/head.ts';
import { readMaintenanceItem } from '../../lib/partition/maintenance-item.ts';
import { encodeBatch } from '../../lib/record/batch.ts';
import { splitBatches } from '../../lib/record/batch-header.ts';
import { type Clock, systemClock } from '../../lib/runtime/clock.ts';
import {
  type Counters,
  countingObjectStore,
  countingTable,
  newCounters,
  usdOf,
  withReceipt,
} from '../../lib/storage/count.ts';
import { createFileObjectStore } from '../../lib/storage/embedded/file-object-store.ts';
import { createSqliteTable } from '../../lib/storage/embedded/sqlite-table.ts';
import { headKey } from '../../lib/storage/keys.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import type { Table } from '../../lib/storage/table.ts';
import { createTopics } from '../../lib/topic/topics.ts';
import { openBackend } from '../../local/backend.ts';
import { startChild } from './child.ts';
import { receiveAll } from './load.ts';
import { cpuMs, median } from './statistics.ts';
import { decimal, percent, printTable, sizeName, whole } from './table.ts';

type Ports = { readonly objects: ObjectStore; readonly table: Table; readonly clock: Clock };
type Stored = Ports & { close(): void };
export type MaintenancePlan = {
  readonly replayBytes: number;
  readonly mergeBytes: number;
  readonly compactedKeys: readonly number[];
};

const topic = 'bench';
const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const megabyte = 1e6;
const recordBytes = 1024;
const fetchBytes = 4 * MiB;
const floorReadBytes = 8 * MiB;
const rounds = 5;
/** Lambda, 1,769 MB on ARM: $ for a second. */
const usdPerSecond = (1769 / 1024) * 13.3334e-6;

export async function benchMaintenance(directory: string, plan: MaintenancePlan): Promise<void> {
  await benchReplay(join(directory, 'replay'), plan.replayBytes);
  await benchMerge(plan.mergeBytes);
  const rows = [];
  for (const keys of plan.compactedKeys) rows.push(await compacted(join(directory, `keys-${keys}`), keys));
  printTable(
    'Compaction: records of 100 B with a key each, and a quarter of the keys written again',
    ['keys', 'records', 'MB', 's', 'MB/s', 'MB per processor s', 'records removed', 'RSS MB more', 'of it map MB'],
    rows,
  );
}

// --- replay

async function benchReplay(directory: string, totalBytes: number): Promise<void> {
  openBackend({ directory }).close();
  const batchBytes = 256 * 1024;
  const stored = openFiles(directory);
  await append(stored, totalBytes, batchBytes);
  const address = await addressOf(stored);
  const head = parseHead((await stored.table.get(headKey(address.topicId, address.partition)))!);
  const before = await replayed(stored, head.tailBase);
  const { counters } = await withReceipt(() => merge(contextOver(stored), address));
  const { logEnd, bytesAppended } = await readMaintenanceItem(stored.table, address);
  const after = await replayed(stored, logEnd);
  const depths = await fetchesAt(stored, logEnd);
  stored.close();
  const floorMs = await readFiles(join(directory, 'objects'), 2 * batchBytes);
  const sdkMs = await replayedBySdk(directory, logEnd);
  const rate = (ms: number) => whole(bytesAppended / 1000 / ms);
  const perGiB = (count: number) => (count * GiB) / bytesAppended;
  printTable(
    `Replay of ${whole(bytesAppended / megabyte)} MB in appends of ${sizeName(batchBytes)} (read floor: ${rate(floorMs)} MB/s)`,
    ['', 'MB/s', 'of the floor', 'MB per processor s', 'GET per GiB', 'read units per GiB', '$ per GiB'],
    [
      ...[before, after].map((it, i) => [
        ['engine, before the merge', 'engine, merged'][i]!,
        ...[rate(it.ms), percent(floorMs / it.ms), rate(it.cpu)],
        ...[perGiB(it.counters.s3Get), perGiB(it.counters.readUnits)].map(whole),
        decimal(perGiB(usdOf(it.counters)), 6),
      ]),
      ['SDK, merged', rate(sdkMs), percent(floorMs / sdkMs), '', '', '', ''],
    ],
  );
  console.log(`the merge itself: ${mergeText(counters)}`);
  printTable('One fetch of a merged log by a new process', ['records back', 'GET', 'read units'], depths);
}

const mergeText = ({ s3Get, s3Put, readUnits, writeUnits }: Counters) =>
  `${s3Get} GET, ${s3Put} PUT, ${readUnits} read units, ${writeUnits} write units`;

function openFiles(directory: string): Stored {
  const table = createSqliteTable({ path: join(directory, 'table.sqlite') });
  const totals = newCounters();
  return {
    objects: countingObjectStore(createFileObjectStore({ directory }), totals),
    table: countingTable(table, totals),
    clock: systemClock,
    close: () => table.close(),
  };
}

async function append(ports: Ports, totalBytes: number, batchBytes: number): Promise<void> {
  const engine = createEngine(ports);
  await engine.createTopic({ topic, config: { 'retention.ms': '-1' } });
  const value = Buffer.alloc(recordBytes, 'a record of a benchmark; ');
  const record = { key: null, value, headers: [], timestampMs: systemClock.now() };
  const batch = encodeBatch(new Array(Math.floor(batchBytes / (recordBytes + 10))).fill(record));
  for (let bytes = 0; bytes < totalBytes; bytes += batch.length) await appendOne(engine, batch.slice());
}

async function appendOne(engine: Engine, batches: Uint8Array): Promise<void> {
  const { partitions } = await engine.append({ topic, partitions: [{ partition: 0, batches }] });
  if ('error' in partitions[0]!) throw partitions[0].error;
}

async function addressOf({ table, clock }: Ports) {
  const { topicId } = await createTopics(table, clock).resolve({ topic });
  return { topicId, partition: 0 };
}

function contextOver({ objects, table, clock }: Ports, isOver = () => false): MaintenanceContext {
  return {
    ...{ objects, table, clock, isOver, isDryRun: false, isFull: true, counts: newCounts() },
    onDamage: (_, { reason }) => {
      throw new Error(reason);
    },
  };
}

/** The medians of some rounds, each by an engine with cold caches. */
async function replayed(ports: Ports, records: number) {
  const samples = [];
  for (let round = 0; round < rounds; round++) {
    const [began, cpu] = [performance.now(), cpuMs()];
    const { counters } = await withReceipt(() => replay(createEngine(ports), records));
    samples.push({ ms: performance.now() - began, cpu: cpuMs() - cpu, counters });
  }
  const [ms, cpu] = [median(samples.map((sample) => sample.ms)), median(samples.map((sample) => sample.cpu))];
  return { ms, cpu, counters: samples[0]!.counters };
}

async function replay(engine: Engine, records: number): Promise<void> {
  for (let offset = 0; offset < records; ) offset = await fetchOne(engine, offset);
}

/** Returns the next offset. */
async function fetchOne(engine: Engine, offset: number): Promise<number> {
  const { partitions } = await engine.fetch({ topic, maxBytes: fetchBytes, partitions: [{ partition: 0, offset }] });
  const result = partitions[0]!;
  if ('error' in result) throw result.error;
  const { header } = splitBatches(result.batches.at(-1)!).at(-1)!;
  return header.baseOffset + header.lastOffsetDelta + 1;
}

async function fetchesAt(ports: Ports, records: number): Promise<string[][]> {
  const rows = [];
  for (const share of [0, 0.25, 0.5, 0.75]) {
    const engine = createEngine(ports);
    await engine.describeTopic(topic);
    const offset = Math.floor(records * share);
    const { counters } = await withReceipt(() => fetchOne(engine, offset));
    rows.push([whole(records - offset), String(counters.s3Get), String(counters.readUnits)]);
  }
  return rows;
}

/** Reads the log segments, which are larger than all others, in pieces of 8 MiB, one after the other. Returns milliseconds. */
async function readFiles(objects: string, moreThanBytes: number): Promise<number> {
  const entries = await readdir(objects, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    for (const path of paths) if (statSync(path).size > moreThanBytes) await readPieces(path);
    times.push(performance.now() - began);
  }
  return median(times);
}

async function readPieces(path: string): Promise<void> {
  const file = await open(path);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(Buffer.allocUnsafe(floorReadBytes), 0, floorReadBytes, position);
    position += bytesRead;
    if (bytesRead === floorReadBytes) continue;
    return file.close();
  }
}

async function replayedBySdk(directory: string, records: number): Promise<number> {
  const backend = await startChild('backend', directory);
  const client = new Rivulet({ url: backend.url });
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    await receiveAll(client, topic, [0], records);
    times.push(performance.now() - began);
  }
  await backend.stop();
  return median(times);
}

// --- merging

async function benchMerge(totalBytes: number): Promise<void> {
  const rows = [];
  for (const batchBytes of [16 * 1024, 256 * 1024, MiB]) rows.push(await merged(totalBytes, batchBytes));
  printTable(
    `Merging a GiB (computed from ${whole(totalBytes / MiB)} MiB)`,
    ['appends of', 'GET', 'PUT', 'read units', 'write units', '$ requests', 'processor s', '$ function', '$ in all'],
    rows,
  );
}

/** The last appends stay in the head, so there must be many. */
const leastAppends = 128;

/** The pages are deleted two days later. That is part of the cost. */
async function merged(totalBytes: number, batchBytes: number): Promise<string[]> {
  let laterMs = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + laterMs };
  const totals = newCounters();
  const objects = countingObjectStore(createMemoryObjectStore({ clock }), totals);
  const ports = { objects, table: countingTable(createMemoryTable(), totals), clock };
  await append(ports, Math.max(totalBytes, leastAppends * batchBytes), batchBytes);
  const address = await addressOf(ports);
  const cpu = cpuMs();
  const { counters } = await withReceipt(async () => {
    await merge(contextOver(ports), address);
    laterMs = 2 * 86_400_000;
    await cleanPages(contextOver(ports), address);
  });
  const { bytesAppended } = await readMaintenanceItem(ports.table, address);
  const perGiB = (count: number) => (count * GiB) / bytesAppended;
  const seconds = perGiB(cpuMs() - cpu) / 1000;
  const { s3Get, s3Put, readUnits, writeUnits } = counters;
  const usd = [perGiB(usdOf(counters)), seconds * usdPerSecond] as const;
  return [
    sizeName(batchBytes),
    ...[s3Get, s3Put, readUnits, writeUnits].map((count) => whole(perGiB(count))),
    ...[decimal(usd[0], 4), decimal(seconds, 1), decimal(usd[1], 4), decimal(usd[0] + usd[1], 4)],
  ];
}

// --- compaction

async function compacted(directory: string, keys: number): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const stored = openFiles(directory);
  const engine = createEngine(stored);
  await engine.createTopic({ topic, config: { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0' } });
  const records = await appendKeys(engine, keys);
  const address = await addressOf(stored);
  const mergeContext = contextOver(stored);
  await merge(mergeContext, address);
  const megabytes = mergeContext.counts.mergedBytes / megabyte;
  const resolved = await createTopics(stored.table, stored.clock).resolve({ topic });
  const memory = watchMemory();
  const context = contextOver(stored, memory.look);
  const [began, cpu] = [performance.now(), cpuMs()];
  await compact(context, resolved, 0);
  const [ms, processorMs] = [performance.now() - began, cpuMs() - cpu];
  stored.close();
  return [
    ...[keys, records, megabytes].map(whole),
    ...[decimal(ms / 1000, 1), decimal((megabytes * 1000) / ms, 1), decimal((megabytes * 1000) / processorMs, 1)],
    ...[context.counts.compactedRecords, memory.stop() / megabyte, (records * 30) / megabyte].map(whole),
  ];
}

const keyedPerBatch = 2_500;

/** All keys, and then every fourth of them again. Returns the number of records. */
async function appendKeys(engine: Engine, keys: number): Promise<number> {
  const value = Buffer.alloc(80, 'a value; ');
  const again = Math.floor(keys / 4);
  for (const [count, step] of [
    [keys, 1],
    [again, 4],
  ] as const)
    for (let from = 0; from < count; from += keyedPerBatch) {
      const numbers = Array.from({ length: Math.min(keyedPerBatch, count - from) }, (_, i) => (from + i) * step);
      const timestampMs = systemClock.now();
      const inputs = numbers.map((n) => ({ key: Buffer.from(`key-${n}`), value, headers: [], timestampMs }));
      await appendOne(engine, encodeBatch(inputs));
    }
  return keys + again;
}

/** The resident memory above that of now. A pass yields often enough for a timer. */
function watchMemory() {
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  let peak = before;
  const look = () => {
    peak = Math.max(peak, process.memoryUsage.rss());
    return false;
  };
  const timer = setInterval(look, 20);
  return {
    look,
    stop() {
      look();
      clearInterval(timer);
      return peak - before;
    },
  };
}
