// A test for each property of a connection: two values behave differently, or the property is refused or gets a note.
import { expect, test } from 'vitest';
import { consumerFromProperties, producerFromProperties } from '../../../client/properties.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { isProduce, type Script } from '../scripted-server.ts';
import { message, producerBy } from './clients.ts';

const both = [producerFromProperties, consumerFromProperties];

test('client.id is in the User-Agent header', async () => {
  const agent = async (name: string) => {
    const { server, producer } = await producerBy({ 'client.id': name });
    await producer.send(message(0));
    return server.received[0]!.headers['user-agent'];
  };
  expect(await agent('shop')).toContain('shop');
  expect(await agent('bar')).not.toContain('shop');
});

test('request.timeout.ms ends a request that hangs', async () => {
  const tries = async (ms: number) => {
    const hang: Script = (request) => (isProduce(request) ? { hang: true } : undefined);
    const { producer, produced } = await producerBy({ 'request.timeout.ms': ms, retries: 3 }, hang);
    await Promise.race([producer.send(message(0)).catch(() => undefined), systemClock.sleep(2_000)]);
    return produced().length;
  };
  const [short, long] = await Promise.all([tries(100), tries(60_000)]);
  expect(short).toBe(4);
  expect(long).toBe(1);
});

/** How often a batch is sent in that time, at most six times, while the service is busy. */
async function triesWith(properties: Record<string, number>, inMs: number): Promise<number> {
  const busy: Script = (request) => (isProduce(request) ? { status: 503, text: 'busy' } : undefined);
  const { producer, produced } = await producerBy({ retries: 5, 'delivery.timeout.ms': inMs, ...properties }, busy);
  await producer.send(message(0)).catch(() => undefined);
  return produced().length;
}
const minute = 60_000;

test('retry.backoff.ms bounds the first wait', async () => {
  const most = { 'retry.backoff.max.ms': minute };
  expect(await triesWith({ 'retry.backoff.ms': 0, ...most }, 20_000)).toBe(6);
  expect(await triesWith({ 'retry.backoff.ms': minute, ...most }, 300)).toBeLessThan(6);
});

test('retry.backoff.max.ms bounds every wait', async () => {
  const first = { 'retry.backoff.ms': minute };
  expect(await triesWith({ 'retry.backoff.max.ms': 0, ...first }, 20_000)).toBe(6);
  expect(await triesWith({ 'retry.backoff.max.ms': minute, ...first }, 300)).toBeLessThan(6);
});

test('bootstrap.servers is refused', () => {
  for (const read of both)
    expect(() => read({ 'bootstrap.servers': 'a:9092' })).toThrow(
      "bootstrap.servers: expected the address of the service as `url`, got 'a:9092'",
    );
});

test('security.protocol is refused', () => {
  for (const read of both)
    expect(() => read({ 'security.protocol': 'SSL' })).toThrow('security.protocol: expected AWS credentials');
});

test('metadata.max.age.ms gets a note', () => {
  for (const read of both)
    expect(read({ 'metadata.max.age.ms': 1 })).toEqual({
      ...{ options: {}, connection: {} },
      notes: [expect.stringMatching(/^metadata\.max\.age\.ms has no effect: /)],
    });
});
