// A distributed worker of Kafka Connect copies a file into a topic, and the topic into another file. It is ended in the middle
// and started again: its configuration, its offsets and its state are in topics.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTopic, scratch, until } from './program.ts';
import { connectWorker } from './worker.ts';

const [source, sink] = [join(scratch, 'source.txt'), join(scratch, 'sink.txt')];
const connectors = {
  source: {
    'connector.class': 'org.apache.kafka.connect.file.FileStreamSourceConnector',
    file: source,
    topic: 'lines',
  },
  sink: { 'connector.class': 'org.apache.kafka.connect.file.FileStreamSinkConnector', file: sink, topics: 'lines' },
};

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `line ${from + i}\n`).join('');
const copied = () => (existsSync(sink) ? readFileSync(sink, 'utf8') : '');

await createTopic('lines', 1);
writeFileSync(source, numbers(0, 1_000));
const worker = await connectWorker();
const first = await worker.start();
for (const [name, settings] of Object.entries(connectors))
  await worker.send('PUT', `/connectors/${name}/config`, { ...settings, 'tasks.max': '1' });
await until('the first thousand lines are copied', 120, () => copied() === numbers(0, 1_000));
first.child.kill('SIGTERM');
await first.ended;
appendFileSync(source, numbers(1_000, 2_000));
const second = await worker.start();
await until('two thousand lines are copied, each once', 120, () => copied() === numbers(0, 2_000));
second.child.kill('SIGTERM');
await second.ended;
console.log('2000 lines');
process.exit(0);
