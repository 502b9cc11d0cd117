import { afterEach, expect, test } from 'vitest';
import type { RivuletClientError } from '../../../client/client-error.ts';
import type { Consumer } from '../../../client/consumer/consumer.ts';
import type { ConsumerOptions } from '../../../client/consumer/consumer-options.ts';
import type { ConsumedMessage } from '../../../client/message.ts';
import { Rivulet } from '../../../client/rivulet.ts';
import { limits } from '../../../lib/api/limits.ts';
import { encodeBatch } from '../../../lib/record/batch.ts';
import { unreadable } from '../../fixtures/unreadable-batch.ts';
import { batches, logs } from '../scripted-logs.ts';
import {
  type FrameGiven,
  fetchAsked,
  fetchReply,
  isFetch,
  type Received,
  type Reply,
  type Script,
  type ScriptedServer,
  scriptedServer,
} from '../scripted-server.ts';

const servers: ScriptedServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function start(script: Script, options: ConsumerOptions = {}) {
  const server = await scriptedServer(script);
  servers.push(server);
  const rivulet = new Rivulet({ url: server.url, retry: { baseMs: 5, capMs: 20 }, requestTimeoutMs: 1000 });
  return { server, consumer: rivulet.consumer({ autoOffsetReset: 'earliest', ...options }) };
}

async function read(consumer: Consumer, count: number): Promise<ConsumedMessage[]> {
  const messages: ConsumedMessage[] = [];
  for await (const message of consumer) {
    messages.push(message);
    if (messages.length === count) break;
  }
  return messages;
}

const offsetsOf = (messages: readonly ConsumedMessage[]) => messages.map(({ offset }) => offset);
const upTo = (end: number, from = 0) => Array.from({ length: end - from }, (_, i) => from + i);
const first = (script: Script): Script => {
  let done = false;
  return (request) => {
    if (!isFetch(request) || done) return undefined;
    done = true;
    return script(request);
  };
};
const either =
  (...scripts: Script[]): Script =>
  (request) =>
    scripts.reduce<Reply | undefined>((found, script) => found ?? script(request), undefined);

test('one request asks for all partitions of a topic, and every record is read once, in order', async () => {
  const { server, consumer } = await start(logs([25, 25]));
  consumer.assign([
    { topic: 't', partition: 0, offset: 0 },
    { topic: 't', partition: 1, offset: 0 },
  ]);
  const messages = await read(consumer, 50);
  for (const partition of [0, 1]) {
    expect(offsetsOf(messages.filter((message) => message.partition === partition))).toEqual(upTo(25));
  }
  expect(fetchAsked(server.received.find(isFetch)!).partitions).toHaveLength(2);
});

test('more partitions than one request may name are read to their ends by several requests', async () => {
  const partitions = 2 * limits.fetchPartitions + 88;
  const { server, consumer } = await start(logs(Array.from({ length: partitions }, () => 3)));
  consumer.assign(Array.from({ length: partitions }, (_, partition) => ({ topic: 't', partition, offset: 0 })));
  const messages = await read(consumer, 3 * partitions);
  const byPartition = Map.groupBy(messages, ({ partition }) => partition);
  for (let partition = 0; partition < partitions; partition++)
    expect(offsetsOf(byPartition.get(partition) ?? [])).toEqual(upTo(3));
  const asked = server.received.filter(isFetch).map((request) => fetchAsked(request).partitions.length);
  expect(Math.max(...asked)).toBe(limits.fetchPartitions);
});

test('a busy partition does not starve those that another request asks for', async () => {
  const ends = Array.from({ length: 2 * limits.fetchPartitions }, () => 0);
  ends[0] = 100_000;
  ends[limits.fetchPartitions] = 5;
  const { consumer } = await start(logs(ends));
  consumer.assign(ends.map((_, partition) => ({ topic: 't', partition, offset: 0 })));
  const messages = await read(consumer, 200);
  expect(messages.filter(({ partition }) => partition !== 0)).toHaveLength(5);
});

test('records below the wanted offset, in the batch that holds it, are left out', async () => {
  const { consumer } = await start(logs([30], 10, 10));
  consumer.assign([{ topic: 't', partition: 0, offset: 13 }]);
  expect(offsetsOf(await read(consumer, 17))).toEqual(upTo(30, 13));
});

test('control batches are not handed over, and the position passes them', async () => {
  const control = encodeBatch([{ key: null, value: null, headers: [], timestampMs: 0 }], {
    baseOffset: 2,
    isControl: true,
    isTransactional: true,
    producerId: 1,
    producerEpoch: 0,
    baseSequence: -1,
  });
  const all = [...batches(0, 2), control, ...batches(3, 5)];
  const { consumer } = await start(first(() => fetchReply([{ partition: 0, highWatermark: 5, batches: all }])));
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  expect(offsetsOf(await read(consumer, 4))).toEqual([0, 1, 3, 4]);
  expect(consumer.position({ topic: 't', partition: 0 })).toBe(5);
});

test('the position moves when a message is handed over, not when it is fetched', async () => {
  const { consumer } = await start(logs([10]));
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  expect(offsetsOf(await read(consumer, 3))).toEqual([0, 1, 2]);
  expect(consumer.position({ topic: 't', partition: 0 })).toBe(3);
  expect(offsetsOf(await read(consumer, 2))).toEqual([3, 4]);
});

test('an answer is read ahead while the one before is being worked on, and no further', async () => {
  const { server, consumer } = await start(logs([100], 10));
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  let seen = 0;
  for await (const _message of consumer) {
    if (++seen === 5) {
      await expect.poll(() => server.received.filter(isFetch).length).toBe(2);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(server.received.filter(isFetch)).toHaveLength(2);
      break;
    }
  }
});

test('waits grow while nothing flows, up to maxWaitMs, and a server that does not wait is not hurried', async () => {
  const immediate: Script = (request) => (isFetch(request) ? fetchReply([{ partition: 0 }]) : undefined);
  const { server, consumer } = await start(immediate, { maxWaitMs: 2_000 });
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  const reading = read(consumer, 1);
  await new Promise((resolve) => setTimeout(resolve, 600));
  await consumer.stop();
  expect(await reading).toEqual([]);
  const asked = server.received.filter(isFetch);
  expect(asked.length).toBeLessThan(30);
  const waits = asked.map((request) => fetchAsked(request).waitMs);
  expect(waits.slice(0, 4)).toEqual([500, 1000, 2000, 2000].slice(0, waits.length));
});

test('with maxIdlePauseMs the consumer waits, longer and longer, and the server never does', async () => {
  const immediate: Script = (request) => (isFetch(request) ? fetchReply([{ partition: 0 }]) : undefined);
  const { server, consumer } = await start(immediate, { maxIdlePauseMs: 200 });
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  const reading = read(consumer, 1);
  await expect.poll(() => server.received.filter(isFetch).length, { timeout: 5_000 }).toBeGreaterThanOrEqual(4);
  await consumer.stop();
  expect(await reading).toEqual([]);
  const asked = server.received.filter(isFetch);
  expect(new Set(asked.map((request) => fetchAsked(request).waitMs))).toEqual(new Set([0]));
  const gaps = asked.slice(1, 4).map(({ atMs }, index) => atMs - asked[index]!.atMs);
  // A pause is up to a fifth shorter, at random, and timers may fire a little early.
  for (const [index, leastMs] of [80, 160, 160].entries()) expect(gaps[index]).toBeGreaterThan(leastMs - 5);
});

test('with maxIdlePauseMs a consumer that receives records does not pause', async () => {
  const { server, consumer } = await start(logs([50]), { maxIdlePauseMs: 60_000 });
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  expect(await read(consumer, 50)).toHaveLength(50);
  expect(server.received.filter(isFetch).length).toBeGreaterThanOrEqual(5);
});

test('stop ends a long poll immediately', async () => {
  const { server, consumer } = await start((request) => (isFetch(request) ? { hang: true } : undefined));
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  const reading = read(consumer, 1);
  await expect.poll(() => server.received.filter(isFetch).length).toBe(1);
  const startedMs = performance.now();
  await consumer.stop();
  expect(await reading).toEqual([]);
  expect(performance.now() - startedMs).toBeLessThan(100);
});

test.each<[string, Reply]>([
  ['503', { status: 503, text: '' }],
  ['a cut socket', { close: true }],
  ['429', { status: 429, text: '' }],
])('%s is tried again', async (_name, fault) => {
  const { consumer } = await start(
    either(
      first(() => fault),
      logs([5]),
    ),
  );
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  expect(offsetsOf(await read(consumer, 5))).toEqual(upTo(5));
});

test('an error that is not retriable is thrown, and names its topic', async () => {
  const { consumer } = await start((request) => (isFetch(request) ? { status: 403, text: 'no' } : undefined));
  consumer.assign([{ topic: 't', partition: 3, offset: 7 }]);
  const thrown = read(consumer, 1);
  await expect(thrown).rejects.toMatchObject({ errorCode: 'FORBIDDEN', topic: 't', partition: 3, offset: 7 });
});

test("one partition's retriable error delays that partition only", async () => {
  let failures = 0;
  const script: Script = (request) => {
    const reply = logs([20, 20], 4)(request);
    if (!isFetch(request) || failures >= 3) return reply;
    const { partitions } = fetchAsked(request);
    const frames = partitions.map(({ partition, offset }): FrameGiven => {
      if (partition !== 1) return { partition, highWatermark: 20, batches: batches(offset, Math.min(20, offset + 4)) };
      failures++;
      return { partition, errorCode: 56, highWatermark: -1, logStartOffset: -1 };
    });
    return fetchReply(frames);
  };
  const { consumer } = await start(script);
  consumer.assign([0, 1].map((partition) => ({ topic: 't', partition, offset: 0 })));
  const messages = await read(consumer, 40);
  expect(messages.slice(0, 4).map(({ partition }) => partition)).toEqual([0, 0, 0, 0]);
  expect(offsetsOf(messages.filter(({ partition }) => partition === 1))).toEqual(upTo(20));
});

test('an error of one partition that is not retriable comes after the records of the others', async () => {
  const problem = { status: 500, errorCode: 'CORRUPT_LOG', retriable: false, detail: 'segment 77 is damaged' };
  const script: Script = (request) => {
    if (request.path === '/v1/topics/t/partitions/1/records') return { status: 500, json: problem };
    if (!isFetch(request)) return undefined;
    return fetchReply([
      { partition: 1, errorCode: 56, highWatermark: -1, logStartOffset: -1 },
      { partition: 0, highWatermark: 3, batches: batches(0, 3) },
    ]);
  };
  const { consumer } = await start(script);
  consumer.assign([1, 0].map((partition) => ({ topic: 't', partition, offset: 0 })));
  const messages: ConsumedMessage[] = [];
  const reading = (async () => {
    for await (const message of consumer) messages.push(message);
  })();
  await expect(reading).rejects.toMatchObject({
    errorCode: 'CORRUPT_LOG',
    detail: 'segment 77 is damaged',
    topic: 't',
    partition: 1,
    offset: 0,
  });
  expect(offsetsOf(messages)).toEqual([0, 1, 2]);
});

test('a batch whose bytes were changed is not handed over', async () => {
  const damaged = batches(0, 3)[1]!;
  damaged[damaged.length - 1]! ^= 1;
  const bytes = [batches(0, 1)[0]!, damaged];
  const { consumer } = await start((request) =>
    isFetch(request) ? fetchReply([{ partition: 0, highWatermark: 3, batches: bytes }]) : undefined,
  );
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  const messages: ConsumedMessage[] = [];
  const reading = (async () => {
    for await (const message of consumer) messages.push(message);
  })();
  await expect(reading).rejects.toMatchObject({
    ...{ errorCode: 'CORRUPT_MESSAGE', topic: 't', partition: 0, offset: 1 },
    detail: expect.stringMatching(/^t partition 0: the batch at offset 1 is damaged: CRC-32C is /),
  });
  expect(offsetsOf(messages)).toEqual([0]);
});

test('a batch that its producer wrote in a form that cannot be unpacked can be skipped', async () => {
  const [first, wrong, last] = batches(0, 3);
  const bytes = [first!, unreadable(wrong!), last!];
  const { consumer } = await start((request) =>
    isFetch(request) ? fetchReply([{ partition: 0, highWatermark: 3, batches: bytes }]) : undefined,
  );
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  const error: RivuletClientError = await read(consumer, 3).catch((error) => error);
  expect(error).toMatchObject({
    ...{ errorCode: 'CORRUPT_MESSAGE', partition: 0, offset: 1, retriable: false },
    detail: expect.stringMatching(
      /^t partition 0: the batch at offset 1 cannot be unpacked, because its producer wrote it so \(.*\): go on from offset 2$/,
    ),
  });
  consumer.seek({ topic: 't', partition: 0, offset: error.extra.nextOffset as number });
  expect(offsetsOf(await read(consumer, 1))).toEqual([2]);
});

const trimmed = (request: Received): Reply | undefined => {
  if (request.path.endsWith('/offsets')) {
    const offset = request.query.get('at') === 'earliest' ? 50 : 60;
    return { json: { topicId: '', partitions: [{ partition: 0, offset, timestamp: -1 }] } };
  }
  if (!isFetch(request)) return undefined;
  const { partitions, waitMs } = fetchAsked(request);
  const offset = partitions[0]?.offset ?? 0;
  const watermarks = { partition: 0, highWatermark: 60, logStartOffset: 50 };
  if (offset < 50 || offset > 60) return fetchReply([{ ...watermarks, errorCode: 1 }]);
  return fetchReply([{ ...watermarks, batches: batches(offset, 60) }], offset === 60 ? waitMs : 0);
};

test('a consumer whose offset is gone continues at the earliest, if autoOffsetReset says so', async () => {
  const { consumer } = await start(trimmed);
  consumer.assign([{ topic: 't', partition: 0, offset: 7 }]);
  expect(offsetsOf(await read(consumer, 10))).toEqual(upTo(60, 50));
});

test('a consumer whose offset is gone continues at the latest, if autoOffsetReset says so', async () => {
  const { server, consumer } = await start(trimmed, { autoOffsetReset: 'latest' });
  consumer.assign([{ topic: 't', partition: 0, offset: 7 }]);
  const reading = read(consumer, 1);
  await expect.poll(() => server.received.filter(isFetch).at(-1) && lastOffset(server)).toBe(60);
  await consumer.stop();
  expect(await reading).toEqual([]);
});

function lastOffset(server: ScriptedServer): number | undefined {
  return fetchAsked(server.received.filter(isFetch).at(-1)!).partitions[0]?.offset;
}

test('an offset that is gone is an error that says where the log is, if autoOffsetReset is none', async () => {
  const { consumer } = await start(trimmed, { autoOffsetReset: 'none' });
  expect(() => consumer.assign([{ topic: 't', partition: 0 }])).toThrow(/offset: expected one for t-0/);
  consumer.assign([{ topic: 't', partition: 0, offset: 7 }]);
  await expect(read(consumer, 1)).rejects.toMatchObject({
    errorCode: 'OFFSET_OUT_OF_RANGE',
    topic: 't',
    partition: 0,
    offset: 7,
    extra: { logStartOffset: 50, highWatermark: 60 },
  });
});

test('a seek to a time misses nothing that arrives while the offset is looked up', async () => {
  let end = 10;
  const { consumer } = await start((request) => {
    if (!request.path.endsWith('/offsets')) return logs([end])(request);
    const offset = request.query.get('at') === 'latest' ? end : -1;
    // One more record arrives between this answer and the next request.
    end++;
    return { json: { topicId: '', partitions: [{ partition: 0, offset, timestamp: -1 }] } };
  });
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  consumer.seek({ topic: 't', partition: 0, timestamp: 5 });
  expect(offsetsOf(await read(consumer, 1))).toEqual([10]);
});

test('a consumer with nothing to read fails immediately, and does not wait', async () => {
  const { consumer } = await start(() => undefined);
  const nothing = /^INVALID_REQUEST: the consumer has nothing to read: subscribe or assign first$/;
  await expect(consumer.run({ eachMessage: () => undefined })).rejects.toThrow(nothing);
  await expect(read(consumer, 1)).rejects.toThrow(nothing);
  await consumer.stop();
});

test.each([
  [undefined, /expected a function eachMessage or eachBatch, got undefined/],
  [{}, /expected a function eachMessage or eachBatch, got undefined/],
  [{ eachMessage: 'log' }, /expected a function eachMessage or eachBatch, got string/],
  [{ eachMessage: () => undefined, eachBatch: () => undefined }, /eachMessage or eachBatch, got both/],
])('run(%j) is refused in a sentence', async (handlers, sentence) => {
  const { consumer } = await start(logs([1]));
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  // @ts-expect-error: JavaScript may call it like this.
  await expect(consumer.run(handlers)).rejects.toThrow(sentence);
});

test('a maxBytesPerPartition out of bounds is refused immediately', async () => {
  await expect(start(() => undefined, { maxBytesPerPartition: 0 })).rejects.toThrow(/maxBytesPerPartition: expected/);
});

test('run moves the position back to the message that the handler threw at', async () => {
  const { consumer } = await start(logs([10]));
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  const seen: number[] = [];
  const handler = ({ offset }: ConsumedMessage) => {
    seen.push(offset);
    if (offset === 4 && seen.length === 5) throw new Error('not now');
    if (offset === 9) void consumer.stop();
  };
  await expect(consumer.run({ eachMessage: handler })).rejects.toThrow('not now');
  expect(consumer.position({ topic: 't', partition: 0 })).toBe(4);
  await consumer.run({ eachMessage: handler });
  expect(seen).toEqual([0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9]);
});

test('handlers that return no promise follow each other without a pause, and a promise is waited for', async () => {
  const { consumer } = await start(logs([6], 6, 6));
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  const events: string[] = [];
  await consumer.run({
    eachMessage: ({ offset }) => {
      events.push(`${offset}`);
      if (offset === 0) queueMicrotask(() => events.push('a microtask of the first'));
      if (offset === 5) void consumer.stop();
      return offset === 3
        ? new Promise((resolve) => setTimeout(() => resolve(void events.push('3 is done')), 5))
        : undefined;
    },
  });
  expect(events).toEqual(['0', '1', '2', '3', 'a microtask of the first', '3 is done', '4', '5']);
  expect(consumer.position({ topic: 't', partition: 0 })).toBe(6);
});

test('a handler that pauses its partition and then throws gets the message again', async () => {
  const { consumer } = await start(logs([5]));
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  const seen: number[] = [];
  const eachMessage = ({ offset }: ConsumedMessage) => {
    seen.push(offset);
    if (offset === 4) void consumer.stop();
    if (offset !== 2 || seen.length > 3) return;
    consumer.pause([{ topic: 't' }]);
    throw new Error('not now');
  };
  await expect(consumer.run({ eachMessage })).rejects.toThrow('not now');
  consumer.resume([{ topic: 't' }]);
  await consumer.run({ eachMessage });
  expect(seen).toEqual([0, 1, 2, 2, 3, 4]);
});

test.each([
  [1, [[0], [1], [2], [3], [4], [5], [6]]],
  [3, [[0, 1, 2], [3], [4, 5, 6]]],
  [4, [upTo(4), upTo(7, 4)]],
  [undefined, [upTo(4), upTo(7, 4)]],
])('maxPollRecords %d: no more at once, nor of two batches, and a batch that goes on is read on', async (most, all) => {
  const { consumer } = await start(logs([7], 8, 4), most === undefined ? {} : { maxPollRecords: most });
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  const seen: number[][] = [];
  await consumer.run({
    eachBatch: ({ messages }) => {
      seen.push(offsetsOf(messages));
      if (messages.at(-1)!.offset === 6) void consumer.stop();
    },
  });
  expect(seen).toEqual(all);
});

test('with maxPollRecords, a batch whose handler threw in the middle continues behind what was handled', async () => {
  const { consumer } = await start(logs([5], 5, 5), { maxPollRecords: 1 });
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  const seen: number[] = [];
  const eachBatch = ({ messages }: { messages: readonly ConsumedMessage[] }) => {
    seen.push(...offsetsOf(messages));
    if (seen.length === 4) throw new Error('not now');
    if (seen.length === 6) void consumer.stop();
  };
  await expect(consumer.run({ eachBatch })).rejects.toThrow('not now');
  await consumer.run({ eachBatch });
  expect(seen).toEqual([0, 1, 2, 3, 3, 4]);
});

test('run with eachBatch hands over whole batches, and hands a batch over again when its handler threw', async () => {
  const { consumer } = await start(logs([20], 20, 5));
  consumer.assign([{ topic: 't', partition: 0, offset: 2 }]);
  const seen: number[][] = [];
  const eachBatch = async ({
    messages,
    highWatermark,
  }: {
    messages: readonly ConsumedMessage[];
    highWatermark: number;
  }) => {
    expect(highWatermark).toBe(20);
    seen.push(offsetsOf(messages));
    if (seen.length === 2) throw new Error('not now');
    if (seen.length === 5) await consumer.stop();
  };
  await expect(consumer.run({ eachBatch })).rejects.toThrow('not now');
  await consumer.run({ eachBatch });
  expect(seen).toEqual([upTo(5, 2), upTo(10, 5), upTo(10, 5), upTo(15, 10), upTo(20, 15)]);
});

test('only one reader at a time can read a consumer, and only an assigned partition can be moved', async () => {
  const { consumer } = await start(logs([10]));
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  const reading = consumer[Symbol.asyncIterator]();
  expect(() => consumer[Symbol.asyncIterator]()).toThrow(/being read already/);
  expect(() => consumer.seek({ topic: 't', partition: 9, offset: 0 })).toThrow(/t-9 is not assigned/);
  await reading.return?.();
  await consumer.disconnect();
  expect(() => consumer[Symbol.asyncIterator]()).toThrow(/CLIENT_CLOSED/);
});

test('the topic id of the first answer is sent with the next requests', async () => {
  const { server, consumer } = await start(logs([20]));
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  await read(consumer, 15);
  const [one, two] = server.received.filter(isFetch).map(fetchAsked);
  expect(one?.topicId).toBeUndefined();
  expect(two?.topicId).toBe('AAAAAAAAAAAAAAAAAAAAAA');
});
