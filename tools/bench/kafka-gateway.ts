// Counts what appends through the Kafka gateway cost in AWS: many KafkaJS producers, an engine as `rivulet kafka` puts it together,
// and storage in memory that counts, and is as slow as that of AWS. The rate depends on this machine, the cost of a
// GiB on how many appends come together.
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { startKafka } from '../../kafka/main.ts';
import { createEngine } from '../../lib/engine.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { type Counters, countingObjectStore, countingTable, newCounters, usdOf } from '../../lib/storage/count.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import type { Table } from '../../lib/storage/table.ts';
import { decimal, printTable, sizeName, whole } from './table.ts';

type Load = { readonly producers: number; readonly partitions: number; readonly batchBytes: number };

const loads: readonly Load[] = [
  { producers: 1, partitions: 1, batchBytes: 16 * 1024 },
  { producers: 100, partitions: 12, batchBytes: 16 * 1024 },
  { producers: 100, partitions: 100, batchBytes: 16 * 1024 },
  { producers: 100, partitions: 12, batchBytes: 64 * 1024 },
];

const recordBytes = 1024;
const gibibyte = 2 ** 30;
/** About what S3 and DynamoDB take within a region. */
const putMs = 30;
const updateMs = 5;

export async function benchKafkaGateway(forMs: number): Promise<void> {
  const rows: string[][] = [];
  for (const load of loads) rows.push(await run(load, forMs));
  printTable(
    `Appends through the Kafka gateway, acks=all, records of 1 KiB; a PUT takes ${putMs} ms, an update ${updateMs} ms`,
    ['producers, partitions, batch', 'MiB/s', 'KiB a PUT', 'PUTs a GiB', 'write units a GiB', '$ a GiB'],
    rows,
  );
}

async function run(load: Load, forMs: number): Promise<string[]> {
  const totals = newCounters();
  const objects = slowObjects(countingObjectStore(createMemoryObjectStore({ clock: systemClock }), totals));
  const table = slowTable(countingTable(createMemoryTable(), totals));
  const engine = createEngine({ objects, table, clock: systemClock, readsAhead: true, groupCommit: { lingerMs: 5 } });
  const server = await startKafka({ engine, clusterId: 'bench', clock: systemClock, nodes: 3, onError: console.error });
  await engine.createTopic({ topic: 't', partitions: load.partitions });
  const endMs = performance.now() + forMs;
  const before = { ...totals };
  await Promise.all(
    Array.from({ length: load.producers }, (_, i) => produce(server.port, i % load.partitions, load, endMs)),
  );
  await server.close();
  return rowOf(load, costOf(before, totals), forMs);
}

async function produce(port: number, partition: number, { batchBytes }: Load, endMs: number): Promise<void> {
  const kafka = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const value = Buffer.alloc(recordBytes, 'rivulet ');
  const messages = Array.from({ length: batchBytes / recordBytes }, () => ({ partition, value }));
  while (performance.now() < endMs) await producer.send({ topic: 't', messages });
  await producer.disconnect();
}

const costOf = (before: Counters, after: Counters): Counters =>
  Object.fromEntries(Object.entries(after).map(([name, n]) => [name, n - before[name as keyof Counters]])) as Counters;

function rowOf({ producers, partitions, batchBytes }: Load, cost: Counters, forMs: number): string[] {
  const { bytesUp, s3Put, writeUnits } = cost;
  const perGib = gibibyte / bytesUp;
  return [
    `${producers}, ${partitions}, ${sizeName(batchBytes)}`,
    decimal(bytesUp / 2 ** 20 / (forMs / 1_000), 1),
    whole(bytesUp / s3Put / 1024),
    whole(s3Put * perGib),
    whole(writeUnits * perGib),
    decimal(usdOf(cost) * perGib, 3),
  ];
}

const slowObjects = (store: ObjectStore): ObjectStore => ({
  ...store,
  async putOnce(...put) {
    await systemClock.sleep(putMs);
    return store.putOnce(...put);
  },
});

const slowTable = (table: Table): Table => ({
  ...table,
  async write(...write) {
    await systemClock.sleep(updateMs);
    return table.write(...write);
  },
});
