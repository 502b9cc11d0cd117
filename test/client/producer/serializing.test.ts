// These tests show what serializers, partitioners, acks and retries do to a send.
import { afterEach, describe, expect, test } from 'vitest';
import type { RivuletClientError } from '../../../client/client-error.ts';
import type { Message } from '../../../client/message.ts';
import type { PartitionerArgs } from '../../../client/producer/partitioner.ts';
import type { ProducerOptions } from '../../../client/producer/producer-options.ts';
import { Rivulet } from '../../../client/rivulet.ts';
import { integerSerde, jsonSerde, type Serializer, stringSerde } from '../../../client/serdes.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import {
  isProduce,
  isProducerId,
  type Script,
  type ScriptedServer,
  scriptedServer,
  sentRecords,
} from '../scripted-server.ts';

const servers: ScriptedServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function start<K, V>(options: ProducerOptions<K, V> = {}, script?: Script) {
  const server = await scriptedServer(script, 4);
  servers.push(server);
  const rivulet = new Rivulet({ url: server.url, retry: { baseMs: 1, capMs: 1 }, requestTimeoutMs: 1_000 });
  const producer = rivulet.producer<K, V>({ lingerMs: 0, ...options });
  const written = () => server.produced().flatMap(sentRecords);
  return { server, producer, written };
}

const values = (records: readonly { value: Buffer | null }[]) => records.map(({ value }) => value?.toString());

describe('serializers', () => {
  test('make bytes of keys and of values, null stays null, and a key may be missing', async () => {
    const { producer, written } = await start({ keySerializer: integerSerde, valueSerializer: jsonSerde<object>() });
    const messages: Message<number, object>[] = [{ key: 7, value: { a: 1 } }, { key: 8, value: null }, { value: [] }];
    await producer.send({ topic: 't', messages: messages.map((one) => ({ ...one, partition: 0 })) });
    const hex = written().map(({ key, value }) => [key?.toString('hex'), value?.toString()]);
    expect(hex).toEqual([
      ['00000007', '{"a":1}'],
      ['00000008', undefined],
      [undefined, '[]'],
    ]);
  });

  test('that wait keep the order of the sends, and flush waits for them', async () => {
    const waits = [60, 0, 30, 5];
    const slow: Serializer<string> = {
      async serialize(_topic, data) {
        await systemClock.sleep(waits.shift()!);
        return data;
      },
    };
    const { producer, written } = await start({ valueSerializer: slow });
    const sends = ['a', 'b', 'c', 'd'].map((value) =>
      producer.send({ topic: 't', messages: [{ value, partition: 0 }] }),
    );
    await producer.flush();
    expect(values(written())).toEqual(['a', 'b', 'c', 'd']);
    const offsets = (await Promise.all(sends)).flat().map(({ offset }) => offset);
    expect(offsets).toEqual([0, 1, 2, 3]);
  });

  test('that wait sometimes do not let later sends overtake', async () => {
    const sometimes: Serializer<string> = {
      serialize: (_topic, data) => (data === 'slow' ? systemClock.sleep(30).then(() => data) : data),
    };
    const { producer, written } = await start({ valueSerializer: sometimes });
    await Promise.all(
      ['a', 'slow', 'b', 'c'].map((value) => producer.send({ topic: 't', messages: [{ value, partition: 1 }] })),
    );
    expect(values(written())).toEqual(['a', 'slow', 'b', 'c']);
  });

  test('that reject after another one has thrown tell nobody: the send has failed already', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    const listeners = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', note);
    try {
      const late: Serializer<string> = {
        serialize: () => systemClock.sleep(5).then(() => Promise.reject(new Error())),
      };
      const { producer } = await start({ keySerializer: late, valueSerializer: stringSerde });
      const wrong = [{ key: 'a', value: 7 as unknown as string }];
      await expect(producer.send({ topic: 't', messages: wrong })).rejects.toThrow('messages[0].value');
      const messages = [{ key: 'a', value: 'a' }, ...wrong];
      await expect(producer.send({ topic: 't', messages })).rejects.toThrow('messages[1].value');
      await expect(
        producer.sendBatch({
          topicMessages: [
            { topic: 't', messages: messages.slice(0, 1) },
            { topic: 't', messages: wrong },
          ],
        }),
      ).rejects.toThrow('topicMessages[1]');
      await systemClock.sleep(30);
    } finally {
      process.removeAllListeners('unhandledRejection');
      for (const listener of listeners) process.on('unhandledRejection', listener);
    }
    expect(unhandled).toEqual([]);
  });

  test('that wait for one topic do not hold up another', async () => {
    const forever: Serializer<string> = {
      serialize: (topic, data) => (topic === 'stuck' ? new Promise<string>(() => undefined) : data),
    };
    const { producer } = await start({ valueSerializer: forever });
    void producer.send({ topic: 'stuck', messages: [{ value: 'a' }] });
    expect(await producer.send({ topic: 't', messages: [{ value: 'b' }] })).toHaveLength(1);
  });

  test.each<[string, (cause: Error) => Promise<never>]>([
    [
      'throws',
      (cause) => {
        throw cause;
      },
    ],
    ['rejects', (cause) => Promise.reject(cause)],
  ])('one that %s fails its own send alone, and names topic, message and field', async (_how, fail) => {
    // biome-ignore format: a line each
    const cause = new Error('no schema');
    const picky: Serializer<string> = { serialize: (_topic, data) => (data === 'bad' ? fail(cause) : data) };
    const { producer, written } = await start({ keySerializer: picky });
    const send = (...keys: string[]) =>
      producer.send({ topic: 't', messages: keys.map((key) => ({ key, value: key, partition: 0 })) });
    const sends = await Promise.allSettled([send('a'), send('b', 'bad', 'c'), send('d')]);
    expect(sends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const { reason } = sends[1] as PromiseRejectedResult;
    expect(reason).toMatchObject({
      ...{ errorCode: 'SERIALIZATION_ERROR', outcome: 'not-written', topic: 't', cause },
      detail: 'messages[1].key: the keySerializer has failed for topic t: no schema',
    });
    expect(values(written())).toEqual(['a', 'd']);
  });

  test('of a batch for several topics send all or nothing', async () => {
    const picky: Serializer<string> = {
      serialize: async (_topic, data) => {
        if (data === 'bad') throw new Error('no schema');
        return data;
      },
    };
    const { producer, written } = await start({ valueSerializer: picky });
    const topicMessages = ['good', 'bad'].map((value) => ({ topic: value, messages: [{ value }] }));
    await expect(producer.sendBatch({ topicMessages })).rejects.toMatchObject({
      ...{ errorCode: 'SERIALIZATION_ERROR', outcome: 'not-written' },
      detail: expect.stringMatching(/^topicMessages\[1\]\.messages\[0\]\.value: /),
    });
    expect(written()).toEqual([]);
  });

  test('that return something else are refused, and so are objects without the method', async () => {
    const wrong = { serialize: () => 5 as unknown as string };
    const { producer } = await start({ valueSerializer: wrong });
    await expect(producer.send({ topic: 't', messages: [{ value: 'a' }] })).rejects.toThrow(
      'messages[0].value: expected text, bytes or null, got number',
    );
    await expect(start({ keySerializer: {} as Serializer<string> })).rejects.toThrow(
      'keySerializer: expected an object with a function serialize, got object',
    );
  });

  test('may read and add headers, and the others stay as they are', async () => {
    const seen: unknown[] = [];
    const withId: Serializer<string> = {
      serialize(_topic, data, headers) {
        seen.push({ ...headers });
        headers['schema-id'] = Buffer.from([7]);
        return data;
      },
    };
    const { producer, written } = await start({ valueSerializer: withId });
    const list = [{ key: 'b', value: '1' }, { key: 'a', value: '2' }, { key: 'b', value: '3' }]; // biome-ignore format: a list
    const headers = [undefined, list, { c: 'x' }];
    const messages = headers.map((one) => ({ value: 'v', partition: 0, ...(one && { headers: one }) }));
    await producer.send({ topic: 't', messages });
    expect(seen).toEqual([{}, { b: ['1', '3'], a: '2' }, { c: 'x' }]);
    const names = written().map((record) =>
      record.headers.map(({ key, value }) => `${key}=${value?.toString('latin1')}`),
    );
    const id = 'schema-id=\x07';
    expect(names).toEqual([[id], ['b=1', 'a=2', 'b=3', id], ['c=x', id]]);
    expect(list).toHaveLength(3);
  });
});

describe('a partitioner of the program', () => {
  test('gets the bytes and the message, and is not asked for a message that names its partition', async () => {
    const asked: PartitionerArgs<string, string>[] = [];
    const { producer, written } = await start({
      valueSerializer: stringSerde,
      partitioner: (args: PartitionerArgs<string, string>) => asked.push(args) + 1,
    });
    const messages = [{ key: 'k', value: 'a' }, { value: 'b', partition: 0 }, { value: 'c' }]; // biome-ignore format: a list
    const results = await producer.send({ topic: 't', messages });
    expect(results.map(({ partition }) => partition)).toEqual([2, 0, 3]);
    expect(asked[0]).toEqual({
      ...{ topic: 't', partitionCount: 4, message: messages[0] },
      ...{ key: Buffer.from('k'), value: Buffer.from('a') },
    });
    expect(asked).toHaveLength(2);
    expect(written()).toHaveLength(3);
  });

  test.each<[unknown, string]>([
    [Number.NaN, 'NaN'],
    [4, '4'],
    [-1, '-1'],
    [0.5, '0.5'],
    ['1', '1'],
    [undefined, 'undefined'],
  ])('whose answer is %o fails the send, of which nothing is written', async (answer, shown) => {
    const answers = [0, answer];
    const { producer, written } = await start({ partitioner: () => answers.shift() as number });
    const messages = [{ value: 'a' }, { value: 'b' }];
    await expect(producer.send({ topic: 't', messages })).rejects.toMatchObject({
      ...{ errorCode: 'INVALID_REQUEST', outcome: 'not-written', topic: 't' },
      detail: `partitioner: expected a partition of t from 0 to 3, got ${shown} for message 1`,
    });
    expect(written()).toEqual([]);
  });

  test('that throws fails the send, and a name that is not known is refused', async () => {
    const { producer } = await start({
      partitioner: () => {
        throw new Error('no');
      },
    });
    await expect(producer.send({ topic: 't', messages: [{ value: 'a' }] })).rejects.toThrow(
      'partitioner: it has thrown for message 0 of topic t: Error: no',
    );
    await expect(start({ partitioner: 'sticky' as 'default' })).rejects.toThrow(
      'partitioner: expected default, round-robin, got sticky',
    );
  });
});

describe('acks 0', () => {
  const one = { topic: 't', messages: [{ value: 'a', partition: 2, timestamp: 5 }] };

  test('answers when the messages are queued, and flush waits for what becomes of them', async () => {
    let arrived = false;
    const { server, producer } = await start({ acks: 0, lingerMs: 20 }, (request) => {
      arrived ||= isProduce(request);
      return undefined;
    });
    expect(await producer.send(one)).toEqual([{ topic: 't', partition: 2, offset: -1, timestamp: 5 }]);
    expect(arrived).toBe(false);
    await producer.flush();
    expect(arrived).toBe(true);
    expect(server.received.filter(isProducerId)).toEqual([]);
  });

  test('tells onSendError what goes wrong later, and the caller what goes wrong before', async () => {
    const told: RivuletClientError[] = [];
    const refused = { status: 400, json: { errorCode: 'INVALID_RECORD', detail: 'no', retriable: false, status: 400 } };
    const { producer } = await start({ acks: 0, onSendError: (error) => void told.push(error) }, (request) => {
      if (request.path.includes('missing')) return { status: 404, json: { errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' } };
      return isProduce(request) ? refused : undefined;
    });
    expect(await producer.send(one)).toMatchObject([{ offset: -1 }]);
    await producer.disconnect();
    expect(told).toMatchObject([{ errorCode: 'INVALID_RECORD', topic: 't', partition: 2 }]);
    await producer.connect();
    await expect(producer.send({ ...one, topic: 'missing' })).rejects.toThrow('UNKNOWN_TOPIC_OR_PARTITION');
    await expect(producer.send({ ...one, messages: [{ value: 'a', partition: 9 }] })).rejects.toThrow('partition');
    expect(told).toHaveLength(1);
  });

  test.each([-1, 1, 'all'] as const)('%s waits for the answer, and is idempotent', async (acks) => {
    const { server, producer } = await start({ acks });
    expect(await producer.send(one)).toMatchObject([{ offset: 0 }]);
    expect(server.received.filter(isProducerId)).toHaveLength(1);
  });

  test.each<[ProducerOptions, string]>([
    [{ acks: 0, idempotent: true }, 'acks: expected all, -1 or 1 with the option idempotent, got 0'],
    [{ acks: 0, transactionalId: 'a' }, 'acks: expected all, -1 or 1 with the option transactionalId, got 0'],
    [{ retries: 0, idempotent: true }, 'retries: expected at least 1 with the option idempotent, got 0'],
    [{ retries: 0, transactionalId: 'a' }, 'retries: expected at least 1 with the option transactionalId, got 0'],
    [
      { idempotent: false, transactionalId: 'a' },
      'idempotent: expected true with the option transactionalId, got false',
    ],
    [{ acks: 2 as 1 }, 'acks: expected all, -1, 0, 1, got 2'],
    [{ retries: -1 }, 'retries: expected a whole number from 0 to 2147483647, got -1'],
    [{ onSendError: 5 as unknown as () => void }, 'onSendError: expected a function, got number'],
  ])('%o is refused, as in Kafka', (options, reason) => {
    const rivulet = new Rivulet({ url: 'http://127.0.0.1:1' });
    expect(() => rivulet.producer(options)).toThrow(reason);
  });
});

describe('retries', () => {
  const failing: Script = (request) => (isProduce(request) ? { status: 503, text: 'busy' } : undefined);
  const one = { topic: 't', messages: [{ value: 'a', partition: 2 }] };

  test.each([0, 1, 3])('%i: so often a batch is sent again', async (retries) => {
    const { server, producer } = await start({ retries }, failing);
    await expect(producer.send(one)).rejects.toMatchObject({ status: 503 });
    expect(server.produced()).toHaveLength(retries + 1);
    expect(server.received.filter(isProducerId)).toHaveLength(retries > 0 ? 1 : 0);
  });

  test('count a batch that goes out under another producer id', async () => {
    const lost = { status: 409, errorCode: 'UNKNOWN_PRODUCER_ID', outcome: 'not-written' };
    const { server, producer } = await start({ retries: 2 }, (request) =>
      isProduce(request) ? { status: 409, json: lost } : undefined,
    );
    await expect(producer.send(one)).rejects.toMatchObject({ errorCode: 'UNKNOWN_PRODUCER_ID' });
    expect(server.produced()).toHaveLength(3);
  });
});
