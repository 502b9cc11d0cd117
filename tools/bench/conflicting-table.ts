// A table in memory that takes the time of DynamoDB, and refuses what DynamoDB refuses while a transaction is at work: a write
// of an item that the transaction holds, and a transaction of which an item is held, or is just being written.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
import { setTimeout } from 'node:timers/promises';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Key, Table } from '../../lib/storage/table.ts';
import { keyOf } from '../../lib/storage/table-rules.ts';

/** From the client to the item, or back. */
const wayMs = 2;
/** A write is under way at its item for so long, and a transaction holds its items for so long. */
const writeMs = 3;
const transactionMs = 15;

export type ConflictingTable = Table & { readonly conflicts: { writes: number; transactions: number } };

export function conflictingTable(): ConflictingTable {
  const table = createMemoryTable();
  const conflicts = { writes: 0, transactions: 0 };
  const held = new Set<string>();
  const written = new Map<string, number>();
  return {
    conflicts,
    get: (key, options) => onTheWay(() => table.get(key, options)),
    getMany: (keys, options) => onTheWay(() => table.getMany(keys, options)),
    query: (query) => onTheWay(() => table.query(query)),
    write: (write) =>
      onTheWay(async () => {
        const name = nameOf(keyOf(write));
        if (held.has(name)) {
          conflicts.writes++;
          throw conflict();
        }
        written.set(name, (written.get(name) ?? 0) + 1);
        await setTimeout(writeMs);
        written.set(name, written.get(name)! - 1);
        return table.write(write);
      }),
    transact: (actions, token) =>
      onTheWay(async () => {
        const names = actions.map((action) => nameOf(keyOf(action)));
        if (names.some((name) => held.has(name) || (written.get(name) ?? 0) > 0)) {
          conflicts.transactions++;
          throw conflict();
        }
        for (const name of names) held.add(name);
        await setTimeout(transactionMs);
        for (const name of names) held.delete(name);
        return table.transact(actions, token);
      }),
  };
}

async function onTheWay<T>(act: () => Promise<T>): Promise<T> {
  await setTimeout(wayMs);
  try {
    return await act();
  } finally {
    await setTimeout(wayMs);
  }
}

const nameOf = ({ pk, sk }: Key): string => `${pk} ${sk}`;
const conflict = (): StorageError => new StorageError('conflict', 'a transaction is at work');
