import { beforeEach, describe, expect, test } from 'vitest';
import { merge } from '../../lib/maintenance/merge.ts';
import { mostSwapped, swap } from '../../lib/maintenance/swap.ts';
import { deletedFence } from '../../lib/partition/head.ts';
import { type LogItem, logItem, logItemKey } from '../../lib/partition/log-item.ts';
import { logSegmentHeaderBytes } from '../../lib/record/log-segment.ts';
import { maintenanceKey } from '../../lib/storage/keys.ts';
import { retryingTable } from '../../lib/storage/retry.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Table } from '../../lib/storage/table.ts';
import { startMs } from '../log/world.ts';
import { fullPassOver, hourMs } from './pass.ts';
import { createPartition, fill, type Partition, storedOf } from './world.ts';

const hour = Math.floor(startMs / hourMs);
let partition: Partition;
let items: readonly LogItem[];

beforeEach(async () => {
  partition = await createPartition();
  for (let i = 0; i < 3; i++) {
    await fill(partition.engine, 40);
    await merge(fullPassOver(partition), partition.address);
  }
  items = await itemsNow();
  expect(items).toHaveLength(3);
});

const itemsNow = async () => (await storedOf(partition, partition.address)).items;
const swapAll = (by: LogItem, replaced = items, table: Table = partition.table) =>
  swap({ table, clock: partition.clock }, partition.address, replaced, [by]);

const joined = (name: number, segmentEpoch = hour): LogItem => ({
  ...items.at(-1)!,
  firstOffset: 0,
  rows: [{ offset: 0, position: logSegmentHeaderBytes, maxTimestampMs: 1 }],
  segmentEpoch,
  segmentRandom: new Uint8Array(8).fill(name),
});

test('the new item takes the place of all that it covers', async () => {
  expect(await swapAll(joined(1))).toBe(true);
  expect(await itemsNow()).toEqual([joined(1)]);
});

test('several new items may take their place', async () => {
  const middle = items[1]!;
  const by = [
    { ...joined(1), endOffset: middle.firstOffset + 1 },
    {
      ...joined(2),
      firstOffset: middle.firstOffset + 1,
      rows: [{ ...items[2]!.rows[0]!, offset: middle.firstOffset + 1 }],
    },
  ];
  expect(await swap(partition, partition.address, items, by)).toBe(true);
  expect(await itemsNow()).toEqual(by);
});

test('as many items as are allowed fit one transaction', async () => {
  const many = Array.from({ length: mostSwapped }, (_, i) => ({
    ...joined(7),
    firstOffset: 1_000 + i,
    segmentRandom: new Uint8Array(8).fill(i),
  }));
  for (const item of many) await partition.table.write({ kind: 'put', item: logItem(partition.address, item) });
  expect(await swapAll({ ...joined(9), firstOffset: 1_000 }, many)).toBe(true);
});

describe('nothing is replaced', () => {
  const unchanged = async () => expect(await itemsNow()).toEqual(items);

  test.each([0, 2])('if item %d was rewritten since it was read', async (at) => {
    const rewritten = { ...items[at]!, segmentRandom: new Uint8Array(8).fill(9) };
    await partition.table.write({ kind: 'put', item: logItem(partition.address, rewritten) });
    expect(await swapAll(joined(1))).toBe(false);
    expect(await itemsNow()).toEqual(items.with(at, rewritten));
  });

  test.each([0, 2])('if item %d was deleted since it was read', async (at) => {
    await partition.table.write({ kind: 'delete', key: logItemKey(partition.address, items[at]!.firstOffset) });
    expect(await swapAll(joined(1))).toBe(false);
    expect(await itemsNow()).toEqual(items.toSpliced(at, 1));
  });

  test.each([
    ['was raised above its epoch', hour + 1, hour],
    ['closes the partition', deletedFence, deletedFence],
  ])('if the fence %s', async (_name, fence, epoch) => {
    const key = maintenanceKey(partition.address.topicId, 0);
    await partition.table.write({ kind: 'update', key, update: { set: [['g', fence]] } });
    expect(await swapAll(joined(1, epoch))).toBe(false);
    await unchanged();
    await partition.table.write({ kind: 'update', key, update: { set: [['g', hour]] } });
    expect(await swapAll(joined(1))).toBe(true);
  });
});

describe('a lost reply', () => {
  /** The first transaction is applied, and its reply is lost. */
  function losing(table: Table, tokenOf: (token: string, tries: number) => string): Table {
    let tries = 0;
    return {
      ...table,
      async transact(actions, token) {
        const result = await table.transact(actions, tokenOf(token, tries));
        if (tries++ === 0) throw new StorageError('no-answer', 'injected');
        return result;
      },
    };
  }

  test('is repeated under the same token, and was applied once', async () => {
    const table = retryingTable(
      losing(partition.table, (token) => token),
      partition.clock,
    );
    expect(await swapAll(joined(1), items, table)).toBe(true);
    expect(await itemsNow()).toEqual([joined(1)]);
  });

  test('is recognised by the item in place, also if the token was forgotten', async () => {
    const table = retryingTable(
      losing(partition.table, (token, tries) => `${tries}${token.slice(2)}`),
      partition.clock,
    );
    expect(await swapAll(joined(1), items, table)).toBe(true);
    expect(await itemsNow()).toEqual([joined(1)]);
  });
});
