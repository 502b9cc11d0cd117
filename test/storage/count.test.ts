import { describe, expect, test } from 'vitest';
import { systemClock } from '../../lib/runtime/clock.ts';
import {
  type Counters,
  countingObjectStore,
  countingTable,
  newCounters,
  usdOf,
  withReceipt,
} from '../../lib/storage/count.ts';
import { itemSize } from '../../lib/storage/item-size.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import { StorageError, type StorageReason } from '../../lib/storage/storage-error.ts';
import { absent, equals, exists, type Item, type Table } from '../../lib/storage/table.ts';

const KiB = 1024;

/** An item of exactly this many bytes. */
function itemOf(bytes: number, sk = 's'): Item {
  const bare = { pk: 'p', sk, a: '' };
  const item = { ...bare, a: 'x'.repeat(bytes - itemSize(bare)) };
  expect(itemSize(item)).toBe(bytes);
  return item;
}

function countedTable(table: Table = createMemoryTable()) {
  const totals = newCounters();
  const counted = countingTable(table, totals);
  /** The read and write units that a call adds. */
  const unitsOf = async (call: () => Promise<unknown>): Promise<[read: number, write: number]> => {
    const { readUnits, writeUnits } = { ...totals };
    await call().catch(() => {});
    return [totals.readUnits - readUnits, totals.writeUnits - writeUnits];
  };
  return { table: counted, unitsOf, totals };
}

describe('a write', () => {
  test.each([
    [100, 1],
    [KiB, 1],
    [KiB + 1, 2],
    [10 * KiB, 10],
  ])('of an item of %i bytes costs %i units', async (bytes, units) => {
    const { table, unitsOf } = countedTable();
    expect(await unitsOf(() => table.write({ kind: 'put', item: itemOf(bytes) }))).toEqual([0, units]);
  });

  test('by update costs by the size of the whole item, not by the size of the change', async () => {
    const { table, unitsOf } = countedTable();
    await table.write({ kind: 'put', item: itemOf(3 * KiB) });
    const update = { kind: 'update', key: { pk: 'p', sk: 's' }, update: { add: [['n', 1]] } } as const;
    expect(await unitsOf(() => table.write(update))).toEqual([0, 4]);
  });

  test('that is refused costs by the size of the item that refused it, or one unit if there is none', async () => {
    const { table, unitsOf } = countedTable();
    await table.write({ kind: 'put', item: itemOf(3 * KiB) });
    const item = { pk: 'p', sk: 's', n: 1 };
    expect(await unitsOf(() => table.write({ kind: 'put', item, if: absent('a') }))).toEqual([0, 3]);
    expect(await unitsOf(() => table.write({ kind: 'put', item: { ...item, sk: 'new' }, if: exists('a') }))).toEqual([
      0, 1,
    ]);
  });

  test('by delete costs one unit', async () => {
    const { table, unitsOf } = countedTable();
    expect(await unitsOf(() => table.write({ kind: 'delete', key: { pk: 'p', sk: 's' } }))).toEqual([0, 1]);
  });
});

describe('a transaction', () => {
  const check = { kind: 'check', key: { pk: 'p', sk: 's' }, if: exists('a') } as const;

  test('costs twice as much for each action', async () => {
    const { table, unitsOf } = countedTable();
    await table.write({ kind: 'put', item: itemOf(100) });
    const put = { kind: 'put', item: itemOf(2 * KiB, 'other') } as const;
    expect(await unitsOf(() => table.transact([check, put], 't'))).toEqual([0, 2 * (1 + 2)]);
  });

  test('that is refused costs as much as one that is applied', async () => {
    const { table, unitsOf } = countedTable();
    await table.write({ kind: 'put', item: itemOf(2 * KiB) });
    const actions = [{ ...check, if: equals('a', 'y') }, { kind: 'put', item: itemOf(100, 'other') } as const];
    expect(await unitsOf(() => table.transact(actions, 't'))).toEqual([0, 2 * (2 + 1)]);
  });
});

describe('a read', () => {
  const key = { pk: 'p', sk: 's' };

  test.each([
    [100, 1],
    [4 * KiB, 1],
    [4 * KiB + 1, 2],
  ])('of %i bytes costs %i units, half of it when eventual', async (bytes, units) => {
    const { table, unitsOf } = countedTable();
    await table.write({ kind: 'put', item: itemOf(bytes) });
    expect(await unitsOf(() => table.get(key, { strong: true }))).toEqual([units, 0]);
    expect(await unitsOf(() => table.get(key))).toEqual([units / 2, 0]);
  });

  test('that finds nothing costs the least', async () => {
    const { table, unitsOf } = countedTable();
    expect(await unitsOf(() => table.get(key, { strong: true }))).toEqual([1, 0]);
    expect(await unitsOf(() => table.query({ pk: 'p' }))).toEqual([0.5, 0]);
  });

  test('of many items is rounded up once, over their sum', async () => {
    const { table, unitsOf } = countedTable();
    for (const sk of ['a', 'b', 'c', 'd', 'e']) await table.write({ kind: 'put', item: itemOf(KiB, sk) });
    expect(await unitsOf(() => table.query({ pk: 'p', strong: true }))).toEqual([2, 0]);
  });
});

function failing(reason: StorageReason): Table {
  const fail = () => Promise.reject(new StorageError(reason, 'failed'));
  return { get: fail, getMany: fail, query: fail, write: fail, transact: fail };
}

describe('a request that fails', () => {
  test.each([
    ['no-answer', [0.5, 3]],
    ['unavailable', [0.5, 3]],
    ['conflict', [0.5, 3]],
    ['throttled', [0, 0]],
    ['denied', [0, 0]],
    ['invalid', [0, 0]],
  ] as const)('with %s costs %j read and write units', async (reason, units) => {
    const { table, unitsOf } = countedTable(failing(reason));
    const [read] = await unitsOf(() => table.get({ pk: 'p', sk: 's' }));
    const [, write] = await unitsOf(() => table.write({ kind: 'put', item: itemOf(3 * KiB) }));
    expect([read, write]).toEqual(units);
  });
});

async function useAll(totals: Counters): Promise<void> {
  const store = countingObjectStore(createMemoryObjectStore({ clock: systemClock }), totals);
  await store.putOnce('k', [new Uint8Array(100), new Uint8Array(50)]);
  await store.get('k', { from: 10, to: 30 });
  await store.get('missing');
  await store.list({});
  await store.delete(['k']);
  await store.delete([]);
}

describe('conflicts', () => {
  test('count conditions that fail', async () => {
    const { table, totals } = countedTable();
    const item = { pk: 'p', sk: 's', n: 1 };
    await table.write({ kind: 'put', item, if: absent('n') });
    expect(totals.conflicts).toBe(0);
    await table.write({ kind: 'put', item, if: absent('n') });
    await table.transact([{ kind: 'check', key: { pk: 'p', sk: 's' }, if: equals('n', 2) }], 't');
    expect(totals.conflicts).toBe(2);
  });

  test('count requests that met a transaction on the same item', async () => {
    const { table, totals } = countedTable(failing('conflict'));
    await table.write({ kind: 'put', item: itemOf(100) }).catch(() => {});
    expect(totals.conflicts).toBe(1);
  });
});

test('requests and bytes of objects are counted', async () => {
  const totals = newCounters();
  await useAll(totals);
  expect(totals).toEqual({ ...newCounters(), s3Put: 1, s3Get: 2, s3List: 1, s3Delete: 1, bytesUp: 150, bytesDown: 20 });
});

test('a receipt holds the requests of its own work, and none of the work that runs beside it', async () => {
  const totals = newCounters();
  const counted = countingTable(createMemoryTable(), totals);
  const gets = (count: number) => async () => {
    for (let turn = 0; turn < count; turn++) await counted.get({ pk: 'p', sk: 's' }, { strong: true });
    return count;
  };
  const receipts = await Promise.all([withReceipt(gets(3)), withReceipt(gets(5))]);
  expect(receipts.map(({ result, counters }) => [result, counters.readUnits])).toEqual([
    [3, 3],
    [5, 5],
  ]);
  expect(totals.readUnits).toBe(8);
});

test('an outer receipt holds the inner one too', async () => {
  const totals = newCounters();
  const { result: inner, counters: outer } = await withReceipt(async () => {
    await useAll(totals);
    return withReceipt(() => useAll(totals));
  });
  expect([inner.counters.s3Get, outer.s3Get, totals.s3Get]).toEqual([2, 4, 4]);
});

test('the price is the one of the public price list', () => {
  const million = 1_000_000;
  expect(usdOf({ ...newCounters(), s3Put: million })).toBeCloseTo(5);
  expect(usdOf({ ...newCounters(), s3Get: million })).toBeCloseTo(0.4);
  expect(usdOf({ ...newCounters(), writeUnits: million, readUnits: million })).toBeCloseTo(0.75);
  expect(usdOf({ ...newCounters(), s3Delete: million, bytesUp: million, bytesDown: million })).toBe(0);
});
