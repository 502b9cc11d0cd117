// A distributed worker of Kafka Connect copies a file into a topic, and the topic into another file. It is ended in the middle
// and started again: its configuration, its offsets and its state are in topics.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { address, createTopic, scratch, start, until } from './program.ts';

const port = await freePort();
const [source, sink] = [join(scratch, 'source.txt'), join(scratch, 'sink.txt')];

const worker = {
  'bootstrap.servers': address,
  'group.id': 'connect-cluster',
  'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
  'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
  'config.storage.topic': 'connect-configs',
  'offset.storage.topic': 'connect-offsets',
  'status.storage.topic': 'connect-status',
  'config.storage.replication.factor': 1,
  'offset.storage.replication.factor': 1,
  'status.storage.replication.factor': 1,
  'offset.storage.partitions': 2,
  'offset.flush.interval.ms': 1_000,
  listeners: `http://127.0.0.1:${port}`,
};
const config = join(scratch, 'worker.properties');
writeFileSync(
  config,
  Object.entries(worker)
    .map((pair) => pair.join('='))
    .join('\n'),
);

const connectors = {
  source: {
    'connector.class': 'org.apache.kafka.connect.file.FileStreamSourceConnector',
    file: source,
    topic: 'lines',
  },
  sink: { 'connector.class': 'org.apache.kafka.connect.file.FileStreamSinkConnector', file: sink, topics: 'lines' },
};

async function startWorker() {
  const program = start('org.apache.kafka.connect.cli.ConnectDistributed', config);
  let isUp = false;
  const ask = () =>
    fetch(`http://127.0.0.1:${port}/connectors`).then(
      ({ ok }) => (isUp = ok),
      () => false,
    );
  await until('the worker answers', 180, () => {
    void ask();
    return isUp;
  });
  return program;
}

async function put(name: string, settings: object): Promise<void> {
  const reply = await fetch(`http://127.0.0.1:${port}/connectors/${name}/config`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...settings, 'tasks.max': '1' }),
  });
  if (!reply.ok) throw new Error(`connector ${name}: ${await reply.text()}`);
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `line ${from + i}\n`).join('');
const copied = () => (existsSync(sink) ? readFileSync(sink, 'utf8') : '');

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port: free } = server.address() as { port: number };
      server.close(() => resolve(free));
    });
  });
}

await createTopic('lines', 1);
writeFileSync(source, numbers(0, 1_000));
const first = await startWorker();
for (const [name, settings] of Object.entries(connectors)) await put(name, settings);
await until('the first thousand lines are copied', 120, () => copied() === numbers(0, 1_000));
first.child.kill('SIGTERM');
await first.ended;
appendFileSync(source, numbers(1_000, 2_000));
const second = await startWorker();
await until('two thousand lines are copied, each once', 120, () => copied() === numbers(0, 2_000));
second.child.kill('SIGTERM');
await second.ended;
console.log('2000 lines');
process.exit(0);
