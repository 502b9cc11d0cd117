// This test kills the server with SIGKILL at random moments, five times or KILLS times, under the load of one idempotent
// producer that outlives every kill (`npm run real` has many kinds of clients). Each acknowledged record must be there, once, at
// the acknowledged offset. The producer repeats each send until it is answered, so everything it ever sent must be there.
import { expect, test } from 'vitest';
import type { Message } from '../../client/message.ts';
import type { RecordMetadata } from '../../client/record-metadata.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { main, newDirectory, startService } from '../cli/processes.ts';

const topic = 'orders';
const partitions = 4;
const keys = Array.from({ length: 12 }, (_, i) => `customer-${i}`);
const rounds = Number(process.env.KILLS ?? 5);
/** The number of answers to wait for in a round before the moment of the kill is drawn. */
const leastAnswers = 5;
const longestMs = 300;
/** The number of sends under way. */
const width = 32;

type Load = {
  readonly acknowledged: ReadonlyMap<string, RecordMetadata>;
  /** Resolves once this many more sends are answered than now. */
  answers(count: number): Promise<void>;
  /** Stops sending, and resolves when every send is answered. It rejects when any send failed. */
  stop(): Promise<{ readonly sent: readonly string[] }>;
};

/** Each send has one to five records. A value holds its key and how many records of that key came earlier. */
function startLoad(rivulet: Rivulet): Load {
  const producer = rivulet.producer({ lingerMs: 1, maxInFlightPerPartition: 5, deliveryTimeoutMs: 60_000 });
  const acknowledged = new Map<string, RecordMetadata>();
  const sent: string[] = [];
  const counts = new Map<string, number>();
  let answered = 0;
  let stopping = false;

  function nextMessage(): Message & { value: string } {
    const key = keys[sent.length % keys.length]!;
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    const value = `${key}:${count}`;
    sent.push(value);
    return { key, value };
  }

  async function sendUntilStopped(): Promise<void> {
    while (!stopping) {
      const messages = Array.from({ length: 1 + (sent.length % 5) }, nextMessage);
      const results = await producer.send({ topic, messages });
      for (const [i, result] of results.entries()) acknowledged.set(messages[i]!.value, result);
      answered++;
    }
  }

  const lanes = Promise.all(Array.from({ length: width }, sendUntilStopped));
  // stop() reports the error.
  lanes.catch(() => undefined);
  return {
    acknowledged,
    async answers(count) {
      const goal = answered + count;
      while (answered < goal) await Promise.race([sleep(5), lanes]);
    },
    async stop() {
      stopping = true;
      await lanes;
      await producer.disconnect();
      return { sent };
    },
  };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Stored = { readonly partition: number; readonly offset: number; readonly value: string };

async function readAll(rivulet: Rivulet): Promise<Stored[]> {
  const ends = await rivulet.admin().fetchTopicOffsets(topic);
  const consumer = rivulet.consumer({ autoOffsetReset: 'none' });
  consumer.assign(ends.map(({ partition }) => ({ topic, partition, offset: 0 })));
  const total = ends.reduce((sum, { latest }) => sum + latest, 0);
  const stored: Stored[] = [];
  for await (const { partition, offset, value } of consumer)
    if (stored.push({ partition, offset, value: String(value) }) === total) break;
  return stored;
}

test('five kills lose nothing, double nothing and reorder nothing', { timeout: 120_000 }, async () => {
  const directory = newDirectory();
  let service = await startService(directory, { script: main });
  const port = Number(new URL(service.url).port);
  // The address is the same after every restart, so the clients reconnect by themselves.
  const rivulet = new Rivulet({ url: service.url, retry: { baseMs: 10, capMs: 100 } });
  await rivulet.admin().createTopics({ topics: [{ topic, partitions }] });
  const load = startLoad(rivulet);
  for (let round = 0; round < rounds; round++) {
    await load.answers(leastAnswers);
    await sleep(Math.random() * longestMs);
    await service.stop('SIGKILL');
    service = await startService(directory, { script: main, port });
  }
  const { sent } = await load.stop();
  const stored = await readAll(rivulet);
  await service.stop('SIGTERM');

  const places = new Map(stored.map(({ value, partition, offset }) => [value, { partition, offset }]));
  const wrong = sent.filter((value) => {
    const [told, found] = [load.acknowledged.get(value), places.get(value)];
    return told === undefined || told.partition !== found?.partition || told.offset !== found.offset;
  });
  expect(wrong, 'records that are not where they were acknowledged').toEqual([]);
  expect(stored.length, 'records stored, each once').toBe(sent.length);
  for (const [partition, records] of Map.groupBy(stored, (one) => one.partition))
    expect(
      records.map(({ offset }) => offset),
      `offsets of partition ${partition}`,
    ).toEqual(records.map((_, i) => i));
  for (const key of keys) {
    const numbers = stored
      .filter(({ value }) => value.startsWith(`${key}:`))
      .map(({ value }) => Number(value.split(':')[1]));
    expect(numbers, `records of ${key}`).toEqual(numbers.map((_, i) => i));
  }
  console.log(`${sent.length} records survived ${rounds} kills`);
});
