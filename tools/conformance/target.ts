// The two clusters that a suite runs against: `rivulet serve`, and one broker of Apache Kafka with the settings that the suites
// expect. Both are on loopback, with data in a folder of their own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type Broker, startBroker } from '../bench/peers/broker.ts';
import { defaultCache, execute, installOnce, requireTool } from '../emulator/install.ts';

export const targetNames = ['kafka', 'rivulet'] as const;
export type TargetName = (typeof targetNames)[number];

export type Target = Omit<Broker, 'pid'>;

type Options = { readonly directory: string; readonly autoCreate: boolean };

/** The suite of librdkafka expects so many partitions of a topic that is created on the way. */
const numPartitions = 4;

export function startTarget(name: TargetName, options: Options): Promise<Target> {
  mkdirSync(options.directory, { recursive: true });
  return name === 'kafka' ? startKafka(options) : startRivulet(options);
}

const kafkaPom = resolve(import.meta.dirname, '../bench/peers/kafka.pom.xml');

/** The jars of Apache Kafka: the broker and its tools. */
export async function kafkaJars(): Promise<string> {
  await requireTool('java', ['-version'], 'Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless)');
  await requireTool('mvn', ['-version'], 'Maven (Debian: apt-get install maven)');
  return jarsOf('kafka', kafkaPom);
}

/** The jars that a pom.xml names, and all that they need. */
export const jarsOf = (name: string, pom: string): Promise<string> =>
  installOnce(defaultCache(), name, [pom], (folder) => {
    const copyJars = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';
    const into = ['-DincludeScope=runtime', `-DoutputDirectory=${folder}`];
    return execute('mvn', ['-B', '-q', '-ntp', '-f', pom, copyJars, ...into], folder);
  });

async function startKafka({ directory, autoCreate }: Options): Promise<Target> {
  const settings = {
    'auto.create.topics.enable': String(autoCreate),
    'num.partitions': numPartitions,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
  };
  return startBroker({ jars: await kafkaJars(), directory, heap: '1g', settings });
}

async function startRivulet({ directory, autoCreate }: Options): Promise<Target> {
  const create = autoCreate ? ['--kafka-num-partitions', String(numPartitions)] : ['--no-kafka-auto-create'];
  const settings = ['--data', join(directory, 'data'), ...create];
  let serving = await serve(directory, '0', settings);
  const { address } = serving;
  return {
    address,
    async crash() {
      await serving.end('SIGKILL');
      serving = await serve(directory, address.split(':')[1]!, settings);
    },
    stop: () => serving.end('SIGTERM'),
  };
}

async function serve(directory: string, kafkaPort: string, settings: readonly string[]) {
  const main = resolve(import.meta.dirname, '../../cli/main.ts');
  const ports = ['--port', '0', '--kafka-port', kafkaPort];
  const child = spawn(process.execPath, [main, 'serve', ...ports, ...settings], { stdio: ['ignore', 'pipe', 'pipe'] });
  process.once('exit', () => child.kill());
  const ended = once(child, 'exit');
  child.stderr.pipe(createWriteStream(join(directory, 'serve.log'), { flags: 'a' }));
  for await (const line of createInterface(child.stdout)) {
    const found = /Kafka's clients connect to (\S+)/.exec(line);
    if (!found) continue;
    child.stdout.resume();
    return {
      address: found[1]!,
      async end(signal: 'SIGKILL' | 'SIGTERM') {
        child.kill(signal);
        await ended;
      },
    };
  }
  throw new Error(`rivulet serve has ended before it listened: see ${directory}/serve.log`);
}
