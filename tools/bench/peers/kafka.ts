// Apache Kafka, as a peer to compare with: one broker on loopback, and Kafka's own Java tools as its clients, or as those of
// our Kafka gateway. Maven fetches both from Maven Central into the cache of installations.
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { defaultCache, execute, installOnce, requireTool } from '../../emulator/install.ts';
import { javaArgs, startBroker } from './broker.ts';

const run = promisify(execFile);
const pom = join(import.meta.dirname, 'kafka.pom.xml');

export type KafkaLoad = {
  readonly recordBytes: number;
  readonly batchBytes: number;
  readonly warmUpRecords: number;
  /** Those of the warm-up are among them. */
  readonly records: number;
};

export type Tools = {
  /** Creates the topic by writing to it. @returns MiB of values a second, without the warm-up. */
  produce(topic: string, load: KafkaLoad): Promise<number>;
  /** Reads the topic from its beginning. @returns MiB of values a second, without joining the group. */
  consume(topic: string, records: number): Promise<number>;
  /** Writes so many records a second. @returns milliseconds until the acknowledgement. */
  produceLatency(topic: string, load: KafkaLoad, recordsPerSecond: number): Promise<Latency>;
  /** Writes one record after the other, and reads each before the next. @returns milliseconds from sending to reading. */
  endToEndLatency(topic: string, records: number, recordBytes: number): Promise<Latency>;
  /** One member of a group leaves. @returns milliseconds until the others have all partitions. */
  groupSettles(topic: string, group: Group): Promise<number>;
};

export type Group = {
  readonly members: number;
  readonly partitions: number;
  readonly protocol: 'classic' | 'consumer';
};

export type Latency = { readonly p50: number; readonly p99: number };

export type Kafka = Tools & { readonly address: string; readonly pid: number; stop(): Promise<void> };

/** Throws if Java or Maven is missing, and says what to get. */
export async function requireKafkaTools(): Promise<void> {
  await requireTool('java', ['-version'], 'Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless)');
  await requireTool('mvn', ['-version'], 'Maven (Debian: apt-get install maven)');
}

const installKafka = (): Promise<string> =>
  installOnce(defaultCache(), 'kafka', [pom], (folder) => {
    const copyJars = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';
    const into = ['-DincludeScope=runtime', `-DoutputDirectory=${folder}`];
    return execute('mvn', ['-B', '-q', '-ntp', '-f', pom, copyJars, ...into], folder);
  });

/** With `syncs`, it syncs each batch before it answers, as Rivulet does. By default Kafka leaves that to the system. */
export async function startKafka(directory: string, partitions: number, syncs = false): Promise<Kafka> {
  mkdirSync(directory, { recursive: true });
  const settings = { 'num.partitions': partitions, ...(syncs && { 'log.flush.interval.messages': 1 }) };
  const broker = await startBroker({ jars: await installKafka(), directory, heap: '1g', settings });
  return { ...broker, ...(await toolsFor(broker.address)) };
}

/** Kafka's own tools, as clients of that address. */
export async function toolsFor(address: string): Promise<Tools> {
  const jars = await installKafka();
  const tool = async (name: string, ...args: string[]) => {
    const mainClass = `org.apache.kafka.tools.${name}`;
    return (await run('java', javaArgs(jars, '512m', mainClass, '--bootstrap-server', address, ...args))).stdout;
  };
  return {
    produce: async (topic, load) => steadyRateOf(await tool('ProducerPerformance', ...produceArgs(topic, load, -1))),
    produceLatency: async (topic, load, recordsPerSecond) =>
      steadyLatencyOf(await tool('ProducerPerformance', ...produceArgs(topic, load, recordsPerSecond))),
    async consume(topic, records) {
      const args = ['--topic', topic, '--num-records', String(records), '--group', `readers-of-${topic}`];
      const patience = ['--timeout', String(patienceMs)];
      return fetchRateOf(await tool('ConsumerPerformance', ...args, ...patience, '--hide-header'), records);
    },
    async endToEndLatency(topic, records, recordBytes) {
      const size = ['--num-records', String(records), '--record-size', String(recordBytes)];
      return endToEndOf(await tool('EndToEndLatency', '--topic', topic, '--producer-acks', 'all', ...size));
    },
    async groupSettles(topic, { members, partitions, protocol }) {
      const program = join(import.meta.dirname, 'GroupSettles.java');
      const args = [program, address, topic, String(members), String(partitions), protocol];
      return Number.parseInt((await run('java', javaArgs(jars, '512m', ...args))).stdout, 10);
    },
  };
}

/** On a busy machine it takes long to join a group. */
const patienceMs = 120_000;

/** A request holds at most one batch of each partition. The buffer is large enough for the largest batches not to wait for it. */
function produceArgs(topic: string, load: KafkaLoad, recordsPerSecond: number): string[] {
  const { recordBytes, batchBytes, warmUpRecords, records } = load;
  const client = { acks: 'all', 'batch.size': batchBytes, 'linger.ms': 5, 'buffer.memory': 64 * 2 ** 20 };
  return [
    ...['--topic', topic, '--record-size', String(recordBytes), '--throughput', String(recordsPerSecond)],
    ...['--num-records', String(records), '--warmup-records', String(warmUpRecords)],
    ...['--command-property', ...Object.entries(client).map(([name, value]) => `${name}=${value}`)],
  ];
}

/** For example `13 steady state records sent, 12.5 records/sec (1.25 MB/sec), ...`; a MB of this tool is a MiB. */
function steadyRateOf(printed: string): number {
  const found = /steady state records sent, [\d.]+ records\/sec \(([\d.]+) MB\/sec\)/.exec(printed);
  if (!found) throw new Error(`Kafka's producer printed no rate:\n${printed}`);
  return Number(found[1]);
}

/** For example `13 steady state records sent, ..., 1 ms 50th, 2 ms 95th, 5 ms 99th, 10 ms 99.9th.` */
function steadyLatencyOf(printed: string): Latency {
  const found = /steady state records sent,.* (\d+) ms 50th,.* (\d+) ms 99th/.exec(printed);
  if (!found) throw new Error(`Kafka's producer printed no latency:\n${printed}`);
  return { p50: Number(found[1]), p99: Number(found[2]) };
}

/** For example `Percentiles: 50th = 1, 99th = 4, 99.9th = 11`. */
function endToEndOf(printed: string): Latency {
  const found = /Percentiles: 50th = (\d+), 99th = (\d+)/.exec(printed);
  if (!found) throw new Error(`Kafka's tool printed no percentiles:\n${printed}`);
  return { p50: Number(found[1]), p99: Number(found[2]) };
}

/**
 * The columns: start, end, MB, MB/s, records, records/s, ms to join, ms of fetches, MB/s of fetches, records/s of fetches. A
 * consumer that gave up prints them too.
 */
function fetchRateOf(printed: string, records: number): number {
  const columns = printed.trim().split('\n').at(-1)!.split(', ');
  const [read, rate] = [Number(columns[4]), Number(columns[8])];
  if (read >= records && rate > 0) return rate;
  throw new Error(`Kafka's consumer read ${read} of ${records} records and printed:\n${printed}`);
}
