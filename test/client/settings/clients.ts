// Clients of a scripted server, made by Kafka's properties. A test of a property compares what two values do.
import { afterEach } from 'vitest';
import {
  consumerFromProperties,
  type FromProperties,
  type KafkaProperties,
  producerFromProperties,
} from '../../../client/properties.ts';
import { Rivulet } from '../../../client/rivulet.ts';
import { isProduce, type Script, type ScriptedServer, scriptedServer } from '../scripted-server.ts';

const servers: ScriptedServer[] = [];
const closing: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function started(script: Script | undefined, { connection, notes }: FromProperties<object>) {
  const server = await scriptedServer(script);
  servers.push(server);
  const retry = { baseMs: 1, capMs: 1, ...connection.retry };
  return { server, notes, rivulet: new Rivulet({ url: server.url, ...connection, retry }) };
}

export async function producerBy(properties: KafkaProperties, script?: Script) {
  const read = producerFromProperties<unknown, unknown>({ 'linger.ms': 0, ...properties });
  const { server, rivulet, notes } = await started(script, read);
  const producer = rivulet.producer(read.options);
  return { server, notes, producer, produced: () => server.received.filter(isProduce) };
}

/** It is disconnected when the test ends. */
export async function consumerBy(properties: KafkaProperties, script: Script) {
  const read = consumerFromProperties<unknown, unknown>(properties);
  const { server, rivulet, notes } = await started(script, read);
  const consumer = rivulet.consumer(read.options);
  closing.push(() => consumer.disconnect().catch(() => undefined));
  return { server, notes, consumer };
}

export const message = (partition: number, value: unknown = 'v', topic = 't') => ({
  topic,
  messages: [{ value, partition }],
});
