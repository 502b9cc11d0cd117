// The SDK in TypeScript projects of other people: its types by both ways to resolve modules, and what it does on each Node.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { newProject, onEachNode, run, startService, typeScript } from './project.ts';

const program = `
  import { type ConsumedMessage, type Message, type ProducerOptions, Rivulet, RivuletClientError } from 'rivulet';
  import { type EachMessagePayload, Kafka, logLevel } from 'rivulet/kafkajs';
  import { openTelemetry } from 'rivulet/opentelemetry';
  const [url, topic] = [process.env.RIVULET_URL!, process.env.TOPIC!];

  async function sdk(): Promise<string> {
    const rivulet = new Rivulet({ url, tracing: openTelemetry() });
    await rivulet.admin().createTopics({ topics: [{ topic, partitions: 1 }] });
    const options: ProducerOptions = { compression: 'gzip' };
    const producer = rivulet.producer(options);
    const messages: Message[] = [{ key: 'ada', value: 'espresso', headers: { from: 'page' } }];
    await producer.send({ topic, messages });
    await producer.disconnect();
    for (const compression of ['snappy', 'lz4', 'zstd'] as const) {
      try {
        await rivulet.producer({ compression }).send({ topic, messages });
      } catch (error) {
        if (!(error instanceof RivuletClientError) || compression !== 'zstd') throw error;
        console.log(error.detail);
      }
    }
    const consumer = rivulet.consumer({ groupId: topic, autoOffsetReset: 'earliest' });
    consumer.subscribe({ topics: [topic] });
    const { length } = await rivulet.admin().fetchTopicOffsets(topic).then(([one]) => ({ length: one!.latest }));
    const read: string[] = [];
    await consumer.run({
      eachMessage: ({ key, value }: ConsumedMessage) => {
        if (read.push(key + '=' + value) === length) void consumer.stop();
      },
    });
    return read.join(' ');
  }

  async function kafkaJs(): Promise<string> {
    const kafka = new Kafka({ brokers: [url], logLevel: logLevel.NOTHING });
    const consumer = kafka.consumer({ groupId: topic + '-kafkajs' });
    await consumer.subscribe({ topic, fromBeginning: true });
    const first = await new Promise<string>((resolve) => {
      void consumer.run({ eachMessage: async ({ message }: EachMessagePayload) => resolve(String(message.value)) });
    });
    await consumer.disconnect();
    return first;
  }

  sdk().then(console.log).then(kafkaJs).then(console.log);
`;

const wrong = `
  import { Rivulet } from 'rivulet';
  void new Rivulet({ url: 'http://127.0.0.1:9292' }).producer().send({ topic: 'orders', messages: [{ key: Symbol(), value: '' }] });
`;

const resolutions = {
  nodenext: ['--module', 'nodenext'],
  bundler: ['--module', 'preserve', '--moduleResolution', 'bundler'],
};

let url: string;
beforeAll(async () => {
  ({ url } = await startService());
});

describe.each(['module', 'commonjs'] as const)('a TypeScript project of the type %s', (type) => {
  let project: string;
  beforeAll(async () => {
    project = await newProject(type);
    await writeFile(path.join(project, 'main.ts'), program);
    await writeFile(path.join(project, 'wrong.ts'), wrong);
    await typeScript(project, ...resolutions.nodenext, '--types', 'node', '--outDir', 'out', 'main.ts');
  });

  // The declarations of the package are checked too.
  test.each(Object.entries(resolutions))('has types by the module resolution %s', async (_, options) => {
    const errors = await typeScript(project, ...options, '--types', 'node', '--noEmit', 'main.ts', 'wrong.ts');
    expect(errors).toEqual([
      expect.stringMatching(/^wrong\.ts\(3,.*Type 'symbol' is not assignable/),
      ...restOf(errors),
    ]);
  });

  onEachNode('writes and reads', async (node, version) => {
    const env = { RIVULET_URL: url, TOPIC: `orders-${type}-${version}` };
    const lines = (await run(node, ['out/main.js'], project, env)).trim().split('\n');
    const isOld = version.startsWith('20.');
    const refusals = isOld ? ['compression: expected none, gzip, snappy, lz4, got zstd'] : [];
    const read = Array(isOld ? 3 : 4)
      .fill('ada=espresso')
      .join(' ');
    expect(lines).toEqual([...refusals, read, 'espresso']);
  });
});

/** An error goes on over lines that are indented. */
const restOf = (lines: readonly string[]) => lines.slice(1).filter((line) => line.startsWith(' '));

onEachNode('reads zstd', async (node, version) => {
  const topic = `zstd-${version}`;
  const rivulet = new Rivulet({ url });
  await rivulet.admin().createTopics({ topics: [{ topic, partitions: 1 }] });
  const messages = [{ value: 'zstd '.repeat(1_000) }];
  await rivulet.producer({ compression: 'zstd' }).send({ topic, messages });
  const project = await newProject('module');
  const source = `
    import { Rivulet } from 'rivulet';
    const consumer = new Rivulet({ url: process.env.RIVULET_URL }).consumer({ autoOffsetReset: 'earliest' });
    consumer.assign([{ topic: process.env.TOPIC, partition: 0 }]);
    for await (const { value } of consumer) {
      console.log(value.length);
      break;
    }
  `;
  await writeFile(path.join(project, 'read.mjs'), source);
  expect(await run(node, ['read.mjs'], project, { RIVULET_URL: url, TOPIC: topic })).toBe('5000\n');
});

test('an editor shows what a method does', async () => {
  const file = 'node_modules/rivulet/client/producer/producer.d.ts';
  const declared = await readFile(path.join(inject('installed'), file), 'utf8');
  expect(declared).toMatch(/\*\/\n {4}send\(/);
});

test('the SDK loads nothing but itself', async () => {
  const project = await newProject('module');
  const source = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    await import('rivulet');
    await import('rivulet/kafkajs');
    const others = loaded.filter((url) => url.includes('/node_modules/') && !url.includes('/node_modules/rivulet/'));
    console.log(loaded.length > 10, others.length);
  `;
  await writeFile(path.join(project, 'lean.mjs'), source);
  expect(await run(process.execPath, ['lean.mjs'], project)).toBe('true 0\n');
});
