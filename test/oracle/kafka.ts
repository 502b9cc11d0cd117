// Starts a real Kafka in a directory, and asks it what its cleaner leaves of a workload.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Batch } from './workloads.ts';

const here = import.meta.dirname;
const port = 19_392;

export type Kafka = {
  /** Lines of "offset TAB key TAB value". */
  survivorsOf(name: string, batches: readonly Batch[], deleteRetentionMs: number): string[];
  stop(): Promise<void>;
};

/** Fetches Kafka into the directory with Maven, unless it is there, and starts a broker on new data. */
export async function startKafka(directory: string): Promise<Kafka> {
  const jars = path.join(directory, 'jars');
  const data = path.join(directory, `data-${randomBytes(4).toString('hex')}`);
  mkdirSync(data, { recursive: true });
  if (!existsSync(jars)) {
    const args = ['-q', '-B', '-f', path.join(here, 'pom.xml'), 'dependency:copy-dependencies'];
    execFileSync('mvn', [...args, '-DincludeScope=runtime', `-DoutputDirectory=${jars}`], { stdio: 'inherit' });
  }
  const java = (...args: string[]) => ['-Xmx512m', '-cp', path.join(jars, '*'), ...args];
  const properties = path.join(data, 'server.properties');
  writeFileSync(properties, settings(path.join(data, 'log')));
  const clusterId = randomBytes(16).toString('base64url');
  const format = ['kafka.tools.StorageTool', 'format', '--standalone', '-t', clusterId, '-c', properties];
  execFileSync('java', java(...format), { stdio: 'ignore' });
  const output = openSync(path.join(data, 'broker.log'), 'w');
  const broker = spawn('java', java('kafka.Kafka', properties), { stdio: ['ignore', output, output] });
  await listening(broker);
  return {
    survivorsOf(name, batches, deleteRetentionMs) {
      const file = path.join(data, `${name}.tsv`);
      writeFileSync(file, batches.map(lineOf).join('\n'));
      const args = [`127.0.0.1:${port}`, name, file, String(deleteRetentionMs), path.join(data, 'log')];
      const printed = execFileSync('java', java(path.join(here, 'Workload.java'), ...args), {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', openSync(path.join(data, `${name}.log`), 'w')],
        maxBuffer: 64 * 1024 * 1024,
      });
      return printed.trim().split('\n');
    },
    async stop() {
      const ended = new Promise((resolve) => broker.once('exit', resolve));
      broker.kill();
      await ended;
    },
  };
}

const settings = (logs: string) => `process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:${port + 1}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${logs}
offsets.topic.replication.factor=1
log.cleaner.backoff.ms=200
log.cleaner.dedupe.buffer.size=16777216
`;

const lineOf = ({ phase, codec, records }: Batch): string =>
  [phase, codec, ...records.map(({ key, value }) => `${key}=${value ?? ''}`)].join('\t');

async function listening(broker: ChildProcess): Promise<void> {
  for (let i = 0; i < 120; i++) {
    if (broker.exitCode !== null) throw new Error('the broker has ended: see broker.log');
    if (await answers()) return;
    await setTimeout(500);
  }
  throw new Error('the broker does not listen after a minute');
}

const answers = (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
