// Compares the Kafka gateway of `rivulet serve` with Apache Kafka on this machine, by the same clients: Kafka's own Java tools,
// many producers of @platformatic/kafka, and a group of Java consumers. Both sides take turns within each round.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { median } from '../statistics.ts';
import { decimal, printTable, whole } from '../table.ts';
import { hold, produceTogether } from './gateway-clients.ts';
import { requireKafkaTools, startKafka, type Tools, toolsFor } from './kafka.ts';

const KiB = 1024;
const MiB = 2 ** 20;
const partitions = 6;

const loads = [
  { title: '1 KiB in 16 KiB', recordBytes: KiB, batchBytes: 16 * KiB, bytes: 128 * MiB },
  { title: '1 KiB in 64 KiB', recordBytes: KiB, batchBytes: 64 * KiB, bytes: 256 * MiB },
  { title: '1 KiB in 1 MiB', recordBytes: KiB, batchBytes: MiB, bytes: 256 * MiB },
  { title: '100 B in 16 KiB', recordBytes: 100, batchBytes: 16 * KiB, bytes: 64 * MiB },
  { title: '100 B in 64 KiB', recordBytes: 100, batchBytes: 64 * KiB, bytes: 96 * MiB },
  { title: '100 B in 1 MiB', recordBytes: 100, batchBytes: MiB, bytes: 96 * MiB },
] as const;

type Load = (typeof loads)[number];

const connections = 50;
/** The gateway takes 1,000, also those of other clients. */
const idleConnections = 950;
const group = { members: 50, partitions: 500 };

type Side = Tools & { readonly address: string; readonly pid: number; stop(): Promise<void> };

export type GatewayPlan = {
  readonly rounds: number;
  /** The part of the bytes and of the times below that is used. */
  readonly share: number;
  readonly kafkaSyncs: boolean;
};

/** Resolves with the figures of one side in a round, by the name of the row: MiB of values a second, or what the name says. */
type Measure = (side: Side, topic: string) => Promise<Readonly<Record<string, number>>>;

export async function benchGateway(directory: string, plan: GatewayPlan): Promise<void> {
  try {
    await requireKafkaTools();
  } catch (error) {
    console.log(`Skipped: the comparison with Apache Kafka needs Java and Maven. ${(error as Error).message}`);
    return;
  }
  const sides = {
    rivulet: await startRivulet(join(directory, 'gateway')),
    kafka: await startKafka(join(directory, 'gateway-kafka'), partitions, plan.kafkaSyncs),
  };
  try {
    await inTurns(sides, plan);
  } finally {
    await Promise.all([sides.rivulet.stop(), sides.kafka.stop()]);
  }
}

type Sides = { readonly rivulet: Side; readonly kafka: Side };
type Pair = { readonly rivulet: number; readonly kafka: number };

async function inTurns(sides: Sides, { rounds, share }: GatewayPlan): Promise<void> {
  const rows = new Map<string, Pair[]>();
  for (let round = 0; round < rounds; round++)
    for (const [name, measure] of measures(share)) {
      const topic = `${name.replaceAll(/\W+/g, '-')}-${round}`;
      const first = round % 2 === 0 ? 'rivulet' : 'kafka';
      const second = first === 'rivulet' ? 'kafka' : 'rivulet';
      const taken = { [first]: await measure(sides[first], topic), [second]: await measure(sides[second], topic) };
      for (const row of Object.keys(taken.rivulet!)) {
        const pair = { rivulet: taken.rivulet![row]!, kafka: taken.kafka![row]! };
        rows.set(row, [...(rows.get(row) ?? []), pair]);
        const figures = `${decimal(pair.rivulet, 1)} / ${decimal(pair.kafka, 1)}`;
        console.log(`round ${round + 1}, ${row}: ${figures} (load ${loadavg()[0]!.toFixed(1)})`);
      }
    }
  print(rows);
}

function* measures(share: number): Generator<[name: string, measure: Measure]> {
  // In the first round no work has grown the memory before.
  yield ['memory', (side) => memory(side)];
  for (const load of loads) yield [load.title, (side, topic) => throughput(side, topic, load, share)];
  yield ['connections', (side, topic) => together(side, topic, 5_000 * share)];
  yield ['latency', (side, topic) => latencies(side, topic, share)];
  yield ['group', (side, topic) => settling(side, topic)];
}

async function throughput(side: Side, topic: string, { title, recordBytes, batchBytes, bytes }: Load, share: number) {
  const measured = Math.round((bytes * share) / recordBytes);
  const warmUpRecords = Math.round(measured / 4);
  const records = measured + warmUpRecords;
  return {
    [`produce ${title}`]: await side.produce(topic, { recordBytes, batchBytes, warmUpRecords, records }),
    [`consume ${title}`]: await side.consume(topic, records),
  };
}

async function together({ address }: Side, topic: string, forMs: number) {
  const rows: Record<string, number> = {};
  for (const batchBytes of [16 * KiB, 64 * KiB, MiB]) {
    const load = { connections, partitions, recordBytes: KiB, batchBytes, forMs };
    rows[`${connections} connections, 1 KiB in ${batchBytes / KiB} KiB`] = await produceTogether(address, topic, load);
  }
  return rows;
}

async function latencies(side: Side, topic: string, share: number) {
  const perSecond = 1_000;
  const warmUpRecords = 2_000;
  const records = warmUpRecords + Math.round(10_000 * share);
  const load = { recordBytes: KiB, batchBytes: 16 * KiB, warmUpRecords, records };
  const produce = await side.produceLatency(`${topic}-produce`, load, perSecond);
  const endToEnd = await side.endToEndLatency(`${topic}-end-to-end`, Math.round(2_000 * share), KiB);
  return {
    'produce 1,000 a second, p50 ms': produce.p50,
    'produce 1,000 a second, p99 ms': produce.p99,
    'end to end, p50 ms': endToEnd.p50,
    'end to end, p99 ms': endToEnd.p99,
  };
}

async function memory({ address, pid }: Side) {
  const before = residentMiB(pid);
  const release = await hold(address, idleConnections);
  const after = residentMiB(pid);
  release();
  return {
    'MiB of memory': after,
    [`KiB for each of ${idleConnections} connections`]: ((after - before) * KiB) / idleConnections,
  };
}

async function settling({ groupSettles }: Side, topic: string) {
  const rows: Record<string, number> = {};
  for (const protocol of ['classic', 'consumer'] as const)
    rows[`a member of ${group.members} leaves, ${group.partitions} partitions, ${protocol}, ms`] = await groupSettles(
      `${topic}-${protocol}`,
      { ...group, protocol },
    );
  return rows;
}

/** Linux tells this of a process. */
const residentMiB = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / KiB;

function print(rows: ReadonlyMap<string, readonly Pair[]>): void {
  const lines = [...rows].map(([name, pairs]) => {
    const ratios = pairs.map(({ rivulet, kafka }) => rivulet / kafka);
    const figure = (side: keyof Pair) => {
      const value = median(pairs.map((pair) => pair[side]));
      return value < 20 ? decimal(value, 1) : whole(value);
    };
    const range = `${decimal(Math.min(...ratios), 2)} to ${decimal(Math.max(...ratios), 2)}`;
    return [name, figure('rivulet'), figure('kafka'), decimal(median(ratios), 2), range];
  });
  const title =
    'The Kafka gateway: MiB/s, unless the row has another unit. Medians, and the median of the ratios within each round';
  printTable(title, ['', 'Rivulet', 'Kafka', 'ratio', 'in the rounds'], lines);
}

async function startRivulet(directory: string): Promise<Side> {
  const main = resolve(import.meta.dirname, '../../../cli/main.ts');
  const ports = ['--port', '0', '--kafka-port', '0', '--kafka-num-partitions', String(partitions)];
  const child = spawn(process.execPath, [main, 'serve', ...ports, '--data', directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.once('exit', () => child.kill());
  const ended = once(child, 'exit');
  for await (const line of createInterface(child.stdout)) {
    const address = /Kafka's clients connect to (\S+)/.exec(line)?.[1];
    if (address === undefined) continue;
    child.stdout.resume();
    const stop = async (): Promise<void> => {
      child.kill();
      await ended;
    };
    return { ...(await toolsFor(address)), address, pid: child.pid!, stop };
  }
  throw new Error('rivulet serve has ended before it listened');
}
