// Apache Kafka, as a peer to compare with: one broker on loopback, and Kafka's own Java tools as its clients. Maven fetches both
// from Maven Central into the cache of installations.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { defaultCache, execute, installOnce, requireTool } from '../../emulator/install.ts';

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
    await execute(
      'mvn',
      ['-B', '-q', '-ntp', '-f', pom, copyJars, '-DincludeScope=runtime', `-DoutputDirectory=${folder}`],
      folder,
    );
  });
  const java = (heap: string, ...args: string[]) => [`-Xms${heap}`, `-Xmx${heap}`, '-cp', join(jars, '*'), ...args];
  const [port, controllerPort] = [await freePort(), await freePort()];
  const address = `127.0.0.1:${port}`;
  mkdirSync(directory, { recursive: true });
  const properties = join(directory, 'server.properties');
  writeFileSync(properties, settings(port, controllerPort, join(directory, 'log'), partitions));
  const format = [
    'kafka.tools.StorageTool',
    'format',
    '--standalone',
    '-t',
    'AAAAAAAAAAAAAAAAAAAAAQ',
    '-c',
    properties,
  ];
  await execute('java', java('128m', ...format), directory);
  const output = openSync(join(directory, 'broker.log'), 'w');
  const broker = spawn('java', java('1g', 'kafka.Kafka', properties), { stdio: ['ignore', output, output] });
  process.once('exit', () => broker.kill());
  await listening(broker, port);
  const tool = async (name: string, ...args: string[]) => {
    const mainClass = `org.apache.kafka.tools.${name}`;
    const { stdout } = await run('java', java('512m', mainClass, '--bootstrap-server', address, ...args));
    return stdout;
  };
  return {
    produce: async (topic, load) => steadyRateOf(await tool('ProducerPerformance', ...produceArgs(topic, load))),
    async consume(topic, records) {
      const args = ['--topic', topic, '--num-records', String(records), '--group', `readers-of-${topic}`];
      return fetchRateOf(await tool('ConsumerPerformance', ...args, '--hide-header'));
    },
    async stop() {
      const ended = new Promise((resolve) => broker.once('exit', resolve));
      broker.kill();
      await ended;
    },
  };
}

const settings = (
  port: number,
  controllerPort: number,
  logs: string,
  partitions: number,
) => `process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
log.dirs=${logs}
num.partitions=${partitions}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
`;

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
  return numberIn(/steady state records sent, [\d.]+ records\/sec \(([\d.]+) MB\/sec\)/, printed);
}

/** The last but one of the columns that the tool separates by commas. */
function fetchRateOf(printed: string): number {
  return numberIn(/([\d.]+), [\d.]+\s*$/, printed);
}

function numberIn(pattern: RegExp, printed: string): number {
  const found = pattern.exec(printed);
  if (!found) throw new Error(`Kafka's tool printed no rate:\n${printed}`);
  return Number(found[1]);
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

const startTries = 240;

async function listening(broker: ChildProcess, port: number): Promise<void> {
  for (let i = 0; i < startTries; i++) {
    if (broker.exitCode !== null) throw new Error('the broker of Kafka has ended: see broker.log in the folder');
    if (await answers(port)) return;
    await setTimeout(500);
  }
  throw new Error('the broker of Kafka does not listen after two minutes');
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
