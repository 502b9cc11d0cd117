// A sweep over the memory adapters: how long it takes, how much memory, and what it asks of the storage. Nine in ten
// objects are named by pages, so that the audit reads a real index. The store is made in this process, so the memory is
// counted from when it is full.
import { newCounts } from '../../lib/maintenance/context.ts';
import { sweep } from '../../lib/maintenance/sweep.ts';
import { encodeEntry } from '../../lib/partition/entry.ts';
import { emptyHeadItem } from '../../lib/partition/head.ts';
import { pageItem } from '../../lib/partition/page.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { type Counters, countingObjectStore, countingTable, newCounters, usdOf } from '../../lib/storage/count.ts';
import { headKey, segmentKey, topicKey } from '../../lib/storage/keys.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import type { Table } from '../../lib/storage/table.ts';
import { decimal, printTable, whole } from './table.ts';

const topicId = 'sweptsweptsweptsweptsw';
const partitions = 100;
const entriesPerPage = 25;
const namedShare = 0.9;
const oldEpoch = Math.floor(systemClock.now() / 3_600_000) - 24;
const megabyte = 1e6;

export async function benchSweep(objectCount: number): Promise<void> {
  const totals = newCounters();
  const objects = createMemoryObjectStore({ clock: systemClock });
  const table = createMemoryTable();
  await fill(objects, table, objectCount);
  const ports = { objects: countingObjectStore(objects, totals), table: countingTable(table, totals) };
  const rows = [];
  for (const name of ['a tenth of them unnamed', 'nothing unnamed'])
    rows.push([name, ...(await measure(ports, totals))]);
  printTable(
    `A sweep of ${whole(objectCount)} objects, ${partitions} partitions`,
    ['', 'deleted', 's', 'processor s', 'heap MB more', 'LIST', 'DELETE', 'read units', 'write units', '$'],
    rows,
  );
}

async function measure(ports: { objects: ObjectStore; table: Table }, totals: Counters): Promise<string[]> {
  const before = { ...totals };
  const began = performance.now();
  const cpu = process.cpuUsage();
  const heap = watchHeap();
  const context = { ...ports, clock: systemClock, isDryRun: false, isFull: false, isOver: heap.look };
  const { sweptObjects } = await sweep({ ...context, counts: newCounts(), onDamage: () => {}, tableName: 'bench' });
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const spent = Object.fromEntries(
    Object.entries(totals).map(([name, count]) => [name, count - before[name as keyof Counters]]),
  ) as Counters;
  return [
    whole(sweptObjects),
    decimal(seconds, 1),
    decimal((user + system) / 1e6, 1),
    whole(heap.peakBytes() / megabyte),
    ...[spent.s3List, spent.s3Delete, spent.readUnits, spent.writeUnits].map(whole),
    decimal(usdOf(spent), 4),
  ];
}

/** The sweep asks whether it is over at each step, and each time this looks at the heap. */
function watchHeap() {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const everyLooks = 1_000;
  let looks = 0;
  let peak = before;
  return {
    look: () => {
      if (looks++ % everyLooks === 0) peak = Math.max(peak, process.memoryUsage().heapUsed);
      return false;
    },
    peakBytes: () => peak - before,
  };
}

// --- the store

async function fill(objects: ObjectStore, table: Table, count: number): Promise<void> {
  await table.write({
    kind: 'put',
    item: {
      ...topicKey('swept'),
      v: 1,
      name: 'swept',
      id: topicId,
      partitions,
      config: {},
      createdMs: 0,
      te: 0,
      revision: 1,
    },
  });
  const randoms = sortedNames(count);
  const bytes = [new Uint8Array(1)];
  for (const random of randoms) await objects.putOnce(segmentKey('ingest', topicId, oldEpoch, random), bytes);
  const perPartition = Math.floor((count * namedShare) / partitions);
  for (let partition = 0; partition < partitions; partition++)
    await index(table, partition, randoms.slice(partition * perPartition, (partition + 1) * perPartition));
}

/** In order, and with the unnamed ones last: the memory store keeps its keys sorted, and moves those behind a change. */
function sortedNames(count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => {
    const random = Buffer.alloc(8);
    random.writeBigUInt64BE((BigInt(i) << 64n) / BigInt(count));
    return random;
  });
}

async function index(table: Table, partition: number, randoms: readonly Buffer[]): Promise<void> {
  for (let first = 0; first < randoms.length; first += entriesPerPage) {
    const raws = randoms.slice(first, first + entriesPerPage).map(entryOf);
    await table.write({ kind: 'put', item: pageItem({ topicId, partition }, first, raws, 0) });
  }
  const head = { ...emptyHeadItem(headKey(topicId, partition), 0), n: randoms.length, b: randoms.length };
  await table.write({ kind: 'put', item: head });
}

const entryOf = (segmentRandom: Buffer) =>
  encodeEntry({
    segmentEpoch: oldEpoch,
    segmentRandom,
    position: 8,
    lengthBytes: 1,
    recordCount: 1,
    maxTimestampMs: 0,
  });
