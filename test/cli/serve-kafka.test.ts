// `rivulet serve` with its Kafka listener beside HTTP.
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { batchOf, fetchMessage, fetchTopic, produceMessage } from '../kafka/service.ts';
import { key, openWire } from '../kafka/wire.ts';
import { runHere } from './here.ts';
import { newDirectory, type Service, startService } from './processes.ts';

const kafkaPortOf = async (service: Service): Promise<number> =>
  Number((await service.until(/Kafka's clients connect to 127\.0\.0\.1:(\d+)/))[1]);

test('what HTTP has produced, a Kafka client reads, and the reverse', async () => {
  const service = await startService(newDirectory(), { kafka: true, args: ['--kafka-port', '0'] });
  const wire = await openWire(await kafkaPortOf(service));
  const url = ['--url', service.url];
  await runHere(['topics', 'create', 'orders', ...url]);
  await runHere(['produce', 'orders', ...url], { input: 'by HTTP\n' });
  await wire.ask(key.produce, 9, produceMessage('orders', { 0: batchOf(['by Kafka']) }));
  const topic = { topic: 'orders', topicId: '' };
  const { responses } = await wire.ask(key.fetch, 12, fetchMessage([fetchTopic(topic)]));
  expect(Buffer.from(responses[0].partitions[0].records).toString()).toMatch(/by HTTP.*by Kafka/s);
  const { stdout } = await runHere(['consume', 'orders', '--from-beginning', '--max-messages', '2', ...url]);
  expect(stdout).toBe('by HTTP\nby Kafka\n');
  wire.socket.write('no request');
  await wire.closed;
  const { code, stderr } = await service.stop('SIGTERM');
  expect(code).toBe(0);
  expect(stderr).toMatch(/^rivulet: a Kafka connection was closed: [^\n]+\n$/);
});

test('a port in use is named, and HTTP is served alone', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  const service = await startService(newDirectory(), { kafka: true, args: ['--kafka-port', String(port)] });
  expect(await runHere(['topics', 'list', '--url', service.url])).toMatchObject({ code: 0 });
  await service.until(/Ctrl-C stops it/);
  expect(service.stdout()).not.toContain('Kafka');
  const { stderr } = await service.stop('SIGTERM');
  expect(stderr).toBe(
    `rivulet: port ${port} is in use, so Kafka's clients are not served: choose another port with --kafka-port\n`,
  );
  other.close();
});

test('with credentials of one’s own, it listens for Kafka only if the port is given', async () => {
  const environment = { RIVULET_ACCESS_KEY_ID: 'me', RIVULET_SECRET_ACCESS_KEY: 'a secret of mine' };
  const [closed, open] = await Promise.all([
    startService(newDirectory(), { kafka: true, environment }),
    startService(newDirectory(), { kafka: true, environment, args: ['--kafka-port', '0'] }),
  ]);
  expect(await kafkaPortOf(open)).toBeGreaterThan(0);
  await closed.until(/Ctrl-C stops it/);
  expect(closed.stdout()).not.toContain('Kafka');
  await Promise.all([closed.stop('SIGTERM'), open.stop('SIGTERM')]);
});

test('a missing topic is created for a client that asks for it, unless that is turned off', async () => {
  const args = ['--kafka-port', '0', '--no-kafka-auto-create'];
  const service = await startService(newDirectory(), { kafka: true, args });
  const wire = await openWire(await kafkaPortOf(service));
  const message = { topics: [{ name: 'orders' }], allowAutoTopicCreation: true };
  expect((await wire.ask(key.metadata, 9, message)).topics).toMatchObject([{ errorCode: 3 }]);
  wire.close();
  await service.stop('SIGTERM');
});
