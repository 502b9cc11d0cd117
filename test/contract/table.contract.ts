// The contract of every Table. Each test writes partitions of its own, so that one table serves the whole suite.
// DynamoDB Local creates an item for an update that only removes, and DynamoDB does not. So that case is tested with the
// rules (test/storage/table-rules.test.ts) and not here.
import { randomUUID } from 'node:crypto';
import { beforeAll, describe } from 'vitest';
import { readMany } from '../../lib/storage/read-many.ts';
import type { Item, Key, Table, Value } from '../../lib/storage/table.ts';
import { conditions } from './table/conditions.ts';
import { items } from './table/items.ts';
import { many } from './table/many.ts';
import { queries } from './table/queries.ts';
import { refusals } from './table/refusals.ts';
import { put, type Subject } from './table/subject.ts';
import { transactions } from './table/transactions.ts';
import { updates } from './table/updates.ts';
import { writes } from './table/writes.ts';

export function tableContract(name: string, make: () => Table | Promise<Table>): void {
  describe(`${name} keeps the Table contract`, () => {
    let table: Table;
    beforeAll(async () => {
      table = await make();
    });
    const subject = subjectOf(() => table);
    for (const part of [items, many, conditions, writes, updates, transactions, queries, refusals]) part(subject);
  });
}

function subjectOf(table: () => Table): Subject {
  const run = randomUUID().slice(0, 8);
  let keys = 0;
  const ownKey = (sk = 'item'): Key => ({ pk: `${run}-${keys++}`, sk });
  return {
    write: (write) => table().write(write),
    transact: (actions, token) => table().transact(actions, token),
    query: (query) => table().query(query),
    getMany: (keys, options) => table().getMany(keys, options),
    readMany: (keys, onItem) => readMany(table(), keys, { strong: true }, onItem),
    get: (key) => table().get(key, { strong: true }),
    weakGet: (key) => table().get(key),
    ownKey,
    async seed(attributes: Record<string, Value>): Promise<Item> {
      const item = { ...ownKey(), ...attributes };
      await table().write(put(item));
      return item;
    },
  };
}
