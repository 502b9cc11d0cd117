// Small appends become items of the table where a topic says so. Readers and producers notice nothing else.
import { beforeEach, describe, expect, test } from 'vitest';
import type { PartitionRecords } from '../../lib/api/records.ts';
import { createEngine } from '../../lib/engine.ts';
import { parseHead } from '../../lib/partition/head.ts';
import { countingTable, newCounters } from '../../lib/storage/count.ts';
import { itemSize } from '../../lib/storage/item-size.ts';
import { headKey } from '../../lib/storage/keys.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import { retryingTable } from '../../lib/storage/retry.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Table, Write } from '../../lib/storage/table.ts';
import { breakOne } from './break-one.ts';
import { countsOf } from './counts.ts';
import { inlineItemsOf } from './inline-items.ts';
import { appendOne, batchOf, createWorld, readAll, text, valuesOf, type World } from './world.ts';

const config = { 'rivulet.inline.max.bytes': '65536' };

let world: World;
beforeEach(async () => {
  world = createWorld();
  await world.engine.createTopic({ topic: 't', partitions: 5, config });
});

const objectsIn = async ({ objects }: World) => (await objects.list({})).objects.length;
const set = (value: string | null) =>
  world.engine.alterTopic({ topic: 't', config: { 'rivulet.inline.max.bytes': value } });

describe('an append', () => {
  test('of up to three small runs puts an item for each, and no object', async () => {
    const partitions = [0, 1, 2].map((partition) => ({ partition, batches: batchOf([`v${partition}`]) }));
    await world.engine.append({ topic: 't', partitions });
    const items = await inlineItemsOf(world.table);
    expect(items).toHaveLength(3);
    for (const { pk, sk, ...attributes } of items) {
      expect(Object.keys(attributes)).toEqual(['v', 'd']);
      expect(sk).toMatch(new RegExp(`^[0-9a-f]{6}/[\\w-]{22}/[0-2]/${pk.slice(-2)}[0-9a-f]{14}$`));
    }
    expect(await objectsIn(world)).toBe(0);
    for (const partition of [0, 1, 2])
      expect(valuesOf(await readAll(createEngine(world), partition))).toEqual([`v${partition}`]);
  });

  test('of four runs, or with a large one, is one object', async () => {
    const small = [0, 1, 2, 3].map((partition) => ({ partition, batches: batchOf(['v']) }));
    await world.engine.append({ topic: 't', partitions: small });
    const large = [small[0]!, { partition: 1, batches: batchOf(['x'.repeat(70_000)]) }];
    await world.engine.append({ topic: 't', partitions: large });
    expect([await objectsIn(world), (await inlineItemsOf(world.table)).length]).toEqual([2, 0]);
    expect(await readAll(createEngine(world), 0)).toHaveLength(2);
  });

  test('is an item if the whole item is no larger than the setting', async () => {
    await appendOne(world.engine, 0, batchOf(['x'.repeat(500)]));
    const [item] = await inlineItemsOf(world.table);
    for (const [setting, count] of [
      [itemSize(item!), 2],
      [itemSize(item!) - 1, 2],
      [0, 2],
      [itemSize(item!) + 1, 3],
    ] as const) {
      await set(`${setting}`);
      await appendOne(createEngine(world), 0, batchOf(['x'.repeat(500)]));
      expect((await inlineItemsOf(world.table)).length, `${setting}`).toBe(count);
    }
    expect(await readAll(createEngine(world), 0)).toHaveLength(5);
  });

  test('is an object by default, and after the setting went back', async () => {
    await set(null);
    await appendOne(createEngine(world), 0, batchOf(['v']));
    expect([await objectsIn(world), (await inlineItemsOf(world.table)).length]).toEqual([1, 0]);
  });

  test.each(['-1', '65537', 'much'])('cannot be given the limit %s', async (value) => {
    await expect(set(value)).rejects.toMatchObject({
      errorCode: 'INVALID_CONFIG',
      message: `rivulet.inline.max.bytes: expected a whole number from 0 to 65536, got "${value}"`,
    });
  });
});

describe('what a producer relies on holds across changes of the setting', () => {
  test('the sequence of an idempotent producer', async () => {
    const { producerId, epoch: producerEpoch } = await world.engine.newProducer();
    const send = (sequence: number) =>
      appendOne(
        createEngine(world),
        0,
        batchOf([`v${sequence}`], { producerId, producerEpoch, baseSequence: sequence }),
      );
    for (let i = 0; i < 60; i++) {
      if (i % 7 === 3) await set(i % 2 === 0 ? '0' : '1000');
      expect(await send(i)).toMatchObject({ baseOffset: i, duplicate: false });
      expect(await send(i)).toMatchObject({ baseOffset: i, duplicate: true });
    }
    expect(valuesOf(await readAll(createEngine(world), 0))).toEqual(Array.from({ length: 60 }, (_, i) => `v${i}`));
  });

  test.each([
    ['on', '0', '1000'],
    ['off', '1000', '0'],
  ])(
    'a repeat under an Idempotency-Key after it went %s, from the tail and from the pages',
    async (_, before, after) => {
      await set(before);
      const records = [{ partition: 0, key: null, value: text('once'), headers: [] }];
      const request = { topic: 't', idempotencyKey: 'key', records };
      const first = await createEngine(world).appendRecords(request);
      await set(after);
      for (let others = 0; others < 2; others++) {
        const again = await createEngine(world).appendRecords(request);
        expect(again.records).toMatchObject([{ partition: 0, offset: 0, duplicate: true }]);
        for (let i = 0; i < 60; i++) await appendOne(world.engine, 0, batchOf([`other${i}`]));
      }
      expect(first.records).toMatchObject([{ partition: 0, offset: 0 }]);
      expect(await readAll(createEngine(world), 0)).toHaveLength(121);
    },
  );

  test('an expected offset', async () => {
    expect(await appendOne(world.engine, 0, batchOf(['a', 'b']), 0)).toMatchObject({ baseOffset: 0 });
    await expect(appendOne(world.engine, 0, batchOf(['c']), 1)).rejects.toMatchObject({
      errorCode: 'UNEXPECTED_OFFSET',
      outcome: 'not-written',
    });
    expect(await appendOne(world.engine, 0, batchOf(['c']), 2)).toMatchObject({ baseOffset: 2 });
    expect(valuesOf(await readAll(createEngine(world), 0))).toEqual(['a', 'b', 'c']);
  });
});

describe('a fetch', () => {
  test('of many items takes few requests', async () => {
    for (let i = 0; i < 250; i++) await appendOne(world.engine, 0, batchOf([`v${i}`]));
    const { calls, ports } = countsOf(world);
    const engine = createEngine({ ...world, ...ports });
    const { partitions } = await engine.fetch({ topic: 't', partitions: [{ partition: 0, offset: 0 }] });
    expect((partitions[0] as PartitionRecords).batches).toHaveLength(250);
    expect([calls.getMany, calls.getObject]).toEqual([3, 0]);
  });

  test('begins at any offset, and mixes items with objects', async () => {
    for (let i = 0; i < 40; i++) {
      if (i % 10 === 0) await set(i % 20 === 0 ? '0' : '1000');
      await appendOne(createEngine(world), 0, batchOf([`a${i}`, `b${i}`]));
    }
    const all = Array.from({ length: 40 }, (_, i) => [`a${i}`, `b${i}`]).flat();
    for (const from of [0, 1, 19, 20, 21, 79]) {
      const records = await readAll(createEngine(world), 0, from);
      expect(valuesOf(records)).toEqual(all.slice(from));
      expect(records.map(({ offset }) => offset)).toEqual(all.map((_, i) => i).slice(from));
    }
    for (const [at, offset] of [
      ['earliest', 0],
      ['latest', 80],
      ['maxTimestamp', 0],
      [1, 0],
    ] as const)
      expect((await createEngine(world).offsets({ topic: 't', at })).partitions[0]!.offset).toBe(offset);
  });

  test('finds an item that an eventual read does not show yet', async () => {
    await appendOne(world.engine, 0, batchOf(['v']));
    const reads: (boolean | undefined)[] = [];
    const behind: Table = {
      ...world.table,
      async getMany(keys, options) {
        reads.push(options?.strong);
        return options?.strong ? world.table.getMany(keys, options) : { items: [], left: [] };
      },
    };
    expect(valuesOf(await readAll(createEngine({ ...world, table: behind }), 0))).toEqual(['v']);
    expect(reads.slice(0, 2)).toEqual([false, true]);
  });

  test('of an item that is lost is told so, and gets what is before it', async () => {
    for (const value of ['a', 'b', 'c']) await appendOne(world.engine, 0, batchOf([value]));
    const lost = (await inlineItemsOf(world.table)).find(({ d }) => Buffer.from(d as Uint8Array).includes('\u0002b'));
    const { pk, sk } = lost!;
    await world.table.write({ kind: 'delete', key: { pk, sk } });
    const { partitions } = await createEngine(world).fetch({ topic: 't', partitions: [{ partition: 0, offset: 0 }] });
    expect((partitions[0] as PartitionRecords).batches).toHaveLength(1);
    await expect(readAll(createEngine(world), 0, 1)).rejects.toMatchObject({ errorCode: 'CORRUPT_LOG' });
    expect(valuesOf(await readAll(createEngine(world), 0, 2))).toEqual(['c']);
  });
});

describe('when the put of an item fails', () => {
  const isItem = (write: Write) => write.kind === 'put' && write.item.pk.startsWith('inline/');
  const engineOver = (write: (put: Write, act: Table['write']) => ReturnType<Table['write']>) => {
    const table: Table = {
      ...world.table,
      write: (one, options) => (isItem(one) ? write(one, world.table.write) : world.table.write(one, options)),
    };
    return createEngine({ ...world, table: retryingTable(table, world.clock) });
  };

  test('because the table is throttled, the request becomes an object immediately', async () => {
    let puts = 0;
    const engine = engineOver((put, act) => {
      if (++puts === 2) throw new StorageError('throttled', 'too fast');
      return act(put);
    });
    const partitions = [0, 1].map((partition) => ({ partition, batches: batchOf(['v']) }));
    expect((await engine.append({ topic: 't', partitions })).partitions).toMatchObject([
      { baseOffset: 0 },
      { baseOffset: 0 },
    ]);
    expect([puts, await objectsIn(world)]).toEqual([2, 1]);
    for (const partition of [0, 1]) {
      const head = parseHead(
        (await world.table.get(headKey((await world.engine.describeTopic('t')).topicId, partition)))!,
      );
      expect(head.tail.map(({ entry }) => entry.isInline)).toEqual([undefined]);
      expect(valuesOf(await readAll(createEngine(world), partition))).toEqual(['v']);
    }
  });

  test('because its reply was lost, its own copy is no obstacle', async () => {
    let puts = 0;
    const engine = engineOver(async (put, act) => {
      const result = await act(put);
      if (++puts === 1) throw new StorageError('no-answer', 'the reply was lost');
      return result;
    });
    expect(await appendOne(engine, 0, batchOf(['v']))).toMatchObject({ baseOffset: 0, duplicate: false });
    expect([puts, await objectsIn(world), (await inlineItemsOf(world.table)).length]).toEqual([2, 0, 1]);
  });

  test('because something else has its name, nothing is written', async () => {
    const engine = engineOver(async (put, act) => {
      if (put.kind === 'put') await act({ kind: 'put', item: { ...put.item, d: text('other') } });
      return act(put);
    });
    await expect(appendOne(engine, 0, batchOf(['v']))).rejects.toMatchObject({ outcome: 'not-written' });
    expect(await readAll(createEngine(world), 0)).toEqual([]);
  });

  test.each(['request lost', 'reply lost', 'acts later', 'acts twice', 'throttled'] as const)(
    'at any call (%s), the answer is true and a repeat ends it',
    async (fault) => {
      for (let at = 0; ; at++) {
        const local = createWorld();
        await local.engine.createTopic({ topic: 't', config });
        const { producerId, epoch: producerEpoch } = await local.engine.newProducer();
        const batch = () => batchOf(['v'], { producerId, producerEpoch, baseSequence: 0 });
        const breaking = breakOne(fault, at, 2);
        const broken = createEngine({
          ...local,
          table: breaking.table(local.table),
          objects: breaking.objects(local.objects),
        });
        breaking.arm();
        const told = await appendOne(broken, 0, batch()).catch((error: unknown) => error);
        const wasLast = !breaking.fired();
        await breaking.settle();
        const before = valuesOf(await readAll(createEngine(local), 0));
        const outcome = (told as { outcome?: string }).outcome ?? 'written';
        if (outcome !== 'unknown') expect(before).toEqual(outcome === 'written' ? ['v'] : []);
        await appendOne(createEngine(local), 0, batch());
        expect(valuesOf(await readAll(createEngine(local), 0))).toEqual(['v']);
        if (wasLast) break;
      }
    },
  );
});

test.each([
  [200, 1],
  [860, 1],
  [900, 2],
  [3_000, 4],
  [3_950, 4],
  [60_000, 59],
])(
  'an append of %i bytes costs %i write units for its item and one for the head; a read half a unit for 4 KiB',
  async (bytes, units) => {
    const totals = newCounters();
    const local = createWorld(({ objects }) => ({ objects, table: countingTable(createMemoryTable(), totals) }));
    await local.engine.createTopic({ topic: 't', config });
    await appendOne(local.engine, 0, batchOf(['first']));
    const before = { ...totals };
    await appendOne(local.engine, 0, batchOf(['x'.repeat(bytes)]));
    expect(totals.writeUnits - before.writeUnits).toBe(units + 1);
    const [item] = (await inlineItemsOf(local.table)).filter(({ d }) => (d as Uint8Array).length > bytes);
    expect(Math.ceil(itemSize(item!) / 1024)).toBe(units);
    const reader = createEngine(local);
    await reader.fetch({ topic: 't', partitions: [{ partition: 0, offset: 2 }] });
    const looked = totals.readUnits;
    await reader.fetch({ topic: 't', partitions: [{ partition: 0, offset: 1 }] });
    // One unit is for the head, which is read strongly.
    expect(totals.readUnits - looked).toBe(1 + Math.ceil(itemSize(item!) / 4096) / 2);
  },
);
