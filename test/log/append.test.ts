import { beforeEach, describe, expect, test } from 'vitest';
import type { Engine } from '../../lib/api/engine.ts';
import { RivuletError } from '../../lib/api/errors.ts';
import type { PartitionRecords } from '../../lib/api/records.ts';
import { crc32c } from '../../lib/bytes/crc32c.ts';
import { createEngine } from '../../lib/engine.ts';
import { field } from '../../lib/record/batch-header.ts';
import { countsOf } from './counts.ts';
import { appendOne, batchOf, createWorld, readAll, startMs, text, tryAppend, valuesOf, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = createWorld();
  await world.engine.createTopic({ topic: 't', partitions: 4 });
});

const errorOf = (result: Awaited<ReturnType<typeof tryAppend>>): RivuletError => {
  if ('error' in result) return result.error;
  throw new Error(`acknowledged at ${result.baseOffset}`);
};

describe('offsets', () => {
  test('grow without a hole in the order of acknowledgement', async () => {
    expect((await appendOne(world.engine, 0, batchOf(['a', 'b']))).baseOffset).toBe(0);
    expect((await appendOne(world.engine, 0, batchOf(['c']))).baseOffset).toBe(2);
    expect(valuesOf(await readAll(world.engine, 0))).toEqual(['a', 'b', 'c']);
  });

  test('one request writes many partitions with one segment, each with its own result', async () => {
    const reply = await world.engine.append({
      topic: 't',
      partitions: [
        { partition: 2, batches: batchOf(['x']) },
        { partition: 9, batches: batchOf(['y']) },
        { partition: 0, batches: batchOf(['z', 'w']) },
      ],
    });
    expect(reply.partitions[0]).toMatchObject({ partition: 2, baseOffset: 0 });
    expect(reply.partitions[1]).toMatchObject({
      partition: 9,
      error: { errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', outcome: 'not-written' },
    });
    expect(reply.partitions[2]).toMatchObject({ partition: 0, baseOffset: 0, lastOffset: 1 });
    expect((await world.objects.list({})).objects).toHaveLength(1);
  });

  test('are given after what the caller waits for, though the upload is done before', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const later = world.engine.append({
      topic: 't',
      partitions: [{ partition: 0, batches: batchOf(['b']), after: promise }],
    });
    await expect.poll(async () => (await world.objects.list({})).objects.length).toBe(1);
    expect((await appendOne(world.engine, 0, batchOf(['a']))).baseOffset).toBe(0);
    resolve();
    expect((await later).partitions).toMatchObject([{ baseOffset: 1 }]);
    expect(valuesOf(await readAll(world.engine, 0))).toEqual(['a', 'b']);
  });

  test('are not given if what the caller waits for fails', async () => {
    const failure = new RivuletError('STORAGE_UNAVAILABLE', 'the batch before', { outcome: 'not-written' });
    const after = Promise.reject(failure);
    const reply = await world.engine.append({
      topic: 't',
      partitions: [{ partition: 0, batches: batchOf(['b']), after }],
    });
    expect(reply.partitions).toEqual([{ partition: 0, error: failure }]);
    expect(valuesOf(await readAll(world.engine, 0))).toEqual([]);
  });

  test('survive hundreds of spills: every record is readable at its offset', async () => {
    for (let i = 0; i < 500; i++) expect((await appendOne(world.engine, 1, batchOf([`v${i}`]))).baseOffset).toBe(i);
    const records = await readAll(world.engine, 1);
    expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: 500 }, (_, i) => i));
    expect(valuesOf(records)).toEqual(Array.from({ length: 500 }, (_, i) => `v${i}`));
  });

  test('writers of several processes do not disturb each other', async () => {
    const other = createEngine(world);
    const acks = await Promise.all(
      Array.from({ length: 200 }, (_, i) => appendOne(i % 2 ? other : world.engine, 0, batchOf([`v${i}`]))),
    );
    expect(new Set(acks.map(({ baseOffset }) => baseOffset)).size).toBe(200);
    const records = await readAll(other, 0);
    for (const [i, ack] of acks.entries()) expect(valuesOf([records[ack.baseOffset]!])).toEqual([`v${i}`]);
  });
});

test('a process sends at most sixteen updates of one head at a time, and those of other heads do not wait', async () => {
  const held = Promise.withResolvers<void>();
  const underWay = new Map<string, number>();
  let most = 0;
  const write: World['table']['write'] = async (write) => {
    if (write.kind !== 'update' || !write.update.append) return world.table.write(write);
    const count = (underWay.get(write.key.pk + write.key.sk) ?? 0) + 1;
    underWay.set(write.key.pk + write.key.sk, count);
    most = Math.max(most, count);
    await held.promise;
    underWay.set(write.key.pk + write.key.sk, underWay.get(write.key.pk + write.key.sk)! - 1);
    return world.table.write(write);
  };
  const engine = createEngine({ ...world, table: { ...world.table, write } });
  const acks = Array.from({ length: 100 }, (_, i) => appendOne(engine, 0, batchOf([`v${i}`])));
  acks.push(appendOne(engine, 1, batchOf(['other'])));
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect([...underWay.values()].sort((a, b) => a - b)).toEqual([1, 16]);
  held.resolve();
  await Promise.all(acks);
  expect(most).toBe(16);
  expect(valuesOf(await readAll(world.engine, 0))).toEqual(Array.from({ length: 100 }, (_, i) => `v${i}`));
});

describe('an idempotent producer', () => {
  const producer = async () => {
    const { producerId, epoch } = await world.engine.newProducer();
    return { producerId, producerEpoch: epoch };
  };

  test('gets the first offsets as the answer to a retry, from the tail and from the pages', async () => {
    const id = await producer();
    await appendOne(world.engine, 0, batchOf(['first', 'second'], { ...id, baseSequence: 0 }));
    for (let i = 0; i < 100; i++) await appendOne(world.engine, 0, batchOf([`other${i}`]));
    const again = await appendOne(createEngine(world), 0, batchOf(['first', 'second'], { ...id, baseSequence: 0 }));
    expect(again).toMatchObject({ baseOffset: 0, lastOffset: 1, duplicate: true });
    expect(await readAll(world.engine, 0)).toHaveLength(102);
  });

  test('continues after it was evicted from the head, at a process that never saw it', async () => {
    const id = await producer();
    await appendOne(world.engine, 0, batchOf(['a'], { ...id, baseSequence: 0 }));
    for (let i = 0; i < 100; i++)
      await appendOne(world.engine, 0, batchOf([`other${i}`], { ...(await producer()), baseSequence: 0 }));
    expect((await appendOne(createEngine(world), 0, batchOf(['b'], { ...id, baseSequence: 1 }))).baseOffset).toBe(101);
  });

  test('may come late: its id is below one that was evicted, and it has never written here', async () => {
    const late = await producer();
    for (let i = 0; i < 60; i++)
      await appendOne(world.engine, 0, batchOf([`o${i}`], { ...(await producer()), baseSequence: 0 }));
    expect((await appendOne(world.engine, 0, batchOf(['late'], { ...late, baseSequence: 0 }))).baseOffset).toBe(60);
    expect((await appendOne(createEngine(world), 0, batchOf(['late'], { ...late, baseSequence: 0 }))).duplicate).toBe(
      true,
    );
  });

  test('gets a gap error after a bounded wait, and succeeds when its predecessor arrives in time', async () => {
    const id = await producer();
    await appendOne(world.engine, 0, batchOf(['a'], { ...id, baseSequence: 0 }));
    const gap = errorOf(await tryAppend(world.engine, 0, batchOf(['c'], { ...id, baseSequence: 2 })));
    expect(gap).toMatchObject({ errorCode: 'OUT_OF_ORDER_SEQUENCE_NUMBER', outcome: 'not-written' });
    const late = appendOne(world.engine, 0, batchOf(['c'], { ...id, baseSequence: 2 }));
    await appendOne(world.engine, 0, batchOf(['b'], { ...id, baseSequence: 1 }));
    expect((await late).baseOffset).toBe(2);
  });

  test('is fenced by a newer epoch of the same producer id', async () => {
    const { producerId } = await producer();
    await appendOne(world.engine, 0, batchOf(['new'], { producerId, producerEpoch: 1, baseSequence: 0 }));
    const old = errorOf(
      await tryAppend(world.engine, 0, batchOf(['old'], { producerId, producerEpoch: 0, baseSequence: 0 })),
    );
    expect(old).toMatchObject({ errorCode: 'INVALID_PRODUCER_EPOCH', outcome: 'not-written' });
  });

  test('is unknown when it has no history and this is not its first batch', async () => {
    const error = errorOf(await tryAppend(world.engine, 0, batchOf(['x'], { ...(await producer()), baseSequence: 7 })));
    expect(error).toMatchObject({ errorCode: 'UNKNOWN_PRODUCER_ID', outcome: 'not-written' });
  });

  test('gets DUPLICATE_SEQUENCE_NUMBER with outcome written for a batch older than its newest five', async () => {
    const id = await producer();
    for (let i = 0; i < 8; i++) await appendOne(world.engine, 0, batchOf([`v${i}`], { ...id, baseSequence: i }));
    expect((await appendOne(world.engine, 0, batchOf(['v3'], { ...id, baseSequence: 3 }))).baseOffset).toBe(3);
    const error = errorOf(await tryAppend(world.engine, 0, batchOf(['v2'], { ...id, baseSequence: 2 })));
    expect(error).toMatchObject({ errorCode: 'DUPLICATE_SEQUENCE_NUMBER', outcome: 'written' });
  });

  test('continues through the wrap of sequences at 2^31', async () => {
    const id = await producer();
    const last = 2 ** 31 - 1;
    // Kafka's producers get there record by record. An epoch that begins elsewhere would be refused, so we plant the
    // state.
    await appendOne(world.engine, 0, batchOf(['plant'], { ...id, baseSequence: 0 }));
    const head = (await world.table.query({ pk: `${(await world.engine.describeTopic('t')).topicId}/0` })).items[0]!;
    const attribute = Object.keys(head.p as object)[0]!;
    const state = new Uint8Array([0, 0, 0x7f, 0xff, 0xff, 0xff]);
    await world.table.write({ kind: 'update', key: head, update: { set: [[['p', attribute], state]] } });
    const fresh = createEngine(world);
    expect((await appendOne(fresh, 0, batchOf(['a', 'b'], { ...id, baseSequence: last }))).baseOffset).toBe(1);
    expect((await appendOne(fresh, 0, batchOf(['c'], { ...id, baseSequence: 1 }))).baseOffset).toBe(3);
    expect((await appendOne(fresh, 0, batchOf(['a', 'b'], { ...id, baseSequence: last }))).duplicate).toBe(true);
  });
});

describe('expectedOffset', () => {
  test('appends at that offset only, and an error names the actual one', async () => {
    expect((await appendOne(world.engine, 0, batchOf(['a']), 0)).baseOffset).toBe(0);
    expect(errorOf(await tryAppend(world.engine, 0, batchOf(['b']), 0))).toMatchObject({
      errorCode: 'UNEXPECTED_OFFSET',
      outcome: 'not-written',
      extra: { nextOffset: 1 },
    });
  });

  test('above the end sends no update, because a delayed copy of it could land later', async () => {
    let updates = 0;
    const write: typeof world.table.write = (one, options) => {
      if (one.kind === 'update') updates++;
      return world.table.write(one, options);
    };
    const engine = createEngine({ ...world, table: { ...world.table, write } });
    expect(errorOf(await tryAppend(engine, 0, batchOf(['b']), 2))).toMatchObject({
      errorCode: 'UNEXPECTED_OFFSET',
      outcome: 'not-written',
      extra: { nextOffset: 0 },
    });
    expect(updates).toBe(0);
  });

  test('above the end in an old copy of the head appends where the log has grown since', async () => {
    const other = createEngine(world);
    await appendOne(world.engine, 0, batchOf(['a']));
    await appendOne(other, 0, batchOf(['b', 'c']));
    expect((await appendOne(world.engine, 0, batchOf(['d']), 3)).baseOffset).toBe(3);
  });

  test('a retry of an append that was written is answered as a duplicate', async () => {
    const { producerId, epoch } = await world.engine.newProducer();
    const batch = batchOf(['a'], { producerId, producerEpoch: epoch, baseSequence: 0 });
    await appendOne(world.engine, 0, batch, 0);
    expect(await appendOne(world.engine, 0, batch, 0)).toMatchObject({ baseOffset: 0, duplicate: true });
  });
});

describe('admission', () => {
  test('a damaged batch is refused with the reason, and nothing is uploaded', async () => {
    const batch = batchOf(['a']);
    batch[batch.length - 1]! ^= 1;
    expect(errorOf(await tryAppend(world.engine, 0, batch))).toMatchObject({
      errorCode: 'CORRUPT_MESSAGE',
      outcome: 'not-written',
    });
    expect((await world.objects.list({})).objects).toHaveLength(0);
  });

  test('a batch above max.message.bytes names the limit and the size', async () => {
    await world.engine.alterTopic({ topic: 't', config: { 'max.message.bytes': '100' } });
    const error = errorOf(await tryAppend(world.engine, 0, batchOf(['x'.repeat(200)])));
    expect(error.errorCode).toBe('MESSAGE_TOO_LARGE');
    expect(error.message).toMatch(/above max.message.bytes of 100/);
  });

  test('a timestamp more than an hour ahead is refused', async () => {
    const error = errorOf(await tryAppend(world.engine, 0, batchOf(['x'], { timestampMs: startMs + 3_700_000 })));
    expect(error.errorCode).toBe('INVALID_TIMESTAMP');
  });

  test('LogAppendTime stamps the time of admission, and the batch stays valid', async () => {
    await world.engine.alterTopic({ topic: 't', config: { 'message.timestamp.type': 'LogAppendTime' } });
    world.clock.advance(5_000);
    expect((await appendOne(world.engine, 0, batchOf(['x']))).logAppendTimeMs).toBe(startMs + 5_000);
    expect((await readAll(world.engine, 0))[0]!.timestampMs).toBe(startMs + 5_000);
  });

  test('control and transactional batches, two producers in one run, and ids that the service never gave out are refused', async () => {
    const mixed = Buffer.concat([batchOf(['a'], { producerId: 1, producerEpoch: 0, baseSequence: 0 }), batchOf(['b'])]);
    for (const batches of [
      batchOf(['x'], { isTransactional: true, producerId: 1, producerEpoch: 0, baseSequence: 0 }),
      mixed,
      batchOf(['x'], { producerId: 2 ** 52, producerEpoch: 0, baseSequence: 0 }),
      new Uint8Array(0),
    ]) {
      expect(errorOf(await tryAppend(world.engine, 0, batches))).toMatchObject({
        errorCode: 'INVALID_RECORD',
        outcome: 'not-written',
      });
    }
  });

  test('batches that claim more records in all than a sequence has numbers are refused', async () => {
    const claims = batchOf(['x'], { compression: 'gzip' });
    const view = new DataView(claims.buffer, claims.byteOffset);
    view.setInt32(field.recordCount, 9_500_000);
    view.setInt32(field.lastOffsetDelta, 9_499_999);
    view.setUint32(field.crc, crc32c(claims, field.attributes));
    const batches = Buffer.concat(Array.from({ length: 500 }, () => claims));
    expect(errorOf(await tryAppend(world.engine, 0, batches))).toMatchObject({
      errorCode: 'INVALID_RECORD',
      outcome: 'not-written',
      message: 'records: expected at most 2147483648 for one partition in one request, got 4750000000',
    });
  });

  test('the compression.type of the topic wins over that of the producer', async () => {
    await world.engine.alterTopic({ topic: 't', config: { 'compression.type': 'gzip' } });
    await appendOne(world.engine, 0, batchOf(['a', 'b']));
    const { partitions } = await world.engine.fetch({ topic: 't', partitions: [{ partition: 0, offset: 0 }] });
    const [batch] = (partitions[0] as PartitionRecords).batches;
    expect(batch![22]! & 7).toBe(1);
    expect(valuesOf(await readAll(world.engine, 0))).toEqual(['a', 'b']);
  });
});

describe('compression.type of the topic', () => {
  /** A gzip batch of this many zero bytes, or a batch whose CRC is right but whose compressed content is damaged. */
  const zeros = (bytes: number) => batchOf(['\0'.repeat(bytes)], { compression: 'gzip' });
  const rotten = () => {
    const batch = zeros(1_000);
    batch.fill(0xff, 70, 80);
    const view = new DataView(batch.buffer, batch.byteOffset);
    // This batch begins before its greatest timestamp, so the header alone does not say where that timestamp is.
    view.setBigInt64(27, BigInt(startMs - 1));
    view.setUint32(17, crc32c(batch, 21));
    return batch;
  };

  test('does not let a batch grow above max.message.bytes', async () => {
    await world.engine.alterTopic({ topic: 't', config: { 'compression.type': 'uncompressed' } });
    const error = errorOf(await tryAppend(world.engine, 0, zeros(20_000_000)));
    expect(error).toMatchObject({ errorCode: 'MESSAGE_TOO_LARGE', outcome: 'not-written' });
  });

  test('unpacks a bounded amount for one request, and refuses the rest', async () => {
    await world.engine.alterTopic({ topic: 't', config: { 'compression.type': 'zstd' } });
    const { partitions } = await world.engine.append({
      topic: 't',
      partitions: [0, 1].map((partition) => ({ partition, batches: zeros(40_000_000) })),
    });
    const results = partitions.map((result) => ('error' in result ? result.error.errorCode : result.baseOffset));
    expect(results).toEqual([0, 'MESSAGE_TOO_LARGE']);
  });

  test('refuses a batch that cannot be unpacked', async () => {
    await world.engine.alterTopic({ topic: 't', config: { 'compression.type': 'zstd' } });
    const error = errorOf(await tryAppend(world.engine, 0, rotten()));
    expect(error).toMatchObject({ status: 400, outcome: 'not-written' });
  });

  test('without a codec of its own, a topic still finds the timestamps behind a batch that cannot be unpacked', async () => {
    await appendOne(world.engine, 0, rotten());
    await appendOne(world.engine, 0, batchOf(['sound']));
    const { partitions } = await world.engine.offsets({ topic: 't', at: startMs, partitions: [0] });
    expect(partitions[0]).toMatchObject({ offset: 1 });
  });
});

describe('records one by one', () => {
  const record = (value: string, key: string | null = null) => ({
    key: key === null ? null : text(key),
    value: text(value),
    headers: [],
  });

  test('go to the partition of their key, keep their order, and report their offsets', async () => {
    const records = Array.from({ length: 50 }, (_, i) => record(`v${i}`, `key${i % 7}`));
    const reply = await world.engine.appendRecords({ topic: 't', records });
    const all = new Map<number, string[]>();
    for (const partition of [0, 1, 2, 3]) all.set(partition, valuesOf(await readAll(world.engine, partition)));
    for (const [i, result] of reply.records.entries()) {
      if ('error' in result) throw result.error;
      expect(all.get(result.partition)![result.offset]).toBe(`v${i}`);
    }
  });

  test('with an Idempotency-Key are written once, also after partitions were added, and another body is refused', async () => {
    const request = {
      topic: 't',
      records: [record('a', 'x'), record('b', 'y'), record('c')],
      idempotencyKey: 'order-1',
    };
    const first = await world.engine.appendRecords(request);
    await world.engine.alterTopic({ topic: 't', partitions: 9 });
    world.clock.advance(3_600_000);
    const second = await createEngine(world).appendRecords(request);
    expect(second.records).toEqual(first.records.map((result) => ({ ...result, duplicate: true })));
    const other = world.engine.appendRecords({ ...request, records: [record('A', 'x')] });
    await expect(other).rejects.toMatchObject({ errorCode: 'IDEMPOTENCY_KEY_REUSED', outcome: 'not-written' });
  });

  test('a key may be used again for another request once its two days are over', async () => {
    const ask = (value: string) =>
      world.engine.appendRecords({ topic: 't', records: [{ ...record(value), partition: 1 }], idempotencyKey: 'k' });
    await ask('a');
    world.clock.advance(3 * 24 * 3_600_000);
    expect((await ask('b')).records).toMatchObject([{ offset: 1, duplicate: false }]);
    expect((await ask('b')).records).toMatchObject([{ offset: 1, duplicate: true }]);
  });

  test('with an Idempotency-Key are written once, though their process sleeps after its claim and is overtaken', async () => {
    const request = { topic: 't', records: [{ ...record('once'), partition: 0 }], idempotencyKey: 'k' };
    const table = { ...world.table };
    table.write = async (write) => {
      const result = await world.table.write(write);
      if (write.kind !== 'put' || !write.item.pk.startsWith('once/')) return result;
      const [repeat] = (await world.engine.appendRecords(request)).records;
      expect(repeat).toMatchObject({ offset: 0, duplicate: false });
      // We wait until the tail has spilled, and the producer of the key with it.
      for (let i = 0; i < 40; i++) await appendOne(world.engine, 0, batchOf([`other${i}`]));
      return result;
    };
    const [overtaken] = (await createEngine({ ...world, table }).appendRecords(request)).records;
    expect(overtaken).toMatchObject({ offset: 0, duplicate: true });
    expect(valuesOf(await readAll(world.engine, 0)).filter((value) => value === 'once')).toHaveLength(1);
  });

  test('with a key whose expired claim is deleted while it is renewed are claimed and written once', async () => {
    const ask = (engine: Engine, value: string) =>
      engine.appendRecords({ topic: 't', records: [{ ...record(value), partition: 1 }], idempotencyKey: 'k' });
    await ask(world.engine, 'a');
    world.clock.advance(3 * 24 * 3_600_000);
    const table = { ...world.table };
    table.write = async (write) => {
      const result = await world.table.write(write);
      const isClaim = write.kind === 'put' && write.item.pk.startsWith('once/');
      if (isClaim && !result.applied) await world.table.write({ kind: 'delete', key: write.item });
      return result;
    };
    expect((await ask(createEngine({ ...world, table }), 'b')).records).toMatchObject([
      { offset: 1, duplicate: false },
    ]);
    world.clock.advance(1_000);
    expect((await ask(world.engine, 'b')).records).toMatchObject([{ offset: 1, duplicate: true }]);
  });

  test('with a new Idempotency-Key do not search the history', async () => {
    for (let i = 0; i < 200; i++) await appendOne(world.engine, 1, batchOf([`v${i}`]));
    const counted = countsOf(world);
    const cold = createEngine({ ...counted.ports, clock: world.clock });
    await cold.appendRecords({ topic: 't', records: [{ ...record('a'), partition: 1 }], idempotencyKey: 'k' });
    expect(counted.calls.query).toBe(0);
  });

  test('that are together larger than max.message.bytes become several batches, in sequence', async () => {
    await world.engine.alterTopic({ topic: 't', config: { 'max.message.bytes': '1000' } });
    const records = Array.from({ length: 30 }, (_, i) => ({ ...record(`${i}`.padStart(100, '.')), partition: 3 }));
    await world.engine.appendRecords({ topic: 't', records, idempotencyKey: 'k' });
    expect(valuesOf(await readAll(world.engine, 3)).map(Number.parseFloat)).toHaveLength(30);
  });
});
