// When each group leaves, what is in it, and that each caller gets its own outcome. The object store of these tests lets
// each PUT land, or fail, when the test says so.
import { beforeEach, describe, expect, test } from 'vitest';
import type { Engine } from '../../lib/api/engine.ts';
import { RivuletError } from '../../lib/api/errors.ts';
import { createEngine } from '../../lib/engine.ts';
import type { GroupCommitOptions } from '../../lib/log/group-commit.ts';
import { fenceHead } from '../../lib/partition/fence.ts';
import { segmentEpochAt } from '../../lib/partition/head.ts';
import { countingObjectStore, newCounters, withReceipt } from '../../lib/storage/count.ts';
import { parseSegmentKey } from '../../lib/storage/keys.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import { appendOne, batchOf, createWorld, readAll, startMs, tryAppend, valuesOf, type World } from './world.ts';

type HeldPut = {
  readonly key: string;
  readonly bytes: number;
  land(): Promise<void>;
  fail(error: Error): Promise<void>;
};

/** A PUT waits until the test lets it land or fail. */
function heldPuts(objects: ObjectStore) {
  const puts: HeldPut[] = [];
  const putOnce: ObjectStore['putOnce'] = (key, chunks) =>
    new Promise((resolve, reject) =>
      puts.push({
        key,
        bytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
        land: async () => {
          await objects.putOnce(key, chunks).then(resolve, reject);
          await rest();
        },
        fail: async (error) => {
          reject(error);
          await rest();
        },
      }),
    );
  return { puts, objects: { ...objects, putOnce } };
}

/** Everything that needs no PUT has happened then. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

let world: World;
let puts: HeldPut[];
let sleeps: { ms: number; end: () => void }[];

beforeEach(async () => {
  world = createWorld();
  sleeps = [];
  for (const topic of ['t', 'other']) await world.engine.createTopic({ topic, partitions: 4 });
});

function engineWith(groupCommit: GroupCommitOptions): Engine {
  const held = heldPuts(world.objects);
  puts = held.puts;
  const sleep = (ms: number) => new Promise<void>((end) => sleeps.push({ ms, end }));
  return createEngine({ ...world, objects: held.objects, clock: { ...world.clock, sleep }, groupCommit });
}

const landAll = async (): Promise<void> => {
  for (let i = 0; i < puts.length; i++) await puts[i]!.land();
};

/** Appends that wait for the test. Their promises never reject. */
async function begin(engine: Engine, values: readonly string[], partition = 0) {
  const acks = values.map((value) =>
    tryAppend(engine, partition, batchOf([value])).catch((error: unknown) => ({ error: error as RivuletError })),
  );
  await rest();
  return acks;
}

const producerOf = async (engine: Engine) => ({
  producerId: (await engine.newProducer()).producerId,
  producerEpoch: 0,
});

describe('a group leaves', () => {
  test('immediately while fewer than four uploads are under way, and then when one of them ends', async () => {
    const engine = engineWith({});
    const acks = [];
    for (const value of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) acks.push(...(await begin(engine, [value])));
    expect(puts).toHaveLength(4);
    await puts[2]!.land();
    expect(puts).toHaveLength(5);
    expect(sleeps).toEqual([]);
    await landAll();
    const offsets = await Promise.all(acks);
    expect(offsets.map((ack) => 'baseOffset' in ack && ack.baseOffset)).toEqual([1, 2, 0, 3, 4, 5, 6]);
    expect(valuesOf(await readAll(world.engine, 0))).toEqual(['c', 'a', 'b', 'd', 'e', 'f', 'g']);
  });

  test('also when the upload that ends has failed', async () => {
    const engine = engineWith({ uploadsAtOnce: 1 });
    const [first] = await begin(engine, ['a']);
    const [second] = await begin(engine, ['b']);
    await puts[0]!.fail(new StorageError('unavailable', 'injected'));
    await landAll();
    expect(await first).toMatchObject({ error: { outcome: 'not-written' } });
    expect(await second).toMatchObject({ baseOffset: 0 });
  });

  test('with what came in the same turn of the event loop', async () => {
    const acks = await begin(engineWith({}), ['a', 'b', 'c']);
    expect(puts).toHaveLength(1);
    await landAll();
    expect((await Promise.all(acks)).map((ack) => 'baseOffset' in ack && ack.baseOffset)).toEqual([0, 1, 2]);
  });

  test('without waiting for the uploads of another topic', async () => {
    const engine = engineWith({ uploadsAtOnce: 1 });
    await begin(engine, ['a']);
    const other = engine.append({ topic: 'other', partitions: [{ partition: 0, batches: batchOf(['b']) }] });
    await rest();
    expect(puts).toHaveLength(2);
    await landAll();
    expect((await other).partitions[0]).toMatchObject({ baseOffset: 0 });
  });

  test('when 4 MiB wait, and with no byte less', async () => {
    const engine = engineWith({ uploadsAtOnce: 1 });
    const [fullBytes, partBytes] = [4 * 1024 * 1024, 512 * 1024];
    const framing = batchOf(['x'.repeat(partBytes)]).length - partBytes;
    const ofBytes = (bytes: number) => batchOf(['x'.repeat(bytes - framing)]);
    await begin(engine, ['first']);
    const waiting = Array.from({ length: 7 }, () => appendOne(engine, 1, ofBytes(partBytes)));
    waiting.push(appendOne(engine, 2, ofBytes(partBytes - 1)));
    await rest();
    expect(puts).toHaveLength(1);
    waiting.push(appendOne(engine, 3, batchOf(['last'])));
    await rest();
    expect(puts).toHaveLength(2);
    expect(puts[1]!.bytes).toBeGreaterThan(fullBytes);
    await landAll();
    await Promise.all(waiting);
  });

  test('after the linger, and no timer is set for a group that need not wait', async () => {
    const engine = engineWith({ uploadsAtOnce: 1, lingerMs: 5 });
    await begin(engine, ['first']);
    expect(sleeps).toEqual([]);
    const acks = [...(await begin(engine, ['a'])), ...(await begin(engine, ['b']))];
    expect(sleeps).toMatchObject([{ ms: 5 }]);
    expect(puts).toHaveLength(1);
    sleeps[0]!.end();
    await rest();
    expect(puts).toHaveLength(2);
    await puts[1]!.land();
    expect((await Promise.all(acks)).map((ack) => 'baseOffset' in ack && ack.baseOffset)).toEqual([0, 1]);
    await landAll();
  });

  test('once: the linger of a group that has left does not make the next one leave', async () => {
    const engine = engineWith({ uploadsAtOnce: 1, lingerMs: 5 });
    for (const value of ['first', 'second']) await begin(engine, [value]);
    await puts[0]!.land();
    await begin(engine, ['third']);
    sleeps[0]!.end();
    await rest();
    expect(puts).toHaveLength(2);
    await landAll();
  });

  test('a few microtasks later than an upload without group commit, when nothing is under way', async () => {
    const turns = async (engine: Engine): Promise<number> => {
      const { partitions } = await engine.describeTopic('t');
      expect(partitions).toBe(4);
      void tryAppend(engine, 0, batchOf(['a']));
      let count = 0;
      for (; puts.length === 0; count++) await undefined;
      await landAll();
      return count;
    };
    const grouped = await turns(engineWith({}));
    const held = heldPuts(world.objects);
    puts = held.puts;
    const alone = await turns(createEngine({ ...world, objects: held.objects }));
    expect(grouped - alone).toBeLessThanOrEqual(2);
  });
});

describe('each caller', () => {
  /** One upload is under way, and the next appends wait for its end. */
  async function busy(): Promise<Engine> {
    const engine = engineWith({ uploadsAtOnce: 1 });
    await begin(engine, ['first'], 3);
    return engine;
  }

  test('gets the offsets of its own batches, whatever partitions the others write to', async () => {
    const engine = await busy();
    const requests = [[2, 0], [0], [1, 2], [0, 1, 2], [2]];
    const replies = requests.map((partitions, i) =>
      engine.append({
        topic: 't',
        partitions: partitions.map((partition) => ({ partition, batches: batchOf([`${i}/${partition}`, 'more']) })),
      }),
    );
    await rest();
    await landAll();
    expect(puts).toHaveLength(2);
    const logs = await Promise.all([0, 1, 2].map((partition) => readAll(world.engine, partition)));
    for (const [i, partitions] of requests.entries()) {
      const reply = await replies[i]!;
      for (const [at, partition] of partitions.entries()) {
        const ack = reply.partitions[at]!;
        expect(ack).toMatchObject({ partition, lastOffset: expect.any(Number) });
        const { baseOffset } = ack as { baseOffset: number };
        expect(valuesOf(logs[partition]!.slice(baseOffset, baseOffset + 2))).toEqual([`${i}/${partition}`, 'more']);
      }
    }
  });

  test('has its runs beside those of the same partition, which a consumer reads with one request', async () => {
    const engine = await busy();
    const big = 'x'.repeat(100_000);
    for (let i = 0; i < 6; i++) await begin(engine, [`${i % 2} ${big}`], i % 2);
    await landAll();
    const read: string[] = [];
    const get: ObjectStore['get'] = (key, range) => {
      read.push(key);
      return world.objects.get(key, range);
    };
    await readAll(createEngine({ ...world, objects: { ...world.objects, get } }), 1);
    expect(read).toEqual([puts[1]!.key]);
  });

  test('gets an error of its own when the shared PUT fails, and nothing is written', async () => {
    const engine = await busy();
    const waiting = await begin(engine, ['a', 'b', 'c']);
    await puts[0]!.land();
    await puts[1]!.fail(new StorageError('no-answer', 'injected'));
    const errors = (await Promise.all(waiting)).map((ack) => 'error' in ack && ack.error);
    for (const error of errors) {
      expect(error).toBeInstanceOf(RivuletError);
      expect(error).toMatchObject({ outcome: 'not-written' });
    }
    expect(new Set(errors).size).toBe(3);
    expect(await readAll(world.engine, 0)).toEqual([]);
  });

  test('pays once: the PUT is on the receipt of the caller that opened the group', async () => {
    const totals = newCounters();
    const held = heldPuts(world.objects);
    puts = held.puts;
    const objects = countingObjectStore(held.objects, totals);
    const engine = createEngine({ ...world, objects, groupCommit: { uploadsAtOnce: 1 } });
    const paid = (value: string) => withReceipt(() => tryAppend(engine, 0, batchOf([value])));
    const first = paid('first');
    await rest();
    const waiting = ['a', 'b', 'c'].map(paid);
    await rest();
    await landAll();
    const receipts = await Promise.all([first, ...waiting]);
    expect(receipts.map(({ counters }) => counters.s3Put)).toEqual([1, 1, 0, 0]);
    expect(totals.s3Put).toBe(2);
  });

  test('is refused alone: the others of the segment are appended', async () => {
    const engine = await busy();
    const id = await producerOf(world.engine);
    const acks = [
      tryAppend(engine, 0, batchOf(['a'], { ...id, baseSequence: 0 })),
      tryAppend(engine, 0, batchOf(['b']), 7),
      tryAppend(engine, 0, batchOf(['c'])),
      tryAppend(engine, 0, batchOf(['d'], { ...id, baseSequence: 1 })),
    ];
    await rest();
    await landAll();
    expect(puts).toHaveLength(2);
    const [a, b, c, d] = await Promise.all(acks);
    expect(b).toMatchObject({ error: { errorCode: 'UNEXPECTED_OFFSET', outcome: 'not-written' } });
    expect([a, c, d]).toMatchObject([{ baseOffset: 0 }, { baseOffset: 1 }, { baseOffset: 2 }]);
    expect(valuesOf(await readAll(world.engine, 0))).toEqual(['a', 'c', 'd']);
  });

  test('gets the same offsets for the same batch of a producer, though both copies are in one segment', async () => {
    const engine = await busy();
    const batch = () => batchOf(['once'], { ...id, baseSequence: 0 });
    const id = await producerOf(world.engine);
    const acks = [tryAppend(engine, 0, batch()), tryAppend(engine, 0, batch())];
    await rest();
    await landAll();
    expect(await Promise.all(acks)).toMatchObject([
      { baseOffset: 0, duplicate: false },
      { baseOffset: 0, duplicate: true },
    ]);
    expect(await readAll(world.engine, 0)).toHaveLength(1);
  });

  test('has its batches in order, if it sends some ahead', async () => {
    const engine = await busy();
    const id = await producerOf(world.engine);
    const acks = Array.from({ length: 40 }, (_, i) =>
      tryAppend(engine, 0, batchOf([`${i}`], { ...id, baseSequence: i })),
    );
    await rest();
    await landAll();
    expect((await Promise.all(acks)).map((ack) => 'baseOffset' in ack && ack.baseOffset)).toEqual([...acks.keys()]);
  });

  test('is uploaded again with the others that a fence refused, in one segment above all fences', async () => {
    const engine = await busy();
    const { topicId } = await world.engine.describeTopic('t');
    const fences = [segmentEpochAt(startMs) + 2, segmentEpochAt(startMs) + 5];
    for (const [partition, fence] of fences.entries()) await fenceHead(world.table, { topicId, partition }, fence);
    const acks = [...(await begin(engine, ['a', 'b'], 0)), ...(await begin(engine, ['c'], 1))];
    const [free] = await begin(engine, ['d'], 2);
    await landAll();
    expect(await Promise.all([...acks, free])).toMatchObject([0, 1, 0, 0].map((baseOffset) => ({ baseOffset })));
    expect(puts.length).toBeLessThanOrEqual(4);
    expect(parseSegmentKey(puts.at(-1)!.key)).toMatchObject({ epoch: fences[1] });
    expect(valuesOf(await readAll(world.engine, 0))).toEqual(['a', 'b']);
  });
});
