// `rivulet serve` shows metrics: on its own port on loopback, and on a port of their own where they are asked for.
import { expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { parseScrape, seriesOf } from '../local/metrics/scrape.ts';
import { newDirectory, run, startService } from './processes.ts';

const own = { RIVULET_ACCESS_KEY_ID: 'me', RIVULET_SECRET_ACCESS_KEY: 'a secret of mine' };
const scrape = async (url: string) => parseScrape(await (await fetch(url)).text());

test('what the SDK writes is scraped from the port of the service, and from the other port', async () => {
  const service = await startService(newDirectory(), {
    kafka: true,
    args: ['--kafka-port', '0', '--metrics-port', '0'],
  });
  const rivulet = new Rivulet({ url: service.url });
  await rivulet.admin().createTopics({ topics: [{ topic: 'orders', partitions: 2 }] });
  const producer = rivulet.producer();
  await producer.send({ topic: 'orders', messages: [{ value: 'a', partition: 1 }] });
  await producer.disconnect();
  const [, printed] = await service.until(/Prometheus finds metrics at (http:\S+)/);
  expect(printed!.startsWith(service.url)).toBe(false);
  for (const url of [printed!, `${service.url}/metrics`]) {
    const scraped = await scrape(url);
    const [empty, filled] = ['partition="0",topic="orders"', 'partition="1",topic="orders"'];
    expect(seriesOf(scraped, 'kafka_topic_partition_current_offset')).toEqual({ [empty!]: 0, [filled!]: 1 });
    expect(seriesOf(scraped, 'rivulet_topic_records_in_total')).toEqual({ 'topic="orders"': 1 });
    expect(seriesOf(scraped, 'kafka_brokers')).toEqual({ '': 1 });
  }
  expect((await service.stop('SIGTERM')).code).toBe(0);
});

test('a service that others reach shows them only on a port that was asked for', async () => {
  const args = ['--host', '0.0.0.0', '--metrics-port', '0'];
  const service = await startService(newDirectory(), { environment: own, args });
  const [, printed] = await service.until(/Prometheus finds metrics at (http:\S+)/);
  expect(printed).toMatch(/^http:\/\/127\.0\.0\.1:/);
  expect((await fetch(`${service.url.replace('0.0.0.0', '127.0.0.1')}/metrics`)).status).toBe(403);
  expect(seriesOf(await scrape(printed!), 'kafka_brokers')).toEqual({ '': 0 });
  expect((await service.stop('SIGTERM')).code).toBe(0);
});

test('a port in use is named, and the service does not run without it', async () => {
  const service = await startService(newDirectory());
  const port = new URL(service.url).port;
  const args = ['serve', '--port', '0', '--no-kafka', '--data', newDirectory(), '--metrics-port', port];
  expect(await run(args)).toMatchObject({
    ...{ code: 1, stderr: expect.stringContaining(`--metrics-port: cannot listen on 127.0.0.1:${port}`) },
  });
  await service.stop('SIGTERM');
});
