// Counts the S3 and DynamoDB requests of appends and fetches, in the units that AWS bills. It counts over the memory adapters,
// because the calls are the same with every adapter. The figures do not depend on the machine.

import type { Engine } from '../../lib/api/engine.ts';
import { createEngine } from '../../lib/engine.ts';
import { encodeBatch } from '../../lib/record/batch.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { type Counters, countingObjectStore, countingTable, newCounters, usdOf } from '../../lib/storage/count.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import { decimal, printTable, whole } from './table.ts';

type World = { readonly totals: Counters; newEngine(): Engine };

type Count = { readonly name: string; readonly calls: number; readonly counters: Counters; readonly aim: string };

const topic = 'units';
const appends = 2_000;
const recordsPerBatch = 10;

/** @param depth how many appends the log has. The last fetch reads the first of them. */
export async function benchUnits(depth: number): Promise<void> {
  const counts = [
    await countAppends('one steady producer', appends, 1, '1 PUT, 1.3 WU'),
    await countAppends('100 producers in turn', appends, 100, '1 PUT, 1.3 WU'),
    await countAppends('1,000 one-shot producers', 1_000, 1_000, '1 PUT, 1.3 WU'),
    await countAppends('without producer id', appends, 0, '1 PUT, 1.3 WU'),
    await countAppends('inline, items of 0.8 KiB', appends, 1, '2.1 WU', 830),
    await countAppends('inline, items of 3.9 KiB', appends, 1, '5.1 WU', 3_900),
    await countAppends('inline, items of 63.9 KiB', 200, 1, '65.1 WU', 65_300),
    ...(await countFetches(depth)),
  ];
  printTable(
    `Calls and units (per append to one partition, per fetch of one batch; appends of ${recordsPerBatch} records)`,
    ['', 'times', 'PUT', 'GET', 'LIST', 'read units', 'write units', '$ a million', 'aim'],
    counts.map(({ name, calls, counters, aim }) => {
      const each = (value: number): string => decimal(value / calls, 3);
      const { s3Put, s3Get, s3List, readUnits, writeUnits } = counters;
      const usd = decimal((usdOf(counters) / calls) * 1e6, 2);
      return [name, whole(calls), ...[s3Put, s3Get, s3List, readUnits, writeUnits].map(each), usd, aim];
    }),
  );
}

function createWorld(): World {
  const totals = newCounters();
  const objects = countingObjectStore(createMemoryObjectStore({ clock: systemClock }), totals);
  const table = countingTable(createMemoryTable(), totals);
  // A new engine has seen nothing yet, so its caches are cold.
  return { totals, newEngine: () => createEngine({ objects, table, clock: systemClock }) };
}

/** Resets the counters first, so that only `work` is counted. */
async function counted(
  world: World,
  name: string,
  calls: number,
  aim: string,
  work: () => Promise<void>,
): Promise<Count> {
  Object.assign(world.totals, newCounters());
  await work();
  return { name, calls, counters: { ...world.totals }, aim };
}

/**
 * `producers` take turns. With 0 there is no idempotence. Their ids are not counted; each costs 1 write unit. An inline append
 * has one batch of `inlineBytes`, and its item some 140 more.
 */
async function countAppends(
  name: string,
  times: number,
  producers: number,
  aim: string,
  inlineBytes = 0,
): Promise<Count> {
  const world = createWorld();
  const engine = world.newEngine();
  await engine.createTopic({ topic, config: { 'rivulet.inline.max.bytes': inlineBytes > 0 ? '65536' : '0' } });
  const ids: number[] = [];
  for (let i = 0; i < producers; i++) ids.push((await engine.newProducer()).producerId);
  return counted(world, name, times, aim, async () => {
    for (let i = 0; i < times; i++) await appendOne(engine, ids[i % producers], Math.floor(i / producers), inlineBytes);
  });
}

async function appendOne(engine: Engine, producerId: number | undefined, turn: number, inlineBytes = 0): Promise<void> {
  const identity =
    producerId === undefined
      ? {}
      : { producerId, producerEpoch: 0, baseSequence: turn * (inlineBytes > 0 ? 1 : recordsPerBatch) };
  const batches =
    inlineBytes > 0 ? batchOf(1, inlineBytes - framingBytes, identity) : batchOf(recordsPerBatch, 100, identity);
  const { partitions } = await engine.append({ topic, partitions: [{ partition: 0, batches }] });
  if ('error' in partitions[0]!) throw partitions[0].error;
}

/** A batch of one record has so many bytes beside the record's value. */
const framingBytes = 72;

function batchOf(records: number, valueBytes: number, identity: object): Uint8Array {
  const value = Buffer.alloc(valueBytes, 'units ');
  const timestampMs = systemClock.now();
  const record = { key: null, value, headers: [], timestampMs };
  return encodeBatch(new Array(records).fill(record), identity);
}

async function countFetches(depth: number): Promise<Count[]> {
  const world = createWorld();
  const writer = world.newEngine();
  await writer.createTopic({ topic });
  for (let i = 0; i < depth; i++) await appendOne(writer, undefined, i);
  const end = depth * recordsPerBatch;
  const fetch = async (name: string, offset: number, aim: string): Promise<Count> => {
    const engine = world.newEngine();
    await engine.describeTopic(topic);
    return counted(world, name, 1, aim, () => fetchOne(engine, offset));
  };
  return [
    await fetch('fetch at the end, nothing new', end, '1 RU'),
    await fetch('fetch of the last append', end - recordsPerBatch, '1 GET, 1 RU'),
    await fetch('fetch 10 appends back', end - 10 * recordsPerBatch, '1 GET, 2 RU'),
    await fetch('fetch 1,000 appends back', end - 1_000 * recordsPerBatch, '1 GET, 2 RU'),
    await fetch(`fetch ${whole(depth)} appends back`, 0, '1 GET, 2 RU'),
  ];
}

async function fetchOne(engine: Engine, offset: number): Promise<void> {
  const { partitions } = await engine.fetch({ topic, maxBytes: 1, partitions: [{ partition: 0, offset }] });
  const result = partitions[0]!;
  if ('error' in result) throw result.error;
}
