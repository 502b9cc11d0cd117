// Records through the Kafka listener: produce, fetch, offsets.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RivuletError } from '../../lib/api/errors.ts';
import type { TopicDescription } from '../../lib/api/topics.ts';
import { crc32c } from '../../lib/bytes/crc32c.ts';
import { decodeBatch, encodeBatch } from '../../lib/record/batch.ts';
import { stampBaseOffset } from '../../lib/record/batch-header.ts';
import type { Compression } from '../../lib/record/compression.ts';
import { batchOf, fetchMessage, fetchTopic, produceMessage, type Service, startService } from './service.ts';
import { type AnyReply, key, type Wire } from './wire.ts';

let service: Service;
let wire: Wire;
let orders: TopicDescription;
let other: TopicDescription;
let count = 0;

beforeAll(async () => {
  service = await startService();
});

beforeEach(async () => {
  wire = await service.connect();
  orders = await service.engine.createTopic({ topic: `orders-${count++}`, partitions: 3 });
  other = await service.engine.createTopic({ topic: `other-${count}` });
});

const produce = async (message: object, version = 9) =>
  (await wire.ask(key.produce, version, message)).responses[0].partitionResponses as AnyReply[];

const fetch = async (topics: readonly object[], terms: object = {}, version = 12) =>
  (await wire.ask(key.fetch, version, fetchMessage(topics, terms))).responses.map(
    ({ partitions }: AnyReply) => partitions,
  ) as AnyReply[][];

const valuesIn = (records: Uint8Array): string[] => {
  const values: string[] = [];
  for (let at = 0; at < records.length; ) {
    const batch = decodeBatch(records, at);
    values.push(...batch.records.map(({ value }) => new TextDecoder().decode(value!)));
    at += batch.header.sizeBytes;
  }
  return values;
};

describe('produce', () => {
  test.each<Compression>(['none', 'gzip', 'snappy', 'lz4', 'zstd'])('keeps a %s batch byte for byte', async (codec) => {
    const batch = batchOf(['a', 'b'.repeat(5_000)], { compression: codec });
    expect(await produce(produceMessage(orders.topic, { 1: batch.slice() }))).toMatchObject([
      { index: 1, errorCode: 0, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0 },
    ]);
    const [[found] = []] = await fetch([fetchTopic(orders, { partition: 1 })]);
    stampBaseOffset(batch, 0, 0, 0);
    expect(Buffer.from(found.records)).toEqual(Buffer.from(batch));
    const { partitions } = await service.engine.fetch({
      topic: orders.topic,
      partitions: [{ partition: 1, offset: 0 }],
    });
    expect(partitions).toMatchObject([{ highWatermark: 2 }]);
  });

  test('answers each partition in the order of the request, the bad ones with their error', async () => {
    const replies = await produce(
      produceMessage(orders.topic, {
        0: batchOf(['a']),
        1: Buffer.concat([batchOf(['b']), batchOf(['c'])]),
        7: batchOf(['d']),
      }),
    );
    expect(replies).toMatchObject([
      { index: 0, errorCode: 0, baseOffset: 0 },
      { index: 1, errorCode: 87, baseOffset: -1, errorMessage: 'records: expected one batch, got more' },
      { index: 7, errorCode: 3, baseOffset: -1 },
    ]);
  });

  test('names the records without a key that a compacted topic refuses, from version 8 on, and a thousand in all', async () => {
    await service.engine.createTopic({ topic: 'keyed', partitions: 3, config: { 'cleanup.policy': 'compact' } });
    const keyOf = (i: number) => (i % 2 === 0 ? null : new Uint8Array([i]));
    const records = Array.from({ length: 4 }, (_, i) => ({ key: keyOf(i), value: null, headers: [], timestampMs: 1 }));
    const batchIndexErrorMessage = 'key: expected a key, because topic keyed is compacted, got null';
    const [reply] = await produce(produceMessage('keyed', { 1: encodeBatch(records) }), 8);
    expect(reply).toMatchObject({
      ...{ errorCode: 87, baseOffset: -1, errorMessage: `partition 1: records[0].${batchIndexErrorMessage}` },
      recordErrors: [0, 2].map((batchIndex) => ({ batchIndex, batchIndexErrorMessage })),
    });
    expect(await produce(produceMessage('keyed', { 1: encodeBatch(records) }), 7)).toMatchObject([{ errorCode: 87 }]);
    const most = batchOf(Array.from({ length: 800 }, String));
    const replies = await produce(produceMessage('keyed', { 0: most, 1: most, 2: most }));
    expect(replies.map(({ recordErrors }) => recordErrors.length)).toEqual([800, 200, 0]);
  });

  test('refuses other formats, damaged batches, and zstd in versions that do not know it', async () => {
    const old = batchOf(['a']);
    old[16] = 1;
    const damaged = batchOf(['a']);
    damaged[damaged.length - 1]! ^= 1;
    const cut = batchOf(['a']).subarray(0, 65);
    const replies = await produce(produceMessage(orders.topic, { 0: old, 1: damaged, 2: cut }));
    expect(replies.map(({ errorCode }) => errorCode)).toEqual([87, 2, 2]);
    const zstd = produceMessage(orders.topic, { 0: batchOf(['a'], { compression: 'zstd' }) });
    expect(await produce(zstd, 6)).toMatchObject([{ errorCode: 76 }]);
    expect(await produce(zstd, 7)).toMatchObject([{ errorCode: 0 }]);
    expect(await produce(produceMessage(orders.topic, { 0: new Uint8Array(0) }))).toMatchObject([{ errorCode: 87 }]);
  });

  test('refuses acks that do not exist, transactional ids without a transaction, versions before 3, and topics that do not exist', async () => {
    expect(await produce(produceMessage(orders.topic, { 0: batchOf(['a']) }, 2))).toMatchObject([{ errorCode: 21 }]);
    expect(
      await produce({ ...produceMessage(orders.topic, { 0: batchOf(['a']) }), transactionalId: 'x' }),
    ).toMatchObject([{ errorCode: 47 }]);
    expect(await produce(produceMessage(orders.topic, { 0: batchOf(['a']) }), 2)).toMatchObject([{ errorCode: 35 }]);
    expect(await produce(produceMessage('nowhere', { 0: batchOf(['a']) }))).toMatchObject([{ errorCode: 3 }]);
  });

  test('with acks=0 has no reply, and closes the connection if it fails', async () => {
    wire.tell(key.produce, 9, produceMessage(orders.topic, { 0: batchOf(['quiet']) }, 0));
    expect((await fetch([fetchTopic(orders)], { maxWaitMs: 10_000 }))[0]).toMatchObject([{ highWatermark: 1 }]);
    wire.tell(key.produce, 9, produceMessage('nowhere', { 0: batchOf(['a']) }, 0));
    await wire.closed;
    expect(service.failures).toEqual([expect.stringContaining('a produce request with acks=0 failed')]);
  });

  test('writes a batch of an idempotent producer once, and names a gap', async () => {
    const { producerId, producerEpoch } = await wire.ask(key.initProducerId, 4, {
      transactionalTimeoutMs: 0,
      transactionalId: null,
    });
    const batch = (baseSequence: number) =>
      produceMessage(orders.topic, { 0: batchOf(['a', 'b'], { producerId, producerEpoch, baseSequence }) });
    expect(await produce(batch(0))).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
    expect(await produce(batch(2))).toMatchObject([{ errorCode: 0, baseOffset: 2 }]);
    expect(await produce(batch(0))).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
    expect(await produce(batch(9))).toMatchObject([{ errorCode: 45 }]);
    expect(await produce(batch(2))).toMatchObject([{ errorCode: 0, baseOffset: 2 }]);
  });

  test('keeps the order of requests that name more partitions than one append may', async () => {
    const wide = await service.engine.createTopic({ topic: 'wide', partitions: 300 });
    const all = Array.from({ length: 300 }, (_, partition) => [partition, batchOf(['first'])]);
    const first = produce(produceMessage(wide.topic, Object.fromEntries(all)));
    const second = produce(produceMessage(wide.topic, { 299: batchOf(['second']) }));
    expect((await first).map(({ errorCode, baseOffset }) => errorCode || baseOffset)).toEqual(all.map(() => 0));
    expect(await second).toMatchObject([{ errorCode: 0, baseOffset: 1 }]);
  });

  test('takes a batch without a producer id whatever its epoch and sequence say, as KafkaJS sends it', async () => {
    const batch = batchOf(['a']);
    const view = new DataView(batch.buffer, batch.byteOffset);
    view.setInt16(51, 0);
    view.setInt32(53, 0);
    expect(await produce(produceMessage(orders.topic, { 0: batch.slice() }))).toMatchObject([{ errorCode: 2 }]);
    view.setUint32(17, crc32c(batch, 21, batch.length));
    expect(await produce(produceMessage(orders.topic, { 0: batch }))).toMatchObject([{ errorCode: 0 }]);
    const [[found] = []] = await fetch([fetchTopic(orders)]);
    expect(decodeBatch(found.records).header).toMatchObject({ producerId: -1, producerEpoch: -1, baseSequence: -1 });
  });

  test('keeps the order of requests that are sent without waiting', async () => {
    const numbers = Array.from({ length: 20 }, (_, i) => i);
    const replies = await Promise.all(
      numbers.map((i) => produce(produceMessage(orders.topic, { 0: batchOf([String(i)]) }))),
    );
    expect(replies.map(([reply]) => reply.baseOffset)).toEqual(numbers);
    expect(valuesIn((await fetch([fetchTopic(orders)]))[0]![0].records)).toEqual(numbers.map(String));
  });
});

describe('behind a batch of an idempotent producer that failed', () => {
  /** The first append fails so; the others reach the engine. */
  async function afterFailure(outcome: 'not-written' | 'unknown', isWritten = false) {
    let appends = 0;
    /** The others whose turn came. */
    let sequenced = 0;
    const failing = await startService({
      wrap: (engine) => ({
        ...engine,
        append: async (request) => {
          if (appends++ > 0) {
            await request.partitions[0]!.after?.then(() => sequenced++);
            return engine.append(request);
          }
          if (isWritten) await engine.append(request);
          throw new RivuletError('STORAGE_UNAVAILABLE', 'no connection', { outcome });
        },
      }),
    });
    await failing.engine.createTopic({ topic: 't' });
    const { producerId, epoch } = await failing.engine.newProducer();
    const failingWire = await failing.connect();
    const send = async (baseSequence: number) => {
      const batch = batchOf(['a'], { producerId, producerEpoch: epoch, baseSequence });
      const reply = await failingWire.ask(key.produce, 9, produceMessage('t', { 0: batch }));
      return reply.responses[0].partitionResponses[0].errorCode as number;
    };
    const end = async () => (await failing.engine.offsets({ topic: 't', at: 'latest' })).partitions[0]!.offset;
    const sendThree = () => Promise.all([send(0), send(1), send(2)]);
    return { send, sendThree, end, reached: () => sequenced };
  }

  test('those that follow are not written if it was not, and all go in when they come again', async () => {
    const { sendThree, end } = await afterFailure('not-written');
    expect(await sendThree()).toEqual([19, 19, 19]);
    expect(await end()).toBe(0);
    expect(await sendThree()).toEqual([0, 0, 0]);
    expect(await end()).toBe(3);
  });

  test('those that follow have no gap that is final if it is in doubt and was not written', async () => {
    const { sendThree, end, reached } = await afterFailure('unknown');
    expect(await sendThree()).toEqual([7, 19, 19]);
    // The engine waits for a predecessor that it misses: only one batch waited.
    expect(reached()).toBe(1);
    expect(await sendThree()).toEqual([0, 0, 0]);
    expect(await end()).toBe(3);
  });

  test('those that follow are written if it is in doubt and was written', async () => {
    const { sendThree, end } = await afterFailure('unknown', true);
    expect(await sendThree()).toEqual([7, 0, 0]);
    expect(await sendThree()).toEqual([0, 0, 0]);
    expect(await end()).toBe(3);
  });

  test('a true gap is one', async () => {
    const { send } = await afterFailure('not-written');
    expect(await send(0)).toBe(19);
    expect(await send(0)).toBe(0);
    expect(await send(5)).toBe(45);
  });
});

test('batches of a partition are uploaded beside each other, and get their offsets in order', async () => {
  const held: (() => void)[] = [];
  const slow = await startService({
    wrap: (engine) => ({
      ...engine,
      append: async (request) => {
        const reply = engine.append(request);
        await new Promise<void>((resolve) => held.push(resolve));
        return reply;
      },
    }),
  });
  await slow.engine.createTopic({ topic: 't' });
  const slowWire = await slow.connect();
  const replies = ['a', 'b'].map((value) => slowWire.ask(key.produce, 9, produceMessage('t', { 0: batchOf([value]) })));
  await expect.poll(() => held.length).toBe(2);
  const end = async () => (await slow.engine.offsets({ topic: 't', at: 'latest' })).partitions[0]!.offset;
  await expect.poll(end).toBe(1);
  for (const release of held) release();
  const offsets = (await Promise.all(replies)).map((reply) => reply.responses[0].partitionResponses[0].baseOffset);
  expect(offsets).toEqual([0, 1]);
});

describe('fetch', () => {
  test.each([4, 7, 11, 12, 13, 17])(
    'version %i returns the batch that holds the offset, and both ends',
    async (version) => {
      await produce(produceMessage(orders.topic, { 0: batchOf(['a', 'b', 'c']) }));
      await produce(produceMessage(orders.topic, { 0: batchOf(['d']) }));
      const [[found] = []] = await fetch([fetchTopic(orders, { offset: 1 })], {}, version);
      expect(found).toMatchObject({ errorCode: 0, highWatermark: 4, lastStableOffset: 4 });
      expect(valuesIn(found.records)).toEqual(['a', 'b', 'c', 'd']);
    },
  );

  test('answers every partition that was asked for, in order', async () => {
    await produce(produceMessage(orders.topic, { 2: batchOf(['a']) }));
    const gone = { topic: 'gone', topicId: 'A'.repeat(22) };
    const asked = [
      fetchTopic(orders, { partition: 2 }, { partition: 9 }, { partition: 0, offset: 5 }),
      fetchTopic(gone),
      fetchTopic(other),
    ];
    const codes = (replies: AnyReply[][]) => replies.map((parts) => parts.map(({ errorCode }) => errorCode));
    expect(codes(await fetch(asked))).toEqual([[0, 3, 1], [3], [0]]);
    expect(codes(await fetch(asked, {}, 13))).toEqual([[0, 3, 1], [100], [0]]);
  });

  test('by the id of a topic that was re-created says that the id is unknown', async () => {
    await fetch([fetchTopic(orders)], {}, 13);
    await service.engine.deleteTopic(orders.topic);
    await service.engine.createTopic({ topic: orders.topic });
    expect((await fetch([fetchTopic(orders)], {}, 13))[0]).toMatchObject([{ errorCode: 100 }]);
  });

  test('has no sessions', async () => {
    const message = fetchMessage([fetchTopic(orders)], { sessionId: 0, sessionEpoch: 0 });
    expect(await wire.ask(key.fetch, 12, message)).toMatchObject({ errorCode: 0, sessionId: 0 });
    expect(await wire.ask(key.fetch, 12, { ...message, sessionId: 5, sessionEpoch: 1 })).toMatchObject({
      errorCode: 70,
      responses: [],
    });
  });

  test('refuses a leader epoch that never was', async () => {
    const [partition] = fetchTopic(orders).partitions;
    const topic = { ...fetchTopic(orders), partitions: [{ ...partition, currentLeaderEpoch: 3 }] };
    expect((await fetch([topic]))[0]).toMatchObject([{ errorCode: 75 }]);
  });

  test('waits for records of any topic, and answers as soon as there are some', async () => {
    const producer = await service.connect();
    const reply = fetch([fetchTopic(orders), fetchTopic(other)], { maxWaitMs: 60_000 });
    await producer.ask(key.produce, 9, produceMessage(other.topic, { 0: batchOf(['late']) }));
    const [first, second] = await reply;
    expect(first).toMatchObject([{ errorCode: 0, highWatermark: 0 }]);
    expect(valuesIn(second![0].records)).toEqual(['late']);
  });

  test('waits until there are enough bytes, or the time is over', async () => {
    await produce(produceMessage(orders.topic, { 0: batchOf(['a']) }));
    const startMs = performance.now();
    const [[found] = []] = await fetch([fetchTopic(orders)], { minBytes: 500_000, maxWaitMs: 300 });
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(290);
    expect(valuesIn(found.records)).toEqual(['a']);
  });

  test('returns no more bytes than asked for, but one batch at least', async () => {
    for (const topic of [orders.topic, other.topic])
      for (let i = 0; i < 3; i++) await produce(produceMessage(topic, { 0: batchOf(['x'.repeat(1_000)]) }));
    const bytes = async (maxBytes: number, ...targets: object[]) =>
      (await fetch(targets, { maxBytes })).flat().map(({ records }) => records.length);
    const one = batchOf(['x'.repeat(1_000)]).length;
    expect(await bytes(10, fetchTopic(orders), fetchTopic(other))).toEqual([one, 0]);
    expect(await bytes(one * 2, fetchTopic(orders), fetchTopic(other))).toEqual([one * 2, 0]);
    expect(await bytes(one * 9, fetchTopic(orders), fetchTopic(other))).toEqual([one * 3, one * 3]);
    expect(await bytes(1_000_000, fetchTopic(orders, { maxBytes: 1 }))).toEqual([one]);
  });
});

describe('offsets', () => {
  const offsetAt = async (timestamp: number, version = 8, partition = 0) => {
    const topics = [{ name: orders.topic, partitions: [{ partitionIndex: partition, timestamp }] }];
    const { topics: found } = await wire.ask(key.listOffsets, version, { replicaId: -1, topics });
    const { errorCode, offset, timestamp: timeMs } = found[0].partitions[0];
    return errorCode === 0 ? { offset, timeMs } : { errorCode };
  };

  test('of the ends, of a time, and of the greatest time', async () => {
    await produce(produceMessage(orders.topic, { 0: batchOf(['a'], { timeMs: 1_000 }) }));
    await produce(produceMessage(orders.topic, { 0: batchOf(['b'], { timeMs: 3_000 }) }));
    await produce(produceMessage(orders.topic, { 0: batchOf(['c'], { timeMs: 2_000 }) }));
    expect(await offsetAt(-1)).toEqual({ offset: 3, timeMs: -1 });
    expect(await offsetAt(-2)).toEqual({ offset: 0, timeMs: -1 });
    expect(await offsetAt(-4)).toEqual({ offset: 0, timeMs: -1 });
    expect(await offsetAt(-3)).toEqual({ offset: 1, timeMs: 3_000 });
    expect(await offsetAt(-5, 9)).toEqual({ offset: -1, timeMs: -1 });
    expect(await offsetAt(1_500)).toEqual({ offset: 1, timeMs: 3_000 });
    expect(await offsetAt(4_000)).toEqual({ offset: -1, timeMs: -1 });
    expect(await offsetAt(-9)).toEqual({ errorCode: 42 });
    expect(await offsetAt(-1, 8, 7)).toEqual({ errorCode: 3 });
  });

  test('of more partitions than one request may ask for are refused', async () => {
    const partitions = Array.from({ length: 4_097 }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1 }));
    const topics = [{ name: orders.topic, partitions }];
    const reply = await wire.ask(key.listOffsets, 8, { replicaId: -1, topics });
    expect(new Set(reply.topics[0].partitions.map(({ errorCode }: AnyReply) => errorCode))).toEqual(new Set([42]));
    const wide = fetchTopic(orders, ...partitions.map(({ partitionIndex }) => ({ partition: partitionIndex })));
    expect(await wire.ask(key.fetch, 12, fetchMessage([wide]))).toMatchObject({ errorCode: 42, responses: [] });
  });

  test('of the only leader epoch end at the end of the log', async () => {
    await produce(produceMessage(orders.topic, { 0: batchOf(['a', 'b']) }));
    const ask = async (leaderEpoch: number, currentLeaderEpoch = 0) => {
      const topics = [{ topic: orders.topic, partitions: [{ partition: 0, currentLeaderEpoch, leaderEpoch }] }];
      return (await wire.ask(key.offsetForLeaderEpoch, 4, { replicaId: -2, topics })).topics[0].partitions[0];
    };
    expect(await ask(0)).toMatchObject({ errorCode: 0, leaderEpoch: 0, endOffset: 2 });
    expect(await ask(1)).toMatchObject({ errorCode: 0, leaderEpoch: -1, endOffset: -1 });
    expect(await ask(0, 1)).toMatchObject({ errorCode: 75 });
  });
});
