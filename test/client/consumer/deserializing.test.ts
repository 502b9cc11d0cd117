// These tests show what deserializers do to messages, and how a consumer passes a record that cannot be deserialized.
import { afterEach, describe, expect, test } from 'vitest';
import type { RivuletClientError } from '../../../client/client-error.ts';
import type { Consumer } from '../../../client/consumer/consumer.ts';
import type { ConsumerOptions } from '../../../client/consumer/consumer-options.ts';
import type { ConsumedMessage } from '../../../client/message.ts';
import { Rivulet } from '../../../client/rivulet.ts';
import { type Deserializer, integerSerde, jsonSerde, stringSerde } from '../../../client/serdes.ts';
import { encodeBatch } from '../../../lib/record/batch.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { scriptedGroup } from '../scripted-group.ts';
import {
  fetchAsked,
  fetchReply,
  isFetch,
  type Script,
  type ScriptedServer,
  scriptedServer,
} from '../scripted-server.ts';

const servers: ScriptedServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

type Given = { readonly key?: Buffer | null; readonly value: string | null };

/** One partition with these records, so many in a batch. */
function log(records: readonly Given[], perBatch = records.length): Script {
  const batches = Array.from({ length: Math.ceil(records.length / perBatch) }, (_, i) =>
    encodeBatch(
      records.slice(i * perBatch, (i + 1) * perBatch).map(({ key = null, value }) => ({
        ...{ key, value: value === null ? null : Buffer.from(value), timestampMs: 0 },
        headers: [
          { key: 'h', value: Buffer.from('1') },
          { key: 'none', value: null },
        ],
      })),
      { baseOffset: i * perBatch },
    ),
  );
  return (request) => {
    if (!isFetch(request)) return undefined;
    const { partitions, waitMs } = fetchAsked(request);
    const from = Math.floor((partitions[0]?.offset ?? 0) / perBatch);
    const rest = batches.slice(from);
    return fetchReply([{ partition: 0, highWatermark: records.length, batches: rest }], rest.length > 0 ? 0 : waitMs);
  };
}

async function start<K, V>(script: Script, options: ConsumerOptions<K, V>) {
  const server = await scriptedServer(script);
  servers.push(server);
  const rivulet = new Rivulet({ url: server.url, retry: { baseMs: 5, capMs: 20 }, requestTimeoutMs: 1_000 });
  const consumer = rivulet.consumer<K, V>({ autoOffsetReset: 'earliest', ...options });
  if (options.groupId === undefined) consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  else consumer.subscribe({ topics: ['t'] });
  return { server, consumer };
}

async function read<K, V>(consumer: Consumer<K, V>, count: number): Promise<ConsumedMessage<K, V>[]> {
  const messages: ConsumedMessage<K, V>[] = [];
  for await (const message of consumer) if (messages.push(message) === count) break;
  return messages;
}

const valuesOf = (messages: readonly ConsumedMessage<unknown, unknown>[]) => messages.map(({ value }) => value);
const texts = (...values: (string | null)[]): Given[] => values.map((value) => ({ value }));
const json = { valueDeserializer: jsonSerde<unknown>() };
const slow: Deserializer<string> = {
  deserialize: async (_topic, bytes) => {
    await systemClock.sleep(bytes.length);
    return bytes.toString();
  },
};

describe('deserializers', () => {
  test('make keys and values of bytes, and null stays null', async () => {
    const records = [{ key: Buffer.from('00000007', 'hex'), value: '{"a":1}' }, { value: null }];
    const { consumer } = await start(log(records), { keyDeserializer: integerSerde, ...json });
    const messages = await read(consumer, 2);
    expect(messages.map(({ key, value }) => [key, value])).toEqual([[7, { a: 1 }], [null, null]]); // biome-ignore format: rows
  });

  test('get the topic and the headers, and what has none stays bytes', async () => {
    const seen: unknown[] = [];
    const spy: Deserializer<string> = { deserialize: (...args) => `${seen.push(args)}` };
    const { consumer } = await start(log([{ key: Buffer.from('k'), value: 'v' }]), { valueDeserializer: spy });
    const [message] = await read(consumer, 1);
    expect([message!.key, message!.value]).toEqual([Buffer.from('k'), '1']);
    expect(seen).toEqual([['t', Buffer.from('v'), { h: Buffer.from('1') }]]);
  });

  test('that wait keep the order', async () => {
    const { consumer } = await start(log(texts('long'.repeat(5), 'a', 'mid', 'b'), 2), { valueDeserializer: slow });
    expect(valuesOf(await read(consumer, 4))).toEqual(['longlonglonglonglong', 'a', 'mid', 'b']);
  });

  test('work for handlers of batches and for streams too', async () => {
    const { consumer } = await start(log(texts('1', '2', '3')), json);
    const batches: unknown[][] = [];
    await consumer.run({
      eachBatch: async ({ messages }) => {
        batches.push(valuesOf(messages));
        await consumer.stop();
      },
    });
    expect(batches).toEqual([[1, 2, 3]]);
    const { consumer: streaming } = await start(log(texts('1', '2', '3')), json);
    const seen: unknown[] = [];
    for await (const { value } of streaming.stream()) if (seen.push(value) === 3) break;
    expect(seen).toEqual([1, 2, 3]);
  });

  test('that still work when the consumer moves hand nothing over from before', async () => {
    const { consumer } = await start(log(texts('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'b', 'c')), {
      valueDeserializer: slow,
    });
    const reading = read(consumer, 1);
    await systemClock.sleep(15);
    consumer.seek({ topic: 't', partition: 0, offset: 2 });
    expect(valuesOf(await reading)).toEqual(['c']);
  });

  test('count as handlers: a member whose deserializer takes too long leaves its group', async () => {
    const stuck: Deserializer<string> = {
      deserialize: async () => {
        await systemClock.sleep(600);
        return 'late';
      },
    };
    const group = scriptedGroup(log(texts('a')));
    group.assigned = [0];
    const options = { groupId: 'g', maxPollIntervalMs: 200, sessionTimeoutMs: 6_000, valueDeserializer: stuck };
    const lost: string[] = [];
    const { consumer } = await start(group.script, {
      ...options,
      onPartitionsLost: (_partitions, reason) => void lost.push(reason.errorCode),
    });
    const run = consumer.run({ eachMessage: () => undefined });
    await expect.poll(() => lost, { timeout: 5_000 }).toEqual(['MAX_POLL_INTERVAL_EXCEEDED']);
    await consumer.stop();
    await run;
  });

  test('without the method are refused', async () => {
    await expect(start(log([]), { keyDeserializer: { serialize: () => '' } as never })).rejects.toThrow(
      'keyDeserializer: expected an object with a function deserialize, got object',
    );
  });
});

const poison = texts('1', '2', 'not JSON', '4', '5');

describe('a record that cannot be deserialized', () => {
  test.each([5, 2, 1])(
    'names its place, after those before it, and a seek goes on: %i in a batch',
    async (perBatch) => {
      const { consumer } = await start(log(poison, perBatch), json);
      const seen: unknown[] = [];
      const run = (end: number) =>
        consumer.run({
          eachMessage: async ({ value }) => {
            if (seen.push(value) === end) await consumer.stop();
          },
        });
      const error = await run(5).catch((failure: RivuletClientError) => failure);
      expect(seen).toEqual([1, 2]);
      expect(error).toMatchObject({
        ...{ errorCode: 'DESERIALIZATION_ERROR', topic: 't', partition: 0, offset: 2, extra: { nextOffset: 3 } },
        detail: expect.stringMatching(
          /^t partition 0: the value of the record at offset 2 cannot be deserialized \(.*JSON.*\): go on from offset 3$/,
        ),
        cause: expect.any(SyntaxError),
      });
      expect(consumer.position({ topic: 't', partition: 0 })).toBe(2);
      await expect(run(5)).rejects.toMatchObject({ offset: 2 });
      consumer.seek({ topic: 't', partition: 0, offset: 3 });
      await run(4);
      expect(seen).toEqual([1, 2, 4, 5]);
    },
  );

  test('ends an iteration, after which the position is at it', async () => {
    const { consumer } = await start(log(poison), json);
    const seen: unknown[] = [];
    const reading = async () => {
      for await (const { value } of consumer) seen.push(value);
    };
    await expect(reading()).rejects.toMatchObject({ errorCode: 'DESERIALIZATION_ERROR', offset: 2 });
    consumer.seek({ topic: 't', partition: 0, offset: 3 });
    expect(valuesOf(await read(consumer, 2))).toEqual([4, 5]);
    expect(seen).toEqual([1, 2]);
  });

  test.each([
    ['rejects', { deserialize: async (_topic: string, bytes: Buffer) => JSON.parse(bytes.toString()) as unknown }],
    ['throws', jsonSerde<unknown>()],
  ])('is skipped where onDeserializationError returns, when the deserializer %s', async (_how, valueDeserializer) => {
    const told: [number, string][] = [];
    const { consumer } = await start(log(texts('no', '2', 'no', '4', 'no', 'no', '7', 'no'), 2), {
      valueDeserializer,
      onDeserializationError: ({ offset, detail }) => void told.push([offset!, detail]),
    });
    expect(valuesOf(await read(consumer, 3))).toEqual([2, 4, 7]);
    await expect.poll(() => told.map(([offset]) => offset)).toEqual([0, 2, 4, 5, 7]);
    expect(consumer.position({ topic: 't', partition: 0 })).toBe(8);
  });

  test('and is skipped counts as handled, and so do those at the end of a batch and whole batches of them', async () => {
    const group = scriptedGroup(log(texts('1', 'no', 'no', 'no'), 2));
    group.assigned = [0];
    const skipped: number[] = [];
    const { consumer } = await start(group.script, {
      ...{ ...json, groupId: 'g', onDeserializationError: ({ offset }) => void skipped.push(offset!) },
    });
    const run = consumer.run({ eachMessage: () => undefined });
    await expect.poll(() => skipped).toEqual([1, 2, 3]);
    await consumer.stop();
    await run;
    expect(group.offsets.get(0)).toBe(4);
  });

  test('ends reading when onDeserializationError throws, and stop() in it does not deadlock', async () => {
    const { consumer } = await start(log(poison), {
      ...json,
      onDeserializationError: async (error) => {
        await consumer.stop();
        throw new Error(`gave up at ${error.offset}`);
      },
    });
    await expect(consumer.run({ eachMessage: () => undefined })).rejects.toThrow('gave up at 2');
    expect(consumer.position({ topic: 't', partition: 0 })).toBe(0);
  });

  test('ends the run of a member, which commits what was handled and leaves', async () => {
    const group = scriptedGroup(log(poison));
    group.assigned = [0];
    const { consumer } = await start(group.script, { ...json, groupId: 'g', keyDeserializer: stringSerde });
    await expect(consumer.run({ eachMessage: () => undefined })).rejects.toMatchObject({ offset: 2 });
    expect(group.offsets.get(0)).toBe(2);
    expect(group.left()).toBe(-1);
  });
});
