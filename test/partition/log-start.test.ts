import { expect, test } from 'vitest';
import { emptyHeadItem } from '../../lib/partition/head.ts';
import { raiseLogStart } from '../../lib/partition/log-start.ts';
import { headKey } from '../../lib/storage/keys.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';

const address = { topicId: 'A'.repeat(22), partition: 3 };

test('the log start only moves forward, up to the end of the log', async () => {
  const table = createMemoryTable();
  const { topicId, partition } = address;
  await table.write({ kind: 'put', item: { ...emptyHeadItem(headKey(topicId, partition), 0), n: 10 } });
  const raised = async (to: number) => {
    const { isOurs, head } = await raiseLogStart(table, address, to);
    return [isOurs, head?.logStart];
  };
  expect(await raised(4)).toEqual([true, 4]);
  expect(await raised(4)).toEqual([false, 4]);
  expect(await raised(3)).toEqual([false, 4]);
  expect(await raised(11)).toEqual([false, 4]);
  expect(await raised(10)).toEqual([true, 10]);
});

test('a head that was never made is not made', async () => {
  const table = createMemoryTable();
  expect(await raiseLogStart(table, address, 1)).toEqual({ isOurs: false, head: undefined });
  expect(await table.get(headKey(address.topicId, address.partition))).toBeUndefined();
});
