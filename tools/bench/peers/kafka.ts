// Apache Kafka, as a peer to compare with: one broker on loopback, and Kafka's own Java tools as its clients. Maven fetches both
// from Maven Central into the cache of installations.
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

export type Kafka = {
  /** Creates the topic by writing to it. @returns MiB of values a second, without the warm-up. */
  produce(topic: string, load: KafkaLoad): Promise<number>;
  /** Reads the topic from its beginning. @returns MiB of values a second, without joining the group. */
  consume(topic: string, records: number): Promise<number>;
  stop(): Promise<void>;
};

/** Throws if Java or Maven is missing, and says what to get. */
export async function requireKafkaTools(): Promise<void> {
  await requireTool('java', ['-version'], 'Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless)');
  await requireTool('mvn', ['-version'], 'Maven (Debian: apt-get install maven)');
}

export async function startKafka(directory: string, partitions: number): Promise<Kafka> {
  const jars = await installOnce(defaultCache(), 'kafka', [pom], async (folder) => {
    const copyJars = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';
    const into = ['-DincludeScope=runtime', `-DoutputDirectory=${folder}`];
    await execute('mvn', ['-B', '-q', '-ntp', '-f', pom, copyJars, ...into], folder);
  });
  mkdirSync(directory, { recursive: true });
  const settings = { 'num.partitions': partitions };
  const broker = await startBroker({ jars, directory, heap: '1g', settings });
  const tool = async (name: string, ...args: string[]) => {
    const mainClass = `org.apache.kafka.tools.${name}`;
    const server = ['--bootstrap-server', broker.address];
    return (await run('java', javaArgs(jars, '512m', mainClass, ...server, ...args))).stdout;
  };
  return {
    produce: async (topic, load) => steadyRateOf(await tool('ProducerPerformance', ...produceArgs(topic, load))),
    async consume(topic, records) {
      const args = ['--topic', topic, '--num-records', String(records), '--group', `readers-of-${topic}`];
      const patience = ['--timeout', String(patienceMs)];
      return fetchRateOf(await tool('ConsumerPerformance', ...args, ...patience, '--hide-header'), records);
    },
    stop: broker.stop,
  };
}

/** On a busy machine it takes long to join a group. */
const patienceMs = 120_000;

/** A request holds at most one batch of each partition. The buffer is large enough for the largest batches not to wait for it. */
function produceArgs(topic: string, { recordBytes, batchBytes, warmUpRecords, records }: KafkaLoad): string[] {
  const client = { acks: 'all', 'batch.size': batchBytes, 'linger.ms': 5, 'buffer.memory': 64 * 2 ** 20 };
  return [
    ...['--topic', topic, '--record-size', String(recordBytes), '--throughput', '-1'],
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
