// One broker of Apache Kafka on loopback, from jars that Maven has fetched.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { execute } from '../../emulator/install.ts';

export type BrokerOptions = {
  readonly jars: string;
  /** Exists, and gets the log of the broker and a folder `log` with its data. */
  readonly directory: string;
  /** For example `1g`. */
  readonly heap: string;
  readonly settings: Readonly<Record<string, string | number>>;
};

export type Broker = {
  readonly address: string;
  /** The first process has this id. */
  readonly pid: number;
  /** Kills it with SIGKILL, and starts it again with its data at the same address. */
  crash(): Promise<void>;
  stop(): Promise<void>;
};

/** The arguments of `java` for a program of Kafka, or for one that uses Kafka's classes. */
export const javaArgs = (jars: string, heap: string, ...args: string[]): string[] => [
  `-Xmx${heap}`,
  '-cp',
  join(jars, '*'),
  ...args,
];

export async function startBroker({ jars, directory, heap, settings }: BrokerOptions): Promise<Broker> {
  const [port, controllerPort] = [await freePort(), await freePort()];
  const properties = join(directory, 'server.properties');
  const all = { ...settingsOf(port, controllerPort, join(directory, 'log')), ...settings };
  writeFileSync(
    properties,
    Object.entries(all)
      .map((setting) => setting.join('='))
      .join('\n'),
  );
  const format = [
    'kafka.tools.StorageTool',
    'format',
    '--standalone',
    '-t',
    'AAAAAAAAAAAAAAAAAAAAAQ',
    '-c',
    properties,
  ];
  await execute('java', javaArgs(jars, '128m', ...format), directory);
  const output = openSync(join(directory, 'broker.log'), 'a');
  const launch = async () => {
    const child = spawn('java', javaArgs(jars, heap, 'kafka.Kafka', properties), { stdio: ['ignore', output, output] });
    // A signal would end this process and leave the broker behind.
    process.once('exit', () => child.kill());
    await listening(child, port);
    return child;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  let broker = await launch();
  const end = async (signal: 'SIGKILL' | 'SIGTERM') => {
    const ended = once(broker, 'exit');
    broker.kill(signal);
    await ended;
  };
  return {
    address: `127.0.0.1:${port}`,
    pid: broker.pid!,
    async crash() {
      await end('SIGKILL');
      broker = await launch();
    },
    stop: () => end('SIGTERM'),
  };
}

const settingsOf = (port: number, controllerPort: number, logs: string) => ({
  'process.roles': 'broker,controller',
  'node.id': 1,
  'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
  listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
  'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
  'controller.listener.names': 'CONTROLLER',
  'log.dirs': logs,
  'offsets.topic.replication.factor': 1,
  'offsets.topic.num.partitions': 1,
  'group.initial.rebalance.delay.ms': 0,
});

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
    if (broker.exitCode !== null) throw new Error('the broker of Kafka has ended: see broker.log in its folder');
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
