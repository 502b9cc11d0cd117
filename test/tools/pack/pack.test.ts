import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { functionNames } from '../../../functions/routes.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { openBackend } from '../../../local/backend.ts';
import { startServer } from '../../../local/server.ts';
import { packAll, projectWith, removeFolders, runIn, typeErrors } from './packages.ts';

let packed: string;
beforeAll(async () => {
  packed = await packAll();
});
afterAll(removeFolders);

describe('the construct, in a CDK app that is CommonJS', () => {
  let project: string;
  beforeAll(async () => {
    project = await projectWith(path.join(packed, 'cdk'), ['aws-cdk-lib', 'constructs']);
  });

  const app = `
    const { App, Stack } = require('aws-cdk-lib');
    const { Role, ServicePrincipal } = require('aws-cdk-lib/aws-iam');
    const { Rivulet } = require('rivulet-cdk');
    const stack = new Stack(new App({ outdir: 'cdk.out' }), 'Shop');
    const events = new Rivulet(stack, 'Events', { restoreDays: 14 });
    events.grantProduce(new Role(stack, 'Orders', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }), 'orders');
    stack.node.root.synth();
  `;

  test('synthesises, with the code of the functions from the package', async () => {
    await runIn(project, 'app.cjs', app);
    const assets = readdirSync(path.join(project, 'cdk.out')).filter((name) => name.startsWith('asset.'));
    const code = assets.map((name) => path.join(project, 'cdk.out', name, 'index.mjs')).filter(existsSync);
    expect(code).toHaveLength(functionNames.length);
  });

  test('refuses a wrong option in one sentence', async () => {
    const wrong = runIn(project, 'wrong.cjs', app.replace('restoreDays: 14', 'restoreDays: 36'));
    await expect(wrong).rejects.toThrow('restoreDays: expected a whole number from 1 to 35, got 36');
  });

  test('has types', async () => {
    const source = `
      import { Stack } from 'aws-cdk-lib';
      import { Rivulet } from 'rivulet-cdk';
      export const url: string = new Rivulet(new Stack(), 'Events', { restoreDays: 14 }).url;
      new Rivulet(new Stack(), 'Wrong', { restoreDays: 'long' });
    `;
    const wrong = expect.stringMatching(/^check\.ts\(5,.*'string' is not assignable to type 'number'/);
    expect(await typeErrors(project, source)).toEqual([wrong]);
  });
});

describe('the client, in a project of its own', () => {
  let project: string;
  const directory = mkdtempSync(path.join(tmpdir(), 'rivulet-pack-backend-'));
  const backend = openBackend({ directory });
  afterAll(() => {
    backend.close();
    rmSync(directory, { recursive: true });
  });
  beforeAll(async () => {
    project = await projectWith(path.join(packed, 'client'), []);
  });

  test('writes and reads, in every compression', async () => {
    const server = await startServer({ api: backend.api, clock: systemClock });
    const source = `
      import { Rivulet } from 'rivulet';
      const rivulet = new Rivulet({ url: process.env.RIVULET_URL });
      await rivulet.admin().createTopics({ topics: [{ topic: 'orders', partitions: 1 }] });
      const kinds = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
      for (const compression of kinds) {
        const producer = rivulet.producer({ compression });
        await producer.send({ topic: 'orders', messages: [{ key: compression, value: compression.repeat(100) }] });
        await producer.disconnect();
      }
      const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
      consumer.assign([{ topic: 'orders', partition: 0 }]);
      const read = [];
      for await (const { key, value } of consumer) {
        read.push(String(key) + value.length);
        if (read.length === kinds.length) break;
      }
      console.log(read.join(' '));
      process.exit(0);
    `;
    const printed = await runIn(project, 'orders.mjs', source, { RIVULET_URL: server.url });
    expect(printed.trim()).toBe('none400 gzip400 snappy600 lz4300 zstd400');
    await server.close();
  });

  test('has the command line, which serves, writes and reads', async () => {
    const source = `
      import { spawn, execFileSync } from 'node:child_process';
      import { once } from 'node:events';
      const cli = 'node_modules/.bin/rivulet';
      const serve = spawn(cli, ['serve', '--port', '0', '--no-kafka', '--data', 'data']);
      let told = '';
      for await (const chunk of serve.stdout) {
        told += chunk;
        if (told.includes('listens on')) break;
      }
      const env = { ...process.env, RIVULET_URL: /http:[^ \\n]+/.exec(told)[0] };
      const run = (args, input = '') => execFileSync(cli, args, { env, input, stdio: ['pipe', 'pipe', 'ignore'] }).toString();
      run(['topics', 'create', 'orders']);
      run(['produce', 'orders'], 'hello');
      console.log(run(['consume', 'orders', '--from-beginning', '--until', 'latest']).trim());
      serve.kill();
      await once(serve, 'exit');
    `;
    expect((await runIn(project, 'cli.mjs', source)).trim()).toBe('hello');
  });

  test('loads nothing but itself where only the SDK is imported', async () => {
    const source = `
      import { registerHooks } from 'node:module';
      const loaded = [];
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
      await import('rivulet');
      await import('rivulet/kafkajs');
      const others = loaded.filter((url) => url.includes('/node_modules/') && !url.includes('/node_modules/rivulet/'));
      console.log(loaded.length > 10, others.length);
    `;
    expect((await runIn(project, 'lean.mjs', source)).trim()).toBe('true 0');
  });

  test('runs a program of KafkaJS, in CommonJS', async () => {
    const server = await startServer({ api: backend.api, clock: systemClock });
    const source = `
      const { Kafka, logLevel } = require('rivulet/kafkajs');
      const kafka = new Kafka({ brokers: [process.env.RIVULET_URL], logLevel: logLevel.NOTHING });
      async function main() {
        await kafka.admin().createTopics({ topics: [{ topic: 'clicks' }] });
        const producer = kafka.producer();
        await producer.connect();
        console.log((await producer.send({ topic: 'clicks', messages: [{ value: 'first' }] }))[0].baseOffset);
        const consumer = kafka.consumer({ groupId: 'readers' });
        await consumer.subscribe({ topic: 'clicks', fromBeginning: true });
        await consumer.run({
          eachMessage: async ({ message }) => {
            console.log(String(message.value));
            setImmediate(() => consumer.disconnect());
          },
        });
      }
      main();
    `;
    const printed = await runIn(project, 'clicks.cjs', source, { RIVULET_URL: server.url });
    expect(printed).toBe('0\nfirst\n');
    await server.close();
  });

  test('has types', async () => {
    const source = `
      import { Rivulet } from 'rivulet';
      const producer = new Rivulet({ url: 'http://127.0.0.1:9292' }).producer();
      export const sent = producer.send({ topic: 'orders', messages: [{ key: 'ada', value: 'espresso' }] });
      void producer.send({ topic: 'orders', messages: [{ key: Symbol(), value: 'espresso' }] });
      import { CompressionTypes, Kafka, type EachMessagePayload } from 'rivulet/kafkajs';
      const kafka = new Kafka({ brokers: ['localhost:9292'] });
      export const run = kafka.consumer({ groupId: 'g' }).run({ eachMessage: async ({ message }: EachMessagePayload) => void message.offset });
      export const zip = kafka.producer().send({ topic: 'a', messages: [], compression: CompressionTypes.GZIP });
    `;
    const wrong = expect.stringMatching(/^check\.ts\(5,.*Type 'symbol' is not assignable/);
    expect(await typeErrors(project, source)).toEqual([wrong]);
  });
});
